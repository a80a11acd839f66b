/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * guard: stands between a caller and a vfunc pair and makes the rules of #ClmBackend true whatever the implementation does.
 * The implementation never gets the caller's callback, only clm_guard_complete() and a number; so a second completion finds
 * nothing to complete, one from a foreign thread is brought back, and one before the call returned is put off.
 */

/**
 * clm_guard_enter:
 * @self: source of the operation
 * @operation: (static): its name in messages
 * @supported: whether the pair is implemented
 * @tag: the public `x_async` function
 *
 * Returns: (nullable): what to hand to the vfunc as user data of clm_guard_complete(); %NULL when the answer (cancelled, not
 * supported) is under way already and the vfunc must not be called.
 */
gpointer clm_guard_enter (gpointer self, const char *operation, gboolean supported, gpointer tag,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/** clm_guard_refuse: Like clm_guard_enter(), but answers with @error (transfer full) and nothing else. */
void clm_guard_refuse (gpointer self, GError *error, gpointer tag, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data);

/** clm_guard_complete: The #GAsyncReadyCallback for vfuncs; any thread. */
void clm_guard_complete (GObject *source, GAsyncResult *result, gpointer call);

/** clm_guard_leave: Returns: (transfer full) (nullable): the implementation's own result, for its `x_finish`; else @error is set. */
GAsyncResult *clm_guard_leave (gpointer self, GAsyncResult *result, gpointer tag, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_guard_settle:
 * @ok: whether the implementation says it succeeded
 * @failure: (transfer full) (nullable): the error it set
 *
 * Makes one truth of the two. Returns: %TRUE for success; else @error is set and a value must be freed by the caller.
 */
gboolean clm_guard_settle (gpointer self, const char *operation, gboolean ok, GError *failure, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_guard_check_blocking: Fails (loudly) in a thread that is running the default main context. */
gboolean clm_guard_check_blocking (const char *operation, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_guard_is_word: whether @text is 1 to @max characters of `[a-z0-9._-]`. */
gboolean clm_guard_is_word (const char *text, gsize max);

G_END_DECLS
