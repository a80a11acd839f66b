/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"

#include <gio/gunixinputstream.h>
#include <unistd.h>

#include "agenda.h"
#include "config.h"
#include "job-table.h"
#include "key-provider.h"
#include "openssl-error.h"
#include "publication.h"
#include "reconciliation.h"
#include "state-lock.h"

#define NETWORK_JITTER_S 10
#define DENIALS_PER_MINUTE 10
#define PEM_MAX (128 * 1024)

struct _ClmManager {
  GObject          parent_instance;
  char            *config_root;       /* (nullable) */
  char            *deliver_socket;    /* (nullable) */
  char            *deliver_program;   /* (nullable) */
  char            *plugin_dir;
  ClmTimeSource    time;              /* all %NULL: the kernel's clocks */
  ClmEngine        engine;
  int              lock_fd;
  ClmLayers       *layers;
  ClmSpecifiers   *specifiers;
  ClmPluginLoader *loader;
  ClmAgenda       *agenda;
  GHashTable      *deferred;          /* names whose file changed while they were in flight */
  ClmJobTable     *jobs;
  ClmPublication  *publication;
  GNetworkMonitor *network;
  gboolean         network_available;
  gint64           time_offset;       /* the engine's time minus boot time, in seconds, as spans were last moved to */
  gint64           network_time;      /* when retries were brought forward last, boot time in µs */
  ClmJob          *reload;            /* (nullable): the running one */
  gboolean         reload_again;      /* asked for while it was running */
  gint64           denial_time;       /* start of the present minute */
  guint            denials;           /* in it */
};

enum { PROP_REVISION = 1, PROP_CLOCK_STATE, N_PROPERTIES };
static GParamSpec *properties[N_PROPERTIES];

enum {
  SIGNAL_CERTIFICATE_CHANGED,
  SIGNAL_CERTIFICATE_REMOVED,
  SIGNAL_JOB_ADDED,
  SIGNAL_JOB_REMOVED,
  SIGNAL_EVENT,
  SIGNAL_BACKENDS_CHANGED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmManager, clm_manager, G_TYPE_OBJECT)

ClmManager *
clm_manager_new (const ClmManagerSettings *settings)
{
  ClmManager *self = g_object_new (CLM_TYPE_MANAGER, NULL);

  self->config_root = g_strdup (settings->config_root);
  self->deliver_socket = g_strdup (settings->deliver_socket);
  self->deliver_program = g_strdup (settings->deliver_program);
  if (settings->time)
    self->time = *settings->time;
  self->plugin_dir = g_strdup (settings->plugin_dir ? settings->plugin_dir : CLM_PLUGINDIR);
  self->engine.state_dir = g_strdup (settings->state_dir ? settings->state_dir : CLM_STATEDIR);
  return self;
}

/* Who besides root may own configuration and modules: the user itself, where it brought its own root folder. */
static guint32
own_uid (ClmManager *self)
{
  return self->config_root ? (guint32) geteuid () : 0;
}

static ClmConfigSource
config_source (ClmManager *self)
{
  return (ClmConfigSource) { self->layers, self->specifiers, clm_account_resolver_system (), own_uid (self) };
}

static ClmSpecContext
spec_context (ClmManager *self)
{
  return (ClmSpecContext) { self->specifiers, clm_account_resolver_system (),
                            clm_config_get_settings (self->engine.config)->access };
}

/* What a certificate shall be: a file of that name wins over a request. */

static ClmSpec *
load_requested_spec (ClmManager *self,
                     const char *name)
{
  ClmSpecContext context = spec_context (self);
  g_autoptr (ClmSpecRow) row = NULL;
  g_autoptr (ClmSpec) spec = NULL;
  g_autoptr (GError) error = NULL;
  ClmUnit *template_unit;
  ClmSpec *rebased;

  if (!clm_inventory_get_spec (self->engine.inventory, name, &row, &error) || !row)
    return NULL;
  spec = clm_spec_deserialize (row->text, &context, &error);
  if (!spec) {
    g_warning ("[certificate %s] its request cannot be read: %s", name, error->message);
    return NULL;
  }
  template_unit = row->template_name ? clm_config_get_template (self->engine.config, row->template_name) : NULL;
  if (row->template_name && !template_unit)
    return g_steal_pointer (&spec);
  rebased = clm_spec_rebase (spec, template_unit, &context, &error);
  if (rebased)
    return rebased;
  /* It goes on as it was asked for; the template no longer allows it, which is for new requests to feel. */
  g_message ("[certificate %s] its template has changed and no longer fits: %s", name, error->message);
  return g_steal_pointer (&spec);
}

static ClmSpec *
find_spec (const char *name,
           gpointer    user_data)
{
  ClmManager *self = user_data;
  ClmSpec *spec = clm_config_get_spec (self->engine.config, name);

  return spec ? clm_spec_ref (spec) : load_requested_spec (self, name);
}

/* Starting: a chain of blocking and asynchronous parts, in the order that they need each other */

static void
on_record_changed (ClmInventory    *inventory,
                   const ClmRecord *record,
                   ClmManager      *self)
{
  g_signal_emit (self, signals[SIGNAL_CERTIFICATE_CHANGED], 0, record);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_REVISION]);
  clm_agenda_update (self->agenda);
}

static void
on_record_removed (ClmInventory *inventory,
                   const char   *name,
                   guint64       revision,
                   ClmManager   *self)
{
  g_signal_emit (self, signals[SIGNAL_CERTIFICATE_REMOVED], 0, name, revision);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_REVISION]);
  clm_agenda_update (self->agenda);
}

static void
on_event (ClmEvents  *events,
          ClmEvent   *event,
          ClmManager *self)
{
  g_signal_emit (self, signals[SIGNAL_EVENT], 0, event);
}

static void
on_backends_changed (ClmManager *self)
{
  g_signal_emit (self, signals[SIGNAL_BACKENDS_CHANGED], 0);
}

static void
on_published (ClmPublication *publication,
              const char     *authority,
              ClmManager     *self)
{
  on_backends_changed (self);
}

