/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

typedef struct {
  gboolean done;
  GError *error;
} Answer;

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Answer *answer = user_data;

  answer->done = TRUE;
  gboolean read = clm_sql_reader_run_finish (CLM_SQL_READER (source), result, &answer->error);
  g_assert_true (read == (answer->error == NULL));
}

static void
wait_for (Answer *answer)
{
  while (!answer->done)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_sees_completed_write (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (ClmSqlReader) reader = clm_sql_reader_new (self->path, 2);
  g_autoptr (GError) error = NULL;

  for (int i = 1; i <= 50; i++) {
    gint64 now = 0, later = 0;
    Answer answer = { 0 };

    g_assert_true (clm_sql_writer_run (writer, insert_item, GINT_TO_POINTER (i), NULL, &error));
    g_assert_true (clm_sql_reader_query (reader, count_items, &now, &error));
    clm_sql_reader_run_async (reader, count_items, &later, NULL, NULL, on_read, &answer);
    wait_for (&answer);
    g_assert_no_error (answer.error);
    g_assert_cmpint (now, ==, i);
    g_assert_cmpint (later, ==, i);
  }
}

static void
test_cannot_write (Fixture *self, gconstpointer unused)
{
  G_GNUC_UNUSED g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (ClmSqlReader) reader = clm_sql_reader_new (self->path, 1);
  g_autoptr (GError) error = NULL;

  g_assert_false (clm_sql_reader_query (reader, insert_item, GINT_TO_POINTER (1), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_assert_cmpint (fixture_count (self), ==, 0);
}

static gboolean
count_for_ever (ClmSqlConnection *connection, gpointer data, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (
    connection, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", error);

  g_cancellable_cancel (data);
  return statement != NULL && clm_sql_statement_run (statement, error);
}

static void
test_cancel_interrupts (Fixture *self, gconstpointer unused)
{
  G_GNUC_UNUSED g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (ClmSqlReader) reader = clm_sql_reader_new (self->path, 1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Answer running = { 0 }, queued = { 0 }, other = { 0 };
  gint64 count = -1;

  clm_sql_reader_run_async (reader, count_for_ever, cancellable, NULL, cancellable, on_read, &running);
  clm_sql_reader_run_async (reader, count_items, &count, NULL, cancellable, on_read, &queued);
  clm_sql_reader_run_async (reader, count_items, &count, NULL, NULL, on_read, &other);
  wait_for (&running);
  wait_for (&queued);
  wait_for (&other);
  g_assert_error (running.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_error (queued.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_no_error (other.error);
  g_assert_cmpint (count, ==, 0);
  g_clear_error (&running.error);
  g_clear_error (&queued.error);
}

static gboolean
leave_open (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmSqlStatement **kept = data;

  *kept = clm_sql_statement_prepare (connection, "SELECT id FROM item", error);
  return clm_sql_statement_step (*kept, error) == CLM_SQL_STEP_ROW;
}

static void
test_forgotten_statement (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (ClmSqlReader) reader = clm_sql_reader_new (self->path, 1);
  g_autoptr (ClmSqlStatement) kept = NULL;
  g_autoptr (GError) error = NULL;
  gint64 count = 0;

  g_assert_true (clm_sql_writer_run (writer, insert_item, GINT_TO_POINTER (1), NULL, &error));
  g_assert_true (clm_sql_reader_query (reader, leave_open, &kept, &error));
  g_assert_true (clm_sql_writer_run (writer, insert_item, GINT_TO_POINTER (2), NULL, &error));
  g_assert_true (clm_sql_reader_query (reader, count_items, &count, &error));
  g_assert_cmpint (count, ==, 2);
}

static void
test_last_reference (Fixture *self, gconstpointer unused)
{
  G_GNUC_UNUSED g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));

  for (int i = 0; i < 30; i++) {
    ClmSqlReader *reader = clm_sql_reader_new (self->path, 2);
    Answer answer = { 0 };
    gint64 count;

    clm_sql_reader_run_async (reader, count_items, &count, NULL, NULL, on_read, &answer);
    g_object_unref (reader);
    wait_for (&answer);
    g_assert_no_error (answer.error);
  }
}

static void
test_missing_file (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlReader) reader = clm_sql_reader_new (self->path, 1);
  Answer answer = { 0 };
  gint64 count;

  clm_sql_reader_run_async (reader, count_items, &count, NULL, NULL, on_read, &answer);
  wait_for (&answer);
  g_assert_error (answer.error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_clear_error (&answer.error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/reader/sees-completed-write", test_sees_completed_write);
  add_test ("/reader/cannot-write", test_cannot_write);
  add_test ("/reader/cancel-interrupts", test_cancel_interrupts);
  add_test ("/reader/forgotten-statement-holds-nothing", test_forgotten_statement);
  add_test ("/reader/last-reference-in-completion", test_last_reference);
  add_test ("/reader/missing-file-is-not-made", test_missing_file);
  return g_test_run ();
}
