/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

static const char *const state_nicks[] = {
  [CLM_STATE_WAITING] = "waiting",
  [CLM_STATE_ENROLLING] = "enrolling",
  [CLM_STATE_PENDING] = "pending",
  [CLM_STATE_READY] = "ready",
  [CLM_STATE_RENEWING] = "renewing",
  [CLM_STATE_FAILING] = "failing",
  [CLM_STATE_EXPIRED] = "expired",
  [CLM_STATE_REVOKED] = "revoked",
  [CLM_STATE_HELD] = "held",
};
G_STATIC_ASSERT (G_N_ELEMENTS (state_nicks) == CLM_N_STATES);

static const char *const delivery_state_nicks[] = {
  [CLM_DELIVERY_NONE] = "none",
  [CLM_DELIVERY_PENDING] = "pending",
  [CLM_DELIVERY_DELIVERED] = "delivered",
  [CLM_DELIVERY_FAILING] = "failing",
  [CLM_DELIVERY_ROLLED_BACK] = "rolled-back",
};
G_STATIC_ASSERT (G_N_ELEMENTS (delivery_state_nicks) == CLM_N_DELIVERY_STATES);

static const char *const action_nicks[] = {
  [CLM_ACTION_NONE] = "none",
  [CLM_ACTION_ENROLL] = "enroll",
  [CLM_ACTION_POLL] = "poll",
  [CLM_ACTION_RENEW] = "renew",
  [CLM_ACTION_DELIVER] = "deliver",
  [CLM_ACTION_REMOVE] = "remove",
};
G_STATIC_ASSERT (G_N_ELEMENTS (action_nicks) == CLM_N_ACTIONS);

static gboolean
nick_to_index (const char *const *nicks,
               guint              n_nicks,
               const char        *nick,
               guint             *index)
{
  for (guint i = 0; i < n_nicks; i++) {
    if (g_strcmp0 (nicks[i], nick) == 0) {
      *index = i;
      return TRUE;
    }
  }
  return FALSE;
}

const char *
clm_state_get_nick (ClmState state)
{
  g_return_val_if_fail ((guint) state < CLM_N_STATES, "waiting");
  return state_nicks[state];
}

gboolean
clm_state_from_nick (const char *nick,
                     ClmState   *state)
{
  guint index;

  if (!nick_to_index (state_nicks, CLM_N_STATES, nick, &index))
    return FALSE;
  *state = (ClmState) index;
  return TRUE;
}

const char *
clm_delivery_state_get_nick (ClmDeliveryState state)
{
  g_return_val_if_fail ((guint) state < CLM_N_DELIVERY_STATES, "none");
  return delivery_state_nicks[state];
}

gboolean
clm_delivery_state_from_nick (const char       *nick,
                              ClmDeliveryState *state)
{
  guint index;

  if (!nick_to_index (delivery_state_nicks, CLM_N_DELIVERY_STATES, nick, &index))
    return FALSE;
  *state = (ClmDeliveryState) index;
  return TRUE;
}

const char *
clm_action_get_nick (ClmAction action)
{
  g_return_val_if_fail ((guint) action < CLM_N_ACTIONS, "none");
  return action_nicks[action];
}

gboolean
clm_action_from_nick (const char *nick,
                      ClmAction  *action)
{
  guint index;

  if (!nick_to_index (action_nicks, CLM_N_ACTIONS, nick, &index))
    return FALSE;
  *action = (ClmAction) index;
  return TRUE;
}

/* Where the strings of a record lie, so that new, copy and free cannot disagree. */
static const gsize record_strings[] = {
  G_STRUCT_OFFSET (ClmRecord, name),
  G_STRUCT_OFFSET (ClmRecord, reason),
  G_STRUCT_OFFSET (ClmRecord, message),
  G_STRUCT_OFFSET (ClmRecord, hint),
  G_STRUCT_OFFSET (ClmRecord, error),
  G_STRUCT_OFFSET (ClmRecord, origin),
  G_STRUCT_OFFSET (ClmRecord, template_name),
  G_STRUCT_OFFSET (ClmRecord, authority),
  G_STRUCT_OFFSET (ClmRecord, key_store),
  G_STRUCT_OFFSET (ClmRecord, key_uri),
  G_STRUCT_OFFSET (ClmRecord, key_type),
  G_STRUCT_OFFSET (ClmRecord, subject),
  G_STRUCT_OFFSET (ClmRecord, issuer),
  G_STRUCT_OFFSET (ClmRecord, serial),
  G_STRUCT_OFFSET (ClmRecord, fingerprint),
  G_STRUCT_OFFSET (ClmRecord, alt_names),
  G_STRUCT_OFFSET (ClmRecord, issue_digest),
};

