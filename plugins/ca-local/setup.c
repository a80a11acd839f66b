/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "setup.h"

#include <string.h>

#include "sequence.h"

static void
setup_free (gpointer data)
{
  ClmCaSetup *setup = data;

  for (guint role = 0; role < CLM_CA_N_ROLES; role++) {
    g_free (setup->path[role]);
    g_free (setup->crl_path[role]);
    g_clear_pointer (&setup->pem[role], g_bytes_unref);
    g_clear_pointer (&setup->crl[role], g_bytes_unref);
  }
  g_free (setup->import_path);
  g_clear_pointer (&setup->import_pem, g_bytes_unref);
  g_clear_pointer (&setup->bundle, clm_ca_bundle_unref);
  g_clear_pointer (&setup->import_key, EVP_PKEY_free);
  g_clear_object (&setup->key);
  g_clear_pointer (&setup->entry, clm_ca_entry_free);
  g_clear_pointer (&setup->der, g_bytes_unref);
  g_free (setup);
}

GTask *
clm_ca_setup_new (ClmCaLocal *self, ClmCaRole role, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ClmCaSetup *setup = g_new0 (ClmCaSetup, 1);

  setup->role = role;
  for (guint i = 0; i < CLM_CA_N_ROLES; i++) {
    setup->path[i] = clm_ca_local_get_path (self, (ClmCaRole) i, "pem");
    setup->crl_path[i] = clm_ca_local_get_path (self, (ClmCaRole) i, "crl");
  }
  setup->import_path = g_strdup (self->settings->import_certificate);
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, setup, setup_free);
  return task;
}

/* Runs blocking work of a step in a thread; goes on, or ends the task with its error. */
static void
on_worked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

void
clm_ca_setup_work (GTask *task, ClmKeyStore *lane, GTaskThreadFunc func)
{
  g_autoptr (GTask) inner = g_task_new (NULL, g_task_get_cancellable (task), on_worked, g_object_ref (task));

  g_task_set_source_tag (inner, clm_ca_setup_work);
  g_task_set_task_data (inner, g_task_get_task_data (task), NULL);
  if (lane != NULL)
    clm_key_store_run_in_thread (lane, inner, func);
  else
    g_task_run_in_thread (inner, func);
}

char *
clm_ca_setup_dup_text (GBytes *bytes)
{
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* Loading */

static void
load_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ClmCaSetup *setup = data;
  GError *error = NULL;

  for (guint role = 0; role < CLM_CA_N_ROLES; role++) {
    if (!clm_ca_file_load (setup->path[role], &setup->pem[role], &error) || !clm_ca_file_load (setup->crl_path[role], &setup->crl[role], &error)) {
      g_task_return_error (task, error);
      return;
    }
  }
  /* Once imported, the file may go; a missing or unreadable one only matters on first use. */
  if (setup->import_path != NULL && !clm_ca_file_load (setup->import_path, &setup->import_pem, &error) && setup->pem[CLM_CA_ROOT] == NULL) {
    error->code = CLM_ERROR_CONFIG;
    g_prefix_error (&error, "ImportCertificate=: ");
    g_task_return_error (task, error);
    return;
  }
  g_clear_error (&error);
  g_task_return_boolean (task, TRUE);
}

static void
load (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);

  if (self->is_loaded && self->levels[CLM_CA_ROOT].bundle != NULL)
    clm_ca_sequence_skip_to (task, "root");
  else
    clm_ca_setup_work (task, NULL, load_in_thread);
}

/* The file, else the ledger's copy. */
static gboolean
adopt_bundle (ClmCaLocal *self, ClmCaSetup *setup, ClmCaRole role, GError **error)
{
  ClmCaLevel *level = &self->levels[role];
  g_autofree char *pem = setup->pem[role] != NULL ? clm_ca_setup_dup_text (setup->pem[role]) : g_strdup (self->summary->certificates[role]);

  if (pem == NULL || level->bundle != NULL)
    return TRUE;
  level->bundle = clm_ca_bundle_new_from_pem (pem, FALSE, error);
  if (level->bundle == NULL) {
    g_prefix_error (error, "%s: ", setup->path[role]);
    if (error != NULL)
      clm_error_set_hint (*error, "restore the file from a backup; a new CA would not be trusted by those who know this one");
    return FALSE;
  }
  if (setup->pem[role] == NULL)
    return clm_ca_file_save (setup->path[role], pem, strlen (pem), error);
  return TRUE;
}

