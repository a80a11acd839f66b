/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rotation-private.h"

#include "retirement.h"

/* retire: keys and generations that nothing names any more go */

static void
on_retired (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  ClmRotation *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_retirement_run_finish (result, &error))
    g_message ("[certificate %s] old generations stay until the next publication: %s", self->spec->name, error->message);
  clm_rotation_next (self);
}

void
clm_rotation_step_retire (ClmRotation *self)
{
  guint keep = self->spec->keep_generations;

  if (keep == 0)
    keep = clm_config_get_settings (self->engine->config)->keep_generations;
  clm_retirement_run_async (self->engine, self->spec->name, keep, NULL, on_retired, self);
}

/* suggest: the CA's own wish when to renew, in the record */

static void
on_suggested (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  ClmRotation *self = user_data;
  ClmPlanContext context = clm_rotation_plan_context (self);
  ClmRenewalWindow window = { 0 };
  g_autoptr (GError) error = NULL;

  if (!clm_authority_suggest_renewal_finish (CLM_AUTHORITY (source), result, &window, &error)) {
    g_message ("[certificate %s] the CA suggests no time for the renewal: %s", self->spec->name, error->message);
    clm_rotation_next (self);
    return;
  }
  self->record->hint_start = window.start;
  self->record->hint_end = window.end;
  clm_plan_ready (self->record, self->spec, &context);
  clm_rotation_write (self, clm_rotation_begin_change (self), clm_rotation_next);
}

void
clm_rotation_step_suggest (ClmRotation *self)
{
  if (self->spec->renew_at != CLM_RENEW_AT_SUGGESTED || !self->authority || !self->generation ||
      self->record->state != CLM_STATE_READY || !clm_authority_can_suggest_renewal (self->authority)) {
    clm_rotation_next (self);
    return;
  }
  clm_authority_suggest_renewal_async (self->authority, self->generation->leaf, clm_rotation_get_cancellable (self), on_suggested, self);
}

void
clm_rotation_step_finish (ClmRotation *self)
{
  clm_rotation_end (self, g_steal_pointer (&self->outcome));
}
