/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "durable-file.h"
#include "generation.h"

G_BEGIN_DECLS

/* Generations of made-up bytes, whose every file says which generation it is of, in a directory of their own. */

/** clm_sample_make_state: Returns: (transfer full): a new state directory. */
char *clm_sample_make_state (void);

/** clm_sample_remove_state: Removes it with all that is in it, and frees the path. */
void clm_sample_remove_state (char *path);

/** clm_sample_open: Returns: (transfer full): the store in it. */
ClmGenerationStore *clm_sample_open (const char *state);

/** clm_sample_generation: Returns: (transfer full): generation @number of "web". */
ClmGeneration *clm_sample_generation (guint number);

/** clm_sample_key: Returns: (transfer full): its key. */
ClmSecret *clm_sample_key (guint number);

/** clm_sample_write: Writes it, with its key. */
gboolean clm_sample_write (ClmGenerationStore *store, guint number, GError **error);

/** clm_sample_rotate: Writes and publishes it, and asserts that both work. */
void clm_sample_rotate (ClmGenerationStore *store, guint number, gint64 now);

/** clm_sample_assert_whole: Asserts that @number is current, undamaged, and in all its files of one generation. */
void clm_sample_assert_whole (ClmGenerationStore *store, guint number);

/** clm_sample_assert_pair: Asserts that certificate, chain and key in @fds are of one generation. Closes nothing. */
void clm_sample_assert_pair (const ClmGenerationFds *fds);

/** clm_sample_count: Returns: how many entries the directory STATE/@path has. */
guint clm_sample_count (const char *state, const char *path);

/** clm_sample_calls_without_sync: Returns: the kernel's calls, with a sync that says yes: tests kill processes, not machines. */
ClmSyscalls clm_sample_calls_without_sync (void);

G_END_DECLS