/* Without its root an inventory says that this CA existed; a new root under its name would break everyone who trusts the old. */
static gboolean
check_not_lost (ClmCaLocal *self, GError **error)
{
  if (self->levels[CLM_CA_ROOT].bundle != NULL || self->summary->issued == 0)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "the CA certificate is gone, but %" G_GINT64_FORMAT " certificates were issued under it", self->summary->issued);
  if (error != NULL)
    clm_error_set_hint (*error, "restore root.pem in %s from a backup, or remove the whole directory to begin a new CA", self->directory);
  return FALSE;
}

static gboolean
check_import (ClmCaLocal *self, ClmCaSetup *setup, GError **error)
{
  ClmCaBundle *ours = self->levels[CLM_CA_ROOT].bundle;
  g_autofree char *pem = setup->import_pem != NULL ? clm_ca_setup_dup_text (setup->import_pem) : NULL;
  g_autoptr (ClmCaBundle) theirs = NULL;

  if (ours == NULL || pem == NULL)
    return TRUE;
  theirs = clm_ca_bundle_new_from_pem (pem, FALSE, NULL);
  if (theirs == NULL || g_bytes_equal (theirs->issuer->spki, ours->issuer->spki))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "ImportCertificate=: this authority has another CA certificate already (“%s”)", ours->issuer->subject);
  if (error != NULL)
    clm_error_set_hint (*error, "configure the imported CA as an authority of another name");
  return FALSE;
}

