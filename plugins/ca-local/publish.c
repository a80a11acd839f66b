/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-private.h"

#include "sequence.h"

/* Between two tries of a list or a certificate that could not be signed, in seconds. */
#define RETRY 30

typedef struct {
  ClmCaLevel  *level;
  ClmCaIssuer *issuer;
  ClmKey      *key;
  ClmCaCrlDraft *draft;
  char        *path;
  gboolean     needed;
} Publication;

static void run_round (ClmCaLocal *self, ClmCaLevel *level);

static void
publication_free (gpointer data)
{
  Publication *publication = data;

  clm_ca_issuer_unref (publication->issuer);
  g_clear_object (&publication->key);
  g_clear_pointer (&publication->draft, clm_ca_crl_draft_free);
  g_free (publication->path);
  g_free (publication);
}

static gint64
get_now (ClmCaLocal *self)
{
  return clm_host_get_time (clm_backend_get_host (CLM_BACKEND (self)));
}

static void
on_key (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Publication *publication = g_task_get_task_data (task);
  GError *error = NULL;

  publication->key = clm_ca_local_open_key_finish (CLM_CA_LOCAL (source), result, &error);
  if (publication->key != NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
open_key (GTask *task)
{
  Publication *publication = g_task_get_task_data (task);

  clm_ca_local_open_key_async (g_task_get_source_object (task), publication->level->role, NULL, g_task_get_cancellable (task), on_key, g_object_ref (task));
}

static void
on_drafted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Publication *publication = g_task_get_task_data (task);
  GError *error = NULL;

  publication->draft = clm_ca_ledger_begin_crl_finish (self->ledger, result, &error);
  if (publication->draft == NULL) {
    g_task_return_error (task, error);
    return;
  }
  /* Even a list that comes to nothing has used its number. */
  publication->level->crl.number = publication->draft->number;
  clm_ca_sequence_next (task);
}

static void
draft (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Publication *publication = g_task_get_task_data (task);
  ClmCaLevel *level = publication->level;
  gint64 lifetime = self->settings->crl_lifetime;
  gint64 this_update, next_update;
  GError *error = NULL;

  if (!clm_ca_issue_get_validity (publication->issuer, get_now (self), lifetime, self->settings->backdate, &this_update, &next_update, &error)) {
    g_task_return_error (task, error);
    return;
  }
  clm_ca_ledger_begin_crl_async (self->ledger, level->role, publication->issuer, level->crl.number, this_update, next_update,
                                 g_task_get_cancellable (task), on_drafted, g_object_ref (task));
}

/* Signs and writes the file: from then on the list is published, whatever the database says. */
static gboolean
publish_draft (Publication *publication, GCancellable *cancellable, GError **error)
{
  ClmCaCrlDraft *done = publication->draft;
  g_autoptr (GBytes) signature = clm_ca_make_signature (publication->key, publication->issuer->algorithm, g_bytes_get_data (done->tbs, NULL),
                                                        g_bytes_get_size (done->tbs), cancellable, error);
  g_autoptr (GBytes) crl = signature != NULL ? clm_ca_crl_writer_seal (done->writer, signature) : NULL;

  return crl != NULL && clm_ca_file_save (publication->path, g_bytes_get_data (crl, NULL), g_bytes_get_size (crl), error);
}

static void
publish_in_lane (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (publish_draft (data, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_published (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Publication *publication = g_task_get_task_data (task);
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error)) {
    clm_ca_local_note_key (self, publication->level->role, NULL);
    clm_ca_sequence_next (task);
    return;
  }
  clm_ca_local_note_key (self, publication->level->role, error);
  g_task_return_error (task, error);
}

static void
sign (GTask *task)
{
  Publication *publication = g_task_get_task_data (task);
  g_autoptr (GTask) inner = g_task_new (NULL, g_task_get_cancellable (task), on_published, g_object_ref (task));

  g_task_set_source_tag (inner, sign);
  g_task_set_task_data (inner, publication, NULL);
  clm_key_store_run_in_thread (clm_key_get_store (publication->key), inner, publish_in_lane);
}

static void
announce (ClmCaLocal *self, ClmCaLevel *level, const ClmCaCrlDraft *done)
{
  ClmHost *host = clm_backend_get_host (CLM_BACKEND (self));
  const char *name = clm_backend_get_name (CLM_BACKEND (self));
  g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, done->number), *entries = g_strdup_printf ("%u", done->entries);
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_CRL_PUBLISHED, get_now (self), "authority", name, "authority %s published the %s CRL %s with %s entries",
                                              name, clm_ca_role_get_nick (level->role), number, entries);

  clm_event_add_field (event, "crl_number", number);
  clm_event_add_field (event, "entries", entries);
  clm_event_add_field (event, "issuer", level->bundle->issuer->subject);
  clm_host_emit_event (host, event);
  clm_authority_emit_crl_changed (CLM_AUTHORITY (self));
}

