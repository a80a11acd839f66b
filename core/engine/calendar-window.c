/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calendar-window.h"

#include "clm-error.h"

#define MINUTES_PER_DAY (24 * 60)
#define DAYS_ALL 0x7f
/*
 * Windows repeat weekly, reach at most one day further, and many of them may be open in one piece for almost a week, before now or
 * after; two spare days take in the change of zones and of summer time.
 */
#define DAYS_BEFORE 10
#define DAYS_AFTER 17

static const char *const day_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

typedef struct {
  guint      days; /* bit 0: Monday */
  int        start; /* minutes of the day */
  int        end; /* minutes after midnight of the opening day, up to two days */
  GTimeZone *zone;
} Window;

typedef struct {
  gint64 opens;
  gint64 closes;
} Interval;

struct _ClmCalendarWindows {
  grefcount  refs;
  char      *text;
  GArray    *windows;
  gboolean   always;
};

static void
clear_window (gpointer data)
{
  Window *window = data;

  g_clear_pointer (&window->zone, g_time_zone_unref);
}

static ClmCalendarWindows *
windows_new (const char *text)
{
  ClmCalendarWindows *self = g_new0 (ClmCalendarWindows, 1);

  g_ref_count_init (&self->refs);
  self->text = g_strdup (text);
  self->windows = g_array_new (FALSE, TRUE, sizeof (Window));
  g_array_set_clear_func (self->windows, clear_window);
  return self;
}

static gboolean
refuse (GError **error, const char *what, const char *part)
{
  g_autofree char *shown = g_strescape (part, NULL);

  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "maintenance window: %s: \"%.80s\"", what, shown);
  if (error != NULL)
    clm_error_set_hint (*error, "write a window like \"Sun 02:00-05:00 local\", several separated by \";\"");
  return FALSE;
}

static int
parse_day (const char *text)
{
  for (guint i = 0; i < G_N_ELEMENTS (day_names); i++)
    if (g_ascii_strcasecmp (text, day_names[i]) == 0)
      return (int) i;
  return -1;
}

/* "Mon" or "Fri..Mon" */
static gboolean
parse_day_item (const char *text, guint *days)
{
  g_auto (GStrv) ends = g_strsplit (text, "..", 2);
  int first = ends[0] != NULL ? parse_day (ends[0]) : -1;
  int last = ends[0] != NULL && ends[1] != NULL ? parse_day (ends[1]) : first;

  if (first < 0 || last < 0)
    return FALSE;
  for (int day = first;; day = (day + 1) % 7) {
    *days |= 1u << day;
    if (day == last)
      return TRUE;
  }
}

static gboolean
parse_days (const char *text, guint *days, GError **error)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);

  *days = 0;
  if (g_str_equal (text, "*")) {
    *days = DAYS_ALL;
    return TRUE;
  }
  for (guint i = 0; items[i] != NULL; i++)
    if (!parse_day_item (items[i], days))
      return refuse (error, "no such day", items[i]);
  return TRUE;
}

/* "HH:MM", two digits each, to minutes of the day; -1: not one */
static int
parse_clock (const char *text)
{
  int hours, minutes;

  if (strlen (text) != 5 || text[2] != ':' || !g_ascii_isdigit (text[0]) || !g_ascii_isdigit (text[1]) ||
      !g_ascii_isdigit (text[3]) || !g_ascii_isdigit (text[4]))
    return -1;
  hours = (text[0] - '0') * 10 + (text[1] - '0');
  minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (hours > 24 || minutes > 59 || (hours == 24 && minutes > 0))
    return -1;
  return hours * 60 + minutes;
}

static gboolean
parse_span (const char *text, Window *window, GError **error)
{
  g_auto (GStrv) ends = g_strsplit (text, "-", 2);

  if (ends[0] == NULL || ends[1] == NULL)
    return refuse (error, "not a span of clock times", text);
  window->start = parse_clock (ends[0]);
  window->end = parse_clock (ends[1]);
  if (window->start < 0 || window->start == MINUTES_PER_DAY || window->end < 0)
    return refuse (error, "not a span of clock times", text);
  if (window->end <= window->start)
    window->end += MINUTES_PER_DAY;
  return TRUE;
}

