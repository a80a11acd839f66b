/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger-private.h"

#include "clm-error.h"

ClmCaEntry *
clm_ca_ledger_find (ClmSqlConnection *connection, ClmCaRole role, GBytes *serial, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT state, digest, name, profile, subject, not_before, not_after, tbs, der, revoked_at, reason"
    " FROM certificate WHERE role = ? AND serial = ?", error);
  ClmCaEntry *entry;

  if (statement == NULL)
    return NULL;
  clm_sql_statement_bind_int64 (statement, 1, role);
  clm_sql_statement_bind_blob (statement, 2, serial);
  if (clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return NULL;
  entry = clm_ca_entry_new ();
  entry->role = role;
  entry->serial = g_bytes_ref (serial);
  entry->state = (ClmCaEntryState) clm_sql_statement_get_int64 (statement, 0);
  entry->digest = clm_sql_statement_get_blob (statement, 1);
  entry->certificate = clm_sql_statement_dup_text (statement, 2);
  entry->profile = clm_sql_statement_dup_text (statement, 3);
  entry->subject = clm_sql_statement_dup_text (statement, 4);
  entry->not_before = clm_sql_statement_get_int64 (statement, 5);
  entry->not_after = clm_sql_statement_get_int64 (statement, 6);
  entry->tbs = clm_sql_statement_get_blob (statement, 7);
  entry->der = clm_sql_statement_get_blob (statement, 8);
  entry->revoked_at = clm_sql_statement_get_int64 (statement, 9);
  entry->reason = (int) clm_sql_statement_get_int64 (statement, 10);
  return entry;
}

static gboolean
find_entry (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;
  GError *failure = NULL;

  op->found = clm_ca_ledger_find (connection, op->role, op->entry->serial, &failure);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

void
clm_ca_ledger_find_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  clm_ca_ledger_run (self, clm_ca_ledger_operation_new_for_serial (find_entry, role, serial), cancellable, callback, user_data);
}

ClmCaEntry *
clm_ca_ledger_find_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_run_finish (self, result, error);

  return op != NULL ? g_steal_pointer (&op->found) : NULL;
}

gboolean
clm_ca_ledger_insert (ClmSqlConnection *connection, const ClmCaEntry *entry, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "INSERT INTO certificate (role, serial, state, digest, name, profile, subject, not_before, not_after, tbs, der, revoked_at, reason)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, entry->role);
  clm_sql_statement_bind_blob (statement, 2, entry->serial);
  clm_sql_statement_bind_int64 (statement, 3, entry->state);
  clm_sql_statement_bind_blob (statement, 4, entry->digest);
  clm_sql_statement_bind_text (statement, 5, entry->certificate);
  clm_sql_statement_bind_text (statement, 6, entry->profile);
  clm_sql_statement_bind_text (statement, 7, entry->subject);
  clm_sql_statement_bind_int64 (statement, 8, entry->not_before);
  clm_sql_statement_bind_int64 (statement, 9, entry->not_after);
  clm_sql_statement_bind_blob (statement, 10, entry->tbs);
  clm_sql_statement_bind_blob (statement, 11, entry->der);
  if (entry->revoked_at != 0) {
    clm_sql_statement_bind_int64 (statement, 12, entry->revoked_at);
    clm_sql_statement_bind_int64 (statement, 13, entry->reason);
  } else {
    clm_sql_statement_bind_null (statement, 12);
    clm_sql_statement_bind_null (statement, 13);
  }
  return clm_sql_statement_run (statement, error);
}

/* A void entry gave its serial back; only the order it was made for may take it. */
static gboolean
delete_void (ClmSqlConnection *connection, const ClmCaEntry *entry, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "DELETE FROM certificate WHERE role = ? AND serial = ? AND state = 2 AND digest IS ? AND revoked_at IS NULL", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, entry->role);
  clm_sql_statement_bind_blob (statement, 2, entry->serial);
  clm_sql_statement_bind_blob (statement, 3, entry->digest);
  return clm_sql_statement_run (statement, error);
}

static gboolean
journal (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;

  op->entry->state = CLM_CA_ENTRY_UNFINISHED;
  return delete_void (connection, op->entry, error) && clm_ca_ledger_insert (connection, op->entry, error);
}

void
clm_ca_ledger_journal_async (ClmCaLedger *self, const ClmCaEntry *entry, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new (journal, entry->role);

  op->entry = clm_ca_entry_copy (entry);
  clm_ca_ledger_run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_journal_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return clm_ca_ledger_run_finish (self, result, error) != NULL;
}

static gboolean
complete (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE certificate SET state = 1, der = ?, tbs = NULL WHERE role = ? AND serial = ? AND state = 0", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_blob (statement, 1, op->entry->der);
  clm_sql_statement_bind_int64 (statement, 2, op->role);
  clm_sql_statement_bind_blob (statement, 3, op->entry->serial);
  if (!clm_sql_statement_run (statement, error))
    return FALSE;
  if (clm_sql_connection_get_changes (connection) == 1)
    return TRUE;
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_CONFLICT, "the serial number is not waiting for its signature");
  return FALSE;
}

void
clm_ca_ledger_complete_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GBytes *der, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new_for_serial (complete, role, serial);

  op->entry->der = g_bytes_ref (der);
  clm_ca_ledger_run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_complete_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return clm_ca_ledger_run_finish (self, result, error) != NULL;
}

static gboolean
set_void (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE certificate SET state = 2, tbs = NULL WHERE role = ? AND serial = ? AND state = 0", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->role);
  clm_sql_statement_bind_blob (statement, 2, op->entry->serial);
  return clm_sql_statement_run (statement, error);
}

void
clm_ca_ledger_void_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  clm_ca_ledger_run (self, clm_ca_ledger_operation_new_for_serial (set_void, role, serial), cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_void_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return clm_ca_ledger_run_finish (self, result, error) != NULL;
}
