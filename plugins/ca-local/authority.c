/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-private.h"

#include "openssl-error.h"
#include "sequence.h"

G_DEFINE_FINAL_TYPE (ClmCaLocal, clm_ca_local, CLM_TYPE_AUTHORITY)

ClmCaLevel *
clm_ca_local_get_issuing (ClmCaLocal *self)
{
  return &self->levels[self->settings->has_intermediate ? CLM_CA_INTERMEDIATE : CLM_CA_ROOT];
}

char *
clm_ca_local_get_path (ClmCaLocal *self, ClmCaRole role, const char *suffix)
{
  g_autofree char *file = g_strdup_printf ("%s.%s", clm_ca_role_get_nick (role), suffix);

  return g_build_filename (self->directory, file, NULL);
}

/* Start */

static void
open_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  ClmCaLedger *ledger = clm_ca_ledger_open (data, &error);

  if (ledger != NULL)
    g_task_return_pointer (task, ledger, (GDestroyNotify) clm_ca_ledger_free);
  else
    g_task_return_error (task, error);
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  GError *error = NULL;

  self->ledger = g_task_propagate_pointer (G_TASK (result), &error);
  if (self->ledger != NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
open_ledger (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  g_autoptr (GTask) inner = g_task_new (NULL, NULL, on_opened, g_object_ref (task));

  g_task_set_source_tag (inner, open_ledger);
  g_task_set_task_data (inner, g_build_filename (self->directory, "ledger.db", NULL), g_free);
  g_task_run_in_thread (inner, open_in_thread);
}

static void
on_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  GError *error = NULL;

  self->summary = clm_ca_ledger_load_finish (self->ledger, result, &error);
  if (self->summary != NULL)
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
load_ledger (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);

  clm_ca_ledger_load_async (self->ledger, g_task_get_cancellable (task), on_loaded, g_object_ref (task));
}

/* What passes by itself must not disable the authority until the next reload: the first enrolment tries again. */
static gboolean
is_outage (const GError *error)
{
  static const ClmError outages[] = { CLM_ERROR_KEY_UNAVAILABLE, CLM_ERROR_CLOCK, CLM_ERROR_UNREACHABLE, CLM_ERROR_BUSY };

  for (guint i = 0; i < G_N_ELEMENTS (outages); i++)
    if (g_error_matches (error, CLM_ERROR, outages[i]))
      return TRUE;
  return FALSE;
}

static void
on_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = CLM_CA_LOCAL (source);
  g_autoptr (GError) error = NULL;

  if (!clm_ca_local_ensure_ready_finish (self, result, &error)) {
    if (!is_outage (error)) {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
    g_warning ("[authority %s] cannot work yet: %s", clm_backend_get_name (CLM_BACKEND (self)), error->message);
  }
  clm_ca_sequence_next (task);
}

static void
get_ready (GTask *task)
{
  clm_ca_local_ensure_ready_async (g_task_get_source_object (task), g_task_get_cancellable (task), on_ready, g_object_ref (task));
}

static void
on_key_tried (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (ClmKey) key = clm_ca_local_open_key_finish (CLM_CA_LOCAL (source), result, &error);

  if (key == NULL && g_error_matches (error, CLM_ERROR, CLM_ERROR_CONFIG)) {
    g_task_return_error (task, error);
    return;
  }
  g_clear_error (&error);
  g_task_return_boolean (task, TRUE);
}

/* So that a missing or wrong key is told at start and not at the first renewal. */
static void
try_key (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);

  if (!self->is_ready)
    g_task_return_boolean (task, TRUE);
  else
    clm_ca_local_open_key_async (self, clm_ca_local_get_issuing (self)->role, NULL, g_task_get_cancellable (task), on_key_tried, g_object_ref (task));
}

static const ClmCaStep start_steps[] = {
  { "open-ledger", open_ledger },
  { "load-ledger", load_ledger },
  { "ready", get_ready },
  { "try-key", try_key },
  { NULL, NULL },
};

static void
clm_ca_local_start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLocal *self = CLM_CA_LOCAL (backend);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, clm_ca_local_start_async);
  clm_x509_init ();
  self->settings = clm_ca_settings_load (clm_backend_get_options (backend), clm_backend_get_name (backend), &error);
  if (self->settings != NULL)
    self->directory = g_strdup (clm_host_get_private_directory (clm_backend_get_host (backend), &error));
  if (self->directory != NULL)
    clm_ca_sequence_start (task, start_steps);
  else
    g_task_return_error (task, error);
}

