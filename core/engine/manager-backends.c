/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

/* What is configured, and what its keys, CRLs and anchors are */

void
clm_backend_info_free (ClmBackendInfo *self)
{
  g_free (self->kind);
  g_free (self->name);
  g_free (self->plugin);
  g_free (self->state);
  g_free (self->error);
  g_clear_pointer (&self->details, g_variant_unref);
  g_free (self);
}

static void
add_info (const ClmInstanceInfo *instance,
          gpointer               user_data)
{
  ClmBackendInfo *info = g_new0 (ClmBackendInfo, 1);
  gboolean started = instance->backend && clm_backend_is_started (instance->backend);

  info->kind = g_strdup (instance->kind);
  info->name = g_strdup (instance->name);
  info->plugin = g_strdup (instance->plugin);
  info->state = g_strdup (started ? "started" : instance->starting ? "starting" : "failed");
  info->error = g_strdup (instance->error ? instance->error->message : "");
  info->details = g_variant_ref_sink (started ? clm_backend_describe (instance->backend) : g_variant_new ("a{sv}", NULL));
  g_ptr_array_add (user_data, info);
}

GPtrArray *
clm_manager_list_backends (ClmManager *self,
                           const char *kind)
{
  GPtrArray *infos = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_backend_info_free);

  clm_registry_foreach (self->engine.registry, kind, add_info, infos);
  return infos;
}

ClmBackendInfo *
clm_manager_get_backend (ClmManager *self,
                         const char *kind,
                         const char *name,
                         GError    **error)
{
  g_autoptr (GPtrArray) infos = clm_manager_list_backends (self, kind);

  for (guint i = 0; i < infos->len; i++) {
    if (g_str_equal (((ClmBackendInfo *) g_ptr_array_index (infos, i))->name, name))
      return g_ptr_array_steal_index (infos, i);
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no %s named “%s”", kind, name);
  return NULL;
}

GBytes *
clm_manager_get_crl (ClmManager *self,
                     const char *authority,
                     GError    **error)
{
  GBytes *crl = clm_publication_get_crl (self->publication, authority);

  if (crl)
    return g_bytes_ref (crl);
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "authority “%s” has published no CRL", authority);
  return NULL;
}

GBytes *
clm_manager_get_anchors (ClmManager *self,
                         const char *authority,
                         GError    **error)
{
  GBytes *anchors = clm_publication_get_anchors (self->publication, authority);

  if (anchors)
    return g_bytes_ref (anchors);
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "authority “%s” has published no trust anchors", authority);
  return NULL;
}

static void
on_keys_listed (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GPtrArray *keys = clm_key_store_list_finish (CLM_KEY_STORE (source), result, &error);

  if (keys)
    g_task_return_pointer (task, keys, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
clm_manager_list_keys_async (ClmManager         *self,
                             const char         *key_store,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;
  g_autoptr (ClmKeyStore) store = clm_registry_get_key_store (self->engine.registry, key_store, &error);

  g_task_set_source_tag (task, clm_manager_list_keys_async);
  if (store)
    clm_key_store_list_async (store, cancellable, on_keys_listed, g_steal_pointer (&task));
  else
    g_task_return_error (task, error);
}

GPtrArray *
clm_manager_list_keys_finish (ClmManager   *self,
                              GAsyncResult *result,
                              GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Plugins */

void
clm_plugin_row_free (ClmPluginRow *self)
{
  g_free (self->name);
  g_free (self->version);
  g_free (self->summary);
  g_free (self->path);
  g_free (self->error);
  g_free (self);
}

static ClmPluginRow *
make_plugin_row (ClmManager *self,
                 const char *name)
{
  GPtrArray *loaded = clm_plugin_loader_list_loaded (self->loader);
  ClmPluginRow *row = g_new0 (ClmPluginRow, 1);

  row->name = g_strdup (name);
  row->path = g_strdup_printf ("%s/%s.so", self->plugin_dir, name);
  row->error = g_strdup ("");
  for (guint i = 0; i < loaded->len; i++) {
    ClmPlugin *plugin = g_ptr_array_index (loaded, i);

    if (!g_str_equal (clm_plugin_get_name (plugin), name))
      continue;
    row->loaded = TRUE;
    row->version = g_strdup (clm_plugin_get_version (plugin));
    row->summary = g_strdup (clm_plugin_get_summary (plugin));
  }
  g_ptr_array_unref (loaded);
  if (!row->loaded) {
    row->version = g_strdup ("");
    row->summary = g_strdup ("");
  }
  return row;
}

GPtrArray *
clm_manager_list_plugins (ClmManager *self)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_plugin_row_free);
  g_auto (GStrv) names = clm_plugin_loader_list_available (self->loader);

  for (guint i = 0; names[i]; i++)
    g_ptr_array_add (rows, make_plugin_row (self, names[i]));
  return rows;
}
