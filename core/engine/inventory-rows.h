/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "change.h"
#include "statement.h"

G_BEGIN_DECLS

/*
 * Rows of the inventory's tables to and from what the engine hands around. Private to the inventory; any thread that owns the
 * connection.
 */

/** CLM_RECORD_SELECT: start of a query whose rows clm_record_from_row() reads; tables are c (certificates) and r (records). */
#define CLM_RECORD_SELECT \
  "SELECT c.name, c.state, c.next_action, c.next_time, c.clock_bound, c.alarm_time, c.not_before, c.not_after, c.attempts," \
  " c.delivery_state, c.authority, c.key_store, c.message, c.origin, c.revision, r.reason, r.hint, r.error, r.generation," \
  " r.candidate, r.held, r.template_name, r.key_uri, r.key_type, r.subject, r.issuer, r.serial, r.fingerprint, r.alt_names," \
  " r.issued, r.issue_digest, r.alarm, r.hint_start, r.hint_end, r.revoked FROM certificates c JOIN records r ON r.name = c.name "

/** CLM_SUMMARY_COLUMNS: of certificates, in the order that clm_summary_from_row() reads. */
#define CLM_SUMMARY_COLUMNS \
  "name, state, delivery_state, authority, key_store, not_before, not_after, next_action, next_time, attempts, message, revision"

ClmRecord         *clm_record_from_row (ClmSqlStatement *row);
/** clm_summary_from_row: Returns: what lists show of a row; its texts are the statement's, valid until the next step. */
ClmSummary         clm_summary_from_row (ClmSqlStatement *row);
ClmIntent         *clm_intent_from_row (ClmSqlStatement *row);
ClmGenerationRow  *clm_generation_row_from_row (ClmSqlStatement *row);
ClmDeliveryRecord *clm_delivery_record_from_row (ClmSqlStatement *row);
ClmHistoryRow     *clm_history_row_from_row (ClmSqlStatement *row);

/** CLM_REMOVALS_KEPT: how many removals who lists what changed can still learn of. */
#define CLM_REMOVALS_KEPT 10000

/** clm_change_write: Writes all of @change. @revision: for its record, or its removal. */
gboolean clm_change_write (ClmSqlConnection *connection, const ClmChange *change, guint64 revision, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#define CLM_INTENT_COLUMNS "number, authority, authority_identity, issue_digest, key_store, key_label, key_uri, ticket, key_owned, started"
#define CLM_GENERATION_COLUMNS "number, status, serial, fingerprint, authority, key_uri, not_before, not_after, created, retired"
#define CLM_DELIVERY_COLUMNS "delivery, generation, failing, attempts, time, error"
#define CLM_HISTORY_COLUMNS "sequence, time, kind, severity, subject_kind, subject, message, fields"

G_END_DECLS
