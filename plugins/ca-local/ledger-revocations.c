/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger-private.h"

static gboolean
count_revocation (ClmSqlConnection *connection, ClmCaRole role, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "UPDATE crl SET revision = revision + 1 WHERE role = ?", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, role);
  return clm_sql_statement_run (statement, error);
}

/* Marks or adds one revoked serial; the first revocation of a serial stands. */
static gboolean
mark_revoked (ClmSqlConnection *connection, const ClmCaEntry *revocation, gboolean *is_new, GError **error)
{
  GError *failure = NULL;
  g_autoptr (ClmCaEntry) known = clm_ca_ledger_find (connection, revocation->role, revocation->serial, &failure);
  g_autoptr (ClmSqlStatement) statement = NULL;

  *is_new = FALSE;
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  if (known == NULL) {
    *is_new = TRUE;
    return clm_ca_ledger_insert (connection, revocation, error);
  }
  if (known->revoked_at != 0)
    return TRUE;
  statement = clm_sql_statement_prepare (connection, "UPDATE certificate SET revoked_at = ?, reason = ? WHERE role = ? AND serial = ?", error);
  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, revocation->revoked_at);
  clm_sql_statement_bind_int64 (statement, 2, revocation->reason);
  clm_sql_statement_bind_int64 (statement, 3, revocation->role);
  clm_sql_statement_bind_blob (statement, 4, revocation->serial);
  *is_new = TRUE;
  return clm_sql_statement_run (statement, error);
}

static gboolean
revoke_entry (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;

  op->entry->state = CLM_CA_ENTRY_FOREIGN;
  return mark_revoked (connection, op->entry, &op->answer, error) && (!op->answer || count_revocation (connection, op->role, error));
}

void
clm_ca_ledger_revoke_async (ClmCaLedger *self, const ClmCaEntry *entry, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new (revoke_entry, entry->role);

  op->entry = clm_ca_entry_copy (entry);
  clm_ca_ledger_run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_revoke_finish (ClmCaLedger *self, GAsyncResult *result, gboolean *is_new, GError **error)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_run_finish (self, result, error);

  *is_new = op != NULL && op->answer;
  return op != NULL;
}

static gboolean
raise_number (ClmSqlConnection *connection, ClmCaRole role, const ClmCaCrlInfo *info, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE crl SET number = max (number, ?), this_update = max (this_update, ?), next_update = max (next_update, ?) WHERE role = ?", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, (gint64) info->number);
  clm_sql_statement_bind_int64 (statement, 2, info->this_update);
  clm_sql_statement_bind_int64 (statement, 3, info->next_update);
  clm_sql_statement_bind_int64 (statement, 4, role);
  return clm_sql_statement_run (statement, error);
}

static gboolean
merge_crl (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;
  gboolean is_new;

  for (guint i = 0; i < op->revoked->len; i++)
    if (!mark_revoked (connection, g_ptr_array_index (op->revoked, i), &is_new, error))
      return FALSE;
  return raise_number (connection, op->role, &op->info, error);
}

void
clm_ca_ledger_merge_crl_async (ClmCaLedger *self, ClmCaRole role, const ClmCaCrlInfo *info, GPtrArray *revoked, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new (merge_crl, role);

  op->info = *info;
  op->revoked = g_ptr_array_ref (revoked);
  clm_ca_ledger_run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_merge_crl_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return clm_ca_ledger_run_finish (self, result, error) != NULL;
}
