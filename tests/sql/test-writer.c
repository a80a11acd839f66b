/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int n_warnings;

/* Warnings are expected here, and come from the writer's thread. */
static GLogWriterOutput
count_warnings (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer unused)
{
  if (level & G_LOG_LEVEL_WARNING) {
    g_atomic_int_inc (&n_warnings);
    return G_LOG_WRITER_HANDLED;
  }
  return g_log_writer_default (level, fields, n_fields, NULL);
}

typedef struct {
  GMutex mutex;
  GCond cond;
  gboolean open;
} Gate;

static void
gate_open (Gate *gate)
{
  g_mutex_lock (&gate->mutex);
  gate->open = TRUE;
  g_cond_signal (&gate->cond);
  g_mutex_unlock (&gate->mutex);
}

/* ClmSqlFunc: keeps the writer busy until the gate opens, so that what follows forms a group. */
static gboolean
wait_at_gate (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Gate *gate = data;

  g_mutex_lock (&gate->mutex);
  while (!gate->open)
    g_cond_wait (&gate->cond, &gate->mutex);
  g_mutex_unlock (&gate->mutex);
  return TRUE;
}

typedef struct {
  guint n_done;
  GArray *written;   /* int: ids in the order of completion */
  GPtrArray *errors;
} Outcome;

static Outcome *
outcome_new (void)
{
  Outcome *outcome = g_new0 (Outcome, 1);
  outcome->written = g_array_new (FALSE, FALSE, sizeof (int));
  outcome->errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  return outcome;
}

static void
outcome_free (Outcome *outcome)
{
  g_array_unref (outcome->written);
  g_ptr_array_unref (outcome->errors);
  g_free (outcome);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Outcome, outcome_free)

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Outcome *outcome = user_data;
  g_autoptr (GError) error = NULL;
  int id = GPOINTER_TO_INT (g_task_get_task_data (G_TASK (result)));

  outcome->n_done++;
  if (clm_sql_writer_run_finish (CLM_SQL_WRITER (source), result, &error))
    g_array_append_val (outcome->written, id);
  else
    g_ptr_array_add (outcome->errors, g_steal_pointer (&error));
}

