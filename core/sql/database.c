/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "database.h"

#include "clm-error.h"
#include "connection-private.h"
#include "sqlite-error.h"
#include "statement.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0600
#define SMALLEST_FILE 512   /* one page of the smallest size; SQLite takes a shorter file for a new one */

static gboolean
fail_file (GError **error, const char *path, const char *what)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "database %s: %s: %s", path, what, g_strerror (errno));
  if (error != NULL)
    clm_error_set_hint (*error, "check that the directory of %s exists and that the daemon's user may write it", path);
  return FALSE;
}

/* Existing files are never opened here: closing any descriptor of a file drops the locks SQLite holds on it in this process. */
static gboolean
narrow_file (const char *path, GError **error)
{
  struct stat info;

  if (lstat (path, &info) != 0)
    return fail_file (error, path, "cannot be examined");

  if (!S_ISREG (info.st_mode)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "database %s: not a regular file", path);
    return FALSE;
  }

  if (info.st_size > 0 && info.st_size < SMALLEST_FILE) {
    clm_sql_error_set (error, path, SQLITE_NOTADB, NULL);
    return FALSE;
  }

  if ((info.st_mode & 077) != 0 && chmod (path, FILE_MODE) != 0)
    return fail_file (error, path, "cannot be made private");
  return TRUE;
}

static gboolean
sync_directory (const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);

  int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean synced = fd >= 0 && fsync (fd) == 0;
  if (!synced)
    fail_file (error, path, "its directory cannot be synced");
  if (fd >= 0)
    close (fd);
  return synced;
}

/* SQLite would create it by the umask; its -wal and -shm take the mode of the file. */
static gboolean
ensure_file (const char *path, GError **error)
{
  int fd = open (path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

  if (fd < 0)
    return errno == EEXIST ? narrow_file (path, error) : fail_file (error, path, "cannot be created");

  close (fd);
  return sync_directory (path, error);
}

static gboolean
read_number (ClmSqlConnection *connection, const char *sql, gint64 *number, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, sql, error);
  if (statement == NULL)
    return FALSE;

  ClmSqlStep step = clm_sql_statement_step (statement, error);
  if (step == CLM_SQL_STEP_ERROR)
    return FALSE;

  *number = step == CLM_SQL_STEP_ROW ? clm_sql_statement_get_int64 (statement, 0) : 0;
  return TRUE;
}

int
clm_sql_database_get_version (ClmSqlConnection *connection, GError **error)
{
  gint64 version;

  if (!read_number (connection, "PRAGMA user_version", &version, error))
    return -1;

  if (version >= 0)
    return (int) version;

  clm_sql_error_set (error, clm_sql_connection_get_path (connection), SQLITE_CORRUPT, "its version is negative");
  return -1;
}

/* An empty file becomes ours; any other must already say that it is. */
static gboolean
claim_file (ClmSqlConnection *connection, gint32 application_id, GError **error)
{
  gint64 found, n_objects;

  if (!read_number (connection, "PRAGMA application_id", &found, error) ||
      !read_number (connection, "SELECT count(*) FROM sqlite_schema", &n_objects, error))
    return FALSE;

  if (found == application_id)
    return TRUE;

  if (found != 0 || n_objects != 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "database %s: belongs to another application (id 0x%08x, not 0x%08x)",
                 clm_sql_connection_get_path (connection), (guint) found, (guint) application_id);
    return FALSE;
  }

  g_autofree char *sql = g_strdup_printf ("PRAGMA application_id = %d", application_id);
  return clm_sql_connection_exec (connection, sql, error);
}

static GHashTable *
load_columns (ClmSqlConnection *connection, GError **error)
{
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection,
                               "SELECT t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_xinfo (t.name) AS c "
                               "WHERE t.type IN ('table', 'view')", error);
  if (statement == NULL)
    return NULL;

  g_autoptr (GHashTable) columns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  ClmSqlStep step;

  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    g_hash_table_add (columns, clm_sql_statement_dup_text (statement, 0));
  return step == CLM_SQL_STEP_DONE ? g_steal_pointer (&columns) : NULL;
}

