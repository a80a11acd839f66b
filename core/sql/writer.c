/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "writer.h"

#include "clm-error.h"
#include "connection-private.h"
#include "sqlite-error.h"
#include "operation.h"

#define MAX_GROUP 256
#define MAX_QUEUED 65536
#define GATHER_US 3000

struct _ClmSqlWriter {
  GObject parent_instance;

  char *path;
  ClmSqlConnection *connection;   /* the thread's, from its start to its end */
  GThread *thread;                /* NULL once closed */

  GMutex mutex;
  GCond queue_changed;
  GCond group_done;
  GQueue queue;                   /* ClmSqlOperation */
  guint64 n_queued;               /* ever */
  guint64 n_done;                 /* ever */
  gboolean closing;
  guint last_group;               /* how many the last commit was for */
  ClmSqlStatistics statistics;
};

static void clm_sql_writer_init (ClmSqlWriter *self);
static void clm_sql_writer_class_init (ClmSqlWriterClass *class);

static gpointer clm_sql_writer_parent_class = NULL;

static void
clm_sql_writer_class_intern_init (gpointer class, gpointer data)
{
  clm_sql_writer_parent_class = g_type_class_peek_parent (class);
  clm_sql_writer_class_init (class);
}

static void
clm_sql_writer_intern_init (GTypeInstance *instance, gpointer class)
{
  clm_sql_writer_init ((ClmSqlWriter *) instance);
}

/* This library is linked into the daemon and into plugins, and GObject knows a type's name once per process: each copy registers
 * its own type under a name of its own. */
GType
clm_sql_writer_get_type (void)
{
  static gsize type = 0;

  if (g_once_init_enter (&type)) {
    g_autofree char *name = g_strdup_printf ("ClmSqlWriter-%p", (void *) &type);
    GType registered = g_type_register_static_simple (G_TYPE_OBJECT, g_intern_string (name), sizeof (ClmSqlWriterClass),
                                                      clm_sql_writer_class_intern_init, sizeof (ClmSqlWriter),
                                                      clm_sql_writer_intern_init, G_TYPE_FLAG_FINAL);

    g_once_init_leave (&type, registered);
  }
  return type;
}

static gboolean
run_savepoint (ClmSqlWriter *self, const char *sql, GError **error)
{
  return clm_sql_connection_exec (self->connection, sql, error);
}

static gboolean
has_transaction (ClmSqlWriter *self)
{
  return !sqlite3_get_autocommit (clm_sql_connection_get_handle (self->connection));
}

