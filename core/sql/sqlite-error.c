/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "sqlite-error.h"

#include "clm-error.h"
#include "connection-private.h"

static int
code_of_constraint (int result)
{
  switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return CLM_ERROR_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return CLM_ERROR_CONFLICT;
    default:
      return CLM_ERROR_INVALID_ARGUMENT;
  }
}

static int
code_of_result (int result)
{
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return CLM_ERROR_INVALID_DATA;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_NOLFS:
    case SQLITE_PROTOCOL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return CLM_ERROR_STORAGE;
    case SQLITE_CONSTRAINT:
      return code_of_constraint (result);
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return CLM_ERROR_INVALID_ARGUMENT;
    case SQLITE_TOOBIG:
      return CLM_ERROR_LIMITS_EXCEEDED;
    default:
      return CLM_ERROR_FAILED;
  }
}

/* NULL where nothing sensible can be advised. */
static const char *
hint_of_result (int result)
{
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return "keep a copy of %s, then remove or restore it; check the disk as well";
    case SQLITE_FULL:
      return "free space on the file system of %s";
    case SQLITE_IOERR:
      return "check the disk and the free space of the file system of %s, see the kernel's log";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "check that %s and its directory exist and that the daemon's user may write them";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "find out which other process has %s open";
    default:
      return NULL;
  }
}

void
clm_sql_error_set (GError **error, const char *path, int result, const char *detail)
{
  g_return_if_fail (path != NULL);

  if (error == NULL)
    return;

  if ((result & 0xff) == SQLITE_INTERRUPT) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "database %s: cancelled", path);
    return;
  }

  g_set_error (error, CLM_ERROR, code_of_result (result), "database %s: %s (SQLite code %d)", path,
               detail != NULL ? detail : sqlite3_errstr (result), result);

  const char *hint = hint_of_result (result);
  if (hint != NULL) {
    g_auto (GStrv) parts = g_strsplit (hint, "%s", 2);
    clm_error_set_hint (*error, "%s%s%s", parts[0], path, parts[1]);
  }
}

void
clm_sql_error_set_last (GError **error, ClmSqlConnection *connection, int result)
{
  sqlite3 *handle = clm_sql_connection_get_handle (connection);

  clm_sql_error_set (error, clm_sql_connection_get_path (connection), result, sqlite3_errmsg (handle));
}
