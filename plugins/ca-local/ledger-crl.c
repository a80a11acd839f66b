/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger-private.h"

#include "clm-error.h"
#include "serial.h"

/* Takes the next number and tells what the last CRL was. @last_update: (out). */
static gboolean
take_number (ClmSqlConnection *connection, ClmCaLedgerOperation *op, gint64 *last_update, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE crl SET number = max (number, ?) + 1 WHERE role = ? RETURNING number, revision, this_update", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, (gint64) op->floor);
  clm_sql_statement_bind_int64 (statement, 2, op->role);
  if (clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;
  op->draft->number = (guint64) clm_sql_statement_get_int64 (statement, 0);
  op->draft->revision = clm_sql_statement_get_int64 (statement, 1);
  *last_update = clm_sql_statement_get_int64 (statement, 2);
  return TRUE;
}

static gboolean
write_entries (ClmSqlConnection *connection, ClmCaLedgerOperation *op, ClmCaCrlWriter *writer, gint64 last_update, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT serial, revoked_at, reason FROM certificate WHERE role = ? AND not_after >= ? AND revoked_at IS NOT NULL ORDER BY not_after, serial", error);
  ClmSqlStep step;

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->role);
  clm_sql_statement_bind_int64 (statement, 2, last_update);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    gsize size;
    const guint8 *serial = clm_sql_statement_peek_blob (statement, 0, &size);

    if (serial == NULL || !clm_ca_serial_is_valid (serial, size)) {
      g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the ledger holds a revoked certificate without a proper serial number");
      return FALSE;
    }
    clm_ca_crl_writer_add (writer, serial, size, clm_sql_statement_get_int64 (statement, 1), (int) clm_sql_statement_get_int64 (statement, 2));
    op->draft->entries++;
  }
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
begin_crl (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;
  g_autoptr (ClmCaCrlWriter) writer = NULL;
  gint64 last_update;

  op->draft->entries = 0;
  if (!take_number (connection, op, &last_update, error))
    return FALSE;
  writer = clm_ca_crl_writer_new (op->issuer, op->draft->number, op->draft->this_update, op->draft->next_update);
  if (!write_entries (connection, op, writer, last_update, error))
    return FALSE;
  g_clear_pointer (&op->draft->tbs, g_bytes_unref);
  g_clear_pointer (&op->draft->writer, clm_ca_crl_writer_free);
  op->draft->tbs = clm_ca_crl_writer_end (writer);
  op->draft->writer = g_steal_pointer (&writer);
  return TRUE;
}

void
clm_ca_ledger_begin_crl_async (ClmCaLedger *self, ClmCaRole role, ClmCaIssuer *issuer, guint64 floor, gint64 this_update, gint64 next_update, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new (begin_crl, role);

  op->issuer = clm_ca_issuer_ref (issuer);
  op->floor = floor;
  op->draft = g_new0 (ClmCaCrlDraft, 1);
  op->draft->this_update = this_update;
  op->draft->next_update = next_update;
  clm_ca_ledger_run (self, op, cancellable, callback, user_data);
}

ClmCaCrlDraft *
clm_ca_ledger_begin_crl_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_run_finish (self, result, error);

  return op != NULL ? g_steal_pointer (&op->draft) : NULL;
}

static gboolean
end_crl (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE crl SET this_update = ?, next_update = ?, published = ? WHERE role = ? RETURNING revision > published", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->draft->this_update);
  clm_sql_statement_bind_int64 (statement, 2, op->draft->next_update);
  clm_sql_statement_bind_int64 (statement, 3, op->draft->revision);
  clm_sql_statement_bind_int64 (statement, 4, op->role);
  if (clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;
  op->answer = clm_sql_statement_get_boolean (statement, 0);
  return TRUE;
}

void
clm_ca_ledger_end_crl_async (ClmCaLedger *self, ClmCaRole role, const ClmCaCrlDraft *draft, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new (end_crl, role);

  op->draft = g_new0 (ClmCaCrlDraft, 1);
  *op->draft = *draft;
  op->draft->tbs = NULL;
  op->draft->writer = NULL;
  clm_ca_ledger_run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_end_crl_finish (ClmCaLedger *self, GAsyncResult *result, gboolean *needed, GError **error)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_run_finish (self, result, error);

  *needed = op != NULL && op->answer;
  return op != NULL;
}
