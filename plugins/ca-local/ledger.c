/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger-private.h"

#include "writer.h"

struct _ClmCaLedger {
  ClmSqlWriter *writer;
};

void
clm_ca_summary_free (ClmCaSummary *self)
{
  for (guint role = 0; role < CLM_CA_N_ROLES; role++)
    g_free (self->certificates[role]);
  g_free (self);
}

void
clm_ca_crl_draft_free (ClmCaCrlDraft *self)
{
  g_clear_pointer (&self->tbs, g_bytes_unref);
  g_clear_pointer (&self->writer, clm_ca_crl_writer_free);
  g_free (self);
}

static void
operation_free (gpointer data)
{
  ClmCaLedgerOperation *op = data;

  g_clear_pointer (&op->entry, clm_ca_entry_free);
  g_clear_pointer (&op->found, clm_ca_entry_free);
  g_clear_pointer (&op->summary, clm_ca_summary_free);
  g_clear_pointer (&op->revoked, g_ptr_array_unref);
  g_clear_pointer (&op->issuer, clm_ca_issuer_unref);
  g_clear_pointer (&op->draft, clm_ca_crl_draft_free);
  g_free (op->pem);
  g_free (op);
}

ClmCaLedger *
clm_ca_ledger_open (const char *path, GError **error)
{
  g_autoptr (ClmSqlConnection) connection = clm_sql_database_open (path, &clm_ca_ledger_schema, error);
  ClmCaLedger *self;

  if (connection == NULL)
    return NULL;
  self = g_new0 (ClmCaLedger, 1);
  self->writer = clm_sql_writer_new (g_steal_pointer (&connection));
  return self;
}

void
clm_ca_ledger_close (ClmCaLedger *self)
{
  clm_sql_writer_close (self->writer);
}

void
clm_ca_ledger_free (ClmCaLedger *self)
{
  clm_sql_writer_close (self->writer);
  g_object_unref (self->writer);
  g_free (self);
}

void
clm_ca_ledger_run (ClmCaLedger *self, ClmCaLedgerOperation *op, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  clm_sql_writer_run_async (self->writer, op->func, op, operation_free, cancellable, callback, user_data);
}

ClmCaLedgerOperation *
clm_ca_ledger_run_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return clm_sql_writer_run_finish (self->writer, result, error) ? g_task_get_task_data (G_TASK (result)) : NULL;
}

ClmCaLedgerOperation *
clm_ca_ledger_operation_new (ClmSqlFunc func, ClmCaRole role)
{
  ClmCaLedgerOperation *op = g_new0 (ClmCaLedgerOperation, 1);

  op->func = func;
  op->role = role;
  return op;
}

ClmCaLedgerOperation *
clm_ca_ledger_operation_new_for_serial (ClmSqlFunc func, ClmCaRole role, GBytes *serial)
{
  ClmCaLedgerOperation *op = clm_ca_ledger_operation_new (func, role);

  op->entry = clm_ca_entry_new ();
  op->entry->role = role;
  op->entry->serial = g_bytes_ref (serial);
  return op;
}