static char **
record_string (ClmRecord *self,
               guint      i)
{
  return G_STRUCT_MEMBER_P (self, record_strings[i]);
}

ClmRecord *
clm_record_new (const char *name)
{
  ClmRecord *self = g_new0 (ClmRecord, 1);

  for (guint i = 0; i < G_N_ELEMENTS (record_strings); i++)
    *record_string (self, i) = g_strdup ("");
  clm_record_set (&self->name, name);
  clm_record_set (&self->origin, "file");
  return self;
}

ClmRecord *
clm_record_copy (const ClmRecord *self)
{
  ClmRecord *copy = g_memdup2 (self, sizeof *self);

  for (guint i = 0; i < G_N_ELEMENTS (record_strings); i++)
    *record_string (copy, i) = g_strdup (*record_string (copy, i));
  return copy;
}

void
clm_record_free (ClmRecord *self)
{
  if (!self)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (record_strings); i++)
    g_free (*record_string (self, i));
  g_free (self);
}

void
clm_record_set (char      **member,
                const char *value)
{
  char *copy = g_strdup (value ? value : "");

  g_free (*member);
  *member = copy;
}

ClmSummary
clm_record_summarize (const ClmRecord *self)
{
  return (ClmSummary) {
    .name = self->name,
    .state = self->state,
    .delivery_state = self->delivery_state,
    .authority = self->authority,
    .key_store = self->key_store,
    .not_before = self->not_before,
    .not_after = self->not_after,
    .next_action = self->next_action,
    .next_time = self->next_time,
    .attempts = self->attempts,
    .message = self->message,
    .revision = self->revision,
  };
}

ClmDeliveryRecord *
clm_delivery_record_new (const char *delivery)
{
  ClmDeliveryRecord *self = g_new0 (ClmDeliveryRecord, 1);

  self->delivery = g_strdup (delivery);
  return self;
}

void
clm_delivery_record_free (ClmDeliveryRecord *self)
{
  if (!self)
    return;
  g_free (self->delivery);
  g_free (self->error);
  g_free (self);
}

ClmIntent *
clm_intent_new (guint64 number)
{
  ClmIntent *self = g_new0 (ClmIntent, 1);

  self->number = number;
  clm_record_set (&self->authority, "");
  clm_record_set (&self->authority_identity, "");
  clm_record_set (&self->issue_digest, "");
  clm_record_set (&self->key_store, "");
  clm_record_set (&self->key_label, "");
  clm_record_set (&self->key_uri, "");
  return self;
}

ClmIntent *
clm_intent_copy (const ClmIntent *self)
{
  ClmIntent *copy = g_memdup2 (self, sizeof *self);

  copy->authority = g_strdup (self->authority);
  copy->authority_identity = g_strdup (self->authority_identity);
  copy->issue_digest = g_strdup (self->issue_digest);
  copy->key_store = g_strdup (self->key_store);
  copy->key_label = g_strdup (self->key_label);
  copy->key_uri = g_strdup (self->key_uri);
  if (copy->ticket)
    g_bytes_ref (copy->ticket);
  return copy;
}

void
clm_intent_free (ClmIntent *self)
{
  if (!self)
    return;
  g_free (self->authority);
  g_free (self->authority_identity);
  g_free (self->issue_digest);
  g_free (self->key_store);
  g_free (self->key_label);
  g_free (self->key_uri);
  g_clear_pointer (&self->ticket, g_bytes_unref);
  g_free (self);
}

void
clm_history_row_free (ClmHistoryRow *self)
{
  if (!self)
    return;
  g_free (self->kind);
  g_free (self->severity);
  g_free (self->subject_kind);
  g_free (self->subject);
  g_free (self->message);
  g_clear_pointer (&self->fields, g_variant_unref);
  g_free (self);
}

ClmGenerationRow *
clm_generation_row_new (guint64 number)
{
  ClmGenerationRow *self = g_new0 (ClmGenerationRow, 1);

  self->number = number;
  clm_record_set (&self->status, "candidate");
  clm_record_set (&self->serial, "");
  clm_record_set (&self->fingerprint, "");
  clm_record_set (&self->authority, "");
  clm_record_set (&self->key_uri, "");
  return self;
}

void
clm_generation_row_free (ClmGenerationRow *self)
{
  if (!self)
    return;
  g_free (self->status);
  g_free (self->serial);
  g_free (self->fingerprint);
  g_free (self->authority);
  g_free (self->key_uri);
  g_free (self);
}
