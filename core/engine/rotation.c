/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rotation.h"

#include "abandonment.h"
#include "deployment.h"
#include "enrollment.h"
#include "issued.h"
#include "plan.h"
#include "policy-check.h"
#include "registry.h"
#include "retirement.h"
#include "trust.h"

/*
 * The life of one certificate. Each step is one function that ends in exactly one of next(), jump(), fail() or end(), at once or
 * in a callback. What a step leaves behind for a crash is noted beside it.
 */

typedef struct _Rotation Rotation;

typedef enum {
  STEP_CHOOSE,
  STEP_PREPARE,
  STEP_INTEND,
  STEP_KEY,
  STEP_ENROLL,
  STEP_ANCHORS,
  STEP_CHECK,
  STEP_JOURNAL,
  STEP_STAGE,
  STEP_CONFIRM,
  STEP_SWITCH,
  STEP_RECORD,
  STEP_DELIVER,
  STEP_ADOPT,
  STEP_RESTORE,
  STEP_RETIRE,
  STEP_SUGGEST,
  STEP_FINISH,
  N_STEPS
} Step;

struct _Rotation {
  GTask          *task;
  ClmEngine      *engine;
  ClmSpec        *spec;
  ClmRotationAsk  ask;
  Step            step;
  ClmRecord      *record;
  ClmIntent      *intent;        /* (nullable) */
  ClmAuthority   *authority;     /* (nullable) */
  ClmKeyStore    *key_store;     /* (nullable) */
  ClmKey         *key;           /* (nullable) */
  ClmCredential  *current;       /* (nullable) */
  ClmDemands     *demands;       /* (nullable) */
  ClmEnrollment  *enrollment;    /* (nullable) */
  ClmIssuance    *issuance;      /* (nullable) */
  GPtrArray      *anchors;       /* (nullable) GBytes */
  GPtrArray      *chain;         /* (nullable) GBytes, checked */
  ClmGeneration  *generation;    /* (nullable): to be, or just made current */
  GPtrArray      *rows;          /* ClmGenerationRow, newest first */
  ClmIntent      *stale;         /* (nullable): of another spec, to be given up */
  gboolean        had_generation;
  gboolean        is_current;    /* the generation that was being published is the one the link names */
  ClmDeploymentResult *deployment; /* (nullable): of the last round */
  gboolean        rolling_back;  /* the switch goes to an older generation */
  gboolean        started_afresh;/* the one extra issuance after a lost ticket */
  guint64         delivering;
  gint64          retired;       /* when what is current ceases to be; -1: not known */
  GError         *outcome;       /* (nullable): what the rotation ends with, once that is written */
  GPtrArray      *events;        /* ClmEvent: written with the next change, told afterwards */
};

static void (*step_probe) (const char *certificate, const char *step);

static void run_step (Rotation *self, Step step);
static void fail (Rotation *self, GError *error);

void
clm_rotation_set_probe (void (*probe) (const char *certificate, const char *step))
{
  step_probe = probe;
}

static void
rotation_free (Rotation *self)
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

static GCancellable *
cancellable_of (Rotation *self)
{
  return g_task_get_cancellable (self->task);
}

static void
next (Rotation *self)
{
  run_step (self, self->step + 1);
}

static void
jump (Rotation *self,
      Step      step)
{
  run_step (self, step);
}

static void
end (Rotation *self,
     GError   *error)
{
  g_autoptr (GTask) task = self->task;

  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static ClmPlanContext
plan_context (Rotation *self)
{
  return clm_engine_plan_context (self->engine, self->spec->name);
}

/* Events: collected, written in one transaction with what they tell of, then told. */

static ClmEvent *
add_event (Rotation    *self,
           ClmEventKind kind,
           const char  *text)
{
  ClmEvent *event = clm_event_new (kind, clm_clock_get_time (self->engine->clock), "certificate", self->spec->name, "%s", text);

  g_ptr_array_add (self->events, event);
  return event;
}

static void
tell_events (Rotation *self)
{
  for (guint i = 0; i < self->events->len; i++)
    clm_events_tell (self->engine->events, g_ptr_array_index (self->events, i));
  g_ptr_array_set_size (self->events, 0);
}

static ClmChange *
begin_change (Rotation *self)
{
  ClmChange *change = clm_change_new (self->spec->name);

  clm_change_put_record (change, self->record);
  for (guint i = 0; i < self->events->len; i++)
    clm_change_add_event (change, g_ptr_array_index (self->events, i));
  return change;
}

/* Writes @change and calls @done, or ends with what kept it from being written. */

typedef void (*RotationFunc) (Rotation *self);

typedef struct {
  Rotation     *self;
  RotationFunc  done;
} Written;

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autofree Written *written = user_data;
  GError *error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    end (written->self, error);
    return;
  }
  tell_events (written->self);
  written->done (written->self);
}