/* A deferred foreign key would fail the COMMIT, and with it the innocent rest of the group. */
static gboolean
check_deferred_keys (ClmSqlWriter *self, GError **error)
{
  int pending = 0, highest = 0;

  sqlite3_db_status (clm_sql_connection_get_handle (self->connection), SQLITE_DBSTATUS_DEFERRED_FKS, &pending, &highest, FALSE);
  if (pending == 0)
    return TRUE;

  clm_sql_error_set (error, self->path, SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed");
  return FALSE;
}

static gboolean
undo (ClmSqlWriter *self)
{
  g_autoptr (GError) error = NULL;

  if (has_transaction (self) && run_savepoint (self, "ROLLBACK TO operation; RELEASE operation", &error))
    return TRUE;

  if (error != NULL)
    g_debug ("[database %s] %s", self->path, error->message);
  return FALSE;
}

/* Returns: FALSE if the whole transaction is lost. */
static gboolean
run_operation (ClmSqlWriter *self, ClmSqlOperation *operation)
{
  if (g_cancellable_set_error_if_cancelled (operation->cancellable, &operation->error))
    return TRUE;

  if (!run_savepoint (self, "SAVEPOINT operation", &operation->error))
    return FALSE;

  if (clm_sql_connection_call (self->connection, operation->func, operation->data, NULL, &operation->error) &&
      check_deferred_keys (self, &operation->error) && has_transaction (self) &&
      run_savepoint (self, "RELEASE operation", &operation->error))
    return TRUE;

  return undo (self);
}

/* SQLite itself ends a transaction when the disk is full or fails. What was done before in it is gone as well. */
static void
fail_group (GPtrArray *group, guint n_run, const GError *cause)
{
  for (guint i = 0; i < n_run; i++) {
    ClmSqlOperation *operation = g_ptr_array_index (group, i);

    if (operation->error != NULL)
      continue;

    g_set_error (&operation->error, CLM_ERROR, CLM_ERROR_STORAGE, "not written: %s",
                 cause != NULL ? cause->message : "the transaction was lost");
    const char *hint = clm_error_get_hint (cause);
    clm_error_set_hint (operation->error, "%s", hint != NULL ? hint : "see the log for the cause");
  }
}

static void
roll_back (ClmSqlWriter *self)
{
  g_autoptr (GError) error = NULL;

  if (has_transaction (self) && !clm_sql_connection_exec (self->connection, "ROLLBACK", &error))
    g_warning ("[database %s] cannot roll back: %s", self->path, error->message);
}

static gboolean
commit (ClmSqlWriter *self, GPtrArray *group, guint n_run)
{
  g_autoptr (GError) error = NULL;

  if (clm_sql_connection_exec (self->connection, "COMMIT", &error))
    return TRUE;

  g_warning ("[database %s] a group of %u was not written: %s", self->path, n_run, error->message);
  roll_back (self);
  fail_group (group, n_run, error);
  return FALSE;
}

/* Runs @group until its end or until the transaction is lost. Returns: how many have their outcome. */
static guint
run_transaction (ClmSqlWriter *self, GPtrArray *group, gboolean *committed)
{
  g_autoptr (GError) error = NULL;

  *committed = FALSE;
  if (!clm_sql_connection_exec (self->connection, "BEGIN IMMEDIATE", &error)) {
    g_warning ("[database %s] cannot write: %s", self->path, error->message);
    fail_group (group, group->len, error);
    return group->len;
  }

  for (guint i = 0; i < group->len; i++) {
    ClmSqlOperation *operation = g_ptr_array_index (group, i);

    if (run_operation (self, operation))
      continue;

    g_warning ("[database %s] a group was not written", self->path);
    roll_back (self);
    fail_group (group, i + 1, operation->error);
    return i + 1;
  }

  *committed = commit (self, group, group->len);
  return group->len;
}

static void
note_outcome (ClmSqlWriter *self, GPtrArray *group, guint n_run, gboolean committed)
{
  self->statistics.operations += n_run;
  self->statistics.commits += committed ? 1 : 0;
  for (guint i = 0; i < n_run; i++) {
    ClmSqlOperation *operation = g_ptr_array_index (group, i);

    self->statistics.failed += operation->error != NULL ? 1 : 0;
    if (operation->task == NULL)
      operation->finished = TRUE;   /* its owner, the blocked caller, may free it as soon as the lock is released */
    else
      clm_sql_operation_complete (operation);
  }
  self->n_done += n_run;
  g_cond_broadcast (&self->group_done);
}

static void
run_group (ClmSqlWriter *self, GPtrArray *group)
{
  while (group->len > 0) {
    gboolean committed;
    guint n_run = run_transaction (self, group, &committed);

    g_mutex_lock (&self->mutex);
    note_outcome (self, group, n_run, committed);
    g_mutex_unlock (&self->mutex);
    g_ptr_array_remove_range (group, 0, n_run);
  }
}

/* Where several came together, more are on their way, and one commit costs the same for all. Who comes alone never waits. */
static void
gather (ClmSqlWriter *self)
{
  gint64 end = g_get_monotonic_time () + GATHER_US;

  if (self->last_group < 2)
    return;
  while (self->queue.length < self->last_group && !self->closing && g_cond_wait_until (&self->queue_changed, &self->mutex, end))
    ;
}

/* Returns: FALSE when there is nothing left to do for ever. */
static gboolean
wait_for_group (ClmSqlWriter *self, GPtrArray *group)
{
  g_mutex_lock (&self->mutex);
  while (g_queue_is_empty (&self->queue) && !self->closing)
    g_cond_wait (&self->queue_changed, &self->mutex);

  gather (self);
  self->last_group = MIN (self->queue.length, MAX_GROUP);
  while (group->len < MAX_GROUP && !g_queue_is_empty (&self->queue))
    g_ptr_array_add (group, g_queue_pop_head (&self->queue));
  g_mutex_unlock (&self->mutex);
  return group->len > 0;
}

static gpointer
thread_main (gpointer data)
{
  ClmSqlWriter *self = data;
  g_autoptr (GPtrArray) group = g_ptr_array_sized_new (MAX_GROUP);

  clm_sql_connection_set_thread (self->connection);
  while (wait_for_group (self, group))
    run_group (self, group);

  g_clear_pointer (&self->connection, clm_sql_connection_unref);
  return NULL;
}

static gboolean
enqueue (ClmSqlWriter *self, ClmSqlOperation *operation, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  if (self->closing) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "database %s: is closed", self->path);
    return FALSE;
  }

  if (self->queue.length >= MAX_QUEUED) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_LIMITS_EXCEEDED, "database %s: %d writes are waiting", self->path, MAX_QUEUED);
    return FALSE;
  }

  g_queue_push_tail (&self->queue, operation);
  self->n_queued++;
  g_cond_signal (&self->queue_changed);
  return TRUE;
}

