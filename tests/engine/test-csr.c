/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "csr.h"

#include "await.h"
#include "clm-key-store.h"
#include "key-provider.h"
#include "memory-keys.h"
#include "openssl-error.h"
#include "request.h"

#include <string.h>

static ClmKeyStore *store;
static ClmKey *ec_key, *rsa_key, *ed_key;

static ClmKey *
look_up (const char *uri, gpointer user_data, GError **error)
{
  ClmKey *keys[] = { ec_key, rsa_key, ed_key };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (g_str_equal (clm_key_get_uri (keys[i]), uri))
      return g_object_ref (keys[i]);
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no such key");
  return NULL;
}

static GBytes *
build (const ClmCsrTemplate *csr, ClmKey *key, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_csr_build_async (csr, key, NULL, clm_await_done, &result);
  return clm_csr_build_finish (clm_await (&result), error);
}

static X509_REQ *
build_good (const ClmCsrTemplate *csr, ClmKey *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) der = build (csr, key, &error);

  g_assert_no_error (error);
  X509_REQ *request = clm_x509_request_parse (der, &error);
  g_assert_no_error (error);
  return request;
}

static void
expect_error (const ClmCsrTemplate *csr, ClmError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) der = build (csr, ec_key, &error);

  g_assert_null (der);
  g_assert_error (error, CLM_ERROR, (int) code);
}

static void
assert_names (X509_REQ *request, ClmNameKind kind, const char *expected)
{
  g_auto (GStrv) names = clm_x509_request_get_names (request, kind, NULL, NULL);
  g_autofree char *text = g_strjoinv (" ", names);

  g_assert_cmpstr (text, ==, expected);
}

static guint32
get_key_usage (X509_REQ *request)
{
  g_autoptr (ClmExtensionStack) extensions = X509_REQ_get_extensions (request);
  g_autoptr (ASN1_BIT_STRING) value = X509V3_get_d2i (extensions, NID_key_usage, NULL, NULL);

  return value && ASN1_STRING_length (value) ? ASN1_STRING_get0_data (value)[0] : 0;
}

static void
test_says_what_was_asked (void)
{
  static const char *const dns[] = { "gw.example.com", "*.gw.example.com", NULL }, *const ip[] = { "2001:db8::1", NULL };
  static const char *const uris[] = { "urn:gw:17", NULL }, *const emails[] = { "gw@example.com", NULL };
  static const char *const usages[] = { "server", "1.3.6.1.5.5.7.3.17", NULL };
  ClmCsrTemplate csr = { .subject = "CN=gw-17,O=Example", .names.values = { dns, ip, uris, emails }, .usages = usages,
                         .challenge_password = "dls-unique" };
  ClmKey *keys[] = { ec_key, rsa_key, ed_key };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autoptr (X509_REQ) request = build_good (&csr, keys[i]);
    g_autofree char *subject = clm_x509_request_get_subject (request), *password = clm_x509_request_get_challenge_password (request);
    g_autoptr (GBytes) spki = clm_x509_request_get_spki (request);
    g_auto (GStrv) asked = clm_x509_request_get_usages (request);

    g_assert_cmpstr (subject, ==, "CN=gw-17,O=Example");
    g_assert_true (g_bytes_equal (spki, clm_key_get_spki (keys[i])));
    g_assert_cmpstr (password, ==, "dls-unique");
    assert_names (request, CLM_NAME_DNS, "gw.example.com *.gw.example.com");
    assert_names (request, CLM_NAME_IP, "2001:db8::1");
    assert_names (request, CLM_NAME_URI, "urn:gw:17");
    assert_names (request, CLM_NAME_EMAIL, "gw@example.com");
    g_assert_true (g_strv_equal ((const char *const *) asked, usages));
    g_assert_false (clm_x509_request_wants_ca (request, NULL));
  }
}

