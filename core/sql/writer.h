/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

/**
 * ClmSqlWriter:
 *
 * The one thread that writes to a database. Operations queue, and all that wait are committed together: one flush of the disk
 * for up to 256 of them. Each runs in its own savepoint, so one that fails is undone alone. They run and complete in the order
 * of the calls.
 *
 * An operation completes successfully only after its group is durable. If the group cannot be committed (disk full, I/O error),
 * every operation of it fails with %CLM_ERROR_STORAGE and nothing of it counts as written; the next group starts afresh.
 */
#define CLM_TYPE_SQL_WRITER (clm_sql_writer_get_type ())
G_DECLARE_FINAL_TYPE (ClmSqlWriter, clm_sql_writer, CLM, SQL_WRITER, GObject)

/**
 * ClmSqlStatistics:
 * @operations: operations that were run, whatever their outcome
 * @failed: those of them that were undone
 * @commits: groups that became durable
 */
typedef struct {
  guint64 operations;
  guint64 failed;
  guint64 commits;
} ClmSqlStatistics;

/**
 * clm_sql_writer_new:
 * @connection: (transfer full): from clm_sql_database_open(), without open statements; the caller no longer touches it
 *
 * Starts the thread. The last reference must not be dropped in an operation.
 */
ClmSqlWriter *clm_sql_writer_new (ClmSqlConnection *connection);

/**
 * clm_sql_writer_run_async:
 * @func: the operation; runs in the writer's thread
 * @data: (nullable): for @func; also what g_task_get_task_data() gives for the result, valid until @callback returns
 * @destroy: (nullable): frees @data, in the caller's main context
 * @cancellable: (nullable): heeded until the operation starts; once started it completes with the truth
 * @callback: called in the thread-default main context of this call
 *
 * Queues a write and returns at once. May be called from any thread. More than 65536 waiting operations are refused with
 * %CLM_ERROR_LIMITS_EXCEEDED, a closed writer with %CLM_ERROR_STORAGE.
 */
void clm_sql_writer_run_async (ClmSqlWriter *writer, ClmSqlFunc func, gpointer data, GDestroyNotify destroy,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/** clm_sql_writer_run_finish: Returns: %TRUE if the write is durable; else the operation's own error, or the group's. */
gboolean clm_sql_writer_run_finish (ClmSqlWriter *writer, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_sql_writer_run:
 *
 * The same, blocking: for workers and for the start of the program. Never on a running main loop.
 */
gboolean clm_sql_writer_run (ClmSqlWriter *writer, ClmSqlFunc func, gpointer data, GCancellable *cancellable,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_writer_flush: Blocks until all that was queued before the call is done. Completions still come through their main contexts. */
void clm_sql_writer_flush (ClmSqlWriter *writer);

/** clm_sql_writer_close: Does all that is queued, ends the thread, closes the file. Blocks. Again: no effect. Happens by itself with the last reference. */
void clm_sql_writer_close (ClmSqlWriter *writer);

/** clm_sql_writer_get_path: Returns: (transfer none): the file's path. */
const char *clm_sql_writer_get_path (ClmSqlWriter *writer);

/** clm_sql_writer_get_statistics: Fills @statistics with the counts since the start; any thread. */
void clm_sql_writer_get_statistics (ClmSqlWriter *writer, ClmSqlStatistics *statistics);

G_END_DECLS
