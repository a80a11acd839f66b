/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-bench.h"

#include "openssl-auto.h"

/* A CSR as an attacker would make it: with his key, and whatever extensions. */
typedef struct {
  EVP_PKEY   *key;
  const char *subject;      /* one CN */
  const char *names;        /* "DNS:a,DNS:b" or NULL */
  int         nid;          /* one more extension */
  const char *value;
  gboolean    break_signature;
} Forgery;

static void
push (ClmExtensionStack *stack, int nid, const char *value)
{
  X509_EXTENSION *extension = value != NULL ? X509V3_EXT_conf_nid (NULL, NULL, nid, value) : NULL;

  if (extension != NULL)
    sk_X509_EXTENSION_push (stack, extension);
}

static GBytes *
forge (ClmRequest *request, const char *password, GBytes *attributes, gpointer user_data, GCancellable *cancellable, GError **error)
{
  Forgery *forgery = user_data;
  g_autoptr (X509_REQ) csr = X509_REQ_new ();
  g_autoptr (ClmExtensionStack) stack = sk_X509_EXTENSION_new_null ();
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size;

  X509_REQ_set_version (csr, 0);
  if (forgery->subject != NULL)
    X509_NAME_add_entry_by_txt (X509_REQ_get_subject_name (csr), "CN", MBSTRING_UTF8, (const guchar *) forgery->subject, -1, -1, 0);
  X509_REQ_set_pubkey (csr, forgery->key);
  push (stack, NID_subject_alt_name, forgery->names);
  push (stack, forgery->nid, forgery->value);
  if (sk_X509_EXTENSION_num (stack) > 0)
    X509_REQ_add_extensions (csr, stack);
  X509_REQ_sign (csr, forgery->key, EVP_sha256 ());
  size = i2d_X509_REQ (csr, &der);
  g_assert_cmpint (size, >, 0);
  if (forgery->break_signature)
    der[size - 1] ^= 1;
  return g_bytes_new (der, (gsize) size);
}

static ClmKey *
make_key (Bench *bench, EVP_PKEY *key)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_PUBKEY (key, &der);
  g_autoptr (GBytes) spki = g_bytes_new (der, (gsize) size);

  return clm_key_new (bench->keys, "attacker", spki);
}

static void
expect (Bench *bench, Forgery *forgery, const char *part)
{
  g_autoptr (EVP_PKEY) pkey = EVP_EC_gen ("P-256");
  g_autoptr (ClmKey) key = make_key (bench, pkey);
  g_autoptr (ClmFakeRequest) request = clm_fake_request_new ("web", key, "CN=gw", "gw.plant.example");
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GError) error = NULL;

  if (forgery->key == NULL)
    forgery->key = pkey;
  clm_fake_request_set_csr_func (request, forge, forgery);
  issuance = bench_try_enroll (bench, request, NULL, &error);
  if (part == NULL) {
    g_assert_no_error (error);
    return;
  }
  g_assert_null (issuance);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_REJECTED);
  assert_contains (error->message, part);
  /* Nothing was even asked to be remembered. */
  g_assert_cmpuint (clm_fake_request_get_tickets (request)->len, ==, 0);
}

static void
test_csr (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (EVP_PKEY) other = EVP_EC_gen ("P-256");
  Forgery honest = { .subject = "gw", .names = "DNS:gw.plant.example" };
  Forgery signature = { .subject = "gw", .names = "DNS:gw.plant.example", .break_signature = TRUE };
  Forgery key = { .key = other, .subject = "gw", .names = "DNS:gw.plant.example" };
  Forgery subject = { .subject = "boss", .names = "DNS:gw.plant.example" };
  Forgery more_names = { .subject = "gw", .names = "DNS:gw.plant.example,DNS:bank.example" };
  Forgery no_names = { .subject = "gw" };
  Forgery other_kind = { .subject = "gw", .names = "DNS:gw.plant.example,IP:10.0.0.1" };
  Forgery odd_kind = { .subject = "gw", .names = "DNS:gw.plant.example,RID:1.2.3.4" };
  Forgery ca = { .subject = "gw", .names = "DNS:gw.plant.example", .nid = NID_basic_constraints, .value = "critical,CA:TRUE" };
  Forgery not_ca = { .subject = "gw", .names = "DNS:gw.plant.example", .nid = NID_basic_constraints, .value = "critical,CA:FALSE" };
  Forgery usage = { .subject = "gw", .names = "DNS:gw.plant.example", .nid = NID_ext_key_usage, .value = "codeSigning" };
  Forgery comment = { .subject = "gw", .names = "DNS:gw.plant.example", .nid = NID_netscape_comment, .value = "hello" };

  bench_start (bench, "");
  expect (bench, &honest, NULL);
  expect (bench, &not_ca, NULL);
  expect (bench, &signature, "");
  expect (bench, &key, "another key");
  expect (bench, &subject, "subject");
  expect (bench, &more_names, "dns names");
  expect (bench, &no_names, "dns names");
  expect (bench, &other_kind, "ip names");
  expect (bench, &odd_kind, "kind that was not ordered");
  expect (bench, &ca, "CA certificate");
  expect (bench, &usage, "usage");
  expect (bench, &comment, "extension");
}

