/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rotation-private.h"

#include "disk-lane.h"
#include "policy-check.h"

GCancellable *
clm_rotation_get_cancellable (ClmRotation *self)
{
  return g_task_get_cancellable (self->task);
}

void
clm_rotation_end (ClmRotation *self,
                  GError      *error)
{
  g_autoptr (GTask) task = self->task;

  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

ClmPlanContext
clm_rotation_plan_context (ClmRotation *self)
{
  return clm_engine_plan_context (self->engine, self->spec->name);
}

/* Events: collected, written in one transaction with what they tell of, then told. */

ClmEvent *
clm_rotation_add_event (ClmRotation *self,
                        ClmEventKind kind,
                        const char  *text)
{
  ClmEvent *event = clm_event_new (kind, clm_clock_get_time (self->engine->clock), "certificate", self->spec->name, "%s", text);

  g_ptr_array_add (self->events, event);
  return event;
}

static void
tell_events (ClmRotation *self)
{
  for (guint i = 0; i < self->events->len; i++)
    clm_events_tell (self->engine->events, g_ptr_array_index (self->events, i));
  g_ptr_array_set_size (self->events, 0);
}

ClmChange *
clm_rotation_begin_change (ClmRotation *self)
{
  ClmChange *change = clm_change_new (self->spec->name);

  clm_change_put_record (change, self->record);
  for (guint i = 0; i < self->events->len; i++)
    clm_change_add_event (change, g_ptr_array_index (self->events, i));
  return change;
}

/* Writes @change and calls @done, or ends with what kept it from being written. */

typedef struct {
  ClmRotation     *self;
  ClmRotationFunc  done;
} Written;

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autofree Written *written = user_data;
  GError *error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    clm_rotation_end (written->self, error);
    return;
  }
  tell_events (written->self);
  written->done (written->self);
}

void
clm_rotation_write (ClmRotation    *self,
                    ClmChange      *change,
                    ClmRotationFunc done)
{
  Written *written = g_new0 (Written, 1);

  written->self = self;
  written->done = done;
  clm_inventory_apply_async (self->engine->inventory, change, NULL, on_written, written);
}

/* Blocking work on the files of this certificate, in a worker; nothing else touches the rotation meanwhile. */

typedef struct {
  ClmRotation     *self;
  ClmRotationBlockingFunc  func;
  ClmRotationFunc  done;
} Blocking;

