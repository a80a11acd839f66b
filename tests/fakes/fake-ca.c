/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A CA that does what a test wants. Options:
 *   Outcome=      issue (default), pending, reject, unreachable, busy, config, key-unavailable, clock, ticket-lost, fail, hang, exit
 *   Flaw=         one of clm_mint_list_flaws(), or "replayed"
 *   Control=      a file; its first line "OUTCOME [FLAW]" is read at each enroll and wins over both
 *   PendingRounds=  how often it says "pending" before it issues (Outcome=issue)
 *   RetryAfter=   seconds it names with pending, unreachable and busy; -1: none
 *   DelayMs=      milliseconds before each answer
 *   Lifetime=     of a certificate where the request names none; Backdate= how long before now it begins
 *   Confirm=      accept (default), or how it fails to take a confirmation, in the words of Outcome=
 *   ConfirmControl=  a file; its first word is read at each confirmation and wins over that
 *   Checkpoint=   whether it notes a ticket before it issues
 *   Log=          a file that gets one line for each call: "enroll web new", "enroll web TICKET", "confirm yes", "revoke", …
 *   AnchorFile=   a file that gets the root as PEM at start
 *   RenewAfter=   seconds after which it suggests a renewal
 */
#include "certloom-plugin.h"

#include <stdio.h>
#include <unistd.h>

#include "mint.h"

struct _FakeCa {
  ClmAuthority parent_instance;

  ClmMint   *mint;
  GPtrArray *revoked;
  GPtrArray *last_chain;
  guint      crl_number;
  guint      tickets;

  char      *outcome;
  char      *flaw;
  char      *control;
  char      *confirm;
  char      *confirm_control;
  char      *log;
  gint64     pending_rounds;
  gint64     retry_after;
  gint64     delay_ms;
  gint64     lifetime;
  gint64     backdate;
  gint64     renew_after;
  gboolean   checkpoint;
};

G_DECLARE_FINAL_TYPE (FakeCa, fake_ca, FAKE, CA, ClmAuthority)
G_DEFINE_FINAL_TYPE (FakeCa, fake_ca, CLM_TYPE_AUTHORITY)

static void G_GNUC_PRINTF (2, 3)
log_call (FakeCa *self, const char *format, ...)
{
  va_list args;
  FILE *file = self->log != NULL ? fopen (self->log, "ae") : NULL;

  if (file == NULL)
    return;
  va_start (args, format);
  vfprintf (file, format, args);
  va_end (args);
  fputc ('\n', file);
  fclose (file);
}

static gint64
now (FakeCa *self)
{
  ClmHost *host = clm_backend_get_host (CLM_BACKEND (self));

  return host != NULL ? clm_host_get_time (host) : g_get_real_time () / G_USEC_PER_SEC;
}

/* Enroll: delay, then the outcome; issuing asks for the CSR, notes a ticket if wanted, and mints */

typedef struct {
  ClmRequest *request;
  GBytes     *ticket;
  GBytes     *csr;
  char       *outcome;
  char       *flaw;
  gulong      handler;
} Enrolment;

static void
enrolment_free (gpointer data)
{
  Enrolment *enrolment = data;

  g_object_unref (enrolment->request);
  g_clear_pointer (&enrolment->ticket, g_bytes_unref);
  g_clear_pointer (&enrolment->csr, g_bytes_unref);
  g_free (enrolment->outcome);
  g_free (enrolment->flaw);
  g_free (enrolment);
}

static void
choose_outcome (FakeCa *self, Enrolment *enrolment)
{
  g_autofree char *control = NULL;

  enrolment->outcome = g_strdup (self->outcome);
  enrolment->flaw = g_strdup (self->flaw);
  if (self->control == NULL || !g_file_get_contents (self->control, &control, NULL, NULL) || *g_strstrip (control) == '\0')
    return;
  g_auto (GStrv) words = g_strsplit_set (control, " \n", 2);
  g_free (enrolment->outcome);
  g_free (enrolment->flaw);
  enrolment->outcome = g_strdup (words[0]);
  enrolment->flaw = g_strdup (words[1]);
}