static void
write_change (Rotation    *self,
              ClmChange   *change,
              RotationFunc done)
{
  Written *written = g_new0 (Written, 1);

  written->self = self;
  written->done = done;
  clm_inventory_apply_async (self->engine->inventory, change, NULL, on_written, written);
}

/* Blocking work on the files of this certificate, in a worker; nothing else touches the rotation meanwhile. */

typedef gboolean (*BlockingFunc) (Rotation *self, GError **error);

typedef struct {
  Rotation     *self;
  BlockingFunc  func;
  RotationFunc  done;
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
  Rotation *self = user_data;
  Blocking *blocking = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    blocking->done (self);
  else
    fail (self, error);
}

static void
run_blocking (Rotation    *self,
              BlockingFunc func,
              RotationFunc done)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_blocked, self);
  Blocking *blocking = g_new0 (Blocking, 1);

  /* Without trust in the clock the time of retirement stays unknown: the grace then begins when removal is first asked for. */
  self->retired = clm_clock_is_trusted (self->engine->clock) ? clm_clock_get_now (self->engine->clock) : -1;
  blocking->self = self;
  blocking->func = func;
  blocking->done = done;
  g_task_set_source_tag (task, run_blocking);
  g_task_set_task_data (task, blocking, g_free);
  g_task_run_in_thread (task, block_in_thread);
}

/* Failing: the record says why and when next, before anybody hears of it. */

static void
end_with_outcome (Rotation *self)
{
  end (self, g_steal_pointer (&self->outcome));
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

static ClmAction
action_to_repeat (Rotation *self)
{
  if (self->step >= STEP_DELIVER)
    return CLM_ACTION_DELIVER;
  return self->record->generation ? CLM_ACTION_RENEW : CLM_ACTION_ENROLL;
}

static void
note_failure (Rotation     *self,
              const GError *error)
{
  ClmPlanContext context = plan_context (self);
  ClmEvent *event;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    clm_plan_failed (self->record, self->spec, &context, action_to_repeat (self), error);
    clm_record_set (&self->record->reason, "cancelled");
    return;
  }
  clm_plan_failed (self->record, self->spec, &context, action_to_repeat (self), error);
  event = add_event (self, failure_to_event (error), error->message);
  clm_event_add_error (event, error);
  clm_event_add_field (event, "step", clm_rotation_list_steps ()[self->step]);
  clm_event_add_field (event, "authority", self->intent ? self->intent->authority : NULL);
}

static void
on_rejection_told (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_authority_confirm_finish (CLM_AUTHORITY (source), result, &error))
    g_message ("the CA could not be told that its certificate was refused: %s", error->message);
}

/* What broke policy is refused to the CA, where its protocol has a word for that. */
static void
tell_rejection (Rotation     *self,
                const GError *error)
{
  const char *reason = clm_policy_get_reason (error);

  if (!reason || !self->issuance || !clm_authority_can_confirm (self->authority))
    return;
  clm_authority_confirm_async (self->authority, self->issuance, FALSE, reason, NULL, on_rejection_told, g_object_ref (self->task));
}

static void
fail (Rotation *self,
      GError   *error)
{
  ClmChange *change;

  if (self->engine->stopping) {
    /* Left as it is: the next start goes on from here. */
    end (self, error);
    return;
  }
  g_clear_error (&self->outcome);
  tell_rejection (self, error);
  clm_engine_note_reachability (self->engine, self->intent ? self->intent->authority : NULL, error);
  note_failure (self, error);
  self->outcome = error;
  change = begin_change (self);
  if (self->intent) {
    if (clm_policy_get_reason (error) || g_error_matches (error, CLM_ERROR, CLM_ERROR_REJECTED))
      g_clear_pointer (&self->intent->ticket, g_bytes_unref);
    else if (self->enrollment && clm_enrollment_get_ticket (self->enrollment) && !self->issuance) {
      g_clear_pointer (&self->intent->ticket, g_bytes_unref);
      self->intent->ticket = g_bytes_ref (clm_enrollment_get_ticket (self->enrollment));
    }
    self->intent->publishing = FALSE;
    clm_change_put_intent (change, self->intent);
  }
  write_change (self, change, end_with_outcome);
}

/* choose: nothing is left behind */

static const char *
choose_name (Rotation *self)
{
  GStrv authorities = self->spec->authorities;
  guint n = g_strv_length (authorities);

  if (self->intent && g_strv_contains ((const char *const *) authorities, self->intent->authority) && self->intent->ticket)
    return self->intent->authority;
  return authorities[self->record->attempts % n];
}

