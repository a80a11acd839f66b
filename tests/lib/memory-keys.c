/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-keys.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_MD_CTX, EVP_MD_CTX_free)

typedef struct {
  EVP_PKEY *key;
  char     *label;
  char     *key_type;
  gboolean  exportable;
} Entry;

struct _ClmMemoryKeys {
  ClmKeyStore parent_instance;

  GMutex      lock;
  GHashTable *entries;      /* id → Entry */
  char       *control;
  guint       failures;
  ClmError    failure_code;
};

static void exporter_init (ClmKeyExporterInterface *iface);
static void importer_init (ClmKeyImporterInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ClmMemoryKeys, clm_memory_keys, CLM_TYPE_KEY_STORE,
                               G_IMPLEMENT_INTERFACE (CLM_TYPE_KEY_EXPORTER, exporter_init)
                               G_IMPLEMENT_INTERFACE (CLM_TYPE_KEY_IMPORTER, importer_init))

static const char *const key_types[] = {
  CLM_KEY_TYPE_EC_P256, CLM_KEY_TYPE_EC_P384, CLM_KEY_TYPE_RSA_2048, CLM_KEY_TYPE_RSA_3072, CLM_KEY_TYPE_RSA_4096,
  CLM_KEY_TYPE_ED25519, NULL
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  EVP_PKEY_free (entry->key);
  g_free (entry->label);
  g_free (entry->key_type);
  g_free (entry);
}

/* What the test wants to go wrong */

static char *
read_control (ClmMemoryKeys *self)
{
  char *text = NULL;

  if (self->control != NULL && g_file_get_contents (self->control, &text, NULL, NULL))
    g_strstrip (text);
  return text;
}

static gboolean
take_failure (ClmMemoryKeys *self, GError **error)
{
  g_mutex_lock (&self->lock);
  gboolean fails = self->failures > 0;
  if (fails)
    self->failures--;
  g_mutex_unlock (&self->lock);
  if (fails)
    g_set_error (error, CLM_ERROR, self->failure_code, "the key store fails on request");
  return fails;
}

/* What Control= says of @operation: "[OPERATION] WORD". Returns: (transfer full) (nullable): the word. */
static char *
read_word (ClmMemoryKeys *self, const char *operation)
{
  g_autofree char *control = read_control (self);
  g_auto (GStrv) words = control != NULL ? g_strsplit (control, " ", 2) : NULL;

  if (words == NULL || words[0] == NULL)
    return NULL;
  if (words[1] == NULL)
    return g_strdup (words[0]);
  return g_str_equal (words[0], operation) ? g_strdup (words[1]) : NULL;
}

static gboolean
refuses (const char *word, const char *operation, GError **error)
{
  static const struct { const char *word; ClmError code; } refusals[] = {
    {"unavailable", CLM_ERROR_KEY_UNAVAILABLE}, {"busy", CLM_ERROR_BUSY}, {"config", CLM_ERROR_CONFIG},
    {"unreachable", CLM_ERROR_UNREACHABLE},
  };

  for (guint i = 0; word != NULL && i < G_N_ELEMENTS (refusals); i++)
    if (g_str_equal (refusals[i].word, word)) {
      g_set_error (error, CLM_ERROR, refusals[i].code, "the key store was told to answer \"%s\" to %s", word, operation);
      return TRUE;
    }
  return FALSE;
}

static gboolean
works (ClmMemoryKeys *self, const char *operation, GCancellable *cancellable, GError **error)
{
  for (;;) {
    g_autofree char *word = read_word (self, operation);
    if (g_cancellable_set_error_if_cancelled (cancellable, error) || refuses (word, operation, error))
      return FALSE;
    if (g_strcmp0 (word, "slow") != 0)
      return !take_failure (self, error);
    g_usleep (10000);
  }
}

/* Keys */

