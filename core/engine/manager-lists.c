/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

static void
drop_hidden (ClmManager      *self,
             const ClmCaller *caller,
             ClmPage         *page)
{
  for (guint i = page->rows->len; i-- > 0;) {
    if (!clm_manager_may (self, caller, CLM_VERB_READ, clm_page_get (page, i)->name))
      clm_page_drop (page, i);
  }
  for (guint i = page->removed->len; i-- > 0;) {
    if (!clm_manager_may (self, caller, CLM_VERB_READ, g_ptr_array_index (page->removed, i)))
      g_ptr_array_remove_index (page->removed, i);
  }
}

static void
return_page (GTask   *task,
             ClmPage *page,
             GError  *error)
{
  if (!page) {
    g_task_return_error (task, error);
    return;
  }
  drop_hidden (g_task_get_source_object (task), g_task_get_task_data (task), page);
  g_task_return_pointer (task, page, (GDestroyNotify) clm_page_free);
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  ClmPage *page = clm_inventory_list_finish (CLM_INVENTORY (source), result, &error);

  return_page (task, page, error);
}

void
clm_manager_list_async (ClmManager          *self,
                        const ClmCaller     *caller,
                        const ClmListFilter *filter,
                        const char          *cursor,
                        guint                limit,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ClmInventoryFilter inner = { filter->pattern, filter->states, filter->authority, filter->expires_before };

  g_task_set_source_tag (task, clm_manager_list_async);
  g_task_set_task_data (task, clm_caller_copy (caller), (GDestroyNotify) clm_caller_free);
  clm_inventory_list_async (self->engine.inventory, &inner, cursor, CLAMP (limit, 1, 1000), cancellable, on_listed, task);
}

ClmPage *
clm_manager_list_finish (ClmManager   *self,
                         GAsyncResult *result,
                         GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_changes_listed (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  ClmPage *page = clm_inventory_list_since_finish (CLM_INVENTORY (source), result, &error);

  return_page (task, page, error);
}

void
clm_manager_list_since_async (ClmManager          *self,
                              const ClmCaller     *caller,
                              guint64              revision,
                              guint                limit,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_manager_list_since_async);
  g_task_set_task_data (task, clm_caller_copy (caller), (GDestroyNotify) clm_caller_free);
  clm_inventory_list_since_async (self->engine.inventory, revision, CLAMP (limit, 1, 1000), cancellable, on_changes_listed, task);
}

ClmPage *
clm_manager_list_since_finish (ClmManager   *self,
                               GAsyncResult *result,
                               GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_history_read (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GPtrArray *rows = clm_inventory_history_finish (CLM_INVENTORY (source), result, &error);

  if (rows)
    g_task_return_pointer (task, rows, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
clm_manager_history_async (ClmManager         *self,
                           const char         *subject,
                           guint64             before,
                           guint               limit,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_manager_history_async);
  clm_inventory_history_async (self->engine.inventory, subject, before, CLAMP (limit, 1, 1000), cancellable, on_history_read, task);
}

GPtrArray *
clm_manager_history_finish (ClmManager   *self,
                            GAsyncResult *result,
                            GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