static void
on_job_added (ClmJobTable *table,
              ClmJob      *job,
              ClmManager  *self)
{
  g_signal_emit (self, signals[SIGNAL_JOB_ADDED], 0, job);
}

static void
on_job_removed (ClmJobTable *table,
                ClmJob      *job,
                ClmManager  *self)
{
  g_signal_emit (self, signals[SIGNAL_JOB_REMOVED], 0, job);
}

static void
on_spans_shifted (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (ClmManager) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_inventory_shift_spans_finish (CLM_INVENTORY (source), result, &error))
    g_warning ("waiting times could not be moved: %s", error->message);
  if (self->agenda)
    clm_agenda_update (self->agenda);
}

/* Not the clock's own jump: from 1970 to today the engine's time moves only from its floor. */
static gint64
read_time_offset (ClmClock *clock)
{
  return clm_clock_get_time (clock) - clm_clock_get_boot_time (clock) / G_USEC_PER_SEC;
}

static void
on_clock_changed (ClmClock   *clock,
                  gint64      jump,
                  ClmManager *self)
{
  const char *trust = clm_clock_trust_to_string (clm_clock_get_trust (clock));
  gint64 offset = read_time_offset (clock);
  gint64 moved = jump != 0 ? offset - self->time_offset : 0;
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_CLOCK_CHANGED, clm_clock_get_time (clock), NULL, NULL,
                                              "the clock is %s, it jumped by %" G_GINT64_FORMAT " s", trust, jump);

  clm_event_add_field (event, "clock", trust);
  clm_events_emit (self->engine.events, event);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CLOCK_STATE]);
  if (moved != 0)
    self->time_offset = offset;
  if (moved != 0)
    clm_inventory_shift_spans_async (self->engine.inventory, moved, on_spans_shifted, g_object_ref (self));
  else if (self->agenda)
    clm_agenda_update (self->agenda);
}

/* The network came up: what failed for want of it is tried soon, not all at once, and not at every flutter. */
static void
on_network_changed (GNetworkMonitor *monitor,
                    gboolean         available,
                    ClmManager      *self)
{
  gint64 now = clm_clock_get_boot_time (self->engine.clock);
  gboolean came_up = available && !self->network_available;

  self->network_available = available;
  clm_clock_update (self->engine.clock);
  if (!came_up || (self->network_time != 0 && now - self->network_time < CLM_SCHEDULE_NETWORK_INTERVAL_S * G_USEC_PER_SEC))
    return;
  self->network_time = now;
  clm_inventory_advance_spans_async (self->engine.inventory, clm_clock_get_time (self->engine.clock), NETWORK_JITTER_S,
                                     on_spans_shifted, g_object_ref (self));
}

static gboolean
open_time (ClmManager *self,
           GError    **error)
{
  const ClmSettings *settings = clm_config_get_settings (self->engine.config);
  gint64 last_seen = clm_inventory_get_last_seen (self->engine.inventory);

  if (self->time.create_clock)
    self->engine.clock = self->time.create_clock (self->time.data, settings->clock, CLM_BUILD_TIME, last_seen);
  else
    self->engine.clock = clm_clock_new (settings->clock, CLM_BUILD_TIME, last_seen, NULL, NULL);
  clm_clock_update (self->engine.clock);
  self->time_offset = read_time_offset (self->engine.clock);
  if (self->time.create_timers)
    self->engine.timers = self->time.create_timers (self->time.data, self->engine.clock);
  else
    self->engine.timers = clm_timers_new (self->engine.clock, error);
  return self->engine.timers != NULL;
}

/* What is blocking before anything else runs: lock, configuration, database. */
static gboolean
open_state (ClmManager *self,
            GError    **error)
{
  gboolean fresh;
  ClmConfigSource source;

  self->lock_fd = clm_state_lock_take (self->engine.state_dir, error);
  if (self->lock_fd < 0)
    return FALSE;
  self->layers = clm_layers_new (self->config_root, own_uid (self));
  self->specifiers = clm_specifiers_load (NULL);
  source = config_source (self);
  self->engine.config = clm_config_load (&source, NULL);
  self->engine.machine_id = g_strdup (self->specifiers->machine_id ? self->specifiers->machine_id :
                                      self->specifiers->host_name ? self->specifiers->host_name : "");
  self->engine.generations = clm_generation_store_open (self->engine.state_dir, error);
  if (!self->engine.generations)
    return FALSE;
  self->engine.inventory = clm_inventory_open (self->engine.state_dir, &fresh, error);
  return self->engine.inventory && open_time (self, error);
}

static ClmDeliverer *
make_deliverer (ClmManager *self)
{
  g_autofree char *runtime = NULL;

  if (self->deliver_program) {
    runtime = g_build_filename (self->engine.state_dir, "deliver", NULL);
    return clm_deliverer_new_child (self->deliver_program, self->config_root, runtime);
  }
  return clm_deliverer_new (self->deliver_socket);
}

/* What was in flight while its file changed follows the file now. */

static void
on_followed (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (ClmManager) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_reconciliation_run_finish (result, &error))
    g_warning ("a changed file is not followed yet: %s", error->message);
}

static void
on_settled (ClmAgenda  *agenda,
            const char *name,
            ClmManager *self)
{
  if (!self->engine.stopping && g_hash_table_remove (self->deferred, name))
    clm_reconciliation_run_one_async (&self->engine, agenda, name, self->deferred, on_followed, g_object_ref (self));
}

