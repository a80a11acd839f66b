/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-private.h"

#include <string.h>

#include "key.h"
#include "lint.h"
#include "sequence.h"
#include "serial.h"

/* What one attempt to get ready, or the making of one CA certificate, carries along. */
typedef struct {
  ClmCaRole    role;
  char        *path[CLM_CA_N_ROLES];
  char        *crl_path[CLM_CA_N_ROLES];
  char        *import_path;
  GBytes      *pem[CLM_CA_N_ROLES];
  GBytes      *crl[CLM_CA_N_ROLES];
  GBytes      *import_pem;
  ClmCaBundle *bundle;
  EVP_PKEY    *import_key;
  ClmKey      *key;
  const ClmCaAlgorithm *algorithm;
  ClmCaEntry  *entry;
  GBytes      *der;
} Setup;

static void
setup_free (gpointer data)
{
  Setup *setup = data;

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

static GTask *
new_setup (ClmCaLocal *self, ClmCaRole role, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Setup *setup = g_new0 (Setup, 1);

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

static void
work (GTask *task, ClmKeyStore *lane, GTaskThreadFunc func)
{
  g_autoptr (GTask) inner = g_task_new (NULL, g_task_get_cancellable (task), on_worked, g_object_ref (task));

  g_task_set_source_tag (inner, work);
  g_task_set_task_data (inner, g_task_get_task_data (task), NULL);
  if (lane != NULL)
    clm_key_store_run_in_thread (lane, inner, func);
  else
    g_task_run_in_thread (inner, func);
}

static char *
dup_text (GBytes *bytes)
{
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* Loading */

static void
load_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Setup *setup = data;
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
    work (task, NULL, load_in_thread);
}

/* The file, else the ledger's copy. */
static gboolean
adopt_bundle (ClmCaLocal *self, Setup *setup, ClmCaRole role, GError **error)
{
  ClmCaLevel *level = &self->levels[role];
  g_autofree char *pem = setup->pem[role] != NULL ? dup_text (setup->pem[role]) : g_strdup (self->summary->certificates[role]);

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
check_import (ClmCaLocal *self, Setup *setup, GError **error)
{
  ClmCaBundle *ours = self->levels[CLM_CA_ROOT].bundle;
  g_autofree char *pem = setup->import_pem != NULL ? dup_text (setup->import_pem) : NULL;
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
  Setup *setup = g_task_get_task_data (task);
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
  Setup *setup = g_task_get_task_data (task);
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

/* Making a CA certificate: shared steps */

static gboolean
check_clock (ClmCaLocal *self, GError **error)
{
  if (clm_host_is_clock_trusted (clm_backend_get_host (CLM_BACKEND (self))))
    return TRUE;
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_CLOCK, "a CA certificate is not made while the clock cannot be trusted");
  return FALSE;
}

static GBytes *
get_name (const char *subject, GError **error)
{
  g_autoptr (X509_NAME) name = clm_x509_name_parse (subject, error);
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size;

  if (name == NULL)
    return NULL;
  size = i2d_X509_NAME (name, &der);
  return g_bytes_new (der, size > 0 ? (gsize) size : 0);
}

/* A renewed intermediate keeps its name to the byte, or nothing that it issued would chain any more. */
static gboolean
encode_ca (ClmCaLocal *self, Setup *setup, const ClmCaIssuer *issuer, GError **error)
{
  ClmCaLevel *level = &self->levels[setup->role];
  gint64 now = clm_host_get_time (clm_backend_get_host (CLM_BACKEND (self)));
  gint64 lifetime = self->settings->lifetime[setup->role];
  g_autoptr (GBytes) name = level->bundle != NULL ? g_bytes_ref (level->bundle->issuer->name) : get_name (self->settings->subject[setup->role], error);
  ClmCaEntry *entry = setup->entry = clm_ca_entry_new ();
  ClmCaTemplate template = { .algorithm = issuer != NULL ? issuer->algorithm : setup->algorithm, .subject_name = name, .issuer_name = issuer != NULL ? issuer->name : name,
                             .authority_key_id = issuer != NULL ? issuer->key_id : NULL, .spki = clm_key_get_spki (setup->key), .is_ca = TRUE,
                             .path_length = issuer != NULL ? 0 : -1, .key_usage = CLM_CA_USE_CERT_SIGN | CLM_CA_USE_CRL_SIGN };

  if (name == NULL)
    return FALSE;
  entry->role = CLM_CA_ROOT;
  entry->certificate = g_strdup (clm_ca_role_get_nick (setup->role));
  entry->profile = g_strdup ("intermediate-ca");
  entry->subject = g_strdup (self->settings->subject[setup->role]);
  entry->not_before = now - self->settings->backdate;
  entry->not_after = entry->not_before + lifetime;
  if (issuer != NULL && !clm_ca_issue_get_validity (issuer, now, lifetime, self->settings->backdate, &entry->not_before, &entry->not_after, error))
    return FALSE;
  template.not_before = entry->not_before;
  template.not_after = entry->not_after;
  entry->serial = template.serial = clm_ca_serial_new (error);
  if (entry->serial == NULL)
    return FALSE;
  entry->tbs = clm_ca_template_encode (&template, error);
  return entry->tbs != NULL && clm_ca_lint (entry->tbs, issuer, error);
}

static void
on_ca_key (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;

  setup->key = clm_ca_local_open_key_finish (CLM_CA_LOCAL (source), result, &error);
  if (setup->key != NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
open_ca_key (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Setup *setup = g_task_get_task_data (task);
  ClmKeySpec spec = { .key_type = self->settings->key_type[setup->role] };
  GError *error = NULL;

  if (!check_clock (self, &error)) {
    g_task_return_error (task, error);
    return;
  }
  /* Of a CA that exists the key must exist: never make another one over it. */
  clm_ca_local_open_key_async (self, setup->role, self->levels[setup->role].bundle == NULL ? &spec : NULL, g_task_get_cancellable (task),
                               on_ca_key, g_object_ref (task));
}

static void
save_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Setup *setup = data;
  GError *error = NULL;

  if (clm_ca_file_save (setup->path[setup->role], setup->bundle->pem, strlen (setup->bundle->pem), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
save_file (GTask *task)
{
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;

  if (setup->bundle == NULL)
    setup->bundle = clm_ca_bundle_new_from_der (setup->der, &error);
  if (setup->bundle != NULL)
    work (task, NULL, save_in_thread);
  else
    g_task_return_error (task, error);
}

static void
on_certificate_saved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  Setup *setup = g_task_get_task_data (task);
  ClmCaLevel *level = &self->levels[setup->role];
  GError *error = NULL;

  if (!clm_ca_ledger_save_certificate_finish (self->ledger, result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  g_clear_pointer (&level->bundle, clm_ca_bundle_unref);
  level->bundle = g_steal_pointer (&setup->bundle);
  level->warned = 0;
  g_message ("[authority %s] %s CA “%s” is in place", clm_backend_get_name (CLM_BACKEND (self)), clm_ca_role_get_nick (setup->role),
             level->bundle->issuer->subject);
  g_task_return_boolean (task, TRUE);
}

static void
save_copy (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Setup *setup = g_task_get_task_data (task);

  clm_ca_ledger_save_certificate_async (self->ledger, setup->role, setup->bundle->pem, NULL, on_certificate_saved, g_object_ref (task));
}

/* Root */

static void
encode_root (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (EVP_PKEY) key = clm_x509_key_from_spki (clm_key_get_spki (setup->key), &error);

  if (key != NULL)
    setup->algorithm = clm_ca_algorithm_for_key_type (clm_x509_key_get_type (key), &error);
  if (setup->algorithm != NULL && encode_ca (self, setup, NULL, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
sign_root_in_lane (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Setup *setup = data;
  GError *error = NULL;

  setup->der = clm_ca_sign (setup->key, setup->algorithm, setup->entry->tbs, cancellable, &error);
  if (setup->der != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
sign_root (GTask *task)
{
  Setup *setup = g_task_get_task_data (task);

  work (task, clm_key_get_store (setup->key), sign_root_in_lane);
}

static const ClmCaStep root_steps[] = {
  { "open-key", open_ca_key },
  { "encode", encode_root },
  { "sign", sign_root },
  { "save-file", save_file },
  { "save-copy", save_copy },
  { NULL, NULL },
};

/* Import */

static void
read_import (GTask *task)
{
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;
  g_autofree char *pem = setup->import_pem != NULL ? dup_text (setup->import_pem) : NULL;

  if (pem == NULL)
    g_set_error (&error, CLM_ERROR, CLM_ERROR_CONFIG, "ImportCertificate=: there is no file %s", setup->import_path);
  else
    setup->bundle = clm_ca_bundle_new_from_pem (pem, TRUE, &error);
  if (setup->bundle != NULL) {
    clm_ca_sequence_next (task);
    return;
  }
  g_task_return_error (task, error);
}

static void
check_import_time (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;
  gint64 not_before, not_after;

  if (check_clock (self, &error) &&
      clm_ca_issue_get_validity (setup->bundle->issuer, clm_host_get_time (clm_backend_get_host (CLM_BACKEND (self))), 60, 0, &not_before, &not_after, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
on_import_secret (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (ClmSecret) secret = clm_host_load_secret_finish (CLM_HOST (source), result, &error);

  if (secret != NULL)
    setup->import_key = clm_x509_key_from_pem (secret, &error);
  if (setup->import_key == NULL) {
    g_prefix_error (&error, "ImportKey=: ");
    if (secret != NULL) {
      error->code = CLM_ERROR_CONFIG;
      clm_error_set_hint (error, "it must be one unencrypted PRIVATE KEY block: openssl pkcs8 -topk8 -nocrypt");
    }
    g_task_return_error (task, error);
    return;
  }
  clm_ca_sequence_next (task);
}

/* Without ImportKey= the key is in the store already, under the label. */
static void
load_import_key (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);

  if (self->settings->import_key == NULL)
    clm_ca_sequence_skip_to (task, "open-imported");
  else
    clm_host_load_secret_async (clm_backend_get_host (CLM_BACKEND (self)), self->settings->import_key, g_task_get_cancellable (task),
                                on_import_secret, g_object_ref (task));
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (ClmKey) key = clm_host_import_key_finish (CLM_HOST (source), result, &error);

  /* A crash came between the import and the certificate: the next step sees whether it is this key. */
  if (key != NULL || g_error_matches (error, CLM_ERROR, CLM_ERROR_EXISTS)) {
    g_clear_error (&error);
    clm_ca_sequence_next (task);
    return;
  }
  g_prefix_error (&error, "ImportKey=: ");
  g_task_return_error (task, error);
}

static void
import_key (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (setup->import_key, &error);
  g_autoptr (ClmSecret) pkcs8 = NULL;

  if (spki != NULL && !g_bytes_equal (spki, setup->bundle->issuer->spki))
    g_set_error_literal (&error, CLM_ERROR, CLM_ERROR_CONFIG, "ImportKey=: the key does not belong to the certificate");
  else if (spki != NULL)
    pkcs8 = clm_x509_key_to_pkcs8 (setup->import_key, &error);
  g_clear_pointer (&setup->import_key, EVP_PKEY_free);
  if (pkcs8 == NULL) {
    g_task_return_error (task, error);
    return;
  }
  clm_host_import_key_async (clm_backend_get_host (CLM_BACKEND (self)), clm_ca_role_get_nick (setup->role), pkcs8, g_task_get_cancellable (task),
                             on_imported, g_object_ref (task));
}

static void
on_imported_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;

  setup->key = clm_ca_local_open_key_finish (CLM_CA_LOCAL (source), result, &error);
  if (setup->key != NULL && !g_bytes_equal (clm_key_get_spki (setup->key), setup->bundle->issuer->spki)) {
    g_clear_object (&CLM_CA_LOCAL (source)->levels[setup->role].key);
    g_set_error_literal (&error, CLM_ERROR, CLM_ERROR_CONFIG, "the store holds another key under the name “root”, which does not belong to ImportCertificate=");
  }
  if (error == NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
open_imported (GTask *task)
{
  Setup *setup = g_task_get_task_data (task);

  clm_ca_local_open_key_async (g_task_get_source_object (task), setup->role, NULL, g_task_get_cancellable (task), on_imported_opened, g_object_ref (task));
}

static const ClmCaStep import_steps[] = {
  { "read", read_import },
  { "check-time", check_import_time },
  { "load-key", load_import_key },
  { "import-key", import_key },
  { "open-imported", open_imported },
  { "save-file", save_file },
  { "save-copy", save_copy },
  { NULL, NULL },
};

/* Intermediate */

static void
encode_intermediate (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (encode_ca (self, g_task_get_task_data (task), self->levels[CLM_CA_ROOT].bundle->issuer, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
on_intermediate_signed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Setup *setup = g_task_get_task_data (task);
  GError *error = NULL;

  setup->der = clm_ca_local_sign_finish (CLM_CA_LOCAL (source), result, &error);
  if (setup->der != NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
sign_intermediate (GTask *task)
{
  Setup *setup = g_task_get_task_data (task);

  clm_ca_local_sign_async (g_task_get_source_object (task), setup->entry, FALSE, g_task_get_cancellable (task), on_intermediate_signed, g_object_ref (task));
}

static const ClmCaStep intermediate_steps[] = {
  { "open-key", open_ca_key },
  { "encode", encode_intermediate },
  { "sign", sign_intermediate },
  { "save-file", save_file },
  { "save-copy", save_copy },
  { NULL, NULL },
};

void
clm_ca_local_make_intermediate_async (ClmCaLocal *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = new_setup (self, CLM_CA_INTERMEDIATE, clm_ca_local_make_intermediate_async, cancellable, callback, user_data);

  clm_ca_sequence_start (task, intermediate_steps);
}

gboolean
clm_ca_local_make_intermediate_finish (ClmCaLocal *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
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
  Setup *outer = g_task_get_task_data (task);
  g_autoptr (GTask) inner = NULL;

  if (self->levels[CLM_CA_ROOT].bundle != NULL) {
    clm_ca_sequence_next (task);
    return;
  }
  inner = new_setup (self, CLM_CA_ROOT, get_root, g_task_get_cancellable (task), on_made, g_object_ref (task));
  if (outer->import_pem != NULL)
    ((Setup *) g_task_get_task_data (inner))->import_pem = g_bytes_ref (outer->import_pem);
  clm_ca_sequence_start (inner, self->settings->import_certificate != NULL ? import_steps : root_steps);
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
  attempt = new_setup (self, CLM_CA_ROOT, clm_ca_local_ensure_ready_async, self->stopping, on_ready, NULL);
  clm_ca_sequence_start (attempt, ready_steps);
}

gboolean
clm_ca_local_ensure_ready_finish (ClmCaLocal *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
