/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-private.h"

typedef struct {
  char      *pattern;
  GStrv      states;
  char      *authority;
  gint64     expires_before;
  char      *cursor;
  guint      limit;
  GPtrArray *records;
  char      *next;
} ListWork;

static void
list_work_free (ListWork *work)
{
  g_free (work->pattern);
  g_strfreev (work->states);
  g_free (work->authority);
  g_free (work->cursor);
  g_clear_pointer (&work->records, g_ptr_array_unref);
  g_free (work->next);
  g_free (work);
}

static gboolean
matches (ListWork  *work,
         ClmRecord *record)
{
  if (work->pattern && !g_pattern_match_simple (work->pattern, record->name))
    return FALSE;
  if (work->states && !g_strv_contains ((const char *const *) work->states, clm_state_get_nick (record->state)))
    return FALSE;
  if (work->authority && !g_str_equal (work->authority, record->authority))
    return FALSE;
  return work->expires_before == 0 || (record->not_after != 0 && record->not_after < work->expires_before);
}

static gboolean
read_list (ClmSqlConnection *connection,
           gpointer          data,
           GError          **error)
{
  ListWork *work = data;
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, CLM_RECORD_SELECT "WHERE c.name > ? ORDER BY c.name", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, work->cursor);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    g_autoptr (ClmRecord) record = clm_record_from_row (statement);

    if (!matches (work, record))
      continue;
    if (work->records->len == work->limit) {
      ClmRecord *last = g_ptr_array_index (work->records, work->limit - 1);

      work->next = g_strdup (last->name);
      return TRUE;
    }
    g_ptr_array_add (work->records, g_steal_pointer (&record));
  }
  return step == CLM_SQL_STEP_DONE;
}

void
clm_inventory_list_async (ClmInventory             *self,
                          const ClmInventoryFilter *filter,
                          const char               *cursor,
                          guint                     limit,
                          GCancellable             *cancellable,
                          GAsyncReadyCallback       callback,
                          gpointer                  user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ListWork *work = g_new0 (ListWork, 1);

  g_task_set_source_tag (task, clm_inventory_list_async);
  g_task_set_task_data (task, work, (GDestroyNotify) list_work_free);
  work->pattern = g_strdup (filter->pattern);
  work->states = g_strdupv ((GStrv) filter->states);
  work->authority = g_strdup (filter->authority);
  work->expires_before = filter->expires_before;
  work->cursor = g_strdup (cursor);
  work->limit = MAX (limit, 1);
  work->records = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_record_free);
  clm_sql_reader_run_async (self->reader, read_list, work, NULL, cancellable, clm_inventory_on_read, task);
}

GPtrArray *
clm_inventory_list_finish (ClmInventory *self,
                           GAsyncResult *result,
                           char        **next,
                           GError      **error)
{
  ListWork *work = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return NULL;
  *next = work->next ? g_steal_pointer (&work->next) : g_strdup ("");
  return g_steal_pointer (&work->records);
}

typedef struct {
  char      *subject;
  guint64    before;
  guint      limit;
  GPtrArray *rows;
} HistoryWork;

static void
history_work_free (HistoryWork *work)
{
  g_free (work->subject);
  g_clear_pointer (&work->rows, g_ptr_array_unref);
  g_free (work);
}

static gboolean
read_history (ClmSqlConnection *connection,
              gpointer          data,
              GError          **error)
{
  HistoryWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, work->subject ?
    "SELECT " CLM_HISTORY_COLUMNS " FROM history WHERE sequence < ?1 AND subject = ?3 ORDER BY sequence DESC LIMIT ?2" :
    "SELECT " CLM_HISTORY_COLUMNS " FROM history WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, work->before ? (gint64) work->before : G_MAXINT64);
  clm_sql_statement_bind_int64 (statement, 2, work->limit);
  if (work->subject)
    clm_sql_statement_bind_text (statement, 3, work->subject);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    g_ptr_array_add (work->rows, clm_history_row_from_row (statement));
  return step == CLM_SQL_STEP_DONE;
}

void
clm_inventory_history_async (ClmInventory       *self,
                             const char         *subject,
                             guint64             before,
                             guint               limit,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  HistoryWork *work = g_new0 (HistoryWork, 1);

  g_task_set_source_tag (task, clm_inventory_history_async);
  g_task_set_task_data (task, work, (GDestroyNotify) history_work_free);
  work->subject = g_strdup (subject);
  work->before = before;
  work->limit = limit;
  work->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_history_row_free);
  clm_sql_reader_run_async (self->reader, read_history, work, NULL, cancellable, clm_inventory_on_read, task);
}

GPtrArray *
clm_inventory_history_finish (ClmInventory *self,
                              GAsyncResult *result,
                              GError      **error)
{
  HistoryWork *work = g_task_get_task_data (G_TASK (result));

  return g_task_propagate_boolean (G_TASK (result), error) ? g_steal_pointer (&work->rows) : NULL;
}