static gboolean
make_parts (ClmManager *self,
            GError    **error)
{
  ClmEngine *engine = &self->engine;

  engine->unreachable = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  engine->events = clm_events_new ();
  clm_events_set_inventory (engine->events, engine->inventory);
  engine->deliverer = make_deliverer (self);
  self->loader = clm_plugin_loader_new (self->plugin_dir, own_uid (self));
  engine->registry = clm_registry_new (engine, self->loader);
  self->publication = clm_publication_new (engine);
  clm_publication_watch (self->publication, engine->registry);
  self->jobs = clm_job_table_new (engine->timers);
  self->agenda = clm_agenda_new (engine, find_spec, self);
  self->deferred = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->network = g_object_ref (g_network_monitor_get_default ());
  self->network_available = g_network_monitor_get_network_available (self->network);
  clm_inventory_set_history_limit (engine->inventory, clm_config_get_settings (engine->config)->history_limit);

  g_signal_connect_object (engine->inventory, "record-changed", G_CALLBACK (on_record_changed), self, 0);
  g_signal_connect_object (engine->inventory, "record-removed", G_CALLBACK (on_record_removed), self, 0);
  g_signal_connect_object (engine->events, "event", G_CALLBACK (on_event), self, 0);
  g_signal_connect_object (engine->registry, "changed", G_CALLBACK (on_backends_changed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->publication, "changed", G_CALLBACK (on_published), self, 0);
  g_signal_connect_object (self->agenda, "settled", G_CALLBACK (on_settled), self, 0);
  g_signal_connect_object (self->jobs, "added", G_CALLBACK (on_job_added), self, 0);
  g_signal_connect_object (self->jobs, "removed", G_CALLBACK (on_job_removed), self, 0);
  g_signal_connect_object (engine->clock, "changed", G_CALLBACK (on_clock_changed), self, 0);
  g_signal_connect_object (self->network, "network-changed", G_CALLBACK (on_network_changed), self, 0);
  return clm_key_provider_init (clm_registry_lookup_key, engine->registry, error);
}

static void
tell_problems (ClmManager *self)
{
  GPtrArray *problems = clm_config_list_problems (self->engine.config);

  for (guint i = 0; i < problems->len; i++) {
    ClmProblem *problem = g_ptr_array_index (problems, i);
    gboolean named = *problem->name != '\0';
    g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_CONFIG_REJECTED, clm_clock_get_time (self->engine.clock),
                                                named ? clm_config_kind_get_nick (problem->kind) : NULL,
                                                named ? problem->name : NULL, "%s", problem->message);

    if (!problem->is_error)
      clm_event_set_severity (event, CLM_SEVERITY_NOTICE);
    clm_event_add_field (event, "hint", problem->hint);
    clm_events_emit (self->engine.events, event);
  }
}

static void
on_reconciled_at_start (GObject      *source,
                        GAsyncResult *result,
                        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  g_autoptr (ClmEvent) event = NULL;
  GError *error = NULL;

  if (!clm_reconciliation_run_finish (result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  event = clm_event_new (CLM_EVENT_STARTED, clm_clock_get_time (self->engine.clock), NULL, NULL, "certloomd %s started", CLM_VERSION);
  clm_events_emit (self->engine.events, event);
  clm_agenda_start (self->agenda);
  g_task_return_boolean (task, TRUE);
}

static void
on_registry_started (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  GTask *task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!clm_registry_apply_finish (CLM_REGISTRY (source), result, &error)) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  tell_problems (self);
  clm_reconciliation_run_async (&self->engine, self->agenda, NULL, self->deferred, g_task_get_cancellable (task), on_reconciled_at_start, task);
}

void
clm_manager_start_async (ClmManager         *self,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, clm_manager_start_async);
  clm_x509_init ();
  /* Nothing else runs yet, so nobody waits for these disks but the start itself. */
  if (!open_state (self, &error) || !make_parts (self, &error)) {
    g_task_return_error (task, error);
    return;
  }
  clm_registry_apply_async (self->engine.registry, cancellable, on_registry_started, g_steal_pointer (&task));
}

gboolean
clm_manager_start_finish (ClmManager   *self,
                          GAsyncResult *result,
                          GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Stopping, in the opposite order */

static void
on_registry_stopped (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;

  if (!clm_registry_stop_finish (CLM_REGISTRY (source), result, &error))
    g_message ("the plugins did not stop in order: %s", error->message);
  clm_events_set_inventory (self->engine.events, NULL);
  clm_job_table_close (self->jobs);
  clm_inventory_close (self->engine.inventory);
  close (self->lock_fd);
  self->lock_fd = -1;
  g_task_return_boolean (task, TRUE);
}

static void
on_agenda_stopped (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  GTask *task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_STOPPED, clm_clock_get_time (self->engine.clock), NULL, NULL,
                                              "certloomd stopped");

  clm_events_emit (self->engine.events, event);
  clm_registry_stop_async (self->engine.registry, on_registry_stopped, task);
}

void
clm_manager_stop_async (ClmManager         *self,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_manager_stop_async);
  if (!self->agenda) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  self->engine.stopping = TRUE;
  clm_agenda_stop_async (self->agenda, on_agenda_stopped, g_steal_pointer (&task));
}

gboolean
clm_manager_stop_finish (ClmManager   *self,
                         GAsyncResult *result,
                         GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* What is */

gboolean
clm_manager_is_quiet (ClmManager *self)
{
  return !self->reload && clm_agenda_is_quiet (self->agenda) && !clm_inventory_is_writing (self->engine.inventory);
}

ClmConfig *
clm_manager_get_config (ClmManager *self)
{
  return self->engine.config;
}

guint64
clm_manager_get_revision (ClmManager *self)
{
  return clm_inventory_get_revision (self->engine.inventory);
}

const char *
clm_manager_get_epoch (ClmManager *self)
{
  return clm_inventory_get_epoch (self->engine.inventory);
}

const char *
clm_manager_get_clock_state (ClmManager *self)
{
  return clm_clock_trust_to_string (clm_clock_get_trust (self->engine.clock));
}

gint64
clm_manager_get_time (ClmManager *self)
{
  return clm_clock_get_time (self->engine.clock);
}

guint
clm_manager_get_count (ClmManager *self,
                       ClmState    state)
{
  return clm_inventory_count (self->engine.inventory, state);
}

static gboolean
check_name (const char *name,
            GError    **error)
{
  if (clm_name_is_valid (name))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "a name is [a-z0-9][a-z0-9._-]{0,63}");
  return FALSE;
}

