/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reconciliation.h"

#include "clm-error.h"
#include "restoration.h"

typedef struct {
  ClmEngine  *engine;
  ClmAgenda  *agenda;
  ClmFindSpec find_spec;
  gpointer    find_data;
  GHashTable *deferred;  /* names that were in flight */
  guint       pending;
  GError    *error;   /* (nullable): the first */
} Work;

static void
work_free (Work *work)
{
  g_clear_error (&work->error);
  g_clear_object (&work->agenda);
  g_clear_pointer (&work->deferred, g_hash_table_unref);
  g_free (work);
}

/* Whether the record may be read, changed and written; else it is done when what is in flight has ended. */
static gboolean
begin (GTask      *task,
       const char *name)
{
  Work *work = g_task_get_task_data (task);

  if (clm_agenda_lock (work->agenda, name))
    return TRUE;
  g_hash_table_add (work->deferred, g_strdup (name));
  return FALSE;
}

static void
end (GTask      *task,
     const char *name)
{
  Work *work = g_task_get_task_data (task);

  clm_agenda_unlock (work->agenda, name);
}

static void
settle (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  if (--work->pending > 0)
    return;
  if (work->error)
    g_task_return_error (task, g_steal_pointer (&work->error));
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

typedef struct {
  GTask *task;
  char  *name;
} Write;

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autofree Write *write = user_data;
  g_autofree char *name = write->name;
  GTask *task = write->task;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    if (work->error)
      g_error_free (error);
    else
      work->error = error;
  }
  end (task, name);
  settle (task);
}

static void
write_change (GTask     *task,
              ClmChange *change)
{
  Work *work = g_task_get_task_data (task);
  Write *write = g_new0 (Write, 1);

  write->task = task;
  write->name = g_strdup (change->name);
  work->pending++;
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_written, write);
}

/* Planning */

static void
act_now (ClmEngine *engine,
         ClmRecord *record,
         ClmAction  action)
{
  record->next_action = action;
  record->next_time = clm_clock_get_time (engine->clock);
  record->clock_bound = FALSE;
}

static void
fill_from_spec (ClmRecord *record,
                ClmSpec   *spec)
{
  clm_record_set (&record->origin, clm_origin_get_nick (spec->origin));
  clm_record_set (&record->template_name, spec->template_name);
  if (record->generation == 0) {
    clm_record_set (&record->key_store, spec->key_store);
    clm_record_set (&record->authority, spec->authorities[0]);
    clm_record_set (&record->key_type, spec->key_type);
  }
}

void
clm_reconciliation_plan_release (ClmEngine *engine,
                                 ClmRecord *record,
                                 ClmSpec   *spec)
{
  ClmPlanContext context = clm_engine_plan_context (engine, record->name);

  record->held = FALSE;
  if (record->generation != 0)
    clm_plan_ready (record, spec, &context);
  if (record->generation == 0 || record->revoked != 0) {
    clm_plan_idle (record, CLM_STATE_ENROLLING, "", "");
    act_now (engine, record, CLM_ACTION_ENROLL);
  } else if (!g_str_equal (record->issue_digest, spec->issue_digest)) {
    act_now (engine, record, CLM_ACTION_RENEW);
  } else if (spec->deliveries[0] && record->delivery_state != CLM_DELIVERY_DELIVERED) {
    act_now (engine, record, CLM_ACTION_DELIVER);
  }
}

static gboolean
is_idle_for (ClmRecord  *record,
             const char *reason)
{
  /* Not the state: it may have expired meanwhile. */
  return record->next_action == CLM_ACTION_NONE && g_str_equal (record->reason, reason);
}