static void
step_choose (Rotation *self)
{
  const char *name = choose_name (self);
  g_autofree char *identity = NULL;
  GError *error = NULL;

  self->authority = clm_registry_get_authority (self->engine->registry, name, &error);
  if (self->authority)
    self->key_store = clm_registry_get_key_store (self->engine->registry, self->spec->key_store, &error);
  if (!self->key_store) {
    fail (self, error);
    return;
  }
  identity = clm_authority_get_identity (self->authority);
  if (self->intent && self->intent->ticket &&
      (!g_str_equal (self->intent->authority, name) || !g_str_equal (self->intent->authority_identity, identity)))
    g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  next (self);
}

/* prepare: nothing is left behind */

static ClmEnrollment *
make_enrollment (Rotation *self)
{
  g_autoptr (GPtrArray) bootstrap = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_credential_unref);
  g_autoptr (ClmIntent) none = self->intent ? NULL : clm_intent_new (0);

  for (guint i = 0; self->spec->bootstrap[i]; i++) {
    g_autoptr (GError) error = NULL;
    ClmCredential *credential = clm_registry_load_credential (self->engine->registry, self->spec->bootstrap[i], &error);

    if (credential)
      g_ptr_array_add (bootstrap, credential);
    else
      g_message ("[certificate %s] cannot prove itself by %s: %s", self->spec->name, self->spec->bootstrap[i], error->message);
  }
  return clm_enrollment_new (self->engine, self->spec, self->intent ? self->intent : none, self->key, self->current, bootstrap,
                             self->demands ? self->demands->extra_attributes : NULL);
}

static void
on_prepared (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;

  self->demands = clm_authority_prepare_finish (CLM_AUTHORITY (source), result, &error);
  if (self->demands)
    next (self);
  else
    fail (self, error);
}

static void
step_prepare (Rotation *self)
{
  g_autoptr (ClmEnrollment) enrollment = NULL;

  if (!clm_authority_can_prepare (self->authority)) {
    next (self);
    return;
  }
  enrollment = make_enrollment (self);
  clm_authority_prepare_async (self->authority, CLM_REQUEST (enrollment), cancellable_of (self), on_prepared, self);
}

/* intend: the open intent, with number and key label */

static const char *
wanted_key_type (Rotation *self)
{
  GStrv demanded = self->demands ? self->demands->key_types : NULL;

  if (!demanded || g_strv_contains ((const char *const *) demanded, self->spec->key_type))
    return self->spec->key_type;
  return demanded[0];
}

static gboolean
can_keep_key (Rotation *self)
{
  g_autofree char *store = NULL;
  g_autofree char *id = NULL;

  return !self->spec->rotate_key && !self->ask.rekey && *self->record->key_uri &&
         clm_key_uri_parse (self->record->key_uri, &store, &id, NULL) &&
         g_str_equal (store, clm_backend_get_name (CLM_BACKEND (self->key_store))) &&
         g_str_equal (self->record->key_type, wanted_key_type (self));
}

static guint64
next_number (Rotation *self)
{
  guint64 number = MAX (self->record->generation, self->record->candidate);
  g_autoptr (GArray) present = clm_generation_list (self->engine->generations, self->spec->name, NULL);

  if (self->rows->len > 0)
    number = MAX (number, ((ClmGenerationRow *) g_ptr_array_index (self->rows, 0))->number);
  /* After a restored backup the disk may know more than the database. */
  if (present && present->len > 0)
    number = MAX (number, g_array_index (present, guint, present->len - 1));
  return number + 1;
}

static void
make_intent (Rotation *self)
{
  ClmIntent *intent = clm_intent_new (next_number (self));

  clm_record_set (&intent->issue_digest, self->spec->issue_digest);
  clm_record_set (&intent->key_store, clm_backend_get_name (CLM_BACKEND (self->key_store)));
  intent->key_label = g_strdup_printf ("cert.%s.%" G_GUINT64_FORMAT, self->spec->name, intent->number);
  intent->started = clm_clock_get_time (self->engine->clock);
  if (can_keep_key (self))
    clm_record_set (&intent->key_uri, self->record->key_uri);
  else
    intent->key_owned = TRUE;
  self->intent = intent;
}

/* What was begun for another spec: its conversation and its key have no more use. */
static void
give_up_stale (Rotation *self)
{
  if (self->stale)
    clm_abandonment_run (self->engine, self->spec->name, self->stale);
  g_clear_pointer (&self->stale, clm_intent_free);
  next (self);
}

static void
step_intend (Rotation *self)
{
  g_autofree char *identity = clm_authority_get_identity (self->authority);
  ClmChange *change;

  if (!self->intent)
    make_intent (self);
  clm_record_set (&self->intent->authority, clm_backend_get_name (CLM_BACKEND (self->authority)));
  clm_record_set (&self->intent->authority_identity, identity);
  if (self->record->state != CLM_STATE_PENDING) {
    /* Due from now on, so that after a crash it is gone on with. */
    self->record->state = self->record->generation ? CLM_STATE_RENEWING : CLM_STATE_ENROLLING;
    self->record->next_action = action_to_repeat (self);
    self->record->next_time = self->intent->started;
    self->record->clock_bound = FALSE;
  }
  change = begin_change (self);
  clm_change_put_intent (change, self->intent);
  write_change (self, change, give_up_stale);
}