static gboolean
finish_boolean (ClmBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Stop */

static void
close_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ClmCaLocal *self = source;

  clm_ca_ledger_close (self->ledger);
  g_task_return_boolean (task, TRUE);
}

static void
clm_ca_local_stop_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLocal *self = CLM_CA_LOCAL (backend);
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, clm_ca_local_stop_async);
  g_cancellable_cancel (self->stopping);
  if (self->wait != NULL)
    g_cancellable_cancel (self->wait);
  g_clear_object (&self->wait);
  if (self->ledger != NULL)
    g_task_run_in_thread (task, close_in_thread);
  else
    g_task_return_boolean (task, TRUE);
}

/* Anchors and CRL */

static void
return_anchors (ClmCaLocal *self, GTask *task)
{
  g_autoptr (GPtrArray) anchors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GPtrArray *chain = self->levels[CLM_CA_ROOT].bundle->chain;

  g_ptr_array_add (anchors, g_bytes_ref (g_ptr_array_index (chain, chain->len - 1)));
  g_task_return_pointer (task, g_steal_pointer (&anchors), (GDestroyNotify) g_ptr_array_unref);
}

static void
on_ready_for_anchors (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_ca_local_ensure_ready_finish (CLM_CA_LOCAL (source), result, &error))
    return_anchors (CLM_CA_LOCAL (source), task);
  else
    g_task_return_error (task, error);
}

static void
clm_ca_local_fetch_anchors_async (ClmAuthority *authority, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (authority, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_ca_local_fetch_anchors_async);
  clm_ca_local_ensure_ready_async (CLM_CA_LOCAL (authority), cancellable, on_ready_for_anchors, task);
}

static gpointer
finish_pointer (ClmAuthority *authority, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static GPtrArray *
clm_ca_local_fetch_anchors_finish (ClmAuthority *authority, GAsyncResult *result, GError **error)
{
  return finish_pointer (authority, result, error);
}

/* CRLs: that of the CA that issues, then that of the root above it, once there is one */

static gboolean
load_crl (const char *path, gboolean is_needed, GPtrArray *crls, GError **error)
{
  GBytes *crl = NULL;

  if (!clm_ca_file_load (path, &crl, error))
    return FALSE;
  if (crl != NULL)
    g_ptr_array_add (crls, crl);
  else if (is_needed)
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "the published CRL %s is gone", path);
  return crl != NULL || !is_needed;
}

static void
read_crls_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GStrv paths = data;
  g_autoptr (GPtrArray) crls = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GError *error = NULL;

  for (guint i = 0; paths[i] != NULL; i++) {
    if (load_crl (paths[i], i == 0, crls, &error))
      continue;
    g_task_return_error (task, error);
    return;
  }
  g_task_return_pointer (task, g_steal_pointer (&crls), (GDestroyNotify) g_ptr_array_unref);
}

static void
read_crls (ClmCaLocal *self, GTask *task)
{
  ClmCaRole role = clm_ca_local_get_issuing (self)->role;
  char **paths = g_new0 (char *, CLM_CA_N_ROLES + 1);

  paths[0] = clm_ca_local_get_path (self, role, "crl");
  if (role != CLM_CA_ROOT)
    paths[1] = clm_ca_local_get_path (self, CLM_CA_ROOT, "crl");
  g_task_set_task_data (task, paths, (GDestroyNotify) g_strfreev);
  g_task_run_in_thread (task, read_crls_in_thread);
}

static void
on_first_crl (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_ca_local_publish_finish (CLM_CA_LOCAL (source), result, &error))
    read_crls (CLM_CA_LOCAL (source), task);
  else
    g_task_return_error (task, error);
}

static void
on_ready_for_crls (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = CLM_CA_LOCAL (source);
  GError *error = NULL;

  if (!clm_ca_local_ensure_ready_finish (self, result, &error))
    g_task_return_error (task, error);
  else if (clm_ca_local_get_issuing (self)->crl.next_update == 0)
    clm_ca_local_publish_async (self, clm_ca_local_get_issuing (self)->role, g_task_get_cancellable (task), on_first_crl, g_object_ref (task));
  else
    read_crls (self, task);
}

static void
clm_ca_local_fetch_crls_async (ClmAuthority *authority, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (authority, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_ca_local_fetch_crls_async);
  clm_ca_local_ensure_ready_async (CLM_CA_LOCAL (authority), cancellable, on_ready_for_crls, task);
}

static GPtrArray *
clm_ca_local_fetch_crls_finish (ClmAuthority *authority, GAsyncResult *result, GError **error)
{
  return finish_pointer (authority, result, error);
}

/* For people */

