/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

#include <unistd.h>

#include "config.h"

#define DENIALS_PER_MINUTE 10

enum { PROP_REVISION = 1, PROP_CLOCK_STATE, N_PROPERTIES };
static GParamSpec *properties[N_PROPERTIES];

enum {
  SIGNAL_CERTIFICATE_CHANGED,
  SIGNAL_CERTIFICATE_REMOVED,
  SIGNAL_CERTIFICATES_MOVED,
  SIGNAL_JOB_ADDED,
  SIGNAL_JOB_REMOVED,
  SIGNAL_EVENT,
  SIGNAL_BACKENDS_CHANGED,
  SIGNAL_INVENTORY_DAMAGED,
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

guint32
clm_manager_get_own_uid (ClmManager *self)
{
  return self->config_root ? (guint32) geteuid () : 0;
}

ClmConfigSource
clm_manager_config_source (ClmManager *self)
{
  return (ClmConfigSource) { self->layers, self->specifiers, clm_account_resolver_system (), clm_manager_get_own_uid (self) };
}

ClmSpecContext
clm_manager_spec_context (ClmManager *self)
{
  return (ClmSpecContext) { self->specifiers, clm_account_resolver_system (),
                            clm_config_get_settings (self->engine.config)->access };
}

/* What a certificate shall be: a file of that name wins over a request. */

static ClmSpec *
load_requested_spec (ClmManager *self,
                     const char *name)
{
  ClmSpecContext context = clm_manager_spec_context (self);
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

ClmSpec *
clm_manager_find_spec (const char *name,
                       gpointer    user_data)
{
  ClmManager *self = user_data;
  ClmSpec *spec = clm_config_get_spec (self->engine.config, name);

  return spec ? clm_spec_ref (spec) : load_requested_spec (self, name);
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
  GPtrArray *rows = check_name (name, error) ? clm_inventory_get_generations (self->engine.inventory, name, error) : NULL;

  for (guint i = rows ? rows->len : 0; i-- > 0;) {
    if (g_str_equal (((ClmGenerationRow *) g_ptr_array_index (rows, i))->status, CLM_GENERATION_REMOVED))
      g_ptr_array_remove_index (rows, i);
  }
  return rows;
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
  spec = name && clm_name_is_valid (name) ? clm_manager_find_spec (name, self) : NULL;
  return spec && clm_role_may (clm_access_get_role (spec->access, caller), verb);
}

gboolean
clm_manager_authorize (ClmManager      *self,
                       const ClmCaller *caller,
                       ClmVerb          verb,
                       const char      *name,
                       GError         **error)
{
  g_autoptr (ClmSpec) spec = name && clm_name_is_valid (name) ? clm_manager_find_spec (name, self) : NULL;

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
on_records_moved (ClmInventory *inventory,
                  guint64       revision,
                  ClmManager   *self)
{
  g_signal_emit (self, signals[SIGNAL_CERTIFICATES_MOVED], 0, revision);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_REVISION]);
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

/* What the parts have to say goes out as the manager's own. */
void
clm_manager_forward_signals (ClmManager *self)
{
  g_signal_connect_object (self->engine.inventory, "record-changed", G_CALLBACK (on_record_changed), self, 0);
  g_signal_connect_object (self->engine.inventory, "record-removed", G_CALLBACK (on_record_removed), self, 0);
  g_signal_connect_object (self->engine.inventory, "records-moved", G_CALLBACK (on_records_moved), self, 0);
  g_signal_connect_object (self->engine.events, "event", G_CALLBACK (on_event), self, 0);
  g_signal_connect_object (self->engine.registry, "changed", G_CALLBACK (on_backends_changed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->publication, "changed", G_CALLBACK (on_published), self, 0);
  g_signal_connect_object (self->jobs, "added", G_CALLBACK (on_job_added), self, 0);
  g_signal_connect_object (self->jobs, "removed", G_CALLBACK (on_job_removed), self, 0);
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
  signals[SIGNAL_CERTIFICATES_MOVED] = g_signal_new ("certificates-moved", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                     NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
  signals[SIGNAL_JOB_ADDED] = g_signal_new ("job-added", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                            G_TYPE_NONE, 1, CLM_TYPE_JOB);
  signals[SIGNAL_JOB_REMOVED] = g_signal_new ("job-removed", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                              G_TYPE_NONE, 1, CLM_TYPE_JOB);
  signals[SIGNAL_EVENT] = g_signal_new ("event", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, CLM_TYPE_EVENT);
  signals[SIGNAL_INVENTORY_DAMAGED] = g_signal_new ("inventory-damaged", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                    G_TYPE_NONE, 0);
  signals[SIGNAL_BACKENDS_CHANGED] = g_signal_new ("backends-changed", CLM_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                   G_TYPE_NONE, 0);
}
