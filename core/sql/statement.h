/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

/**
 * ClmSqlStatement:
 *
 * One statement while it is in use. Preparing is cheap the second time: the connection keeps up to 64 idle statements by their
 * text. Free it (autoptr) before the operation ends. Parameters count from 1, columns from 0, as in SQLite.
 *
 * Binding never fails visibly: what was wrong is reported by the next clm_sql_statement_step() or clm_sql_statement_run(), as is a
 * parameter that nobody bound. So a forgotten check cannot write a NULL.
 */
typedef struct _ClmSqlStatement ClmSqlStatement;

/**
 * ClmSqlStep:
 * @CLM_SQL_STEP_ERROR: It failed, the error is set.
 * @CLM_SQL_STEP_DONE: No further row.
 * @CLM_SQL_STEP_ROW: A row is there to be read.
 */
typedef enum {
  CLM_SQL_STEP_ERROR = -1,
  CLM_SQL_STEP_DONE = 0,
  CLM_SQL_STEP_ROW = 1
} ClmSqlStep;

/**
 * clm_sql_statement_prepare:
 * @sql: exactly one statement, constant text of the program; values are bound, never printed into it
 *
 * Returns: (transfer full): the statement, or %NULL with an error as described in `sqlite-error.h`.
 */
ClmSqlStatement *clm_sql_statement_prepare (ClmSqlConnection *connection, const char *sql, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_statement_free: (nullable): Ends the use; text and rows got from it are gone. */
void clm_sql_statement_free (ClmSqlStatement *statement);

/** clm_sql_statement_bind_text: @text: (nullable): UTF-8, copied; %NULL is SQL's NULL. */
void clm_sql_statement_bind_text (ClmSqlStatement *statement, guint parameter, const char *text);

/** clm_sql_statement_bind_int64: Binds a number: a count, an enum's value, seconds since the epoch. */
void clm_sql_statement_bind_int64 (ClmSqlStatement *statement, guint parameter, gint64 value);

/** clm_sql_statement_bind_boolean: Binds 0 or 1. */
void clm_sql_statement_bind_boolean (ClmSqlStatement *statement, guint parameter, gboolean value);

/** clm_sql_statement_bind_double: Binds a share or a probability. */
void clm_sql_statement_bind_double (ClmSqlStatement *statement, guint parameter, double value);

/** clm_sql_statement_bind_blob: @bytes: (nullable): copied; %NULL is SQL's NULL, an empty one is an empty blob. */
void clm_sql_statement_bind_blob (ClmSqlStatement *statement, guint parameter, GBytes *bytes);

/** clm_sql_statement_bind_null: Binds SQL's NULL. */
void clm_sql_statement_bind_null (ClmSqlStatement *statement, guint parameter);

/**
 * clm_sql_statement_step:
 *
 * Runs the statement to its next row:
 * |[
 * while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
 *   …;
 * if (step == CLM_SQL_STEP_ERROR)
 *   return FALSE;
 * ]|
 * Every text of a row is checked to be UTF-8 without a NUL inside (%CLM_ERROR_INVALID_DATA if not), so that a damaged file
 * cannot pass it on. After the last row or an error the statement stands at its start, its parameters unbound.
 */
ClmSqlStep clm_sql_statement_step (ClmSqlStatement *statement, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_statement_run: Steps to the end, drops rows, leaves the statement at its start with nothing bound, ready for the next values. */
gboolean clm_sql_statement_run (ClmSqlStatement *statement, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_sql_statement_get_n_columns: Returns: columns of a row; 0 for a statement that yields none. */
guint clm_sql_statement_get_n_columns (ClmSqlStatement *statement);

/** clm_sql_statement_is_null: Returns: whether the current row has SQL's NULL there. */
gboolean clm_sql_statement_is_null (ClmSqlStatement *statement, guint column);

/** clm_sql_statement_get_text: Returns: (transfer none) (nullable): valid until the next step; %NULL for SQL's NULL. */
const char *clm_sql_statement_get_text (ClmSqlStatement *statement, guint column);

/** clm_sql_statement_dup_text: Returns: (transfer full) (nullable): a copy of the text. */
char *clm_sql_statement_dup_text (ClmSqlStatement *statement, guint column);

/** clm_sql_statement_get_int64: Returns: the number; 0 for SQL's NULL. */
gint64 clm_sql_statement_get_int64 (ClmSqlStatement *statement, guint column);

/** clm_sql_statement_get_boolean: Returns: whether the number is not 0; %FALSE for SQL's NULL. */
gboolean clm_sql_statement_get_boolean (ClmSqlStatement *statement, guint column);

/** clm_sql_statement_get_double: Returns: the number; 0 for SQL's NULL. */
double clm_sql_statement_get_double (ClmSqlStatement *statement, guint column);

/** clm_sql_statement_peek_blob: @size: (out). Returns: (transfer none) (nullable): the bytes themselves, valid until the next step; %NULL for SQL's NULL and for no bytes. For long lists. */
const guint8 *clm_sql_statement_peek_blob (ClmSqlStatement *statement, guint column, gsize *size);

/** clm_sql_statement_get_blob: Returns: (transfer full) (nullable): a copy; %NULL for SQL's NULL. */
GBytes *clm_sql_statement_get_blob (ClmSqlStatement *statement, guint column);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmSqlStatement, clm_sql_statement_free)

G_END_DECLS
