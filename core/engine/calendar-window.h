/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmCalendarWindows:
 *
 * An immutable list of weekly maintenance windows, as `Window=` writes it:
 *
 *     windows = window *( ";" window )
 *     window  = days SP clock "-" clock [ SP zone ]
 *     days    = "*" | item *( "," item )
 *     item    = day [ ".." day ]                 Fri..Mon wraps over the weekend
 *     day     = "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun"      in any case
 *     clock   = HH ":" MM                        00:00 to 24:00; 24:00 only as an end
 *     zone    = "local" | "UTC" | NAME           an IANA name ("Europe/Berlin"); "local" where none is given
 *
 * `Sun 02:00-05:00 local`, `Mon..Fri 22:00-04:00; Sat,Sun 00:00-24:00 UTC`, `* 02:00-05:00 UTC`. The day is the day on which the
 * window opens. An end that is not after the start belongs to the next day; equal times are a whole day.
 *
 * A window is open from its start up to, not including, its end, as that zone's wall clock shows them. Where a change to
 * summer time skips a start or an end, the first instant after the gap takes its place; a window that lies in the gap does not
 * open that day. Where a clock time comes twice, the second one, in winter time, counts.
 *
 * Reference counted, any thread. Pure: nothing here reads a clock. "local" is the zone at the time of parsing.
 */
typedef struct _ClmCalendarWindows ClmCalendarWindows;

/** clm_calendar_windows_parse: Fails with %CLM_ERROR_CONFIG, naming the part that is wrong. Returns: (transfer full) (nullable). */
ClmCalendarWindows *clm_calendar_windows_parse (const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

ClmCalendarWindows *clm_calendar_windows_ref (ClmCalendarWindows *self);
void                clm_calendar_windows_unref (ClmCalendarWindows *self);

/** clm_calendar_windows_is_always: Returns: whether no instant of the week is outside (`* 00:00-24:00`). */
gboolean clm_calendar_windows_is_always (ClmCalendarWindows *self);

/**
 * clm_calendar_windows_find:
 * @time: seconds since the epoch
 * @opens: (out): when the window opens; not after @time when it is open at @time
 * @closes: (out): when it closes, after @time
 *
 * Finds the window that is open at @time or, when none is, the next one to open. Windows that touch or overlap count as one.
 * For a list that is always open the answer is the whole range of gint64.
 *
 * Returns: %FALSE when there is none, which happens only outside the years 1 to 9999.
 */
gboolean clm_calendar_windows_find (ClmCalendarWindows *self, gint64 time, gint64 *opens, gint64 *closes);

/** clm_calendar_windows_is_open: Returns: whether @time, in seconds since the epoch, lies in a window. */
gboolean clm_calendar_windows_is_open (ClmCalendarWindows *self, gint64 time);

/** clm_calendar_windows_to_string: Returns: (transfer full): the text as it was parsed. */
char *clm_calendar_windows_to_string (ClmCalendarWindows *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCalendarWindows, clm_calendar_windows_unref)

G_END_DECLS
