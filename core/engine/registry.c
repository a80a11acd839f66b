/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry.h"

#include "host.h"
#include "listener.h"

/* One configured instance. Kept while configuration names it, whether it works or not. */
typedef struct {
  ClmConfigKind  kind;
  char          *name;
  char          *plugin;
  char          *digest;
  ClmHost       *host;
  ClmBackend    *backend;   /* (nullable) */
  gboolean       starting;
  GError        *error;     /* (nullable): why it does not work */
} Entry;

struct _ClmRegistry {
  GObject          parent_instance;
  ClmEngine       *engine;
  ClmPluginLoader *loader;
  GPtrArray       *entries;    /* Entry, by kind and name */
  GMutex           mutex;      /* guards key_stores, which worker threads read */
  GHashTable      *key_stores; /* name → ClmKeyStore, started ones */
};

/* In the order in which they are started: authorities need key stores. */
static const ClmConfigKind kinds[] = { CLM_CONFIG_KEY_STORE, CLM_CONFIG_NOTIFIER, CLM_CONFIG_AUTHORITY };

enum { SIGNAL_CHANGED, SIGNAL_CRL_CHANGED, SIGNAL_ANCHORS_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmRegistry, clm_registry, G_TYPE_OBJECT)

static void
entry_free (Entry *entry)
{
  if (entry->host)
    clm_engine_host_detach (CLM_ENGINE_HOST (entry->host));
  g_clear_object (&entry->backend);
  g_clear_object (&entry->host);
  g_clear_error (&entry->error);
  g_free (entry->name);
  g_free (entry->plugin);
  g_free (entry->digest);
  g_free (entry);
}

ClmRegistry *
clm_registry_new (ClmEngine       *engine,
                  ClmPluginLoader *loader)
{
  ClmRegistry *self = g_object_new (CLM_TYPE_REGISTRY, NULL);

  self->engine = engine;
  self->loader = g_object_ref (loader);
  return self;
}

ClmPluginLoader *
clm_registry_get_loader (ClmRegistry *self)
{
  return self->loader;
}

static Entry *
find_entry (ClmRegistry  *self,
            ClmConfigKind kind,
            const char   *name)
{
  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);

    if (entry->kind == kind && g_str_equal (entry->name, name))
      return entry;
  }
  return NULL;
}

static int
compare_entries (gconstpointer a,
                 gconstpointer b)
{
  const Entry *first = *(Entry *const *) a, *second = *(Entry *const *) b;

  if (first->kind != second->kind)
    return first->kind < second->kind ? -1 : 1;
  return g_strcmp0 (first->name, second->name);
}

static GType
kind_to_type (ClmConfigKind kind)
{
  switch (kind) {
  case CLM_CONFIG_AUTHORITY:
    return CLM_TYPE_AUTHORITY;
  case CLM_CONFIG_KEY_STORE:
    return CLM_TYPE_KEY_STORE;
  case CLM_CONFIG_NOTIFIER:
    return CLM_TYPE_NOTIFIER;
  case CLM_CONFIG_DAEMON:
  case CLM_CONFIG_CERTIFICATE:
  case CLM_CONFIG_LISTENER:
  case CLM_CONFIG_DELIVERY:
  case CLM_N_CONFIG_KINDS:
  default:
    g_return_val_if_reached (G_TYPE_INVALID);
  }
}

/* Making one */

static void
on_crl_changed (ClmAuthority *authority,
                ClmRegistry  *self)
{
  g_signal_emit (self, signals[SIGNAL_CRL_CHANGED], 0, authority);
}

static void
on_anchors_changed (ClmAuthority *authority,
                    ClmRegistry  *self)
{
  g_signal_emit (self, signals[SIGNAL_ANCHORS_CHANGED], 0, authority);
}