static void
wait_for (Outcome *outcome, guint n)
{
  while (outcome->n_done < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
write_items (ClmSqlWriter *writer, ClmSqlFunc func, int first, int n, Outcome *outcome)
{
  for (int i = first; i < first + n; i++)
    clm_sql_writer_run_async (writer, func, GINT_TO_POINTER (i), NULL, NULL, on_written, outcome);
}

static void
test_commits_in_groups (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (Outcome) outcome = outcome_new ();
  Gate gate = { 0 };
  ClmSqlStatistics statistics;

  clm_sql_writer_run_async (writer, wait_at_gate, &gate, NULL, NULL, NULL, NULL);
  write_items (writer, insert_item, 1, 200, outcome);
  gate_open (&gate);
  wait_for (outcome, 200);

  clm_sql_writer_get_statistics (writer, &statistics);
  g_assert_cmpint (statistics.operations, ==, 201);
  g_assert_cmpint (statistics.failed, ==, 0);
  g_assert_cmpint (statistics.commits, <=, 2);
  for (int i = 0; i < 200; i++)
    g_assert_cmpint (g_array_index (outcome->written, int, i), ==, i + 1);
  g_assert_cmpint (fixture_count (self), ==, 200);
}

static gboolean
insert_then_fail (ClmSqlConnection *connection, gpointer data, GError **error)
{
  if (!insert_item (connection, data, error))
    return FALSE;

  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "changed my mind");
  return FALSE;
}

static gboolean
break_deferred_key (ClmSqlConnection *connection, gpointer data, GError **error)
{
  return clm_sql_connection_exec (connection,
                                  "CREATE TABLE child (item REFERENCES item DEFERRABLE INITIALLY DEFERRED);"
                                  "INSERT INTO child VALUES (999)", error);
}

static gboolean
end_transaction (ClmSqlConnection *connection, gpointer data, GError **error)
{
  return clm_sql_connection_exec (connection, data, error);
}

static void
test_failure_undone_alone (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (Outcome) outcome = outcome_new ();
  Gate gate = { 0 };
  const char *const forbidden[] = { "COMMIT", "ROLLBACK", "RELEASE operation", "ATTACH ':memory:' AS other" };

  clm_sql_writer_run_async (writer, wait_at_gate, &gate, NULL, NULL, NULL, NULL);
  write_items (writer, insert_item, 1, 3, outcome);
  write_items (writer, insert_then_fail, 50, 1, outcome);
  write_items (writer, insert_item, 1, 1, outcome);
  write_items (writer, break_deferred_key, 51, 1, outcome);
  for (gsize i = 0; i < G_N_ELEMENTS (forbidden); i++)
    clm_sql_writer_run_async (writer, end_transaction, (gpointer) forbidden[i], NULL, NULL, on_written, outcome);
  write_items (writer, insert_item, 4, 3, outcome);
  gate_open (&gate);
  wait_for (outcome, 13);

  g_assert_cmpint (outcome->written->len, ==, 6);
  g_assert_error ((GError *) outcome->errors->pdata[0], CLM_ERROR, CLM_ERROR_CONFLICT);
  g_assert_error ((GError *) outcome->errors->pdata[1], CLM_ERROR, CLM_ERROR_EXISTS);
  g_assert_error ((GError *) outcome->errors->pdata[2], CLM_ERROR, CLM_ERROR_CONFLICT);
  for (guint i = 3; i < 7; i++)
    g_assert_error ((GError *) outcome->errors->pdata[i], CLM_ERROR, CLM_ERROR_FAILED);
  g_assert_cmpint (fixture_count (self), ==, 6);

  ClmSqlStatistics statistics;
  clm_sql_writer_get_statistics (writer, &statistics);
  g_assert_cmpint (statistics.failed, ==, 7);
  g_assert_cmpint (statistics.commits, <=, 2);
}

/* A file size limit stands for a full disk: the log cannot grow, so COMMIT fails. */
static void
limit_file_size (rlim_t bytes)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  limit.rlim_cur = MIN (bytes, limit.rlim_max);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

static void
test_failed_commit_fails_all (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (Outcome) outcome = outcome_new ();
  Gate gate = { 0 };

  write_items (writer, insert_item, 1, 1, outcome);
  wait_for (outcome, 1);
  g_assert_cmpint (outcome->written->len, ==, 1);

  signal (SIGXFSZ, SIG_IGN);
  int warned = g_atomic_int_get (&n_warnings);
  clm_sql_writer_run_async (writer, wait_at_gate, &gate, NULL, NULL, NULL, NULL);
  write_items (writer, insert_large_item, 10, 20, outcome);
  limit_file_size (16384);
  gate_open (&gate);
  wait_for (outcome, 21);
  limit_file_size (RLIM_INFINITY);

  g_assert_cmpint (outcome->written->len, ==, 1);
  g_assert_cmpint (outcome->errors->len, ==, 20);
  for (guint i = 0; i < 20; i++) {
    g_assert_error ((GError *) outcome->errors->pdata[i], CLM_ERROR, CLM_ERROR_STORAGE);
    g_assert_nonnull (clm_error_get_hint (outcome->errors->pdata[i]));
  }
  g_assert_cmpint (fixture_count (self), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&n_warnings), >, warned);

  write_items (writer, insert_large_item, 10, 20, outcome);
  wait_for (outcome, 41);
  g_assert_cmpint (outcome->written->len, ==, 21);
  g_assert_cmpint (fixture_count (self), ==, 21);
}

static gboolean
limit_pages (ClmSqlConnection *connection, gpointer data, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("PRAGMA max_page_count = %d", GPOINTER_TO_INT (data));

  return clm_sql_connection_exec (connection, sql, error);
}

