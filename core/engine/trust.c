/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust.h"

#include "certificate.h"
#include "disk-lane.h"

#define FILE_MAX (1024 * 1024)

static GPtrArray *
read_file (const char *file,
           GError    **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) local = NULL;
  g_autoptr (GPtrArray) certificates = NULL;
  gsize size;

  if (g_file_get_contents (file, &text, &size, &local)) {
    if (size > FILE_MAX)
      g_set_error (&local, CLM_ERROR, CLM_ERROR_CONFIG, "larger than 1 MiB");
    else
      certificates = clm_x509_parse_pem (text, (gssize) size, &local);
  }
  if (certificates)
    return clm_x509_list_to_der (certificates);
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "trust anchors in “%s”: %s", file, local->message);
  return NULL;
}

static void
read_in_thread (GTask        *task,
                gpointer      source,
                gpointer      task_data,
                GCancellable *cancellable)
{
  GError *error = NULL;
  GPtrArray *anchors = read_file (task_data, &error);

  if (anchors)
    g_task_return_pointer (task, anchors, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

static void
on_fetched (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GPtrArray *anchors = clm_authority_fetch_anchors_finish (CLM_AUTHORITY (source), result, &error);

  if (anchors)
    g_task_return_pointer (task, anchors, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
clm_trust_load_async (const char         *file,
                      ClmAuthority       *authority,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_trust_load_async);
  if (file) {
    g_task_set_task_data (task, g_strdup (file), g_free);
    clm_disk_lane_run (task, read_in_thread);
  } else if (clm_authority_can_fetch_anchors (authority)) {
    clm_authority_fetch_anchors_async (authority, cancellable, on_fetched, g_steal_pointer (&task));
  } else {
    g_task_return_pointer (task, g_ptr_array_new (), (GDestroyNotify) g_ptr_array_unref);
  }
}

GPtrArray *
clm_trust_load_finish (GAsyncResult *result,
                       GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
