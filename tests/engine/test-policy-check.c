/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-check.h"

#include "chain.h"
#include "openssl-error.h"

#include <openssl/objects.h>
#include <string.h>

#define NOW G_GINT64_CONSTANT (1800000000)
#define DAY 86400
#define SUBJECT "CN=gw,O=Example"

static EVP_PKEY *root_key, *ca_key, *leaf_key, *other_key, *weak_key;
static const char *const dns[] = { "gw.example.com", "*.gw.example.com", NULL };
static const char *const ip[] = { "192.0.2.1", "2001:db8::1", NULL };
static const char *const usages[] = { "server", "client", NULL };

/* Making certificates */

typedef struct {
  const char *subject, *issuer, *serial;
  gint64      not_before, not_after;
  const char *san;        /* as OpenSSL writes it; NULL: none */
  const char *eku, *constraints, *key_usage;
  EVP_PKEY   *key, *signer;
  const EVP_MD *digest;
  int         version;
} Draft;

static void
add_extension (X509 *certificate, int nid, const char *value)
{
  g_autoptr (X509_EXTENSION) extension = value ? X509V3_EXT_conf_nid (NULL, NULL, nid, value) : NULL;

  if (!value)
    return;
  g_assert_nonnull (extension);
  X509_add_ext (certificate, extension, -1);
}

static void
set_name (X509 *certificate, const char *text, int (*set) (X509 *certificate, const X509_NAME *name))
{
  g_autoptr (GError) error = NULL;
  g_autoptr (X509_NAME) name = clm_x509_name_parse (text, &error);

  g_assert_no_error (error);
  set (certificate, name);
}

static X509 *
draft (const Draft *d)
{
  X509 *certificate = X509_new ();
  g_autoptr (ASN1_STRING) not_before = clm_x509_time_from_epoch (d->not_before), not_after = clm_x509_time_from_epoch (d->not_after);
  BIGNUM *serial = NULL;

  X509_set_version (certificate, d->version);
  g_assert_cmpint (BN_hex2bn (&serial, d->serial), >, 0);
  g_assert_nonnull (BN_to_ASN1_INTEGER (serial, X509_get_serialNumber (certificate)));
  BN_free (serial);
  X509_set1_notBefore (certificate, not_before);
  X509_set1_notAfter (certificate, not_after);
  set_name (certificate, d->subject, X509_set_subject_name);
  set_name (certificate, d->issuer, X509_set_issuer_name);
  X509_set_pubkey (certificate, d->key);
  add_extension (certificate, NID_basic_constraints, d->constraints);
  add_extension (certificate, NID_key_usage, d->key_usage);
  add_extension (certificate, NID_ext_key_usage, d->eku);
  add_extension (certificate, NID_subject_alt_name, d->san);
  return certificate;
}

static GBytes *
finish (X509 *certificate, const Draft *d)
{
  g_assert_cmpint (X509_sign (certificate, d->signer, d->digest), >, 0);
  return clm_x509_to_der (certificate);
}

static GBytes *
make (const Draft *d)
{
  g_autoptr (X509) certificate = draft (d);

  return finish (certificate, d);
}

static Draft
good_leaf (void)
{
  return (Draft) {
    .subject = SUBJECT, .issuer = "CN=CA", .serial = "1234", .not_before = NOW - 60, .not_after = NOW + 90 * DAY,
    .san = "DNS:*.gw.example.com,DNS:GW.example.com,IP:2001:db8:0::1,IP:192.0.2.1", .eku = "serverAuth,clientAuth",
    .constraints = "critical,CA:FALSE", .key_usage = "critical,digitalSignature", .key = leaf_key, .signer = ca_key,
    .digest = EVP_sha256 (), .version = X509_VERSION_3,
  };
}

static Draft
good_ca (void)
{
  return (Draft) {
    .subject = "CN=CA", .issuer = "CN=Root", .serial = "02", .not_before = NOW - DAY, .not_after = NOW + 1000 * DAY,
    .constraints = "critical,CA:TRUE", .key_usage = "critical,keyCertSign,cRLSign", .key = ca_key, .signer = root_key,
    .digest = EVP_sha256 (), .version = X509_VERSION_3,
  };
}

