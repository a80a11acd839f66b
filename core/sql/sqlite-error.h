/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

/**
 * clm_sql_error_set:
 * @error: (nullable): where to put it
 * @path: the database file
 * @result: SQLite's extended result code, not SQLITE_OK, SQLITE_ROW or SQLITE_DONE
 * @detail: (nullable): SQLite's own sentence; the code's general one if %NULL
 *
 * Turns SQLite's answer into what the caller should do; the message names @path, and a hint tells what a person can do.
 *
 * | SQLite | certloom |
 * |---|---|
 * | CORRUPT, NOTADB, FORMAT | %CLM_ERROR_INVALID_DATA |
 * | FULL, IOERR, READONLY, CANTOPEN, PERM, NOLFS, PROTOCOL, BUSY, LOCKED | %CLM_ERROR_STORAGE |
 * | CONSTRAINT_UNIQUE, _PRIMARYKEY, _ROWID | %CLM_ERROR_EXISTS |
 * | CONSTRAINT_FOREIGNKEY | %CLM_ERROR_CONFLICT |
 * | other CONSTRAINT, MISMATCH, RANGE | %CLM_ERROR_INVALID_ARGUMENT |
 * | TOOBIG | %CLM_ERROR_LIMITS_EXCEEDED |
 * | INTERRUPT | %G_IO_ERROR_CANCELLED |
 * | everything else | %CLM_ERROR_FAILED |
 */
void clm_sql_error_set (GError **error, const char *path, int result, const char *detail);

/** clm_sql_error_set_last: As clm_sql_error_set(), with what SQLite last said on @connection. */
void clm_sql_error_set_last (GError **error, ClmSqlConnection *connection, int result);

G_END_DECLS
