/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

G_BEGIN_DECLS

/**
 * ClmProgress: how far something is, on standard error: a bar where that is a terminal, else one line for each stage. Silent with
 * --quiet and --json.
 */
typedef struct _ClmProgress ClmProgress;

/** clm_progress_new: @label: (nullable): what it is about, e.g. a name. */
ClmProgress *clm_progress_new (ClmCli *cli, const char *label);
/** clm_progress_update: @stage: word of the bus. @fraction: 0 to 1; -1: unknown. @done, @total: of several things; @total 0 or 1: only one. */
void clm_progress_update (ClmProgress *self, const char *stage, double fraction, guint done, guint total);
/** clm_progress_note: A line beside the bar. */
void clm_progress_note (ClmProgress *self, const char *text);
/** clm_progress_free: Takes the bar away. */
void clm_progress_free (ClmProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmProgress, clm_progress_free)

/** clm_progress_get_stage_label: Returns: (transfer none): @stage for a person; a word that is not known stays. */
const char *clm_progress_get_stage_label (const char *stage);

G_END_DECLS
