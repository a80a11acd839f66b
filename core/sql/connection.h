/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmSqlConnection:
 *
 * One connection to one SQLite file, with its cache of prepared statements. It belongs to one thread at a time: the thread
 * that opened it, the writer's thread, or the worker that runs a read. Use from another thread is refused with a critical.
 * Opened by clm_sql_database_open(); operations receive one as their first argument and never keep it.
 */
typedef struct _ClmSqlConnection ClmSqlConnection;

/**
 * ClmSqlFunc:
 * @connection: (transfer none): valid during the call only
 * @data: what was given with the operation
 * @error: set where %FALSE is returned
 *
 * One operation: a read in one snapshot, or a write that takes effect as a whole or not at all. It runs in a thread of
 * its own and therefore touches nothing but @connection and @data. It may neither begin nor end transactions or savepoints, nor
 * attach files: SQLite is told to refuse that.
 *
 * Returns: %TRUE to keep what was done, %FALSE to undo it.
 */
typedef gboolean (*ClmSqlFunc) (ClmSqlConnection *connection, gpointer data, GError **error);

/** clm_sql_connection_ref: Returns: (transfer full): @connection; any thread. */
ClmSqlConnection *clm_sql_connection_ref (ClmSqlConnection *connection);

/** clm_sql_connection_unref: Closes the file when the last reference goes. An open transaction is rolled back. */
void clm_sql_connection_unref (ClmSqlConnection *connection);

/** clm_sql_connection_get_path: Returns: (transfer none): the file's path, for messages; any thread. */
const char *clm_sql_connection_get_path (ClmSqlConnection *connection);

/**
 * clm_sql_connection_exec:
 * @sql: one or more statements, constant text of the program, never built from input
 *
 * Runs @sql and drops rows that it may return. For schema and pragmas; everything with values is a #ClmSqlStatement.
 *
 * Returns: %TRUE if all ran; otherwise an error as described in `sqlite-error.h`, and the statements before the failing one stand
 * (inside an operation they are undone with it).
 */
gboolean clm_sql_connection_exec (ClmSqlConnection *connection, const char *sql, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_connection_get_changes: Returns: rows inserted, changed or deleted by the last finished statement. */
gint64 clm_sql_connection_get_changes (ClmSqlConnection *connection);

/** clm_sql_connection_get_last_rowid: Returns: the rowid of the last successful INSERT on this connection. */
gint64 clm_sql_connection_get_last_rowid (ClmSqlConnection *connection);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmSqlConnection, clm_sql_connection_unref)

G_END_DECLS