static gboolean
make_backend (ClmRegistry       *self,
              Entry             *entry,
              const ClmInstance *instance,
              ClmOptions        *options,
              GError           **error)
{
  ClmPlugin *plugin = clm_plugin_loader_load (self->loader, instance->plugin, error);
  GType type;

  if (!plugin)
    return FALSE;
  type = clm_plugin_get_type_for (plugin, kind_to_type (entry->kind));
  if (type == G_TYPE_INVALID) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s: plugin %s offers no %s", instance->file, instance->plugin,
                 clm_config_kind_get_nick (entry->kind));
    return FALSE;
  }
  entry->host = clm_engine_host_new (self->engine, clm_config_kind_get_nick (entry->kind), entry->name, instance->key_store);
  entry->backend = g_object_new (type, "name", entry->name, "host", entry->host, "options", options, NULL);
  return TRUE;
}

/* The keys of a notifier's file that the engine reads itself. */
static gboolean
read_notifier_filter (ClmOptions  *options,
                      GStrv       *events,
                      ClmSeverity *min_severity,
                      GError     **error)
{
  const char *word = clm_options_get_string (options, "MinSeverity", "info");

  if (!clm_severity_from_nick (word, min_severity)) {
    clm_options_set_error (options, "MinSeverity", error, "“%s” is not debug, info, notice, warning or critical", word);
    return FALSE;
  }
  *events = clm_options_get_list (options, "Events", "*", error);
  return *events != NULL;
}

static void
fail_entry (ClmRegistry *self,
            Entry       *entry,
            GError      *error)
{
  g_autoptr (ClmEvent) event = NULL;

  g_clear_error (&entry->error);
  entry->error = error;
  event = clm_event_new (CLM_EVENT_BACKEND_FAILED, clm_clock_get_time (self->engine->clock),
                         clm_config_kind_get_nick (entry->kind), entry->name, "cannot be used: %s", error->message);
  clm_event_add_error (event, error);
  clm_events_emit (self->engine->events, event);
}

/* Starting */

typedef struct {
  guint  kind;     /* index into kinds */
  guint  pending;  /* operations of the present phase */
  gboolean stopping;
} ApplyWork;

static void start_kind (GTask *task);

typedef struct {
  GTask      *task;
  char       *name;
  ClmConfigKind kind;
  GStrv       events;
  ClmSeverity min_severity;
} StartWork;

static void
start_work_free (StartWork *work)
{
  g_object_unref (work->task);
  g_free (work->name);
  g_strfreev (work->events);
  g_free (work);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StartWork, start_work_free)

static void
phase_item_done (GTask *task)
{
  ApplyWork *work = g_task_get_task_data (task);

  if (--work->pending > 0)
    return;
  if (!work->stopping)
    work->kind++;
  work->stopping = FALSE;
  start_kind (task);
}

static void
entry_started (ClmRegistry *self,
               Entry       *entry,
               StartWork   *work)
{
  g_clear_error (&entry->error);
  if (CLM_IS_KEY_STORE (entry->backend)) {
    g_mutex_lock (&self->mutex);
    g_hash_table_replace (self->key_stores, g_strdup (entry->name), g_object_ref (entry->backend));
    g_mutex_unlock (&self->mutex);
  } else if (CLM_IS_NOTIFIER (entry->backend)) {
    clm_events_add_notifier (self->engine->events, CLM_NOTIFIER (entry->backend), (const char *const *) work->events,
                             work->min_severity);
  } else {
    g_signal_connect_object (entry->backend, "crl-changed", G_CALLBACK (on_crl_changed), self, 0);
    g_signal_connect_object (entry->backend, "anchors-changed", G_CALLBACK (on_anchors_changed), self, 0);
  }
}

static void
on_started (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (StartWork) work = user_data;
  ClmRegistry *self = g_task_get_source_object (work->task);
  Entry *entry = find_entry (self, work->kind, work->name);
  GError *error = NULL;
  gboolean started = clm_backend_start_finish (CLM_BACKEND (source), result, &error);

  entry->starting = FALSE;
  if (started)
    entry_started (self, entry, work);
  else
    fail_entry (self, entry, error);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  if (entry->kind == CLM_CONFIG_AUTHORITY && !entry->error) {
    on_crl_changed (CLM_AUTHORITY (entry->backend), self);
    on_anchors_changed (CLM_AUTHORITY (entry->backend), self);
  }
  phase_item_done (work->task);
}