static EVP_PKEY *
generate (const char *key_type, GError **error)
{
  EVP_PKEY *key = NULL;

  if (g_str_equal (key_type, CLM_KEY_TYPE_EC_P256))
    key = EVP_EC_gen ("P-256");
  else if (g_str_equal (key_type, CLM_KEY_TYPE_EC_P384))
    key = EVP_EC_gen ("P-384");
  else if (g_str_equal (key_type, CLM_KEY_TYPE_ED25519))
    key = EVP_PKEY_Q_keygen (NULL, NULL, "ED25519");
  else if (g_strv_contains (key_types, key_type))
    key = EVP_RSA_gen (atoi (key_type + strlen ("rsa:")));
  if (key == NULL)
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "this key store makes no %s keys", key_type);
  return key;
}

static const char *
type_of (EVP_PKEY *key)
{
  int bits = EVP_PKEY_get_bits (key);

  switch (EVP_PKEY_get_base_id (key)) {
    case EVP_PKEY_ED25519: return CLM_KEY_TYPE_ED25519;
    case EVP_PKEY_EC: return bits == 256 ? CLM_KEY_TYPE_EC_P256 : bits == 384 ? CLM_KEY_TYPE_EC_P384 : NULL;
    case EVP_PKEY_RSA: return bits == 2048 ? CLM_KEY_TYPE_RSA_2048 : bits == 3072 ? CLM_KEY_TYPE_RSA_3072
                            : bits == 4096 ? CLM_KEY_TYPE_RSA_4096 : NULL;
    default: return NULL;
  }
}

static char *
id_of (const char *label)
{
  return g_strconcat ("key/", label, "?", NULL);
}

/* Called with the lock held. */
static void
put (ClmMemoryKeys *self, const char *id, EVP_PKEY *key, const char *label, const char *key_type, gboolean exportable)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->key = key;
  entry->label = g_strdup (label);
  entry->key_type = g_strdup (key_type);
  entry->exportable = exportable;
  g_hash_table_insert (self->entries, g_strdup (id), entry);
}

static EVP_PKEY *
get (ClmMemoryKeys *self, const char *id, GError **error)
{
  g_mutex_lock (&self->lock);
  Entry *entry = g_hash_table_lookup (self->entries, id);
  EVP_PKEY *key = entry != NULL ? entry->key : NULL;
  if (key != NULL)
    EVP_PKEY_up_ref (key);
  g_mutex_unlock (&self->lock);
  if (key == NULL)
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no key %s", id);
  return key;
}

static char *
create (ClmMemoryKeys *self, const char *key_type, gboolean exportable, const char *label, GError **error)
{
  g_autofree char *id = id_of (label);

  g_mutex_lock (&self->lock);
  Entry *old = g_hash_table_lookup (self->entries, id);
  gboolean exists = old != NULL, fits = exists && g_str_equal (old->key_type, key_type) && (old->exportable || !exportable);
  g_mutex_unlock (&self->lock);
  if (fits)
    return g_steal_pointer (&id);
  if (exists) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_EXISTS, "another key has the label %s", label);
    return NULL;
  }
  EVP_PKEY *key = generate (key_type, error);
  if (key == NULL)
    return NULL;
  g_mutex_lock (&self->lock);
  put (self, id, key, label, key_type, exportable);
  g_mutex_unlock (&self->lock);
  return g_steal_pointer (&id);
}

/* Asynchronous operations: each a small job in the store's lane */

typedef struct {
  char      *text;      /* label or id */
  char      *key_type;
  gboolean   exportable;
  ClmSecret *pkcs8;
} Order;

static void
order_free (gpointer data)
{
  Order *order = data;

  g_free (order->text);
  g_free (order->key_type);
  g_clear_pointer (&order->pkcs8, clm_secret_unref);
  g_free (order);
}

static void
run (gpointer self, const char *text, const char *key_type, gboolean exportable, ClmSecret *pkcs8, GTaskThreadFunc func,
     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Order *order = g_new0 (Order, 1);

  order->text = g_strdup (text);
  order->key_type = g_strdup (key_type);
  order->exportable = exportable;
  order->pkcs8 = pkcs8 != NULL ? clm_secret_ref (pkcs8) : NULL;
  g_task_set_task_data (task, order, order_free);
  clm_key_store_run_in_thread (CLM_KEY_STORE (self), task, func);
}

static void
give (GTask *task, gpointer value, GDestroyNotify destroy, GError *error)
{
  if (value != NULL)
    g_task_return_pointer (task, value, destroy);
  else
    g_task_return_error (task, error);
}

