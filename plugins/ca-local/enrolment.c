/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-private.h"

#include <string.h>

#include "lint.h"
#include "sequence.h"
#include "serial.h"

#define TICKET_VERSION 1

typedef struct {
  ClmRequest *request;
  ClmCaRole   role;
  ClmCaOrder *order;
  const ClmCaProfile *profile;
  GBytes     *ticket;
  GBytes     *csr;
  ClmCaIssuer *issuer;
  const ClmCaUrls *urls;
  ClmCaEntry *entry;
  gboolean    is_journalled;
  ClmKey     *key;
  GBytes     *der;
} Enrolment;

static void
enrolment_free (gpointer data)
{
  Enrolment *enrolment = data;

  g_clear_object (&enrolment->request);
  g_clear_object (&enrolment->key);
  g_clear_pointer (&enrolment->order, clm_ca_order_unref);
  g_clear_pointer (&enrolment->ticket, g_bytes_unref);
  g_clear_pointer (&enrolment->csr, g_bytes_unref);
  g_clear_pointer (&enrolment->issuer, clm_ca_issuer_unref);
  g_clear_pointer (&enrolment->entry, clm_ca_entry_free);
  g_clear_pointer (&enrolment->der, g_bytes_unref);
  g_free (enrolment);
}

GBytes *
clm_ca_ticket_new (ClmCaRole role, GBytes *serial)
{
  GByteArray *out = g_byte_array_new ();
  guint8 head[2] = { TICKET_VERSION, (guint8) role };

  g_byte_array_append (out, head, sizeof head);
  g_byte_array_append (out, g_bytes_get_data (serial, NULL), (guint) g_bytes_get_size (serial));
  return g_byte_array_free_to_bytes (out);
}

gboolean
clm_ca_ticket_parse (GBytes *ticket, ClmCaRole *role, GBytes **serial, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (ticket, &size);

  if (size < 3 || data[0] != TICKET_VERSION || data[1] >= CLM_CA_N_ROLES || !clm_ca_serial_is_valid (data + 2, size - 2)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_TICKET_LOST, "the ticket is not one of this authority's");
    return FALSE;
  }
  *role = (ClmCaRole) data[1];
  *serial = g_bytes_new (data + 2, size - 2);
  return TRUE;
}

/* Steps */

static void
on_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_ca_local_ensure_ready_finish (CLM_CA_LOCAL (source), result, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
get_ready (GTask *task)
{
  clm_ca_local_ensure_ready_async (g_task_get_source_object (task), g_task_get_cancellable (task), on_ready, g_object_ref (task));
}

/* What the ledger knows of the ticket's serial decides where to go on. */
static void
resume_entry (GTask *task, Enrolment *enrolment, ClmCaEntry *entry)
{
  g_autoptr (ClmCaEntry) known = entry;
  ClmCaLocal *self = g_task_get_source_object (task);
  gint64 now = clm_host_get_time (clm_backend_get_host (CLM_BACKEND (self)));
  g_autoptr (GBytes) digest = clm_ca_order_get_digest (enrolment->order);
  const char *loss = NULL;

  if (known->digest == NULL || !g_bytes_equal (known->digest, digest) || known->role != enrolment->role)
    loss = "the ticket belongs to another request";
  else if (known->revoked_at != 0)
    loss = "the certificate that the ticket names is revoked";
  else if (known->state != CLM_CA_ENTRY_VOID && now >= known->not_after - (known->not_after - known->not_before) / 2)
    loss = "the certificate that the ticket names is past half of its life";
  if (loss != NULL) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_TICKET_LOST, "%s", loss);
    return;
  }
  if (known->state == CLM_CA_ENTRY_VOID) {
    clm_ca_sequence_next (task);
    return;
  }
  clm_ca_entry_free (enrolment->entry);
  enrolment->entry = g_steal_pointer (&known);
  enrolment->is_journalled = TRUE;
  if (entry->state == CLM_CA_ENTRY_ISSUED) {
    enrolment->der = g_bytes_ref (entry->der);
    clm_ca_sequence_skip_to (task, "answer");
    return;
  }
  clm_ca_sequence_skip_to (task, "sign");
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Enrolment *enrolment = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (ClmCaEntry) known = clm_ca_ledger_find_finish (self->ledger, result, &error);

  if (error != NULL) {
    g_task_return_error (task, error);
    return;
  }
  /* Noted in the ticket and not in the ledger: nothing was signed yet. */
  if (known == NULL) {
    clm_ca_sequence_next (task);
    return;
  }
  resume_entry (task, enrolment, g_steal_pointer (&known));
}