static void
on_noted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Publication *publication = g_task_get_task_data (task);
  ClmCaLevel *level = publication->level;
  GError *error = NULL;

  if (!clm_ca_ledger_end_crl_finish (self->ledger, result, &publication->needed, &error)) {
    g_task_return_error (task, error);
    return;
  }
  level->crl.this_update = publication->draft->this_update;
  level->crl.next_update = publication->draft->next_update;
  level->crl.needed = publication->needed;
  announce (self, level, publication->draft);
  g_task_return_boolean (task, TRUE);
}

static void
note (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Publication *publication = g_task_get_task_data (task);

  clm_ca_ledger_end_crl_async (self->ledger, publication->level->role, publication->draft, NULL, on_noted, g_object_ref (task));
}

static const ClmCaStep steps[] = {
  { "open-key", open_key },
  { "draft", draft },
  { "sign", sign },
  { "note", note },
  { NULL, NULL },
};

/* Completes all who waited for this list; those who came later get the next one. */
static void
on_round_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ClmCaLocal *self = CLM_CA_LOCAL (source);
  ClmCaLevel *level = user_data;
  g_autoptr (GPtrArray) round = g_steal_pointer (&level->round);
  g_autoptr (GError) error = NULL;
  gboolean fine = g_task_propagate_boolean (G_TASK (result), &error);

  level->is_publishing = FALSE;
  level->retry_at = fine ? 0 : get_now (self) + MIN (RETRY, MAX (self->settings->crl_lifetime / 16, 1));
  if (!fine) {
    level->crl.needed = TRUE;
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      g_warning ("[authority %s] the %s CRL could not be published: %s", clm_backend_get_name (CLM_BACKEND (self)), clm_ca_role_get_nick (level->role), error->message);
  }
  for (guint i = 0; i < round->len; i++) {
    if (fine)
      g_task_return_boolean (g_ptr_array_index (round, i), TRUE);
    else
      g_task_return_error (g_ptr_array_index (round, i), g_error_copy (error));
  }
  if (level->next_round->len > 0)
    run_round (self, level);
  else
    clm_ca_local_schedule (self);
}

static void
run_round (ClmCaLocal *self, ClmCaLevel *level)
{
  g_autoptr (GTask) task = g_task_new (self, self->stopping, on_round_done, level);
  Publication *publication = g_new0 (Publication, 1);

  level->is_publishing = TRUE;
  level->round = g_steal_pointer (&level->next_round);
  level->next_round = g_ptr_array_new_with_free_func (g_object_unref);
  publication->level = level;
  publication->issuer = clm_ca_issuer_ref (level->bundle->issuer);
  publication->path = clm_ca_local_get_path (self, level->role, "crl");
  g_task_set_source_tag (task, run_round);
  g_task_set_task_data (task, publication, publication_free);
  clm_ca_sequence_start (task, steps);
}

void
clm_ca_local_publish_async (ClmCaLocal *self, ClmCaRole role, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLevel *level = &self->levels[role];
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_ca_local_publish_async);
  g_ptr_array_add (level->next_round, task);
  if (!level->is_publishing)
    run_round (self, level);
}

gboolean
clm_ca_local_publish_finish (ClmCaLocal *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* The timer */

static void
on_refreshed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  /* Told and put off by the round itself. */
  if (!clm_ca_local_publish_finish (CLM_CA_LOCAL (source), result, &error))
    g_debug ("CRL: %s", error->message);
}

static void
on_intermediate_renewed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ClmCaLocal *self = CLM_CA_LOCAL (source);
  ClmCaLevel *level = &self->levels[CLM_CA_INTERMEDIATE];
  g_autoptr (GError) error = NULL;

  if (clm_ca_local_make_intermediate_finish (self, result, &error)) {
    level->renew_retry_at = 0;
  } else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    level->renew_retry_at = get_now (self) + RETRY;
    g_warning ("[authority %s] the intermediate CA could not be renewed: %s", clm_backend_get_name (CLM_BACKEND (self)), error->message);
  }
  clm_ca_local_schedule (self);
}

