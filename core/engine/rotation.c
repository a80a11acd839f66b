/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rotation-private.h"

#include "issued.h"

/*
 * The life of one certificate. What a step leaves behind for a crash is noted beside it, in rotation-issue.c, rotation-publish.c,
 * rotation-deliver.c and rotation-after.c.
 */

static void (*step_probe) (const char *certificate, const char *step);

void
clm_rotation_set_probe (void (*probe) (const char *certificate, const char *step))
{
  step_probe = probe;
}

static void
rotation_free (ClmRotation *self)
{
  if (self->enrollment)
    clm_enrollment_close (self->enrollment);
  clm_spec_unref (self->spec);
  clm_record_free (self->record);
  clm_intent_free (self->intent);
  clm_intent_free (self->stale);
  g_clear_object (&self->authority);
  g_clear_object (&self->key_store);
  g_clear_object (&self->key);
  g_clear_pointer (&self->current, clm_credential_unref);
  g_clear_pointer (&self->demands, clm_demands_free);
  g_clear_object (&self->enrollment);
  g_clear_pointer (&self->issuance, clm_issuance_unref);
  g_clear_pointer (&self->anchors, g_ptr_array_unref);
  g_clear_pointer (&self->chain, g_ptr_array_unref);
  g_clear_pointer (&self->generation, clm_generation_free);
  g_clear_pointer (&self->deployment, clm_deployment_result_free);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  g_clear_error (&self->outcome);
  g_ptr_array_unref (self->events);
  g_free (self);
}

/* The table */

static const struct {
  const char   *name;
  ClmRotationFunc  run;
  double        progress;
} steps[] = {
  [CLM_STEP_CHOOSE] = { "choose", clm_rotation_step_choose, 0.02 },
  [CLM_STEP_PREPARE] = { "prepare", clm_rotation_step_prepare, 0.05 },
  [CLM_STEP_INTEND] = { "intend", clm_rotation_step_intend, 0.1 },
  [CLM_STEP_KEY] = { "key", clm_rotation_step_key, 0.15 },
  [CLM_STEP_ENROLL] = { "enroll", clm_rotation_step_enroll, 0.25 },
  [CLM_STEP_ANCHORS] = { "anchors", clm_rotation_step_anchors, 0.5 },
  [CLM_STEP_CHECK] = { "check", clm_rotation_step_check, 0.52 },
  [CLM_STEP_STAGE] = { "stage", clm_rotation_step_stage, 0.57 },
  [CLM_STEP_CONFIRM] = { "confirm", clm_rotation_step_confirm, 0.6 },
  [CLM_STEP_SWITCH] = { "switch", clm_rotation_step_switch, 0.65 },
  [CLM_STEP_RECORD] = { "record", clm_rotation_step_record, 0.67 },
  [CLM_STEP_DELIVER] = { "deliver", clm_rotation_step_deliver, 0.7 },
  [CLM_STEP_ADOPT] = { "adopt", clm_rotation_step_adopt, 0.9 },
  [CLM_STEP_RESTORE] = { "restore", clm_rotation_step_restore, 0.9 },
  [CLM_STEP_RETIRE] = { "retire", clm_rotation_step_retire, 0.95 },
  [CLM_STEP_SUGGEST] = { "suggest", clm_rotation_step_suggest, 0.97 },
  [CLM_STEP_FINISH] = { "finish", clm_rotation_step_finish, 0.99 },
};
G_STATIC_ASSERT (G_N_ELEMENTS (steps) == CLM_N_STEPS);

const char *const *
clm_rotation_list_steps (void)
{
  static const char *names[CLM_N_STEPS + 1];

  for (guint i = 0; i < CLM_N_STEPS; i++)
    names[i] = steps[i].name;
  return names;
}

static void
run_step (ClmRotation    *self,
          ClmRotationStep step)
{
  self->step = step;
  if (step_probe)
    step_probe (self->spec->name, steps[step].name);
  if (self->ask.progress)
    self->ask.progress (steps[step].name, steps[step].progress, self->ask.user_data);
  steps[step].run (self);
}