static void
block_in_thread (GTask        *task,
                 gpointer      source,
                 gpointer      task_data,
                 GCancellable *cancellable)
{
  Blocking *blocking = task_data;
  GError *error = NULL;

  if (blocking->func (blocking->self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_blocked (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  ClmRotation *self = user_data;
  Blocking *blocking = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    blocking->done (self);
  else
    clm_rotation_fail (self, error);
}

void
clm_rotation_run_blocking (ClmRotation            *self,
                           ClmRotationBlockingFunc func,
                           ClmRotationFunc         done)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_blocked, self);
  Blocking *blocking = g_new0 (Blocking, 1);

  /* Workers do not ask the clock. Without trust in it the time of retirement stays unknown: the grace then begins when removal is first asked for. */
  self->now = clm_clock_get_time (self->engine->clock);
  self->retired = clm_clock_is_trusted (self->engine->clock) ? clm_clock_get_now (self->engine->clock) : -1;
  blocking->self = self;
  blocking->func = func;
  blocking->done = done;
  g_task_set_source_tag (task, clm_rotation_run_blocking);
  g_task_set_task_data (task, blocking, g_free);
  clm_disk_lane_run (task, block_in_thread);
}

/* Failing: the record says why and when next, before anybody hears of it. */

static void
end_with_outcome (ClmRotation *self)
{
  clm_rotation_end (self, g_steal_pointer (&self->outcome));
}

static ClmEventKind
failure_to_event (const GError *error)
{
  if (clm_policy_get_reason (error))
    return CLM_EVENT_POLICY_REJECTED;
  if (g_error_matches (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE))
    return CLM_EVENT_KEY_UNAVAILABLE;
  if (g_error_matches (error, CLM_ERROR, CLM_ERROR_DELIVERY))
    return CLM_EVENT_DELIVERY_FAILED;
  return CLM_EVENT_ENROLL_FAILED;
}

ClmAction
clm_rotation_get_action (ClmRotation *self)
{
  if (self->step >= CLM_STEP_DELIVER)
    return CLM_ACTION_DELIVER;
  return self->record->generation ? CLM_ACTION_RENEW : CLM_ACTION_ENROLL;
}

/* Planning, in the light of what the operator and the file say */

void
clm_rotation_plan_healthy (ClmRotation *self)
{
  ClmRecord *record = self->record;
  ClmPlanContext context = clm_rotation_plan_context (self);

  clm_plan_ready (record, self->spec, &context);
  if (record->held) {
    clm_plan_idle (record, CLM_STATE_HELD, "held", "held by an operator");
    clm_record_set (&record->hint, "release it to go on: certloom unhold NAME");
  } else if (record->revoked != 0) {
    clm_plan_idle (record, CLM_STATE_REVOKED, "revoked", "revoked at its CA; it is not renewed by itself");
  } else if (!self->spec->enabled) {
    clm_plan_idle (record, CLM_STATE_WAITING, CLM_REASON_DISABLED, "its file says Enabled=no");
  } else if (!g_str_equal (record->issue_digest, self->spec->issue_digest)) {
    /* What was completed was begun for another spec. */
    record->next_action = CLM_ACTION_RENEW;
    record->next_time = context.now;
    record->clock_bound = FALSE;
  }
}

/* When it would be renewed if all were well. A candidate is the newest that there is: no newer one is asked for because it fails its consumer. */
static gint64
healthy_time (ClmRotation    *self,
              ClmPlanContext *context)
{
  g_autoptr (ClmRecord) healthy = clm_record_copy (self->record);

  for (guint i = 0; i < self->rows->len; i++) {
    ClmGenerationRow *row = g_ptr_array_index (self->rows, i);

    if (row->number != self->delivering || row->number <= healthy->generation)
      continue;
    healthy->not_before = row->not_before;
    healthy->not_after = row->not_after;
    healthy->issued = row->created;
  }
  clm_plan_ready (healthy, self->spec, context);
  return healthy->next_time;
}

void
clm_rotation_plan_failed (ClmRotation  *self,
                          ClmAction     action,
                          const GError *error)
{
  ClmRecord *record = self->record;
  ClmPlanContext context = clm_rotation_plan_context (self);

  clm_plan_failed (record, self->spec, &context, action, error);
  if (action == CLM_ACTION_DELIVER) {
    gint64 renewal = healthy_time (self, &context);

    if (!record->held && record->revoked == 0 && renewal <= record->next_time) {
      record->next_action = CLM_ACTION_RENEW;
      record->next_time = renewal;
      record->clock_bound = TRUE;
    }
    return;
  }
  if (record->held || record->revoked != 0 || !self->spec->enabled)
    clm_rotation_plan_healthy (self);
}

/* Whoever cancels wants it left alone: what is still good stays as it was. */
static void
note_cancellation (ClmRotation  *self,
                   const GError *error)
{
  ClmPlanContext context = clm_rotation_plan_context (self);

  clm_rotation_plan_failed (self, clm_rotation_get_action (self), error);
  clm_record_set (&self->record->reason, "cancelled");
  if (self->step < CLM_STEP_DELIVER && self->record->generation && healthy_time (self, &context) > self->record->next_time)
    clm_rotation_plan_healthy (self);
}

static void
note_failure (ClmRotation  *self,
              const GError *error)
{
  ClmEvent *event;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    note_cancellation (self, error);
    return;
  }
  clm_rotation_plan_failed (self, clm_rotation_get_action (self), error);
  event = clm_rotation_add_event (self, failure_to_event (error), error->message);
  clm_event_add_error (event, error);
  clm_event_add_field (event, "step", clm_rotation_list_steps ()[self->step]);
  clm_event_add_field (event, "authority", self->intent ? self->intent->authority : NULL);
}

static void
on_rejection_told (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  G_GNUC_UNUSED g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_authority_confirm_finish (CLM_AUTHORITY (source), result, &error))
    g_message ("the CA could not be told that its certificate was refused: %s", error->message);
}

/* What broke policy is refused to the CA, where its protocol has a word for that. */
static void
tell_rejection (ClmRotation  *self,
                const GError *error)
{
  const char *reason = clm_policy_get_reason (error);

  if (!reason || !self->issuance || !clm_authority_can_confirm (self->authority))
    return;
  clm_authority_confirm_async (self->authority, self->issuance, FALSE, reason, NULL, on_rejection_told, g_object_ref (self->task));
}

void
clm_rotation_fail (ClmRotation *self,
                   GError      *error)
{
  ClmChange *change;

  if (self->engine->stopping) {
    /* Left as it is: the next start goes on from here. */
    clm_rotation_end (self, error);
    return;
  }
  g_clear_error (&self->outcome);
  tell_rejection (self, error);
  clm_engine_note_reachability (self->engine, self->intent ? self->intent->authority : NULL, error);
  note_failure (self, error);
  self->outcome = error;
  change = clm_rotation_begin_change (self);
  if (self->intent) {
    if (clm_policy_get_reason (error) || g_error_matches (error, CLM_ERROR, CLM_ERROR_REJECTED))
      g_clear_pointer (&self->intent->ticket, g_bytes_unref);
    else if (self->enrollment && clm_enrollment_get_ticket (self->enrollment) && !self->issuance) {
      g_clear_pointer (&self->intent->ticket, g_bytes_unref);
      self->intent->ticket = g_bytes_ref (clm_enrollment_get_ticket (self->enrollment));
    }
    clm_change_put_intent (change, self->intent);
  }
  clm_rotation_write (self, change, end_with_outcome);
}
