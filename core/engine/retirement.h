/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

/**
 * clm_retirement_run_async:
 * @keep: generations to keep
 *
 * Removes the files of generations that have had their time, then their rows, then the keys that nothing names any more: in this
 * order, so that a crash leaves at worst an unused key, never a generation without its key. A key that its store does not destroy
 * is tried again the next time. Does nothing while the clock is not trusted.
 */
void     clm_retirement_run_async (ClmEngine *engine, const char *name, guint keep, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_retirement_run_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_retirement_remove_all_async:
 * @keep_key: leave the keys in their stores
 *
 * Removes every generation and (unless @keep_key) every key of one certificate that is no longer managed, then its rows. Fails
 * where a key could not be destroyed; its row stays, for the next try.
 */
void     clm_retirement_remove_all_async (ClmEngine *engine, const char *name, gboolean keep_key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_retirement_remove_all_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
