/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-request.h"
#include "engine.h"
#include "spec.h"

G_BEGIN_DECLS

/**
 * ClmEnrollment:
 *
 * The request of one rotation as an authority sees it (#ClmRequest): makes the CSR when the plugin is ready for it, and writes
 * its checkpoints into the open intent.
 */
#define CLM_TYPE_ENROLLMENT (clm_enrollment_get_type ())
G_DECLARE_FINAL_TYPE (ClmEnrollment, clm_enrollment, CLM, ENROLLMENT, ClmRequest)

/**
 * clm_enrollment_new:
 * @intent: copied; each checkpoint is written as this intent with another ticket
 * @key: (nullable): %NULL while the authority is only asked what it demands
 * @current: (nullable): what is in force
 * @bootstrap: (element-type ClmCredential): to prove oneself by, best first
 * @extra_attributes: (nullable): what the authority demands in the CSR
 */
ClmEnrollment *clm_enrollment_new (ClmEngine *engine, ClmSpec *spec, const ClmIntent *intent, ClmKey *key, ClmCredential *current,
                                   GPtrArray *bootstrap, GBytes *extra_attributes);

/** clm_enrollment_get_ticket: Returns: (transfer none) (nullable): of the last checkpoint. */
GBytes *clm_enrollment_get_ticket (ClmEnrollment *self);
/** clm_enrollment_close: The rotation is over; a plugin that still holds the request can write no more. */
void clm_enrollment_close (ClmEnrollment *self);

G_END_DECLS