static void
start_entry (GTask             *task,
             const ClmInstance *instance)
{
  ClmRegistry *self = g_task_get_source_object (task);
  ApplyWork *apply = g_task_get_task_data (task);
  g_autoptr (ClmOptions) options = clm_instance_make_options (instance);
  g_autoptr (StartWork) work = g_new0 (StartWork, 1);
  Entry *entry = g_new0 (Entry, 1);
  GError *error = NULL;

  entry->kind = instance->kind;
  entry->name = g_strdup (instance->name);
  entry->plugin = g_strdup (instance->plugin);
  entry->digest = g_strdup (instance->digest);
  g_ptr_array_add (self->entries, entry);

  work->task = g_object_ref (task);
  work->kind = entry->kind;
  work->name = g_strdup (entry->name);
  if ((entry->kind == CLM_CONFIG_NOTIFIER && !read_notifier_filter (options, &work->events, &work->min_severity, &error)) ||
      !make_backend (self, entry, instance, options, &error)) {
    fail_entry (self, entry, error);
    return;
  }
  entry->starting = TRUE;
  apply->pending++;
  clm_backend_start_async (entry->backend, g_task_get_cancellable (task), on_started, g_steal_pointer (&work));
}

static gboolean
is_running (Entry *entry)
{
  return entry->backend && clm_backend_is_started (entry->backend);
}

static void
start_kind (GTask *task)
{
  ClmRegistry *self = g_task_get_source_object (task);
  ApplyWork *work = g_task_get_task_data (task);

  while (work->kind < G_N_ELEMENTS (kinds)) {
    GPtrArray *instances = clm_config_list_instances (self->engine->config, kinds[work->kind]);

    work->pending++;
    for (guint i = 0; i < instances->len; i++) {
      const ClmInstance *instance = g_ptr_array_index (instances, i);

      if (!find_entry (self, instance->kind, instance->name))
        start_entry (task, instance);
    }
    if (--work->pending > 0)
      return;
    work->kind++;
  }
  g_ptr_array_sort (self->entries, compare_entries);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  if (!g_task_return_error_if_cancelled (task))
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* Stopping */

static void
on_stopped (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_backend_stop_finish (CLM_BACKEND (source), result, &error))
    g_message ("[%s] did not stop in order: %s", clm_backend_get_name (CLM_BACKEND (source)), error->message);
  phase_item_done (task);
  g_object_unref (task);
}

static void
retire_entry (ClmRegistry *self,
              Entry       *entry)
{
  if (entry->kind == CLM_CONFIG_KEY_STORE) {
    g_mutex_lock (&self->mutex);
    g_hash_table_remove (self->key_stores, entry->name);
    g_mutex_unlock (&self->mutex);
  } else if (entry->kind == CLM_CONFIG_NOTIFIER && entry->backend) {
    clm_events_remove_notifier (self->engine->events, CLM_NOTIFIER (entry->backend));
  } else if (entry->backend) {
    g_signal_handlers_disconnect_by_data (entry->backend, self);
  }
}

/* Whether configuration still wants it as it is. What failed is made anew each time. */
static gboolean
is_wanted (ClmRegistry *self,
           Entry       *entry)
{
  const ClmInstance *instance = self->engine->config ?
    clm_config_get_instance (self->engine->config, entry->kind, entry->name) : NULL;

  return instance && is_running (entry) && g_str_equal (instance->digest, entry->digest);
}

static void
stop_unwanted (GTask   *task,
               gboolean all)
{
  ClmRegistry *self = g_task_get_source_object (task);
  ApplyWork *work = g_task_get_task_data (task);

  work->stopping = TRUE;
  work->pending++;
  for (guint i = self->entries->len; i-- > 0;) {
    Entry *entry = g_ptr_array_index (self->entries, i);
    g_autoptr (ClmBackend) backend = NULL;

    if (!all && is_wanted (self, entry))
      continue;
    retire_entry (self, entry);
    if (is_running (entry)) {
      backend = g_object_ref (entry->backend);
      work->pending++;
      clm_backend_stop_async (backend, NULL, on_stopped, g_object_ref (task));
    }
    g_ptr_array_remove_index (self->entries, i);
  }
  phase_item_done (task);
}