/* key: a key under the intent's label */

static void
on_key_opened (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;

  self->key = clm_key_store_open_finish (CLM_KEY_STORE (source), result, &error);
  if (self->key)
    next (self);
  else
    fail (self, error);
}

static void
on_key_created (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;
  g_autofree char *id = clm_key_store_create_finish (CLM_KEY_STORE (source), result, &error);

  if (!id) {
    fail (self, error);
    return;
  }
  g_free (self->intent->key_uri);
  self->intent->key_uri = clm_key_uri_build (clm_backend_get_name (CLM_BACKEND (source)), id);
  clm_key_store_open_async (self->key_store, id, cancellable_of (self), on_key_opened, self);
}

static void
step_key (Rotation *self)
{
  ClmKeySpec spec = { .key_type = wanted_key_type (self), .exportable = self->spec->exportable };
  g_autofree char *store = NULL;
  g_autofree char *id = NULL;

  if (self->intent->key_owned || !clm_key_uri_parse (self->intent->key_uri, &store, &id, NULL)) {
    clm_key_store_create_async (self->key_store, &spec, self->intent->key_label, cancellable_of (self), on_key_created, self);
    return;
  }
  clm_key_store_open_async (self->key_store, id, cancellable_of (self), on_key_opened, self);
}

/* enroll: the plugin's checkpoints, in the intent */

static void
end_pending (Rotation *self)
{
  end (self, NULL);
}

static void
note_pending (Rotation *self)
{
  gint64 suggested = clm_issuance_get_retry_after (self->issuance);
  gboolean first = self->record->state != CLM_STATE_PENDING;
  ClmPlanContext context = plan_context (self);
  ClmChange *change;

  /* How often it was asked is not kept: the time since the intent says as much. */
  guint polls = (guint) CLAMP ((context.now - self->intent->started) / 60, 0, 10);

  g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  self->intent->ticket = g_bytes_ref (clm_issuance_get_ticket (self->issuance));
  clm_plan_pending (self->record, self->spec, &context, polls, suggested);
  if (first)
    clm_event_add_field (add_event (self, CLM_EVENT_PENDING, "the CA has yet to decide"), "authority", self->intent->authority);
  change = begin_change (self);
  clm_change_put_intent (change, self->intent);
  write_change (self, change, end_pending);
}

static void
start_afresh (Rotation *self)
{
  ClmChange *change;

  self->started_afresh = TRUE;
  g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  clm_enrollment_close (self->enrollment);
  g_clear_object (&self->enrollment);
  change = begin_change (self);
  clm_change_put_intent (change, self->intent);
  self->step = STEP_KEY;
  write_change (self, change, next);
}

static void
on_enrolled (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;

  self->issuance = clm_authority_enroll_finish (CLM_AUTHORITY (source), result, &error);
  if (!self->issuance) {
    if (!g_error_matches (error, CLM_ERROR, CLM_ERROR_TICKET_LOST) || self->started_afresh) {
      g_prefix_error (&error, "CA %s: ", self->intent->authority);
      fail (self, error);
      return;
    }
    g_error_free (error);
    start_afresh (self);
    return;
  }
  clm_engine_note_reachability (self->engine, self->intent->authority, NULL);
  if (clm_issuance_is_pending (self->issuance))
    note_pending (self);
  else
    next (self);
}

static void
step_enroll (Rotation *self)
{
  self->enrollment = make_enrollment (self);
  clm_authority_enroll_async (self->authority, CLM_REQUEST (self->enrollment), self->intent->ticket, cancellable_of (self),
                              on_enrolled, self);
}

/* anchors: nothing is left behind */

static void
on_anchors (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;

  self->anchors = clm_trust_load_finish (result, &error);
  if (self->anchors)
    next (self);
  else
    fail (self, error);
}

static void
step_anchors (Rotation *self)
{
  clm_trust_load_async (self->spec->must_chain_to, self->authority, cancellable_of (self), on_anchors, self);
}

/* check: nothing is left behind, and nothing that fails here is ever written to where a consumer looks */

