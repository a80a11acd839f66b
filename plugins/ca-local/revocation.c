/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-private.h"

#include "certificate.h"
#include "der.h"
#include "sequence.h"
#include "serial.h"

typedef struct {
  X509       *certificate;
  GBytes     *der;
  ClmRevocationReason reason;
  ClmCaEntry *entry;
} Revocation;

static void
revocation_free (gpointer data)
{
  Revocation *revocation = data;

  X509_free (revocation->certificate);
  g_clear_pointer (&revocation->der, g_bytes_unref);
  g_clear_pointer (&revocation->entry, clm_ca_entry_free);
  g_free (revocation);
}

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

static GBytes *
get_serial (X509 *certificate)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_ASN1_INTEGER (X509_get_serialNumber (certificate), &der);
  const guint8 *at = der;
  ClmCaDer element;

  if (size <= 0 || !clm_ca_der_read (&at, der + size, &element) || !clm_ca_serial_is_valid (element.value, element.size))
    return NULL;
  return g_bytes_new (element.value, element.size);
}

/* Whose it is is told by the signature, not by the database: that may be a restored backup older than the certificate. */
static ClmCaLevel *
find_level (ClmCaLocal *self, X509 *certificate)
{
  for (guint role = CLM_CA_N_ROLES; role > 0; role--) {
    ClmCaLevel *level = &self->levels[role - 1];

    if (level->bundle != NULL && clm_ca_issuer_signed (level->bundle->issuer, certificate))
      return level;
  }
  return NULL;
}

static gboolean
is_own (ClmCaLocal *self, GBytes *der)
{
  for (guint role = 0; role < CLM_CA_N_ROLES; role++)
    if (self->levels[role].bundle != NULL && g_bytes_equal (self->levels[role].bundle->issuer->der, der))
      return TRUE;
  return FALSE;
}

static ClmCaEntry *
new_entry (ClmCaLocal *self, Revocation *revocation, GError **error)
{
  ClmCaLevel *level = find_level (self, revocation->certificate);
  g_autoptr (ClmCaEntry) entry = clm_ca_entry_new ();

  if (is_own (self, revocation->der)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "this is a CA certificate of this authority itself; it cannot revoke that");
    return NULL;
  }
  entry->serial = get_serial (revocation->certificate);
  if (level == NULL || entry->serial == NULL) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "the certificate was not issued by this authority");
    return NULL;
  }
  entry->role = level->role;
  entry->subject = clm_x509_get_subject (revocation->certificate);
  entry->der = g_bytes_ref (revocation->der);
  entry->revoked_at = clm_host_get_time (clm_backend_get_host (CLM_BACKEND (self)));
  entry->reason = (int) revocation->reason;
  if (!clm_x509_get_validity (revocation->certificate, &entry->not_before, &entry->not_after, error))
    return NULL;
  return g_steal_pointer (&entry);
}

static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Revocation *revocation = g_task_get_task_data (task);
  gboolean is_new;
  GError *error = NULL;

  if (!clm_ca_ledger_revoke_finish (self->ledger, result, &is_new, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (is_new) {
    self->summary->revoked++;
    self->levels[revocation->entry->role].crl.needed = TRUE;
  }
  clm_ca_sequence_next (task);
}

static void
record (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Revocation *revocation = g_task_get_task_data (task);
  GError *error = NULL;

  revocation->entry = new_entry (self, revocation, &error);
  if (revocation->entry != NULL)
    clm_ca_ledger_revoke_async (self->ledger, revocation->entry, NULL, on_revoked, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
on_published (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_ca_local_publish_finish (CLM_CA_LOCAL (source), result, &error)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  g_prefix_error (&error, "the revocation is recorded, but no CRL with it could be published yet: ");
  g_task_return_error (task, error);
}

/* Also for what was revoked before, when the list with it has not come out. */
static void
publish (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Revocation *revocation = g_task_get_task_data (task);

  if (!self->levels[revocation->entry->role].crl.needed)
    g_task_return_boolean (task, TRUE);
  else
    clm_ca_local_publish_async (self, revocation->entry->role, g_task_get_cancellable (task), on_published, g_object_ref (task));
}

static const ClmCaStep steps[] = {
  { "ready", get_ready },
  { "record", record },
  { "publish", publish },
  { NULL, NULL },
};

void
clm_ca_local_revoke_async (ClmAuthority *authority, GBytes *certificate, ClmRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (authority, cancellable, callback, user_data);
  Revocation *revocation = g_new0 (Revocation, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, clm_ca_local_revoke_async);
  g_task_set_task_data (task, revocation, revocation_free);
  revocation->der = g_bytes_ref (certificate);
  revocation->reason = reason;
  revocation->certificate = clm_x509_parse (certificate, &error);
  if (revocation->certificate != NULL)
    clm_ca_sequence_start (task, steps);
  else
    g_task_return_error (task, error);
}

gboolean
clm_ca_local_finish_boolean (ClmAuthority *authority, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Confirmation: what was not taken must not stay alive. */

static void
on_refused_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_ca_local_finish_boolean (CLM_AUTHORITY (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
clm_ca_local_confirm_async (ClmAuthority *authority, ClmIssuance *issuance, gboolean accepted, const char *reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (authority, cancellable, callback, user_data);
  GPtrArray *chain = clm_issuance_get_chain (issuance);

  g_task_set_source_tag (task, clm_ca_local_confirm_async);
  if (accepted || chain == NULL) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  g_message ("[authority %s] a certificate was refused and is revoked: %s", clm_backend_get_name (CLM_BACKEND (authority)), reason != NULL ? reason : "no reason given");
  clm_ca_local_revoke_async (authority, g_ptr_array_index (chain, 0), CLM_REVOCATION_CESSATION_OF_OPERATION, cancellable, on_refused_revoked, g_steal_pointer (&task));
}

/* Giving up */

static void
on_voided (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (clm_ca_ledger_void_finish (self->ledger, result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Only what is unfinished can be given up; a certificate that was handed over is revoked by name. */
void
clm_ca_local_abandon_async (ClmAuthority *authority, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLocal *self = CLM_CA_LOCAL (authority);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GBytes) serial = NULL;
  ClmCaRole role;

  g_task_set_source_tag (task, clm_ca_local_abandon_async);
  if (!clm_ca_ticket_parse (ticket, &role, &serial, NULL))
    g_task_return_boolean (task, TRUE);
  else
    clm_ca_ledger_void_async (self->ledger, role, serial, cancellable, on_voided, g_steal_pointer (&task));
}