static gpointer
finish (gpointer self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
create_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Order *order = data;
  GError *error = NULL;
  char *id = works (source, "create", cancellable, &error) ? create (source, order->key_type, order->exportable, order->text, &error) : NULL;

  give (task, id, g_free, error);
}

static void
create_async (ClmKeyStore *self, const ClmKeySpec *spec, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, label, spec->key_type, spec->exportable, NULL, create_in_thread, cancellable, callback, user_data);
}

static char *
create_finish (ClmKeyStore *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error);
}

static void
destroy_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ClmMemoryKeys *self = source;
  Order *order = data;
  GError *error = NULL;

  if (!works (self, "destroy", cancellable, &error)) {
    g_task_return_error (task, error);
    return;
  }
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->entries, order->text);
  g_mutex_unlock (&self->lock);
  g_task_return_boolean (task, TRUE);
}

static void
destroy_async (ClmKeyStore *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, id, NULL, FALSE, NULL, destroy_in_thread, cancellable, callback, user_data);
}

static gboolean
destroy_finish (ClmKeyStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
list_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ClmMemoryKeys *self = source;
  GError *error = NULL;
  GHashTableIter iter;
  gpointer id, value;

  if (!works (self, "list", cancellable, &error)) {
    g_task_return_error (task, error);
    return;
  }
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_key_info_free);
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    Entry *entry = value;
    g_ptr_array_add (list, clm_key_info_new (id, entry->label, entry->key_type));
  }
  g_mutex_unlock (&self->lock);
  g_task_return_pointer (task, list, (GDestroyNotify) g_ptr_array_unref);
}

static void
list_async (ClmKeyStore *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, NULL, NULL, FALSE, NULL, list_in_thread, cancellable, callback, user_data);
}

static GPtrArray *
list_finish (ClmKeyStore *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error);
}

/* Blocking operations */

static GBytes *
get_public_key (ClmKeyStore *self, const char *id, GCancellable *cancellable, GError **error)
{
  if (!works (CLM_MEMORY_KEYS (self), "get-public-key", cancellable, error))
    return NULL;
  g_autoptr (EVP_PKEY) key = get (CLM_MEMORY_KEYS (self), id, error);
  if (key == NULL)
    return NULL;

  guchar *der = NULL;
  int size = i2d_PUBKEY (key, &der);
  GBytes *spki = g_bytes_new (der, size);
  OPENSSL_free (der);
  return spki;
}

static GBytes *
sign_message (EVP_PKEY *key, const guint8 *data, gsize size)
{
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  guchar signature[64];
  gsize length = sizeof signature;

  if (EVP_DigestSignInit (context, NULL, NULL, NULL, key) != 1 || EVP_DigestSign (context, signature, &length, data, size) != 1)
    return NULL;
  return g_bytes_new (signature, length);
}