static gboolean
check_policy (Rotation *self,
              GError  **error)
{
  ClmPolicyExpectation expect = {
    .spki = clm_key_get_spki (self->key),
    .subject = self->spec->subject,
    .names.values = {
      [CLM_NAME_DNS] = (const char *const *) self->spec->dns_names,
      [CLM_NAME_IP] = (const char *const *) self->spec->ip_addresses,
      [CLM_NAME_URI] = (const char *const *) self->spec->uris,
      [CLM_NAME_EMAIL] = (const char *const *) self->spec->emails,
    },
    .usages = (const char *const *) self->spec->usages,
    .is_ca = self->spec->is_ca,
    .path_length = self->spec->path_length,
    .max_validity_s = self->spec->max_validity,
    .anchors = self->anchors,
    .previous = self->current ? g_ptr_array_index (clm_credential_get_chain (self->current), 0) : NULL,
  };

  self->chain = clm_policy_check (&expect, clm_issuance_get_chain (self->issuance), clm_clock_get_time (self->engine->clock), error);
  if (!self->chain)
    return FALSE;
  self->generation = clm_issued_to_generation (self->spec, self->intent, self->chain, self->anchors,
                                               clm_clock_get_time (self->engine->clock), error);
  return self->generation && clm_issued_check_spec (self->spec, self->generation, error);
}

static void
step_check (Rotation *self)
{
  run_blocking (self, check_policy, next);
}

/* journal: the intent says that files of this number are being written */

static void
step_journal (Rotation *self)
{
  ClmChange *change = begin_change (self);

  self->intent->publishing = TRUE;
  clm_change_put_intent (change, self->intent);
  write_change (self, change, next);
}

/* stage: a complete generation that is not current, or nothing */

static void
on_staged (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;

  if (clm_issued_stage_finish (result, &error))
    next (self);
  else
    fail (self, error);
}

static void
step_stage (Rotation *self)
{
  clm_issued_stage_async (self->engine->generations, self->generation, self->key, self->spec->exportable, cancellable_of (self),
                          on_staged, self);
}

/* confirm: the CA knows */

static void
on_confirmed (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;

  if (clm_authority_confirm_finish (CLM_AUTHORITY (source), result, &error))
    next (self);
  else
    fail (self, error);
}

static void
step_confirm (Rotation *self)
{
  if (clm_authority_can_confirm (self->authority))
    clm_authority_confirm_async (self->authority, self->issuance, TRUE, NULL, cancellable_of (self), on_confirmed, self);
  else
    next (self);
}

/* switch: THE commit. After it the new generation is current whatever happens. */

static gboolean
publish (Rotation *self,
         GError  **error)
{
  return clm_generation_publish (self->engine->generations, self->spec->name, self->generation->number,
                                 self->retired, error);
}

static void
step_switch (Rotation *self)
{
  run_blocking (self, publish, next);
}

/* record: the record follows the switch; the intent is closed */

static gboolean
has_deliveries (Rotation *self)
{
  return self->spec->deliveries[0] != NULL;
}

static void
plan_delivery (Rotation *self)
{
  ClmPlanContext context = plan_context (self);

  clm_plan_ready (self->record, self->spec, &context);
  self->record->delivery_state = has_deliveries (self) ? CLM_DELIVERY_PENDING : CLM_DELIVERY_NONE;
  if (!has_deliveries (self))
    return;
  self->record->next_action = CLM_ACTION_DELIVER;
  self->record->next_time = context.now;
  self->record->clock_bound = FALSE;
}

static void
announce (Rotation *self)
{
  g_autofree char *until = clm_issued_format_time (self->generation->not_after);
  g_autofree char *text = g_strdup_printf ("%s, valid until %s", self->rolling_back ? "went back to the generation before" :
                                           self->had_generation ? "renewed" : "issued", until);
  ClmEvent *event = add_event (self, self->rolling_back ? CLM_EVENT_ROLLED_BACK :
                               self->had_generation ? CLM_EVENT_RENEWED : CLM_EVENT_ISSUED, text);

  clm_issued_describe (self->generation, event);
}

static void
put_generation_rows (Rotation  *self,
                     ClmChange *change)
{
  g_autoptr (ClmGenerationRow) row = clm_issued_to_row (self->generation);

  for (guint i = 0; i < self->rows->len; i++) {
    ClmGenerationRow *old = g_ptr_array_index (self->rows, i);

    if (!g_str_equal (old->status, "current") || old->number == row->number)
      continue;
    clm_record_set (&old->status, "previous");
    old->retired = clm_clock_get_time (self->engine->clock);
    clm_change_put_generation (change, old);
  }
  clm_change_put_generation (change, row);
}

static void
step_record (Rotation *self)
{
  GError *error = NULL;
  ClmChange *change;

  if (!clm_issued_to_record (self->generation, self->record, &error)) {
    fail (self, error);
    return;
  }
  if (!self->rolling_back)
    clm_record_set (&self->record->issue_digest, self->generation->spec_digest);
  self->record->candidate = 0;
  plan_delivery (self);
  announce (self);
  change = begin_change (self);
  put_generation_rows (self, change);
  if (self->intent)
    clm_change_put_intent (change, NULL);
  g_clear_pointer (&self->intent, clm_intent_free);
  self->delivering = self->record->generation;
  write_change (self, change, next);
}

