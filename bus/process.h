/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * clm_process_harden: What a process that holds keys does first, whoever started it: files are its own (umask 077), it stands in
 * no directory that could be taken away or planted with files (`/`), and its memory is neither dumped nor readable by others.
 * What the kernel refuses is a warning.
 */
void clm_process_harden (void);

/** clm_process_tune: What suits a process that sleeps for weeks and then works in bursts: few arenas, threads that are used again. Before any thread. */
void clm_process_tune (void);

/** clm_process_make_absolute: Returns: (transfer full) (nullable): @path (nullable) seen from where we stand now; call before clm_process_harden(). */
char *clm_process_make_absolute (const char *path);

G_END_DECLS