static gboolean
set_padding (EVP_PKEY_CTX *context, ClmSignScheme scheme, ClmHash hash)
{
  const EVP_MD *digest = hash == CLM_HASH_SHA256 ? EVP_sha256 () : hash == CLM_HASH_SHA384 ? EVP_sha384 () : EVP_sha512 ();

  if (EVP_PKEY_CTX_set_signature_md (context, digest) != 1)
    return FALSE;
  if (scheme == CLM_SIGN_RSA_PKCS1)
    return EVP_PKEY_CTX_set_rsa_padding (context, RSA_PKCS1_PADDING) == 1;
  if (scheme == CLM_SIGN_RSA_PSS)
    return EVP_PKEY_CTX_set_rsa_padding (context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen (context, RSA_PSS_SALTLEN_DIGEST) == 1;
  return TRUE;
}

static GBytes *
sign_digest (EVP_PKEY *key, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new (key, NULL);
  gsize length = EVP_PKEY_get_size (key);
  g_autofree guchar *signature = g_malloc (length);

  if (EVP_PKEY_sign_init (context) != 1 || !set_padding (context, scheme, hash) ||
      EVP_PKEY_sign (context, signature, &length, data, size) != 1)
    return NULL;
  return g_bytes_new (signature, length);
}

static gboolean
fits (EVP_PKEY *key, ClmSignScheme scheme)
{
  int type = EVP_PKEY_get_base_id (key);

  switch (scheme) {
    case CLM_SIGN_ECDSA: return type == EVP_PKEY_EC;
    case CLM_SIGN_RSA_PKCS1:
    case CLM_SIGN_RSA_PSS: return type == EVP_PKEY_RSA;
    case CLM_SIGN_ED25519: return type == EVP_PKEY_ED25519;
    default: return FALSE;
  }
}

static GBytes *
sign (ClmKeyStore *self, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size,
      GCancellable *cancellable, GError **error)
{
  if (!works (CLM_MEMORY_KEYS (self), "sign", cancellable, error))
    return NULL;
  g_autoptr (EVP_PKEY) key = get (CLM_MEMORY_KEYS (self), id, error);
  if (key == NULL)
    return NULL;
  if (!fits (key, scheme)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "key %s cannot sign like this", id);
    return NULL;
  }
  GBytes *signature = scheme == CLM_SIGN_ED25519 ? sign_message (key, data, size) : sign_digest (key, scheme, hash, data, size);
  if (signature == NULL)
    g_set_error (error, CLM_ERROR, CLM_ERROR_FAILED, "OpenSSL cannot sign with key %s", id);
  return signature;
}

/* Exporter and importer */

static ClmSecret *
export_entry (ClmMemoryKeys *self, const char *id, GError **error)
{
  ClmSecret *secret = NULL;
  guchar *der = NULL;

  g_mutex_lock (&self->lock);
  Entry *entry = g_hash_table_lookup (self->entries, id);
  gboolean exportable = entry != NULL && entry->exportable;
  PKCS8_PRIV_KEY_INFO *info = exportable ? EVP_PKEY2PKCS8 (entry->key) : NULL;
  g_mutex_unlock (&self->lock);
  if (info != NULL) {
    int size = i2d_PKCS8_PRIV_KEY_INFO (info, &der);
    secret = clm_secret_new (der, size);
    OPENSSL_clear_free (der, size);
    PKCS8_PRIV_KEY_INFO_free (info);
  } else {
    g_set_error (error, CLM_ERROR, entry != NULL ? CLM_ERROR_NOT_SUPPORTED : CLM_ERROR_NOT_FOUND, "key %s cannot be exported", id);
  }
  return secret;
}

static void
export_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Order *order = data;
  GError *error = NULL;
  ClmSecret *secret = works (source, "export", cancellable, &error) ? export_entry (source, order->text, &error) : NULL;

  give (task, secret, (GDestroyNotify) clm_secret_unref, error);
}

static void
export_async (ClmKeyExporter *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, id, NULL, FALSE, NULL, export_in_thread, cancellable, callback, user_data);
}

static ClmSecret *
export_finish (ClmKeyExporter *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error);
}

static EVP_PKEY *
parse_pkcs8 (ClmSecret *pkcs8, GError **error)
{
  gsize size;
  const guchar *start = clm_secret_peek (pkcs8, &size), *p = start;
  PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO (NULL, &p, size);
  EVP_PKEY *key = info != NULL && p == start + size ? EVP_PKCS82PKEY (info) : NULL;

  PKCS8_PRIV_KEY_INFO_free (info);
  if (key == NULL)
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "not a private key in PKCS#8");
  return key;
}

static char *
import_entry (ClmMemoryKeys *self, ClmSecret *pkcs8, const char *label, GError **error)
{
  g_autofree char *id = id_of (label);
  g_autoptr (EVP_PKEY) key = parse_pkcs8 (pkcs8, error);

  if (key == NULL)
    return NULL;
  if (type_of (key) == NULL) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "this kind of key is not supported");
    return NULL;
  }
  g_mutex_lock (&self->lock);
  Entry *old = g_hash_table_lookup (self->entries, id);
  gboolean same = old != NULL && EVP_PKEY_eq (old->key, key) == 1, other = old != NULL && !same;
  if (old == NULL) {
    const char *key_type = type_of (key);
    put (self, id, g_steal_pointer (&key), label, key_type, TRUE);
  }
  g_mutex_unlock (&self->lock);
  if (other) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_EXISTS, "another key has the label %s", label);
    return NULL;
  }
  return g_steal_pointer (&id);
}

