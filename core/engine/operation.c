/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operation.h"

#include "abandonment.h"
#include "registry.h"
#include "retirement.h"

static const char *const nicks[] = {
  [CLM_OPERATION_RENEW] = "renew",
  [CLM_OPERATION_DELIVER] = "deliver",
  [CLM_OPERATION_ROLLBACK] = "rollback",
  [CLM_OPERATION_REVOKE] = "revoke",
  [CLM_OPERATION_REMOVE] = "remove",
};
G_STATIC_ASSERT (G_N_ELEMENTS (nicks) == CLM_N_OPERATIONS);

const char *
clm_operation_get_nick (ClmOperationKind kind)
{
  g_return_val_if_fail ((guint) kind < CLM_N_OPERATIONS, "renew");
  return nicks[kind];
}

typedef struct {
  ClmEngine          *engine;
  char               *name;
  ClmOperation        operation;
  ClmRecord          *record;    /* (nullable) */
  ClmIntent          *intent;    /* (nullable) */
  ClmEvent           *event;     /* (nullable): told once it is written */
  GError             *error;     /* (nullable): what it ends with once that is written */
} Work;

static void
work_free (Work *work)
{
  g_free (work->name);
  clm_record_free (work->record);
  clm_intent_free (work->intent);
  g_clear_pointer (&work->event, clm_event_unref);
  g_clear_error (&work->error);
  g_free (work);
}

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  clm_events_tell (work->engine->events, work->event);
  g_task_return_boolean (task, TRUE);
}

/* Renew, deliver, roll back: the rotation */

static void
on_rotated (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_rotation_run_finish (result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Nothing describes it any more: it must not stay due, or it would be looked at again at once. */

static void
on_set_aside (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error))
    g_set_error (&error, CLM_ERROR, CLM_ERROR_CONFLICT, "nothing describes “%s” any more", work->name);
  g_task_return_error (task, error);
}

static void
set_aside (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  ClmChange *change = clm_change_new (work->name);

  clm_plan_idle (work->record, CLM_STATE_WAITING, CLM_REASON_UNDESCRIBED, "nothing describes it any more; what it has stays, but is not renewed");
  clm_record_set (&work->record->hint, "bring its file back, or remove what is left: certloom remove NAME");
  clm_change_put_record (change, work->record);
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_set_aside, task);
}

static void
rotate (GTask              *task,
        ClmSpec            *spec,
        ClmRotationProgress progress,
        gpointer            progress_data)
{
  Work *work = g_task_get_task_data (task);
  ClmRotationAsk ask = {
    .goal = work->operation.kind == CLM_OPERATION_DELIVER ? CLM_ROTATION_DELIVER :
            work->operation.kind == CLM_OPERATION_ROLLBACK ? CLM_ROTATION_ROLLBACK : CLM_ROTATION_RENEW,
    .rekey = work->operation.rekey,
    .force = work->operation.force,
    .progress = progress,
    .user_data = progress_data,
  };

  if (!spec) {
    set_aside (task);
    return;
  }
  clm_rotation_run_async (work->engine, spec, &ask, g_task_get_cancellable (task), on_rotated, task);
}

/* Revoke */

/* Never to be gone back to. */
static void
mark_revoked (Work      *work,
              ClmChange *change)
{
  g_autoptr (GPtrArray) rows = clm_inventory_get_generations (work->engine->inventory, work->name, NULL);

  for (guint i = 0; rows && i < rows->len; i++) {
    ClmGenerationRow *row = g_ptr_array_index (rows, i);

    if (row->number != work->record->generation)
      continue;
    clm_record_set (&row->status, "revoked");
    clm_change_put_generation (change, row);
  }
}

static void
on_revoked (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  const char *reason = clm_revocation_reason_get_nick (work->operation.reason);
  GError *error = NULL;
  ClmChange *change;

  if (!clm_authority_revoke_finish (CLM_AUTHORITY (source), result, &error)) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  work->record->revoked = clm_clock_get_time (work->engine->clock);
  work->record->alarm_time = 0;
  clm_plan_idle (work->record, CLM_STATE_REVOKED, reason, "revoked at its CA; it is not renewed by itself");
  clm_record_set (&work->record->hint, "issue a new one: certloom renew NAME");
  work->event = clm_event_new (CLM_EVENT_REVOKED, work->record->revoked, "certificate", work->name, "revoked (%s)", reason);
  clm_event_add_field (work->event, "serial", work->record->serial);
  clm_event_add_field (work->event, "reason", reason);
  change = clm_change_new (work->name);
  clm_change_put_record (change, work->record);
  mark_revoked (work, change);
  clm_change_add_event (change, work->event);
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_written, task);
}