static void
adopt (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  ClmCaSetup *setup = g_task_get_task_data (task);
  GError *error = NULL;

  if (adopt_bundle (self, setup, CLM_CA_ROOT, &error) && adopt_bundle (self, setup, CLM_CA_INTERMEDIATE, &error) &&
      check_not_lost (self, &error) && check_import (self, setup, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

/* The published CRLs as second witness */

typedef struct { ClmCaLevel *level; GPtrArray *revoked; } Witness;

static void
take_entry (const guint8 *serial, gsize size, gint64 revoked_at, int reason, gpointer user_data)
{
  Witness *witness = user_data;
  ClmCaEntry *entry = clm_ca_entry_new ();

  entry->role = witness->level->role;
  entry->state = CLM_CA_ENTRY_FOREIGN;
  entry->serial = g_bytes_new (serial, size);
  entry->revoked_at = revoked_at;
  entry->reason = reason;
  /* Its end is not known here, so it stays on the list as long as the CA. */
  entry->not_after = witness->level->bundle->issuer->not_after;
  g_ptr_array_add (witness->revoked, entry);
}

static void
on_merged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (clm_ca_ledger_merge_crl_finish (self->ledger, result, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
merge_crl (GTask *task, ClmCaRole role)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  ClmCaSetup *setup = g_task_get_task_data (task);
  ClmCaLevel *level = &self->levels[role];
  g_autoptr (GPtrArray) revoked = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_ca_entry_free);
  Witness witness = { level, revoked };
  g_autoptr (GError) error = NULL;
  ClmCaCrlInfo info;

  level->crl = self->summary->crls[role];
  if (level->bundle == NULL || setup->crl[role] == NULL) {
    /* A CRL that was published and is gone must come back. */
    level->crl.needed |= level->bundle != NULL && level->crl.next_update > 0;
    clm_ca_sequence_next (task);
    return;
  }
  if (!clm_ca_crl_read (setup->crl[role], level->bundle->issuer, &info, take_entry, &witness, &error)) {
    g_warning ("[authority %s] %s is made anew: %s", clm_backend_get_name (CLM_BACKEND (self)), setup->crl_path[role], error->message);
    level->crl.needed = TRUE;
    clm_ca_sequence_next (task);
    return;
  }
  if (info.number <= level->crl.number && info.this_update == level->crl.this_update) {
    clm_ca_sequence_next (task);
    return;
  }
  if (info.number > level->crl.number)
    g_message ("[authority %s] the published CRL %" G_GUINT64_FORMAT " is newer than the database (%" G_GUINT64_FORMAT "); its revocations are taken over",
               clm_backend_get_name (CLM_BACKEND (self)), info.number, level->crl.number);
  level->crl.number = MAX (level->crl.number, info.number);
  level->crl.this_update = info.this_update;
  level->crl.next_update = info.next_update;
  /* The crash came between file and note, or the database is older: a fresh list settles both. */
  level->crl.needed = TRUE;
  clm_ca_ledger_merge_crl_async (self->ledger, role, &info, revoked, g_task_get_cancellable (task), on_merged, g_object_ref (task));
}

static void
merge_root_crl (GTask *task)
{
  merge_crl (task, CLM_CA_ROOT);
}

static void
merge_intermediate_crl (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);

  self->is_loaded = TRUE;
  merge_crl (task, CLM_CA_INTERMEDIATE);
}

/* Getting ready */

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
get_root (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  ClmCaSetup *outer = g_task_get_task_data (task);
  g_autoptr (GTask) inner = NULL;

  if (self->levels[CLM_CA_ROOT].bundle != NULL) {
    clm_ca_sequence_next (task);
    return;
  }
  inner = clm_ca_setup_new (self, CLM_CA_ROOT, get_root, g_task_get_cancellable (task), on_made, g_object_ref (task));
  if (outer->import_pem != NULL)
    ((ClmCaSetup *) g_task_get_task_data (inner))->import_pem = g_bytes_ref (outer->import_pem);
  if (self->settings->import_certificate != NULL)
    clm_ca_setup_import_root (inner);
  else
    clm_ca_setup_make_root (inner);
}

static void
get_intermediate (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);

  if (!self->settings->has_intermediate || self->levels[CLM_CA_INTERMEDIATE].bundle != NULL)
    clm_ca_sequence_next (task);
  else
    clm_ca_local_make_intermediate_async (self, g_task_get_cancellable (task), on_made, g_object_ref (task));
}

static void
end_ready (GTask *task)
{
  g_task_return_boolean (task, TRUE);
}

static const ClmCaStep ready_steps[] = {
  { "load", load },
  { "adopt", adopt },
  { "merge-root-crl", merge_root_crl },
  { "merge-intermediate-crl", merge_intermediate_crl },
  { "root", get_root },
  { "intermediate", get_intermediate },
  { "end", end_ready },
  { NULL, NULL },
};

static void
on_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ClmCaLocal *self = CLM_CA_LOCAL (source);
  g_autoptr (GPtrArray) waiters = g_steal_pointer (&self->ready_waiters);
  g_autoptr (GError) error = NULL;

  self->is_ready = g_task_propagate_boolean (G_TASK (result), &error);
  for (guint i = 0; i < waiters->len; i++) {
    GTask *waiter = g_ptr_array_index (waiters, i);

    if (self->is_ready)
      g_task_return_boolean (waiter, TRUE);
    else
      g_task_return_error (waiter, g_error_copy (error));
  }
  if (self->is_ready)
    clm_ca_local_schedule (self);
}

void
clm_ca_local_ensure_ready_async (ClmCaLocal *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GTask) attempt = NULL;

  g_task_set_source_tag (task, clm_ca_local_ensure_ready_async);
  if (self->is_ready) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (self->ready_waiters != NULL) {
    g_ptr_array_add (self->ready_waiters, g_steal_pointer (&task));
    return;
  }
  self->ready_waiters = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->ready_waiters, g_steal_pointer (&task));
  /* The attempt serves all who wait, so only the end of the instance cancels it. */
  attempt = clm_ca_setup_new (self, CLM_CA_ROOT, clm_ca_local_ensure_ready_async, self->stopping, on_ready, NULL);
  clm_ca_sequence_start (attempt, ready_steps);
}

gboolean
clm_ca_local_ensure_ready_finish (ClmCaLocal *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
