/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rotation-private.h"

#include "issued.h"

/* switch: THE commit. After it the new generation is current whatever happens. */

gboolean
clm_rotation_publish (ClmRotation *self,
                      GError     **error)
{
  return clm_generation_publish (self->engine->generations, self->spec->name, self->generation->number,
                                 self->retired, error);
}

void
clm_rotation_step_switch (ClmRotation *self)
{
  clm_rotation_run_blocking (self, clm_rotation_publish, clm_rotation_next);
}

/* record: the record follows the switch; the intent is closed */

gboolean
clm_rotation_has_deliveries (ClmRotation *self)
{
  return self->spec->deliveries[0] != NULL;
}

static void
plan_delivery (ClmRotation *self)
{
  ClmPlanContext context = clm_rotation_plan_context (self);

  clm_rotation_plan_healthy (self);
  self->record->delivery_state = clm_rotation_has_deliveries (self) ? CLM_DELIVERY_PENDING : CLM_DELIVERY_NONE;
  if (!clm_rotation_has_deliveries (self))
    return;
  /* Also where it is held: what is current is to be in force. */
  self->record->next_action = CLM_ACTION_DELIVER;
  self->record->next_time = context.now;
  self->record->clock_bound = FALSE;
}

static void
announce (ClmRotation *self)
{
  g_autofree char *until = clm_issued_format_time (self->generation->not_after);
  g_autofree char *text = g_strdup_printf ("%s, valid until %s", self->rolling_back ? "went back to the generation before" :
                                           self->had_generation ? "renewed" : "issued", until);
  ClmEvent *event = clm_rotation_add_event (self, self->rolling_back ? CLM_EVENT_ROLLED_BACK :
                               self->had_generation ? CLM_EVENT_RENEWED : CLM_EVENT_ISSUED, text);

  clm_issued_describe (self->generation, event);
}

void
clm_rotation_put_rows (ClmRotation *self,
                       ClmChange   *change)
{
  g_autoptr (ClmGenerationRow) row = clm_issued_to_row (self->generation);

  for (guint i = 0; i < self->rows->len; i++) {
    ClmGenerationRow *old = g_ptr_array_index (self->rows, i);

    if (old->retired != 0 || old->number == row->number)
      continue;
    if (g_str_equal (old->status, "current"))
      clm_record_set (&old->status, self->restoring ? "candidate" : "previous");
    old->retired = clm_clock_get_time (self->engine->clock);
    clm_change_put_generation (change, old);
  }
  clm_change_put_generation (change, row);
}

void
clm_rotation_step_record (ClmRotation *self)
{
  GError *error = NULL;
  ClmChange *change;

  if (!clm_issued_to_record (self->generation, self->record, &error)) {
    clm_rotation_fail (self, error);
    return;
  }
  if (self->rolling_back)
    self->record->held = TRUE;
  else
    clm_record_set (&self->record->issue_digest, self->generation->spec_digest);
  self->record->candidate = 0;
  plan_delivery (self);
  announce (self);
  change = clm_rotation_begin_change (self);
  clm_rotation_put_rows (self, change);
  if (self->intent)
    clm_change_put_intent (change, NULL);
  g_clear_pointer (&self->intent, clm_intent_free);
  self->delivering = self->record->generation;
  clm_rotation_write (self, change, clm_rotation_next);
}
