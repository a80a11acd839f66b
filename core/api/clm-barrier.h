/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "clm-version.h"

G_BEGIN_DECLS

/**
 * ClmBarrier:
 *
 * Makes many writes on one file system durable at once. Begin it before the first write, add what was written or renamed into,
 * then wait. All barriers of the process that wait on one file system at the same time share one syncfs(2), so that many small
 * writers cost hardly more than one. Where that call would not tell of a failed write (Linux before 5.8) or does not reach the
 * disk (overlay, network and user-space file systems), each added descriptor is synced by itself.
 *
 * A barrier belongs to one thread at a time; different ones may be used by any threads at once.
 */
typedef struct _ClmBarrier ClmBarrier;

/** clm_barrier_begin: @directory: an open directory on the file system that is written to; it is not kept. Returns: (transfer full). */
CLM_EXTERN ClmBarrier *clm_barrier_begin (int directory);

/** clm_barrier_free: @self: (nullable). What was not waited for may or may not become durable. */
CLM_EXTERN void clm_barrier_free (ClmBarrier *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBarrier, clm_barrier_free)

/** clm_barrier_add: @fd: a file that was written, or a directory whose entries were changed; it may be closed afterwards. */
CLM_EXTERN void clm_barrier_add (ClmBarrier *self, int fd);

/**
 * clm_barrier_wait:
 *
 * Blocks until everything added so far is on the disk; then the barrier may be used for what comes next. Fails with
 * %CLM_ERROR_STORAGE: none of it counts as written, also where another writer's failure on the same file system may be all
 * there is to it; the kernel does not tell whose.
 */
CLM_EXTERN gboolean clm_barrier_wait (ClmBarrier *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
