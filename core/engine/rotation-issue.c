/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rotation-private.h"

#include "abandonment.h"
#include "issued.h"
#include "policy-check.h"
#include "trust.h"

/* choose: nothing is left behind */

static const char *
choose_name (ClmRotation *self)
{
  GStrv authorities = self->spec->authorities;
  guint n = g_strv_length (authorities);

  if (self->intent && g_strv_contains ((const char *const *) authorities, self->intent->authority) && self->intent->ticket)
    return self->intent->authority;
  return authorities[self->record->attempts % n];
}

void
clm_rotation_step_choose (ClmRotation *self)
{
  const char *name = choose_name (self);
  g_autofree char *identity = NULL;
  GError *error = NULL;

  self->authority = clm_registry_get_authority (self->engine->registry, name, &error);
  if (self->authority)
    self->key_store = clm_registry_get_key_store (self->engine->registry, self->spec->key_store, &error);
  if (!self->key_store) {
    clm_rotation_fail (self, error);
    return;
  }
  identity = clm_authority_get_identity (self->authority);
  if (self->intent && self->intent->ticket &&
      (!g_str_equal (self->intent->authority, name) || !g_str_equal (self->intent->authority_identity, identity)))
    g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  clm_rotation_next (self);
}

/* prepare: nothing is left behind */

static ClmEnrollment *
make_enrollment (ClmRotation *self)
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
  ClmRotation *self = user_data;
  GError *error = NULL;

  self->demands = clm_authority_prepare_finish (CLM_AUTHORITY (source), result, &error);
  if (self->demands)
    clm_rotation_next (self);
  else
    clm_rotation_fail (self, error);
}

void
clm_rotation_step_prepare (ClmRotation *self)
{
  g_autoptr (ClmEnrollment) enrollment = NULL;

  if (!clm_authority_can_prepare (self->authority)) {
    clm_rotation_next (self);
    return;
  }
  enrollment = make_enrollment (self);
  clm_authority_prepare_async (self->authority, CLM_REQUEST (enrollment), clm_rotation_get_cancellable (self), on_prepared, self);
}

/* intend: the open intent, with number and key label */

static const char *
wanted_key_type (ClmRotation *self)
{
  GStrv demanded = self->demands ? self->demands->key_types : NULL;

  if (!demanded || g_strv_contains ((const char *const *) demanded, self->spec->key_type))
    return self->spec->key_type;
  return demanded[0];
}

static gboolean
can_keep_key (ClmRotation *self)
{
  g_autofree char *store = NULL;
  g_autofree char *id = NULL;

  return !self->spec->rotate_key && !self->ask.rekey && *self->record->key_uri &&
         clm_key_uri_parse (self->record->key_uri, &store, &id, NULL) &&
         g_str_equal (store, clm_backend_get_name (CLM_BACKEND (self->key_store))) &&
         g_str_equal (self->record->key_type, wanted_key_type (self));
}

static guint64
next_number (ClmRotation *self)
{
  guint64 number = MAX (self->record->generation, self->record->candidate);
  g_autoptr (GArray) present = clm_generation_list (self->engine->generations, self->spec->name, NULL);

  if (self->rows->len > 0)
    number = MAX (number, ((ClmGenerationRow *) g_ptr_array_index (self->rows, 0))->number);
  /* The label of its key is that of another spec's, which is about to be destroyed. */
  if (self->stale)
    number = MAX (number, self->stale->number);
  /* After a restored backup the disk may know more than the database. */
  if (present && present->len > 0)
    number = MAX (number, g_array_index (present, guint, present->len - 1));
  return number + 1;
}

static void
make_intent (ClmRotation *self)
{
  ClmIntent *intent = clm_intent_new (next_number (self));
  g_autofree char *label = g_strdup_printf ("cert.%s.%" G_GUINT64_FORMAT, self->spec->name, intent->number);

  clm_record_set (&intent->issue_digest, self->spec->issue_digest);
  clm_record_set (&intent->key_store, clm_backend_get_name (CLM_BACKEND (self->key_store)));
  clm_record_set (&intent->key_label, label);
  intent->started = clm_clock_get_time (self->engine->clock);
  if (can_keep_key (self))
    clm_record_set (&intent->key_uri, self->record->key_uri);
  else
    intent->key_owned = TRUE;
  self->intent = intent;
}

