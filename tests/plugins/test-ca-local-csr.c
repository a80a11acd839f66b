/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The quick readers against the thorough ones: what the quick one takes, the thorough one must take too. */
#include "ca-bench.h"

#include "order-csr.h"
#include "curve-key.h"
#include "der.h"
#include "key.h"
#include "openssl-error.h"
#include "verifier.h"

#define NAMES "DNS:gw.plant.example"

/* A CSR, and what the order beside it says. */
typedef struct {
  const char *what;
  const char *key_type;
  const char *subject;
  const char *names;          /* as the extension's text, or NULL */
  int         nid;            /* one more extension */
  const char *value;
  const char *const *usages;  /* ordered */
  const char *digest;         /* NULL: the key's usual one */
  int         version;
  gboolean    has_password, foreign_key;
  gboolean    is_usual;       /* the quick reader takes it */
  gboolean    is_fine;        /* the thorough one does */
} Row;

static const char *const server[] = { "server", NULL };
static const char *const both[] = { "server", "client", NULL };

static const Row rows[] = {
  { "usual", CLM_KEY_TYPE_EC_P256, "gw", NAMES, .is_usual = TRUE, .is_fine = TRUE },
  { "usual, P-384", CLM_KEY_TYPE_EC_P384, "gw", NAMES, .digest = "SHA384", .is_usual = TRUE, .is_fine = TRUE },
  { "long digest", CLM_KEY_TYPE_EC_P256, "gw", NAMES, .digest = "SHA512", .is_usual = TRUE, .is_fine = TRUE },
  { "with usages", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_ext_key_usage, "serverAuth", server, .is_usual = TRUE, .is_fine = TRUE },
  { "with key usage", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_key_usage, "critical,keyCertSign", .is_usual = TRUE, .is_fine = TRUE },
  { "no CA, said", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_basic_constraints, "CA:FALSE", .is_usual = TRUE, .is_fine = TRUE },
  { "usages in another order", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_ext_key_usage, "clientAuth,serverAuth", both, .is_fine = TRUE },
  { "name in capitals", CLM_KEY_TYPE_EC_P256, "gw", "DNS:GW.plant.example", .is_fine = TRUE },
  { "subject in capitals", CLM_KEY_TYPE_EC_P256, "GW", NAMES, .is_fine = TRUE },
  { "challenge password", CLM_KEY_TYPE_EC_P256, "gw", NAMES, .has_password = TRUE, .is_fine = TRUE },
  { "RSA", CLM_KEY_TYPE_RSA_2048, "gw", NAMES, .is_fine = TRUE },
  { "Ed25519", CLM_KEY_TYPE_ED25519, "gw", NAMES, .digest = "", .is_fine = TRUE },
  { "usage not ordered", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_ext_key_usage, "serverAuth" },
  { "fewer usages", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_ext_key_usage, "serverAuth", both },
  { "other name", CLM_KEY_TYPE_EC_P256, "gw", "DNS:bank.example" },
  { "more names", CLM_KEY_TYPE_EC_P256, "gw", NAMES ",DNS:bank.example" },
  { "more kinds", CLM_KEY_TYPE_EC_P256, "gw", NAMES ",IP:10.0.0.1" },
  { "no names", CLM_KEY_TYPE_EC_P256, "gw", NULL },
  { "other subject", CLM_KEY_TYPE_EC_P256, "boss", NAMES },
  { "CA", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_basic_constraints, "critical,CA:TRUE" },
  { "odd extension", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_netscape_comment, "hello" },
  { "names twice", CLM_KEY_TYPE_EC_P256, "gw", NAMES, NID_subject_alt_name, NAMES },
  { "SHA-1", CLM_KEY_TYPE_EC_P256, "gw", NAMES, .digest = "SHA1" },
  { "version 2", CLM_KEY_TYPE_EC_P256, "gw", NAMES, .version = 1 },
  { "other key", CLM_KEY_TYPE_EC_P256, "gw", NAMES, .foreign_key = TRUE },
};

static void
push (ClmExtensionStack *stack, int nid, const char *value)
{
  X509_EXTENSION *extension = value != NULL ? X509V3_EXT_conf_nid (NULL, NULL, nid, value) : NULL;

  if (extension != NULL)
    sk_X509_EXTENSION_push (stack, extension);
}

