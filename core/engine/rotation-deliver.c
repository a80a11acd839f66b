/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rotation-private.h"

#include "issued.h"

/* deliver: how each consumer stands */

static void
on_progress (const char *delivery,
             guint       n,
             guint       of,
             gpointer    user_data)
{
  ClmRotation *self = user_data;

  if (self->ask.progress)
    self->ask.progress ("deliver", 0.7 + 0.2 * n / of, self->ask.user_data);
}

static void
put_delivery_rows (ClmChange           *change,
                   ClmDeploymentResult *result)
{
  for (guint i = 0; i < result->deliveries->len; i++)
    clm_change_put_delivery (change, g_ptr_array_index (result->deliveries, i));
}

/* The generation to go back to: what was in force last before, is still valid and neither revoked nor one that failed its consumer. */
ClmGenerationRow *
clm_rotation_find_previous (ClmRotation *self)
{
  ClmGenerationRow *best = NULL;

  for (guint i = 0; i < self->rows->len; i++) {
    ClmGenerationRow *row = g_ptr_array_index (self->rows, i);

    if (row->number < self->delivering && row->not_after > self->now && g_str_equal (row->status, "previous") &&
        (!best || row->retired > best->retired))
      best = row;
  }
  return best;
}

/* A removal that was interrupted leaves a row without files; what is damaged is no use either. */
ClmGeneration *
clm_rotation_read_previous (ClmRotation *self,
                            GError     **error)
{
  ClmGenerationRow *row;

  while ((row = clm_rotation_find_previous (self))) {
    g_autoptr (GError) local = NULL;
    ClmGeneration *generation = clm_generation_read (self->engine->generations, self->spec->name, (guint) row->number, &local);

    if (generation)
      return generation;
    if (!g_error_matches (local, CLM_ERROR, CLM_ERROR_NOT_FOUND) && !g_error_matches (local, CLM_ERROR, CLM_ERROR_INVALID_DATA)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
    g_message ("[certificate %s] %s", self->spec->name, local->message);
    clm_record_set (&row->status, "unusable");
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "there is no earlier generation that can be used");
  return NULL;
}

/* A delivery is tried again with back-off, but the renewal does not wait for it. */
static void
plan_delivery_retry (ClmRotation  *self,
                     const GError *error)
{
  clm_event_add_error (clm_rotation_add_event (self, CLM_EVENT_DELIVERY_FAILED, error->message), error);
  clm_rotation_plan_failed (self, CLM_ACTION_DELIVER, error);
}

static void
go_on_to_retire (ClmRotation *self)
{
  clm_rotation_jump (self, CLM_STEP_RETIRE);
}

static void
go_on_to_restore (ClmRotation *self)
{
  clm_rotation_jump (self, CLM_STEP_RESTORE);
}

static void
finish_delivery (ClmRotation *self)
{
  ClmDeploymentResult *result = self->deployment;
  ClmChange *change;

  clm_rotation_plan_healthy (self);
  self->record->delivery_state = clm_rotation_has_deliveries (self) ? CLM_DELIVERY_DELIVERED : CLM_DELIVERY_NONE;
  self->record->candidate = 0;
  if (self->rolling_back) {
    clm_plan_idle (self->record, CLM_STATE_HELD, "rolled-back", "an operator went back to this generation");
    clm_record_set (&self->record->hint, "release it to go on: certloom unhold NAME");
  }
  if (result->acted > 0)
    clm_rotation_add_event (self, CLM_EVENT_DELIVERED, "every consumer has the current generation");
  change = clm_rotation_begin_change (self);
  put_delivery_rows (change, result);
  clm_rotation_write (self, change, go_on_to_retire);
}

/* Some consumer has not taken it: what it has stays, or it gets back what it had; either way it is tried again. */
static void
note_undelivered (ClmRotation *self)
{
  ClmDeploymentResult *result = self->deployment;
  gboolean restore = result->wants_rollback && !self->rolling_back &&
                     (self->delivering != self->record->generation || clm_rotation_find_previous (self));
  ClmChange *change;

  self->outcome = g_error_copy (result->error);
  plan_delivery_retry (self, self->outcome);
  /* Noted before the switch: after a crash between, the link tells whether it was made. */
  if (restore)
    self->record->candidate = self->delivering;
  self->record->delivery_state = restore ? CLM_DELIVERY_ROLLED_BACK : CLM_DELIVERY_FAILING;
  change = clm_rotation_begin_change (self);
  put_delivery_rows (change, result);
  clm_rotation_write (self, change, restore ? go_on_to_restore : go_on_to_retire);
}

/* It could not even begin. What is damaged on the disk is not handed out some day: a new one is needed. */
static void
fail_delivery (ClmRotation *self,
               GError      *error)
{
  if (g_error_matches (error, CLM_ERROR, CLM_ERROR_INVALID_DATA) || g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_FOUND)) {
    if (self->record->candidate == self->delivering)
      self->record->candidate = 0;
    self->step = CLM_STEP_CHOOSE;
  }
  clm_rotation_fail (self, error);
}

static void
on_deployed (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  ClmRotation *self = user_data;
  GError *error = NULL;

  self->now = clm_clock_get_time (self->engine->clock);
  g_clear_pointer (&self->deployment, clm_deployment_result_free);
  self->deployment = clm_deployment_run_finish (result, &error);
  if (!self->deployment)
    fail_delivery (self, error);
  else if (self->deployment->error)
    note_undelivered (self);
  else if (self->delivering != self->record->generation)
    clm_rotation_next (self);
  else
    finish_delivery (self);
}

