/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

#include <string.h>

#include "clm-key-capabilities.h"
#include "durable-file.h"
#include "registry.h"
#include "secret-reference.h"

struct _ClmEngineHost {
  ClmHost    parent_instance;
  ClmEngine *engine;      /* NULL once detached */
  char      *kind;
  char      *name;
  char      *key_store;   /* (nullable) */
  char      *directory;   /* (nullable): until it is asked for */
};

G_DEFINE_FINAL_TYPE (ClmEngineHost, clm_engine_host, CLM_TYPE_HOST)

ClmHost *
clm_engine_host_new (ClmEngine  *engine,
                     const char *kind,
                     const char *name,
                     const char *key_store)
{
  ClmEngineHost *self = g_object_new (CLM_TYPE_ENGINE_HOST, NULL);

  self->engine = engine;
  self->kind = g_strdup (kind);
  self->name = g_strdup (name);
  self->key_store = g_strdup (key_store);
  return CLM_HOST (self);
}

void
clm_engine_host_detach (ClmEngineHost *self)
{
  self->engine = NULL;
}

char *
clm_host_key_label (const char *kind,
                    const char *name,
                    const char *label)
{
  return g_strdup_printf ("%s.%s.%s", kind, name, label);
}

/* A task that has already failed where the engine is gone; NULL then. */
static GTask *
begin (ClmHost            *host,
       gpointer            tag,
       GCancellable       *cancellable,
       GAsyncReadyCallback callback,
       gpointer            user_data)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  if (self->engine)
    return task;
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the daemon is stopping");
  g_object_unref (task);
  return NULL;
}