static void
expect_order (Bench *bench, ClmKey *key, const char *property, gconstpointer value, const char *profile, const char *part)
{
  const char *const names[] = { "gw.plant.example", NULL };
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (property, "subject") == 0)
    request = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "web", "key", key, "dns-names", names, "profile", profile, "subject", value, NULL);
  else if (g_strcmp0 (property, "validity") == 0)
    request = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "web", "key", key, "subject", "CN=gw", "profile", profile, "validity", (gint64) GPOINTER_TO_SIZE (value), NULL);
  else if (property == NULL)
    request = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "web", "key", key, "subject", "CN=gw", "dns-names", names, "profile", profile, NULL);
  else
    request = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "web", "key", key, "subject", "CN=gw", "profile", profile, property, value, NULL);
  issuance = bench_try_enroll (bench, request, NULL, &error);
  if (part == NULL) {
    g_assert_no_error (error);
    return;
  }
  g_assert_error (error, CLM_ERROR, CLM_ERROR_REJECTED);
  assert_contains (error->message, part);
}

static void
test_profile (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (bench->keys), CLM_KEY_TYPE_EC_P256, "web");
  g_autoptr (ClmKey) rsa = clm_memory_keys_make (CLM_MEMORY_KEYS (bench->keys), CLM_KEY_TYPE_RSA_2048, "rsa");
  const char *const outside[] = { "gw.bank.example", NULL }, *const suffix[] = { "evilplant.example", NULL }, *const apex[] = { "plant.example", NULL };
  const char *const wild[] = { "*.plant.example", NULL }, *const ip[] = { "10.0.0.1", NULL };
  const char *const code[] = { "code", NULL }, *const client[] = { "client", NULL };

  bench_start (bench, "Profile.server.AllowedNames=*.plant.example \"subject:CN=*\"\nProfile.server.KeyTypes=ec:P-256\nProfile.server.MaxLifetime=100d\n"
                      "Profile.panel.Base=server\nProfile.panel.Usages=server client\nProfile.panel.AllowedNames=10.0.0.0/8 subject:CN=gw\n");
  expect_order (bench, key, NULL, NULL, NULL, NULL);
  expect_order (bench, key, "dns-names", wild, NULL, NULL);
  expect_order (bench, key, "dns-names", outside, NULL, "dns name “gw.bank.example”");
  expect_order (bench, key, "dns-names", suffix, NULL, "evilplant.example");
  expect_order (bench, key, "dns-names", apex, NULL, "plant.example");
  expect_order (bench, key, "ip-addresses", ip, NULL, "ip name");
  expect_order (bench, key, "ip-addresses", ip, "panel", NULL);
  expect_order (bench, key, "usages", client, "panel", NULL);
  expect_order (bench, key, "usages", code, "panel", "usage “code”");
  expect_order (bench, key, "usages", code, NULL, "no profile covers");
  expect_order (bench, key, NULL, NULL, "nonsense", "no profile “nonsense”");
  expect_order (bench, rsa, NULL, NULL, NULL, "key type rsa:2048");
  expect_order (bench, key, "subject", "CN=gw,O=Evil", NULL, "subject");
  expect_order (bench, key, "validity", GSIZE_TO_POINTER (101 * 24 * 60 * 60), NULL, "validity");
  expect_order (bench, key, "is-ca", GINT_TO_POINTER (TRUE), NULL, "must name its profile");
  expect_order (bench, key, "is-ca", GINT_TO_POINTER (TRUE), "server", "certifies no CA");
  expect_order (bench, key, NULL, NULL, "intermediate-ca", "certifies CAs only");
}

