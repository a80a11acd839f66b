/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* report: what the runner prints, in the Test Anything Protocol. */

/** report_start: Watches the log too: what the guard says of a faulty completion becomes a failure. */
void     report_start (void);
/** report_check: One line. @why: (nullable): printed when @ok is %FALSE. Returns: @ok. */
gboolean report_check (gboolean ok, const char *why, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** report_error: report_check() for "no error"; frees and clears @error. */
gboolean report_no_error (gboolean ok, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);
void     report_skip (const char *why, const char *format, ...) G_GNUC_PRINTF (2, 3);
/** report_manners: One line: whether every call since the last time was completed once, in the right thread. */
void     report_manners (const char *what);
/** report_end: Prints the plan. Returns: exit status. */
int      report_end (void);

/** report_await: As clm_await(), but ends the run when nothing comes within 30 s. @what: what is waited for. */
GAsyncResult *report_await (GAsyncResult **slot, const char *what);

G_END_DECLS