/* Whether the record has to be written. @changed: the file is another than before. */
static gboolean
plan_existing (ClmEngine *engine,
               ClmRecord *record,
               ClmSpec   *spec,
               gboolean   changed)
{
  fill_from_spec (record, spec);
  if (record->held || record->revoked != 0 || record->next_action == CLM_ACTION_REMOVE)
    return changed;
  if (!spec->enabled) {
    if (is_idle_for (record, CLM_REASON_DISABLED))
      return FALSE;
    clm_plan_idle (record, CLM_STATE_WAITING, CLM_REASON_DISABLED, "its file says Enabled=no");
    return TRUE;
  }
  if (is_idle_for (record, CLM_REASON_DISABLED) || is_idle_for (record, CLM_REASON_UNDESCRIBED)) {
    clm_reconciliation_plan_release (engine, record, spec);
    return TRUE;
  }
  if (record->generation != 0 && !g_str_equal (record->issue_digest, spec->issue_digest)) {
    act_now (engine, record, CLM_ACTION_RENEW);
    return TRUE;
  }
  if (!changed)
    return FALSE;
  if (record->state == CLM_STATE_READY) {
    ClmPlanContext context = clm_engine_plan_context (engine, record->name);

    clm_plan_ready (record, spec, &context);
    if (spec->deliveries[0])
      act_now (engine, record, CLM_ACTION_DELIVER);
  } else if (record->next_action != CLM_ACTION_NONE) {
    record->attempts = 0;
    act_now (engine, record, record->next_action);
  }
  return TRUE;
}

/* A new record, from what is on the disk if there is anything */

static void
plan_new (ClmEngine    *engine,
          ClmRecord    *record,
          ClmSpec      *spec,
          gboolean      restored,
          const GError *error)
{
  ClmPlanContext context = clm_engine_plan_context (engine, spec->name);

  if (!spec->enabled) {
    clm_plan_idle (record, CLM_STATE_WAITING, CLM_REASON_DISABLED, "its file says Enabled=no");
  } else if (g_error_matches (error, CLM_ERROR, CLM_ERROR_STORAGE)) {
    /* A generation may be in force: the next try looks again before it asks for another. */
    clm_plan_failed (record, spec, &context, CLM_ACTION_ENROLL, error);
  } else if (!restored) {
    record->state = CLM_STATE_ENROLLING;
    act_now (engine, record, CLM_ACTION_ENROLL);
  }
}

static void
put_request (ClmChange *change,
             ClmSpec   *spec)
{
  g_autofree char *text = NULL;

  if (spec->origin != CLM_ORIGIN_REQUEST)
    return;
  text = clm_spec_serialize (spec);
  clm_change_put_spec (change, spec->template_name, spec->instance, spec->requester, text);
}

static void
add (GTask   *task,
     ClmSpec *spec)
{
  Work *work = g_task_get_task_data (task);
  ClmEngine *engine = work->engine;
  g_autoptr (ClmRecord) record = clm_record_new (spec->name);
  g_autoptr (GError) error = NULL;
  ClmChange *change = clm_change_new (spec->name);
  gboolean restored = clm_restoration_fill (engine, spec, record, change, &error);
  g_autoptr (ClmEvent) event = clm_event_new (restored ? CLM_EVENT_RECOVERED : CLM_EVENT_ADDED, clm_clock_get_time (engine->clock),
                                              "certificate", spec->name, "%s", restored ?
                                              "its record was made anew from what is on the disk" : "now managed");

  if (error)
    g_warning ("[certificate %s] what is in force cannot be used: %s", spec->name, error->message);
  fill_from_spec (record, spec);
  plan_new (engine, record, spec, restored, error);
  put_request (change, spec);
  clm_change_put_record (change, record);
  clm_change_add_event (change, event);
  clm_events_tell (engine->events, event);
  write_change (task, change);
}

/* Returns: (transfer full) (nullable): what is to be written, %NULL where nothing is. */
static ClmChange *
plan_change (Work      *work,
             ClmSpec   *spec,
             gboolean   changed,
             ClmRecord *record)
{
  ClmChange *change;

  if (!plan_existing (work->engine, record, spec, changed))
    return NULL;
  change = clm_change_new (spec->name);
  clm_change_put_record (change, record);
  return change;
}

static void
reconcile_spec (GTask   *task,
                ClmSpec *spec,
                gboolean changed)
{
  Work *work = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecord) record = NULL;
  ClmChange *change;

  if (!begin (task, spec->name))
    return;
  record = clm_inventory_get_record (work->engine->inventory, spec->name, &error);
  if (!record && g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_FOUND)) {
    add (task, spec);
    return;
  }
  if (!record && !work->error)
    work->error = g_steal_pointer (&error);
  change = record ? plan_change (work, spec, changed, record) : NULL;
  if (change)
    write_change (task, change);
  else
    end (task, spec->name);
}