ClmRecord *
clm_manager_get_record (ClmManager *self,
                        const char *name,
                        GError    **error)
{
  return check_name (name, error) ? clm_inventory_get_record (self->engine.inventory, name, error) : NULL;
}

GPtrArray *
clm_manager_get_deliveries (ClmManager *self,
                            const char *name,
                            GError    **error)
{
  return check_name (name, error) ? clm_inventory_get_deliveries (self->engine.inventory, name, error) : NULL;
}

GPtrArray *
clm_manager_get_generations (ClmManager *self,
                             const char *name,
                             GError    **error)
{
  return check_name (name, error) ? clm_inventory_get_generations (self->engine.inventory, name, error) : NULL;
}

/* Who may */

static void
note_denial (ClmManager      *self,
             const ClmCaller *caller,
             ClmVerb          verb)
{
  gint64 now = clm_clock_get_time (self->engine.clock);
  g_autofree char *uid = caller && caller->valid ? g_strdup_printf ("%u", caller->uid) : g_strdup ("unknown");
  g_autoptr (ClmEvent) event = NULL;

  if (now - self->denial_time >= 60 || now < self->denial_time) {
    if (self->denials > DENIALS_PER_MINUTE)
      g_message ("%u more denials in a minute were not written down", self->denials - DENIALS_PER_MINUTE);
    self->denial_time = now;
    self->denials = 0;
  }
  if (++self->denials > DENIALS_PER_MINUTE)
    return;
  event = clm_event_new (CLM_EVENT_ACCESS_DENIED, now, NULL, NULL, "user %s may not “%s”", uid, clm_verb_get_nick (verb));
  clm_event_add_field (event, "uid", uid);
  clm_event_add_field (event, "verb", clm_verb_get_nick (verb));
  clm_events_emit (self->engine.events, event);
}

static gboolean
check_access (ClmManager      *self,
              ClmAccess       *access,
              const ClmCaller *caller,
              ClmVerb          verb,
              GError         **error)
{
  if (clm_access_check (access, caller, verb, error))
    return TRUE;
  note_denial (self, caller, verb);
  return FALSE;
}

/* What is not there looks like what one may not touch; the daemon's own lists still tell who its admin is. */
static ClmAccess *
daemon_access (ClmManager *self)
{
  return clm_config_get_settings (self->engine.config)->access;
}

gboolean
clm_manager_may (ClmManager      *self,
                 const ClmCaller *caller,
                 ClmVerb          verb,
                 const char      *name)
{
  g_autoptr (ClmSpec) spec = NULL;

  /* Whoever may with everything needs no look at the one thing. */
  if (clm_role_may (clm_access_get_role (daemon_access (self), caller), verb))
    return TRUE;
  spec = name && clm_name_is_valid (name) ? find_spec (name, self) : NULL;
  return spec && clm_role_may (clm_access_get_role (spec->access, caller), verb);
}

gboolean
clm_manager_authorize (ClmManager      *self,
                       const ClmCaller *caller,
                       ClmVerb          verb,
                       const char      *name,
                       GError         **error)
{
  g_autoptr (ClmSpec) spec = name && clm_name_is_valid (name) ? find_spec (name, self) : NULL;

  return check_access (self, spec ? spec->access : daemon_access (self), caller, verb, error);
}

gboolean
clm_manager_authorize_request (ClmManager      *self,
                               const ClmCaller *caller,
                               const char      *template_name,
                               GError         **error)
{
  ClmAccess *access = template_name ? clm_config_get_template_access (self->engine.config, template_name) : NULL;

  if (!template_name)
    return check_access (self, daemon_access (self), caller, CLM_VERB_ADMIN, error);
  return check_access (self, access ? access : daemon_access (self), caller, CLM_VERB_REQUEST, error);
}

/* Lists */

typedef struct {
  ClmCaller *caller;
  char      *next;
} ListWork;

static void
list_work_free (ListWork *work)
{
  clm_caller_free (work->caller);
  g_free (work->next);
  g_free (work);
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  ListWork *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GPtrArray) records = clm_inventory_list_finish (CLM_INVENTORY (source), result, &work->next, &error);

  if (!records) {
    g_task_return_error (task, error);
    return;
  }
  for (guint i = records->len; i-- > 0;) {
    ClmRecord *record = g_ptr_array_index (records, i);

    if (!clm_manager_may (self, work->caller, CLM_VERB_READ, record->name))
      g_ptr_array_remove_index (records, i);
  }
  g_task_return_pointer (task, g_steal_pointer (&records), (GDestroyNotify) g_ptr_array_unref);
}

void
clm_manager_list_async (ClmManager          *self,
                        const ClmCaller     *caller,
                        const ClmListFilter *filter,
                        const char          *cursor,
                        guint                limit,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ClmInventoryFilter inner = { filter->pattern, filter->states, filter->authority, filter->expires_before };
  ListWork *work = g_new0 (ListWork, 1);

  g_task_set_source_tag (task, clm_manager_list_async);
  g_task_set_task_data (task, work, (GDestroyNotify) list_work_free);
  work->caller = clm_caller_copy (caller);
  clm_inventory_list_async (self->engine.inventory, &inner, cursor, CLAMP (limit, 1, 1000), cancellable, on_listed, task);
}

GPtrArray *
clm_manager_list_finish (ClmManager   *self,
                         GAsyncResult *result,
                         char        **next,
                         GError      **error)
{
  ListWork *work = g_task_get_task_data (G_TASK (result));
  GPtrArray *records = g_task_propagate_pointer (G_TASK (result), error);

  if (records)
    *next = g_steal_pointer (&work->next);
  return records;
}

