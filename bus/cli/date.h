/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** clm_date_format_span: Returns: (transfer full): @seconds as one number and a unit, rounded down: "61d", "5h", "42s", "-1d". */
char *clm_date_format_span (gint64 seconds);

/** clm_date_format_date: Returns: (transfer full): @time as local date, or as local time where it is less than a day from @now; "–" for 0. */
char *clm_date_format_date (gint64 time, gint64 now);

/** clm_date_format_full: Returns: (transfer full): @time as local date and time with zone; "–" for 0. */
char *clm_date_format_full (gint64 time);

/** clm_date_format_clock: Returns: (transfer full): local time of day. */
char *clm_date_format_clock (gint64 time);

/** clm_date_format_rfc3339: Returns: (transfer full) (nullable): RFC 3339 in UTC; %NULL for 0 or a year that it cannot say. */
char *clm_date_format_rfc3339 (gint64 time);

/** clm_date_is_time: Whether a plugin's detail is seconds since the epoch: a number called as the times of X.509 are, "root-not-after", "NextUpdate". */
gboolean clm_date_is_time (const char *name, GVariant *value);

/** clm_date_parse_span: @seconds: (out): 1 to 100 years, or 0 for "0". Parses "90d", "1h30m", "10" (seconds); units s m h d w y, as in configuration. */
gboolean clm_date_parse_span (const char *text, gint64 *seconds, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