/* deliver: how each consumer stands */

static void
on_progress (const char *delivery,
             guint       n,
             guint       of,
             gpointer    user_data)
{
  Rotation *self = user_data;

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

/* The generation to go back to: made before, still valid. */
static ClmGenerationRow *
find_previous (Rotation *self)
{
  gint64 now = clm_clock_get_time (self->engine->clock);

  for (guint i = 0; i < self->rows->len; i++) {
    ClmGenerationRow *row = g_ptr_array_index (self->rows, i);

    if (row->number < self->delivering && row->not_after > now)
      return row;
  }
  return NULL;
}

/* A delivery is tried again with back-off, but the renewal does not wait for it. */
static void
plan_delivery_retry (Rotation     *self,
                     const GError *error)
{
  ClmPlanContext context = plan_context (self);
  g_autoptr (ClmRecord) healthy = clm_record_copy (self->record);
  ClmEvent *event = add_event (self, CLM_EVENT_DELIVERY_FAILED, error->message);

  clm_event_add_error (event, error);
  clm_plan_ready (healthy, self->spec, &context);
  clm_plan_failed (self->record, self->spec, &context, CLM_ACTION_DELIVER, error);
  if (healthy->next_time > self->record->next_time)
    return;
  self->record->next_action = CLM_ACTION_RENEW;
  self->record->next_time = healthy->next_time;
  self->record->clock_bound = TRUE;
}

static void
finish_delivery (Rotation *self)
{
  ClmDeploymentResult *result = self->deployment;
  ClmPlanContext context = plan_context (self);
  ClmChange *change;

  clm_plan_ready (self->record, self->spec, &context);
  self->record->delivery_state = has_deliveries (self) ? CLM_DELIVERY_DELIVERED : CLM_DELIVERY_NONE;
  self->record->candidate = 0;
  if (self->rolling_back) {
    self->record->held = TRUE;
    clm_plan_idle (self->record, CLM_STATE_HELD, "rolled-back", "an operator went back to this generation");
    clm_record_set (&self->record->hint, "release it to go on: certloom unhold NAME");
  }
  if (result->acted > 0)
    add_event (self, CLM_EVENT_DELIVERED, "every consumer has the current generation");
  change = begin_change (self);
  put_delivery_rows (change, result);
  self->step = STEP_RESTORE;
  write_change (self, change, next);
}

/* Some consumer has not taken it: what it has stays, or it gets back what it had; either way it is tried again. */
static void
note_undelivered (Rotation *self)
{
  ClmDeploymentResult *result = self->deployment;
  gboolean restore = result->wants_rollback && !self->rolling_back &&
                     (self->delivering != self->record->generation || find_previous (self));
  ClmChange *change;

  self->outcome = g_error_copy (result->error);
  plan_delivery_retry (self, self->outcome);
  self->record->delivery_state = restore ? CLM_DELIVERY_ROLLED_BACK : CLM_DELIVERY_FAILING;
  change = begin_change (self);
  put_delivery_rows (change, result);
  self->step = restore ? STEP_ADOPT : STEP_RESTORE;
  write_change (self, change, next);
}

static void
on_deployed (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Rotation *self = user_data;
  GError *error = NULL;

  self->deployment = clm_deployment_run_finish (result, &error);
  if (!self->deployment)
    fail (self, error);
  else if (self->deployment->error)
    note_undelivered (self);
  else if (self->delivering != self->record->generation)
    next (self);
  else
    finish_delivery (self);
}

static void
step_deliver (Rotation *self)
{
  clm_deployment_run_async (self->engine, self->spec, self->delivering, self->ask.force, on_progress, self,
                            cancellable_of (self), on_deployed, self);
}

/* adopt: a candidate that has reached its consumers after all becomes current */

static gboolean
switch_to_delivering (Rotation *self,
                      GError  **error)
{
  g_clear_pointer (&self->generation, clm_generation_free);
  self->generation = clm_generation_read (self->engine->generations, self->spec->name, (guint) self->delivering, error);
  return self->generation && publish (self, error);
}

static void
on_adopted (Rotation *self)
{
  GError *error = NULL;
  ClmChange *change;

  if (!clm_issued_to_record (self->generation, self->record, &error)) {
    fail (self, error);
    return;
  }
  clm_record_set (&self->record->issue_digest, self->generation->spec_digest);
  change = begin_change (self);
  put_generation_rows (self, change);
  write_change (self, change, finish_delivery);
}

static void
step_adopt (Rotation *self)
{
  run_blocking (self, switch_to_delivering, on_adopted);
}

/* restore: the consumers, and the link, have what they had; the newer generation stays a candidate */

static void
on_restored (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Rotation *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmDeploymentResult) deployment = clm_deployment_run_finish (result, &error);
  ClmChange *change;

  if (!deployment || deployment->error)
    g_message ("[certificate %s] the generation before could not be handed out again: %s", self->spec->name,
               deployment ? deployment->error->message : error->message);
  change = begin_change (self);
  /* The round before failed: its rows say so; this one only tells what the consumers were given instead. */
  write_change (self, change, next);
}

