/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-private.h"

#include "clm-error.h"

/* Pages by name */

typedef struct {
  char    *pattern;
  GStrv    states;
  char    *authority;
  gint64   expires_before;
  char    *cursor;
  guint    limit;
  ClmPage *page;
} ListWork;

static void
list_work_free (ListWork *work)
{
  g_free (work->pattern);
  g_strfreev (work->states);
  g_free (work->authority);
  g_free (work->cursor);
  g_clear_pointer (&work->page, clm_page_free);
  g_free (work);
}

static gboolean
matches (ListWork         *work,
         const ClmSummary *row)
{
  if (work->pattern && !g_pattern_match_simple (work->pattern, row->name))
    return FALSE;
  if (work->states && !g_strv_contains ((const char *const *) work->states, clm_state_get_nick (row->state)))
    return FALSE;
  if (work->authority && !g_str_equal (work->authority, row->authority))
    return FALSE;
  return work->expires_before == 0 || (row->not_after != 0 && row->not_after < work->expires_before);
}

static gboolean
read_list (ClmSqlConnection *connection,
           gpointer          data,
           GError          **error)
{
  ListWork *work = data;
  ClmPage *page = work->page;
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "SELECT " CLM_SUMMARY_COLUMNS " FROM certificates WHERE name > ? ORDER BY name", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, work->cursor);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    ClmSummary row = clm_summary_from_row (statement);

    if (!matches (work, &row))
      continue;
    if (page->rows->len == work->limit) {
      g_free (page->next);
      page->next = g_strdup (clm_page_get (page, work->limit - 1)->name);
      return TRUE;
    }
    clm_page_add (page, &row);
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
  work->page = clm_page_new ();
  clm_sql_reader_run_async (self->reader, read_list, work, NULL, cancellable, clm_inventory_on_read, task);
}

ClmPage *
clm_inventory_list_finish (ClmInventory *self,
                           GAsyncResult *result,
                           GError      **error)
{
  ListWork *work = g_task_get_task_data (G_TASK (result));

  return g_task_propagate_boolean (G_TASK (result), error) ? g_steal_pointer (&work->page) : NULL;
}

/* Changes. One read is one snapshot, so that nothing falls between its three questions. */

typedef struct {
  guint64  since;
  guint    limit;
  ClmPage *page;
} ChangesWork;

static void
changes_work_free (ChangesWork *work)
{
  g_clear_pointer (&work->page, clm_page_free);
  g_free (work);
}

static gboolean
read_number (ClmSqlConnection *connection,
             const char       *key,
             guint64          *number,
             GError          **error)
{
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "SELECT number FROM values_of_daemon WHERE key = ?", error);
  ClmSqlStep step;

  *number = 0;
  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, key);
  step = clm_sql_statement_step (statement, error);
  if (step == CLM_SQL_STEP_ROW)
    *number = (guint64) clm_sql_statement_get_int64 (statement, 0);
  return step != CLM_SQL_STEP_ERROR;
}

static gboolean
check_since (ClmSqlConnection *connection,
             ChangesWork      *work,
             GError          **error)
{
  guint64 forgotten;

  if (!read_number (connection, "forgotten", &forgotten, error) ||
      !read_number (connection, "revision", &work->page->revision, error))
    return FALSE;
  if (work->since >= forgotten && work->since <= work->page->revision)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_RESYNC_NEEDED, "what changed since revision %" G_GUINT64_FORMAT " is not known", work->since);
  return FALSE;
}

static gboolean
read_changed (ClmSqlConnection *connection,
              ChangesWork      *work,
              GError          **error)
{
  ClmPage *page = work->page;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT " CLM_SUMMARY_COLUMNS " FROM certificates WHERE revision > ? ORDER BY revision", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, (gint64) work->since);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    ClmSummary row = clm_summary_from_row (statement);

    if (page->rows->len == work->limit) {
      page->revision = clm_page_get (page, work->limit - 1)->revision;
      page->more = TRUE;
      return TRUE;
    }
    clm_page_add (page, &row);
  }
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
read_removed (ClmSqlConnection *connection,
              ChangesWork      *work,
              GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT DISTINCT name FROM removals r WHERE revision > ? AND revision <= ?"
    " AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.name = r.name)", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, (gint64) work->since);
  clm_sql_statement_bind_int64 (statement, 2, (gint64) work->page->revision);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    g_ptr_array_add (work->page->removed, clm_sql_statement_dup_text (statement, 0));
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
read_changes (ClmSqlConnection *connection,
              gpointer          data,
              GError          **error)
{
  return check_since (connection, data, error) && read_changed (connection, data, error) && read_removed (connection, data, error);
}

void
clm_inventory_list_since_async (ClmInventory       *self,
                                guint64             revision,
                                guint               limit,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ChangesWork *work = g_new0 (ChangesWork, 1);

  g_task_set_source_tag (task, clm_inventory_list_since_async);
  g_task_set_task_data (task, work, (GDestroyNotify) changes_work_free);
  work->since = revision;
  work->limit = MAX (limit, 1);
  work->page = clm_page_new ();
  clm_sql_reader_run_async (self->reader, read_changes, work, NULL, cancellable, clm_inventory_on_read, task);
}

ClmPage *
clm_inventory_list_since_finish (ClmInventory *self,
                                 GAsyncResult *result,
                                 GError      **error)
{
  ChangesWork *work = g_task_get_task_data (G_TASK (result));

  return g_task_propagate_boolean (G_TASK (result), error) ? g_steal_pointer (&work->page) : NULL;
}

/* History */

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
