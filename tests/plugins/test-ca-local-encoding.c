/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "crl.h"
#include "der.h"
#include "issue.h"
#include "ledger.h"
#include "lint.h"
#include "pattern.h"
#include "serial.h"

#include "openssl-auto.h"

#define NOW G_GINT64_CONSTANT (1790000000)

static void
test_der_lengths (void)
{
  static const gsize sizes[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, 70000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree guint8 *data = g_malloc0 (sizes[i] + 1);
    g_autoptr (GByteArray) out = g_byte_array_new ();
    gsize mark = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
    const guint8 *at;
    ClmCaDer outer, inner;

    clm_ca_der_put (out, CLM_CA_DER_OCTET_STRING, data, sizes[i]);
    clm_ca_der_close (out, mark);
    at = out->data;
    g_assert_true (clm_ca_der_expect (&at, out->data + out->len, CLM_CA_DER_SEQUENCE, &outer));
    g_assert_true (at == out->data + out->len);
    at = outer.value;
    g_assert_true (clm_ca_der_expect (&at, outer.value + outer.size, CLM_CA_DER_OCTET_STRING, &inner));
    g_assert_cmpuint (inner.size, ==, sizes[i]);
    /* One byte short of it is malformed. */
    at = out->data;
    g_assert_false (clm_ca_der_read (&at, out->data + out->len - 1, &outer));
  }
}

static void
test_der_strict (void)
{
  static const guint8 wrong[][6] = { { 0x30, 0x80, 0, 0, 0, 0 }, { 0x30, 0x81, 0x01, 0, 0, 0 }, { 0x30, 0x82, 0x00, 0x01, 0, 0 }, { 0x1f, 0x81, 0x01, 0, 0, 0 }, { 0x30, 0x85, 0, 0, 0, 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    const guint8 *at = wrong[i];
    ClmCaDer element;

    g_assert_false (clm_ca_der_read (&at, wrong[i] + sizeof wrong[i], &element));
  }
}

static void
test_der_time (void)
{
  static const gint64 times[] = { 0, 951782400, 2524607999, 2524608000, 253402300799 };
  static const guint8 tags[] = { CLM_CA_DER_UTC_TIME, CLM_CA_DER_UTC_TIME, CLM_CA_DER_UTC_TIME, CLM_CA_DER_GENERALIZED, CLM_CA_DER_GENERALIZED };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autoptr (GByteArray) out = g_byte_array_new ();
    const guint8 *at;
    ClmCaDer element;
    gint64 back;

    clm_ca_der_put_time (out, times[i]);
    at = out->data;
    g_assert_true (clm_ca_der_read (&at, out->data + out->len, &element));
    g_assert_cmpuint (element.tag, ==, tags[i]);
    g_assert_true (clm_ca_der_read_time (&element, &back));
    g_assert_cmpint (back, ==, times[i]);
  }
  /* Every day for a while, and strides through all that a certificate can say. */
  for (gint64 time = 0; time <= G_GINT64_CONSTANT (253402300799); time += time < G_GINT64_CONSTANT (8000000000) ? 86399 : 77777777) {
    g_autoptr (GDateTime) judge = g_date_time_new_from_unix_utc (time);
    g_autofree char *text = g_date_time_format (judge, g_date_time_get_year (judge) < 2050 ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ");
    guint8 encoded[CLM_CA_DER_TIME_MAX];
    gsize size = clm_ca_der_encode_time (encoded, time);

    g_assert_cmpmem (encoded + 2, size - 2, text, strlen (text));
    g_assert_cmpuint (encoded[1], ==, size - 2);
  }
}

static void
test_der_numbers (void)
{
  static const guint64 numbers[] = { 0, 1, 127, 128, 255, 256, 32767, 32768, G_MAXINT64 };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    g_autoptr (GByteArray) out = g_byte_array_new ();
    g_autoptr (ASN1_INTEGER) judge = NULL;
    const guint8 *at;
    ClmCaDer element;
    guint64 back = 0;

    clm_ca_der_put_unsigned (out, CLM_CA_DER_INTEGER, numbers[i]);
    at = out->data;
    judge = d2i_ASN1_INTEGER (NULL, &at, out->len);
    g_assert_true (judge != NULL && ASN1_INTEGER_get_uint64 (&back, judge) == 1);
    g_assert_cmpuint (back, ==, numbers[i]);
    at = out->data;
    g_assert_true (clm_ca_der_read (&at, out->data + out->len, &element) && clm_ca_der_read_unsigned (&element, &back));
    g_assert_cmpuint (back, ==, numbers[i]);
  }
}

