/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

/**
 * ClmSqlMigration:
 * @version: the file's `user_version` once this step is done; from 1, ascending
 * @sql: (nullable): statements that only add: tables, columns with a default, indexes
 * @func: (nullable): run after @sql, to fill what was added; its data is %NULL
 */
typedef struct {
  int version;
  const char *sql;
  ClmSqlFunc func;
} ClmSqlMigration;

/**
 * ClmSqlSchema:
 * @application_id: SQLite's `application_id`, not 0: tells this kind of file from every other
 * @migrations: the steps, in ascending order
 * @n_migrations: how many
 */
typedef struct {
  gint32 application_id;
  const ClmSqlMigration *migrations;
  gsize n_migrations;
} ClmSqlSchema;

/**
 * clm_sql_database_open:
 * @path: absolute; its directory exists
 * @schema: (nullable): %NULL opens without looking at the schema
 *
 * Opens @path for reading and writing, creating it with mode 0600 (an existing wider mode is narrowed), in WAL mode with
 * `synchronous=FULL`. Then runs the migrations that the file has not seen, ALL in one transaction: afterwards the file is either
 * as @schema says or exactly as before. A step that removes or renames a table or column is refused.
 *
 * A file of a newer version is accepted as it is: schemas only grow, so this program finds all it knows. Its version stays.
 *
 * Blocks; call it at start. The connection belongs to the calling thread until it is given to clm_sql_writer_new().
 *
 * Returns: (transfer full): the connection, or %NULL with an error as in `sqlite-error.h`; %CLM_ERROR_INVALID_DATA also for a file of
 * another application.
 */
ClmSqlConnection *clm_sql_database_open (const char *path, const ClmSqlSchema *schema, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_database_get_version: Returns: the file's `user_version`, or -1 with an error. */
int clm_sql_database_get_version (ClmSqlConnection *connection, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_sql_database_quick_check:
 * @unused: %NULL; there so that this is a #ClmSqlFunc and can be given to clm_sql_reader_run_async()
 *
 * Reads the whole file and checks its structure. Slow for a large file, so on demand.
 *
 * Returns: %TRUE if sound, else %CLM_ERROR_INVALID_DATA with the first thing found.
 */
gboolean clm_sql_database_quick_check (ClmSqlConnection *connection, gpointer unused, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
