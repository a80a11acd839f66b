/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include "connection-private.h"

static ClmSqlStatement *
prepare (ClmSqlConnection *connection, const char *sql)
{
  g_autoptr (GError) error = NULL;

  ClmSqlStatement *statement = clm_sql_statement_prepare (connection, sql, &error);
  g_assert_no_error (error);
  return statement;
}

static void
test_values_come_back (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlConnection) connection = fixture_open (self);
  g_autoptr (ClmSqlStatement) statement = prepare (connection, "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8");
  g_autoptr (GBytes) bytes = g_bytes_new ("a\0b", 3);
  g_autoptr (GBytes) empty = g_bytes_new (NULL, 0);
  g_autoptr (GError) error = NULL;

  clm_sql_statement_bind_text (statement, 1, "grün");
  clm_sql_statement_bind_text (statement, 2, NULL);
  clm_sql_statement_bind_int64 (statement, 3, G_MININT64);
  clm_sql_statement_bind_blob (statement, 4, bytes);
  clm_sql_statement_bind_blob (statement, 5, empty);
  clm_sql_statement_bind_blob (statement, 6, NULL);
  clm_sql_statement_bind_boolean (statement, 7, 42);
  clm_sql_statement_bind_double (statement, 8, 0.5);
  g_assert_cmpint (clm_sql_statement_step (statement, &error), ==, CLM_SQL_STEP_ROW);

  g_autoptr (GBytes) back = clm_sql_statement_get_blob (statement, 3);
  g_autoptr (GBytes) nothing = clm_sql_statement_get_blob (statement, 4);
  g_assert_cmpstr (clm_sql_statement_get_text (statement, 0), ==, "grün");
  g_assert_true (clm_sql_statement_is_null (statement, 1));
  g_assert_null (clm_sql_statement_get_text (statement, 1));
  g_assert_cmpint (clm_sql_statement_get_int64 (statement, 2), ==, G_MININT64);
  g_assert_true (g_bytes_equal (back, bytes));
  g_assert_nonnull (nothing);
  g_assert_cmpint (g_bytes_get_size (nothing), ==, 0);
  g_assert_null (clm_sql_statement_get_blob (statement, 5));
  g_assert_cmpint (clm_sql_statement_get_int64 (statement, 6), ==, 1);
  g_assert_cmpfloat (clm_sql_statement_get_double (statement, 7), ==, 0.5);
  g_assert_cmpint (clm_sql_statement_get_n_columns (statement), ==, 8);
  g_assert_cmpint (clm_sql_statement_step (statement, &error), ==, CLM_SQL_STEP_DONE);
}

static void
test_forgotten_binding (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlConnection) connection = fixture_open (self);
  g_autoptr (ClmSqlStatement) statement = prepare (connection, "SELECT ?1, ?2");
  g_autoptr (GError) error = NULL;

  clm_sql_statement_bind_int64 (statement, 1, 1);
  g_assert_false (clm_sql_statement_run (statement, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  /* a value of the last run does not slip into the next */
  clm_sql_statement_bind_int64 (statement, 1, 1);
  clm_sql_statement_bind_int64 (statement, 2, 1);
  g_assert_true (clm_sql_statement_run (statement, &error));
  g_assert_false (clm_sql_statement_run (statement, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  clm_sql_statement_bind_int64 (statement, 3, 1);
  g_assert_false (clm_sql_statement_run (statement, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

static void
test_one_statement (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlConnection) connection = fixture_open (self);
  const char *const wrong[] = { "", "  -- nothing", "SELECT 1; SELECT 2" };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (clm_sql_statement_prepare (connection, wrong[i], &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  }
  clm_sql_statement_free (prepare (connection, "SELECT 1 ; \n"));
}

static void
test_bad_text (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlConnection) connection = fixture_open (self);
  const char *const wrong[] = { "SELECT CAST (x'ff41' AS TEXT)", "SELECT CAST (x'410042' AS TEXT)" };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (ClmSqlStatement) statement = prepare (connection, wrong[i]);
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (clm_sql_statement_step (statement, &error), ==, CLM_SQL_STEP_ERROR);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  }
}

static guint
count_prepared (ClmSqlConnection *connection)
{
  guint n = 0;

  for (sqlite3_stmt *each = NULL; (each = sqlite3_next_stmt (clm_sql_connection_get_handle (connection), each)) != NULL;)
    n++;
  return n;
}

static void
test_cache (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlConnection) connection = fixture_open (self);
  guint before = count_prepared (connection);

  for (int i = 0; i < 10; i++) {
    g_autoptr (ClmSqlStatement) outer = prepare (connection, "SELECT 17");
    g_autoptr (ClmSqlStatement) inner = prepare (connection, "SELECT 17");
    g_assert_true (outer != inner);
  }
  g_assert_cmpint (count_prepared (connection), ==, before + 1);

  for (int i = 0; i < 200; i++) {
    g_autofree char *sql = g_strdup_printf ("SELECT %d", i);
    clm_sql_statement_free (prepare (connection, sql));
  }
  g_assert_cmpint (count_prepared (connection), <=, 64);
}

static void
test_outlives_connection (Fixture *self, gconstpointer unused)
{
  ClmSqlConnection *connection = fixture_open (self);
  g_autoptr (ClmSqlStatement) statement = prepare (connection, "SELECT 1");
  g_autoptr (GError) error = NULL;

  clm_sql_connection_unref (connection);
  g_assert_true (clm_sql_statement_run (statement, &error));
}

static gpointer
prepare_elsewhere (gpointer connection)
{
  return clm_sql_statement_prepare (connection, "SELECT 1", NULL);
}

static void
test_other_thread_refused (Fixture *self, gconstpointer unused)
{
  if (g_test_subprocess ()) {
    g_autoptr (ClmSqlConnection) connection = fixture_open (self);
    g_thread_join (g_thread_new ("stranger", prepare_elsewhere, connection));
    return;
  }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*clm_sql_connection_is_mine*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/statement/values-come-back", test_values_come_back);
  add_test ("/statement/forgotten-binding-refused", test_forgotten_binding);
  add_test ("/statement/exactly-one", test_one_statement);
  add_test ("/statement/bad-text-refused", test_bad_text);
  add_test ("/statement/cache-reuses-and-is-bounded", test_cache);
  add_test ("/statement/outlives-connection", test_outlives_connection);
  add_test ("/statement/other-thread-refused", test_other_thread_refused);
  return g_test_run ();
}
