/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "setup.h"

#include <string.h>

#include "key.h"
#include "lint.h"
#include "sequence.h"
#include "serial.h"

gboolean
clm_ca_setup_check_clock (ClmCaLocal *self, GError **error)
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
encode_ca (ClmCaLocal *self, ClmCaSetup *setup, const ClmCaIssuer *issuer, GError **error)
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
  ClmCaSetup *setup = g_task_get_task_data (task);
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
  ClmCaSetup *setup = g_task_get_task_data (task);
  ClmKeySpec spec = { .key_type = self->settings->key_type[setup->role] };
  GError *error = NULL;

  if (!clm_ca_setup_check_clock (self, &error)) {
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
  ClmCaSetup *setup = data;
  GError *error = NULL;

  if (clm_ca_file_save (setup->path[setup->role], setup->bundle->pem, strlen (setup->bundle->pem), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
clm_ca_setup_save_file (GTask *task)
{
  ClmCaSetup *setup = g_task_get_task_data (task);
  GError *error = NULL;

  if (setup->bundle == NULL)
    setup->bundle = clm_ca_bundle_new_from_der (setup->der, &error);
  if (setup->bundle != NULL)
    clm_ca_setup_work (task, NULL, save_in_thread);
  else
    g_task_return_error (task, error);
}

static void
on_certificate_saved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaLocal *self = g_task_get_source_object (task);
  ClmCaSetup *setup = g_task_get_task_data (task);
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

void
clm_ca_setup_save_copy (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  ClmCaSetup *setup = g_task_get_task_data (task);

  clm_ca_ledger_save_certificate_async (self->ledger, setup->role, setup->bundle->pem, NULL, on_certificate_saved, g_object_ref (task));
}

/* Root */

static void
encode_root (GTask *task)
{
  ClmCaLocal *self = g_task_get_source_object (task);
  ClmCaSetup *setup = g_task_get_task_data (task);
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
  ClmCaSetup *setup = data;
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
  ClmCaSetup *setup = g_task_get_task_data (task);

  clm_ca_setup_work (task, clm_key_get_store (setup->key), sign_root_in_lane);
}

static const ClmCaStep root_steps[] = {
  { "open-key", open_ca_key },
  { "encode", encode_root },
  { "sign", sign_root },
  { "save-file", clm_ca_setup_save_file },
  { "save-copy", clm_ca_setup_save_copy },
  { NULL, NULL },
};

void
clm_ca_setup_make_root (GTask *task)
{
  clm_ca_sequence_start (task, root_steps);
}

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
  ClmCaSetup *setup = g_task_get_task_data (task);
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
  ClmCaSetup *setup = g_task_get_task_data (task);

  clm_ca_local_sign_async (g_task_get_source_object (task), setup->entry, FALSE, g_task_get_cancellable (task), on_intermediate_signed, g_object_ref (task));
}

static const ClmCaStep intermediate_steps[] = {
  { "open-key", open_ca_key },
  { "encode", encode_intermediate },
  { "sign", sign_intermediate },
  { "save-file", clm_ca_setup_save_file },
  { "save-copy", clm_ca_setup_save_copy },
  { NULL, NULL },
};

void
clm_ca_local_make_intermediate_async (ClmCaLocal *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = clm_ca_setup_new (self, CLM_CA_INTERMEDIATE, clm_ca_local_make_intermediate_async, cancellable, callback, user_data);

  clm_ca_sequence_start (task, intermediate_steps);
}

gboolean
clm_ca_local_make_intermediate_finish (ClmCaLocal *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
