/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

#include "reconciliation.h"

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
  ClmSpecContext context = clm_manager_spec_context (self);
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
  g_autoptr (ClmSpec) spec = clm_manager_find_spec (record->name, self);

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