static void
test_weak_key (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (EVP_PKEY) rsa = EVP_RSA_gen (1024), curve = EVP_EC_gen ("P-192");
  g_autoptr (ClmKey) small = make_key (bench, rsa), odd = make_key (bench, curve);

  bench_start (bench, "");
  expect_order (bench, small, NULL, NULL, NULL, "key-size");
  expect_order (bench, odd, NULL, NULL, NULL, "key-type");
}

/* Under an intermediate with path length 0 there is no further CA; under a root there is. */
static void
test_subordinate_ca (void)
{
  g_autoptr (Bench) flat = bench_new (CA_NOW), deep = bench_new (CA_NOW);
  g_autoptr (ClmKey) a = clm_memory_keys_make (CLM_MEMORY_KEYS (flat->keys), CLM_KEY_TYPE_EC_P256, "sub");
  g_autoptr (ClmKey) b = clm_memory_keys_make (CLM_MEMORY_KEYS (deep->keys), CLM_KEY_TYPE_EC_P256, "sub");
  g_autoptr (ClmFakeRequest) allowed = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "sub", "key", a, "subject", "CN=Sub", "is-ca", TRUE, "path-length", 0, "profile", "intermediate-ca", NULL);
  g_autoptr (ClmFakeRequest) refused = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "sub", "key", b, "subject", "CN=Sub", "is-ca", TRUE, "path-length", 0, "profile", "intermediate-ca", NULL);
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  bench_start (flat, "");
  issuance = bench_enroll (flat, allowed, NULL);
  g_free (bench_write (flat, "sub.pem", "CERTIFICATE", g_ptr_array_index (clm_issuance_get_chain (issuance), 0)));
  text = bench_openssl (flat, "openssl x509 -in sub.pem -noout -text");
  assert_contains (text, "CA:TRUE, pathlen:0");
  bench_start (deep, "Intermediate=yes\n");
  g_assert_null (bench_try_enroll (deep, refused, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_REJECTED);
  assert_contains (error->message, "path length");
}

static void
test_options (void)
{
  static const char *const wrong[] = {
    "Subject=nonsense\n", "KeyType=rsa:512\n", "Lifetime=1s\n", "CrlUrl=file:///etc/shadow\n", "ImportCertificate=relative.pem\n",
    "ImportKey=file:/x\n", "Profile.new.Lifetime=1d\n", "Profile.server.Usages=nonsense\n", "Profile.server.AllowedNames=ip:nonsense\n",
    "Profile.server.Lifetime=90d\nProfile.server.MaxLifetime=1d\n", "Profile.x.Base=nothing\n", "Profiles=server nothing\n", "Profile.server.Nonsense=1\n",
    "Backdate=3d\n", "CrlLifetime=1s\n", "Intermediate=yes\nSubject=CN=a\nIntermediateSubject=CN=a\n", "Subjekt=CN=a\n", "ImportCertificate=/nonexistent/ca.pem\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (Bench) bench = bench_new (CA_NOW);
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", wrong[i]);
    g_assert_false (bench_try_start (bench, wrong[i], &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  }
}

static void
test_offered (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (bench->keys), CLM_KEY_TYPE_EC_P256, "web");

  bench_start (bench, "Profiles=client\n");
  expect_order (bench, key, NULL, NULL, NULL, NULL);
  expect_order (bench, key, NULL, NULL, "server", "no profile");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
  g_test_add_func ("/ca-local/csr-is-never-obeyed", test_csr);
  g_test_add_func ("/ca-local/profile-limits", test_profile);
  g_test_add_func ("/ca-local/weak-key-is-refused", test_weak_key);
  g_test_add_func ("/ca-local/subordinate-ca-needs-path-length", test_subordinate_ca);
  g_test_add_func ("/ca-local/wrong-options-are-refused", test_options);
  g_test_add_func ("/ca-local/only-offered-profiles", test_offered);
  return bench_main ();
}