/* What was begun for another spec: its conversation has no more use, and its key goes with the next retirement. */
static void
give_up_stale (ClmRotation *self)
{
  if (self->stale)
    clm_abandonment_run (self->engine, self->stale);
  g_clear_pointer (&self->stale, clm_intent_free);
  clm_rotation_next (self);
}

void
clm_rotation_step_intend (ClmRotation *self)
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
    self->record->next_action = clm_rotation_get_action (self);
    self->record->next_time = self->intent->started;
    self->record->clock_bound = FALSE;
  }
  change = clm_rotation_begin_change (self);
  clm_change_put_intent (change, self->intent);
  if (self->stale)
    clm_abandonment_put_key (change, self->stale, clm_clock_get_time (self->engine->clock));
  clm_rotation_write (self, change, give_up_stale);
}

/* key: a key under the intent's label */

static void
fail_key (ClmRotation *self,
          GError      *error)
{
  clm_engine_mark_key_error (error);
  clm_rotation_fail (self, error);
}

static void
on_key_opened (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  ClmRotation *self = user_data;
  GError *error = NULL;

  self->key = clm_key_store_open_finish (CLM_KEY_STORE (source), result, &error);
  if (self->key)
    clm_rotation_next (self);
  else
    fail_key (self, error);
}

static void
on_key_created (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  ClmRotation *self = user_data;
  GError *error = NULL;
  g_autofree char *id = clm_key_store_create_finish (CLM_KEY_STORE (source), result, &error);

  if (!id) {
    fail_key (self, error);
    return;
  }
  g_free (self->intent->key_uri);
  self->intent->key_uri = clm_key_uri_build (clm_backend_get_name (CLM_BACKEND (source)), id);
  clm_key_store_open_async (self->key_store, id, clm_rotation_get_cancellable (self), on_key_opened, self);
}

void
clm_rotation_step_key (ClmRotation *self)
{
  ClmKeySpec spec = { .key_type = wanted_key_type (self), .exportable = self->spec->exportable };
  g_autofree char *store = NULL;
  g_autofree char *id = NULL;

  if (self->intent->key_owned || !clm_key_uri_parse (self->intent->key_uri, &store, &id, NULL)) {
    clm_key_store_create_async (self->key_store, &spec, self->intent->key_label, clm_rotation_get_cancellable (self), on_key_created, self);
    return;
  }
  clm_key_store_open_async (self->key_store, id, clm_rotation_get_cancellable (self), on_key_opened, self);
}

/* enroll: the plugin's checkpoints, in the intent */

static void
end_pending (ClmRotation *self)
{
  clm_rotation_end (self, NULL);
}

static void
note_pending (ClmRotation *self)
{
  gint64 suggested = clm_issuance_get_retry_after (self->issuance);
  gboolean first = self->record->state != CLM_STATE_PENDING;
  ClmPlanContext context = clm_rotation_plan_context (self);
  ClmChange *change;

  /* How often it was asked is not kept: the time since the intent says as much. */
  guint polls = (guint) CLAMP ((context.now - self->intent->started) / 60, 0, 10);

  g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  self->intent->ticket = g_bytes_ref (clm_issuance_get_ticket (self->issuance));
  clm_plan_pending (self->record, &context, polls, suggested);
  if (first)
    clm_event_add_field (clm_rotation_add_event (self, CLM_EVENT_PENDING, "the CA has yet to decide"), "authority", self->intent->authority);
  change = clm_rotation_begin_change (self);
  clm_change_put_intent (change, self->intent);
  clm_rotation_write (self, change, end_pending);
}

static void
enroll_again (ClmRotation *self)
{
  clm_rotation_jump (self, CLM_STEP_ENROLL);
}

static void
start_afresh (ClmRotation *self)
{
  ClmChange *change;

  self->started_afresh = TRUE;
  g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  clm_enrollment_close (self->enrollment);
  g_clear_object (&self->enrollment);
  change = clm_rotation_begin_change (self);
  clm_change_put_intent (change, self->intent);
  clm_rotation_write (self, change, enroll_again);
}

/* The last checkpoint, so that what is written from now on has it too: a crash before the files are complete asks by it again. */
static void
keep_ticket (ClmRotation *self)
{
  GBytes *ticket = clm_enrollment_get_ticket (self->enrollment);

  g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  self->intent->ticket = ticket ? g_bytes_ref (ticket) : NULL;
}

