/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-provider.h"

#include "certificate.h"
#include "memory-keys.h"
#include "openssl-error.h"

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <string.h>

static ClmKeyStore *store;
static GMutex lock;
static GHashTable *keys;   /* URI → ClmKey */

static ClmKey *
look_up (const char *uri, gpointer user_data, GError **error)
{
  g_mutex_lock (&lock);
  ClmKey *key = g_hash_table_lookup (keys, uri);
  if (key)
    g_object_ref (key);
  g_mutex_unlock (&lock);
  if (!key)
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no key %s", uri);
  return key;
}

static char *
make_key (const char *key_type)
{
  static guint count;
  g_autofree char *label = g_strdup_printf ("key %u", count++);
  ClmKey *key = clm_memory_keys_make (CLM_MEMORY_KEYS (store), key_type, label);
  char *uri = g_strdup (clm_key_get_uri (key));

  g_mutex_lock (&lock);
  g_hash_table_insert (keys, g_strdup (uri), key);
  g_mutex_unlock (&lock);
  return uri;
}

/* Keys block, so every test runs beside the main thread. */
typedef void (*TestBody) (const char *key_type);

typedef struct {
  TestBody    body;
  const char *key_type;
} Row;

static gpointer
run_row (gpointer data)
{
  const Row *row = data;

  row->body (row->key_type);
  return NULL;
}

static void
in_thread (gconstpointer row)
{
  g_thread_join (g_thread_new ("worker", run_row, (gpointer) row));
}

static EVP_PKEY *
open_new (const char *key_type)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = make_key (key_type);
  EVP_PKEY *key = clm_x509_open_key (uri, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (OSSL_PROVIDER_get0_name (EVP_PKEY_get0_provider (key)), ==, "clm");
  g_assert_cmpstr (clm_x509_key_get_type (key), ==, key_type);
  return key;
}

static EVP_PKEY *
get_public (EVP_PKEY *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, &error);
  g_assert_no_error (error);
  EVP_PKEY *public = clm_x509_key_from_spki (spki, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (OSSL_PROVIDER_get0_name (EVP_PKEY_get0_provider (public)), ==, "default");
  return public;
}

static X509 *
new_certificate (EVP_PKEY *key)
{
  g_autoptr (X509_NAME) name = clm_x509_name_parse ("CN=gateway", NULL);
  X509 *certificate = X509_new ();

  X509_set_version (certificate, X509_VERSION_3);
  ASN1_INTEGER_set (X509_get_serialNumber (certificate), 17);
  X509_set_subject_name (certificate, name);
  X509_set_issuer_name (certificate, name);
  X509_gmtime_adj (X509_getm_notBefore (certificate), -60);
  X509_gmtime_adj (X509_getm_notAfter (certificate), 3600);
  g_assert_cmpint (X509_set_pubkey (certificate, key), ==, 1);
  return certificate;
}

static X509 *
self_sign (EVP_PKEY *key)
{
  X509 *certificate = new_certificate (key);

  g_assert_cmpint (X509_sign (certificate, key, clm_x509_get_digest (key)), >, 0);
  return certificate;
}

/* What signs, one test each */

static void
test_request (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (EVP_PKEY) public = get_public (key);
  g_autoptr (X509_REQ) request = X509_REQ_new ();

  g_assert_cmpint (X509_REQ_set_pubkey (request, key), ==, 1);
  g_assert_cmpint (X509_REQ_sign (request, key, clm_x509_get_digest (key)), >, 0);
  g_assert_cmpint (X509_REQ_verify (request, key), ==, 1);
  g_assert_cmpint (X509_REQ_verify (request, public), ==, 1);
}

static void
test_certificate (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (EVP_PKEY) public = get_public (key);
  g_autoptr (X509) certificate = self_sign (key);
  g_autoptr (GBytes) der = clm_x509_to_der (certificate);
  g_autoptr (X509) again = clm_x509_parse (der, NULL);

  g_assert_cmpint (X509_verify (again, public), ==, 1);
  g_assert_cmpint (X509_verify (certificate, key), ==, 1);
  g_assert_cmpint (X509_check_private_key (again, key), ==, 1);
  g_assert_cmpint (EVP_PKEY_eq (key, public), ==, 1);
  g_assert_cmpint (EVP_PKEY_eq (public, key), ==, 1);
}

