/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "reader.h"

#include "clm-error.h"
#include "connection-private.h"
#include "sqlite-error.h"
#include "operation.h"

#define MAX_WORKERS 8

struct _ClmSqlReader {
  GObject parent_instance;

  char *path;
  GThread *owner;
  ClmSqlConnection *own;   /* the owner's, opened with its first query */
  GThreadPool *pool;

  GMutex mutex;
  GQueue idle;             /* ClmSqlConnection, at most one per worker */
};

G_DEFINE_FINAL_TYPE (ClmSqlReader, clm_sql_reader, G_TYPE_OBJECT)

static void
end_snapshot (ClmSqlConnection *connection)
{
  g_autoptr (GError) error = NULL;

  if (sqlite3_get_autocommit (clm_sql_connection_get_handle (connection)))
    return;

  if (!clm_sql_connection_exec (connection, "ROLLBACK", &error))
    g_warning ("[database %s] cannot end a read: %s", clm_sql_connection_get_path (connection), error->message);
}

static gboolean
read_snapshot (ClmSqlConnection *connection, ClmSqlFunc func, gpointer data, GCancellable *cancellable, GError **error)
{
  if (!clm_sql_connection_exec (connection, "BEGIN", error))
    return FALSE;

  gboolean done = clm_sql_connection_call (connection, func, data, cancellable, error);
  end_snapshot (connection);
  return done;
}

static ClmSqlConnection *
take_connection (ClmSqlReader *self, GError **error)
{
  g_mutex_lock (&self->mutex);
  ClmSqlConnection *connection = g_queue_pop_head (&self->idle);
  g_mutex_unlock (&self->mutex);

  if (connection == NULL)
    return clm_sql_connection_open (self->path, TRUE, error);

  clm_sql_connection_set_thread (connection);
  return connection;
}

static void
give_connection (ClmSqlReader *self, ClmSqlConnection *connection)
{
  g_mutex_lock (&self->mutex);
  g_queue_push_head (&self->idle, connection);
  g_mutex_unlock (&self->mutex);
}

static void
run_operation (gpointer data, gpointer user_data)
{
  ClmSqlOperation *operation = data;
  ClmSqlReader *self = user_data;

  if (!g_cancellable_set_error_if_cancelled (operation->cancellable, &operation->error)) {
    ClmSqlConnection *connection = take_connection (self, &operation->error);

    if (connection != NULL) {
      if (read_snapshot (connection, operation->func, operation->data, operation->cancellable, &operation->error))
        g_assert (operation->error == NULL);
      give_connection (self, connection);
    }
  }
  /* from here on the reader may end at any moment */
  clm_sql_operation_complete (operation);
}

void
clm_sql_reader_run_async (ClmSqlReader *self, ClmSqlFunc func, gpointer data, GDestroyNotify destroy,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_SQL_READER (self));
  g_return_if_fail (func != NULL);

  GTask *task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_sql_reader_run_async);
  g_task_set_task_data (task, data, destroy);

  /* Fails only where no thread can be made, and then keeps the operation for the next one that ends. */
  g_thread_pool_push (self->pool, clm_sql_operation_new (func, data, cancellable, task), NULL);
}

gboolean
clm_sql_reader_run_finish (ClmSqlReader *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, clm_sql_reader_run_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
clm_sql_reader_query (ClmSqlReader *self, ClmSqlFunc func, gpointer data, GError **error)
{
  g_return_val_if_fail (CLM_IS_SQL_READER (self), FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (self->owner == g_thread_self (), FALSE);

  if (self->own == NULL)
    self->own = clm_sql_connection_open (self->path, TRUE, error);
  if (self->own == NULL)
    return FALSE;

  return read_snapshot (self->own, func, data, NULL, error);
}

static void
clm_sql_reader_finalize (GObject *object)
{
  ClmSqlReader *self = CLM_SQL_READER (object);

  /* Nothing is queued: each operation's task holds a reference. A worker may still be on its way out. */
  g_thread_pool_free (self->pool, FALSE, TRUE);
  g_clear_pointer (&self->own, clm_sql_connection_unref);
  g_queue_clear_full (&self->idle, (GDestroyNotify) clm_sql_connection_unref);
  g_mutex_clear (&self->mutex);
  g_free (self->path);

  G_OBJECT_CLASS (clm_sql_reader_parent_class)->finalize (object);
}

static void
clm_sql_reader_class_init (ClmSqlReaderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_sql_reader_finalize;
}

static void
clm_sql_reader_init (ClmSqlReader *self)
{
  g_mutex_init (&self->mutex);
  g_queue_init (&self->idle);
}

ClmSqlReader *
clm_sql_reader_new (const char *path, guint n_workers)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (n_workers >= 1 && n_workers <= MAX_WORKERS, NULL);

  ClmSqlReader *self = g_object_new (CLM_TYPE_SQL_READER, NULL);
  self->path = g_strdup (path);
  self->owner = g_thread_self ();
  self->pool = g_thread_pool_new (run_operation, self, n_workers, FALSE, NULL);
  return self;
}
