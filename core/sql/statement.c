/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "statement.h"

#include "clm-error.h"
#include "connection-private.h"
#include "sqlite-error.h"

#define MAX_PARAMETERS 64

struct _ClmSqlStatement {
  ClmSqlConnection *connection;
  sqlite3_stmt *handle;
  guint64 bound;        /* bit N - 1: parameter N has a value */
  gboolean running;     /* between the first step and the last */
  gboolean has_row;
  GError *bind_error;   /* of the first failed binding, until the next step */
};

ClmSqlStatement *
clm_sql_statement_prepare (ClmSqlConnection *connection, const char *sql, GError **error)
{
  g_return_val_if_fail (connection != NULL && sql != NULL, NULL);
  g_return_val_if_fail (clm_sql_connection_is_mine (connection), NULL);

  sqlite3_stmt *handle = clm_sql_connection_take_statement (connection, sql, error);
  if (handle == NULL)
    return NULL;

  if (sqlite3_bind_parameter_count (handle) > MAX_PARAMETERS) {
    clm_sql_connection_give_statement (connection, handle);
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "database %s: more than %d parameters: %s",
                 clm_sql_connection_get_path (connection), MAX_PARAMETERS, sql);
    return NULL;
  }

  ClmSqlStatement *self = g_new0 (ClmSqlStatement, 1);
  self->connection = clm_sql_connection_ref (connection);
  self->handle = handle;
  return self;
}

void
clm_sql_statement_free (ClmSqlStatement *self)
{
  if (self == NULL)
    return;

  clm_sql_connection_give_statement (self->connection, self->handle);
  clm_sql_connection_unref (self->connection);
  g_clear_error (&self->bind_error);
  g_free (self);
}

static gboolean
may_bind (ClmSqlStatement *self, guint parameter)
{
  g_return_val_if_fail (self != NULL && clm_sql_connection_is_mine (self->connection), FALSE);
  g_return_val_if_fail (!self->running, FALSE);

  if (parameter >= 1 && (int) parameter <= sqlite3_bind_parameter_count (self->handle))
    return TRUE;

  if (self->bind_error == NULL)
    g_set_error (&self->bind_error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "database %s: no parameter %u in: %s",
                 clm_sql_connection_get_path (self->connection), parameter, sqlite3_sql (self->handle));
  return FALSE;
}

static void
take_bind_result (ClmSqlStatement *self, guint parameter, int result)
{
  if (result == SQLITE_OK)
    self->bound |= G_GUINT64_CONSTANT (1) << (parameter - 1);
  else if (self->bind_error == NULL)
    clm_sql_error_set (&self->bind_error, clm_sql_connection_get_path (self->connection), result, NULL);
}

void
clm_sql_statement_bind_text (ClmSqlStatement *self, guint parameter, const char *text)
{
  if (may_bind (self, parameter))
    take_bind_result (self, parameter, sqlite3_bind_text (self->handle, parameter, text, -1, SQLITE_TRANSIENT));
}

void
clm_sql_statement_bind_int64 (ClmSqlStatement *self, guint parameter, gint64 value)
{
  if (may_bind (self, parameter))
    take_bind_result (self, parameter, sqlite3_bind_int64 (self->handle, parameter, value));
}

void
clm_sql_statement_bind_boolean (ClmSqlStatement *self, guint parameter, gboolean value)
{
  clm_sql_statement_bind_int64 (self, parameter, value ? 1 : 0);
}

void
clm_sql_statement_bind_double (ClmSqlStatement *self, guint parameter, double value)
{
  if (may_bind (self, parameter))
    take_bind_result (self, parameter, sqlite3_bind_double (self->handle, parameter, value));
}

void
clm_sql_statement_bind_blob (ClmSqlStatement *self, guint parameter, GBytes *bytes)
{
  if (bytes == NULL) {
    clm_sql_statement_bind_null (self, parameter);
    return;
  }

  if (!may_bind (self, parameter))
    return;

  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);

  /* SQLite takes a NULL pointer for NULL, whatever the size */
  int result = size == 0 ? sqlite3_bind_zeroblob (self->handle, parameter, 0)
                         : sqlite3_bind_blob64 (self->handle, parameter, data, size, SQLITE_TRANSIENT);
  take_bind_result (self, parameter, result);
}

void
clm_sql_statement_bind_null (ClmSqlStatement *self, guint parameter)
{
  if (may_bind (self, parameter))
    take_bind_result (self, parameter, sqlite3_bind_null (self->handle, parameter));
}

static gboolean
check_bindings (ClmSqlStatement *self, GError **error)
{
  if (self->bind_error != NULL) {
    g_propagate_error (error, g_steal_pointer (&self->bind_error));
    return FALSE;
  }

  int n = sqlite3_bind_parameter_count (self->handle);
  for (int i = 0; i < n; i++)
    if ((self->bound & (G_GUINT64_CONSTANT (1) << i)) == 0) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "database %s: parameter %d is not bound in: %s",
                   clm_sql_connection_get_path (self->connection), i + 1, sqlite3_sql (self->handle));
      return FALSE;
    }
  return TRUE;
}

