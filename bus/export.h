/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "manager.h"

G_BEGIN_DECLS

/**
 * clm_bus_export_async:
 * @caller: only what it may read is written
 * @owner: what the members of @filter point into; a reference is kept
 * @fd: (transfer full): a pipe, a socket or a regular file
 *
 * Writes a list as JSON lines into a descriptor that a caller passed. One page is read while the one before it is written, so two
 * are all that is ever in memory, and neither the main loop nor the database waits for a slow reader. Main thread only.
 * Fails with %CLM_ERROR_INVALID_ARGUMENT, %CLM_ERROR_BUSY, %CLM_ERROR_LIMITS_EXCEEDED, or as clm_manager_list_finish().
 */
void clm_bus_export_async (ClmManager *manager, const ClmCaller *caller, GVariant *owner, const ClmListFilter *filter, int fd,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/** clm_bus_export_finish: @count: (out): rows written. @revision: (out): the inventory's when the first page was read. */
gboolean clm_bus_export_finish (GAsyncResult *result, guint64 *count, guint64 *revision, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
