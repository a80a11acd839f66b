/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certloom-plugin.h"
#include "keyring.h"
#include "openssl-error.h"

#define LANE_WIDTH 16   /* they wait for the disk, not for each other */
#define VERSION G_STRINGIFY (CLM_VERSION_MAJOR) "." G_STRINGIFY (CLM_VERSION_MINOR) "." G_STRINGIFY (CLM_VERSION_MICRO)

/* The main thread opens and closes the keyring; lane threads take a reference for each call. */
typedef struct {
  ClmKeyStore parent;
  GMutex      lock;
  ClmKeyring *keyring;
  char       *path;
} KeyFile;

typedef struct {
  ClmKeyStoreClass parent;
} KeyFileClass;

static GType key_file_get_type (void);
static void  key_file_exporter_init (ClmKeyExporterInterface *iface);
static void  key_file_importer_init (ClmKeyImporterInterface *iface);

G_DEFINE_TYPE_WITH_CODE (KeyFile, key_file, CLM_TYPE_KEY_STORE,
                         G_IMPLEMENT_INTERFACE (CLM_TYPE_KEY_EXPORTER, key_file_exporter_init)
                         G_IMPLEMENT_INTERFACE (CLM_TYPE_KEY_IMPORTER, key_file_importer_init))

static KeyFile *
key_file (gpointer object)
{
  return G_TYPE_CHECK_INSTANCE_CAST (object, key_file_get_type (), KeyFile);
}

static void
key_file_set_keyring (KeyFile *self, ClmKeyring *keyring)
{
  g_mutex_lock (&self->lock);
  ClmKeyring *old = self->keyring;
  self->keyring = keyring;
  g_mutex_unlock (&self->lock);
  if (old)
    clm_keyring_unref (old);
}

static ClmKeyring *
key_file_get_keyring (gpointer object, GError **error)
{
  KeyFile *self = key_file (object);

  g_mutex_lock (&self->lock);
  ClmKeyring *keyring = self->keyring ? clm_keyring_ref (self->keyring) : NULL;
  g_mutex_unlock (&self->lock);
  if (!keyring)
    g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "the key store is not started");
  return keyring;
}

/* Start and stop */

static const char *
choose_directory (ClmBackend *backend, gboolean *own, GError **error)
{
  ClmOptions *options = clm_backend_get_options (backend);
  const char *path = clm_options_get_string (options, "Directory", NULL);

  *own = path == NULL;
  if (!path)
    return clm_host_get_private_directory (clm_backend_get_host (backend), error);
  if (g_path_is_absolute (path))
    return path;
  clm_options_set_error (options, "Directory", error, "the path must be absolute");
  return NULL;
}

static void
open_keyring (GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
  GError *error = NULL;
  ClmKeyring *keyring = clm_keyring_open (path, TRUE, &error);

  if (keyring)
    g_task_return_pointer (task, keyring, (GDestroyNotify) clm_keyring_unref);
  else
    g_task_return_error (task, error);
}

static void
key_file_start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (backend, cancellable, callback, user_data);
  GError *error = NULL;
  gboolean own;
  const char *path = choose_directory (backend, &own, &error);

  g_task_set_source_tag (task, key_file_start_async);
  if (!path) {
    g_task_return_error (task, error);
    return;
  }
  g_free (key_file (backend)->path);
  key_file (backend)->path = g_strdup (path);
  g_task_set_task_data (task, g_strdup (path), g_free);
  clm_key_store_run_in_thread (CLM_KEY_STORE (backend), task, open_keyring);
}

static gboolean
key_file_start_finish (ClmBackend *backend, GAsyncResult *result, GError **error)
{
  ClmKeyring *keyring = g_task_propagate_pointer (G_TASK (result), error);

  if (keyring)
    key_file_set_keyring (key_file (backend), keyring);
  return keyring != NULL;
}

static void
key_file_stop_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (backend, cancellable, callback, user_data);

  g_task_set_source_tag (task, key_file_stop_async);
  key_file_set_keyring (key_file (backend), NULL);
  g_task_return_boolean (task, TRUE);
}

static gboolean
key_file_stop_finish (ClmBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
key_file_describe (ClmBackend *backend, GVariantDict *dict)
{
  if (key_file (backend)->path)
    g_variant_dict_insert (dict, "Directory", "s", key_file (backend)->path);
}

/* Work in the lane: one kind of task for all of it */

typedef struct {
  char      *id, *key_type;
  gboolean   exportable;
  ClmSecret *pkcs8;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  g_free (job->id);
  g_free (job->key_type);
  g_clear_pointer (&job->pkcs8, clm_secret_unref);
  g_free (job);
}

static void
run (gpointer self, gpointer tag, Job *job, GTaskThreadFunc func, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, job, job_free);
  clm_key_store_run_in_thread (self, task, func);
}

static Job *
job_new (const char *id)
{
  Job *job = g_new0 (Job, 1);

  job->id = g_strdup (id);
  return job;
}

static void
return_id (GTask *task, gboolean done, GError *error)
{
  Job *job = g_task_get_task_data (task);

  if (done)
    g_task_return_pointer (task, g_strdup (job->id), g_free);
  else
    g_task_return_error (task, error);
}