static void
run_revocation (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  g_autoptr (ClmCredential) credential = NULL;
  g_autoptr (ClmAuthority) authority = NULL;
  GError *error = NULL;

  if (work->record->generation == 0)
    g_set_error (&error, CLM_ERROR, CLM_ERROR_CONFLICT, "“%s” has no certificate to revoke", work->name);
  else
    authority = clm_registry_get_authority (work->engine->registry, work->record->authority, &error);
  if (authority)
    credential = clm_registry_load_credential (work->engine->registry, work->name, &error);
  if (!credential) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  clm_authority_revoke_async (authority, g_ptr_array_index (clm_credential_get_chain (credential), 0), work->operation.reason,
                              g_task_get_cancellable (task), on_revoked, task);
}

/* Remove */

#define REMOVAL_RETRY_S 3600

static void
on_removal_put_off (GObject      *source,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error))
    g_task_return_error (task, g_steal_pointer (&work->error));
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* @error: (transfer full). It is tried again, but not at once and for ever. */
static void
put_off_removal (GTask  *task,
                 GError *error)
{
  Work *work = g_task_get_task_data (task);
  ClmChange *change = clm_change_new (work->name);

  work->error = error;
  clm_record_set (&work->record->message, error->message);
  work->record->next_time = clm_clock_get_time (work->engine->clock) + REMOVAL_RETRY_S;
  clm_change_put_record (change, work->record);
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_removal_put_off, task);
}

static void
on_files_removed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;
  ClmChange *change;

  if (!clm_retirement_remove_all_finish (result, &error)) {
    put_off_removal (task, error);
    return;
  }
  work->event = clm_event_new (CLM_EVENT_REMOVED, clm_clock_get_time (work->engine->clock), "certificate", work->name,
                               "no longer managed");
  change = clm_change_new (work->name);
  clm_change_remove (change);
  clm_change_add_event (change, work->event);
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_written, task);
}

static void
on_intent_closed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  if (work->intent && !work->operation.keep_key)
    clm_abandonment_run (work->engine, work->intent);
  clm_retirement_remove_all_async (work->engine, work->name, work->operation.keep_key, g_task_get_cancellable (task),
                                   on_files_removed, task);
}

/* The record says what is to come before anything is taken away, so that a crash is gone on with. */
static void
run_removal (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  ClmChange *change = clm_change_new (work->name);

  work->record->next_action = CLM_ACTION_REMOVE;
  clm_record_set (&work->record->reason, work->operation.keep_key ? CLM_OPERATION_REMOVING_KEEP_KEY : CLM_OPERATION_REMOVING);
  work->record->next_time = clm_clock_get_time (work->engine->clock);
  work->record->clock_bound = FALSE;
  clm_change_put_record (change, work->record);
  clm_change_put_intent (change, NULL);
  if (work->intent && !work->operation.keep_key)
    clm_abandonment_put_key (change, work->intent, work->record->next_time);
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_intent_closed, task);
}

void
clm_operation_run_async (ClmEngine           *engine,
                         const char          *name,
                         ClmSpec             *spec,
                         const ClmOperation  *operation,
                         ClmRotationProgress  progress,
                         gpointer             progress_data,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Work *work = g_new0 (Work, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, clm_operation_run_async);
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  work->engine = engine;
  work->name = g_strdup (name);
  work->operation = *operation;
  work->record = clm_inventory_get_record (engine->inventory, name, &error);
  if (!work->record || !clm_inventory_get_intent (engine->inventory, name, &work->intent, &error)) {
    g_task_return_error (task, error);
    return;
  }
  switch (operation->kind) {
  case CLM_OPERATION_RENEW:
  case CLM_OPERATION_DELIVER:
  case CLM_OPERATION_ROLLBACK:
    rotate (g_steal_pointer (&task), spec, progress, progress_data);
    return;
  case CLM_OPERATION_REVOKE:
    run_revocation (g_steal_pointer (&task));
    return;
  case CLM_OPERATION_REMOVE:
    run_removal (g_steal_pointer (&task));
    return;
  case CLM_N_OPERATIONS:
  default:
    g_return_if_reached ();
  }
}

gboolean
clm_operation_run_finish (GAsyncResult *result,
                          GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