static gboolean
parse_zone (const char *text, Window *window, GError **error)
{
  if (g_ascii_strcasecmp (text, "local") == 0)
    window->zone = g_time_zone_new_local ();
  else if (g_ascii_strcasecmp (text, "UTC") == 0)
    window->zone = g_time_zone_new_utc ();
  else if (g_ascii_isalpha (text[0]) && strstr (text, "..") == NULL)
    window->zone = g_time_zone_new_identifier (text);
  if (window->zone == NULL)
    return refuse (error, "no such time zone on this system", text);
  return TRUE;
}

static GStrv
split_words (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t", -1);
  GStrvBuilder *builder = g_strv_builder_new ();
  GStrv result;

  for (guint i = 0; words[i] != NULL; i++)
    if (words[i][0] != '\0')
      g_strv_builder_add (builder, words[i]);
  result = g_strv_builder_end (builder);
  g_strv_builder_unref (builder);
  return result;
}

static gboolean
parse_window (ClmCalendarWindows *self, const char *text, GError **error)
{
  g_auto (GStrv) words = split_words (text);
  guint n = g_strv_length (words);
  Window window = { 0 };
  gboolean good;

  if (n < 2 || n > 3)
    return refuse (error, "expected DAYS START-END [ZONE]", text);
  good = parse_days (words[0], &window.days, error) && parse_span (words[1], &window, error) &&
         parse_zone (n == 3 ? words[2] : "local", &window, error);
  if (!good) {
    clear_window (&window);
    return FALSE;
  }
  g_array_append_val (self->windows, window);
  return TRUE;
}

/* A clock time of a day, given in minutes after its midnight; G_MININT64 outside the years 1 to 9999. */
static gint64
clock_to_time (GTimeZone *zone, GDateTime *day, int minutes)
{
  g_autoptr (GDateTime) date = g_date_time_add_days (day, minutes / MINUTES_PER_DAY);
  g_autoptr (GDateTime) time = NULL;

  if (date == NULL)
    return G_MININT64;
  minutes %= MINUTES_PER_DAY;
  time = g_date_time_new (zone, g_date_time_get_year (date), g_date_time_get_month (date), g_date_time_get_day_of_month (date),
                          minutes / 60, minutes % 60, 0);
  return time != NULL ? g_date_time_to_unix (time) : G_MININT64;
}

static void
add_intervals (const Window *window, GDateTime *around, GArray *intervals)
{
  g_autoptr (GDateTime) local = g_date_time_to_timezone (around, window->zone);
  g_autoptr (GDateTime) today = NULL;

  if (local == NULL)
    return;
  /* Days are counted at noon UTC, where no zone's change can disturb the arithmetic. */
  today = g_date_time_new_utc (g_date_time_get_year (local), g_date_time_get_month (local), g_date_time_get_day_of_month (local), 12, 0, 0);
  for (int offset = -DAYS_BEFORE; today != NULL && offset <= DAYS_AFTER; offset++) {
    g_autoptr (GDateTime) day = g_date_time_add_days (today, offset);
    Interval interval;

    if (day == NULL || (window->days & (1u << (g_date_time_get_day_of_week (day) - 1))) == 0)
      continue;
    interval.opens = clock_to_time (window->zone, day, window->start);
    interval.closes = clock_to_time (window->zone, day, window->end);
    if (interval.opens != G_MININT64 && interval.opens < interval.closes)
      g_array_append_val (intervals, interval);
  }
}

static int
compare_intervals (gconstpointer a, gconstpointer b)
{
  gint64 x = ((const Interval *) a)->opens, y = ((const Interval *) b)->opens;

  return (x > y) - (x < y);
}