static GTask *
begin (ClmRegistry        *self,
       gpointer            tag,
       guint               first_kind,
       GCancellable       *cancellable,
       GAsyncReadyCallback callback,
       gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ApplyWork *work = g_new0 (ApplyWork, 1);

  g_task_set_source_tag (task, tag);
  work->kind = first_kind;
  g_task_set_task_data (task, work, g_free);
  return task;
}

void
clm_registry_apply_async (ClmRegistry        *self,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  stop_unwanted (begin (self, clm_registry_apply_async, 0, cancellable, callback, user_data), FALSE);
}

gboolean
clm_registry_apply_finish (ClmRegistry  *self,
                           GAsyncResult *result,
                           GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
clm_registry_stop_async (ClmRegistry        *self,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  /* No kind is left to start after the stopping phase. */
  stop_unwanted (begin (self, clm_registry_stop_async, G_N_ELEMENTS (kinds), NULL, callback, user_data), TRUE);
}

gboolean
clm_registry_stop_finish (ClmRegistry  *self,
                          GAsyncResult *result,
                          GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Finding */

static ClmBackend *
get_started (ClmRegistry  *self,
             ClmConfigKind kind,
             const char   *name,
             GError      **error)
{
  Entry *entry = find_entry (self, kind, name);

  if (!entry) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "no %s “%s” is configured", clm_config_kind_get_nick (kind), name);
    return NULL;
  }
  if (is_running (entry))
    return g_object_ref (entry->backend);
  if (entry->error && error) {
    *error = g_error_copy (entry->error);
    g_prefix_error (error, "%s %s: ", clm_config_kind_get_nick (kind), name);
  } else {
    g_set_error (error, CLM_ERROR, CLM_ERROR_BUSY, "%s %s is still starting", clm_config_kind_get_nick (kind), name);
  }
  return NULL;
}

ClmAuthority *
clm_registry_get_authority (ClmRegistry *self,
                            const char  *name,
                            GError     **error)
{
  ClmBackend *backend = get_started (self, CLM_CONFIG_AUTHORITY, name, error);

  return backend ? CLM_AUTHORITY (backend) : NULL;
}

static const char *
first_key_store (ClmRegistry *self)
{
  GPtrArray *instances = clm_config_list_instances (self->engine->config, CLM_CONFIG_KEY_STORE);

  return instances->len > 0 ? ((ClmInstance *) g_ptr_array_index (instances, 0))->name : NULL;
}

ClmKeyStore *
clm_registry_get_key_store (ClmRegistry *self,
                            const char  *name,
                            GError     **error)
{
  ClmBackend *backend;

  if (!name || !*name)
    name = first_key_store (self);
  if (!name) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "no key store is configured");
    if (error)
      clm_error_set_hint (*error, "add keystores.d/file.keystore with Plugin=key-file");
    return NULL;
  }
  backend = get_started (self, CLM_CONFIG_KEY_STORE, name, error);
  if (!backend && error && g_error_matches (*error, CLM_ERROR, CLM_ERROR_BUSY))
    (*error)->code = CLM_ERROR_KEY_UNAVAILABLE;
  return backend ? CLM_KEY_STORE (backend) : NULL;
}

/* Keys */

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

void
clm_registry_open_key_async (ClmRegistry        *self,
                             const char         *uri,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (ClmKeyStore) store = NULL;
  g_autofree char *store_name = NULL;
  g_autofree char *id = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, clm_registry_open_key_async);
  if (clm_key_uri_parse (uri, &store_name, &id, &error))
    store = clm_registry_get_key_store (self, store_name, &error);
  if (!store) {
    g_task_return_error (task, error);
    return;
  }
  clm_key_store_open_async (store, id, cancellable, on_key_opened, g_steal_pointer (&task));
}