static void
rewind_statement (ClmSqlStatement *self)
{
  sqlite3_reset (self->handle);
  sqlite3_clear_bindings (self->handle);
  self->bound = 0;
  self->running = FALSE;
  self->has_row = FALSE;
}

/* A flipped bit must not reach D-Bus, which aborts on text that is not UTF-8. */
static gboolean
check_texts (ClmSqlStatement *self, GError **error)
{
  int n = sqlite3_column_count (self->handle);

  for (int i = 0; i < n; i++) {
    if (sqlite3_column_type (self->handle, i) != SQLITE_TEXT)
      continue;

    const char *text = (const char *) sqlite3_column_text (self->handle, i);
    if (text == NULL || !g_utf8_validate (text, sqlite3_column_bytes (self->handle, i), NULL)) {
      clm_sql_error_set (error, clm_sql_connection_get_path (self->connection), SQLITE_CORRUPT, "a text is not UTF-8");
      return FALSE;
    }
  }
  return TRUE;
}

static ClmSqlStep
step (ClmSqlStatement *self, GError **error)
{
  if (!self->running && !check_bindings (self, error))
    return CLM_SQL_STEP_ERROR;

  self->running = TRUE;
  int result = sqlite3_step (self->handle);
  if (result == SQLITE_DONE)
    return CLM_SQL_STEP_DONE;

  if (result == SQLITE_ROW)
    return check_texts (self, error) ? CLM_SQL_STEP_ROW : CLM_SQL_STEP_ERROR;

  clm_sql_error_set_last (error, self->connection, result);
  return CLM_SQL_STEP_ERROR;
}

ClmSqlStep
clm_sql_statement_step (ClmSqlStatement *self, GError **error)
{
  g_return_val_if_fail (self != NULL && clm_sql_connection_is_mine (self->connection), CLM_SQL_STEP_ERROR);

  ClmSqlStep outcome = step (self, error);
  self->has_row = outcome == CLM_SQL_STEP_ROW;
  if (!self->has_row)
    rewind_statement (self);
  return outcome;
}

gboolean
clm_sql_statement_run (ClmSqlStatement *self, GError **error)
{
  ClmSqlStep outcome;

  do
    outcome = clm_sql_statement_step (self, error);
  while (outcome == CLM_SQL_STEP_ROW);

  return outcome == CLM_SQL_STEP_DONE;
}

guint
clm_sql_statement_get_n_columns (ClmSqlStatement *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return sqlite3_column_count (self->handle);
}

static gboolean
can_read (ClmSqlStatement *self, guint column)
{
  return self != NULL && clm_sql_connection_is_mine (self->connection) && self->has_row &&
         column < (guint) sqlite3_column_count (self->handle);
}

gboolean
clm_sql_statement_is_null (ClmSqlStatement *self, guint column)
{
  g_return_val_if_fail (can_read (self, column), TRUE);

  return sqlite3_column_type (self->handle, column) == SQLITE_NULL;
}

/* Asking SQLite for another type than the stored one converts in place and may hand out unchecked bytes; NULL is safer. */
const char *
clm_sql_statement_get_text (ClmSqlStatement *self, guint column)
{
  g_return_val_if_fail (can_read (self, column), NULL);

  if (sqlite3_column_type (self->handle, column) == SQLITE_BLOB)
    return NULL;
  return (const char *) sqlite3_column_text (self->handle, column);
}

char *
clm_sql_statement_dup_text (ClmSqlStatement *self, guint column)
{
  return g_strdup (clm_sql_statement_get_text (self, column));
}

gint64
clm_sql_statement_get_int64 (ClmSqlStatement *self, guint column)
{
  g_return_val_if_fail (can_read (self, column), 0);

  return sqlite3_column_int64 (self->handle, column);
}

gboolean
clm_sql_statement_get_boolean (ClmSqlStatement *self, guint column)
{
  return clm_sql_statement_get_int64 (self, column) != 0;
}

double
clm_sql_statement_get_double (ClmSqlStatement *self, guint column)
{
  g_return_val_if_fail (can_read (self, column), 0);

  return sqlite3_column_double (self->handle, column);
}

const guint8 *
clm_sql_statement_peek_blob (ClmSqlStatement *self, guint column, gsize *size)
{
  *size = 0;
  g_return_val_if_fail (can_read (self, column), NULL);

  /* the pointer first: asking for the size may convert */
  const guint8 *data = sqlite3_column_blob (self->handle, column);
  *size = (gsize) sqlite3_column_bytes (self->handle, column);
  return data;
}

GBytes *
clm_sql_statement_get_blob (ClmSqlStatement *self, guint column)
{
  g_return_val_if_fail (can_read (self, column), NULL);

  if (sqlite3_column_type (self->handle, column) == SQLITE_NULL)
    return NULL;

  /* the pointer first: asking for the size may convert */
  const void *data = sqlite3_column_blob (self->handle, column);
  return g_bytes_new (data, sqlite3_column_bytes (self->handle, column));
}