static void
reconcile_undescribed (GTask      *task,
                       const char *name)
{
  Work *work = g_task_get_task_data (task);
  g_autoptr (ClmRecord) record = NULL;
  ClmChange *change;

  if (!begin (task, name))
    return;
  record = clm_inventory_get_record (work->engine->inventory, name, NULL);
  if (!record || is_idle_for (record, CLM_REASON_UNDESCRIBED) || record->next_action == CLM_ACTION_REMOVE) {
    end (task, name);
    return;
  }
  clm_plan_idle (record, CLM_STATE_WAITING, CLM_REASON_UNDESCRIBED, "its file is gone; what it has stays, but is not renewed");
  clm_record_set (&record->hint, "bring the file back, or remove what is left: certloom remove NAME");
  change = clm_change_new (name);
  clm_change_put_record (change, record);
  write_change (task, change);
}

/* What no file describes any more may have been asked for before there was one. */
static void
reconcile_without_file (GTask      *task,
                        const char *name)
{
  Work *work = g_task_get_task_data (task);
  g_autoptr (ClmSpec) spec = work->find_spec (name, work->find_data);

  if (spec)
    reconcile_spec (task, spec, TRUE);
  else
    reconcile_undescribed (task, name);
}

static gboolean
is_changed (GPtrArray  *changes,
            const char *name)
{
  for (guint i = 0; changes && i < changes->len; i++) {
    ClmConfigChange *change = g_ptr_array_index (changes, i);

    if (change->kind == CLM_CONFIG_CERTIFICATE && !change->is_template && g_str_equal (change->name, name))
      return TRUE;
  }
  return FALSE;
}

static void
reconcile_gone (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  g_auto (GStrv) names = clm_inventory_list_names (work->engine->inventory, "file");

  for (guint i = 0; names[i]; i++) {
    if (!clm_config_get_spec (work->engine->config, names[i]))
      reconcile_without_file (task, names[i]);
  }
}

static GTask *
make_task (ClmEngine          *engine,
           ClmAgenda          *agenda,
           ClmFindSpec         find_spec,
           gpointer            find_data,
           GHashTable         *deferred,
           GCancellable       *cancellable,
           GAsyncReadyCallback callback,
           gpointer            user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Work *work = g_new0 (Work, 1);

  g_task_set_source_tag (task, make_task);
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  work->engine = engine;
  work->agenda = g_object_ref (agenda);
  work->find_spec = find_spec;
  work->find_data = find_data;
  work->deferred = g_hash_table_ref (deferred);
  work->pending = 1;
  return task;
}

void
clm_reconciliation_run_async (ClmEngine          *engine,
                              ClmAgenda          *agenda,
                              ClmFindSpec         find_spec,
                              gpointer            find_data,
                              GPtrArray          *changes,
                              GPtrArray          *restored,
                              GHashTable         *deferred,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  GTask *task = make_task (engine, agenda, find_spec, find_data, deferred, cancellable, callback, user_data);
  GPtrArray *specs = clm_config_list_specs (engine->config);

  for (guint i = 0; i < specs->len; i++) {
    ClmSpec *spec = g_ptr_array_index (specs, i);
    gboolean changed = is_changed (changes, spec->name);

    if (!changes || changed)
      reconcile_spec (task, spec, changed);
  }
  for (guint i = 0; restored && i < restored->len; i++)
    reconcile_spec (task, g_ptr_array_index (restored, i), FALSE);
  reconcile_gone (task);
  settle (task);
}

void
clm_reconciliation_run_one_async (ClmEngine          *engine,
                                  ClmAgenda          *agenda,
                                  ClmFindSpec         find_spec,
                                  gpointer            find_data,
                                  const char         *name,
                                  GHashTable         *deferred,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  GTask *task = make_task (engine, agenda, find_spec, find_data, deferred, NULL, callback, user_data);
  ClmSpec *spec = clm_config_get_spec (engine->config, name);

  if (spec)
    reconcile_spec (task, spec, TRUE);
  else
    reconcile_without_file (task, name);
  settle (task);
}

gboolean
clm_reconciliation_run_finish (GAsyncResult *result,
                               GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
