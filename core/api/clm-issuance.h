/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>
#include "clm-version.h"

G_BEGIN_DECLS

/**
 * ClmIssuance:
 *
 * What an authority answered: a certificate, or "not yet". A refusal is an error, not an issuance. Immutable, reference
 * counted, any thread.
 */
typedef struct _ClmIssuance ClmIssuance;

#define CLM_TYPE_ISSUANCE (clm_issuance_get_type ())
CLM_EXTERN GType clm_issuance_get_type (void);

/** clm_issuance_new_issued: @chain: (element-type GBytes): DER certificates, leaf first, each next one issuing the one before, without the root if the authority sends none; at least one. Referenced. */
CLM_EXTERN ClmIssuance *clm_issuance_new_issued (GPtrArray *chain);
/** clm_issuance_new_pending: @ticket: names the conversation for the next `enroll`. @retry_after_s: the authority's wish in seconds, -1 for none; the engine clamps it to [1 s, 1 h]. */
CLM_EXTERN ClmIssuance *clm_issuance_new_pending (GBytes *ticket, gint64 retry_after_s);
CLM_EXTERN ClmIssuance *clm_issuance_ref (ClmIssuance *self);
CLM_EXTERN void         clm_issuance_unref (ClmIssuance *self);

/** clm_issuance_is_pending: Returns: %TRUE for "not yet". */
CLM_EXTERN gboolean   clm_issuance_is_pending (ClmIssuance *self);
/** clm_issuance_get_chain: Returns: (transfer none) (nullable) (element-type GBytes): %NULL while pending. */
CLM_EXTERN GPtrArray *clm_issuance_get_chain (ClmIssuance *self);
/** clm_issuance_get_ticket: Returns: (transfer none) (nullable): %NULL when issued. */
CLM_EXTERN GBytes    *clm_issuance_get_ticket (ClmIssuance *self);
/** clm_issuance_get_retry_after: Returns: seconds, -1 for none. */
CLM_EXTERN gint64     clm_issuance_get_retry_after (ClmIssuance *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmIssuance, clm_issuance_unref)

G_END_DECLS
