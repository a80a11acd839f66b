/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

/*
 * What the database knew, from what the generations say of themselves: for a database that was lost, damaged or is older than the
 * files. Blocking; at start only.
 */

/**
 * clm_restoration_fill:
 * @record: gets what the current generation says, and its plan
 * @change: gets a row for each generation
 * @error: set where a generation is in force that cannot be read: it may be there next time, so nothing is enrolled at once
 *
 * Returns: %FALSE, without @error, where there is nothing to restore from.
 */
gboolean clm_restoration_fill (ClmEngine *engine, ClmSpec *spec, ClmRecord *record, ClmChange *change, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_restoration_list_requests: What was asked for over the bus and has a generation, but no record and no file any more. Returns: (transfer full) (element-type ClmSpec). */
GPtrArray *clm_restoration_list_requests (ClmEngine *engine, const ClmSpecContext *context);

G_END_DECLS
