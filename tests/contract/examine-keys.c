/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "await.h"
#include "subject.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_MD_CTX, EVP_MD_CTX_free)

typedef struct {
  ClmSignScheme scheme;
  ClmHash       hash;
  const char   *name;
} Way;

static const Way ways[] = {
  {CLM_SIGN_ECDSA, CLM_HASH_SHA256, "ECDSA with SHA-256"},
  {CLM_SIGN_ECDSA, CLM_HASH_SHA384, "ECDSA with SHA-384"},
  {CLM_SIGN_RSA_PKCS1, CLM_HASH_SHA256, "RSA PKCS#1 with SHA-256"},
  {CLM_SIGN_RSA_PKCS1, CLM_HASH_SHA512, "RSA PKCS#1 with SHA-512"},
  {CLM_SIGN_RSA_PSS, CLM_HASH_SHA256, "RSA-PSS with SHA-256"},
  {CLM_SIGN_ED25519, CLM_HASH_NONE, "Ed25519"},
};

/* Calls that look plain */

static char *
create (ClmKeyStore *store, const char *key_type, gboolean exportable, const char *label, GError **error)
{
  ClmKeySpec spec = {.key_type = key_type, .exportable = exportable};
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_store_create_async (store, &spec, label, NULL, clm_await_done, &result);
  return clm_key_store_create_finish (store, report_await (&result, "create"), error);
}

static gboolean
destroy (ClmKeyStore *store, const char *id, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_store_destroy_async (store, id, NULL, clm_await_done, &result);
  return clm_key_store_destroy_finish (store, report_await (&result, "destroy"), error);
}

static ClmKey *
open_key (ClmKeyStore *store, const char *id, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_store_open_async (store, id, NULL, clm_await_done, &result);
  return clm_key_store_open_finish (store, report_await (&result, "open"), error);
}

static gboolean
is_listed (ClmKeyStore *store, const char *id, const char *label, const char *key_type)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_store_list_async (store, NULL, clm_await_done, &result);
  g_autoptr (GPtrArray) list = clm_key_store_list_finish (store, report_await (&result, "list"), NULL);
  for (guint i = 0; list != NULL && i < list->len; i++) {
    ClmKeyInfo *info = g_ptr_array_index (list, i);
    if (g_str_equal (info->id, id))
      return (info->label == NULL || g_str_equal (info->label, label)) && g_strcmp0 (info->key_type, key_type) == 0;
  }
  return FALSE;
}

static ClmSecret *
export_key (ClmKeyStore *store, const char *id, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_exporter_export_async (CLM_KEY_EXPORTER (store), id, NULL, clm_await_done, &result);
  return clm_key_exporter_export_finish (CLM_KEY_EXPORTER (store), report_await (&result, "export"), error);
}

static char *
import_key (ClmKeyStore *store, ClmSecret *pkcs8, const char *label, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_importer_import_async (CLM_KEY_IMPORTER (store), pkcs8, label, NULL, clm_await_done, &result);
  return clm_key_importer_import_finish (CLM_KEY_IMPORTER (store), report_await (&result, "import"), error);
}

/* Signing: in the store's lane, verified by OpenSSL */