/* Also no consumer that the spec named before and whose row is to be forgotten. */
static gboolean
has_nothing_to_do (ClmRotation *self)
{
  g_autoptr (GPtrArray) rows = NULL;

  if (clm_rotation_has_deliveries (self) || self->rolling_back || self->record->candidate || self->delivering != self->record->generation ||
      self->record->delivery_state != CLM_DELIVERY_NONE || self->record->next_action == CLM_ACTION_DELIVER)
    return FALSE;
  rows = clm_inventory_get_deliveries (self->engine->inventory, self->spec->name, NULL);
  return rows && rows->len == 0;
}

void
clm_rotation_step_deliver (ClmRotation *self)
{
  if (has_nothing_to_do (self)) {
    clm_rotation_jump (self, CLM_STEP_RETIRE);
    return;
  }
  clm_deployment_run_async (self->engine, self->spec, self->delivering, self->ask.force ? CLM_DEPLOYMENT_FORCE : CLM_DEPLOYMENT_PLAIN, on_progress, self,
                            clm_rotation_get_cancellable (self), on_deployed, self);
}

/* adopt: a candidate that has reached its consumers after all becomes current */

static gboolean
switch_to_delivering (ClmRotation *self,
                      GError     **error)
{
  g_clear_pointer (&self->generation, clm_generation_free);
  self->generation = clm_generation_read (self->engine->generations, self->spec->name, (guint) self->delivering, error);
  return self->generation && clm_rotation_publish (self, error);
}

static void
on_adopted (ClmRotation *self)
{
  GError *error = NULL;
  ClmChange *change;

  if (!clm_issued_to_record (self->generation, self->record, &error)) {
    clm_rotation_fail (self, error);
    return;
  }
  clm_record_set (&self->record->issue_digest, self->generation->spec_digest);
  change = clm_rotation_begin_change (self);
  clm_rotation_put_rows (self, change);
  clm_rotation_write (self, change, finish_delivery);
}

void
clm_rotation_step_adopt (ClmRotation *self)
{
  clm_rotation_run_blocking (self, switch_to_delivering, on_adopted);
}

/* restore: the consumers, and the link, have what they had; the newer generation stays a candidate */

/* The round before failed and its rows say so; but what a consumer has is now the older one, which a later round must know. */
static void
put_restored_rows (ClmRotation         *self,
                   ClmDeploymentResult *restored)
{
  for (guint i = restored->deliveries->len; i-- > 0;) {
    ClmDeliveryRecord *given = g_ptr_array_index (restored->deliveries, i);
    gboolean known = FALSE;

    for (guint k = 0; k < self->deployment->deliveries->len; k++) {
      ClmDeliveryRecord *row = g_ptr_array_index (self->deployment->deliveries, k);

      if (!g_str_equal (row->delivery, given->delivery))
        continue;
      row->generation = given->failing ? 0 : given->generation;
      known = TRUE;
    }
    if (!known)
      g_ptr_array_add (self->deployment->deliveries, g_ptr_array_steal_index (restored->deliveries, i));
  }
}

static void
on_restored (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  ClmRotation *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmDeploymentResult) deployment = clm_deployment_run_finish (result, &error);
  ClmChange *change;

  if (deployment)
    put_restored_rows (self, deployment);
  if (!deployment || deployment->error)
    g_message ("[certificate %s] the generation before could not be handed out again: %s", self->spec->name,
               deployment ? deployment->error->message : error->message);
  change = clm_rotation_begin_change (self);
  put_delivery_rows (change, self->deployment);
  clm_rotation_write (self, change, clm_rotation_next);
}

static void
on_restore_recorded (ClmRotation *self)
{
  clm_deployment_run_async (self->engine, self->spec, self->record->generation, CLM_DEPLOYMENT_RESTORE, on_progress, self, clm_rotation_get_cancellable (self),
                            on_restored, self);
}

static void
record_restore (ClmRotation *self)
{
  guint64 candidate = self->delivering;
  g_autofree char *text = NULL;
  GError *error = NULL;
  ClmChange *change;

  if (!clm_issued_to_record (self->generation, self->record, &error)) {
    clm_rotation_fail (self, error);
    return;
  }
  self->record->candidate = candidate;
  if (!self->switched_back) {
    clm_rotation_write (self, clm_rotation_begin_change (self), on_restore_recorded);
    return;
  }
  text = g_strdup_printf ("generation %" G_GUINT64_FORMAT " did not reach its consumer; generation %u is in force again",
                          candidate, self->generation->number);
  clm_event_add_error (clm_rotation_add_event (self, CLM_EVENT_ROLLED_BACK, text), self->outcome);
  change = clm_rotation_begin_change (self);
  clm_rotation_put_rows (self, change);
  clm_rotation_write (self, change, on_restore_recorded);
}

static gboolean
switch_back (ClmRotation *self,
             GError     **error)
{
  guint64 number = self->record->generation;

  self->switched_back = self->delivering == number;
  g_clear_pointer (&self->generation, clm_generation_free);
  self->generation = self->switched_back ? clm_rotation_read_previous (self, error) :
                     clm_generation_read (self->engine->generations, self->spec->name, (guint) number, error);
  return self->generation && clm_rotation_publish (self, error);
}

void
clm_rotation_step_restore (ClmRotation *self)
{
  self->restoring = TRUE;
  clm_rotation_run_blocking (self, switch_back, record_restore);
}