static void
on_history_read (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GPtrArray *rows = clm_inventory_history_finish (CLM_INVENTORY (source), result, &error);

  if (rows)
    g_task_return_pointer (task, rows, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
clm_manager_history_async (ClmManager         *self,
                           const char         *subject,
                           guint64             before,
                           guint               limit,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_manager_history_async);
  clm_inventory_history_async (self->engine.inventory, subject, before, CLAMP (limit, 1, 1000), cancellable, on_history_read, task);
}

GPtrArray *
clm_manager_history_finish (ClmManager   *self,
                            GAsyncResult *result,
                            GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Verbs */

static guint32
uid_of (const ClmCaller *caller)
{
  return caller && caller->valid ? caller->uid : G_MAXUINT32;
}

/* One certificate, one operation, one job; joins the one that is there already. */
static ClmJob *
ask_one (ClmManager         *self,
         const ClmCaller    *caller,
         const char         *name,
         const ClmOperation *operation)
{
  ClmJob *job = clm_agenda_find_job (self->agenda, name, operation);

  if (job)
    return job;
  job = clm_job_table_add (self->jobs, clm_operation_get_nick (operation->kind), name, uid_of (caller), 1);
  clm_agenda_push (self->agenda, name, operation, job);
  return job;
}

static ClmJob *
ask_one_existing (ClmManager         *self,
                  const ClmCaller    *caller,
                  const char         *name,
                  const ClmOperation *operation,
                  GError            **error)
{
  g_autoptr (ClmRecord) record = clm_manager_get_record (self, name, error);

  return record ? ask_one (self, caller, name, operation) : NULL;
}

typedef struct {
  ClmManager *manager;
  ClmJob     *job;
  char       *name;
} RequestWork;

static void
on_request_written (GObject      *source,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  g_autofree RequestWork *work = user_data;
  g_autoptr (ClmManager) self = work->manager;
  g_autoptr (ClmJob) job = work->job;
  g_autofree char *name = work->name;
  ClmOperation operation = { .kind = CLM_OPERATION_RENEW };
  g_autoptr (GError) error = NULL;

  if (clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error))
    clm_agenda_push (self->agenda, name, &operation, job);
  else
    clm_job_complete (job, error);
}

static ClmChange *
request_to_change (ClmManager *self,
                   ClmSpec    *spec,
                   guint32     uid)
{
  g_autoptr (ClmRecord) record = clm_record_new (spec->name);
  g_autofree char *text = clm_spec_serialize (spec);
  ClmChange *change = clm_change_new (spec->name);
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_ADDED, clm_clock_get_time (self->engine.clock), "certificate", spec->name,
                                              "asked for by user %u", uid);

  clm_record_set (&record->origin, clm_origin_get_nick (spec->origin));
  clm_record_set (&record->template_name, spec->template_name);
  clm_record_set (&record->key_store, spec->key_store);
  clm_record_set (&record->key_type, spec->key_type);
  clm_record_set (&record->authority, spec->authorities[0]);
  record->state = CLM_STATE_ENROLLING;
  record->next_action = CLM_ACTION_ENROLL;
  record->next_time = clm_clock_get_time (self->engine.clock);
  clm_change_put_record (change, record);
  clm_change_put_spec (change, spec->template_name, spec->instance, uid, text);
  clm_change_add_event (change, event);
  clm_events_tell (self->engine.events, event);
  return change;
}

static gboolean
check_free (ClmManager *self,
            const char *name,
            GError    **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (ClmRecord) record = clm_inventory_get_record (self->engine.inventory, name, &local);

  if (record || clm_config_get_spec (self->engine.config, name) || clm_job_table_find (self->jobs, "request", name)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_EXISTS, "there is a certificate named “%s” already", name);
    return FALSE;
  }
  if (g_error_matches (local, CLM_ERROR, CLM_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

ClmJob *
clm_manager_request (ClmManager      *self,
                     const ClmCaller *caller,
                     const char      *name,
                     const char      *template_name,
                     const char      *instance,
                     ClmOptions      *overrides,
                     char           **certificate,
                     GError         **error)
{
  ClmSpecContext context = spec_context (self);
  ClmUnit *template_unit = template_name ? clm_config_get_template (self->engine.config, template_name) : NULL;
  g_autoptr (ClmSpec) spec = NULL;
  RequestWork *work;

  if (template_name && !template_unit) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no template named “%s”", template_name);
    return NULL;
  }
  spec = clm_spec_new_from_request (name, template_unit, instance, overrides, caller, &context, error);
  if (!spec || !check_free (self, spec->name, error))
    return NULL;
  work = g_new0 (RequestWork, 1);
  work->manager = g_object_ref (self);
  work->name = g_strdup (spec->name);
  work->job = g_object_ref (clm_job_table_add (self->jobs, "request", spec->name, uid_of (caller), 1));
  clm_inventory_apply_async (self->engine.inventory, request_to_change (self, spec, uid_of (caller)), NULL, on_request_written, work);
  *certificate = g_strdup (spec->name);
  return work->job;
}

ClmJob *
clm_manager_renew (ClmManager        *self,
                   const ClmCaller   *caller,
                   const char *const *names,
                   gboolean           rekey,
                   GError           **error)
{
  ClmOperation operation = { .kind = CLM_OPERATION_RENEW, .rekey = rekey };
  guint n = g_strv_length ((GStrv) names);
  ClmJob *job;

  if (n == 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "no certificate is named");
    return NULL;
  }
  for (guint i = 0; i < n; i++) {
    g_autoptr (ClmRecord) record = clm_manager_get_record (self, names[i], error);

    if (!record)
      return NULL;
  }
  if (n == 1)
    return ask_one (self, caller, names[0], &operation);
  job = clm_job_table_add (self->jobs, "renew", "", uid_of (caller), n);
  for (guint i = 0; i < n; i++)
    clm_agenda_push (self->agenda, names[i], &operation, job);
  return job;
}

ClmJob *
clm_manager_renew_due (ClmManager      *self,
                       const ClmCaller *caller,
                       GError         **error)
{
  g_auto (GStrv) names = clm_inventory_list_renewable (self->engine.inventory, clm_clock_get_time (self->engine.clock));
  ClmJob *job;

  if (names[0])
    return clm_manager_renew (self, caller, (const char *const *) names, FALSE, error);
  job = clm_job_table_add (self->jobs, "renew", "", uid_of (caller), 0);
  clm_job_complete (job, NULL);
  return job;
}

