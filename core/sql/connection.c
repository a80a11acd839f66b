/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "connection-private.h"

#include "clm-error.h"
#include "sqlite-error.h"

#include <string.h>

#define MAX_CACHED_STATEMENTS 64
#define WRITER_BUSY_TIMEOUT_MS 5000
#define READER_BUSY_TIMEOUT_MS 1000
#define STEPS_BETWEEN_CANCEL_CHECKS 1000

struct _ClmSqlConnection {
  gatomicrefcount refs;
  char *path;
  sqlite3 *handle;
  GThread *thread;
  GHashTable *idle;   /* SQL text, owned by its statement → sqlite3_stmt, owned */
  gboolean guarded;   /* an operation runs: SQLite refuses what would end its transaction */
};

static int
authorize (gpointer data, int action, const char *first, const char *second, const char *database, const char *trigger)
{
  ClmSqlConnection *self = data;

  if (!self->guarded)
    return SQLITE_OK;

  switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return SQLITE_DENY;
    default:
      return SQLITE_OK;
  }
}

static void
harden (sqlite3 *handle)
{
  sqlite3_extended_result_codes (handle, 1);
  sqlite3_db_config (handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config (handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
  sqlite3_db_config (handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
  sqlite3_db_config (handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
  sqlite3_db_config (handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
}

/* A file system without shared memory answers "delete" or "memory" here, and the promise of readers would be broken. */
static gboolean
ensure_wal (ClmSqlConnection *self, GError **error)
{
  sqlite3_stmt *statement = clm_sql_connection_take_statement (self, "PRAGMA journal_mode = WAL", error);
  if (statement == NULL)
    return FALSE;

  int result = sqlite3_step (statement);
  const char *mode = result == SQLITE_ROW ? (const char *) sqlite3_column_text (statement, 0) : NULL;
  gboolean is_wal = g_strcmp0 (mode, "wal") == 0;

  if (result != SQLITE_ROW)
    clm_sql_error_set_last (error, self, result);
  else if (!is_wal)
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "database %s: the file system does not allow a write-ahead log",
                 self->path);

  clm_sql_connection_give_statement (self, statement);
  return is_wal;
}

static gboolean
configure (ClmSqlConnection *self, gboolean read_only, GError **error)
{
  harden (self->handle);
  sqlite3_busy_timeout (self->handle, read_only ? READER_BUSY_TIMEOUT_MS : WRITER_BUSY_TIMEOUT_MS);
  sqlite3_set_authorizer (self->handle, authorize, self);

  if (!clm_sql_connection_exec (self,
                                "PRAGMA cell_size_check = ON;"
                                "PRAGMA synchronous = FULL;"
                                "PRAGMA cache_size = -256;"
                                "PRAGMA mmap_size = 0;"
                                "PRAGMA temp_store = MEMORY;",
                                error))
    return FALSE;

  if (read_only)
    return clm_sql_connection_exec (self, "PRAGMA query_only = ON", error);

  /* The log may grow in a burst; it need not stay that large on a small flash. */
  return ensure_wal (self, error) &&
         clm_sql_connection_exec (self, "PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 1048576", error);
}

ClmSqlConnection *
clm_sql_connection_open (const char *path, gboolean read_only, GError **error)
{
  g_return_val_if_fail (path != NULL && *path != '\0', NULL);

  g_autoptr (ClmSqlConnection) self = g_new0 (ClmSqlConnection, 1);
  g_atomic_ref_count_init (&self->refs);
  self->path = g_strdup (path);
  self->thread = g_thread_self ();
  self->idle = g_hash_table_new (g_str_hash, g_str_equal);

  /* One connection per thread, so SQLite's own lock around each call is not needed. */
  int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  int result = sqlite3_open_v2 (path, &self->handle, flags, NULL);
  if (result != SQLITE_OK) {
    clm_sql_error_set (error, path, result, self->handle != NULL ? sqlite3_errmsg (self->handle) : NULL);
    return NULL;
  }

  if (!configure (self, read_only, error))
    return NULL;

  return g_steal_pointer (&self);
}

ClmSqlConnection *
clm_sql_connection_ref (ClmSqlConnection *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
clm_sql_connection_unref (ClmSqlConnection *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  GHashTableIter iter;
  gpointer statement;

  g_hash_table_iter_init (&iter, self->idle);
  while (g_hash_table_iter_next (&iter, NULL, &statement)) {
    g_hash_table_iter_steal (&iter);
    sqlite3_finalize (statement);
  }
  g_hash_table_unref (self->idle);
  sqlite3_close_v2 (self->handle);
  g_free (self->path);
  g_free (self);
}

void
clm_sql_connection_set_thread (ClmSqlConnection *self)
{
  self->thread = g_thread_self ();
}

gboolean
clm_sql_connection_is_mine (ClmSqlConnection *self)
{
  return self->thread == g_thread_self ();
}

sqlite3 *
clm_sql_connection_get_handle (ClmSqlConnection *self)
{
  return self->handle;
}

const char *
clm_sql_connection_get_path (ClmSqlConnection *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->path;
}

gboolean
clm_sql_connection_exec (ClmSqlConnection *self, const char *sql, GError **error)
{
  g_return_val_if_fail (self != NULL && sql != NULL, FALSE);
  g_return_val_if_fail (clm_sql_connection_is_mine (self), FALSE);

  int result = sqlite3_exec (self->handle, sql, NULL, NULL, NULL);
  if (result == SQLITE_OK)
    return TRUE;

  clm_sql_error_set_last (error, self, result);
  return FALSE;
}

gint64
clm_sql_connection_get_changes (ClmSqlConnection *self)
{
  g_return_val_if_fail (self != NULL && clm_sql_connection_is_mine (self), 0);

  return sqlite3_changes (self->handle);
}

gint64
clm_sql_connection_get_last_rowid (ClmSqlConnection *self)
{
  g_return_val_if_fail (self != NULL && clm_sql_connection_is_mine (self), 0);

  return sqlite3_last_insert_rowid (self->handle);
}

static int
on_progress (gpointer cancellable)
{
  return g_cancellable_is_cancelled (cancellable);
}

/* A forgotten statement would keep its snapshot open: later reads would see old rows and the log could never shrink. */
static void
reset_statements (ClmSqlConnection *self)
{
  for (sqlite3_stmt *each = sqlite3_next_stmt (self->handle, NULL); each != NULL; each = sqlite3_next_stmt (self->handle, each))
    if (sqlite3_stmt_busy (each))
      sqlite3_reset (each);
}

gboolean
clm_sql_connection_call (ClmSqlConnection *self, ClmSqlFunc func, gpointer data, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) own_error = NULL;

  if (cancellable != NULL)
    sqlite3_progress_handler (self->handle, STEPS_BETWEEN_CANCEL_CHECKS, on_progress, cancellable);
  self->guarded = TRUE;
  gboolean done = func (self, data, &own_error);
  self->guarded = FALSE;
  if (cancellable != NULL)
    sqlite3_progress_handler (self->handle, 0, NULL, NULL);
  reset_statements (self);

  if (done && own_error == NULL)
    return TRUE;

  if (own_error == NULL)
    g_set_error (&own_error, CLM_ERROR, CLM_ERROR_FAILED, "database %s: an operation failed without saying why", self->path);
  g_propagate_error (error, g_steal_pointer (&own_error));
  return FALSE;
}

static sqlite3_stmt *
prepare (ClmSqlConnection *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = NULL;
  const char *tail = NULL;

  int result = sqlite3_prepare_v3 (self->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, &tail);
  if (result != SQLITE_OK) {
    clm_sql_error_set_last (error, self, result);
    return NULL;
  }

  if (statement != NULL && tail[strspn (tail, " \t\r\n;")] == '\0')
    return statement;

  sqlite3_finalize (statement);
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "database %s: not exactly one statement: %s", self->path, sql);
  return NULL;
}

sqlite3_stmt *
clm_sql_connection_take_statement (ClmSqlConnection *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->idle, sql);

  if (statement == NULL)
    return prepare (self, sql, error);

  g_hash_table_remove (self->idle, sql);
  return statement;
}

void
clm_sql_connection_give_statement (ClmSqlConnection *self, sqlite3_stmt *statement)
{
  const char *sql = sqlite3_sql (statement);

  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
  if (g_hash_table_contains (self->idle, sql) || g_hash_table_size (self->idle) >= MAX_CACHED_STATEMENTS)
    sqlite3_finalize (statement);
  else
    g_hash_table_insert (self->idle, (gpointer) sql, statement);
}
