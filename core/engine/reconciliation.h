/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agenda.h"
#include "engine.h"

G_BEGIN_DECLS

/**
 * clm_reconciliation_run_async:
 * @agenda: each name is locked while its record is changed
 * @find_spec: what a certificate shall be that no file describes, because it was asked for; @find_data: for it
 * @changes: (nullable) (element-type ClmConfigChange): what a reload changed; %NULL at start: look at everything
 * @restored: (nullable) (element-type ClmSpec): requests that a lost database no longer knows (clm_restoration_list_requests())
 * @deferred: (element-type utf8): gets the names that are in flight: run_one() them when the agenda says that they are settled
 *
 * Brings the inventory in line with the configuration's certificates: new ones are added and enrolled, changed ones renewed,
 * rescheduled or delivered again, those whose file is gone are no longer renewed (what they have stays until somebody removes
 * them), unless they had been asked for before: then that is in force again. A certificate without a record but with generations on disk gets its record back from them. Requests follow
 * their template with their next renewal.
 */
void     clm_reconciliation_run_async (ClmEngine *engine, ClmAgenda *agenda, ClmFindSpec find_spec, gpointer find_data, GPtrArray *changes, GPtrArray *restored, GHashTable *deferred, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_reconciliation_run_one_async: The same for @name alone, whose file has changed. */
void     clm_reconciliation_run_one_async (ClmEngine *engine, ClmAgenda *agenda, ClmFindSpec find_spec, gpointer find_data, const char *name, GHashTable *deferred, GAsyncReadyCallback callback, gpointer user_data);
/** clm_reconciliation_run_finish: For both. Fails with the first thing that could not be written; the others were. */
gboolean clm_reconciliation_run_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_reconciliation_plan_release: What happens next to a certificate that was held, revoked or not described, now that it is to go on. */
void clm_reconciliation_plan_release (ClmEngine *engine, ClmRecord *record, ClmSpec *spec);

G_END_DECLS