static GBytes *
make_csr (const Row *row, EVP_PKEY *key)
{
  g_autoptr (X509_REQ) csr = X509_REQ_new ();
  g_autoptr (ClmExtensionStack) stack = sk_X509_EXTENSION_new_null ();
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size;

  X509_REQ_set_version (csr, row->version);
  X509_NAME_add_entry_by_txt (X509_REQ_get_subject_name (csr), "CN", MBSTRING_UTF8, (const guchar *) row->subject, -1, -1, 0);
  X509_REQ_set_pubkey (csr, key);
  push (stack, NID_subject_alt_name, row->names);
  push (stack, row->nid, row->value);
  if (sk_X509_EXTENSION_num (stack) > 0)
    X509_REQ_add_extensions (csr, stack);
  if (row->has_password)
    X509_REQ_add1_attr_by_NID (csr, NID_pkcs9_challengePassword, MBSTRING_ASC, (const guchar *) "sesame", -1);
  if (row->digest != NULL && *row->digest == '\0')
    g_assert_cmpint (X509_REQ_sign (csr, key, NULL), >, 0);
  else
    g_assert_cmpint (X509_REQ_sign (csr, key, EVP_get_digestbyname (row->digest != NULL ? row->digest : "SHA256")), >, 0);
  size = i2d_X509_REQ (csr, &der);
  g_assert_cmpint (size, >, 0);
  return g_bytes_new (der, (gsize) size);
}

static ClmCaOrder *
make_order (Bench *bench, EVP_PKEY *pkey, const char *const *usages)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (pkey, &error);
  g_autoptr (ClmKey) key = clm_key_new (bench->keys, "some", spki);
  static const char *const names[] = { "gw.plant.example", NULL };
  g_autoptr (ClmFakeRequest) request = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "web", "key", key, "subject", "CN=gw", "dns-names", names,
                                                     "usages", usages, NULL);
  ClmCaOrder *order = clm_ca_order_new (CLM_REQUEST (request), &error);

  g_assert_no_error (error);
  return order;
}

static void
test_forms (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (EVP_PKEY) key = clm_x509_key_generate (rows[i].key_type, NULL), other = clm_x509_key_generate (rows[i].key_type, NULL);
    g_autoptr (ClmCaOrder) order = make_order (bench, key, rows[i].usages);
    g_autoptr (GBytes) csr = make_csr (&rows[i], rows[i].foreign_key ? other : key);
    g_autoptr (GError) error = NULL, again = NULL;

    g_test_message ("%s", rows[i].what);
    g_assert_cmpint (clm_ca_csr_is_as_ordered (csr, order), ==, rows[i].is_usual);
    g_assert_cmpint (clm_ca_csr_check (csr, order, &error), ==, rows[i].is_fine);
    g_assert_cmpint (clm_ca_order_check_csr (order, csr, &again), ==, rows[i].is_fine);
    g_assert_cmpstr (error != NULL ? error->message : NULL, ==, again != NULL ? again->message : NULL);
  }
}

static void
compare (const guint8 *data, gsize size, const ClmCaOrder *order)
{
  g_autoptr (GBytes) csr = g_bytes_new (data, size);

  if (clm_ca_csr_is_as_ordered (csr, order))
    g_assert_true (clm_ca_csr_check (csr, order, NULL));
}

/* Every bit of every byte, every length. The signature covers nearly all of it; what it does not cover is its own encoding. */
static void
test_damage (void)
{
  static const guint damaged[] = { 0, 3, 5 };
  g_autoptr (Bench) bench = bench_new (CA_NOW);

  for (guint i = 0; i < G_N_ELEMENTS (damaged); i++) {
    const Row *row = &rows[damaged[i]];
    g_autoptr (EVP_PKEY) key = clm_x509_key_generate (row->key_type, NULL);
    g_autoptr (ClmCaOrder) order = make_order (bench, key, row->usages);
    g_autoptr (GBytes) csr = make_csr (row, key);
    gsize size = g_bytes_get_size (csr);
    g_autofree guint8 *data = g_malloc0 (size + 1);

    memcpy (data, g_bytes_get_data (csr, NULL), size);
    for (gsize at = 0; at < 8 * size; at++) {
      data[at / 8] ^= (guint8) (1 << at % 8);
      compare (data, size, order);
      data[at / 8] ^= (guint8) (1 << at % 8);
    }
    for (gsize cut = 0; cut < size; cut++)
      compare (data, cut, order);
    compare (data, size + 1, order);
    g_assert_true (clm_ca_csr_is_as_ordered (csr, order));
  }
}