static gboolean
verify (EVP_PKEY *public_key, const Way *way, const guint8 *data, gsize size, GBytes *signature)
{
  const guchar *bytes = g_bytes_get_data (signature, NULL);
  gsize length = g_bytes_get_size (signature);

  if (way->scheme == CLM_SIGN_ED25519) {
    g_autoptr (EVP_MD_CTX) message = EVP_MD_CTX_new ();
    return EVP_DigestVerifyInit (message, NULL, NULL, NULL, public_key) == 1 && EVP_DigestVerify (message, bytes, length, data, size) == 1;
  }
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new (public_key, NULL);
  const EVP_MD *digest = way->hash == CLM_HASH_SHA256 ? EVP_sha256 () : way->hash == CLM_HASH_SHA384 ? EVP_sha384 () : EVP_sha512 ();
  if (EVP_PKEY_verify_init (context) != 1 || EVP_PKEY_CTX_set_signature_md (context, digest) != 1)
    return FALSE;
  if (way->scheme == CLM_SIGN_RSA_PSS &&
      (EVP_PKEY_CTX_set_rsa_padding (context, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen (context, RSA_PSS_SALTLEN_DIGEST) != 1))
    return FALSE;
  return EVP_PKEY_verify (context, bytes, length, data, size) == 1;
}

static EVP_PKEY *
public_half (ClmKey *key)
{
  const guchar *der = g_bytes_get_data (clm_key_get_spki (key), NULL);

  return d2i_PUBKEY (NULL, &der, g_bytes_get_size (clm_key_get_spki (key)));
}

static gboolean
fits (const Way *way, const char *key_type)
{
  switch (way->scheme) {
    case CLM_SIGN_ECDSA: return g_str_has_prefix (key_type, "ec:");
    case CLM_SIGN_RSA_PKCS1:
    case CLM_SIGN_RSA_PSS: return g_str_has_prefix (key_type, "rsa:");
    case CLM_SIGN_ED25519: return g_str_equal (key_type, CLM_KEY_TYPE_ED25519);
    default: return FALSE;
  }
}

static GBytes *
sign (ClmKey *key, const Way *way, guint8 salt, GCancellable *cancellable, GError **error)
{
  guint8 digest[64];

  memset (digest, salt, sizeof digest);
  return clm_key_sign (key, way->scheme, way->hash, digest, way->hash == CLM_HASH_NONE ? 40 : clm_hash_size (way->hash), cancellable, error);
}

static void
examine_signing (ClmKey *key, const char *key_type)
{
  g_autoptr (EVP_PKEY) public_key = public_half (key);
  guint8 digest[64];

  memset (digest, 7, sizeof digest);
  if (!report_check (public_key != NULL, NULL, "key store: %s: the public half is a SubjectPublicKeyInfo", key_type))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    GError *error = NULL;
    g_autoptr (GBytes) signature = sign (key, &ways[i], 7, NULL, &error);
    gsize size = ways[i].hash == CLM_HASH_NONE ? 40 : clm_hash_size (ways[i].hash);
    if (fits (&ways[i], key_type)) {
      if (report_no_error (signature != NULL, &error, "key store: %s: signs %s", key_type, ways[i].name))
        report_check (verify (public_key, &ways[i], digest, size, signature), NULL, "key store: %s: the %s signature verifies", key_type,
                      ways[i].name);
    } else {
      report_check (signature == NULL && error->domain == CLM_ERROR, "it signed, or failed with an error of another domain",
                    "key store: %s: refuses %s", key_type, ways[i].name);
      g_clear_error (&error);
    }
  }
}

static gpointer
sign_often (gpointer data)
{
  ClmKey *key = data;
  const Way *way = &ways[0];
  g_autoptr (EVP_PKEY) public_key = public_half (key);
  gboolean ok = TRUE;

  for (guint8 i = 0; i < 8; i++) {
    guint8 digest[64];
    memset (digest, i, sizeof digest);
    g_autoptr (GBytes) signature = sign (key, way, i, NULL, NULL);
    ok = ok && signature != NULL && verify (public_key, way, digest, clm_hash_size (way->hash), signature);
  }
  return GINT_TO_POINTER (ok);
}

static void
examine_threads (ClmKey *key)
{
  GThread *threads[6];
  gboolean ok = TRUE;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("sign", sign_often, key);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    ok = GPOINTER_TO_INT (g_thread_join (threads[i])) && ok;
  report_check (ok, NULL, "key store: signs for several threads at once");

  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GError *error = NULL;
  g_cancellable_cancel (cancellable);
  G_GNUC_UNUSED g_autoptr (GBytes) signature = sign (key, &ways[0], 0, cancellable, &error);
  report_check (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED), NULL, "key store: a cancelled signature says CANCELLED");
  g_clear_error (&error);
}

/* Export and import */

static void
examine_import (ClmKeyStore *store, const char *key_type, ClmSecret *pkcs8, GBytes *spki)
{
  GError *error = NULL;
  g_autoptr (ClmSecret) garbage = clm_secret_new ("0\003not", 5);
  g_autofree char *id = import_key (store, pkcs8, "contract-imported", &error);

  if (!report_no_error (id != NULL, &error, "key store: %s: imports what was exported", key_type))
    return;
  g_autoptr (ClmKey) key = open_key (store, id, &error);
  report_no_error (key != NULL && g_bytes_equal (clm_key_get_spki (key), spki), &error, "key store: %s: the imported key is the same", key_type);
  g_autofree char *bad = import_key (store, garbage, "contract-garbage", &error);
  report_check (bad == NULL && g_error_matches (error, CLM_ERROR, CLM_ERROR_INVALID_DATA), error != NULL ? error->message : "it was taken",
                "key store: %s: garbage is refused with INVALID_DATA", key_type);
  g_clear_error (&error);
  report_no_error (destroy (store, id, &error), &error, "key store: %s: destroys the imported key", key_type);
}