/* The union of all openings around @time, as intervals that do not touch, in order */
static GArray *
intervals_around (ClmCalendarWindows *self, GDateTime *around)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Interval));
  GArray *merged = g_array_new (FALSE, FALSE, sizeof (Interval));

  for (guint i = 0; i < self->windows->len; i++)
    add_intervals (&g_array_index (self->windows, Window, i), around, all);
  g_array_sort (all, compare_intervals);
  for (guint i = 0; i < all->len; i++) {
    Interval *next = &g_array_index (all, Interval, i);
    Interval *last = merged->len > 0 ? &g_array_index (merged, Interval, merged->len - 1) : NULL;

    if (last != NULL && next->opens <= last->closes)
      last->closes = MAX (last->closes, next->closes);
    else
      g_array_append_val (merged, *next);
  }
  return merged;
}

/* Years 2 to 9998: leaves room for a few days on either side. */
static gboolean
is_in_calendar (gint64 time)
{
  return time > G_GINT64_CONSTANT (-62100000000) && time < G_GINT64_CONSTANT (253370000000);
}

static gboolean
find_interval (ClmCalendarWindows *self, gint64 time, Interval *found)
{
  g_autoptr (GDateTime) around = is_in_calendar (time) ? g_date_time_new_from_unix_utc (time) : NULL;
  g_autoptr (GArray) intervals = NULL;

  if (around == NULL)
    return FALSE;
  intervals = intervals_around (self, around);
  for (guint i = 0; i < intervals->len; i++) {
    *found = g_array_index (intervals, Interval, i);
    if (found->closes > time)
      return TRUE;
  }
  return FALSE;
}

/* More than a week in one piece: nothing is ever outside. Any week will do for the question. */
static gboolean
covers_everything (ClmCalendarWindows *self)
{
  Interval found;

  return find_interval (self, 1000000000, &found) && found.closes - found.opens > 7 * 86400;
}

ClmCalendarWindows *
clm_calendar_windows_parse (const char *text, GError **error)
{
  g_autoptr (ClmCalendarWindows) self = NULL;
  g_auto (GStrv) parts = NULL;

  g_return_val_if_fail (text != NULL, NULL);

  self = windows_new (text);
  parts = g_strsplit (text, ";", -1);
  for (guint i = 0; parts[i] != NULL; i++)
    if (!parse_window (self, parts[i], error))
      return NULL;
  if (self->windows->len == 0) {
    refuse (error, "expected DAYS START-END [ZONE]", text);
    return NULL;
  }
  self->always = covers_everything (self);
  return g_steal_pointer (&self);
}

ClmCalendarWindows *
clm_calendar_windows_ref (ClmCalendarWindows *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_ref_count_inc (&self->refs);
  return self;
}

void
clm_calendar_windows_unref (ClmCalendarWindows *self)
{
  if (self == NULL || !g_ref_count_dec (&self->refs))
    return;
  g_array_unref (self->windows);
  g_free (self->text);
  g_free (self);
}

gboolean
clm_calendar_windows_is_always (ClmCalendarWindows *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return self->always;
}

gboolean
clm_calendar_windows_find (ClmCalendarWindows *self, gint64 time, gint64 *opens, gint64 *closes)
{
  Interval found = { G_MININT64, G_MAXINT64 };

  g_return_val_if_fail (self != NULL && opens != NULL && closes != NULL, FALSE);

  if (!self->always && !find_interval (self, time, &found))
    return FALSE;
  *opens = found.opens;
  *closes = found.closes;
  return TRUE;
}

gboolean
clm_calendar_windows_is_open (ClmCalendarWindows *self, gint64 time)
{
  gint64 opens, closes;

  return clm_calendar_windows_find (self, time, &opens, &closes) && opens <= time;
}

char *
clm_calendar_windows_to_string (ClmCalendarWindows *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_strdup (self->text);
}
