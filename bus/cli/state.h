/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "terminal.h"

G_BEGIN_DECLS

/*
 * The states of a certificate as people see them. A state that this command does not know yet (a newer daemon) is text to show.
 */

/** clm_state_get_words: Returns: (transfer none) (array zero-terminated=1): the words of the bus, worst first. */
const char *const *clm_state_get_words (void);

/** clm_state_is_known: whether @state is one of them. */
gboolean clm_state_is_known (const char *state);

/** clm_state_get_rank: Returns: 0 for the worst. */
guint clm_state_get_rank (const char *state);

/** clm_state_get_label: Returns: (transfer none): the translated word. */
const char *clm_state_get_label (const char *state);

/** clm_state_get_symbol: Returns: (transfer none): one sign; ASCII unless @utf8. */
const char *clm_state_get_symbol (const char *state, gboolean utf8);

/** clm_state_get_color: Returns: green for well, yellow for look, red for act. */
ClmColor clm_state_get_color (const char *state);

/** clm_state_get_left_color: Yellow in the last third of the lifetime, red in the last tenth. */
ClmColor clm_state_get_left_color (gint64 not_before, gint64 not_after, gint64 now);

/** clm_state_format_next: Returns: (transfer full): what comes next as a phrase: "renew in 31d", "renew in 12m (attempt 6)", "renew now", "under way", "–". */
char *clm_state_format_next (const char *state, const char *action, gint64 time, guint attempts, gint64 now);

G_END_DECLS
