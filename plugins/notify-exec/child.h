/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/** CHILD_OUTPUT_MAX: how much of its output is kept; the rest is read and dropped. */
#define CHILD_OUTPUT_MAX (64 * 1024)

/**
 * child_run_async:
 * @argv: fixed words, the first an absolute path; no shell looks at them
 * @environment: the whole environment
 * @input: its standard input
 * @timeout_s: seconds until it is killed
 *
 * Runs a command in a process group of its own. When its first process has ended, by itself, after @timeout_s or because of
 * @cancellable, the whole group is killed: nothing it started stays behind.
 */
void     child_run_async (const char *const *argv, const char *const *environment, const char *input, gint64 timeout_s,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * child_run_finish:
 * @status: (out): as of waitpid(); meaningful where %TRUE is returned
 * @output: (out) (transfer full): standard output and error, at most %CHILD_OUTPUT_MAX bytes, whatever they are; also on error
 *
 * Fails with %CLM_ERROR_CONFIG (could not be started), %CLM_ERROR_FAILED (took too long), `G_IO_ERROR_CANCELLED`.
 */
gboolean child_run_finish (GAsyncResult *result, int *status, GBytes **output, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
