/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger-private.h"

static gboolean
load_certificates (ClmSqlConnection *connection, ClmCaSummary *summary, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "SELECT role, pem FROM authority", error);
  ClmSqlStep step;

  if (statement == NULL)
    return FALSE;
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    gint64 role = clm_sql_statement_get_int64 (statement, 0);

    if (role >= 0 && role < CLM_CA_N_ROLES && summary->certificates[role] == NULL)
      summary->certificates[role] = clm_sql_statement_dup_text (statement, 1);
  }
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
load_crls (ClmSqlConnection *connection, ClmCaSummary *summary, GError **error)
{
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "SELECT role, number, this_update, next_update, revision > published FROM crl", error);
  ClmSqlStep step;

  if (statement == NULL)
    return FALSE;
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    gint64 role = clm_sql_statement_get_int64 (statement, 0);

    if (role < 0 || role >= CLM_CA_N_ROLES)
      continue;
    summary->crls[role].number = (guint64) clm_sql_statement_get_int64 (statement, 1);
    summary->crls[role].this_update = clm_sql_statement_get_int64 (statement, 2);
    summary->crls[role].next_update = clm_sql_statement_get_int64 (statement, 3);
    summary->crls[role].needed = clm_sql_statement_get_boolean (statement, 4);
  }
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
load_counts (ClmSqlConnection *connection, ClmCaSummary *summary, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT count (*) FILTER (WHERE state = 1), count (revoked_at), count (*) FILTER (WHERE state = 0) FROM certificate", error);

  if (statement == NULL || clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;
  summary->issued = clm_sql_statement_get_int64 (statement, 0);
  summary->revoked = clm_sql_statement_get_int64 (statement, 1);
  summary->unfinished = clm_sql_statement_get_int64 (statement, 2);
  return TRUE;
}

static gboolean
load (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;

  op->summary = g_new0 (ClmCaSummary, 1);
  return load_certificates (connection, op->summary, error) && load_crls (connection, op->summary, error) &&
         load_counts (connection, op->summary, error);
}

void
clm_ca_ledger_load_async (ClmCaLedger *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  clm_ca_ledger_run (self, clm_ca_ledger_operation_new (load, CLM_CA_ROOT), cancellable, callback, user_data);
}

ClmCaSummary *
clm_ca_ledger_load_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_run_finish (self, result, error);

  return op != NULL ? g_steal_pointer (&op->summary) : NULL;
}

static gboolean
save_certificate (ClmSqlConnection *connection, gpointer data, GError **error)
{
  ClmCaLedgerOperation *op = data;
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "INSERT OR REPLACE INTO authority (role, pem) VALUES (?, ?)", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->role);
  clm_sql_statement_bind_text (statement, 2, op->pem);
  return clm_sql_statement_run (statement, error);
}

void
clm_ca_ledger_save_certificate_async (ClmCaLedger *self, ClmCaRole role, const char *pem, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new (save_certificate, role);

  op->pem = g_strdup (pem);
  clm_ca_ledger_run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_save_certificate_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return clm_ca_ledger_run_finish (self, result, error) != NULL;
}
