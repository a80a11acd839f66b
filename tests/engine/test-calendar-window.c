/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calendar-window.h"

#include "clm-error.h"

static gint64
at (const char *zone, const char *text)
{
  g_autoptr (GTimeZone) tz = g_time_zone_new_identifier (zone);
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, tz);

  g_assert_nonnull (time);
  return g_date_time_to_unix (time);
}

static ClmCalendarWindows *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  ClmCalendarWindows *windows = clm_calendar_windows_parse (text, &error);

  g_assert_no_error (error);
  return windows;
}

static void
assert_found (const char *text, gint64 time, gint64 opens, gint64 closes)
{
  g_autoptr (ClmCalendarWindows) windows = parse (text);
  gint64 o = 0, c = 0;

  g_assert_true (clm_calendar_windows_find (windows, time, &o, &c));
  g_assert_cmpint (o, ==, opens);
  g_assert_cmpint (c, ==, closes);
  g_assert_cmpint (clm_calendar_windows_is_open (windows, time), ==, opens <= time);
}

static void
test_accepts (void)
{
  const char *const good[] = {
    "Sun 02:00-05:00 local", "Mon..Fri 22:00-04:00", "* 02:00-05:00 UTC", "sat,sun 00:00-24:00 Europe/Berlin",
    "Fri..Mon,Wed 23:30-00:00", "Sun 02:00-05:00; Wed 02:00-03:00 UTC", "  *   00:00-24:00  ",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autoptr (ClmCalendarWindows) windows = parse (good[i]);
    g_autofree char *text = clm_calendar_windows_to_string (windows);

    g_assert_cmpstr (text, ==, good[i]);
  }
}