static void
on_restore_recorded (Rotation *self)
{
  clm_deployment_run_async (self->engine, self->spec, self->record->generation, TRUE, on_progress, self, cancellable_of (self),
                            on_restored, self);
}

static void
record_restore (Rotation *self)
{
  guint64 candidate = self->delivering;
  g_autofree char *text = NULL;
  GError *error = NULL;
  ClmChange *change;

  if (!clm_issued_to_record (self->generation, self->record, &error)) {
    fail (self, error);
    return;
  }
  self->record->candidate = candidate;
  text = g_strdup_printf ("generation %" G_GUINT64_FORMAT " did not reach its consumer; generation %u is in force again",
                          candidate, self->generation->number);
  clm_event_add_error (add_event (self, CLM_EVENT_ROLLED_BACK, text), self->outcome);
  change = begin_change (self);
  put_generation_rows (self, change);
  write_change (self, change, on_restore_recorded);
}

static gboolean
switch_back (Rotation *self,
             GError  **error)
{
  guint64 number = self->record->generation;

  if (self->delivering == number)
    number = find_previous (self)->number;
  g_clear_pointer (&self->generation, clm_generation_free);
  self->generation = clm_generation_read (self->engine->generations, self->spec->name, (guint) number, error);
  return self->generation && publish (self, error);
}

static void
step_restore (Rotation *self)
{
  run_blocking (self, switch_back, record_restore);
}

/* retire: keys and generations that nothing names any more go */

static void
on_retired (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Rotation *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_retirement_run_finish (result, &error))
    g_message ("[certificate %s] old generations stay for now: %s", self->spec->name, error->message);
  next (self);
}

static void
step_retire (Rotation *self)
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
  Rotation *self = user_data;
  ClmPlanContext context = plan_context (self);
  ClmRenewalWindow window = { 0 };
  g_autoptr (GError) error = NULL;

  if (!clm_authority_suggest_renewal_finish (CLM_AUTHORITY (source), result, &window, &error)) {
    g_message ("[certificate %s] the CA suggests no time for the renewal: %s", self->spec->name, error->message);
    next (self);
    return;
  }
  self->record->hint_start = window.start;
  self->record->hint_end = window.end;
  clm_plan_ready (self->record, self->spec, &context);
  write_change (self, begin_change (self), next);
}

static void
step_suggest (Rotation *self)
{
  if (self->spec->renew_at != CLM_RENEW_AT_SUGGESTED || !self->authority || !self->generation ||
      self->record->state != CLM_STATE_READY || !clm_authority_can_suggest_renewal (self->authority)) {
    next (self);
    return;
  }
  clm_authority_suggest_renewal_async (self->authority, self->generation->leaf, cancellable_of (self), on_suggested, self);
}

static void
step_finish (Rotation *self)
{
  end (self, g_steal_pointer (&self->outcome));
}

/* The table */

static const struct {
  const char   *name;
  RotationFunc  run;
  double        progress;
} steps[] = {
  [STEP_CHOOSE] = { "choose", step_choose, 0.02 },
  [STEP_PREPARE] = { "prepare", step_prepare, 0.05 },
  [STEP_INTEND] = { "intend", step_intend, 0.1 },
  [STEP_KEY] = { "key", step_key, 0.15 },
  [STEP_ENROLL] = { "enroll", step_enroll, 0.25 },
  [STEP_ANCHORS] = { "anchors", step_anchors, 0.5 },
  [STEP_CHECK] = { "check", step_check, 0.52 },
  [STEP_JOURNAL] = { "journal", step_journal, 0.55 },
  [STEP_STAGE] = { "stage", step_stage, 0.57 },
  [STEP_CONFIRM] = { "confirm", step_confirm, 0.6 },
  [STEP_SWITCH] = { "switch", step_switch, 0.65 },
  [STEP_RECORD] = { "record", step_record, 0.67 },
  [STEP_DELIVER] = { "deliver", step_deliver, 0.7 },
  [STEP_ADOPT] = { "adopt", step_adopt, 0.9 },
  [STEP_RESTORE] = { "restore", step_restore, 0.9 },
  [STEP_RETIRE] = { "retire", step_retire, 0.95 },
  [STEP_SUGGEST] = { "suggest", step_suggest, 0.97 },
  [STEP_FINISH] = { "finish", step_finish, 0.99 },
};
G_STATIC_ASSERT (G_N_ELEMENTS (steps) == N_STEPS);