static void
test_crl (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (EVP_PKEY) public = get_public (key);
  g_autoptr (X509_NAME) name = clm_x509_name_parse ("CN=CA", NULL);
  g_autoptr (X509_CRL) crl = X509_CRL_new ();
  ASN1_TIME *now = ASN1_TIME_set (NULL, 1700000000);

  X509_CRL_set_version (crl, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name (crl, name);
  X509_CRL_set1_lastUpdate (crl, now);
  X509_CRL_set1_nextUpdate (crl, now);
  ASN1_TIME_free (now);
  g_assert_cmpint (X509_CRL_sign (crl, key, clm_x509_get_digest (key)), >, 0);
  g_assert_cmpint (X509_CRL_verify (crl, public), ==, 1);
}

static void
test_cms (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = self_sign (key);
  g_autoptr (BIO) data = BIO_new_mem_buf ("renewal", -1);
  g_autoptr (CMS_ContentInfo) cms = CMS_sign (certificate, key, NULL, data, CMS_BINARY);

  g_assert_nonnull (cms);
  g_assert_cmpint (CMS_verify (cms, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY), ==, 1);
}

static void
test_cms_pss (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = self_sign (key);
  g_autoptr (BIO) data = BIO_new_mem_buf ("renewal", -1);
  g_autoptr (CMS_ContentInfo) cms = CMS_sign (NULL, NULL, NULL, data, CMS_BINARY | CMS_PARTIAL);
  CMS_SignerInfo *signer = CMS_add1_signer (cms, certificate, key, EVP_sha256 (), CMS_KEY_PARAM);

  g_assert_nonnull (signer);
  g_assert_cmpint (EVP_PKEY_CTX_set_rsa_padding (CMS_SignerInfo_get0_pkey_ctx (signer), RSA_PKCS1_PSS_PADDING), >, 0);
  g_assert_cmpint (CMS_final (cms, data, NULL, CMS_BINARY), ==, 1);
  g_assert_cmpint (CMS_verify (cms, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY), ==, 1);
}

static void
test_pkcs7 (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = self_sign (key);
  g_autoptr (BIO) data = BIO_new_mem_buf ("renewal", -1);
  g_autoptr (PKCS7) pkcs7 = PKCS7_sign (certificate, key, NULL, data, PKCS7_BINARY);
  g_autoptr (ClmX509Stack) none = sk_X509_new_null ();
  g_autoptr (X509_STORE) anchors = X509_STORE_new ();

  g_assert_nonnull (pkcs7);
  g_assert_cmpint (PKCS7_verify (pkcs7, none, anchors, NULL, NULL, PKCS7_NOVERIFY), ==, 1);
}

static void
test_ocsp (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = self_sign (key);
  g_autoptr (OCSP_BASICRESP) response = OCSP_BASICRESP_new ();
  g_autoptr (OCSP_CERTID) id = OCSP_cert_to_id (EVP_sha256 (), certificate, certificate);
  g_autoptr (ClmX509Stack) signers = sk_X509_new_null ();
  ASN1_TIME *now = ASN1_TIME_set (NULL, 1700000000);

  g_assert_nonnull (OCSP_basic_add1_status (response, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, NULL));
  ASN1_TIME_free (now);
  g_assert_cmpint (OCSP_basic_sign (response, certificate, key, clm_x509_get_digest (key), NULL, 0), ==, 1);
  X509_up_ref (certificate);
  sk_X509_push (signers, certificate);
  g_assert_cmpint (OCSP_basic_verify (response, signers, NULL, OCSP_TRUSTOTHER), ==, 1);
}

static void
test_pss (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (EVP_PKEY) public = get_public (key);
  g_autoptr (X509) certificate = new_certificate (key);
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  EVP_PKEY_CTX *params = NULL;

  g_assert_cmpint (EVP_DigestSignInit (context, &params, EVP_sha384 (), NULL, key), ==, 1);
  g_assert_cmpint (EVP_PKEY_CTX_set_rsa_padding (params, RSA_PKCS1_PSS_PADDING), >, 0);
  g_assert_cmpint (EVP_PKEY_CTX_set_rsa_pss_saltlen (params, RSA_PSS_SALTLEN_DIGEST), >, 0);
  g_assert_cmpint (X509_sign_ctx (certificate, context), >, 0);
  g_assert_cmpint (X509_get_signature_nid (certificate), ==, NID_rsassaPss);
  g_assert_cmpint (X509_verify (certificate, public), ==, 1);
  g_assert_cmpint (X509_verify (certificate, key), ==, 1);
}

/* A salt that stores do not make must not be promised in the AlgorithmIdentifier. */
static void
test_pss_salt (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  EVP_PKEY_CTX *params = NULL;

  g_assert_cmpint (EVP_DigestSignInit (context, &params, EVP_sha256 (), NULL, key), ==, 1);
  g_assert_cmpint (EVP_PKEY_CTX_set_rsa_padding (params, RSA_PKCS1_PSS_PADDING), >, 0);
  g_assert_cmpint (EVP_PKEY_CTX_set_rsa_pss_saltlen (params, RSA_PSS_SALTLEN_MAX), <=, 0);
  g_assert_cmpint (EVP_PKEY_CTX_set_rsa_pss_saltlen (params, 20), <=, 0);
  g_assert_cmpint (EVP_PKEY_CTX_set_rsa_pss_saltlen (params, 32), >, 0);
  ERR_clear_error ();
}

static void
shake_hands (SSL *client, SSL *server)
{
  for (guint i = 0; i < 20 && (!SSL_is_init_finished (client) || !SSL_is_init_finished (server)); i++) {
    SSL_do_handshake (client);
    SSL_do_handshake (server);
  }
  ERR_print_errors_fp (stderr);
  g_assert_true (SSL_is_init_finished (client) && SSL_is_init_finished (server));
}

static SSL_CTX *
new_side (const SSL_METHOD *method, int version, EVP_PKEY *key, X509 *certificate, X509 *peer)
{
  SSL_CTX *side = SSL_CTX_new (method);

  SSL_CTX_set_min_proto_version (side, version);
  SSL_CTX_set_max_proto_version (side, version);
  g_assert_cmpint (SSL_CTX_use_certificate (side, certificate), ==, 1);
  g_assert_cmpint (SSL_CTX_use_PrivateKey (side, key), ==, 1);
  g_assert_cmpint (SSL_CTX_check_private_key (side), ==, 1);
  X509_STORE_add_cert (SSL_CTX_get_cert_store (side), peer);
  SSL_CTX_set_verify (side, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  return side;
}

/* Both sides prove themselves, so the key signs once as server and once as client. */
static void
check_tls (const char *key_type, int version)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = self_sign (key);
  SSL_CTX *server_side = new_side (TLS_server_method (), version, key, certificate, certificate);
  SSL_CTX *client_side = new_side (TLS_client_method (), version, key, certificate, certificate);
  SSL *server = SSL_new (server_side), *client = SSL_new (client_side);
  BIO *a, *b;

  g_assert_cmpint (BIO_new_bio_pair (&a, 0, &b, 0), ==, 1);
  SSL_set_bio (server, a, a);
  SSL_set_bio (client, b, b);
  SSL_set_accept_state (server);
  SSL_set_connect_state (client);
  shake_hands (client, server);
  g_assert_cmpint (SSL_version (client), ==, version);
  g_assert_cmpint (SSL_get_verify_result (server), ==, X509_V_OK);
  SSL_free (server);
  SSL_free (client);
  SSL_CTX_free (server_side);
  SSL_CTX_free (client_side);
}

static void
test_tls_1_2 (const char *key_type)
{
  check_tls (key_type, TLS1_2_VERSION);
}

static void
test_tls_1_3 (const char *key_type)
{
  check_tls (key_type, TLS1_3_VERSION);
}

static void
test_no_export (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (GError) error = NULL;
  OSSL_PARAM *params = NULL;
  unsigned char *der = NULL;
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());

  g_assert_cmpint (EVP_PKEY_todata (key, EVP_PKEY_KEYPAIR, &params), !=, 1);
  g_assert_cmpint (EVP_PKEY_todata (key, EVP_PKEY_PUBLIC_KEY, &params), ==, 1);
  OSSL_PARAM_free (params);
  g_assert_cmpint (i2d_PrivateKey (key, &der), <=, 0);
  g_assert_cmpint (PEM_write_bio_PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL), <=, 0);
  g_assert_null (clm_x509_key_to_pkcs8 (key, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
}

/* Errors keep what the store said, whatever lies between. */
static void
test_store_error (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = new_certificate (key);
  g_autoptr (GError) error = NULL;

  clm_memory_keys_fail_next (CLM_MEMORY_KEYS (store), 1, CLM_ERROR_KEY_UNAVAILABLE);
  g_assert_cmpint (X509_sign (certificate, key, clm_x509_get_digest (key)), <=, 0);
  clm_x509_set_error (&error, CLM_ERROR_FAILED, "cannot sign");
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  g_assert_true (g_str_has_prefix (error->message, "cannot sign: key clm-key://"));
  g_assert_cmpuint (ERR_peek_error (), ==, 0);
  g_assert_cmpint (X509_sign (certificate, key, clm_x509_get_digest (key)), >, 0);
}

static void
test_cancel (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = new_certificate (key);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_cancellable_push_current (cancellable);
  g_assert_cmpint (X509_sign (certificate, key, clm_x509_get_digest (key)), <=, 0);
  g_cancellable_pop_current (cancellable);
  clm_x509_set_error (&error, CLM_ERROR_FAILED, "cannot sign");
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* SHA-1 is no hash a store knows. */
static void
test_weak_hash (const char *key_type)
{
  g_autoptr (EVP_PKEY) key = open_new (key_type);
  g_autoptr (X509) certificate = new_certificate (key);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (X509_sign (certificate, key, EVP_sha1 ()), <=, 0);
  clm_x509_set_error (&error, CLM_ERROR_FAILED, "cannot sign");
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
}

/* What is not ours */

static void
test_ordinary_keys (const char *key_type)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (key_type, &error);
  g_assert_no_error (error);
  g_autoptr (ClmSecret) pem = clm_x509_key_to_pem (key, &error);
  g_assert_no_error (error);
  g_autoptr (EVP_PKEY) again = clm_x509_key_from_pem (pem, &error);
  g_assert_no_error (error);
  g_autoptr (BIO) bio = BIO_new_mem_buf (clm_secret_peek (pem, NULL), -1);
  g_autoptr (EVP_PKEY) plain = PEM_read_bio_PrivateKey (bio, NULL, NULL, NULL);
  g_autoptr (X509) certificate = self_sign (plain);

  g_assert_cmpstr (OSSL_PROVIDER_get0_name (EVP_PKEY_get0_provider (key)), ==, "default");
  g_assert_cmpstr (OSSL_PROVIDER_get0_name (EVP_PKEY_get0_provider (again)), ==, "default");
  g_assert_cmpstr (OSSL_PROVIDER_get0_name (EVP_PKEY_get0_provider (plain)), ==, "default");
  g_assert_cmpint (EVP_PKEY_eq (key, plain), ==, 1);
  g_assert_cmpint (X509_verify (certificate, again), ==, 1);
}

static void
test_unknown_key (const char *key_type)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_x509_open_key ("clm-key://memory/nobody", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (clm_x509_open_key ("file:/etc/passwd", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

/* OpenSSL looks for a file of that name when a URI has no "//". */
static void
test_file_trap (const char *key_type)
{
  g_autofree char *directory = g_dir_make_tmp ("clm-XXXXXX", NULL), *old = g_get_current_dir (), *deep = NULL, *file = NULL;
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (key_type, NULL);
  g_autoptr (ClmSecret) pem = clm_x509_key_to_pem (key, NULL);
  g_autoptr (GError) error = NULL;
  static const char *const uris[] = { "clm-key:memory/trap", "clm-key://memory/trap", "clm-key:/memory/trap" };
  gsize size;
  const char *text = clm_secret_peek (pem, &size);

  g_assert_cmpint (g_chdir (directory), ==, 0);
  deep = g_build_filename (directory, "clm-key:", "memory", NULL);
  file = g_build_filename (deep, "trap", NULL);
  g_mkdir_with_parents (deep, 0700);
  g_assert_true (g_file_set_contents (file, text, (gssize) size, NULL));
  g_assert_cmpint (g_mkdir ("clm-key:memory", 0700), ==, 0);
  g_assert_true (g_file_set_contents ("clm-key:memory/trap", text, (gssize) size, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (uris); i++) {
    g_assert_null (clm_x509_open_key (uris[i], &error));
    g_assert_nonnull (error);
    g_clear_error (&error);
  }
  g_unlink ("clm-key:memory/trap");
  g_rmdir ("clm-key:memory");
  g_unlink (file);
  g_rmdir (deep);
  g_rmdir ("clm-key:");
  g_assert_cmpint (g_chdir (old), ==, 0);
  g_rmdir (directory);
}

/* Threads: each opens and uses keys that others use, too. */

#define N_THREADS 8
#define N_ROUNDS 25

static gpointer
sign_often (gpointer data)
{
  const char *uri = data;

  for (guint i = 0; i < N_ROUNDS; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (EVP_PKEY) key = clm_x509_open_key (uri, &error);
    g_assert_no_error (error);
    g_autoptr (X509) certificate = self_sign (key);
    g_assert_cmpint (X509_verify (certificate, key), ==, 1);
    g_autoptr (EVP_PKEY) none = clm_x509_open_key ("clm-key://memory/nobody", &error);
    g_assert_null (none);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  }
  return NULL;
}

static void
test_threads (void)
{
  g_autofree char *ec = make_key (CLM_KEY_TYPE_EC_P256), *rsa = make_key (CLM_KEY_TYPE_RSA_2048);
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("signer", sign_often, i % 4 ? ec : rsa);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

#define EC CLM_KEY_TYPE_EC_P256
#define EC384 CLM_KEY_TYPE_EC_P384
#define RSA2048 CLM_KEY_TYPE_RSA_2048
#define ED CLM_KEY_TYPE_ED25519
#define ALL { EC, EC384, RSA2048, ED }
#define DIGESTED { EC, EC384, RSA2048 }

static const struct {
  const char *name;
  TestBody    body;
  const char *key_types[5];
} table[] = {
  { "request", test_request, ALL },
  { "certificate", test_certificate, ALL },
  { "crl", test_crl, ALL },
  { "cms", test_cms, DIGESTED },
  { "cms-pss", test_cms_pss, { RSA2048 } },
  { "pkcs7", test_pkcs7, DIGESTED },
  { "ocsp", test_ocsp, ALL },
  { "pss", test_pss, { RSA2048 } },
  { "pss-salt-as-long-as-digest", test_pss_salt, { RSA2048 } },
  { "tls-1.2-both-sides", test_tls_1_2, ALL },
  { "tls-1.3-both-sides", test_tls_1_3, ALL },
  { "private-half-stays", test_no_export, ALL },
  { "store-error-arrives", test_store_error, ALL },
  { "cancellation-arrives", test_cancel, { EC } },
  { "no-weak-hash", test_weak_hash, { EC, RSA2048 } },
  { "ordinary-keys-stay-in-default", test_ordinary_keys, ALL },
  { "unknown-key", test_unknown_key, { EC } },
  { "never-a-file", test_file_trap, { EC } },
};

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  store = clm_memory_keys_new ("memory");
  keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  g_assert_true (clm_key_provider_init (look_up, NULL, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    for (guint j = 0; table[i].key_types[j]; j++) {
      g_autofree char *path = g_strdup_printf ("/key-provider/%s/%s", table[i].name, table[i].key_types[j]);
      Row *row = g_new (Row, 1);
      *row = (Row) { table[i].body, table[i].key_types[j] };
      g_test_add_data_func_full (path, row, in_thread, g_free);
    }
  g_test_add_func ("/key-provider/threads", test_threads);

  int result = g_test_run ();
  g_hash_table_unref (keys);
  g_object_unref (store);
  return result;
}