static gint64
get_crl_due (ClmCaLocal *self, const ClmCaLevel *level)
{
  gint64 due = level->crl.needed || level->crl.next_update == 0 ? 0 : level->crl.this_update + (level->crl.next_update - level->crl.this_update) / 2;

  if (level->bundle == NULL || level->is_publishing || get_now (self) >= level->bundle->issuer->not_after)
    return G_MAXINT64;
  /* Near the CA's own end a list cannot be made to last longer. */
  if (!level->crl.needed && level->crl.next_update >= level->bundle->issuer->not_after)
    return G_MAXINT64;
  return MAX (due, level->retry_at);
}

/* When a third of its life is left, as long as the root's end allows it to gain by it. */
static gint64
get_renewal_due (ClmCaLocal *self)
{
  const ClmCaLevel *level = &self->levels[CLM_CA_INTERMEDIATE];
  const ClmCaIssuer *issuer;

  if (!self->settings->has_intermediate || level->bundle == NULL || level->renew_retry_at == G_MAXINT64)
    return G_MAXINT64;
  issuer = level->bundle->issuer;
  if (issuer->not_after >= self->levels[CLM_CA_ROOT].bundle->issuer->not_after)
    return G_MAXINT64;
  return MAX (issuer->not_after - (issuer->not_after - issuer->not_before) / 3, level->renew_retry_at);
}

/* A third, a sixth and a day before the root's end: nothing renews it but a person. */
static gint64
warn_of_end (ClmCaLocal *self, gint64 now)
{
  ClmCaLevel *level = &self->levels[CLM_CA_ROOT];
  const ClmCaIssuer *issuer = level->bundle->issuer;
  const char *name = clm_backend_get_name (CLM_BACKEND (self));
  gint64 life = issuer->not_after - issuer->not_before;
  gint64 marks[] = { issuer->not_after - life / 3, issuer->not_after - life / 6, MAX (issuer->not_after - 24 * 60 * 60, issuer->not_after - life / 12), issuer->not_after };
  guint passed = 0;

  while (passed < G_N_ELEMENTS (marks) && marks[passed] <= now)
    passed++;
  if (passed > level->warned) {
    g_autoptr (ClmEvent) event = clm_event_new (passed == G_N_ELEMENTS (marks) ? CLM_EVENT_EXPIRED : CLM_EVENT_EXPIRING, now, "authority", name,
                                                passed == G_N_ELEMENTS (marks) ? "the root of authority %s has expired" : "the root of authority %s ends soon", name);
    g_autofree char *end = g_strdup_printf ("%" G_GINT64_FORMAT, issuer->not_after);

    clm_event_add_field (event, "not_after", end);
    clm_event_add_field (event, "issuer", issuer->subject);
    clm_host_emit_event (clm_backend_get_host (CLM_BACKEND (self)), event);
    level->warned = passed;
  }
  return passed < G_N_ELEMENTS (marks) ? marks[passed] : G_MAXINT64;
}

static void
on_woken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (ClmCaLocal) self = user_data;

  if (clm_host_wait_until_finish (CLM_HOST (source), result, NULL) && !g_cancellable_is_cancelled (self->stopping))
    clm_ca_local_schedule (self);
}

static void
wait_until (ClmCaLocal *self, gint64 time)
{
  if (self->wait != NULL)
    g_cancellable_cancel (self->wait);
  g_clear_object (&self->wait);
  if (time == G_MAXINT64)
    return;
  self->wait = g_cancellable_new ();
  clm_host_wait_until_async (clm_backend_get_host (CLM_BACKEND (self)), time, self->wait, on_woken, g_object_ref (self));
}

void
clm_ca_local_schedule (ClmCaLocal *self)
{
  gint64 now = get_now (self), next;

  if (!self->is_ready || g_cancellable_is_cancelled (self->stopping) || self->levels[CLM_CA_ROOT].bundle == NULL)
    return;
  for (guint role = 0; role < CLM_CA_N_ROLES; role++)
    if (get_crl_due (self, &self->levels[role]) <= now && clm_host_is_clock_trusted (clm_backend_get_host (CLM_BACKEND (self))))
      clm_ca_local_publish_async (self, (ClmCaRole) role, self->stopping, on_refreshed, NULL);
  next = warn_of_end (self, now);
  if (get_renewal_due (self) <= now) {
    /* Not again before this one is through. */
    self->levels[CLM_CA_INTERMEDIATE].renew_retry_at = G_MAXINT64;
    clm_ca_local_make_intermediate_async (self, self->stopping, on_intermediate_renewed, NULL);
  }
  next = MIN (next, get_renewal_due (self));
  for (guint role = 0; role < CLM_CA_N_ROLES; role++) {
    gint64 due = get_crl_due (self, &self->levels[role]);

    /* An untrusted clock decides nothing; look again soon. */
    next = MIN (next, due <= now ? now + RETRY : due);
  }
  wait_until (self, next);
}