static void
test_serial (void)
{
  guint8 random[CLM_CA_SERIAL_SIZE];

  for (guint fill = 0; fill < 256; fill++) {
    g_autoptr (GBytes) serial = NULL;
    gsize size;
    const guint8 *octets;

    memset (random, (int) fill, sizeof random);
    serial = clm_ca_serial_from_random (random);
    octets = g_bytes_get_data (serial, &size);
    g_assert_true (clm_ca_serial_is_valid (octets, size));
    g_assert_cmpuint (size, ==, CLM_CA_SERIAL_SIZE);
    g_assert_cmpint (memcmp (octets + 1, random + 1, 16), ==, 0);
  }
  g_assert_false (clm_ca_serial_is_valid ((const guint8 *) "\x80", 1));
  g_assert_false (clm_ca_serial_is_valid ((const guint8 *) "\x00", 1));
  g_assert_false (clm_ca_serial_is_valid ((const guint8 *) "\x00\x01", 2));
  g_assert_false (clm_ca_serial_is_valid ((const guint8 *) "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 21));
}

static void
test_pattern (void)
{
  static const struct { const char *pattern; ClmCaNameKind kind; const char *name; gboolean matches; } rows[] = {
    { "*.plant.example", CLM_CA_NAME_DNS, "a.plant.example", TRUE },
    { "*.plant.example", CLM_CA_NAME_DNS, "a.b.PLANT.example", TRUE },
    { "*.plant.example", CLM_CA_NAME_DNS, "plant.example", FALSE },
    { "*.plant.example", CLM_CA_NAME_DNS, "xplant.example", FALSE },
    { "*.plant.example", CLM_CA_NAME_DNS, "a.plant.example.evil.example", FALSE },
    { "*.plant.example", CLM_CA_NAME_URI, "a.plant.example", FALSE },
    { "gw-*.plant.example", CLM_CA_NAME_DNS, "gw-17.plant.example", TRUE },
    { "gw-*.plant.example", CLM_CA_NAME_DNS, "web.plant.example", FALSE },
    { "dns:*", CLM_CA_NAME_DNS, "anything", TRUE },
    { "10.0.0.0/8", CLM_CA_NAME_IP, "10.1.2.3", TRUE },
    { "10.0.0.0/8", CLM_CA_NAME_IP, "11.1.2.3", FALSE },
    { "ip:2001:db8::/32", CLM_CA_NAME_IP, "2001:db8::1", TRUE },
    { "ip:2001:db8::/32", CLM_CA_NAME_IP, "10.1.2.3", FALSE },
    { "10.1.2.3", CLM_CA_NAME_DNS, "10.1.2.3", FALSE },
    { "uri:urn:plant:*", CLM_CA_NAME_URI, "urn:plant:gw:17", TRUE },
    { "uri:urn:plant:*", CLM_CA_NAME_URI, "urn:other:gw", FALSE },
    { "email:*@plant.example", CLM_CA_NAME_EMAIL, "joe@plant.example", TRUE },
    { "email:*@plant.example", CLM_CA_NAME_EMAIL, "joe@evil@plant.example", FALSE },
    { "subject:CN=*,O=Plant", CLM_CA_NAME_SUBJECT, "CN=gw\nO=Plant", TRUE },
    { "subject:CN=*,O=Plant", CLM_CA_NAME_SUBJECT, "CN=gw\nOU=Evil\nO=Plant", FALSE },
    { "subject:CN=*,O=Plant", CLM_CA_NAME_SUBJECT, "CN=gw,OU=Evil\nO=Plant", TRUE },
    { "subject:CN=*", CLM_CA_NAME_SUBJECT, "CN=gw\nO=Plant", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_test_message ("%s %s", rows[i].pattern, rows[i].name);
    g_assert_cmpint (clm_ca_pattern_matches (rows[i].pattern, rows[i].kind, rows[i].name), ==, rows[i].matches);
    g_assert_true (clm_ca_pattern_check (rows[i].pattern, NULL));
  }
}

/* A CA of the test's own, to sign with and to lint against. */
typedef struct {
  EVP_PKEY    *key;
  GBytes      *name;
  GBytes      *spki;
  GBytes      *serial;
  ClmCaIssuer *issuer;
} Authority;

static GBytes *
sign_here (GBytes *tbs, const ClmCaAlgorithm *algorithm, EVP_PKEY *key)
{
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  guint8 signature[128], unused = 0;
  gsize size = sizeof signature, outer, bits;
  GByteArray *out = g_byte_array_new ();

  g_assert_cmpint (EVP_DigestSignInit (context, NULL, EVP_sha256 (), NULL, key), ==, 1);
  g_assert_cmpint (EVP_DigestSign (context, signature, &size, g_bytes_get_data (tbs, NULL), g_bytes_get_size (tbs)), ==, 1);
  outer = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put_bytes (out, tbs);
  clm_ca_der_put_raw (out, algorithm->identifier, algorithm->identifier_size);
  bits = clm_ca_der_open (out, CLM_CA_DER_BIT_STRING);
  clm_ca_der_put_raw (out, &unused, 1);
  clm_ca_der_put_raw (out, signature, size);
  clm_ca_der_close (out, bits);
  clm_ca_der_close (out, outer);
  return g_byte_array_free_to_bytes (out);
}

static ClmCaTemplate
get_template (Authority *authority)
{
  return (ClmCaTemplate) {
    .serial = authority->serial, .algorithm = clm_ca_algorithm_for_key_type ("ec:P-256", NULL), .issuer_name = authority->name,
    .authority_key_id = authority->issuer != NULL ? authority->issuer->key_id : NULL, .not_before = NOW, .not_after = NOW + 1000,
    .subject_name = authority->name, .spki = authority->spki, .key_usage = CLM_CA_USE_DIGITAL_SIGNATURE, .path_length = -1,
  };
}

static Authority *
authority_new (int path_length)
{
  Authority *self = g_new0 (Authority, 1);
  g_autoptr (X509_NAME) name = clm_x509_name_parse ("CN=Test", NULL);
  g_autoptr (ClmOpenSSLBytes) name_der = NULL, spki = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) tbs = NULL, der = NULL;
  ClmCaTemplate template;

  self->key = EVP_EC_gen ("P-256");
  self->name = g_bytes_new (NULL, 0);
  g_bytes_unref (self->name);
  {
    int size = i2d_X509_NAME (name, &name_der);

    self->name = g_bytes_new (name_der, (gsize) size);
    size = i2d_PUBKEY (self->key, &spki);
    self->spki = g_bytes_new (spki, (gsize) size);
  }
  self->serial = clm_ca_serial_new (NULL);
  template = get_template (self);
  template.is_ca = TRUE;
  template.path_length = path_length;
  template.not_before = NOW - 100;
  template.not_after = NOW + 100000;
  template.key_usage = CLM_CA_USE_CERT_SIGN | CLM_CA_USE_CRL_SIGN;
  tbs = clm_ca_template_encode (&template, &error);
  g_assert_no_error (error);
  g_assert_true (clm_ca_lint (tbs, NULL, &error));
  der = sign_here (tbs, template.algorithm, self->key);
  self->issuer = clm_ca_issuer_new (der, &error);
  g_assert_no_error (error);
  return self;
}

static void
authority_free (Authority *self)
{
  EVP_PKEY_free (self->key);
  g_bytes_unref (self->name);
  g_bytes_unref (self->spki);
  g_bytes_unref (self->serial);
  clm_ca_issuer_unref (self->issuer);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Authority, authority_free)

static void
expect_lint (Authority *authority, const ClmCaTemplate *template, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) tbs = clm_ca_template_encode (template, &error);
  gboolean fine;

  g_assert_no_error (error);
  fine = clm_ca_lint (tbs, authority->issuer, &error);
  if (part == NULL) {
    g_assert_no_error (error);
    g_assert_true (fine);
    return;
  }
  g_assert_error (error, CLM_ERROR, CLM_ERROR_REJECTED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
}

static void
test_lint (void)
{
  g_autoptr (Authority) authority = authority_new (0), other = authority_new (-1);
  g_autoptr (GBytes) small = g_bytes_new ("\x01", 1), negative = g_bytes_new ("\xff\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 17);
  g_autoptr (GBytes) long_one = g_bytes_new ("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 21), empty = g_bytes_new ("\x30\x00", 2);
  g_autoptr (GBytes) other_id = g_bytes_new ("12345678901234567890", 20);
  char *none[] = { NULL }, *dns[] = { (char *) "gw.plant.example", NULL };
  char *const *no_names[] = { none, none, none, none }, *const *names[] = { dns, none, none, none };
  ClmCaTemplate template = get_template (authority);

  expect_lint (authority, &template, NULL);
  template.names = names;
  expect_lint (authority, &template, NULL);
  template.subject_name = empty;
  expect_lint (authority, &template, NULL);
  template.names = no_names;
  expect_lint (authority, &template, "subject");
  template = get_template (authority);
  template.serial = small;
  expect_lint (authority, &template, "serial");
  template.serial = negative;
  expect_lint (authority, &template, "serial");
  template.serial = long_one;
  expect_lint (authority, &template, "serial");
  template = get_template (authority);
  template.not_after = NOW - 1;
  expect_lint (authority, &template, "validity");
  template.not_after = NOW + 200000;
  expect_lint (authority, &template, "validity");
  template = get_template (authority);
  template.issuer_name = empty;
  expect_lint (authority, &template, "issuer");
  template = get_template (authority);
  template.authority_key_id = other_id;
  expect_lint (authority, &template, "authority key identifier");
  template = get_template (authority);
  template.algorithm = clm_ca_algorithm_for_key_type ("rsa:2048", NULL);
  expect_lint (authority, &template, "algorithm");
  template = get_template (authority);
  template.is_ca = TRUE;
  expect_lint (authority, &template, "key usage");
  template.key_usage = CLM_CA_USE_CERT_SIGN | CLM_CA_USE_CRL_SIGN;
  template.path_length = 0;
  expect_lint (authority, &template, "path length");
  expect_lint (other, &template, "authority key identifier");
  template = get_template (authority);
  template.key_usage = CLM_CA_USE_CERT_SIGN;
  expect_lint (authority, &template, "key usage");
  template.key_usage = CLM_CA_USE_CRL_SIGN;
  expect_lint (authority, &template, "key usage");
}

/* Whatever byte is changed or missing: an answer, never a crash; and what lint accepts OpenSSL reads. */
static void
test_lint_damaged (void)
{
  g_autoptr (Authority) authority = authority_new (-1);
  ClmCaTemplate template = get_template (authority);
  g_autoptr (GBytes) tbs = clm_ca_template_encode (&template, NULL);
  gsize size;
  const guint8 *data = g_bytes_get_data (tbs, &size);

  for (gsize i = 0; i < size; i++) {
    g_autoptr (GBytes) cut = g_bytes_new (data, i);

    g_assert_false (clm_ca_lint (cut, authority->issuer, NULL));
    for (guint bit = 0; bit < 8; bit++) {
      g_autofree guint8 *copy = g_memdup2 (data, size);
      g_autoptr (GBytes) changed = NULL;

      copy[i] ^= (guint8) (1 << bit);
      changed = g_bytes_new_take (g_steal_pointer (&copy), size);
      if (clm_ca_lint (changed, authority->issuer, NULL)) {
        g_autoptr (GBytes) der = sign_here (changed, template.algorithm, authority->key);
        const guint8 *at = g_bytes_get_data (der, NULL);
        g_autoptr (X509) certificate = d2i_X509 (NULL, &at, (long) g_bytes_get_size (der));

        g_assert_true (certificate != NULL);
      }
    }
  }
}

static void
count_entry (const guint8 *serial, gsize size, gint64 revoked_at, int reason, gpointer user_data)
{
  guint *count = user_data;

  g_assert_cmpint (revoked_at, ==, NOW - *count);
  g_assert_cmpint (reason, ==, (int) (*count % 6));
  (*count)++;
}

static void
test_crl (void)
{
  static const guint sizes[] = { 0, 1, 10, 1000, 100000 };
  g_autoptr (Authority) authority = authority_new (-1);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (ClmCaCrlWriter) writer = clm_ca_crl_writer_new (authority->issuer, 300 + i, NOW, NOW + 1000);
    g_autoptr (GBytes) tbs = NULL, der = NULL;
    g_autoptr (X509_CRL) crl = NULL;
    g_autoptr (GError) error = NULL;
    guint8 serial[CLM_CA_SERIAL_SIZE] = { 0x41 };
    const guint8 *at;
    ClmCaCrlInfo info;
    guint count = 0;
    gint64 begun = g_get_monotonic_time ();

    for (guint j = 0; j < sizes[i]; j++) {
      memcpy (serial + 8, &j, sizeof j);
      clm_ca_crl_writer_add (writer, serial, sizeof serial, NOW - j, (int) (j % 6));
    }
    tbs = clm_ca_crl_writer_end (writer);
    der = sign_here (tbs, authority->issuer->algorithm, authority->key);
    {
      g_autoptr (GBytes) signature = g_bytes_new_static ("0123456789", 10), sealed = clm_ca_crl_writer_seal (writer, signature);
      gsize sealed_size, tbs_size = g_bytes_get_size (tbs);
      const guint8 *whole = g_bytes_get_data (sealed, &sealed_size), *end = whole + sealed_size;
      ClmCaDer outer, part;

      g_assert_true (clm_ca_der_expect (&whole, end, CLM_CA_DER_SEQUENCE, &outer) && whole == end);
      g_assert_cmpmem (outer.value, tbs_size, g_bytes_get_data (tbs, NULL), tbs_size);
      whole = outer.value + tbs_size;
      g_assert_true (clm_ca_der_expect (&whole, end, CLM_CA_DER_SEQUENCE, &part) && clm_ca_algorithm_find (part.full, part.full_size) == authority->issuer->algorithm);
      g_assert_true (clm_ca_der_expect (&whole, end, CLM_CA_DER_BIT_STRING, &part) && whole == end);
      g_assert_cmpmem (part.value, part.size, "\0" "0123456789", 11);
    }
    g_test_message ("%u entries: %" G_GINT64_FORMAT " µs, %" G_GSIZE_FORMAT " bytes", sizes[i], g_get_monotonic_time () - begun, g_bytes_get_size (der));
    g_assert_true (clm_ca_crl_read (der, authority->issuer, &info, count_entry, &count, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (count, ==, sizes[i]);
    g_assert_cmpuint (info.number, ==, 300 + i);
    g_assert_cmpint (info.this_update, ==, NOW);
    g_assert_cmpint (info.next_update, ==, NOW + 1000);
    at = g_bytes_get_data (der, NULL);
    crl = d2i_X509_CRL (NULL, &at, (long) g_bytes_get_size (der));
    g_assert_true (crl != NULL && X509_CRL_verify (crl, authority->key) == 1);
    g_assert_cmpint (MAX (sk_X509_REVOKED_num (X509_CRL_get_REVOKED (crl)), 0), ==, (int) sizes[i]);
  }
}

static void
test_crl_foreign (void)
{
  g_autoptr (Authority) ours = authority_new (-1), theirs = authority_new (-1);
  g_autoptr (ClmCaCrlWriter) writer = clm_ca_crl_writer_new (ours->issuer, 1, NOW, NOW + 1000);
  g_autoptr (GBytes) tbs = clm_ca_crl_writer_end (writer), der = sign_here (tbs, ours->issuer->algorithm, theirs->key), cut = NULL;
  ClmCaCrlInfo info;

  g_assert_false (clm_ca_crl_read (der, ours->issuer, &info, NULL, NULL, NULL));
  cut = g_bytes_new_from_bytes (der, 0, g_bytes_get_size (der) / 2);
  g_assert_false (clm_ca_crl_read (cut, ours->issuer, &info, NULL, NULL, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/der/lengths", test_der_lengths);
  g_test_add_func ("/der/strict", test_der_strict);
  g_test_add_func ("/der/time-forms", test_der_time);
  g_test_add_func ("/der/numbers", test_der_numbers);
  g_test_add_func ("/serial/positive-with-128-random-bits", test_serial);
  g_test_add_func ("/pattern/matches", test_pattern);
  g_test_add_func ("/lint/rules", test_lint);
  g_test_add_func ("/lint/damaged-input", test_lint_damaged);
  g_test_add_func ("/crl/openssl-reads-it", test_crl);
  g_test_add_func ("/crl/foreign-is-refused", test_crl_foreign);
  return g_test_run ();
}