static void
test_full_file_recovers (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (Outcome) outcome = outcome_new ();
  g_autoptr (GError) error = NULL;

  int warned = g_atomic_int_get (&n_warnings);
  g_assert_true (clm_sql_writer_run (writer, limit_pages, GINT_TO_POINTER (20), NULL, &error));
  for (int id = 1; id <= 10; id++) {
    write_items (writer, insert_large_item, id, 1, outcome);
    wait_for (outcome, id);
    g_assert_cmpint (fixture_count (self), ==, outcome->written->len);
  }
  g_assert_cmpint (outcome->written->len, >, 0);
  g_assert_cmpint (outcome->errors->len, >, 0);
  g_assert_cmpint (g_atomic_int_get (&n_warnings), >, warned);
  for (guint i = 0; i < outcome->errors->len; i++)
    g_assert_error ((GError *) outcome->errors->pdata[i], CLM_ERROR, CLM_ERROR_STORAGE);

  g_assert_true (clm_sql_writer_run (writer, limit_pages, GINT_TO_POINTER (100000), NULL, &error));
  g_assert_true (clm_sql_writer_run (writer, insert_large_item, GINT_TO_POINTER (99), NULL, &error));
  g_assert_cmpint (fixture_count (self), ==, outcome->written->len + 1);
}

static void
test_close_drains (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (Outcome) outcome = outcome_new ();

  write_items (writer, insert_item, 1, 1000, outcome);
  clm_sql_writer_close (writer);
  g_assert_cmpint (outcome->n_done, ==, 0);
  g_assert_cmpint (fixture_count (self), ==, 1000);

  write_items (writer, insert_item, 2000, 1, outcome);
  wait_for (outcome, 1001);
  g_assert_cmpint (outcome->written->len, ==, 1000);
  g_assert_error ((GError *) outcome->errors->pdata[0], CLM_ERROR, CLM_ERROR_STORAGE);
  clm_sql_writer_close (writer);
}

static void
test_flush_waits (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (Outcome) outcome = outcome_new ();

  write_items (writer, insert_item, 1, 600, outcome);
  clm_sql_writer_flush (writer);
  g_assert_cmpint (fixture_count (self), ==, 600);
  wait_for (outcome, 600);
}

static void
test_cancelled_before_start (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Outcome) outcome = outcome_new ();
  Gate gate = { 0 };

  /* the first has started and completes with the truth; the second has not */
  clm_sql_writer_run_async (writer, wait_at_gate, &gate, NULL, NULL, NULL, NULL);
  clm_sql_writer_run_async (writer, insert_item, GINT_TO_POINTER (1), NULL, cancellable, on_written, outcome);
  write_items (writer, insert_item, 2, 1, outcome);
  g_cancellable_cancel (cancellable);
  gate_open (&gate);
  wait_for (outcome, 2);
  g_assert_error ((GError *) outcome->errors->pdata[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (fixture_count (self), ==, 1);
}

typedef struct {
  Gate entered, leave;
  GThread *thread;
} Started;

static gboolean
enter_and_wait (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Started *started = data;

  started->thread = g_thread_self ();
  gate_open (&started->entered);
  return wait_at_gate (connection, &started->leave, error);
}

static void
test_started_tells_truth (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Outcome) outcome = outcome_new ();
  Started started = { 0 };

  clm_sql_writer_run_async (writer, enter_and_wait, &started, NULL, cancellable, on_written, outcome);
  wait_at_gate (NULL, &started.entered, NULL);
  g_cancellable_cancel (cancellable);
  gate_open (&started.leave);
  wait_for (outcome, 1);
  g_assert_cmpint (outcome->written->len, ==, 1);
  g_assert_true (started.thread != g_thread_self ());
}

/* The writer's last reference may be the one of the operation. */
static void
test_last_reference (Fixture *self, gconstpointer unused)
{
  for (int i = 0; i < 30; i++) {
    g_autoptr (Outcome) outcome = outcome_new ();
    ClmSqlWriter *writer = clm_sql_writer_new (fixture_open (self));

    write_items (writer, insert_item, i, 1, outcome);
    g_object_unref (writer);
    wait_for (outcome, 1);
    g_assert_cmpint (outcome->written->len, ==, 1);
  }
  g_assert_cmpint (fixture_count (self), ==, 30);
}