static void
mint_leaf (FakeCa *self, GTask *task, Enrolment *enrolment)
{
  gint64 lifetime = clm_request_get_validity (enrolment->request) > 0 ? clm_request_get_validity (enrolment->request) : self->lifetime;
  GError *error = NULL;
  g_autoptr (GPtrArray) chain = NULL;

  if (g_strcmp0 (enrolment->flaw, "replayed") == 0 && self->last_chain != NULL)
    chain = g_ptr_array_ref (self->last_chain);
  else
    chain = clm_mint_issue (self->mint, enrolment->csr, clm_request_get_usages (enrolment->request), now (self) - self->backdate,
                            lifetime + self->backdate, enrolment->flaw, &error);
  if (chain == NULL) {
    g_task_return_error (task, error);
    return;
  }
  g_clear_pointer (&self->last_chain, g_ptr_array_unref);
  self->last_chain = g_ptr_array_ref (chain);
  log_call (self, "issued %s", clm_request_get_certificate (enrolment->request));
  g_task_return_pointer (task, clm_issuance_new_issued (chain), (GDestroyNotify) clm_issuance_unref);
}

static void
on_checkpoint (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_request_checkpoint_finish (CLM_REQUEST (source), result, &error))
    mint_leaf (g_task_get_source_object (task), task, g_task_get_task_data (task));
  else
    g_task_return_error (task, error);
}

static void
on_csr (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FakeCa *self = g_task_get_source_object (task);
  Enrolment *enrolment = g_task_get_task_data (task);
  GError *error = NULL;

  enrolment->csr = clm_request_make_csr_finish (enrolment->request, result, &error);
  if (enrolment->csr == NULL) {
    g_task_return_error (task, error);
  } else if (self->checkpoint) {
    g_autoptr (GBytes) ticket = g_bytes_new_static ("issuing", 7);
    clm_request_checkpoint_async (enrolment->request, ticket, g_task_get_cancellable (task), on_checkpoint, g_object_ref (task));
  } else {
    mint_leaf (self, task, enrolment);
  }
}

static void
return_pending (FakeCa *self, GTask *task)
{
  g_autofree char *text = g_strdup_printf ("ticket-%u", ++self->tickets);
  g_autoptr (GBytes) ticket = g_bytes_new (text, strlen (text));

  g_task_return_pointer (task, clm_issuance_new_pending (ticket, self->retry_after), (GDestroyNotify) clm_issuance_unref);
}

static void
return_failure (FakeCa *self, GTask *task, const char *outcome)
{
  static const struct { const char *word; ClmError code; } failures[] = {
    {"reject", CLM_ERROR_REJECTED}, {"unreachable", CLM_ERROR_UNREACHABLE}, {"busy", CLM_ERROR_BUSY},
    {"config", CLM_ERROR_CONFIG}, {"key-unavailable", CLM_ERROR_KEY_UNAVAILABLE}, {"clock", CLM_ERROR_CLOCK},
    {"ticket-lost", CLM_ERROR_TICKET_LOST}, {"fail", CLM_ERROR_FAILED},
  };
  ClmError code = CLM_ERROR_INVALID_ARGUMENT;

  for (guint i = 0; i < G_N_ELEMENTS (failures); i++)
    if (g_str_equal (failures[i].word, outcome))
      code = failures[i].code;
  GError *error = g_error_new (CLM_ERROR, code, "the fake CA was told to answer \"%s\"", outcome);
  if (self->retry_after >= 0)
    clm_error_set_retry_after (error, self->retry_after);
  g_task_return_error (task, error);
}

static void
on_hang_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  Enrolment *enrolment = g_task_get_task_data (task);

  g_signal_handler_disconnect (cancellable, enrolment->handler);
  g_task_return_error_if_cancelled (task);
  g_object_unref (task);
}

static void
answer (FakeCa *self, GTask *task)
{
  Enrolment *enrolment = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  const char *outcome = enrolment->outcome;

  if (g_task_return_error_if_cancelled (task))
    return;
  if (g_str_equal (outcome, "exit"))
    _exit (86);
  if (g_str_equal (outcome, "hang") && cancellable != NULL) {
    enrolment->handler = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_hang_cancelled), g_object_ref (task));
  } else if (g_str_equal (outcome, "pending") || (g_str_equal (outcome, "issue") && self->pending_rounds > 0)) {
    self->pending_rounds = MAX (self->pending_rounds - 1, 0);
    return_pending (self, task);
  } else if (g_str_equal (outcome, "issue")) {
    clm_request_make_csr_async (enrolment->request, NULL, NULL, cancellable, on_csr, g_object_ref (task));
  } else {
    return_failure (self, task, outcome);
  }
}