/* What a hostile CSR can say beside what is signed: signed again after each change, so that only the reader can refuse. */
static void
test_signed_damage (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  g_autoptr (ClmCaOrder) order = make_order (bench, key, NULL);
  g_autoptr (GBytes) csr = make_csr (&rows[5], key);
  const guint8 *at = g_bytes_get_data (csr, NULL), *end = at + g_bytes_get_size (csr);
  ClmCaDer outer, body;
  guint taken = 0;

  g_assert_true (clm_ca_der_read (&at, end, &outer));
  at = outer.value;
  g_assert_true (clm_ca_der_read (&at, end, &body));
  for (gsize bit = 0; bit < 8 * body.full_size; bit++) {
    g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
    g_autofree guint8 *changed = g_memdup2 (body.full, body.full_size);
    g_autoptr (GByteArray) out = g_byte_array_new ();
    g_autoptr (GBytes) signature = NULL;
    guint8 raw[80];
    gsize size = sizeof raw, mark;

    changed[bit / 8] ^= (guint8) (1 << bit % 8);
    EVP_DigestSignInit (context, NULL, EVP_sha256 (), NULL, key);
    g_assert_cmpint (EVP_DigestSign (context, raw, &size, changed, body.full_size), ==, 1);
    signature = g_bytes_new (raw, size);
    mark = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
    clm_ca_der_put_raw (out, changed, body.full_size);
    clm_ca_put_signature (out, clm_ca_algorithm_for_key_type (CLM_KEY_TYPE_EC_P256, NULL), signature);
    clm_ca_der_close (out, mark);
    compare (out->data, out->len, order);
    {
      g_autoptr (GBytes) whole = g_bytes_new (out->data, out->len);

      taken += clm_ca_csr_is_as_ordered (whole, order) ? 1 : 0;
    }
  }
  g_assert_cmpuint (taken, ==, 0);
}

/* Damaged points: on the curve or not, the quick check says what the thorough one does. */
static void
test_points (void)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, NULL);
  gsize size = g_bytes_get_size (spki);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (spki, NULL), size);

  g_assert_cmpstr (clm_x509_curve_key_check (data, size), ==, CLM_KEY_TYPE_EC_P256);
  for (gsize bit = 0; bit < 8 * size; bit++) {
    g_autoptr (GBytes) changed = NULL;
    g_autoptr (EVP_PKEY) judge = NULL;
    const guint8 *at = data;

    data[bit / 8] ^= (guint8) (1 << bit % 8);
    changed = g_bytes_new (data, size);
    judge = d2i_PUBKEY (NULL, &at, (long) size);
    if (clm_x509_curve_key_check (data, size) != NULL)
      g_assert_true (judge != NULL && clm_x509_key_check (judge, NULL));
    g_assert_cmpint (clm_x509_spki_check (changed, NULL) != NULL, ==, judge != NULL && at == data + size && clm_x509_key_check (judge, NULL));
    data[bit / 8] ^= (guint8) (1 << bit % 8);
  }
}

/* The CA's own signatures, and nothing else. */

static GBytes *
sign_digest (EVP_PKEY *key, const ClmCaDigest *digest)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new (key, NULL);
  guint8 signature[128];
  gsize size = sizeof signature;

  g_assert_cmpint (EVP_PKEY_sign_init (context), ==, 1);
  g_assert_cmpint (EVP_PKEY_sign (context, signature, &size, digest->octets, digest->size), ==, 1);
  return g_bytes_new (signature, size);
}

static void
test_verifier (void)
{
  static const char *const wrong[] = {
    "\x30\x06\x02\x01\x00\x02\x01\x00", "\x30\x06\x02\x01\x01\x02\x01\x00", "\x30\x06\x02\x01\x00\x02\x01\x01", "\x30\x06\x02\x01\x81\x02\x01\x01",
    "\x30\x06\x02\x01\x01\x02\x01\x01",
  };
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL), other = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, NULL), junk = g_bytes_new_static ("junk", 4);
  g_autoptr (ClmCaVerifier) verifier = clm_ca_verifier_new (spki), none = clm_ca_verifier_new (junk);
  ClmCaDigest digest = { .octets = { 7 }, .size = 32 }, changed = { .octets = { 8 }, .size = 32 };
  g_autoptr (GBytes) own = sign_digest (key, &digest), foreign = sign_digest (other, &digest);

  g_assert_true (clm_ca_verifier_check (verifier, &digest, own));
  g_assert_false (clm_ca_verifier_check (verifier, &changed, own));
  g_assert_false (clm_ca_verifier_check (verifier, &digest, foreign));
  g_assert_false (clm_ca_verifier_check (none, &digest, own));
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GBytes) signature = g_bytes_new_static (wrong[i], (gsize) wrong[i][1] + 2);

    g_assert_false (clm_ca_verifier_check (verifier, &digest, signature));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  clm_x509_init ();
  g_test_add_func ("/csr/forms", test_forms);
  g_test_add_func ("/csr/damage", test_damage);
  g_test_add_func ("/csr/signed-damage", test_signed_damage);
  g_test_add_func ("/key/damaged-points", test_points);
  g_test_add_func ("/verifier/own-signatures-only", test_verifier);
  return bench_main ();
}