static Draft
good_root (void)
{
  Draft d = good_ca ();

  d.subject = "CN=Root";
  d.serial = "01";
  d.key = root_key;
  return d;
}

static GPtrArray *
list (GBytes *first, ...)
{
  GPtrArray *array = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  va_list args;

  va_start (args, first);
  for (GBytes *der = first; der; der = va_arg (args, GBytes *))
    g_ptr_array_add (array, der);
  va_end (args);
  return array;
}

static GPtrArray *
chain_of (const Draft *leaf)
{
  Draft ca = good_ca ();

  return list (make (leaf), make (&ca), NULL);
}

/* What is expected */

typedef struct {
  ClmPolicyExpectation expect;
  GPtrArray           *anchors;
  GBytes              *spki, *previous;
} Asked;

static void
asked_clear (Asked *asked)
{
  g_clear_pointer (&asked->anchors, g_ptr_array_unref);
  g_clear_pointer (&asked->spki, g_bytes_unref);
  g_clear_pointer (&asked->previous, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Asked, asked_clear)

static void
ask (Asked *asked, gboolean with_anchors)
{
  Draft root = good_root ();

  *asked = (Asked) { .spki = clm_x509_key_to_spki (leaf_key, NULL) };
  if (with_anchors)
    asked->anchors = list (make (&root), NULL);
  asked->expect = (ClmPolicyExpectation) {
    .spki = asked->spki, .subject = SUBJECT, .names.values = { dns, ip }, .usages = usages, .path_length = -1, .anchors = asked->anchors,
  };
}

static void
expect_reason (const Asked *asked, GPtrArray *chain, const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) result = clm_policy_check (&asked->expect, chain, NOW, &error);

  if (!reason) {
    g_assert_no_error (error);
    g_assert_nonnull (result);
    return;
  }
  g_assert_null (result);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_test_message ("%s", error->message);
  g_assert_cmpstr (clm_policy_get_reason (error), ==, reason);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
check_chain (GPtrArray *chain, gboolean with_anchors, const char *reason)
{
  g_auto (Asked) asked = { 0 };

  ask (&asked, with_anchors);
  expect_reason (&asked, chain, reason);
}

static void
check_leaf (const Draft *leaf, const char *reason)
{
  g_autoptr (GPtrArray) chain = chain_of (leaf);

  check_chain (chain, TRUE, reason);
  check_chain (chain, FALSE, reason);
}

/* Flaws that the draft alone can have: one row each */

static const struct {
  const char *name, *reason;
  gsize       field;
  const char *text;
} text_rows[] = {
  { "good", NULL, G_STRUCT_OFFSET (Draft, serial), "7F00" },
  { "serial-longest", NULL, G_STRUCT_OFFSET (Draft, serial), "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
  { "serial-21-octets", "serial", G_STRUCT_OFFSET (Draft, serial), "80FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
  { "serial-25-octets", "serial", G_STRUCT_OFFSET (Draft, serial), "01020304050607080910111213141516171819202122232425" },
  { "serial-zero", "serial", G_STRUCT_OFFSET (Draft, serial), "0" },
  { "serial-negative", "serial", G_STRUCT_OFFSET (Draft, serial), "-5" },
  { "subject-other", "subject", G_STRUCT_OFFSET (Draft, subject), "CN=gw2,O=Example" },
  { "subject-more", "subject", G_STRUCT_OFFSET (Draft, subject), "CN=gw,OU=x,O=Example" },
  { "subject-empty", "subject", G_STRUCT_OFFSET (Draft, subject), "" },
  { "names-absent", "names", G_STRUCT_OFFSET (Draft, san), NULL },
  { "names-one-more", "names", G_STRUCT_OFFSET (Draft, san), "DNS:gw.example.com,DNS:*.gw.example.com,DNS:evil.example,IP:192.0.2.1,IP:2001:db8::1" },
  { "names-one-less", "names", G_STRUCT_OFFSET (Draft, san), "DNS:gw.example.com,IP:192.0.2.1,IP:2001:db8::1" },
  { "names-other-kind", "names", G_STRUCT_OFFSET (Draft, san), "DNS:gw.example.com,DNS:*.gw.example.com,IP:192.0.2.1,IP:2001:db8::1,URI:urn:x" },
  { "names-unknown-kind", "names", G_STRUCT_OFFSET (Draft, san), "DNS:gw.example.com,DNS:*.gw.example.com,IP:192.0.2.1,IP:2001:db8::1,RID:1.2.3" },
  { "names-wildcard-inside", "bad-name", G_STRUCT_OFFSET (Draft, san), "DNS:gw.*.com,DNS:*.gw.example.com,IP:192.0.2.1,IP:2001:db8::1" },
  { "names-wildcard-top", "bad-name", G_STRUCT_OFFSET (Draft, san), "DNS:*.com,DNS:*.gw.example.com,IP:192.0.2.1,IP:2001:db8::1" },
  { "names-bad-punycode", "bad-name", G_STRUCT_OFFSET (Draft, san), "DNS:xn--99999999999999.example.com,DNS:*.gw.example.com" },
  { "names-address-as-dns", "bad-name", G_STRUCT_OFFSET (Draft, san), "DNS:192.0.2.1,DNS:*.gw.example.com" },
  { "usages-absent", "usages", G_STRUCT_OFFSET (Draft, eku), NULL },
  { "usages-one-less", "usages", G_STRUCT_OFFSET (Draft, eku), "serverAuth" },
  { "usages-one-more", "usages", G_STRUCT_OFFSET (Draft, eku), "serverAuth,clientAuth,codeSigning" },
  { "usages-any", "usages", G_STRUCT_OFFSET (Draft, eku), "serverAuth,clientAuth,anyExtendedKeyUsage" },
  { "key-usage-absent", NULL, G_STRUCT_OFFSET (Draft, key_usage), NULL },
  { "key-usage-cert-sign", "key-usage", G_STRUCT_OFFSET (Draft, key_usage), "digitalSignature,keyCertSign" },
  { "key-usage-no-signing", "key-usage", G_STRUCT_OFFSET (Draft, key_usage), "keyEncipherment" },
  { "constraints-absent", NULL, G_STRUCT_OFFSET (Draft, constraints), NULL },
  { "constraints-ca", "is-ca", G_STRUCT_OFFSET (Draft, constraints), "critical,CA:TRUE" },
};

static void
test_text (gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  Draft leaf = good_leaf ();

  G_STRUCT_MEMBER (const char *, &leaf, text_rows[i].field) = text_rows[i].text;
  check_leaf (&leaf, text_rows[i].reason);
}

static const struct {
  const char *name, *reason;
  gint64      not_before, not_after;
} time_rows[] = {
  { "expired", "expired", -10 * DAY, -1 },
  { "expires-now", "expired", -10 * DAY, 0 },
  { "not-yet", "not-yet-valid", 301, 10 * DAY },
  { "within-skew", NULL, 299, 10 * DAY },
  { "five-seconds", "validity-too-short", 0, 5 },
  { "almost-over", "validity-too-short", -DAY, 9 },
  { "ninety-seconds", NULL, 0, 90 },
  { "backwards", "validity-too-short", 200, 100 },
  { "hundred-years", "validity-too-long", 0, G_GINT64_CONSTANT (100) * 365 * DAY },
  { "year-9999", "validity-too-long", 0, G_GINT64_CONSTANT (253402300799) - NOW },
};

static void
test_time (gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  Draft leaf = good_leaf ();

  leaf.not_before = NOW + time_rows[i].not_before;
  leaf.not_after = NOW + time_rows[i].not_after;
  check_leaf (&leaf, time_rows[i].reason);
}

/* No date ends where OpenSSL's or a 32-bit clock does. */
static void
test_no_well_defined_end (void)
{
  Draft leaf = good_leaf ();
  g_autoptr (GPtrArray) chain = NULL;
  g_auto (Asked) asked = { 0 };

  leaf.not_after = G_GINT64_CONSTANT (253402300799);
  chain = chain_of (&leaf);
  ask (&asked, TRUE);
  asked.expect.max_validity_s = G_MAXINT64 / 2;
  expect_reason (&asked, chain, NULL);
}

/* Keys and algorithms */

static EVP_PKEY *
make_rsa (guint bits, gulong exponent)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name (NULL, "RSA", NULL);
  g_autoptr (BIGNUM) e = BN_new ();
  EVP_PKEY *key = NULL;

  BN_set_word (e, exponent);
  EVP_PKEY_keygen_init (context);
  EVP_PKEY_CTX_set_rsa_keygen_bits (context, (int) bits);
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp (context, e);
  g_assert_cmpint (EVP_PKEY_generate (context, &key), ==, 1);
  return key;
}

static EVP_PKEY *
make_ec (const char *curve, const char *encoding)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name (NULL, "EC", NULL);
  EVP_PKEY *key = NULL;

  EVP_PKEY_keygen_init (context);
  EVP_PKEY_CTX_set_group_name (context, curve);
  if (encoding)
    EVP_PKEY_CTX_set_ec_param_enc (context, g_str_equal (encoding, "explicit") ? OPENSSL_EC_EXPLICIT_CURVE : OPENSSL_EC_NAMED_CURVE);
  g_assert_cmpint (EVP_PKEY_generate (context, &key), ==, 1);
  return key;
}

static void
check_key (EVP_PKEY *key, const char *reason)
{
  g_auto (Asked) asked = { 0 };
  Draft leaf = good_leaf ();
  g_autoptr (GPtrArray) chain = NULL;

  leaf.key = key;
  chain = chain_of (&leaf);
  ask (&asked, TRUE);
  g_bytes_unref (asked.spki);
  asked.expect.spki = asked.spki = clm_x509_key_to_spki (key, NULL);
  expect_reason (&asked, chain, reason);
}

static void
test_keys (void)
{
  g_autoptr (EVP_PKEY) rsa_1024 = make_rsa (1024, 65537), rsa_e3 = make_rsa (2048, 3), p192 = make_ec ("prime192v1", NULL);
  g_autoptr (EVP_PKEY) p224 = make_ec ("secp224r1", NULL), explicit = make_ec ("prime256v1", "explicit"), p384 = make_ec ("secp384r1", NULL);
  g_autoptr (EVP_PKEY) ed = clm_x509_key_generate (CLM_KEY_TYPE_ED25519, NULL), brainpool = make_ec ("brainpoolP256r1", NULL);

  check_key (rsa_1024, "key-size");
  check_key (rsa_e3, "key-exponent");
  check_key (p192, "key-type");
  check_key (p224, "key-type");
  check_key (brainpool, "key-type");
  check_key (explicit, "key-parameters");
  check_key (p384, NULL);
  check_key (ed, NULL);
}

static void
test_other_key (void)
{
  Draft leaf = good_leaf ();

  leaf.key = other_key;
  check_leaf (&leaf, "key-mismatch");
}

static void
test_weak_signature (void)
{
  Draft leaf = good_leaf ();

  leaf.digest = EVP_sha1 ();
  check_leaf (&leaf, "signature-algorithm");
  leaf.signer = weak_key;
  leaf.digest = EVP_md5 ();
  check_leaf (&leaf, "signature-algorithm");
}

static void
test_version_1 (void)
{
  Draft leaf = good_leaf ();

  leaf.version = X509_VERSION_1;
  leaf.san = leaf.eku = leaf.constraints = leaf.key_usage = NULL;
  check_leaf (&leaf, "version");
}

/* Extensions */

static void
check_extension (const char *oid, const char *hex, gboolean critical, const char *reason)
{
  Draft d = good_leaf (), ca = good_ca ();
  g_autoptr (X509) leaf = draft (&d);
  g_autoptr (ASN1_OBJECT) object = OBJ_txt2obj (oid, 1);
  g_autoptr (ASN1_OCTET_STRING) value = ASN1_OCTET_STRING_new ();
  g_autoptr (X509_EXTENSION) extension = NULL;
  g_autoptr (GPtrArray) chain = NULL;
  long size;
  unsigned char *data = OPENSSL_hexstr2buf (hex, &size);

  ASN1_OCTET_STRING_set (value, data, (int) size);
  OPENSSL_free (data);
  extension = X509_EXTENSION_create_by_OBJ (NULL, object, critical, value);
  X509_add_ext (leaf, extension, -1);
  chain = list (finish (leaf, &d), make (&ca), NULL);
  check_chain (chain, TRUE, reason);
}

static void
test_extensions (void)
{
  check_extension ("1.2.3.4.5", "0500", FALSE, NULL);
  check_extension ("1.2.3.4.5", "0500", TRUE, "unknown-critical-extension");
  check_extension ("1.3.6.1.4.1.11129.2.4.3", "0500", TRUE, "unknown-critical-extension");   /* a precertificate */
  check_extension ("1.3.6.1.5.5.7.1.14", "300E300C06082B0601050507150A", TRUE, "unknown-critical-extension");   /* a proxy certificate */
  check_extension ("2.5.29.19", "3000", TRUE, "duplicate-extension");
  check_extension ("2.5.29.17", "30", FALSE, "duplicate-extension");
  check_extension ("2.5.29.32", "3003FFFFFF", FALSE, "bad-extension");
}

static void
check_raw_name (const char *san, gsize size, const char *reason)
{
  Draft d = good_leaf (), ca = good_ca ();
  g_autoptr (GENERAL_NAMES) names = sk_GENERAL_NAME_new_null ();
  GENERAL_NAME *name = GENERAL_NAME_new ();
  ASN1_IA5STRING *value = ASN1_IA5STRING_new ();
  g_autoptr (GPtrArray) chain = NULL;

  d.san = NULL;
  g_autoptr (X509) leaf = draft (&d);
  ASN1_STRING_set (value, san, (int) size);
  GENERAL_NAME_set0_value (name, GEN_DNS, value);
  sk_GENERAL_NAME_push (names, name);
  X509_add1_ext_i2d (leaf, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
  chain = list (finish (leaf, &d), make (&ca), NULL);
  check_chain (chain, TRUE, reason);
}

static void
test_name_bytes (void)
{
  check_raw_name ("gw.example.com\0.evil.example", 28, "bad-name");
  check_raw_name ("gw.example.com\n", 15, "bad-name");
  check_raw_name ("gw.example.com\xc3\xa4", 16, "bad-name");
  check_raw_name ("", 0, "bad-name");
}

static void
test_subject_bytes (void)
{
  static const struct {
    const char *text;
    int         size;
  } rows[] = { { "gw\0evil", 7 }, { "gw\n", 3 }, { "gw\x1b[31m", 7 }, { "gw\x7f", 3 } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    Draft d = good_leaf (), ca = good_ca ();
    g_autoptr (X509) leaf = draft (&d);
    g_autoptr (X509_NAME) name = X509_NAME_new ();
    g_autoptr (GPtrArray) chain = NULL;

    X509_NAME_add_entry_by_NID (name, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *) rows[i].text, rows[i].size, -1, 0);
    X509_set_subject_name (leaf, name);
    chain = list (finish (leaf, &d), make (&ca), NULL);
    check_chain (chain, TRUE, "control-character");
  }
}

/* Subject chosen by the authority: alternative names stay exact, and no host name sneaks in by the common name. */
static void
test_subject_from_authority (void)
{
  static const struct {
    const char *subject, *reason;
  } rows[] = {
    { "CN=gw.example.com", NULL }, { "CN=Device 17,O=Elsewhere", NULL }, { "", NULL }, { "CN=evil.example", "subject" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    Draft leaf = good_leaf ();
    g_auto (Asked) asked = { 0 };
    g_autoptr (GPtrArray) chain = NULL;

    leaf.subject = rows[i].subject;
    chain = chain_of (&leaf);
    ask (&asked, TRUE);
    asked.expect.subject_from_authority = TRUE;
    expect_reason (&asked, chain, rows[i].reason);
  }
}

/* CA certificates on request */

static void
test_ca_on_request (void)
{
  static const struct {
    const char *constraints, *key_usage;
    int         path_length;
    const char *reason;
  } rows[] = {
    { "critical,CA:TRUE", "keyCertSign,cRLSign", -1, NULL },
    { "critical,CA:TRUE,pathlen:0", "keyCertSign", 0, NULL },
    { "critical,CA:TRUE,pathlen:0", "keyCertSign", 1, NULL },
    { "critical,CA:TRUE,pathlen:2", "keyCertSign", 1, "path-length" },
    { "critical,CA:TRUE", "keyCertSign", 0, "path-length" },
    { "critical,CA:FALSE", "digitalSignature", -1, "not-ca" },
    { "critical,CA:TRUE", "cRLSign", -1, "key-usage" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    Draft leaf = good_leaf ();
    g_auto (Asked) asked = { 0 };
    g_autoptr (GPtrArray) chain = NULL;

    leaf.constraints = rows[i].constraints;
    leaf.key_usage = rows[i].key_usage;
    chain = chain_of (&leaf);
    ask (&asked, TRUE);
    asked.expect.is_ca = TRUE;
    asked.expect.path_length = rows[i].path_length;
    expect_reason (&asked, chain, rows[i].reason);
  }
}

static void
test_replay (void)
{
  Draft leaf = good_leaf ();
  g_autoptr (GPtrArray) chain = chain_of (&leaf);
  g_auto (Asked) asked = { 0 };

  ask (&asked, TRUE);
  asked.expect.previous = asked.previous = g_bytes_ref (chain->pdata[0]);
  expect_reason (&asked, chain, "replayed");
  leaf.not_after++;   /* another certificate under the same number */
  g_ptr_array_unref (g_steal_pointer (&chain));
  chain = chain_of (&leaf);
  expect_reason (&asked, chain, "replayed");
  leaf.serial = "1235";
  g_ptr_array_unref (g_steal_pointer (&chain));
  chain = chain_of (&leaf);
  g_ptr_array_insert (chain, 0, g_bytes_ref (asked.previous));   /* the old one still comes along */
  expect_reason (&asked, chain, NULL);
}

/* Chains */

static void
check_result (GPtrArray *chain, gboolean with_anchors, GBytes *first, GBytes *second)
{
  g_auto (Asked) asked = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) result = NULL;

  ask (&asked, with_anchors);
  result = clm_policy_check (&asked.expect, chain, NOW, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (result->len, ==, second ? 2 : 1);
  g_assert_true (g_bytes_equal (result->pdata[0], first));
  if (second)
    g_assert_true (g_bytes_equal (result->pdata[1], second));
}

static void
test_chain_is_put_in_order (void)
{
  Draft d = good_leaf (), ca_d = good_ca (), root_d = good_root (), stranger_d = good_root ();
  g_autoptr (GBytes) leaf = make (&d), ca = make (&ca_d), root = make (&root_d);

  stranger_d.subject = stranger_d.issuer = "CN=Stranger";
  stranger_d.key = stranger_d.signer = other_key;
  g_autoptr (GBytes) stranger = make (&stranger_d);
  for (guint anchors = 0; anchors < 2; anchors++) {
    g_autoptr (GPtrArray) plain = list (g_bytes_ref (leaf), g_bytes_ref (ca), NULL);
    g_autoptr (GPtrArray) reversed = list (g_bytes_ref (root), g_bytes_ref (ca), g_bytes_ref (leaf), NULL);
    g_autoptr (GPtrArray) crowded = list (g_bytes_ref (stranger), g_bytes_ref (ca), g_bytes_ref (ca), g_bytes_ref (leaf), NULL);
    check_result (plain, anchors, leaf, ca);
    check_result (reversed, anchors, leaf, ca);
    check_result (crowded, anchors, leaf, ca);
  }
}

static void
test_chain_missing (void)
{
  Draft leaf_d = good_leaf (), other_d = good_ca ();
  g_autoptr (GBytes) leaf = make (&leaf_d);
  g_autoptr (GPtrArray) alone = list (g_bytes_ref (leaf), NULL), unrelated = NULL;

  check_chain (alone, TRUE, "chain-untrusted");
  check_chain (alone, FALSE, NULL);
  other_d.key = other_key;   /* its name, but not its key */
  unrelated = list (g_bytes_ref (leaf), make (&other_d), NULL);
  check_chain (unrelated, TRUE, "chain-untrusted");
  check_chain (unrelated, FALSE, "chain-broken");
}

static void
test_chain_other_root (void)
{
  Draft leaf = good_leaf (), ca = good_ca (), root = good_root ();
  g_autoptr (GPtrArray) chain = NULL;

  ca.signer = other_key;
  root.key = root.signer = other_key;
  chain = list (make (&leaf), make (&ca), make (&root), NULL);
  check_chain (chain, TRUE, "chain-untrusted");
  check_chain (chain, FALSE, NULL);
}

static void
test_chain_loop (void)
{
  Draft leaf = good_leaf (), a = good_ca (), b = good_ca ();
  g_autoptr (GPtrArray) chain = NULL;

  a.issuer = "CN=B";
  a.signer = other_key;
  b.subject = "CN=B";
  b.issuer = "CN=CA";
  b.key = other_key;
  b.signer = ca_key;
  chain = list (make (&leaf), make (&a), make (&b), NULL);
  check_chain (chain, TRUE, "chain-loop");
  check_chain (chain, FALSE, "chain-loop");
}

static void
test_chain_length (void)
{
  Draft leaf_d = good_leaf ();
  g_autoptr (GBytes) leaf = make (&leaf_d);
  g_autoptr (GPtrArray) many = list (NULL, NULL), none = list (NULL, NULL);

  for (guint i = 0; i < 17; i++)
    g_ptr_array_add (many, g_bytes_ref (leaf));
  check_chain (many, TRUE, "chain-length");
  check_chain (none, TRUE, "chain-length");
}

static void
check_issuer (const Draft *ca, const char *with_anchors, const char *without)
{
  Draft leaf = good_leaf ();
  g_autoptr (GPtrArray) chain = NULL;

  leaf.signer = ca->key;
  chain = list (make (&leaf), make (ca), NULL);
  check_chain (chain, TRUE, with_anchors);
  check_chain (chain, FALSE, without);
}

static void
test_issuers (void)
{
  Draft ca = good_ca ();

  ca.constraints = "critical,CA:FALSE";
  ca.key_usage = NULL;
  check_issuer (&ca, "chain-untrusted", "chain-untrusted");
  ca = good_ca ();
  ca.key_usage = "digitalSignature";
  check_issuer (&ca, "chain-untrusted", "chain-broken");
  ca = good_ca ();
  ca.not_after = NOW - 1;
  check_issuer (&ca, "chain-untrusted", "chain-untrusted");
  ca = good_ca ();
  ca.digest = EVP_sha1 ();
  check_issuer (&ca, "chain-untrusted", "signature-algorithm");
  ca = good_ca ();
  ca.key = weak_key;
  check_issuer (&ca, "chain-untrusted", "chain-untrusted");
  ca = good_ca ();
  ca.serial = "-2";
  check_issuer (&ca, "serial", "serial");
}

static void
test_name_constraints (void)
{
  Draft d = good_ca (), leaf = good_leaf ();
  g_autoptr (X509) ca = draft (&d);
  g_autoptr (GPtrArray) chain = NULL;

  add_extension (ca, NID_name_constraints, "critical,permitted;DNS:elsewhere.example");
  chain = list (make (&leaf), finish (ca, &d), NULL);
  check_chain (chain, TRUE, "chain-untrusted");
}

/* An anchor that is an intermediate ends the path, and stays in it for peers that know only the root. */
static void
test_intermediate_anchor (void)
{
  Draft leaf_d = good_leaf (), ca_d = good_ca ();
  g_autoptr (GPtrArray) chain = list (make (&leaf_d), make (&ca_d), NULL), result = NULL;
  g_auto (Asked) asked = { 0 };
  g_autoptr (GError) error = NULL;

  ask (&asked, FALSE);
  asked.expect.anchors = asked.anchors = list (make (&ca_d), NULL);
  result = clm_policy_check (&asked.expect, chain, NOW, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (result->len, ==, 2);
}

/* Bytes */

static void
test_malformed (void)
{
  Draft leaf_d = good_leaf ();
  g_autoptr (GBytes) leaf = make (&leaf_d);
  gsize size;
  const guint8 *data = g_bytes_get_data (leaf, &size);
  g_autofree guint8 *longer = g_malloc0 (size + 1);

  memcpy (longer, data, size);
  g_autoptr (GPtrArray) trailing = list (g_bytes_new (longer, size + 1), NULL), empty = list (g_bytes_new ("", 0), NULL);
  check_chain (trailing, TRUE, "malformed");
  check_chain (empty, TRUE, "malformed");
  for (gsize n = 1; n < size; n += 7) {
    g_autoptr (GPtrArray) cut = list (g_bytes_new (data, n), NULL);
    check_chain (cut, TRUE, "malformed");
  }
}

/* Whatever bit is wrong, nothing but a verdict comes out, and never a yes. */
static void
test_every_flipped_bit_is_refused (void)
{
  Draft leaf_d = good_leaf (), ca_d = good_ca ();
  g_autoptr (GBytes) leaf = make (&leaf_d), ca = make (&ca_d);
  g_auto (Asked) asked = { 0 };
  gsize size;
  const guint8 *data = g_bytes_get_data (leaf, &size);

  ask (&asked, TRUE);
  for (gsize bit = 0; bit < size * 8; bit += 3) {
    g_autofree guint8 *flipped = g_memdup2 (data, size);
    flipped[bit / 8] ^= (guint8) (1 << bit % 8);
    g_autoptr (GPtrArray) chain = list (g_bytes_new (flipped, size), g_bytes_ref (ca), NULL);
    g_autoptr (GError) error = NULL;
    g_assert_null (clm_policy_check (&asked.expect, chain, NOW, &error));
    g_assert_nonnull (clm_policy_get_reason (error));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  clm_x509_init ();
  root_key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  ca_key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P384, NULL);
  leaf_key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  other_key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  weak_key = make_rsa (1024, 65537);

  for (gsize i = 0; i < G_N_ELEMENTS (text_rows); i++) {
    g_autofree char *path = g_strdup_printf ("/policy-check/field/%s", text_rows[i].name);
    g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_text);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (time_rows); i++) {
    g_autofree char *path = g_strdup_printf ("/policy-check/time/%s", time_rows[i].name);
    g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_time);
  }
  g_test_add_func ("/policy-check/time/no-well-defined-end", test_no_well_defined_end);
  g_test_add_func ("/policy-check/keys", test_keys);
  g_test_add_func ("/policy-check/other-key", test_other_key);
  g_test_add_func ("/policy-check/weak-signature", test_weak_signature);
  g_test_add_func ("/policy-check/version-1", test_version_1);
  g_test_add_func ("/policy-check/extensions", test_extensions);
  g_test_add_func ("/policy-check/name-bytes", test_name_bytes);
  g_test_add_func ("/policy-check/subject-bytes", test_subject_bytes);
  g_test_add_func ("/policy-check/subject-from-authority", test_subject_from_authority);
  g_test_add_func ("/policy-check/ca-on-request", test_ca_on_request);
  g_test_add_func ("/policy-check/replay", test_replay);
  g_test_add_func ("/policy-check/chain/put-in-order", test_chain_is_put_in_order);
  g_test_add_func ("/policy-check/chain/missing", test_chain_missing);
  g_test_add_func ("/policy-check/chain/other-root", test_chain_other_root);
  g_test_add_func ("/policy-check/chain/loop", test_chain_loop);
  g_test_add_func ("/policy-check/chain/length", test_chain_length);
  g_test_add_func ("/policy-check/chain/issuers", test_issuers);
  g_test_add_func ("/policy-check/chain/name-constraints", test_name_constraints);
  g_test_add_func ("/policy-check/chain/intermediate-anchor", test_intermediate_anchor);
  g_test_add_func ("/policy-check/malformed", test_malformed);
  g_test_add_func ("/policy-check/safety-29-every-flipped-bit-is-refused", test_every_flipped_bit_is_refused);

  int result = g_test_run ();
  EVP_PKEY_free (root_key);
  EVP_PKEY_free (ca_key);
  EVP_PKEY_free (leaf_key);
  EVP_PKEY_free (other_key);
  EVP_PKEY_free (weak_key);
  return result;
}