static gboolean
on_delay (gpointer user_data)
{
  GTask *task = user_data;

  answer (g_task_get_source_object (task), task);
  return G_SOURCE_REMOVE;
}

static void
enroll_async (ClmAuthority *authority, ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback,
              gpointer user_data)
{
  FakeCa *self = FAKE_CA (authority);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Enrolment *enrolment = g_new0 (Enrolment, 1);

  enrolment->request = g_object_ref (request);
  enrolment->ticket = ticket != NULL ? g_bytes_ref (ticket) : NULL;
  choose_outcome (self, enrolment);
  g_task_set_task_data (task, enrolment, enrolment_free);
  log_call (self, "enroll %s %.*s", clm_request_get_certificate (request), ticket != NULL ? (int) g_bytes_get_size (ticket) : 3,
            ticket != NULL ? (const char *) g_bytes_get_data (ticket, NULL) : "new");
  if (self->delay_ms > 0)
    g_timeout_add_full (G_PRIORITY_DEFAULT, self->delay_ms, on_delay, g_steal_pointer (&task), g_object_unref);
  else
    answer (self, task);
}

static ClmIssuance *
enroll_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* The rest answers at once */

static void
return_true (gpointer self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_return_boolean (task, TRUE);
}

static gboolean
finish_boolean (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static char *
choose_confirmation (FakeCa *self)
{
  g_autofree char *control = NULL;

  if (self->confirm_control == NULL || !g_file_get_contents (self->confirm_control, &control, NULL, NULL))
    return g_strdup (self->confirm);
  return g_strdup (g_strstrip (control));
}

static void
confirm_async (ClmAuthority *authority, ClmIssuance *issuance, gboolean accepted, const char *reason, GCancellable *cancellable,
               GAsyncReadyCallback callback, gpointer user_data)
{
  FakeCa *self = FAKE_CA (authority);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *outcome = choose_confirmation (self);

  log_call (self, "confirm %s", accepted ? "yes" : reason != NULL ? reason : "no");
  if (g_str_equal (outcome, "accept"))
    g_task_return_boolean (task, TRUE);
  else
    return_failure (self, task, outcome);
}

static void
abandon_async (ClmAuthority *self, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  log_call (FAKE_CA (self), "abandon %.*s", (int) g_bytes_get_size (ticket), (const char *) g_bytes_get_data (ticket, NULL));
  return_true (self, cancellable, callback, user_data);
}

static void
fetch_anchors_async (ClmAuthority *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GPtrArray *anchors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  g_ptr_array_add (anchors, g_bytes_ref (clm_mint_get_root (FAKE_CA (self)->mint)));
  g_task_return_pointer (task, anchors, (GDestroyNotify) g_ptr_array_unref);
}

static GPtrArray *
fetch_anchors_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
suggest_renewal_async (ClmAuthority *self, GBytes *certificate, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  if (FAKE_CA (self)->renew_after > 0)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "no suggestion configured");
}

