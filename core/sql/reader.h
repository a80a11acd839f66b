/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

/**
 * ClmSqlReader:
 *
 * Reads of a database beside its writer, through read-only connections. Each read sees one snapshot, which holds every write
 * that had completed when the read started. Readers and the writer do not wait for each other. A write inside a read fails.
 */
#define CLM_TYPE_SQL_READER (clm_sql_reader_get_type ())
G_DECLARE_FINAL_TYPE (ClmSqlReader, clm_sql_reader, CLM, SQL_READER, GObject)

/**
 * clm_sql_reader_new:
 * @path: a file that clm_sql_database_open() opened and whose writer stays open as long as this reader
 * @n_workers: how many reads may run at once, 1 to 8; each costs a connection (up to 256 kB of page cache)
 *
 * Opens nothing yet.
 */
ClmSqlReader *clm_sql_reader_new (const char *path, guint n_workers);

/**
 * clm_sql_reader_run_async:
 * @func: runs in a worker thread of this reader; bounded in what it gathers
 * @data: (nullable): for @func, and where it puts what it found; also what g_task_get_task_data() gives for the result, valid
 *   until @callback returns
 * @destroy: (nullable): frees @data, in the caller's main context
 * @cancellable: (nullable): also interrupts a statement that runs
 * @callback: called in the thread-default main context of this call
 *
 * For lists and everything that may take long.
 */
void clm_sql_reader_run_async (ClmSqlReader *reader, ClmSqlFunc func, gpointer data, GDestroyNotify destroy,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/** clm_sql_reader_run_finish: Returns: %TRUE if @func did; else its error, or one as in `sqlite-error.h`. */
gboolean clm_sql_reader_run_finish (ClmSqlReader *reader, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_sql_reader_query:
 *
 * Reads at once, in the calling thread, which must be the one that called clm_sql_reader_new(). Only for a few rows found by an index: it
 * is the main loop that waits.
 */
gboolean clm_sql_reader_query (ClmSqlReader *reader, ClmSqlFunc func, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