static void
resume (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Enrolment *enrolment = g_task_get_task_data (task);
  ClmCaRole role;
  GError *error = NULL;

  enrolment->role = enrolment->entry->role = clm_ca_local_get_issuing (self)->role;
  enrolment->issuer = clm_ca_issuer_ref (self->levels[enrolment->role].bundle->issuer);
  if (enrolment->ticket == NULL) {
    enrolment->entry->serial = clm_ca_serial_new (&error);
    if (enrolment->entry->serial != NULL)
      clm_ca_sequence_next (task);
    else
      g_task_return_error (task, error);
    return;
  }
  if (!clm_ca_ticket_parse (enrolment->ticket, &role, &enrolment->entry->serial, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (role != enrolment->role) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_TICKET_LOST, "the ticket is of the %s CA, which does not issue any more", clm_ca_role_get_nick (role));
    return;
  }
  clm_ca_ledger_find_async (self->ledger, role, enrolment->entry->serial, g_task_get_cancellable (task), on_found, g_object_ref (task));
}

static void
on_key (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Enrolment *enrolment = g_task_get_task_data (task);
  GError *error = NULL;

  enrolment->key = clm_ca_local_open_key_finish (CLM_CA_LOCAL (source), result, &error);
  if (enrolment->key != NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

/* First, so that an outage of the key store is found before anything is noted. */
static void
open_key (GTask *task)
{
  Enrolment *enrolment = g_task_get_task_data (task);

  clm_ca_local_open_key_async (g_task_get_source_object (task), enrolment->role, NULL, g_task_get_cancellable (task), on_key, g_object_ref (task));
}

static void
on_csr (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Enrolment *enrolment = g_task_get_task_data (task);
  GError *error = NULL;

  enrolment->csr = clm_request_make_csr_finish (CLM_REQUEST (source), result, &error);
  if (enrolment->csr != NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
make_csr (GTask *task)
{
  Enrolment *enrolment = g_task_get_task_data (task);

  clm_request_make_csr_async (enrolment->request, NULL, NULL, g_task_get_cancellable (task), on_csr, g_object_ref (task));
}

static void
encode_in_lane (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Enrolment *enrolment = data;
  ClmCaEntry *entry = enrolment->entry;
  GError *error = NULL;

  if (clm_ca_order_check_csr (enrolment->order, enrolment->csr, &error))
    entry->tbs = clm_ca_issue_encode (enrolment->issuer, enrolment->profile, enrolment->order, enrolment->urls, entry->serial,
                                      entry->not_before, entry->not_after, &error);
  if (entry->tbs != NULL && clm_ca_lint (entry->tbs, enrolment->issuer, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_encoded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
encode (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Enrolment *enrolment = g_task_get_task_data (task);
  ClmCaEntry *entry = enrolment->entry;
  ClmHost *host = clm_backend_get_host (CLM_BACKEND (self));
  g_autoptr (GTask) inner = NULL;
  GError *error = NULL;

  if (!clm_host_is_clock_trusted (host))
    g_set_error_literal (&error, CLM_ERROR, CLM_ERROR_CLOCK, "nothing is issued while the clock cannot be trusted");
  if (error != NULL ||
      !clm_ca_issue_get_validity (enrolment->issuer, clm_host_get_time (host), clm_ca_profile_get_lifetime (enrolment->profile, enrolment->order),
                                  self->settings->backdate, &entry->not_before, &entry->not_after, &error)) {
    g_task_return_error (task, error);
    return;
  }
  entry->digest = clm_ca_order_get_digest (enrolment->order);
  entry->certificate = g_strdup (enrolment->order->certificate);
  entry->profile = g_strdup (enrolment->profile->name);
  entry->subject = g_strdup (enrolment->order->subject);
  inner = g_task_new (NULL, g_task_get_cancellable (task), on_encoded, g_object_ref (task));
  g_task_set_source_tag (inner, encode);
  g_task_set_task_data (inner, enrolment, NULL);
  clm_key_store_run_in_thread (clm_key_get_store (enrolment->key), inner, encode_in_lane);
}

static void
on_checkpoint (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_request_checkpoint_finish (CLM_REQUEST (source), result, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

/* The serial is known to the engine before the ledger, and to the ledger before the signature. */
static void
checkpoint (GTask *task)
{
  Enrolment *enrolment = g_task_get_task_data (task);
  g_autoptr (GBytes) ticket = NULL;

  if (enrolment->ticket != NULL) {
    clm_ca_sequence_next (task);
    return;
  }
  ticket = clm_ca_ticket_new (enrolment->role, enrolment->entry->serial);
  clm_request_checkpoint_async (enrolment->request, ticket, g_task_get_cancellable (task), on_checkpoint, g_object_ref (task));
}

static void
tell_signed (ClmCaLocal *self, const ClmCaEntry *entry)
{
  ClmHost *host = clm_backend_get_host (CLM_BACKEND (self));
  const char *name = clm_backend_get_name (CLM_BACKEND (self));
  g_autofree char *serial = clm_ca_serial_to_text (entry->serial);
  g_autofree char *end = g_strdup_printf ("%" G_GINT64_FORMAT, entry->not_after);
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_CA_SIGNED, clm_host_get_time (host), "authority", name, "authority %s signed %s for certificate %s", name, serial,
                                              entry->certificate);

  clm_event_add_field (event, "serial", serial);
  clm_event_add_field (event, "certificate", entry->certificate);
  clm_event_add_field (event, "subject", entry->subject);
  clm_event_add_field (event, "profile", entry->profile);
  clm_event_add_field (event, "not_after", end);
  clm_host_emit_event (host, event);
}

static void
on_signed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = CLM_CA_LOCAL (source);
  Enrolment *enrolment = g_task_get_task_data (task);
  GError *error = NULL;

  enrolment->der = clm_ca_local_sign_finish (self, result, &error);
  if (enrolment->der == NULL) {
    g_task_return_error (task, error);
    return;
  }
  tell_signed (self, enrolment->entry);
  clm_ca_sequence_next (task);
}

static void
sign (GTask *task)
{
  Enrolment *enrolment = g_task_get_task_data (task);

  clm_ca_local_sign_async (g_task_get_source_object (task), enrolment->entry, enrolment->is_journalled, g_task_get_cancellable (task), on_signed, g_object_ref (task));
}

/* Leaf first, then all that lies between it and the root. */
static void
answer (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Enrolment *enrolment = g_task_get_task_data (task);
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GPtrArray *root = self->levels[CLM_CA_ROOT].bundle->chain;

  g_ptr_array_add (chain, g_bytes_ref (enrolment->der));
  if (enrolment->role == CLM_CA_INTERMEDIATE)
    g_ptr_array_add (chain, g_bytes_ref (self->levels[CLM_CA_INTERMEDIATE].bundle->issuer->der));
  for (guint i = 0; i + 1 < root->len; i++)
    g_ptr_array_add (chain, g_bytes_ref (g_ptr_array_index (root, i)));
  g_task_return_pointer (task, clm_issuance_new_issued (chain), (GDestroyNotify) clm_issuance_unref);
}

static const ClmCaStep steps[] = {
  { "ready", get_ready },
  { "resume", resume },
  { "open-key", open_key },
  { "make-csr", make_csr },
  { "encode", encode },
  { "checkpoint", checkpoint },
  { "sign", sign },
  { "answer", answer },
  { NULL, NULL },
};

void
clm_ca_local_enroll_async (ClmAuthority *authority, ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLocal *self = CLM_CA_LOCAL (authority);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Enrolment *enrolment = g_new0 (Enrolment, 1);
  GError *error = NULL;

  enrolment->request = g_object_ref (request);
  enrolment->ticket = ticket != NULL ? g_bytes_ref (ticket) : NULL;
  enrolment->entry = clm_ca_entry_new ();
  enrolment->urls = &self->settings->urls;
  g_task_set_source_tag (task, clm_ca_local_enroll_async);
  g_task_set_task_data (task, enrolment, enrolment_free);
  enrolment->order = clm_ca_order_new (request, &error);
  if (enrolment->order != NULL)
    enrolment->profile = clm_ca_profiles_choose (self->settings->profiles, enrolment->order, &error);
  if (enrolment->profile != NULL && clm_ca_profile_admit (enrolment->profile, enrolment->order, &error))
    clm_ca_sequence_start (task, steps);
  else
    g_task_return_error (task, error);
}

ClmIssuance *
clm_ca_local_enroll_finish (ClmAuthority *authority, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
