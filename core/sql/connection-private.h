/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"

#include <sqlite3.h>

G_BEGIN_DECLS

/* Only for files of this folder, and for tests that need SQLite itself. */

/** clm_sql_connection_open: Opens @path; @read_only neither creates nor changes. Sets everything but the schema. */
ClmSqlConnection *clm_sql_connection_open (const char *path, gboolean read_only, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_connection_set_thread: Hands the connection to the calling thread; the caller made sure that no other uses it. */
void clm_sql_connection_set_thread (ClmSqlConnection *connection);

/** clm_sql_connection_is_mine: Returns: whether the calling thread may use it. */
gboolean clm_sql_connection_is_mine (ClmSqlConnection *connection);

/** clm_sql_connection_get_handle: Returns: (transfer none): SQLite's own object. */
sqlite3 *clm_sql_connection_get_handle (ClmSqlConnection *connection);

/** clm_sql_connection_call: Runs @func guarded: no transaction commands, @cancellable (nullable) interrupts it, no statement stays open. */
gboolean clm_sql_connection_call (ClmSqlConnection *connection, ClmSqlFunc func, gpointer data, GCancellable *cancellable,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_connection_take_statement: Returns: (transfer full): a prepared statement for @sql, from the cache where one is idle. */
sqlite3_stmt *clm_sql_connection_take_statement (ClmSqlConnection *connection, const char *sql,
                                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_connection_give_statement: (transfer full): resets @statement and keeps it for the next user, or finalizes it. */
void clm_sql_connection_give_statement (ClmSqlConnection *connection, sqlite3_stmt *statement);

G_END_DECLS
