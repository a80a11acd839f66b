/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <glib/gstdio.h>

static const ClmSqlMigration item_migrations[] = {
  { 1, "CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)", NULL },
};

const ClmSqlSchema item_schema = { 0x434c4d54, item_migrations, G_N_ELEMENTS (item_migrations) };

void
fixture_set_up (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  self->directory = g_dir_make_tmp ("clm-sql-XXXXXX", &error);
  g_assert_no_error (error);
  self->path = g_build_filename (self->directory, "test.db", NULL);
}

void
fixture_tear_down (Fixture *self, gconstpointer unused)
{
  GDir *directory = g_dir_open (self->directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (directory)) != NULL) {
    g_autofree char *path = g_build_filename (self->directory, name, NULL);
    g_assert_cmpint (g_unlink (path), ==, 0);
  }
  g_dir_close (directory);
  g_assert_cmpint (g_rmdir (self->directory), ==, 0);
  g_free (self->directory);
  g_free (self->path);
}

ClmSqlConnection *
fixture_open (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  ClmSqlConnection *connection = clm_sql_database_open (self->path, &item_schema, &error);
  g_assert_no_error (error);
  return connection;
}

static gboolean
insert (ClmSqlConnection *connection, gint64 id, gsize size, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "INSERT INTO item VALUES (?1, ?2)", error);
  if (statement == NULL)
    return FALSE;

  g_autofree guint8 *body = g_malloc0 (size);
  g_autoptr (GBytes) bytes = g_bytes_new (body, size);
  clm_sql_statement_bind_int64 (statement, 1, id);
  clm_sql_statement_bind_blob (statement, 2, bytes);
  return clm_sql_statement_run (statement, error);
}

gboolean
insert_item (ClmSqlConnection *connection, gpointer data, GError **error)
{
  return insert (connection, GPOINTER_TO_INT (data), 16, error);
}

gboolean
insert_large_item (ClmSqlConnection *connection, gpointer data, GError **error)
{
  return insert (connection, GPOINTER_TO_INT (data), 20000, error);
}

gboolean
count_items (ClmSqlConnection *connection, gpointer data, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "SELECT count(*) FROM item", error);
  if (statement == NULL || clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;

  *(gint64 *) data = clm_sql_statement_get_int64 (statement, 0);
  return TRUE;
}

gint64
fixture_count (Fixture *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSqlReader) reader = clm_sql_reader_new (self->path, 1);
  gint64 count = -1;

  gboolean read = clm_sql_reader_query (reader, count_items, &count, &error);
  g_assert_no_error (error);
  g_assert_true (read);
  return count;
}