static void
describe_level (ClmCaLevel *level, GVariantDict *dict, const char *prefix)
{
  const ClmCaIssuer *issuer = level->bundle->issuer;
  g_autofree char *subject = g_strconcat (prefix, "subject", NULL), *end = g_strconcat (prefix, "not-after", NULL);
  g_autofree char *fingerprint = g_strconcat (prefix, "fingerprint", NULL), *number = g_strconcat (prefix, "crl-number", NULL);
  g_autofree char *next = g_strconcat (prefix, "crl-next-update", NULL), *key = g_strconcat (prefix, "key", NULL);

  g_variant_dict_insert (dict, subject, "s", issuer->subject);
  g_variant_dict_insert (dict, end, "x", issuer->not_after);
  g_variant_dict_insert (dict, fingerprint, "s", issuer->fingerprint);
  g_variant_dict_insert (dict, number, "t", level->crl.number);
  g_variant_dict_insert (dict, next, "x", level->crl.next_update);
  if (level->key != NULL)
    g_variant_dict_insert (dict, key, "s", clm_key_get_uri (level->key));
}

static void
clm_ca_local_describe (ClmBackend *backend, GVariantDict *dict)
{
  ClmCaLocal *self = CLM_CA_LOCAL (backend);

  g_variant_dict_insert (dict, "ready", "b", self->is_ready);
  if (self->summary != NULL) {
    g_variant_dict_insert (dict, "issued", "x", self->summary->issued);
    g_variant_dict_insert (dict, "revoked", "x", self->summary->revoked);
  }
  if (self->levels[CLM_CA_ROOT].bundle != NULL)
    describe_level (&self->levels[CLM_CA_ROOT], dict, "root-");
  if (self->settings != NULL && self->settings->has_intermediate && self->levels[CLM_CA_INTERMEDIATE].bundle != NULL)
    describe_level (&self->levels[CLM_CA_INTERMEDIATE], dict, "intermediate-");
}

/* Class */

static void
clm_ca_local_finalize (GObject *object)
{
  ClmCaLocal *self = CLM_CA_LOCAL (object);

  for (guint role = 0; role < CLM_CA_N_ROLES; role++) {
    g_clear_pointer (&self->levels[role].bundle, clm_ca_bundle_unref);
    g_clear_object (&self->levels[role].key);
    g_clear_pointer (&self->levels[role].next_round, g_ptr_array_unref);
  }
  g_clear_pointer (&self->ledger, clm_ca_ledger_free);
  g_clear_pointer (&self->summary, clm_ca_summary_free);
  g_clear_pointer (&self->settings, clm_ca_settings_free);
  g_clear_object (&self->stopping);
  g_clear_object (&self->wait);
  g_free (self->directory);
  G_OBJECT_CLASS (clm_ca_local_parent_class)->finalize (object);
}

static void
clm_ca_local_init (ClmCaLocal *self)
{
  self->stopping = g_cancellable_new ();
  for (guint role = 0; role < CLM_CA_N_ROLES; role++) {
    self->levels[role].role = (ClmCaRole) role;
    self->levels[role].next_round = g_ptr_array_new_with_free_func (g_object_unref);
  }
}

static void
clm_ca_local_class_init (ClmCaLocalClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  ClmBackendClass *backend_class = CLM_BACKEND_CLASS (class);
  ClmAuthorityClass *authority_class = CLM_AUTHORITY_CLASS (class);

  object_class->finalize = clm_ca_local_finalize;
  backend_class->start_async = clm_ca_local_start_async;
  backend_class->start_finish = finish_boolean;
  backend_class->stop_async = clm_ca_local_stop_async;
  backend_class->stop_finish = finish_boolean;
  backend_class->describe = clm_ca_local_describe;
  authority_class->enroll_async = clm_ca_local_enroll_async;
  authority_class->enroll_finish = clm_ca_local_enroll_finish;
  authority_class->confirm_async = clm_ca_local_confirm_async;
  authority_class->confirm_finish = clm_ca_local_finish_boolean;
  authority_class->abandon_async = clm_ca_local_abandon_async;
  authority_class->abandon_finish = clm_ca_local_finish_boolean;
  authority_class->fetch_anchors_async = clm_ca_local_fetch_anchors_async;
  authority_class->fetch_anchors_finish = clm_ca_local_fetch_anchors_finish;
  authority_class->revoke_async = clm_ca_local_revoke_async;
  authority_class->revoke_finish = clm_ca_local_finish_boolean;
  authority_class->fetch_crls_async = clm_ca_local_fetch_crls_async;
  authority_class->fetch_crls_finish = clm_ca_local_fetch_crls_finish;
}
