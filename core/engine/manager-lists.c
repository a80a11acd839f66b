/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

typedef struct {
  ClmCaller *caller;
  char      *next;
} ListWork;

static void
list_work_free (ListWork *work)
{
  clm_caller_free (work->caller);
  g_free (work->next);
  g_free (work);
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  ListWork *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GPtrArray) records = clm_inventory_list_finish (CLM_INVENTORY (source), result, &work->next, &error);

  if (!records) {
    g_task_return_error (task, error);
    return;
  }
  for (guint i = records->len; i-- > 0;) {
    ClmRecord *record = g_ptr_array_index (records, i);

    if (!clm_manager_may (self, work->caller, CLM_VERB_READ, record->name))
      g_ptr_array_remove_index (records, i);
  }
  g_task_return_pointer (task, g_steal_pointer (&records), (GDestroyNotify) g_ptr_array_unref);
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
  ListWork *work = g_new0 (ListWork, 1);

  g_task_set_source_tag (task, clm_manager_list_async);
  g_task_set_task_data (task, work, (GDestroyNotify) list_work_free);
  work->caller = clm_caller_copy (caller);
  clm_inventory_list_async (self->engine.inventory, &inner, cursor, CLAMP (limit, 1, 1000), cancellable, on_listed, task);
}

GPtrArray *
clm_manager_list_finish (ClmManager   *self,
                         GAsyncResult *result,
                         char        **next,
                         GError      **error)
{
  ListWork *work = g_task_get_task_data (G_TASK (result));
  GPtrArray *records = g_task_propagate_pointer (G_TASK (result), error);

  if (records)
    *next = g_steal_pointer (&work->next);
  return records;
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
