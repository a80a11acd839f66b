/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-private.h"

typedef struct {
  char   *kind, *name, *key;
  GBytes *value;
} ValueWork;

static void
value_work_free (ValueWork *work)
{
  g_free (work->kind);
  g_free (work->name);
  g_free (work->key);
  g_clear_pointer (&work->value, g_bytes_unref);
  g_free (work);
}

static GTask *
begin_value (ClmInventory       *self,
             gpointer            tag,
             const char         *kind,
             const char         *name,
             const char         *key,
             GBytes             *value,
             GCancellable       *cancellable,
             GAsyncReadyCallback callback,
             gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ValueWork *work = g_new0 (ValueWork, 1);

  work->kind = g_strdup (kind);
  work->name = g_strdup (name);
  work->key = g_strdup (key);
  work->value = value ? g_bytes_ref (value) : NULL;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, work, (GDestroyNotify) value_work_free);
  return task;
}

static void
bind_value_key (ClmSqlStatement *statement,
                ValueWork       *work)
{
  clm_sql_statement_bind_text (statement, 1, work->kind);
  clm_sql_statement_bind_text (statement, 2, work->name);
  clm_sql_statement_bind_text (statement, 3, work->key);
}

static gboolean
read_value (ClmSqlConnection *connection,
            gpointer          data,
            GError          **error)
{
  ValueWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT value FROM backend_values WHERE kind = ? AND name = ? AND key = ?", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  bind_value_key (statement, work);
  step = clm_sql_statement_step (statement, error);
  if (step == CLM_SQL_STEP_ROW)
    work->value = clm_sql_statement_get_blob (statement, 0);
  return step != CLM_SQL_STEP_ERROR;
}

void
clm_inventory_load_value_async (ClmInventory       *self,
                                const char         *kind,
                                const char         *name,
                                const char         *key,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  GTask *task = begin_value (self, clm_inventory_load_value_async, kind, name, key, NULL, cancellable, callback, user_data);

  clm_sql_reader_run_async (self->reader, read_value, g_task_get_task_data (task), NULL, cancellable, clm_inventory_on_read, task);
}

gboolean
clm_inventory_load_value_finish (ClmInventory *self,
                                 GAsyncResult *result,
                                 GBytes      **value,
                                 GError      **error)
{
  ValueWork *work = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *value = g_steal_pointer (&work->value);
  return TRUE;
}

static gboolean
write_value (ClmSqlConnection *connection,
             gpointer          data,
             GError          **error)
{
  ValueWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, work->value ?
    "INSERT OR REPLACE INTO backend_values (kind, name, key, value) VALUES (?, ?, ?, ?)" :
    "DELETE FROM backend_values WHERE kind = ? AND name = ? AND key = ?", error);

  if (!statement)
    return FALSE;
  bind_value_key (statement, work);
  if (work->value)
    clm_sql_statement_bind_blob (statement, 4, work->value);
  return clm_sql_statement_run (statement, error);
}

void
clm_inventory_save_value_async (ClmInventory       *self,
                                const char         *kind,
                                const char         *name,
                                const char         *key,
                                GBytes             *value,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  GTask *task = begin_value (self, clm_inventory_save_value_async, kind, name, key, value, cancellable, callback, user_data);

  self->writing++;
  clm_sql_writer_run_async (self->writer, write_value, g_task_get_task_data (task), NULL, cancellable, clm_inventory_on_written, task);
}

gboolean
clm_inventory_save_value_finish (ClmInventory *self,
                                 GAsyncResult *result,
                                 GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
