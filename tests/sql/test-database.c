/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <glib/gstdio.h>

static gint64
read_number (ClmSqlConnection *connection, const char *sql)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, sql, &error);
  g_assert_no_error (error);
  ClmSqlStep step = clm_sql_statement_step (statement, &error);
  g_assert_no_error (error);
  g_assert_cmpint (step, ==, CLM_SQL_STEP_ROW);
  return clm_sql_statement_get_int64 (statement, 0);
}

static ClmSqlConnection *
open_with (Fixture *self, const ClmSqlMigration *migrations, gsize n, GError **error)
{
  ClmSqlSchema schema = { 7, migrations, n };

  return clm_sql_database_open (self->path, &schema, error);
}

static const ClmSqlMigration steps[] = {
  { 1, "CREATE TABLE a (x)", NULL },
  { 2, "ALTER TABLE a ADD COLUMN y DEFAULT 5; INSERT INTO a (x) VALUES (1)", NULL },
  { 5, "CREATE TABLE b AS SELECT y FROM a", NULL },
};

static void
test_safe_settings (Fixture *self, gconstpointer unused)
{
  g_autoptr (ClmSqlConnection) connection = fixture_open (self);
  g_autofree char *wal = g_strconcat (self->path, "-wal", NULL);
  GStatBuf info;

  g_assert_cmpint (read_number (connection, "PRAGMA synchronous"), ==, 2);
  g_assert_cmpint (read_number (connection, "PRAGMA foreign_keys"), ==, 1);
  g_assert_cmpint (read_number (connection, "PRAGMA trusted_schema"), ==, 0);
  g_assert_cmpint (read_number (connection, "PRAGMA cell_size_check"), ==, 1);
  g_assert_cmpint (read_number (connection, "PRAGMA busy_timeout"), >, 0);
  g_assert_cmpint (read_number (connection, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), ==, 1);
  g_assert_cmpint (read_number (connection, "PRAGMA application_id"), ==, item_schema.application_id);
  g_assert_cmpint (g_stat (self->path, &info), ==, 0);
  g_assert_cmphex (info.st_mode & 0777, ==, 0600);
  g_assert_cmpint (g_stat (wal, &info), ==, 0);
  g_assert_cmphex (info.st_mode & 0777, ==, 0600);
}

static void
test_wide_mode_narrowed (Fixture *self, gconstpointer unused)
{
  GStatBuf info;

  clm_sql_connection_unref (fixture_open (self));
  g_assert_cmpint (g_chmod (self->path, 0644), ==, 0);
  clm_sql_connection_unref (fixture_open (self));
  g_assert_cmpint (g_stat (self->path, &info), ==, 0);
  g_assert_cmphex (info.st_mode & 0777, ==, 0600);
}

static void
test_migrations_in_order (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSqlConnection) first = open_with (self, steps, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (read_number (first, "PRAGMA user_version"), ==, 1);
  g_clear_pointer (&first, clm_sql_connection_unref);

  for (int i = 0; i < 2; i++) {
    g_autoptr (ClmSqlConnection) all = open_with (self, steps, 3, &error);
    g_assert_no_error (error);
    g_assert_cmpint (read_number (all, "SELECT y FROM b"), ==, 5);
    g_assert_cmpint (read_number (all, "SELECT count(*) FROM a"), ==, 1);
    g_assert_cmpint (clm_sql_database_get_version (all, &error), ==, 5);
  }
}

static void
test_disorder_refused (Fixture *self, gconstpointer unused)
{
  const ClmSqlMigration wrong[] = { steps[1], steps[0] };
  g_autoptr (GError) error = NULL;

  g_assert_null (open_with (self, wrong, 2, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

static gboolean
fail_without_reason (ClmSqlConnection *connection, gpointer data, GError **error)
{
  return FALSE;
}

static gboolean
end_transaction (ClmSqlConnection *connection, gpointer data, GError **error)
{
  return clm_sql_connection_exec (connection, "COMMIT", error);
}

static void
test_failure_leaves_nothing (Fixture *self, gconstpointer unused)
{
  const ClmSqlMigration seconds[] = {
    { 2, "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)", NULL },
    { 2, "CREATE TABLE half (x)", fail_without_reason },
    { 2, "CREATE TABLE half (x)", end_transaction },
    { 2, "CREATE TABLE half (x); COMMIT", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (seconds); i++) {
    const ClmSqlMigration both[] = { steps[0], seconds[i] };
    g_autoptr (GError) error = NULL;

    g_assert_null (open_with (self, both, 2, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, "migration to version 2"));
    g_clear_error (&error);

    g_autoptr (ClmSqlConnection) raw = clm_sql_database_open (self->path, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (read_number (raw, "SELECT count(*) FROM sqlite_schema"), ==, 0);
    g_assert_cmpint (read_number (raw, "PRAGMA user_version"), ==, 0);
    g_assert_cmpint (read_number (raw, "PRAGMA application_id"), ==, 0);
  }
}

static void
test_only_grows (Fixture *self, gconstpointer unused)
{
  const char *const shrinking[] = {
    "DROP TABLE a", "ALTER TABLE a DROP COLUMN y", "ALTER TABLE a RENAME COLUMN x TO z", "ALTER TABLE a RENAME TO c",
  };
  g_autoptr (GError) error = NULL;

  clm_sql_connection_unref (open_with (self, steps, 3, &error));
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (shrinking); i++) {
    const ClmSqlMigration next = { 6, shrinking[i], NULL };
    g_assert_null (open_with (self, &next, 1, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
    g_clear_error (&error);
  }

  g_autoptr (ClmSqlConnection) same = open_with (self, steps, 3, &error);
  g_assert_no_error (error);
  g_assert_cmpint (read_number (same, "SELECT x + y FROM a"), ==, 6);
}

static void
test_newer_schema_kept (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  clm_sql_connection_unref (open_with (self, steps, 3, &error));
  g_assert_no_error (error);

  g_autoptr (ClmSqlConnection) old = open_with (self, steps, 1, &error);
  g_assert_no_error (error);
  g_assert_true (clm_sql_connection_exec (old, "INSERT INTO a (x) VALUES (2)", &error));
  g_assert_cmpint (clm_sql_database_get_version (old, &error), ==, 5);
  g_assert_cmpint (read_number (old, "SELECT y FROM a WHERE x = 2"), ==, 5);
}

static void
test_foreign_file_refused (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  clm_sql_connection_unref (open_with (self, steps, 1, &error));
  g_assert_no_error (error);
  g_assert_null (clm_sql_database_open (self->path, &item_schema, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
test_unusable_path (Fixture *self, gconstpointer unused)
{
  g_autofree char *missing = g_build_filename (self->directory, "no", "where.db", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_sql_database_open (missing, &item_schema, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_assert_nonnull (strstr (error->message, missing));
  g_assert_nonnull (clm_error_get_hint (error));
  g_clear_error (&error);
  g_assert_null (clm_sql_database_open (self->directory, &item_schema, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/database/safe-settings", test_safe_settings);
  add_test ("/database/wide-mode-narrowed", test_wide_mode_narrowed);
  add_test ("/database/migrations-in-order", test_migrations_in_order);
  add_test ("/database/disorder-refused", test_disorder_refused);
  add_test ("/database/failed-migration-leaves-nothing", test_failure_leaves_nothing);
  add_test ("/database/schema-only-grows", test_only_grows);
  add_test ("/database/newer-schema-kept", test_newer_schema_kept);
  add_test ("/database/foreign-file-refused", test_foreign_file_refused);
  add_test ("/database/unusable-path-says-so", test_unusable_path);
  return g_test_run ();
}
