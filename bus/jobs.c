/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "jobs.h"

#include "batch.h"
#include "errors.h"
#include "interfaces.h"
#include "names.h"

#define JOB_INTERFACE "org.certloom.Certloom1.Job"

struct _ClmBusJobs {
  ClmBusService *service;    /* not referenced: owns us */
  GHashTable    *watchers;   /* id → set of unique names */
  ClmBusBatch   *batch;      /* jobs that changed */
};

/* --- the object --- */

static ClmJob *
find_job (ClmBusCall *call)
{
  guint64 id;
  ClmManager *manager = clm_bus_call_get_manager (call);
  ClmJob *job = clm_bus_names_parse_job (clm_bus_call_get_name (call), &id) ? clm_manager_get_job (manager, id) : NULL;
  return job != NULL && clm_bus_jobs_may_see (manager, job, clm_bus_call_get_caller (call)) ? job : NULL;
}

static gboolean
require_job (ClmBusCall *call, GError **error)
{
  if (find_job (call) != NULL)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no job %s", clm_bus_call_get_name (call));
  return FALSE;
}

static const struct {
  const char *kind;
  ClmVerb     verb;
} kinds[] = {
  { "request", CLM_VERB_REMOVE }, { "renew", CLM_VERB_RENEW },       { "deliver", CLM_VERB_DELIVER }, { "revoke", CLM_VERB_REVOKE },
  { "remove", CLM_VERB_REMOVE },  { "rollback", CLM_VERB_ROLLBACK }, { "reload", CLM_VERB_RELOAD },
};

static ClmVerb
get_verb (ClmJob *job)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (g_str_equal (kinds[i].kind, clm_job_get_kind (job)))
      return kinds[i].verb;
  }
  return CLM_VERB_ADMIN;
}

static gboolean
may_cancel (ClmBusCall *call, GError **error)
{
  const ClmCaller *caller = clm_bus_call_get_caller (call);
  ClmJob *job = find_job (call);
  if (job == NULL)
    return require_job (call, error);
  if (caller->uid == clm_job_get_uid (job))
    return TRUE;
  const char *subject = *clm_job_get_subject (job) != '\0' ? clm_job_get_subject (job) : NULL;
  return clm_manager_authorize (clm_bus_call_get_manager (call), caller, subject != NULL ? get_verb (job) : CLM_VERB_ADMIN,
                                subject, error);
}

static void
handle_cancel (ClmBusCall *call)
{
  ClmJob *job = find_job (call);
  if (job == NULL || clm_job_is_completed (job)) {
    clm_bus_call_fail (call, g_error_new_literal (CLM_ERROR, CLM_ERROR_CONFLICT, "the job has ended"));
    return;
  }
  g_cancellable_cancel (clm_job_get_cancellable (job));
  clm_bus_call_return (call, NULL);
}

static const char *
get_state (ClmJob *job)
{
  const GError *error = clm_job_get_error (job);
  if (!clm_job_is_completed (job))
    return "running";
  if (error == NULL)
    return "succeeded";
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? "cancelled" : "failed";
}

static void
add_changing (GVariantDict *dict, ClmJob *job)
{
  const GError *error = clm_job_is_completed (job) ? clm_job_get_error (job) : NULL;
  g_autofree char *message = clm_bus_errors_dup_sentence (error);
  g_variant_dict_insert (dict, "State", "s", get_state (job));
  g_variant_dict_insert (dict, "Stage", "s", clm_job_get_stage (job));
  g_variant_dict_insert (dict, "Progress", "d", clm_job_get_progress (job));
  g_variant_dict_insert (dict, "Done", "u", clm_job_get_done (job));
  g_variant_dict_insert (dict, "Failed", "u", clm_job_get_failed (job));
  g_variant_dict_insert (dict, "Cancelable", "b", !clm_job_is_completed (job));
  g_variant_dict_insert (dict, "Error", "s", clm_bus_errors_get_name (error));
  g_variant_dict_insert (dict, "Message", "s", message);
  g_variant_dict_insert (dict, "Hint", "s", clm_bus_errors_get_hint (error));
}

GVariant *
clm_bus_jobs_describe (ClmJob *job)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_variant_dict_insert (&dict, "Kind", "s", clm_job_get_kind (job));
  g_variant_dict_insert (&dict, "Subject", "s", clm_job_get_subject (job));
  g_variant_dict_insert (&dict, "Started", "x", clm_job_get_started (job));
  g_variant_dict_insert (&dict, "StartedByUid", "u", clm_job_get_uid (job));
  g_variant_dict_insert (&dict, "Total", "u", clm_job_get_total (job));
  add_changing (&dict, job);
  return g_variant_dict_end (&dict);
}

static GVariant *
describe (ClmBusCall *call, GError **error)
{
  ClmJob *job = find_job (call);
  return job != NULL ? clm_bus_jobs_describe (job) : (require_job (call, error), NULL);
}

static const ClmBusMethod methods[] = {
  { "Cancel", { CLM_BUS_SCOPE_OWN, .check = may_cancel }, "", handle_cancel },
  { NULL },
};

const ClmBusInterface clm_bus_jobs_interface = {
  .element = CLM_BUS_JOB,
  .info = &clm_bus_job_interface,
  .methods = methods,
  .read = { CLM_BUS_SCOPE_OWN, .check = require_job },
  .describe = describe,
};

/* --- signals --- */

gboolean
clm_bus_jobs_may_see (ClmManager *manager, ClmJob *job, const ClmCaller *caller)
{
  const char *subject = clm_job_get_subject (job);
  if (!caller->valid)
    return FALSE;
  if (caller->uid == clm_job_get_uid (job))
    return TRUE;
  return *subject != '\0' ? clm_manager_may (manager, caller, CLM_VERB_READ, subject)
                          : clm_manager_may (manager, caller, CLM_VERB_ADMIN, NULL);
}