static void
on_enrolled (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  ClmRotation *self = user_data;
  GError *error = NULL;

  self->issuance = clm_authority_enroll_finish (CLM_AUTHORITY (source), result, &error);
  if (!self->issuance) {
    if (!g_error_matches (error, CLM_ERROR, CLM_ERROR_TICKET_LOST) || self->started_afresh) {
      g_prefix_error (&error, "CA %s: ", self->intent->authority);
      clm_rotation_fail (self, error);
      return;
    }
    g_error_free (error);
    start_afresh (self);
    return;
  }
  clm_engine_note_reachability (self->engine, self->intent->authority, NULL);
  keep_ticket (self);
  if (clm_issuance_is_pending (self->issuance))
    note_pending (self);
  else
    clm_rotation_next (self);
}

void
clm_rotation_step_enroll (ClmRotation *self)
{
  self->enrollment = make_enrollment (self);
  clm_authority_enroll_async (self->authority, CLM_REQUEST (self->enrollment), self->intent->ticket, clm_rotation_get_cancellable (self),
                              on_enrolled, self);
}

/* anchors: nothing is left behind */

static void
on_anchors (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  ClmRotation *self = user_data;
  GError *error = NULL;

  self->anchors = clm_trust_load_finish (result, &error);
  if (self->anchors)
    clm_rotation_next (self);
  else
    clm_rotation_fail (self, error);
}

void
clm_rotation_step_anchors (ClmRotation *self)
{
  clm_trust_load_async (self->spec->must_chain_to, self->authority, clm_rotation_get_cancellable (self), on_anchors, self);
}

/* check: nothing is left behind, and nothing that fails here is ever written to where a consumer looks */

static gboolean
check_policy (ClmRotation *self,
              GError     **error)
{
  ClmPolicyExpectation expect = {
    .spki = clm_key_get_spki (self->key),
    .subject = self->spec->subject,
    .subject_from_authority = self->spec->subject_from_authority,
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

  self->chain = clm_policy_check (&expect, clm_issuance_get_chain (self->issuance), self->now, error);
  if (!self->chain)
    return FALSE;
  self->generation = clm_issued_to_generation (self->spec, self->intent, self->chain, self->anchors, self->now, error);
  return self->generation && clm_issued_check_spec (self->spec, self->generation, error);
}

void
clm_rotation_step_check (ClmRotation *self)
{
  clm_rotation_run_blocking (self, check_policy, clm_rotation_next);
}

/* stage: a complete generation that is not current, or nothing. The open intent names its number. */

static void
on_staged (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  ClmRotation *self = user_data;
  GError *error = NULL;

  if (clm_issued_stage_finish (result, &error))
    clm_rotation_next (self);
  else
    fail_key (self, error);   /* besides the disk only the key store is asked */
}

void
clm_rotation_step_stage (ClmRotation *self)
{
  clm_issued_stage_async (self->engine->generations, self->generation, self->key, self->spec->exportable, clm_rotation_get_cancellable (self),
                          on_staged, self);
}

/* confirm: the CA knows */

static gboolean
drop_staged (ClmRotation *self,
             GError     **error)
{
  self->dropped = clm_generation_drop (self->engine->generations, self->spec->name, (guint) self->intent->number, error);
  return self->dropped;
}

static void
fail_dropped (ClmRotation *self)
{
  clm_rotation_fail (self, g_steal_pointer (&self->outcome));
}

static void
on_confirmed (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  ClmRotation *self = user_data;
  GError *error = NULL;

  if (clm_authority_confirm_finish (CLM_AUTHORITY (source), result, &error)) {
    clm_rotation_next (self);
    return;
  }
  if (!g_error_matches (error, CLM_ERROR, CLM_ERROR_REJECTED)) {
    clm_rotation_fail (self, error);
    return;
  }
  self->outcome = error;
  clm_rotation_run_blocking (self, drop_staged, fail_dropped);
}

void
clm_rotation_step_confirm (ClmRotation *self)
{
  if (clm_authority_can_confirm (self->authority))
    clm_authority_confirm_async (self->authority, self->issuance, TRUE, NULL, clm_rotation_get_cancellable (self), on_confirmed, self);
  else
    clm_rotation_next (self);
}
