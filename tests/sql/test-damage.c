/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <glib/gstdio.h>

#define N_ITEMS 400

/* A closed file of a few dozen pages; or, with @live, a copy of the file and its log as a power cut would leave them. */
static void
make_file (Fixture *self, gboolean live, char **main_bytes, gsize *main_size, char **log_bytes, gsize *log_size)
{
  g_autofree char *log = g_strconcat (self->path, "-wal", NULL);
  g_autoptr (ClmSqlWriter) writer = clm_sql_writer_new (fixture_open (self));
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < N_ITEMS; i++)
    clm_sql_writer_run_async (writer, i % 100 == 0 ? insert_large_item : insert_item, GINT_TO_POINTER (i), NULL, NULL, NULL, NULL);
  clm_sql_writer_flush (writer);
  if (!live)
    clm_sql_writer_close (writer);

  g_assert_true (g_file_get_contents (self->path, main_bytes, main_size, &error));
  if (live)
    g_assert_true (g_file_get_contents (log, log_bytes, log_size, &error));
  clm_sql_writer_close (writer);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
put_file (const char *path, const char *suffix, const char *bytes, gsize size)
{
  g_autofree char *full = g_strconcat (path, suffix, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (full, bytes, size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error);
  g_assert_no_error (error);
}

/* Without this the log of the last round, which closing a damaged file leaves behind, would be replayed over the next. */
static void
put_main_file (const char *path, const char *bytes, gsize size)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  g_autofree char *index = g_strconcat (path, "-shm", NULL);

  g_unlink (log);
  g_unlink (index);
  put_file (path, "", bytes, size);
}

static gboolean
read_items (ClmSqlConnection *connection, gpointer data, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "SELECT id, body FROM item", error);
  if (statement == NULL)
    return FALSE;

  ClmSqlStep step;
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    g_bytes_unref (clm_sql_statement_get_blob (statement, 1) ?: g_bytes_new (NULL, 0));
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
use (const char *path, GError **error)
{
  g_autoptr (ClmSqlConnection) connection = clm_sql_database_open (path, &item_schema, error);

  return connection != NULL && clm_sql_database_quick_check (connection, NULL, error) && read_items (connection, NULL, error) &&
         insert_item (connection, GINT_TO_POINTER (100000), error);
}

/* Returns: whether the damage was found to be damage. */
static gboolean
is_found (const char *path)
{
  g_autoptr (GError) error = NULL;

  if (use (path, &error))
    return FALSE;

  g_assert_nonnull (error);
  g_assert_true (error->domain == CLM_ERROR);
  g_assert_nonnull (strstr (error->message, path));
  g_test_message ("%s", error->message);
  return error->code == CLM_ERROR_INVALID_DATA;
}

static void
test_flipped_bytes (Fixture *self, gconstpointer unused)
{
  g_autofree char *bytes = NULL;
  gsize size;
  guint n_found = 0;

  make_file (self, FALSE, &bytes, &size, NULL, NULL);
  for (gsize offset = 0; offset < size; offset += offset < 200 ? 3 : 997) {
    g_autofree char *damaged = g_memdup2 (bytes, size);
    damaged[offset] ^= 0xff;
    put_main_file (self->path, damaged, size);
    n_found += is_found (self->path);
  }
  g_assert_cmpint (n_found, >, 20);
}

static void
test_cut_short (Fixture *self, gconstpointer unused)
{
  g_autofree char *bytes = NULL;
  gsize size;

  make_file (self, FALSE, &bytes, &size, NULL, NULL);
  for (gsize length = 1; length < size; length += 1999) {
    put_main_file (self->path, bytes, length);
    if (!is_found (self->path))
      g_test_fail_printf ("a file of %" G_GSIZE_FORMAT " bytes was taken", length);
  }
  put_main_file (self->path, "this is not a database, but somebody's letter", 45);
  g_assert_true (is_found (self->path));
}

/* What a damaged log loses is its end; what stays is a sound database. */
static void
test_damaged_log (Fixture *self, gconstpointer unused)
{
  g_autofree char *bytes = NULL, *log = NULL;
  gsize size, log_size;

  make_file (self, TRUE, &bytes, &size, &log, &log_size);
  for (gsize offset = 0; offset < log_size; offset += 3001) {
    g_autofree char *damaged = g_memdup2 (log, log_size);
    g_autoptr (GError) error = NULL;

    damaged[offset] ^= 0xff;
    put_main_file (self->path, bytes, size);
    put_file (self->path, "-wal", damaged, log_size);
    g_assert_true (use (self->path, &error));
    g_assert_no_error (error);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/damage/safety-22-flipped-bytes-typed-error", test_flipped_bytes);
  add_test ("/damage/safety-22-cut-short-typed-error", test_cut_short);
  add_test ("/damage/damaged-log-loses-only-its-end", test_damaged_log);
  return g_test_run ();
}