static void
test_key_usage (void)
{
  static const char *const server[] = { "server", NULL }, *const ocsp[] = { "ocsp", NULL };
  const struct {
    ClmKey            *key;
    const char *const *usages;
    gboolean           is_ca;
    guint32            bits;
  } rows[] = {
    { ec_key, server, FALSE, KU_DIGITAL_SIGNATURE },
    { rsa_key, server, FALSE, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT },
    { rsa_key, ocsp, FALSE, KU_DIGITAL_SIGNATURE },
    { rsa_key, NULL, FALSE, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT },
    { ed_key, NULL, FALSE, KU_DIGITAL_SIGNATURE },
    { ec_key, NULL, TRUE, KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    ClmCsrTemplate csr = { .subject = "CN=x", .usages = rows[i].usages, .is_ca = rows[i].is_ca, .path_length = 1 };
    g_autoptr (X509_REQ) request = build_good (&csr, rows[i].key);
    int path_length;

    g_assert_cmphex (get_key_usage (request), ==, rows[i].bits);
    g_assert_true (clm_x509_request_wants_ca (request, &path_length) == rows[i].is_ca);
    g_assert_cmpint (path_length, ==, rows[i].is_ca ? 1 : -1);
  }
}

/* RFC 5280 §4.2.1.6 */
static void
test_names_are_critical_without_subject (void)
{
  static const char *const dns[] = { "gw", NULL };
  const char *subjects[] = { NULL, "CN=gw" };

  for (int i = 0; i < 2; i++) {
    ClmCsrTemplate csr = { .subject = subjects[i], .names.values = { dns } };
    g_autoptr (X509_REQ) request = build_good (&csr, ec_key);
    g_autoptr (ClmExtensionStack) extensions = X509_REQ_get_extensions (request);
    int at = X509v3_get_ext_by_NID (extensions, NID_subject_alt_name, -1);

    g_assert_cmpint (X509_EXTENSION_get_critical (X509v3_get_ext (extensions, at)), ==, i == 0);
  }
}

static void
test_bad_input (void)
{
  static const char *const bad_dns[] = { "gw_.*.com", NULL }, *const bad_usage[] = { "serve", NULL };
  g_autofree char *long_password = g_strnfill (256, 'x');
  const ClmCsrTemplate rows[] = {
    { .subject = "CN" }, { .subject = "CN=a\nb" }, { .subject = "C=Germany" }, { .subject = "XX=1" }, { .subject = "CN=a,,O=b" },
    { .names.values = { bad_dns } }, { .usages = bad_usage }, { .challenge_password = "" }, { .challenge_password = long_password },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    expect_error (&rows[i], CLM_ERROR_INVALID_ARGUMENT);
}

/* What the authority wants besides */

static void
check_attributes (const char *hex, int code)
{
  long size;
  unsigned char *data = OPENSSL_hexstr2buf (hex, &size);
  g_autoptr (GBytes) attributes = g_bytes_new (data, (gsize) size);
  ClmCsrTemplate csr = { .subject = "CN=gw", .extra_attributes = attributes };

  OPENSSL_free (data);
  if (code >= 0) {
    expect_error (&csr, (ClmError) code);
    return;
  }
  g_autoptr (X509_REQ) request = build_good (&csr, ec_key);
  g_assert_cmpint (X509_REQ_get_attr_count (request), >=, 1);
}

#define UNSTRUCTURED "300F06092A864886F70D01090231020C00"                       /* unstructuredName, "" */
#define CHALLENGE "301106092A864886F70D010907310413026869"                      /* challengePassword */

static void
test_attributes (void)
{
  check_attributes ("3100", -1);
  check_attributes ("3111" UNSTRUCTURED, -1);
  check_attributes ("3122" UNSTRUCTURED UNSTRUCTURED, CLM_ERROR_REJECTED);
  check_attributes ("3113" CHALLENGE, CLM_ERROR_REJECTED);
  check_attributes ("31020500", CLM_ERROR_REJECTED);
  check_attributes ("3000", CLM_ERROR_REJECTED);
  check_attributes ("3111" UNSTRUCTURED "00", CLM_ERROR_INVALID_DATA);
  check_attributes ("3112" UNSTRUCTURED, CLM_ERROR_INVALID_DATA);
}

static GBytes *
make_extension_request (int nid, const char *value)
{
  g_autoptr (X509_REQ) request = X509_REQ_new ();
  g_autoptr (ClmExtensionStack) extensions = sk_X509_EXTENSION_new_null ();
  g_autoptr (ASN1_SEQUENCE_ANY) set = sk_ASN1_TYPE_new_null ();
  g_autoptr (ClmOpenSSLBytes) der = NULL, whole = NULL;

  sk_X509_EXTENSION_push (extensions, X509V3_EXT_conf_nid (NULL, NULL, nid, value));
  X509_REQ_add_extensions (request, extensions);
  int size = i2d_X509_ATTRIBUTE (X509_REQ_get_attr (request, 0), &der);
  const unsigned char *at = der;
  ASN1_TYPE *item = d2i_ASN1_TYPE (NULL, &at, size);
  sk_ASN1_TYPE_push (set, item);
  size = i2d_ASN1_SET_ANY (set, &whole);
  return g_bytes_new (whole, (gsize) size);
}

/* An authority may add an extension, never change what the certificate is for. */
static void
test_extension_request (void)
{
  static const struct {
    int         nid;
    const char *value;
    gboolean    good;
  } rows[] = {
    { NID_tlsfeature, "status_request", TRUE },
    { NID_subject_alt_name, "DNS:evil.example", FALSE },
    { NID_ext_key_usage, "codeSigning", FALSE },         { NID_key_usage, "keyCertSign", FALSE },
    { NID_basic_constraints, "critical,CA:TRUE", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GBytes) attributes = make_extension_request (rows[i].nid, rows[i].value);
    ClmCsrTemplate csr = { .subject = "CN=gw", .extra_attributes = attributes };
    if (!rows[i].good) {
      expect_error (&csr, CLM_ERROR_REJECTED);
      continue;
    }
    g_autoptr (X509_REQ) request = build_good (&csr, ec_key);
    g_autoptr (ClmExtensionStack) extensions = X509_REQ_get_extensions (request);
    g_assert_cmpint (X509v3_get_ext_by_NID (extensions, rows[i].nid, -1), >=, 0);
    g_assert_cmpint (X509v3_get_ext_by_NID (extensions, NID_key_usage, -1), >=, 0);
  }
}

static void
test_key_unavailable (void)
{
  ClmCsrTemplate csr = { .subject = "CN=gw" };

  clm_memory_keys_fail_next (CLM_MEMORY_KEYS (store), 1, CLM_ERROR_KEY_UNAVAILABLE);
  expect_error (&csr, CLM_ERROR_KEY_UNAVAILABLE);
}

static void
test_cancelled (void)
{
  ClmCsrTemplate csr = { .subject = "CN=gw" };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  clm_csr_build_async (&csr, ec_key, cancellable, clm_await_done, &result);
  g_assert_null (clm_csr_build_finish (clm_await (&result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  store = clm_memory_keys_new ("memory");
  g_assert_true (clm_key_provider_init (look_up, NULL, &error));
  ec_key = clm_memory_keys_make (CLM_MEMORY_KEYS (store), CLM_KEY_TYPE_EC_P256, "ec");
  rsa_key = clm_memory_keys_make (CLM_MEMORY_KEYS (store), CLM_KEY_TYPE_RSA_2048, "rsa");
  ed_key = clm_memory_keys_make (CLM_MEMORY_KEYS (store), CLM_KEY_TYPE_ED25519, "ed");

  g_test_add_func ("/csr/says-what-was-asked", test_says_what_was_asked);
  g_test_add_func ("/csr/key-usage-follows-key-and-usages", test_key_usage);
  g_test_add_func ("/csr/names-are-critical-without-subject", test_names_are_critical_without_subject);
  g_test_add_func ("/csr/bad-input", test_bad_input);
  g_test_add_func ("/csr/attributes", test_attributes);
  g_test_add_func ("/csr/extension-request", test_extension_request);
  g_test_add_func ("/csr/key-unavailable", test_key_unavailable);
  g_test_add_func ("/csr/cancelled", test_cancelled);

  int result = g_test_run ();
  clm_await_idle ();
  g_object_unref (ec_key);
  g_object_unref (rsa_key);
  g_object_unref (ed_key);
  g_object_unref (store);
  return result;
}
