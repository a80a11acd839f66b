/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/engine/calendar-window.c. Input: a time, then the text. */
#include "fuzz.h"

#include <string.h>

#include "calendar-window.h"

#define YEAR_9999 G_GINT64_CONSTANT (253402300799)
#define YEAR_1 G_GINT64_CONSTANT (-62135596800)
#define WEEKS_2 (14 * 86400)

static void
check_find (ClmCalendarWindows *windows, gint64 time)
{
  gint64 opens, closes, again_opens, again_closes;
  gboolean found = clm_calendar_windows_find (windows, time, &opens, &closes);

  if (!found) {
    g_assert_true (time < YEAR_1 + WEEKS_2 || time > YEAR_9999 - WEEKS_2);
    return;
  }
  g_assert_true (opens < closes && closes > time);
  g_assert_true (clm_calendar_windows_is_open (windows, time) == (opens <= time));
  if (clm_calendar_windows_is_always (windows)) {
    g_assert_true (opens == G_MININT64 && closes == G_MAXINT64);
    return;
  }
  g_assert_true (opens <= time || opens - time <= WEEKS_2);
  /* Just before it opens none is open, at its first instant it is, at its end it is not, and in it every answer is the same. */
  if (opens > YEAR_1 + WEEKS_2)
    g_assert_false (clm_calendar_windows_is_open (windows, opens - 1));
  if (closes < YEAR_9999 - WEEKS_2)
    g_assert_false (clm_calendar_windows_is_open (windows, closes));
  g_assert_true (clm_calendar_windows_is_open (windows, closes - 1));
  g_assert_true (clm_calendar_windows_find (windows, opens, &again_opens, &again_closes));
  g_assert_true (again_opens == opens && again_closes == closes);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  gint64 time = clm_fuzz_take_int64 (&in);
  g_autofree char *text = clm_fuzz_take_text (&in), *back = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmCalendarWindows) windows = clm_calendar_windows_parse (text, &error);

  if (windows == NULL) {
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    clm_fuzz_assert_error (error);
    return;
  }
  back = clm_calendar_windows_to_string (windows);
  g_assert_cmpstr (back, ==, text);
  g_assert_true (strchr (text, ':') && strchr (text, '-'));
  clm_fuzz_accept ();
  check_find (windows, time);
  check_find (windows, ABS (time % YEAR_9999));
}

static void
seed (const char *name, gint64 time, const char *text)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint64 little = GUINT64_TO_LE ((guint64) time);

  g_byte_array_append (out, (const guint8 *) &little, sizeof little);
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
  clm_fuzz_seed (name, out->data, out->len);
}

void
clm_fuzz_make_seeds (void)
{
  seed ("sunday", 1790000000, "Sun 02:00-05:00 local");
  seed ("two", 0, "Mon..Fri 22:00-04:00; Sat,Sun 00:00-24:00 UTC");
  seed ("summer-time", 1774746000, "* 02:00-03:00 Europe/Berlin");
  seed ("always", 1, "* 00:00-24:00");
  seed ("wrapped", -1, "Fri..Mon 23:59-00:00");
}