ClmJob *
clm_manager_deliver (ClmManager      *self,
                     const ClmCaller *caller,
                     const char      *name,
                     GError         **error)
{
  ClmOperation operation = { .kind = CLM_OPERATION_DELIVER, .force = TRUE };

  return ask_one_existing (self, caller, name, &operation, error);
}

ClmJob *
clm_manager_revoke (ClmManager         *self,
                    const ClmCaller    *caller,
                    const char         *name,
                    ClmRevocationReason reason,
                    GError            **error)
{
  ClmOperation operation = { .kind = CLM_OPERATION_REVOKE, .reason = reason };

  return ask_one_existing (self, caller, name, &operation, error);
}

ClmJob *
clm_manager_rollback (ClmManager      *self,
                      const ClmCaller *caller,
                      const char      *name,
                      GError         **error)
{
  ClmOperation operation = { .kind = CLM_OPERATION_ROLLBACK };

  return ask_one_existing (self, caller, name, &operation, error);
}

ClmJob *
clm_manager_remove (ClmManager      *self,
                    const ClmCaller *caller,
                    const char      *name,
                    gboolean         keep_key,
                    GError         **error)
{
  ClmOperation operation = { .kind = CLM_OPERATION_REMOVE, .keep_key = keep_key };
  ClmSpec *spec = clm_config_get_spec (self->engine.config, name);

  if (spec) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "“%s” is described by a file and would come back", name);
    if (error)
      clm_error_set_hint (*error, "remove %s first, then: certloom reload", spec->file ? spec->file : "its file");
    return NULL;
  }
  return ask_one_existing (self, caller, name, &operation, error);
}

/* Hold and release */

static void
on_hold_written (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  ClmEvent *event = g_task_get_task_data (task);
  GError *error = NULL;

  clm_agenda_unlock (self->agenda, clm_event_get_subject (event));
  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  clm_events_tell (self->engine.events, event);
  g_task_return_boolean (task, TRUE);
}

static gboolean
change_hold (ClmManager *self,
             ClmRecord  *record,
             gboolean    hold,
             GError    **error)
{
  g_autoptr (ClmSpec) spec = find_spec (record->name, self);

  if (clm_agenda_is_busy (self->agenda, record->name)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_BUSY, "something is under way for “%s”", record->name);
    if (error)
      clm_error_set_hint (*error, "wait for it or cancel its job, then try again");
    return FALSE;
  }
  if (hold) {
    record->held = TRUE;
    clm_plan_idle (record, CLM_STATE_HELD, "held", "held by an operator");
    return TRUE;
  }
  if (!spec) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "nothing describes “%s” any more", record->name);
    return FALSE;
  }
  clm_reconciliation_plan_release (&self->engine, record, spec);
  return TRUE;
}

void
clm_manager_hold_async (ClmManager         *self,
                        const ClmCaller    *caller,
                        const char         *name,
                        gboolean            hold,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;
  g_autoptr (ClmRecord) record = clm_manager_get_record (self, name, &error);
  ClmEvent *event;
  ClmChange *change;

  g_task_set_source_tag (task, clm_manager_hold_async);
  if (record && record->held == hold) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (!record || !change_hold (self, record, hold, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (!clm_agenda_lock (self->agenda, name))
    g_return_if_reached ();
  event = clm_event_new (hold ? CLM_EVENT_HELD : CLM_EVENT_RELEASED, clm_clock_get_time (self->engine.clock), "certificate", name,
                         hold ? "held by user %u" : "released by user %u", uid_of (caller));
  g_task_set_task_data (task, event, (GDestroyNotify) clm_event_unref);
  change = clm_change_new (name);
  clm_change_put_record (change, record);
  clm_change_add_event (change, event);
  clm_inventory_apply_async (self->engine.inventory, change, NULL, on_hold_written, g_steal_pointer (&task));
}

gboolean
clm_manager_hold_finish (ClmManager   *self,
                         GAsyncResult *result,
                         GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Reload */

static void start_reload (ClmManager *self);

typedef struct {
  ClmConfig *config;   /* (nullable): NULL where nothing changed */
  ClmConfig *previous;
} ReloadWork;

static void
reload_work_free (ReloadWork *work)
{
  g_clear_pointer (&work->config, clm_config_unref);
  g_clear_pointer (&work->previous, clm_config_unref);
  g_free (work);
}

static GError *
problems_to_error (ClmConfig *config)
{
  g_autofree char *text = clm_config_has_errors (config) ? clm_config_format_problems (config) : NULL;

  return text ? g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%s", g_strchomp (text)) : NULL;
}

static void
finish_reload (ClmManager   *self,
               const GError *error)
{
  g_autoptr (ClmJob) job = g_steal_pointer (&self->reload);
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_CONFIG_RELOADED, clm_clock_get_time (self->engine.clock), NULL, NULL,
                                              "configuration read anew");

  if (error)
    clm_event_add_error (event, error);
  clm_events_emit (self->engine.events, event);
  clm_job_complete (job, error);
  clm_agenda_update (self->agenda);
  if (self->reload_again) {
    self->reload_again = FALSE;
    self->reload = g_object_ref (clm_job_table_add (self->jobs, "reload", "", clm_job_get_uid (job), 1));
    start_reload (self);
  }
}

static void
on_reconciled (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;

  if (clm_reconciliation_run_finish (result, &error))
    error = problems_to_error (self->engine.config);
  finish_reload (self, error);
}

static void
on_registry_applied (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  GTask *task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  ReloadWork *work = g_task_get_task_data (task);
  g_autoptr (GPtrArray) changes = clm_config_diff (work->previous, self->engine.config);
  g_autoptr (GError) error = NULL;

  if (!clm_registry_apply_finish (CLM_REGISTRY (source), result, &error)) {
    finish_reload (self, error);
    g_object_unref (task);
    return;
  }
  clm_job_set_stage (self->reload, "reconcile", 0.7);
  clm_reconciliation_run_async (&self->engine, self->agenda, changes, self->deferred, NULL, on_reconciled, task);
}

static void
apply_settings (ClmManager *self)
{
  const ClmSettings *settings = clm_config_get_settings (self->engine.config);

  clm_clock_set_mode (self->engine.clock, settings->clock);
  clm_inventory_set_history_limit (self->engine.inventory, settings->history_limit);
}

static void
load_in_thread (GTask        *task,
                gpointer      source,
                gpointer      task_data,
                GCancellable *cancellable)
{
  ReloadWork *work = task_data;
  ClmConfigSource config = config_source (source);

  if (!clm_config_is_current (work->previous, &config))
    work->config = clm_config_load (&config, work->previous);
  g_task_return_boolean (task, TRUE);
}

static void
on_loaded (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  ClmManager *self = CLM_MANAGER (source);
  GTask *task = G_TASK (result);
  ReloadWork *work = g_task_get_task_data (task);

  /* Also where the files are the same: instances that could not be started are tried again. */
  if (work->config) {
    clm_config_unref (self->engine.config);
    self->engine.config = clm_config_ref (work->config);
    apply_settings (self);
    tell_problems (self);
  }
  clm_job_set_stage (self->reload, "backends", 0.4);
  clm_registry_apply_async (self->engine.registry, NULL, on_registry_applied, g_object_ref (task));
}

static void
start_reload (ClmManager *self)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_loaded, NULL);
  ReloadWork *work = g_new0 (ReloadWork, 1);

  work->previous = clm_config_ref (self->engine.config);
  g_task_set_source_tag (task, start_reload);
  g_task_set_task_data (task, work, (GDestroyNotify) reload_work_free);
  clm_job_set_stage (self->reload, "read", 0.1);
  g_task_run_in_thread (task, load_in_thread);
}

