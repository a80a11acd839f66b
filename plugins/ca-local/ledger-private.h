/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "database.h"
#include "ledger.h"
#include "statement.h"

G_BEGIN_DECLS

/* What the rooms of the ledger share: how an operation gets through the writer's thread. */

/** clm_ca_ledger_schema: tables and indexes, and how they came about. */
extern const ClmSqlSchema clm_ca_ledger_schema;

/** ClmCaLedgerOperation: one on its way: what it needs and what it found. */
typedef struct {
  ClmSqlFunc func;
  ClmCaRole  role;
  ClmCaEntry *entry;
  ClmCaEntry *found;
  ClmCaSummary *summary;
  char        *pem;
  GPtrArray   *revoked;
  ClmCaCrlInfo info;
  ClmCaIssuer *issuer;
  ClmCaCrlDraft *draft;
  guint64      floor;
  gboolean     answer;
} ClmCaLedgerOperation;

/** clm_ca_ledger_operation_new: Returns: (transfer full). */
ClmCaLedgerOperation *clm_ca_ledger_operation_new (ClmSqlFunc func, ClmCaRole role);
/** clm_ca_ledger_operation_new_for_serial: the same with an entry that has nothing but its serial. */
ClmCaLedgerOperation *clm_ca_ledger_operation_new_for_serial (ClmSqlFunc func, ClmCaRole role, GBytes *serial);
/** clm_ca_ledger_run: Takes @op, which lives until @callback has returned. */
void clm_ca_ledger_run (ClmCaLedger *self, ClmCaLedgerOperation *op, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_ca_ledger_run_finish: Returns: (transfer none) (nullable): the operation, if it is written. */
ClmCaLedgerOperation *clm_ca_ledger_run_finish (ClmCaLedger *self, GAsyncResult *result, GError **error);

/** clm_ca_ledger_find: In the writer's thread. Returns: (transfer full) (nullable): %NULL without error where @serial is not known. */
ClmCaEntry *clm_ca_ledger_find (ClmSqlConnection *connection, ClmCaRole role, GBytes *serial, GError **error);
/** clm_ca_ledger_insert: In the writer's thread; @entry must be new. */
gboolean clm_ca_ledger_insert (ClmSqlConnection *connection, const ClmCaEntry *entry, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