static void
examine_export (ClmKeyStore *store, const char *key_type)
{
  GError *error = NULL;
  g_autofree char *id = create (store, key_type, TRUE, "contract-exportable", &error);
  g_autoptr (ClmKey) key = id != NULL ? open_key (store, id, &error) : NULL;

  if (!report_no_error (key != NULL, &error, "key store: %s: makes an exportable key", key_type))
    return;
  g_autoptr (ClmSecret) pkcs8 = export_key (store, id, &error);
  if (!report_no_error (pkcs8 != NULL, &error, "key store: %s: exports it", key_type))
    return;
  gsize size;
  const guchar *der = clm_secret_peek (pkcs8, &size), *p = der;
  PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO (NULL, &p, size);
  g_autoptr (EVP_PKEY) private_key = info != NULL ? EVP_PKCS82PKEY (info) : NULL, public_key = public_half (key);
  PKCS8_PRIV_KEY_INFO_free (info);
  report_check (private_key != NULL && p == der + size && EVP_PKEY_eq (private_key, public_key) == 1, NULL,
                "key store: %s: the export is PKCS#8 of that key", key_type);
  report_no_error (destroy (store, id, &error), &error, "key store: %s: destroys the exportable key", key_type);
  if (CLM_IS_KEY_IMPORTER (store))
    examine_import (store, key_type, pkcs8, clm_key_get_spki (key));
}

static void
examine_kept_inside (ClmKeyStore *store, const char *key_type, const char *id)
{
  GError *error = NULL;
  g_autoptr (ClmSecret) secret = export_key (store, id, &error);

  report_check (secret == NULL && g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED), error != NULL ? error->message : "it was exported",
                "key store: %s: a key not made exportable stays inside", key_type);
  g_clear_error (&error);
}

/* One type */

static void
examine_destruction (ClmKeyStore *store, const char *key_type, const char *id)
{
  GError *error = NULL;

  report_no_error (destroy (store, id, &error), &error, "key store: %s: destroys the key", key_type);
  report_no_error (destroy (store, id, &error), &error, "key store: %s: destroying it again succeeds", key_type);
  g_autoptr (ClmKey) key = open_key (store, id, &error);
  report_check (key == NULL && g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_FOUND), error != NULL ? error->message : "it is there",
                "key store: %s: a destroyed key is NOT_FOUND", key_type);
  g_clear_error (&error);
}

static void
examine_type (ClmKeyStore *store, const char *key_type)
{
  GError *error = NULL;
  g_autofree char *id = create (store, key_type, FALSE, "contract", &error);

  if (!report_no_error (id != NULL, &error, "key store: %s: makes a key", key_type))
    return;
  g_autofree char *again = create (store, key_type, FALSE, "contract", &error);
  report_no_error (g_strcmp0 (id, again) == 0, &error, "key store: %s: the same label gives the same key", key_type);
  report_check (is_listed (store, id, "contract", key_type), NULL, "key store: %s: lists it with label and type", key_type);
  g_autoptr (ClmKey) key = open_key (store, id, &error);
  if (report_no_error (key != NULL, &error, "key store: %s: opens it", key_type)) {
    examine_signing (key, key_type);
    if (g_str_equal (key_type, CLM_KEY_TYPE_EC_P256))
      examine_threads (key);
  }
  if (CLM_IS_KEY_EXPORTER (store))
    examine_kept_inside (store, key_type, id);
  examine_destruction (store, key_type, id);
  if (CLM_IS_KEY_EXPORTER (store))
    examine_export (store, key_type);
}

static void
examine_conflict (ClmKeyStore *store, const char *const *types)
{
  GError *error = NULL;
  g_autofree char *bad = create (store, "rsa:512", FALSE, "contract-weak", &error);

  report_check (bad == NULL && g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED), error != NULL ? error->message : "it was made",
                "key store: RSA-512 is NOT_SUPPORTED");
  g_clear_error (&error);
  if (types[0] == NULL || types[1] == NULL)
    return;
  g_autofree char *id = create (store, types[0], FALSE, "contract-taken", &error);
  g_clear_error (&error);
  g_autofree char *other = create (store, types[1], FALSE, "contract-taken", &error);
  report_check (other == NULL && g_error_matches (error, CLM_ERROR, CLM_ERROR_EXISTS), error != NULL ? error->message : "it was made",
                "key store: another kind of key under a label in use is EXISTS");
  g_clear_error (&error);
  if (id != NULL)
    report_no_error (destroy (store, id, &error), &error, "key store: cleans up");
}

void
examine_keys (const Subject *self)
{
  GError *error = NULL;
  ClmKeyStore *store = subject_start (self, FALSE, NULL, &error);

  if (!report_no_error (store != NULL, &error, "key store: it starts"))
    return;
  const char *const *types = clm_key_store_get_key_types (store);
  report_check (types[0] != NULL, NULL, "key store: it names the types it makes");
  for (guint i = 0; types[i] != NULL; i++) {
    if (self->quick && (g_str_equal (types[i], CLM_KEY_TYPE_RSA_3072) || g_str_equal (types[i], CLM_KEY_TYPE_RSA_4096)))
      report_skip ("--quick", "key store: %s", types[i]);
    else
      examine_type (store, types[i]);
  }
  examine_conflict (store, types);
  subject_stop (store);
  clm_await_idle ();
  report_manners ("key store");
}