ClmJob *
clm_manager_reload (ClmManager *self,
                    guint32     uid,
                    GError    **error)
{
  if (self->engine.stopping) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "the daemon is stopping");
    return NULL;
  }
  if (self->reload) {
    /* It may have read before the file that the caller means was written. */
    self->reload_again = TRUE;
    return self->reload;
  }
  self->reload = g_object_ref (clm_job_table_add (self->jobs, "reload", "", uid, 1));
  start_reload (self);
  return self->reload;
}

/* Jobs */

ClmJob *
clm_manager_get_job (ClmManager *self,
                     guint64     id)
{
  return clm_job_table_get (self->jobs, id);
}

GPtrArray *
clm_manager_list_jobs (ClmManager *self)
{
  return clm_job_table_list (self->jobs);
}

/* Material */

void
clm_credential_fds_free (ClmCredentialFds *self)
{
  int *const fds[] = { &self->leaf, &self->chain, &self->full_chain, &self->key, &self->combined };

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++) {
    if (*fds[i] >= 0)
      close (*fds[i]);
  }
  g_free (self->key_uri);
  g_free (self);
}

static int
steal_fd (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}

ClmCredentialFds *
clm_manager_open_credential (ClmManager *self,
                             const char *name,
                             gboolean    with_key,
                             GError    **error)
{
  g_autoptr (ClmRecord) record = clm_manager_get_record (self, name, error);
  g_autoptr (ClmGenerationFds) fds = NULL;
  g_autoptr (ClmGeneration) meta = NULL;
  ClmCredentialFds *credential;

  if (!record)
    return NULL;
  fds = clm_generation_open_fds (self->engine.generations, name, with_key, error);
  meta = fds ? clm_generation_read_meta (self->engine.generations, name, fds->number, error) : NULL;
  if (!meta)
    return NULL;
  credential = g_new0 (ClmCredentialFds, 1);
  credential->generation = fds->number;
  credential->leaf = steal_fd (&fds->cert);
  credential->chain = steal_fd (&fds->chain);
  credential->full_chain = steal_fd (&fds->fullchain);
  credential->key = steal_fd (&fds->key);
  credential->combined = steal_fd (&fds->combined);
  credential->key_uri = g_strdup (meta->key_uri);
  return credential;
}

GBytes *
clm_manager_get_pem (ClmManager *self,
                     const char *name,
                     GError    **error)
{
  g_autoptr (ClmCredentialFds) fds = clm_manager_open_credential (self, name, FALSE, error);
  g_autoptr (GInputStream) stream = NULL;

  if (!fds)
    return NULL;
  stream = g_unix_input_stream_new (fds->full_chain, FALSE);
  return g_input_stream_read_bytes (stream, PEM_MAX, NULL, error);
}

/* Backends */

void
clm_backend_info_free (ClmBackendInfo *self)
{
  g_free (self->kind);
  g_free (self->name);
  g_free (self->plugin);
  g_free (self->state);
  g_free (self->error);
  g_clear_pointer (&self->details, g_variant_unref);
  g_free (self);
}

static void
add_info (const ClmInstanceInfo *instance,
          gpointer               user_data)
{
  ClmBackendInfo *info = g_new0 (ClmBackendInfo, 1);
  gboolean started = instance->backend && clm_backend_is_started (instance->backend);

  info->kind = g_strdup (instance->kind);
  info->name = g_strdup (instance->name);
  info->plugin = g_strdup (instance->plugin);
  info->state = g_strdup (started ? "started" : instance->starting ? "starting" : "failed");
  info->error = g_strdup (instance->error ? instance->error->message : "");
  info->details = g_variant_ref_sink (started ? clm_backend_describe (instance->backend) : g_variant_new ("a{sv}", NULL));
  g_ptr_array_add (user_data, info);
}

GPtrArray *
clm_manager_list_backends (ClmManager *self,
                           const char *kind)
{
  GPtrArray *infos = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_backend_info_free);

  clm_registry_foreach (self->engine.registry, kind, add_info, infos);
  return infos;
}