typedef struct {
  ClmManager *manager;
  ClmJob     *job;
} Sight;

static gboolean
may_see (const ClmCaller *caller, gpointer user_data)
{
  Sight *sight = user_data;
  return clm_bus_jobs_may_see (sight->manager, sight->job, caller);
}

static void
emit (ClmBusJobs *self, ClmJob *job, const char *interface, const char *signal, GVariant *parameters)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (parameters);
  g_autofree char *path = clm_bus_names_build_job_path (clm_job_get_id (job));
  ClmBusSubscribers *subscribers = clm_bus_service_get_subscribers (self->service);
  Sight sight = { clm_bus_service_get_manager (self->service), job };
  clm_bus_subscribers_emit (subscribers, path, interface, signal, owned, may_see, &sight);

  guint64 id = clm_job_get_id (job);
  GHashTable *watchers = g_hash_table_lookup (self->watchers, &id);
  GHashTableIter iter;
  const char *sender;
  if (watchers == NULL)
    return;
  g_hash_table_iter_init (&iter, watchers);
  while (g_hash_table_iter_next (&iter, (gpointer *) &sender, NULL)) {
    if (!clm_bus_subscribers_has (subscribers, sender))
      g_dbus_connection_emit_signal (clm_bus_service_get_connection (self->service), sender, path, interface, signal, owned, NULL);
  }
}

static void
emit_changed (ClmBusJobs *self, ClmJob *job)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  add_changing (&dict, job);
  emit (self, job, "org.freedesktop.DBus.Properties", "PropertiesChanged",
        g_variant_new ("(s@a{sv}@as)", JOB_INTERFACE, g_variant_dict_end (&dict), g_variant_new_strv (NULL, 0)));
}

static void
on_batch (GPtrArray *jobs, gpointer user_data)
{
  for (guint i = 0; i < jobs->len; i++)
    emit_changed (user_data, jobs->pdata[i]);
}

static void
on_changed (ClmJob *job, gpointer user_data)
{
  ClmBusJobs *self = user_data;
  g_autofree char *key = clm_bus_names_build_job_path (clm_job_get_id (job));
  clm_bus_batch_add (self->batch, key, g_object_ref (job));
}

static void
on_completed (ClmJob *job, gpointer user_data)
{
  ClmBusJobs *self = user_data;
  const GError *error = clm_job_get_error (job);
  g_autofree char *key = clm_bus_names_build_job_path (clm_job_get_id (job));
  g_autofree char *message = clm_bus_errors_dup_sentence (error);
  g_auto (GVariantDict) result = G_VARIANT_DICT_INIT (NULL);
  if (*clm_bus_errors_get_hint (error) != '\0')
    g_variant_dict_insert (&result, "hint", "s", clm_bus_errors_get_hint (error));
  clm_bus_batch_drop (self->batch, key);
  emit_changed (self, job);
  emit (self, job, JOB_INTERFACE, "Completed", g_variant_new ("(bss@a{sv})", error == NULL, clm_bus_errors_get_name (error),
                                                             message, g_variant_dict_end (&result)));
}

static void
on_job_added (ClmManager *manager, ClmJob *job, gpointer user_data)
{
  g_signal_connect (job, "changed", G_CALLBACK (on_changed), user_data);
  g_signal_connect (job, "completed", G_CALLBACK (on_completed), user_data);
}

static void
on_job_removed (ClmManager *manager, ClmJob *job, gpointer user_data)
{
  ClmBusJobs *self = user_data;
  guint64 id = clm_job_get_id (job);
  g_signal_handlers_disconnect_by_data (job, self);
  g_hash_table_remove (self->watchers, &id);
}

void
clm_bus_jobs_watch (ClmBusJobs *self, ClmJob *job, const char *sender)
{
  guint64 id = clm_job_get_id (job);
  GHashTable *watchers = g_hash_table_lookup (self->watchers, &id);
  if (watchers == NULL) {
    watchers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_insert (self->watchers, g_memdup2 (&id, sizeof id), watchers);
  }
  g_hash_table_add (watchers, g_strdup (sender));
}

void
clm_bus_jobs_forget (ClmBusJobs *self, const char *sender)
{
  GHashTableIter iter;
  GHashTable *watchers;
  g_hash_table_iter_init (&iter, self->watchers);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &watchers))
    g_hash_table_remove (watchers, sender);
}

ClmBusJobs *
clm_bus_jobs_new (ClmBusService *service)
{
  ClmBusJobs *self = g_new0 (ClmBusJobs, 1);
  ClmManager *manager = clm_bus_service_get_manager (service);
  self->service = service;
  self->watchers = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, (GDestroyNotify) g_hash_table_unref);
  self->batch = clm_bus_batch_new (g_object_unref, on_batch, self);
  g_signal_connect (manager, "job-added", G_CALLBACK (on_job_added), self);
  g_signal_connect (manager, "job-removed", G_CALLBACK (on_job_removed), self);
  g_autoptr (GPtrArray) jobs = clm_manager_list_jobs (manager);
  for (guint i = 0; i < jobs->len; i++)
    on_job_added (manager, jobs->pdata[i], self);
  return self;
}

void
clm_bus_jobs_free (ClmBusJobs *self)
{
  ClmManager *manager = clm_bus_service_get_manager (self->service);
  g_autoptr (GPtrArray) jobs = clm_manager_list_jobs (manager);
  for (guint i = 0; i < jobs->len; i++)
    g_signal_handlers_disconnect_by_data (jobs->pdata[i], self);
  g_signal_handlers_disconnect_by_data (manager, self);
  clm_bus_batch_free (self->batch);
  g_hash_table_unref (self->watchers);
  g_free (self);
}
