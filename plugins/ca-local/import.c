/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "setup.h"

#include "key.h"
#include "sequence.h"

static void
read_import (GTask *task)
{
  ClmCaSetup *setup = g_task_get_task_data (task);
  GError *error = NULL;
  g_autofree char *pem = setup->import_pem != NULL ? clm_ca_setup_dup_text (setup->import_pem) : NULL;

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
  ClmCaSetup *setup = g_task_get_task_data (task);
  GError *error = NULL;
  gint64 not_before, not_after;

  if (clm_ca_setup_check_clock (self, &error) &&
      clm_ca_issue_get_validity (setup->bundle->issuer, clm_host_get_time (clm_backend_get_host (CLM_BACKEND (self))), 60, 0, &not_before, &not_after, &error))
    clm_ca_sequence_next (task);
  else
    g_task_return_error (task, error);
}

static void
on_import_secret (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmCaSetup *setup = g_task_get_task_data (task);
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
  ClmCaSetup *setup = g_task_get_task_data (task);
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
  ClmCaSetup *setup = g_task_get_task_data (task);
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
  ClmCaSetup *setup = g_task_get_task_data (task);

  clm_ca_local_open_key_async (g_task_get_source_object (task), setup->role, NULL, g_task_get_cancellable (task), on_imported_opened, g_object_ref (task));
}

static const ClmCaStep import_steps[] = {
  { "read", read_import },
  { "check-time", check_import_time },
  { "load-key", load_import_key },
  { "import-key", import_key },
  { "open-imported", open_imported },
  { "save-file", clm_ca_setup_save_file },
  { "save-copy", clm_ca_setup_save_copy },
  { NULL, NULL },
};

void
clm_ca_setup_import_root (GTask *task)
{
  clm_ca_sequence_start (task, import_steps);
}