void
clm_sql_writer_run_async (ClmSqlWriter *self, ClmSqlFunc func, gpointer data, GDestroyNotify destroy,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_SQL_WRITER (self));
  g_return_if_fail (func != NULL);

  GTask *task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_sql_writer_run_async);
  g_task_set_task_data (task, data, destroy);
  /* what is on disk is reported as written, even if the caller lost interest meanwhile */
  g_task_set_check_cancellable (task, FALSE);

  g_autoptr (ClmSqlOperation) operation = clm_sql_operation_new (func, data, cancellable, task);
  if (enqueue (self, operation, &operation->error))
    operation = NULL;
  else
    clm_sql_operation_complete (g_steal_pointer (&operation));
}

gboolean
clm_sql_writer_run_finish (ClmSqlWriter *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, clm_sql_writer_run_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
clm_sql_writer_run (ClmSqlWriter *self, ClmSqlFunc func, gpointer data, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_SQL_WRITER (self), FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (self->thread != g_thread_self (), FALSE);

  g_autoptr (ClmSqlOperation) operation = clm_sql_operation_new (func, data, cancellable, NULL);
  if (!enqueue (self, operation, error))
    return FALSE;

  g_mutex_lock (&self->mutex);
  while (!operation->finished)
    g_cond_wait (&self->group_done, &self->mutex);
  g_mutex_unlock (&self->mutex);

  if (operation->error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&operation->error));
  return FALSE;
}

void
clm_sql_writer_flush (ClmSqlWriter *self)
{
  g_return_if_fail (CLM_IS_SQL_WRITER (self));
  g_return_if_fail (self->thread != g_thread_self ());

  g_mutex_lock (&self->mutex);
  guint64 goal = self->n_queued;
  while (self->n_done < goal)
    g_cond_wait (&self->group_done, &self->mutex);
  g_mutex_unlock (&self->mutex);
}

void
clm_sql_writer_close (ClmSqlWriter *self)
{
  g_return_if_fail (CLM_IS_SQL_WRITER (self));
  g_return_if_fail (self->thread != g_thread_self ());

  g_mutex_lock (&self->mutex);
  self->closing = TRUE;
  g_cond_signal (&self->queue_changed);
  GThread *thread = g_steal_pointer (&self->thread);
  g_mutex_unlock (&self->mutex);

  if (thread != NULL)
    g_thread_join (thread);
}

const char *
clm_sql_writer_get_path (ClmSqlWriter *self)
{
  g_return_val_if_fail (CLM_IS_SQL_WRITER (self), NULL);

  return self->path;
}

void
clm_sql_writer_get_statistics (ClmSqlWriter *self, ClmSqlStatistics *statistics)
{
  g_return_if_fail (CLM_IS_SQL_WRITER (self) && statistics != NULL);

  g_mutex_lock (&self->mutex);
  *statistics = self->statistics;
  g_mutex_unlock (&self->mutex);
}

static void
clm_sql_writer_finalize (GObject *object)
{
  ClmSqlWriter *self = CLM_SQL_WRITER (object);

  clm_sql_writer_close (self);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->queue_changed);
  g_cond_clear (&self->group_done);
  g_free (self->path);

  G_OBJECT_CLASS (clm_sql_writer_parent_class)->finalize (object);
}

static void
clm_sql_writer_class_init (ClmSqlWriterClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_sql_writer_finalize;
}

static void
clm_sql_writer_init (ClmSqlWriter *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->queue_changed);
  g_cond_init (&self->group_done);
  g_queue_init (&self->queue);
}

ClmSqlWriter *
clm_sql_writer_new (ClmSqlConnection *connection)
{
  g_return_val_if_fail (connection != NULL, NULL);

  ClmSqlWriter *self = g_object_new (CLM_TYPE_SQL_WRITER, NULL);
  self->path = g_strdup (clm_sql_connection_get_path (connection));
  self->connection = connection;
  self->thread = g_thread_new ("clm-sql-writer", thread_main, self);
  return self;
}