/* An older daemon in the other slot must find every column that it knows. */
static gboolean
check_only_grown (ClmSqlConnection *connection, GHashTable *before, GError **error)
{
  g_autoptr (GHashTable) after = load_columns (connection, error);
  if (after == NULL)
    return FALSE;

  GHashTableIter iter;
  gpointer column;

  g_hash_table_iter_init (&iter, before);
  while (g_hash_table_iter_next (&iter, &column, NULL))
    if (!g_hash_table_contains (after, column)) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "database %s: a migration removed %s; schemas only grow",
                   clm_sql_connection_get_path (connection), (const char *) column);
      return FALSE;
    }
  return TRUE;
}

static gboolean
run_migration (ClmSqlConnection *connection, gpointer data, GError **error)
{
  const ClmSqlMigration *migration = data;

  if (migration->sql != NULL && !clm_sql_connection_exec (connection, migration->sql, error))
    return FALSE;

  if (migration->func != NULL && !migration->func (connection, NULL, error))
    return FALSE;

  g_autofree char *sql = g_strdup_printf ("PRAGMA user_version = %d", migration->version);
  return clm_sql_connection_exec (connection, sql, error);
}

static gboolean
migrate_within (ClmSqlConnection *connection, const ClmSqlSchema *schema, GError **error)
{
  if (!claim_file (connection, schema->application_id, error))
    return FALSE;

  int version = clm_sql_database_get_version (connection, error);
  if (version < 0)
    return FALSE;

  g_autoptr (GHashTable) before = load_columns (connection, error);
  if (before == NULL)
    return FALSE;

  for (gsize i = 0; i < schema->n_migrations; i++) {
    const ClmSqlMigration *migration = &schema->migrations[i];

    if (migration->version > version &&
        !clm_sql_connection_call (connection, run_migration, (gpointer) migration, NULL, error)) {
      g_prefix_error (error, "migration to version %d: ", migration->version);
      return FALSE;
    }
  }
  return check_only_grown (connection, before, error);
}

static gboolean
check_order (const ClmSqlSchema *schema, const char *path, GError **error)
{
  int last = 0;

  for (gsize i = 0; i < schema->n_migrations; i++) {
    if (schema->migrations[i].version <= last) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "database %s: migration %d follows migration %d", path,
                   schema->migrations[i].version, last);
      return FALSE;
    }
    last = schema->migrations[i].version;
  }
  return TRUE;
}

static gboolean
migrate (ClmSqlConnection *connection, const ClmSqlSchema *schema, GError **error)
{
  if (!check_order (schema, clm_sql_connection_get_path (connection), error) ||
      !clm_sql_connection_exec (connection, "BEGIN IMMEDIATE", error))
    return FALSE;

  if (migrate_within (connection, schema, error) && clm_sql_connection_exec (connection, "COMMIT", error))
    return TRUE;

  /* SQLite may have rolled back itself; then this fails harmlessly. */
  g_autoptr (GError) ignored = NULL;
  if (!clm_sql_connection_exec (connection, "ROLLBACK", &ignored))
    g_debug ("[database %s] %s", clm_sql_connection_get_path (connection), ignored->message);
  return FALSE;
}

ClmSqlConnection *
clm_sql_database_open (const char *path, const ClmSqlSchema *schema, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (schema == NULL || schema->application_id != 0, NULL);

  if (!ensure_file (path, error))
    return NULL;

  g_autoptr (ClmSqlConnection) connection = clm_sql_connection_open (path, FALSE, error);
  if (connection == NULL || (schema != NULL && !migrate (connection, schema, error)))
    return NULL;

  return g_steal_pointer (&connection);
}

gboolean
clm_sql_database_quick_check (ClmSqlConnection *connection, gpointer unused, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "PRAGMA quick_check (1)", error);
  if (statement == NULL)
    return FALSE;

  ClmSqlStep step = clm_sql_statement_step (statement, error);
  if (step == CLM_SQL_STEP_ERROR)
    return FALSE;

  const char *answer = step == CLM_SQL_STEP_ROW ? clm_sql_statement_get_text (statement, 0) : NULL;
  if (g_strcmp0 (answer, "ok") == 0)
    return TRUE;

  /* SQLite may begin with a line "*** in database main ***" */
  g_autofree char *line = g_strdelimit (g_strdup (answer), "\n", ' ');
  clm_sql_error_set (error, clm_sql_connection_get_path (connection), SQLITE_CORRUPT, line);
  return FALSE;
}