ClmKey *
clm_registry_open_key_finish (ClmRegistry  *self,
                              GAsyncResult *result,
                              GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static ClmKeyStore *
ref_key_store (ClmRegistry *self,
               const char  *name,
               GError     **error)
{
  ClmKeyStore *store;

  g_mutex_lock (&self->mutex);
  store = g_hash_table_lookup (self->key_stores, name);
  if (store)
    g_object_ref (store);
  g_mutex_unlock (&self->mutex);
  if (!store)
    g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "key store %s is not started", name);
  return store;
}

ClmKey *
clm_registry_lookup_key (const char *uri,
                         gpointer    registry,
                         GError    **error)
{
  g_autofree char *store_name = NULL;
  g_autofree char *id = NULL;
  g_autoptr (ClmKeyStore) store = NULL;
  g_autoptr (GBytes) spki = NULL;

  if (!clm_key_uri_parse (uri, &store_name, &id, error))
    return NULL;
  store = ref_key_store (registry, store_name, error);
  if (!store)
    return NULL;
  spki = clm_key_store_get_public_key (store, id, g_cancellable_get_current (), error);
  return spki ? clm_key_new (store, id, spki) : NULL;
}

ClmCredential *
clm_registry_load_credential (ClmRegistry *self,
                              const char  *certificate,
                              GError     **error)
{
  g_autoptr (ClmGeneration) generation = NULL;
  g_autofree char *store_name = NULL;
  g_autofree char *id = NULL;
  g_autoptr (ClmKeyStore) store = NULL;
  g_autoptr (ClmKey) key = NULL;
  g_autoptr (GPtrArray) chain = NULL;
  guint number = clm_generation_get_current (self->engine->generations, certificate, error);

  if (number == 0)
    return NULL;
  generation = clm_generation_read (self->engine->generations, certificate, number, error);
  if (!generation || !clm_key_uri_parse (generation->key_uri, &store_name, &id, error))
    return NULL;
  store = ref_key_store (self, store_name, error);
  if (!store)
    return NULL;
  key = clm_key_new (store, id, generation->spki);
  chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_ptr_array_add (chain, g_bytes_ref (generation->leaf));
  g_ptr_array_extend (chain, generation->chain, (GCopyFunc) (void *) g_bytes_ref, NULL);
  return clm_credential_new (chain, key);
}

GSocket *
clm_registry_open_listener (ClmRegistry *self,
                            const char  *name,
                            GError     **error)
{
  const ClmInstance *instance = clm_config_get_instance (self->engine->config, CLM_CONFIG_LISTENER, name);
  g_autoptr (ClmOptions) options = NULL;

  if (!instance) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "no listener “%s” is configured", name);
    if (error)
      clm_error_set_hint (*error, "add listeners.d/%s.listener with Port=", name);
    return NULL;
  }
  options = clm_instance_make_options (instance);
  return clm_listener_open (name, options, error);
}

void
clm_registry_foreach (ClmRegistry *self,
                      const char  *kind,
                      void       (*func) (const ClmInstanceInfo *info, gpointer user_data),
                      gpointer     user_data)
{
  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);
    const char *nick = clm_config_kind_get_nick (entry->kind);

    if (g_str_equal (nick, kind))
      func (&(ClmInstanceInfo) { nick, entry->name, entry->plugin, entry->backend, entry->starting, entry->error }, user_data);
  }
}

static void
clm_registry_init (ClmRegistry *self)
{
  g_mutex_init (&self->mutex);
  self->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
  self->key_stores = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

static void
clm_registry_finalize (GObject *object)
{
  ClmRegistry *self = CLM_REGISTRY (object);

  g_ptr_array_unref (self->entries);
  g_hash_table_unref (self->key_stores);
  g_clear_object (&self->loader);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (clm_registry_parent_class)->finalize (object);
}

static void
clm_registry_class_init (ClmRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_registry_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", CLM_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CRL_CHANGED] = g_signal_new ("crl-changed", CLM_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                              G_TYPE_NONE, 1, CLM_TYPE_AUTHORITY);
  signals[SIGNAL_ANCHORS_CHANGED] = g_signal_new ("anchors-changed", CLM_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                  G_TYPE_NONE, 1, CLM_TYPE_AUTHORITY);
}
