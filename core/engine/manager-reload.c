/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

#include "reconciliation.h"

void
clm_manager_tell_problems (ClmManager *self)
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
  clm_reconciliation_run_async (&self->engine, self->agenda, clm_manager_find_spec, self, changes, NULL, self->deferred, NULL,
                                on_reconciled, task);
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
  ClmConfigSource config = clm_manager_config_source (source);

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
    clm_manager_tell_problems (self);
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