static gboolean
is_word (const char *text,
         gsize       max)
{
  gsize length = strlen (text);

  return length > 0 && length <= max && strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

/* State */

static void
on_value_loaded (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GBytes *value = NULL;

  if (clm_inventory_load_value_finish (CLM_INVENTORY (source), result, &value, &error))
    g_task_return_pointer (task, value, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
load_state_async (ClmHost            *host,
                  const char         *key,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  GTask *task = begin (host, load_state_async, cancellable, callback, user_data);

  if (task)
    clm_inventory_load_value_async (self->engine->inventory, self->kind, self->name, key, cancellable, on_value_loaded, task);
}

static gboolean
load_state_finish (ClmHost      *host,
                   GAsyncResult *result,
                   GBytes      **value,
                   GError      **error)
{
  g_autoptr (GError) local = NULL;

  *value = g_task_propagate_pointer (G_TASK (result), &local);
  if (!local)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

#define STATE_VALUE_MAX (1024 * 1024)

static void
on_value_saved (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_inventory_save_value_finish (CLM_INVENTORY (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
save_state_async (ClmHost            *host,
                  const char         *key,
                  GBytes             *value,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  g_autoptr (GTask) task = begin (host, save_state_async, cancellable, callback, user_data);

  if (!task)
    return;
  if (!is_word (key, 128) || (value && g_bytes_get_size (value) > STATE_VALUE_MAX)) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "state “%s”: bad key or more than 1 MiB", key);
    return;
  }
  clm_inventory_save_value_async (self->engine->inventory, self->kind, self->name, key, value, cancellable,
                                  on_value_saved, g_steal_pointer (&task));
}

static gboolean
boolean_finish (ClmHost      *host,
                GAsyncResult *result,
                GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static gpointer
pointer_finish (GAsyncResult *result,
                GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Durable at once: what a plugin keeps there must not go with a directory that was never synced. */
static gboolean
make_private_directory (ClmEngineHost *self,
                        GError       **error)
{
  clm_autofd root = clm_durable_open_root (self->engine->state_dir, error);
  clm_autofd backends = root < 0 ? -1 : clm_durable_ensure_directory (root, "backends", 0700, NULL, error);
  clm_autofd kind = backends < 0 ? -1 : clm_durable_ensure_directory (backends, self->kind, 0700, NULL, error);
  clm_autofd directory = kind < 0 ? -1 : clm_durable_ensure_directory (kind, self->name, 0700, NULL, error);

  return directory >= 0;
}

static const char *
get_private_directory (ClmHost *host,
                       GError **error)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  g_autofree char *directory = NULL;

  if (self->directory)
    return self->directory;
  if (!self->engine) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the daemon is stopping");
    return NULL;
  }
  directory = g_build_filename (self->engine->state_dir, "backends", self->kind, self->name, NULL);
  if (!make_private_directory (self, error)) {
    g_prefix_error (error, "“%s”: ", directory);
    return NULL;
  }
  self->directory = g_steal_pointer (&directory);
  return self->directory;
}

/* Keys: open by label; create, which also finds; import */

typedef struct {
  ClmKeyStore *store;
  char        *label;
} KeyWork;

static void
key_work_free (KeyWork *work)
{
  g_clear_object (&work->store);
  g_free (work->label);
  g_free (work);
}

static void
on_key_opened (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  ClmKey *key = clm_key_store_open_finish (CLM_KEY_STORE (source), result, &error);

  if (key)
    g_task_return_pointer (task, key, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
open_id (GTask      *task,
         const char *id)
{
  KeyWork *work = g_task_get_task_data (task);

  clm_key_store_open_async (work->store, id, g_task_get_cancellable (task), on_key_opened, task);
}

static void
on_key_created (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  GTask *task = user_data;
  GError *error = NULL;
  g_autofree char *id = clm_key_store_create_finish (CLM_KEY_STORE (source), result, &error);

  if (id) {
    open_id (task, id);
    return;
  }
  g_task_return_error (task, error);
  g_object_unref (task);
}

static const char *
find_label (GPtrArray  *infos,
            const char *label)
{
  for (guint i = 0; i < infos->len; i++) {
    ClmKeyInfo *info = g_ptr_array_index (infos, i);

    if (g_strcmp0 (info->label, label) == 0)
      return info->id;
  }
  return NULL;
}

static void
on_keys_listed (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  GTask *task = user_data;
  KeyWork *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GPtrArray) infos = clm_key_store_list_finish (CLM_KEY_STORE (source), result, &error);
  const char *id = infos ? find_label (infos, work->label) : NULL;

  if (id) {
    open_id (task, id);
    return;
  }
  if (!error)
    error = g_error_new (CLM_ERROR, CLM_ERROR_NOT_FOUND, "no key “%s” in key store %s", work->label,
                         clm_backend_get_name (CLM_BACKEND (source)));
  g_task_return_error (task, error);
  g_object_unref (task);
}

/* Fills the task with the store of this backend; FALSE, with the task completed, where there is none. */
static gboolean
choose_store (ClmEngineHost *self,
              GTask         *task,
              const char    *label)
{
  KeyWork *work = g_new0 (KeyWork, 1);
  GError *error = NULL;

  g_task_set_task_data (task, work, (GDestroyNotify) key_work_free);
  if (!is_word (label, 64)) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "key label “%s” is not [a-z0-9._-]{1,64}", label);
    return FALSE;
  }
  work->label = clm_host_key_label (self->kind, self->name, label);
  work->store = clm_registry_get_key_store (self->engine->registry, self->key_store, &error);
  if (work->store)
    return TRUE;
  g_task_return_error (task, error);
  return FALSE;
}

static void
open_key_async (ClmHost            *host,
                const char         *label,
                const ClmKeySpec   *create,
                GCancellable       *cancellable,
                GAsyncReadyCallback callback,
                gpointer            user_data)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  g_autoptr (GTask) task = begin (host, open_key_async, cancellable, callback, user_data);
  KeyWork *work;

  if (!task || !choose_store (self, task, label))
    return;
  work = g_task_get_task_data (task);
  if (create)
    clm_key_store_create_async (work->store, create, work->label, cancellable, on_key_created, g_steal_pointer (&task));
  else
    clm_key_store_list_async (work->store, cancellable, on_keys_listed, g_steal_pointer (&task));
}

static ClmKey *
open_key_finish (ClmHost      *host,
                 GAsyncResult *result,
                 GError      **error)
{
  return pointer_finish (result, error);
}

static void
on_key_imported (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  GTask *task = user_data;
  GError *error = NULL;
  g_autofree char *id = clm_key_importer_import_finish (CLM_KEY_IMPORTER (source), result, &error);

  if (id) {
    open_id (task, id);
    return;
  }
  g_task_return_error (task, error);
  g_object_unref (task);
}

static void
import_key_async (ClmHost            *host,
                  const char         *label,
                  ClmSecret          *pkcs8,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  g_autoptr (GTask) task = begin (host, import_key_async, cancellable, callback, user_data);
  KeyWork *work;

  if (!task || !choose_store (self, task, label))
    return;
  work = g_task_get_task_data (task);
  if (!CLM_IS_KEY_IMPORTER (work->store)) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "key store %s imports no keys",
                             clm_backend_get_name (CLM_BACKEND (work->store)));
    return;
  }
  clm_key_importer_import_async (CLM_KEY_IMPORTER (work->store), pkcs8, work->label, cancellable, on_key_imported,
                                 g_steal_pointer (&task));
}

/* The rest */

static ClmCredential *
get_credential (ClmHost    *host,
                const char *certificate,
                GError    **error)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);

  if (self->engine)
    return clm_registry_load_credential (self->engine->registry, certificate, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the daemon is stopping");
  return NULL;
}