ClmBackendInfo *
clm_manager_get_backend (ClmManager *self,
                         const char *kind,
                         const char *name,
                         GError    **error)
{
  g_autoptr (GPtrArray) infos = clm_manager_list_backends (self, kind);

  for (guint i = 0; i < infos->len; i++) {
    if (g_str_equal (((ClmBackendInfo *) g_ptr_array_index (infos, i))->name, name))
      return g_ptr_array_steal_index (infos, i);
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no %s named “%s”", kind, name);
  return NULL;
}

GBytes *
clm_manager_get_crl (ClmManager *self,
                     const char *authority,
                     GError    **error)
{
  GBytes *crl = clm_publication_get_crl (self->publication, authority);

  if (crl)
    return g_bytes_ref (crl);
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "authority “%s” has published no CRL", authority);
  return NULL;
}

GBytes *
clm_manager_get_anchors (ClmManager *self,
                         const char *authority,
                         GError    **error)
{
  GBytes *anchors = clm_publication_get_anchors (self->publication, authority);

  if (anchors)
    return g_bytes_ref (anchors);
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "authority “%s” has published no trust anchors", authority);
  return NULL;
}

static void
on_keys_listed (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GPtrArray *keys = clm_key_store_list_finish (CLM_KEY_STORE (source), result, &error);

  if (keys)
    g_task_return_pointer (task, keys, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
clm_manager_list_keys_async (ClmManager         *self,
                             const char         *key_store,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;
  g_autoptr (ClmKeyStore) store = clm_registry_get_key_store (self->engine.registry, key_store, &error);

  g_task_set_source_tag (task, clm_manager_list_keys_async);
  if (store)
    clm_key_store_list_async (store, cancellable, on_keys_listed, g_steal_pointer (&task));
  else
    g_task_return_error (task, error);
}

GPtrArray *
clm_manager_list_keys_finish (ClmManager   *self,
                              GAsyncResult *result,
                              GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Plugins */

void
clm_plugin_row_free (ClmPluginRow *self)
{
  g_free (self->name);
  g_free (self->version);
  g_free (self->summary);
  g_free (self->path);
  g_free (self->error);
  g_free (self);
}

static ClmPluginRow *
make_plugin_row (ClmManager *self,
                 const char *name)
{
  GPtrArray *loaded = clm_plugin_loader_list_loaded (self->loader);
  ClmPluginRow *row = g_new0 (ClmPluginRow, 1);

  row->name = g_strdup (name);
  row->path = g_strdup_printf ("%s/%s.so", self->plugin_dir, name);
  row->error = g_strdup ("");
  for (guint i = 0; i < loaded->len; i++) {
    ClmPlugin *plugin = g_ptr_array_index (loaded, i);

    if (!g_str_equal (clm_plugin_get_name (plugin), name))
      continue;
    row->loaded = TRUE;
    row->version = g_strdup (clm_plugin_get_version (plugin));
    row->summary = g_strdup (clm_plugin_get_summary (plugin));
  }
  g_ptr_array_unref (loaded);
  if (!row->loaded) {
    row->version = g_strdup ("");
    row->summary = g_strdup ("");
  }
  return row;
}

GPtrArray *
clm_manager_list_plugins (ClmManager *self)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_plugin_row_free);
  g_auto (GStrv) names = clm_plugin_loader_list_available (self->loader);

  for (guint i = 0; names[i]; i++)
    g_ptr_array_add (rows, make_plugin_row (self, names[i]));
  return rows;
}

/* Object */

static void
clm_manager_init (ClmManager *self)
{
  self->lock_fd = -1;
}

static void
clm_manager_get_property (GObject    *object,
                          guint       id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  ClmManager *self = CLM_MANAGER (object);

  switch (id) {
  case PROP_REVISION:
    g_value_set_uint64 (value, clm_manager_get_revision (self));
    break;
  case PROP_CLOCK_STATE:
    g_value_set_string (value, clm_manager_get_clock_state (self));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
clm_manager_finalize (GObject *object)
{
  ClmManager *self = CLM_MANAGER (object);
  ClmEngine *engine = &self->engine;

  g_clear_object (&self->agenda);
  g_clear_pointer (&self->deferred, g_hash_table_unref);
  g_clear_object (&self->jobs);
  g_clear_object (&self->publication);
  g_clear_object (&self->network);
  g_clear_object (&self->reload);
  g_clear_object (&engine->registry);
  g_clear_object (&self->loader);
  g_clear_object (&engine->deliverer);
  g_clear_object (&engine->events);
  g_clear_object (&engine->inventory);
  g_clear_object (&engine->timers);
  g_clear_object (&engine->clock);
  g_clear_pointer (&engine->generations, clm_generation_store_unref);
  g_clear_pointer (&engine->unreachable, g_hash_table_unref);
  g_clear_pointer (&engine->config, clm_config_unref);
  g_clear_pointer (&self->layers, clm_layers_unref);
  g_clear_pointer (&self->specifiers, clm_specifiers_free);
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (engine->state_dir);
  g_free (engine->machine_id);
  g_free (self->config_root);
  g_free (self->deliver_socket);
  g_free (self->deliver_program);
  g_free (self->plugin_dir);
  G_OBJECT_CLASS (clm_manager_parent_class)->finalize (object);
}

static void
clm_manager_class_init (ClmManagerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = clm_manager_get_property;
  object_class->finalize = clm_manager_finalize;
  properties[PROP_REVISION] = g_param_spec_uint64 ("revision", NULL, NULL, 0, G_MAXUINT64, 0,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_CLOCK_STATE] = g_param_spec_string ("clock-state", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  signals[SIGNAL_CERTIFICATE_CHANGED] = g_signal_new ("certificate-changed", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                      NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[SIGNAL_CERTIFICATE_REMOVED] = g_signal_new ("certificate-removed", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                      NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_UINT64);
  signals[SIGNAL_JOB_ADDED] = g_signal_new ("job-added", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                            G_TYPE_NONE, 1, CLM_TYPE_JOB);
  signals[SIGNAL_JOB_REMOVED] = g_signal_new ("job-removed", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                              G_TYPE_NONE, 1, CLM_TYPE_JOB);
  signals[SIGNAL_EVENT] = g_signal_new ("event", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, CLM_TYPE_EVENT);
  signals[SIGNAL_BACKENDS_CHANGED] = g_signal_new ("backends-changed", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                   G_TYPE_NONE, 0);
}