const char *const *
clm_rotation_list_steps (void)
{
  static const char *names[N_STEPS + 1];

  for (guint i = 0; i < N_STEPS; i++)
    names[i] = steps[i].name;
  return names;
}

static void
run_step (Rotation *self,
          Step      step)
{
  self->step = step;
  if (step_probe)
    step_probe (self->spec->name, steps[step].name);
  if (self->ask.progress)
    self->ask.progress (steps[step].name, steps[step].progress, self->ask.user_data);
  steps[step].run (self);
}

/* Beginning: where does it stand? */

static void
resume_publication (Rotation *self)
{
  g_autoptr (GError) error = NULL;

  if (self->generation)
    add_event (self, CLM_EVENT_RECOVERED, "an interrupted publication is completed");
  if (!self->generation) {
    /* Its files never became complete: the certificate is asked for again, by the same ticket. */
    self->intent->publishing = FALSE;
    jump (self, STEP_CHOOSE);
    return;
  }
  self->authority = clm_registry_get_authority (self->engine->registry, self->intent->authority, &error);
  if (self->is_current || !self->authority) {
    jump (self, STEP_SWITCH);
    return;
  }
  self->issuance = clm_issued_to_issuance (self->generation);
  jump (self, STEP_CONFIRM);
}

static gboolean
read_publication (Rotation *self,
                  GError  **error)
{
  ClmGenerationStore *store = self->engine->generations;
  g_autoptr (GError) local = NULL;

  if (!clm_generation_collect (store, self->spec->name, NULL, error))
    return FALSE;
  self->generation = clm_generation_read (store, self->spec->name, (guint) self->intent->number, &local);
  self->is_current = clm_generation_get_current (store, self->spec->name, NULL) == self->intent->number;
  if (self->generation || g_error_matches (local, CLM_ERROR, CLM_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* The link wins: a generation that the record does not know (the database was restored from a backup) is taken over. */
static gboolean
read_current (Rotation *self,
              GError  **error)
{
  guint number = clm_generation_get_current (self->engine->generations, self->spec->name, NULL);

  if (number <= self->record->generation)
    return TRUE;
  self->generation = clm_generation_read (self->engine->generations, self->spec->name, number, error);
  return self->generation != NULL;
}

static void
begin_with_current (Rotation *self)
{
  if (!self->generation) {
    jump (self, STEP_CHOOSE);
    return;
  }
  add_event (self, CLM_EVENT_RECOVERED, "the record was older than the certificate on the disk");
  jump (self, STEP_SWITCH);
}

static gboolean
read_previous (Rotation *self,
               GError  **error)
{
  ClmGenerationRow *row;

  self->delivering = self->record->generation;
  row = find_previous (self);
  if (!row) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "there is no earlier generation that is still valid");
    return FALSE;
  }
  self->generation = clm_generation_read (self->engine->generations, self->spec->name, (guint) row->number, error);
  return self->generation != NULL;
}

static void
begin_rollback (Rotation *self)
{
  self->rolling_back = TRUE;
  jump (self, STEP_SWITCH);
}

static void
begin_renewal (Rotation *self)
{
  if (self->intent && self->intent->publishing) {
    self->step = STEP_SWITCH;
    run_blocking (self, read_publication, resume_publication);
    return;
  }
  if (self->intent && !g_str_equal (self->intent->issue_digest, self->spec->issue_digest))
    self->stale = g_steal_pointer (&self->intent);
  run_blocking (self, read_current, begin_with_current);
}

static void
begin_goal (Rotation *self)
{
  switch (self->ask.goal) {
  case CLM_ROTATION_RENEW:
    begin_renewal (self);
    return;
  case CLM_ROTATION_DELIVER:
    self->delivering = self->record->candidate ? self->record->candidate : self->record->generation;
    jump (self, self->delivering ? STEP_DELIVER : STEP_FINISH);
    return;
  case CLM_ROTATION_ROLLBACK:
    self->step = STEP_SWITCH;
    run_blocking (self, read_previous, begin_rollback);
    return;
  default:
    g_return_if_reached ();
  }
}

static gboolean
load (Rotation *self,
      GError  **error)
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
  Rotation *self = g_new0 (Rotation, 1);
  GError *error = NULL;

  self->task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (self->task, clm_rotation_run_async);
  g_task_set_task_data (self->task, self, (GDestroyNotify) rotation_free);
  self->engine = engine;
  self->spec = clm_spec_ref (spec);
  self->ask = *ask;
  self->events = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_event_unref);
  if (load (self, &error))
    begin_goal (self);
  else
    end (self, error);
}

gboolean
clm_rotation_run_finish (GAsyncResult *result,
                         GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
