/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-private.h"

#include "sequence.h"

/* Key */

void
clm_ca_local_note_key (ClmCaLocal *self, ClmCaRole role, const GError *error)
{
  ClmCaLevel *level = &self->levels[role];
  ClmHost *host = clm_backend_get_host (CLM_BACKEND (self));
  const char *name = clm_backend_get_name (CLM_BACKEND (self));
  g_autoptr (ClmEvent) event = NULL;

  if (error == NULL) {
    if (level->is_key_missed)
      g_message ("[authority %s] the %s key can be used again", name, clm_ca_role_get_nick (role));
    level->is_key_missed = FALSE;
    return;
  }
  if (!g_error_matches (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE))
    return;
  g_clear_object (&level->key);
  if (level->is_key_missed)
    return;
  level->is_key_missed = TRUE;
  g_warning ("[authority %s] the %s key cannot be used: %s", name, clm_ca_role_get_nick (role), error->message);
  event = clm_event_new (CLM_EVENT_KEY_UNAVAILABLE, clm_host_get_time (host), "authority", name, "the %s key of authority %s cannot be used",
                         clm_ca_role_get_nick (role), name);
  clm_event_add_field (event, "key", clm_ca_role_get_nick (role));
  clm_event_add_error (event, error);
  clm_host_emit_event (host, event);
}

static gboolean
check_key (ClmCaLocal *self, ClmCaLevel *level, ClmKey *key, GError **error)
{
  if (level->bundle == NULL || g_bytes_equal (level->bundle->issuer->spki, clm_key_get_spki (key)))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "the key called %s in store %s is not the one of the CA certificate “%s”",
               clm_ca_role_get_nick (level->role), clm_backend_get_name (CLM_BACKEND (clm_key_get_store (key))), level->bundle->issuer->subject);
  if (error != NULL)
    clm_error_set_hint (*error, "let KeyStore= name the store that the CA was made with, or restore that store's keys");
  return FALSE;
}

/* A key that must be there and is not is an outage, not a reason to give up. */
static void
explain_missing (ClmCaLevel *level, GError **error)
{
  g_autoptr (GError) cause = NULL;

  if (level->bundle == NULL || !g_error_matches (*error, CLM_ERROR, CLM_ERROR_NOT_FOUND))
    return;
  cause = g_steal_pointer (error);
  g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "the key of the CA certificate “%s” is missing: %s",
               level->bundle->issuer->subject, cause->message);
  clm_error_set_hint (*error, "let KeyStore= name the store that the CA was made with, or restore that store's keys");
}

static void
on_key_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  ClmCaLevel *level = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (ClmKey) key = clm_host_open_key_finish (CLM_HOST (source), result, &error);

  if (key == NULL)
    explain_missing (level, &error);
  if (key == NULL || !check_key (self, level, key, &error)) {
    clm_ca_local_note_key (self, level->role, error);
    g_task_return_error (task, error);
    return;
  }
  g_set_object (&level->key, key);
  g_task_return_pointer (task, g_steal_pointer (&key), g_object_unref);
}

void
clm_ca_local_open_key_async (ClmCaLocal *self, ClmCaRole role, const ClmKeySpec *create, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  ClmCaLevel *level = &self->levels[role];

  g_task_set_source_tag (task, clm_ca_local_open_key_async);
  g_task_set_task_data (task, level, NULL);
  if (level->key != NULL) {
    g_task_return_pointer (task, g_object_ref (level->key), g_object_unref);
    return;
  }
  clm_host_open_key_async (clm_backend_get_host (CLM_BACKEND (self)), clm_ca_role_get_nick (role), create, cancellable, on_key_opened,
                           g_steal_pointer (&task));
}