static void
import_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Order *order = data;
  GError *error = NULL;
  char *id = works (source, "import", cancellable, &error) ? import_entry (source, order->pkcs8, order->text, &error) : NULL;

  give (task, id, g_free, error);
}

static void
import_async (ClmKeyImporter *self, ClmSecret *pkcs8, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, label, NULL, FALSE, pkcs8, import_in_thread, cancellable, callback, user_data);
}

static char *
import_finish (ClmKeyImporter *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error);
}

static void
exporter_init (ClmKeyExporterInterface *iface)
{
  iface->export_async = export_async;
  iface->export_finish = export_finish;
}

static void
importer_init (ClmKeyImporterInterface *iface)
{
  iface->import_async = import_async;
  iface->import_finish = import_finish;
}

/* Life */

static gboolean
read_options (ClmMemoryKeys *self, GError **error)
{
  ClmOptions *options = clm_backend_get_options (CLM_BACKEND (self));
  gint64 failures;

  if (!clm_options_get_int (options, "FailFirst", 0, 0, 1000000, &failures, error))
    return FALSE;
  self->failures = failures;
  g_free (self->control);
  self->control = g_strdup (clm_options_get_string (options, "Control", NULL));
  return TRUE;
}

static void
start_async (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  if (read_options (CLM_MEMORY_KEYS (self), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
start_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
clm_memory_keys_finalize (GObject *object)
{
  ClmMemoryKeys *self = CLM_MEMORY_KEYS (object);

  g_hash_table_unref (self->entries);
  g_free (self->control);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (clm_memory_keys_parent_class)->finalize (object);
}

static void
clm_memory_keys_class_init (ClmMemoryKeysClass *klass)
{
  ClmBackendClass *backend_class = CLM_BACKEND_CLASS (klass);
  ClmKeyStoreClass *store_class = CLM_KEY_STORE_CLASS (klass);

  /* A thread of a lane that is ending while the process exits would be seen to leak OpenSSL's state of that thread. */
  g_thread_pool_set_max_unused_threads (-1);
  g_thread_pool_set_max_idle_time (0);
  G_OBJECT_CLASS (klass)->finalize = clm_memory_keys_finalize;
  backend_class->start_async = start_async;
  backend_class->start_finish = start_finish;
  store_class->lane_width = 4;
  store_class->key_types = key_types;
  store_class->create_async = create_async;
  store_class->create_finish = create_finish;
  store_class->get_public_key = get_public_key;
  store_class->sign = sign;
  store_class->destroy_async = destroy_async;
  store_class->destroy_finish = destroy_finish;
  store_class->list_async = list_async;
  store_class->list_finish = list_finish;
}

static void
clm_memory_keys_init (ClmMemoryKeys *self)
{
  g_mutex_init (&self->lock);
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  self->failure_code = CLM_ERROR_KEY_UNAVAILABLE;
}

ClmKeyStore *
clm_memory_keys_new (const char *name)
{
  return g_object_new (CLM_TYPE_MEMORY_KEYS, "name", name, NULL);
}

void
clm_memory_keys_fail_next (ClmMemoryKeys *self, guint count, ClmError code)
{
  g_mutex_lock (&self->lock);
  self->failures = count;
  self->failure_code = code;
  g_mutex_unlock (&self->lock);
}

ClmKey *
clm_memory_keys_make (ClmMemoryKeys *self, const char *key_type, const char *label)
{
  g_autofree char *id = create (self, key_type, TRUE, label, NULL);
  g_assert_nonnull (id);
  g_autoptr (GBytes) spki = get_public_key (CLM_KEY_STORE (self), id, NULL, NULL);

  g_assert_nonnull (spki);
  return clm_key_new (CLM_KEY_STORE (self), id, spki);
}

guint
clm_memory_keys_count (ClmMemoryKeys *self)
{
  g_mutex_lock (&self->lock);
  guint count = g_hash_table_size (self->entries);
  g_mutex_unlock (&self->lock);
  return count;
}