void
clm_rotation_next (ClmRotation *self)
{
  run_step (self, self->step + 1);
}

void
clm_rotation_jump (ClmRotation    *self,
                   ClmRotationStep step)
{
  run_step (self, step);
}

/* Beginning: where does it stand? */

static void
resume_publication (ClmRotation *self)
{
  g_autoptr (GError) error = NULL;

  clm_rotation_add_event (self, CLM_EVENT_RECOVERED, "an interrupted publication is completed");
  self->authority = clm_registry_get_authority (self->engine->registry, self->intent->authority, &error);
  if (self->is_current || !self->authority) {
    clm_rotation_jump (self, CLM_STEP_SWITCH);
    return;
  }
  self->issuance = clm_issued_to_issuance (self->generation);
  clm_rotation_jump (self, CLM_STEP_CONFIRM);
}

static gboolean
read_publication (ClmRotation *self,
                  GError     **error)
{
  ClmGenerationStore *store = self->engine->generations;
  g_autoptr (GError) local = NULL;

  if (!clm_generation_collect (store, self->spec->name, NULL, error))
    return FALSE;
  self->generation = clm_generation_read (store, self->spec->name, (guint) self->intent->number, &local);
  self->is_current = clm_generation_get_current (store, self->spec->name, NULL) == self->intent->number;
  if (self->generation || g_error_matches (local, CLM_ERROR, CLM_ERROR_NOT_FOUND))
    return TRUE;
  /* Damaged before anybody saw it: it is written anew. */
  if (!self->is_current && g_error_matches (local, CLM_ERROR, CLM_ERROR_INVALID_DATA)) {
    g_message ("[certificate %s] %s", self->spec->name, local->message);
    return TRUE;
  }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/*
 * The link wins where the record names another generation: a newer one after the database was restored from a backup, an older one
 * after a crash right behind a switch back, which is a candidate's where the record says so, else an operator's.
 */
static gboolean
read_current (ClmRotation *self,
              GError     **error)
{
  g_autoptr (GError) local = NULL;
  guint number = clm_generation_get_current (self->engine->generations, self->spec->name, &local);

  /* What cannot be read now may be there. */
  if (g_error_matches (local, CLM_ERROR, CLM_ERROR_STORAGE)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (number == 0 || number == self->record->generation)
    return TRUE;
  self->generation = clm_generation_read (self->engine->generations, self->spec->name, number, &local);
  if (self->generation)
    return TRUE;
  if (!g_error_matches (local, CLM_ERROR, CLM_ERROR_INVALID_DATA)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  /* Damaged and unknown to the record: nothing to take over, so a new one is made. */
  g_warning ("[certificate %s] generation %u cannot be used: %s", self->spec->name, number, local->message);
  return TRUE;
}

static void
begin_regularly (ClmRotation *self)
{
  if (self->ask.goal == CLM_ROTATION_RENEW) {
    clm_rotation_jump (self, CLM_STEP_CHOOSE);
    return;
  }
  self->delivering = self->record->candidate ? self->record->candidate : self->record->generation;
  clm_rotation_jump (self, CLM_STEP_DELIVER);
}

static void
begin_with_current (ClmRotation *self)
{
  if (!self->generation) {
    begin_regularly (self);
    return;
  }
  clm_rotation_add_event (self, CLM_EVENT_RECOVERED, "the record did not know of the last switch");
  if (self->generation->number < self->record->generation && self->record->candidate == self->record->generation) {
    self->delivering = self->record->candidate;
    clm_rotation_jump (self, CLM_STEP_RESTORE);
    return;
  }
  self->rolling_back = self->generation->number < self->record->generation;
  clm_rotation_jump (self, CLM_STEP_SWITCH);
}

static gboolean
read_previous (ClmRotation *self,
               GError     **error)
{
  self->generation = clm_rotation_read_previous (self, error);
  return self->generation != NULL;
}

static void
begin_rollback (ClmRotation *self)
{
  ClmPlanContext context = clm_rotation_plan_context (self);

  /* Due before the switch, so that after a crash behind it the link is looked at. */
  self->rolling_back = TRUE;
  self->step = CLM_STEP_CONFIRM;
  self->record->next_action = CLM_ACTION_DELIVER;
  self->record->next_time = context.now;
  self->record->clock_bound = FALSE;
  clm_rotation_write (self, clm_rotation_begin_change (self), clm_rotation_next);
}

/* Where its files never became complete, the certificate is asked for again, by the same ticket. */
static void
begin_with_intent (ClmRotation *self)
{
  if (self->generation) {
    resume_publication (self);
    return;
  }
  if (!g_str_equal (self->intent->issue_digest, self->spec->issue_digest) || (self->ask.rekey && !self->intent->key_owned))
    self->stale = g_steal_pointer (&self->intent);
  clm_rotation_run_blocking (self, read_current, begin_with_current);
}

static void
begin_renewal (ClmRotation *self)
{
  if (self->intent) {
    self->step = CLM_STEP_SWITCH;
    clm_rotation_run_blocking (self, read_publication, begin_with_intent);
    return;
  }
  clm_rotation_run_blocking (self, read_current, begin_with_current);
}

static void
begin_goal (ClmRotation *self)
{
  switch (self->ask.goal) {
  case CLM_ROTATION_RENEW:
    begin_renewal (self);
    return;
  case CLM_ROTATION_DELIVER:
    if (self->record->generation == 0) {
      clm_rotation_end (self, g_error_new (CLM_ERROR, CLM_ERROR_CONFLICT, "“%s” has no certificate to deliver", self->spec->name));
      return;
    }
    self->step = CLM_STEP_DELIVER;
    clm_rotation_run_blocking (self, read_current, begin_with_current);
    return;
  case CLM_ROTATION_ROLLBACK:
    self->delivering = self->record->generation;
    if (!clm_rotation_find_previous (self)) {
      clm_rotation_end (self, g_error_new (CLM_ERROR, CLM_ERROR_CONFLICT, "there is no earlier generation that is still valid"));
      return;
    }
    self->step = CLM_STEP_CHOOSE;
    clm_rotation_run_blocking (self, read_previous, begin_rollback);
    return;
  default:
    g_return_if_reached ();
  }
}

static gboolean
load (ClmRotation *self,
      GError     **error)
{
  const char *name = self->spec->name;

  self->record = clm_inventory_get_record (self->engine->inventory, name, error);
  if (!self->record || !clm_inventory_get_intent (self->engine->inventory, name, &self->intent, error))
    return FALSE;
  self->rows = clm_inventory_get_generations (self->engine->inventory, name, error);
  if (!self->rows)
    return FALSE;
  self->had_generation = self->record->generation != 0;
  if (self->had_generation) {
    g_autoptr (GError) local = NULL;

    /* A damaged or missing current generation is a reason to renew, not to give up. */
    self->current = clm_registry_load_credential (self->engine->registry, name, &local);
    if (!self->current)
      g_message ("[certificate %s] the current generation cannot be used: %s", name, local->message);
  }
  return TRUE;
}

void
clm_rotation_run_async (ClmEngine            *engine,
                        ClmSpec              *spec,
                        const ClmRotationAsk *ask,
                        GCancellable         *cancellable,
                        GAsyncReadyCallback   callback,
                        gpointer              user_data)
{
  ClmRotation *self = g_new0 (ClmRotation, 1);
  GError *error = NULL;

  self->task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (self->task, clm_rotation_run_async);
  g_task_set_task_data (self->task, self, (GDestroyNotify) rotation_free);
  self->engine = engine;
  self->spec = clm_spec_ref (spec);
  self->ask = *ask;
  self->now = clm_clock_get_time (engine->clock);
  self->events = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_event_unref);
  if (load (self, &error))
    begin_goal (self);
  else
    clm_rotation_end (self, error);
}

gboolean
clm_rotation_run_finish (GAsyncResult *result,
                         GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