/* The child: writes for ever, and says every id once it is told that it is durable. */
static void
on_child_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  int *next = user_data;
  int id = GPOINTER_TO_INT (g_task_get_task_data (G_TASK (result)));

  if (!clm_sql_writer_run_finish (CLM_SQL_WRITER (source), result, NULL))
    _exit (3);
  if (write (STDOUT_FILENO, &id, sizeof id) != sizeof id)
    _exit (4);
  clm_sql_writer_run_async (CLM_SQL_WRITER (source), insert_item, GINT_TO_POINTER ((*next)++), NULL, NULL, on_child_written, next);
}

static int
child_main (const char *path, int first)
{
  g_autoptr (ClmSqlConnection) connection = clm_sql_database_open (path, &item_schema, NULL);
  if (connection == NULL)
    return 2;

  ClmSqlWriter *writer = clm_sql_writer_new (g_steal_pointer (&connection));
  int next = first;
  for (int i = 0; i < 8; i++)
    clm_sql_writer_run_async (writer, insert_item, GINT_TO_POINTER (next++), NULL, NULL, on_child_written, &next);
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

static char *program;

static GArray *
run_and_kill (const char *path, int first, guint n)
{
  g_autofree char *number = g_strdup_printf ("%d", first);
  const char *argv[] = { program, "--child", path, number, NULL };
  g_autoptr (GError) error = NULL;
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (int));
  GPid pid;
  int fd, id, status;

  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, &fd, NULL, &error);
  g_assert_no_error (error);
  while (read (fd, &id, sizeof id) == sizeof id) {
    g_array_append_val (ids, id);
    if (ids->len == n)
      kill (pid, SIGKILL);
  }
  close (fd);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
  return ids;
}

static gboolean
find_items (ClmSqlConnection *connection, gpointer data, GError **error)
{
  GArray *ids = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "SELECT 1 FROM item WHERE id = ?", error);

  for (guint i = 0; i < ids->len; i++) {
    clm_sql_statement_bind_int64 (statement, 1, g_array_index (ids, int, i));
    g_assert_cmpint (clm_sql_statement_step (statement, error), ==, CLM_SQL_STEP_ROW);
    g_assert_cmpint (clm_sql_statement_step (statement, error), ==, CLM_SQL_STEP_DONE);
  }
  return clm_sql_database_quick_check (connection, NULL, error);
}

static void
test_kill_keeps_completed (Fixture *self, gconstpointer unused)
{
  for (int round = 0; round < 4; round++) {
    g_autoptr (GArray) ids = run_and_kill (self->path, 1 + round * 1000000, 50 + 150 * round);
    g_autoptr (GError) error = NULL;
    g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));

    g_assert_cmpint (ids->len, >=, 50);
    g_assert_true (clm_sql_writer_run (writer, find_items, ids, NULL, &error));
    g_assert_no_error (error);
  }
}

int
main (int argc, char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "--child"))
    return child_main (argv[2], atoi (argv[3]));

  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (count_warnings, NULL, NULL);
  program = argv[0];
  add_test ("/writer/commits-in-groups", test_commits_in_groups);
  add_test ("/writer/failure-undone-alone", test_failure_undone_alone);
  add_test ("/writer/failed-commit-fails-all", test_failed_commit_fails_all);
  add_test ("/writer/full-file-recovers", test_full_file_recovers);
  add_test ("/writer/close-drains", test_close_drains);
  add_test ("/writer/flush-waits", test_flush_waits);
  add_test ("/writer/cancelled-before-start-not-run", test_cancelled_before_start);
  add_test ("/writer/started-tells-the-truth", test_started_tells_truth);
  add_test ("/writer/last-reference-in-completion", test_last_reference);
  add_test ("/writer/kill-keeps-completed", test_kill_keeps_completed);
  return g_test_run ();
}