static gboolean
suggest_renewal_finish (ClmAuthority *authority, GAsyncResult *result, ClmRenewalWindow *window, GError **error)
{
  FakeCa *self = FAKE_CA (authority);

  window->start = now (self) + self->renew_after;
  window->end = window->start + 1;
  window->ask_again = now (self) + 3600;
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
revoke_async (ClmAuthority *authority, GBytes *certificate, ClmRevocationReason reason, GCancellable *cancellable,
              GAsyncReadyCallback callback, gpointer user_data)
{
  FakeCa *self = FAKE_CA (authority);

  log_call (self, "revoke %s", clm_revocation_reason_get_nick (reason));
  if (!g_ptr_array_find_with_equal_func (self->revoked, certificate, (GEqualFunc) g_bytes_equal, NULL)) {
    g_ptr_array_add (self->revoked, g_bytes_ref (certificate));
    clm_authority_emit_crl_changed (authority);
  }
  return_true (self, cancellable, callback, user_data);
}

static void
fetch_crls_async (ClmAuthority *authority, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  FakeCa *self = FAKE_CA (authority);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  GPtrArray *crls = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  g_ptr_array_add (crls, clm_mint_make_crl (self->mint, self->revoked, ++self->crl_number, now (self)));
  g_task_return_pointer (task, crls, (GDestroyNotify) g_ptr_array_unref);
}

static GPtrArray *
fetch_crls_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Start */

static void
replace (char **target, const char *value)
{
  g_free (*target);
  *target = g_strdup (value);
}

static gboolean
read_options (FakeCa *self, ClmOptions *options, GError **error)
{
  replace (&self->outcome, clm_options_get_string (options, "Outcome", "issue"));
  replace (&self->flaw, clm_options_get_string (options, "Flaw", NULL));
  replace (&self->control, clm_options_get_string (options, "Control", NULL));
  replace (&self->confirm, clm_options_get_string (options, "Confirm", "accept"));
  replace (&self->confirm_control, clm_options_get_string (options, "ConfirmControl", NULL));
  replace (&self->log, clm_options_get_string (options, "Log", NULL));
  return clm_options_get_int (options, "PendingRounds", 0, 0, 1000000, &self->pending_rounds, error) &&
         clm_options_get_int (options, "RetryAfter", -1, -1, G_MAXINT64, &self->retry_after, error) &&
         clm_options_get_int (options, "DelayMs", 0, 0, 600000, &self->delay_ms, error) &&
         clm_options_get_span (options, "Lifetime", 90 * 86400, &self->lifetime, error) &&
         clm_options_get_span (options, "Backdate", 0, &self->backdate, error) &&
         clm_options_get_span (options, "RenewAfter", 0, &self->renew_after, error) &&
         clm_options_get_boolean (options, "Checkpoint", FALSE, &self->checkpoint, error);
}

static gboolean
open_mint (FakeCa *self, GError **error)
{
  ClmHost *host = clm_backend_get_host (CLM_BACKEND (self));
  const char *anchor_file = clm_options_get_string (clm_backend_get_options (CLM_BACKEND (self)), "AnchorFile", NULL);
  const char *directory = host != NULL ? clm_host_get_private_directory (host, error) : NULL;

  if (host != NULL && directory == NULL)
    return FALSE;
  g_clear_pointer (&self->mint, clm_mint_free);
  self->mint = clm_mint_open (directory, error);
  if (self->mint == NULL || anchor_file == NULL)
    return self->mint != NULL;
  g_autofree char *pem = clm_mint_get_root_pem (self->mint);
  return g_file_set_contents (anchor_file, pem, -1, error);
}

static void
start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  FakeCa *self = FAKE_CA (backend);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  if (read_options (self, clm_backend_get_options (backend), &error) && open_mint (self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
start_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
describe (ClmBackend *backend, GVariantDict *dict)
{
  g_variant_dict_insert (dict, "Outcome", "s", FAKE_CA (backend)->outcome != NULL ? FAKE_CA (backend)->outcome : "");
}

static void
fake_ca_finalize (GObject *object)
{
  FakeCa *self = FAKE_CA (object);

  g_clear_pointer (&self->mint, clm_mint_free);
  g_clear_pointer (&self->last_chain, g_ptr_array_unref);
  g_ptr_array_unref (self->revoked);
  g_free (self->outcome);
  g_free (self->flaw);
  g_free (self->control);
  g_free (self->confirm);
  g_free (self->confirm_control);
  g_free (self->log);
  G_OBJECT_CLASS (fake_ca_parent_class)->finalize (object);
}

static void
fake_ca_class_init (FakeCaClass *klass)
{
  ClmBackendClass *backend_class = CLM_BACKEND_CLASS (klass);
  ClmAuthorityClass *authority_class = CLM_AUTHORITY_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = fake_ca_finalize;
  backend_class->start_async = start_async;
  backend_class->start_finish = start_finish;
  backend_class->describe = describe;
  authority_class->enroll_async = enroll_async;
  authority_class->enroll_finish = enroll_finish;
  authority_class->confirm_async = confirm_async;
  authority_class->confirm_finish = finish_boolean;
  authority_class->abandon_async = abandon_async;
  authority_class->abandon_finish = finish_boolean;
  authority_class->fetch_anchors_async = fetch_anchors_async;
  authority_class->fetch_anchors_finish = fetch_anchors_finish;
  authority_class->suggest_renewal_async = suggest_renewal_async;
  authority_class->suggest_renewal_finish = suggest_renewal_finish;
  authority_class->revoke_async = revoke_async;
  authority_class->revoke_finish = finish_boolean;
  authority_class->fetch_crls_async = fetch_crls_async;
  authority_class->fetch_crls_finish = fetch_crls_finish;
}

static void
fake_ca_init (FakeCa *self)
{
  self->revoked = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
}

CLM_DEFINE_PLUGIN ("fake-ca", "1", "A CA that does what a test wants", fake_ca_get_type)