ClmKey *
clm_ca_local_open_key_finish (ClmCaLocal *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Certificate */

typedef struct {
  ClmCaLevel *level;
  ClmCaIssuer *issuer;
  ClmCaEntry *entry;
  gboolean    is_journalled;
  ClmKey     *key;
  GBytes     *der;
  GError     *failure;
} Signing;

static void
signing_free (gpointer data)
{
  Signing *signing = data;

  clm_ca_issuer_unref (signing->issuer);
  clm_ca_entry_free (signing->entry);
  g_clear_object (&signing->key);
  g_clear_pointer (&signing->der, g_bytes_unref);
  g_clear_error (&signing->failure);
  g_free (signing);
}

static void
on_signing_key (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Signing *signing = g_task_get_task_data (task);
  GError *error = NULL;

  signing->key = clm_ca_local_open_key_finish (CLM_CA_LOCAL (source), result, &error);
  if (signing->key == NULL)
    g_task_return_error (task, error);
  else
    clm_ca_sequence_next (task);
}

static void
open_key (GTask *task)
{
  Signing *signing = g_task_get_task_data (task);

  clm_ca_local_open_key_async (g_task_get_source_object (task), signing->level->role, NULL, g_task_get_cancellable (task), on_signing_key,
                               g_object_ref (task));
}

static void
on_journalled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!clm_ca_ledger_journal_finish (self->ledger, result, &error))
    g_task_return_error (task, error);
  else
    clm_ca_sequence_next (task);
}

static void
journal (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Signing *signing = g_task_get_task_data (task);

  if (signing->is_journalled)
    clm_ca_sequence_next (task);
  else
    clm_ca_ledger_journal_async (self->ledger, signing->entry, g_task_get_cancellable (task), on_journalled, g_object_ref (task));
}

static void
sign_in_lane (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Signing *signing = data;
  GError *error = NULL;

  signing->der = clm_ca_sign (signing->key, signing->issuer->algorithm, signing->entry->tbs, cancellable, &error);
  if (signing->der != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_voided (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Signing *signing = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!clm_ca_ledger_void_finish (self->ledger, result, &error))
    g_warning ("[authority %s] a serial number without signature cannot be given back: %s", clm_backend_get_name (CLM_BACKEND (self)), error->message);
  g_task_return_error (task, g_steal_pointer (&signing->failure));
}

static void
on_signed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Signing *signing = g_task_get_task_data (task);

  if (g_task_propagate_boolean (G_TASK (result), &signing->failure)) {
    clm_ca_local_note_key (self, signing->level->role, NULL);
    clm_ca_sequence_next (task);
    return;
  }
  clm_ca_local_note_key (self, signing->level->role, signing->failure);
  /* What was noted by an earlier run may have been signed by it: only our own note can be taken back. */
  if (signing->is_journalled || signing->der != NULL)
    g_task_return_error (task, g_steal_pointer (&signing->failure));
  else
    clm_ca_ledger_void_async (self->ledger, signing->level->role, signing->entry->serial, NULL, on_voided, g_object_ref (task));
}

static void
sign (GTask *task)
{
  Signing *signing = g_task_get_task_data (task);
  g_autoptr (GTask) inner = g_task_new (NULL, g_task_get_cancellable (task), on_signed, g_object_ref (task));

  g_task_set_source_tag (inner, sign);
  g_task_set_task_data (inner, signing, NULL);
  clm_key_store_run_in_thread (clm_key_get_store (signing->key), inner, sign_in_lane);
}

static void
on_completed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Signing *signing = g_task_get_task_data (task);
  GError *error = NULL;

  if (!clm_ca_ledger_complete_finish (self->ledger, result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  self->summary->issued++;
  g_task_return_pointer (task, g_steal_pointer (&signing->der), (GDestroyNotify) g_bytes_unref);
}

static void
complete (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Signing *signing = g_task_get_task_data (task);

  clm_ca_ledger_complete_async (self->ledger, signing->level->role, signing->entry->serial, signing->der, NULL, on_completed, g_object_ref (task));
}

static const ClmCaStep steps[] = {
  { "open-key", open_key },
  { "journal", journal },
  { "sign", sign },
  { "complete", complete },
  { NULL, NULL },
};

void
clm_ca_local_sign_async (ClmCaLocal *self, const ClmCaEntry *entry, gboolean is_journalled, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Signing *signing = g_new0 (Signing, 1);

  signing->level = &self->levels[entry->role];
  signing->issuer = clm_ca_issuer_ref (signing->level->bundle->issuer);
  signing->entry = clm_ca_entry_copy (entry);
  signing->is_journalled = is_journalled;
  g_task_set_source_tag (task, clm_ca_local_sign_async);
  g_task_set_task_data (task, signing, signing_free);
  clm_ca_sequence_start (task, steps);
}

GBytes *
clm_ca_local_sign_finish (ClmCaLocal *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
