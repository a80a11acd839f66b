/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"
#include "generation.h"
#include "record.h"
#include "spec.h"

G_BEGIN_DECLS

/*
 * An issued certificate on its way: from the chain that passed the policy check to a generation, a record, a row, an event.
 * Pure but for clm_issued_stage_async(); any thread.
 */

/** clm_issued_to_generation: @chain: (element-type GBytes): checked, leaf first. @anchors: (element-type GBytes). Returns: (transfer full) (nullable). */
ClmGeneration *clm_issued_to_generation (ClmSpec *spec, const ClmIntent *intent, GPtrArray *chain, GPtrArray *anchors, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_issued_check_spec: What the spec's `[Policy]` asks beyond the engine's own policy: key sizes and signature algorithms of leaf and chain. Fails with %CLM_ERROR_INVALID_DATA, in the words of clm_policy_check(). */
gboolean clm_issued_check_spec (ClmSpec *spec, ClmGeneration *generation, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_issued_to_record: Writes what the certificate says into @record, which then has it as its current generation. */
gboolean clm_issued_to_record (ClmGeneration *generation, ClmRecord *record, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_issued_to_row: Returns: (transfer full): as the current generation. */
ClmGenerationRow *clm_issued_to_row (ClmGeneration *generation);

/** clm_issued_to_issuance: Returns: (transfer full): what the authority must have answered, for a confirmation that a crash prevented. */
ClmIssuance *clm_issued_to_issuance (ClmGeneration *generation);

/** clm_issued_describe: Adds serial, fingerprint, generation and end date to @event. */
void clm_issued_describe (ClmGeneration *generation, ClmEvent *event);

/** clm_issued_format_time: Returns: (transfer full): RFC 3339 in UTC. */
char *clm_issued_format_time (gint64 time);

/**
 * clm_issued_stage_async:
 * @exportable: whether the files shall hold the key, where its store hands it out
 *
 * Exports the key and writes the generation's files (clm_generation_write()) in a worker.
 */
void     clm_issued_stage_async (ClmGenerationStore *store, ClmGeneration *generation, ClmKey *key, gboolean exportable,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_issued_stage_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