static void
create (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Job *job = data;
  GError *error = NULL;
  g_autoptr (ClmKeyring) keyring = key_file_get_keyring (source, &error);
  gboolean done = keyring && clm_keyring_create (keyring, job->id, job->key_type, job->exportable, &error);

  return_id (task, done, error);
}

static void
key_file_create_async (ClmKeyStore *store, const ClmKeySpec *spec, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Job *job = job_new (label);

  job->key_type = g_strdup (spec->key_type);
  job->exportable = spec->exportable;
  run (store, key_file_create_async, job, create, cancellable, callback, user_data);
}

static char *
key_file_create_finish (ClmKeyStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
import (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Job *job = data;
  GError *error = NULL;
  g_autoptr (ClmKeyring) keyring = key_file_get_keyring (source, &error);
  gboolean done = keyring && clm_keyring_import (keyring, job->id, job->pkcs8, &error);

  return_id (task, done, error);
}

static void
key_file_import_async (ClmKeyImporter *store, ClmSecret *pkcs8, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Job *job = job_new (label);

  job->pkcs8 = clm_secret_ref (pkcs8);
  run (store, key_file_import_async, job, import, cancellable, callback, user_data);
}

static char *
key_file_import_finish (ClmKeyImporter *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
export (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Job *job = data;
  GError *error = NULL;
  g_autoptr (ClmKeyring) keyring = key_file_get_keyring (source, &error);
  ClmSecret *pkcs8 = keyring ? clm_keyring_export (keyring, job->id, &error) : NULL;

  if (pkcs8)
    g_task_return_pointer (task, pkcs8, (GDestroyNotify) clm_secret_unref);
  else
    g_task_return_error (task, error);
}

static void
key_file_export_async (ClmKeyExporter *store, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (store, key_file_export_async, job_new (id), export, cancellable, callback, user_data);
}

static ClmSecret *
key_file_export_finish (ClmKeyExporter *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
destroy (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Job *job = data;
  GError *error = NULL;
  g_autoptr (ClmKeyring) keyring = key_file_get_keyring (source, &error);

  if (keyring && clm_keyring_destroy (keyring, job->id, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
key_file_destroy_async (ClmKeyStore *store, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (store, key_file_destroy_async, job_new (id), destroy, cancellable, callback, user_data);
}

static gboolean
key_file_destroy_finish (ClmKeyStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
list (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  g_autoptr (ClmKeyring) keyring = key_file_get_keyring (source, &error);
  GPtrArray *keys = keyring ? clm_keyring_list (keyring, cancellable, &error) : NULL;

  if (keys)
    g_task_return_pointer (task, keys, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

static void
key_file_list_async (ClmKeyStore *store, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (store, key_file_list_async, job_new (NULL), list, cancellable, callback, user_data);
}

static GPtrArray *
key_file_list_finish (ClmKeyStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Blocking calls */

static GBytes *
key_file_get_public_key (ClmKeyStore *store, const char *id, GCancellable *cancellable, GError **error)
{
  g_autoptr (ClmKeyring) keyring = key_file_get_keyring (store, error);

  return keyring ? clm_keyring_get_public_key (keyring, id, error) : NULL;
}

static GBytes *
key_file_sign (ClmKeyStore *store, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size,
               GCancellable *cancellable, GError **error)
{
  g_autoptr (ClmKeyring) keyring = key_file_get_keyring (store, error);

  return keyring ? clm_keyring_sign (keyring, id, scheme, hash, data, size, error) : NULL;
}

/* The class */

static void
key_file_init (KeyFile *self)
{
  g_mutex_init (&self->lock);
}

static void
key_file_finalize (GObject *object)
{
  KeyFile *self = key_file (object);

  key_file_set_keyring (self, NULL);
  g_mutex_clear (&self->lock);
  g_free (self->path);
  G_OBJECT_CLASS (key_file_parent_class)->finalize (object);
}

static void
key_file_exporter_init (ClmKeyExporterInterface *iface)
{
  iface->export_async = key_file_export_async;
  iface->export_finish = key_file_export_finish;
}

static void
key_file_importer_init (ClmKeyImporterInterface *iface)
{
  iface->import_async = key_file_import_async;
  iface->import_finish = key_file_import_finish;
}

static void
key_file_class_init (KeyFileClass *klass)
{
  ClmBackendClass *backend = CLM_BACKEND_CLASS (klass);
  ClmKeyStoreClass *store = CLM_KEY_STORE_CLASS (klass);

  clm_x509_init ();
  G_OBJECT_CLASS (klass)->finalize = key_file_finalize;
  backend->start_async = key_file_start_async;
  backend->start_finish = key_file_start_finish;
  backend->stop_async = key_file_stop_async;
  backend->stop_finish = key_file_stop_finish;
  backend->describe = key_file_describe;
  store->lane_width = LANE_WIDTH;
  store->key_types = clm_keyring_get_key_types ();
  store->create_async = key_file_create_async;
  store->create_finish = key_file_create_finish;
  store->get_public_key = key_file_get_public_key;
  store->sign = key_file_sign;
  store->destroy_async = key_file_destroy_async;
  store->destroy_finish = key_file_destroy_finish;
  store->list_async = key_file_list_async;
  store->list_finish = key_file_list_finish;
}

CLM_DEFINE_PLUGIN ("key-file", VERSION, "Keeps keys in files that only the daemon can read", key_file_get_type)