static void
test_refuses (void)
{
  const char *const bad[] = {
    "", ";", "Sun", "Sun 02:00", "02:00-05:00", "Son 02:00-05:00", "Sun 2:00-5:00", "Sun 02:60-05:00", "Sun 24:00-05:00",
    "Sun 02:00-24:01", "Sun 02:00-05:00 Nowhere/Town", "Sun 02:00-05:00 ../../etc/passwd", "Sun 02:00-05:00 /etc/localtime",
    "Sun 02:00-05:00;", "Mon.. 02:00-05:00", "..Mon 02:00-05:00", "Mon,,Tue 02:00-05:00", "Mon..Tue..Wed 02:00-05:00",
    "Sun 02:00-05:00-06:00", "Sun -2:00-05:00", "Sun 02:00 - 05:00 local UTC", "* 02:00-05:00\n", "\xff\xfe 02:00-03:00",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_test_message ("%u", i);
    g_assert_null (clm_calendar_windows_parse (bad[i], &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    g_assert_nonnull (clm_error_get_hint (error));
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
  }
}

static void
test_finds_the_open_or_the_next_one (void)
{
  /* 2026-03-01 is a Sunday. */
  gint64 opens = at ("UTC", "2026-03-01T02:00:00"), closes = at ("UTC", "2026-03-01T05:00:00");

  assert_found ("Sun 02:00-05:00 UTC", opens - 1, opens, closes);
  assert_found ("Sun 02:00-05:00 UTC", opens, opens, closes);
  assert_found ("Sun 02:00-05:00 UTC", closes - 1, opens, closes);
  assert_found ("Sun 02:00-05:00 UTC", closes, opens + 7 * 86400, closes + 7 * 86400);
}

static void
test_reaches_over_midnight (void)
{
  gint64 opens = at ("UTC", "2026-03-06T22:00:00"), closes = at ("UTC", "2026-03-07T04:00:00");

  /* Friday's window is open on Saturday morning; the next one opens on Monday. */
  assert_found ("Mon..Fri 22:00-04:00 UTC", closes - 60, opens, closes);
  assert_found ("Mon..Fri 22:00-04:00 UTC", closes, opens + 3 * 86400, closes + 3 * 86400);
}

static void
test_joins_what_touches (void)
{
  assert_found ("Sat 22:00-24:00 UTC; Sun 00:00-02:00 UTC; Sun 01:00-03:00 UTC", at ("UTC", "2026-03-01T00:30:00"),
                at ("UTC", "2026-02-28T22:00:00"), at ("UTC", "2026-03-01T03:00:00"));
}

static void
test_knows_when_always (void)
{
  g_autoptr (ClmCalendarWindows) always = parse ("* 00:00-24:00");
  g_autoptr (ClmCalendarWindows) halves = parse ("* 00:00-12:00 UTC; * 12:00-00:00 UTC");
  g_autoptr (ClmCalendarWindows) nearly = parse ("* 00:00-23:59 UTC");
  gint64 opens, closes;

  g_assert_true (clm_calendar_windows_is_always (always));
  g_assert_true (clm_calendar_windows_is_always (halves));
  g_assert_false (clm_calendar_windows_is_always (nearly));
  g_assert_true (clm_calendar_windows_find (always, G_MAXINT64, &opens, &closes));
  g_assert_cmpint (opens, ==, G_MININT64);
  g_assert_cmpint (closes, ==, G_MAXINT64);
}

static void
test_summer_time_begins (void)
{
  /* Berlin, 2026-03-29: 02:00 becomes 03:00. */
  gint64 gap = at ("UTC", "2026-03-29T01:00:00");

  assert_found ("Sun 01:00-04:00 Europe/Berlin", gap, gap - 3600, gap + 3600);
  /* The start is skipped: the first instant after the gap. */
  assert_found ("Sun 02:30-04:00 Europe/Berlin", gap - 60, gap, gap + 3600);
  /* All of it is skipped: not that day. */
  assert_found ("Sun 02:00-03:00 Europe/Berlin", gap - 60, at ("UTC", "2026-04-05T00:00:00"), at ("UTC", "2026-04-05T01:00:00"));
}

static void
test_summer_time_ends (void)
{
  /* Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC; 02:30 comes twice, at 00:30 and 01:30 UTC. */
  gint64 midnight = at ("UTC", "2026-10-25T00:00:00");

  assert_found ("Sun 02:30-05:00 Europe/Berlin", midnight, midnight + 5400, midnight + 4 * 3600);
  assert_found ("Sun 01:00-02:30 Europe/Berlin", midnight, midnight - 3600, midnight + 5400);
  assert_found ("Sun 02:30-02:45 Europe/Berlin", midnight, midnight + 5400, midnight + 6300);
}

static void
test_day_lengths_do_not_drift (void)
{
  g_autoptr (ClmCalendarWindows) windows = parse ("* 04:00-05:00 America/New_York");
  gint64 time = at ("UTC", "2026-01-01T00:00:00");

  /* Every day of two years has its window, at the same local time. */
  for (int i = 0; i < 730; i++) {
    g_autoptr (GTimeZone) zone = g_time_zone_new_identifier ("America/New_York");
    g_autoptr (GDateTime) utc = NULL, local = NULL;
    gint64 opens = 0, closes = 0;

    g_assert_true (clm_calendar_windows_find (windows, time, &opens, &closes));
    utc = g_date_time_new_from_unix_utc (opens);
    local = g_date_time_to_timezone (utc, zone);
    g_assert_cmpint (closes - opens, ==, 3600);
    g_assert_cmpint (g_date_time_get_hour (local), ==, 4);
    g_assert_cmpint (opens - time, <=, 25 * 3600);
    time = closes;
  }
}

static void
test_ends_of_time (void)
{
  g_autoptr (ClmCalendarWindows) windows = parse ("Sun 02:00-05:00 Europe/Berlin");
  const gint64 far[] = { G_MININT64, G_MININT64 + 1, G_MAXINT64, G_MAXINT64 - 1, 253402300799, 253402300800, -62135596800, -62135596801 };
  const gint64 near[] = { 0, -1, 2147483647, 2147483648, 4294967295, 253360000000 };
  gint64 opens, closes;

  for (guint i = 0; i < G_N_ELEMENTS (far); i++)
    (void) clm_calendar_windows_find (windows, far[i], &opens, &closes);
  g_assert_false (clm_calendar_windows_find (windows, G_MAXINT64, &opens, &closes));
  for (guint i = 0; i < G_N_ELEMENTS (near); i++) {
    g_assert_true (clm_calendar_windows_find (windows, near[i], &opens, &closes));
    g_assert_cmpint (closes, >, near[i]);
    g_assert_cmpint (opens - near[i], <=, 8 * 86400);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/calendar-window/accepts-the-grammar", test_accepts);
  g_test_add_func ("/calendar-window/refuses-all-else", test_refuses);
  g_test_add_func ("/calendar-window/finds-the-open-or-the-next-one", test_finds_the_open_or_the_next_one);
  g_test_add_func ("/calendar-window/reaches-over-midnight", test_reaches_over_midnight);
  g_test_add_func ("/calendar-window/joins-what-touches", test_joins_what_touches);
  g_test_add_func ("/calendar-window/knows-when-always", test_knows_when_always);
  g_test_add_func ("/calendar-window/summer-time-begins", test_summer_time_begins);
  g_test_add_func ("/calendar-window/summer-time-ends", test_summer_time_ends);
  g_test_add_func ("/calendar-window/day-lengths-do-not-drift", test_day_lengths_do_not_drift);
  g_test_add_func ("/calendar-window/ends-of-time", test_ends_of_time);
  return g_test_run ();
}