static void
on_secret_loaded (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  ClmSecret *secret = clm_secret_reference_load_finish (result, &error);

  if (secret)
    g_task_return_pointer (task, secret, (GDestroyNotify) clm_secret_unref);
  else
    g_task_return_error (task, error);
}

static void
load_secret_async (ClmHost            *host,
                   const char         *reference,
                   GCancellable       *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer            user_data)
{
  GTask *task = begin (host, load_secret_async, cancellable, callback, user_data);

  if (task)
    clm_secret_reference_load_async (reference, cancellable, on_secret_loaded, task);
}

static ClmSecret *
load_secret_finish (ClmHost      *host,
                    GAsyncResult *result,
                    GError      **error)
{
  return pointer_finish (result, error);
}

static void
listen_async (ClmHost            *host,
              const char         *listener,
              GCancellable       *cancellable,
              GAsyncReadyCallback callback,
              gpointer            user_data)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  g_autoptr (GTask) task = begin (host, listen_async, cancellable, callback, user_data);
  GError *error = NULL;
  GSocket *socket;

  if (!task)
    return;
  socket = clm_registry_open_listener (self->engine->registry, listener, &error);
  if (socket)
    g_task_return_pointer (task, socket, g_object_unref);
  else
    g_task_return_error (task, error);
}

static GSocket *
listen_finish (ClmHost      *host,
               GAsyncResult *result,
               GError      **error)
{
  return pointer_finish (result, error);
}

static gint64
get_time (ClmHost *host)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);

  return self->engine ? clm_clock_get_time (self->engine->clock) : g_get_real_time () / G_USEC_PER_SEC;
}

static gboolean
is_clock_trusted (ClmHost *host)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);

  return self->engine && clm_clock_is_trusted (self->engine->clock);
}

static void
on_waited (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_timers_wait_until_finish (CLM_TIMERS (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
wait_until_async (ClmHost            *host,
                  gint64              time,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);
  GTask *task = begin (host, wait_until_async, cancellable, callback, user_data);

  if (task)
    clm_timers_wait_until_async (self->engine->timers, time, cancellable, on_waited, task);
}

static void
emit_event (ClmHost  *host,
            ClmEvent *event)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (host);

  if (self->engine)
    clm_events_emit (self->engine->events, event);
}

static void
clm_engine_host_init (ClmEngineHost *self)
{
}

static void
clm_engine_host_finalize (GObject *object)
{
  ClmEngineHost *self = CLM_ENGINE_HOST (object);

  g_free (self->kind);
  g_free (self->name);
  g_free (self->key_store);
  g_free (self->directory);
  G_OBJECT_CLASS (clm_engine_host_parent_class)->finalize (object);
}

static void
clm_engine_host_class_init (ClmEngineHostClass *klass)
{
  ClmHostClass *host_class = CLM_HOST_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = clm_engine_host_finalize;
  host_class->load_state_async = load_state_async;
  host_class->load_state_finish = load_state_finish;
  host_class->save_state_async = save_state_async;
  host_class->save_state_finish = boolean_finish;
  host_class->get_private_directory = get_private_directory;
  host_class->open_key_async = open_key_async;
  host_class->open_key_finish = open_key_finish;
  host_class->import_key_async = import_key_async;
  host_class->import_key_finish = open_key_finish;
  host_class->get_credential = get_credential;
  host_class->load_secret_async = load_secret_async;
  host_class->load_secret_finish = load_secret_finish;
  host_class->listen_async = listen_async;
  host_class->listen_finish = listen_finish;
  host_class->get_time = get_time;
  host_class->is_clock_trusted = is_clock_trusted;
  host_class->wait_until_async = wait_until_async;
  host_class->wait_until_finish = boolean_finish;
  host_class->emit_event = emit_event;
}
