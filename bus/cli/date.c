/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "date.h"

#include <glib/gi18n.h>

#include "error.h"

#define MINUTE G_GINT64_CONSTANT (60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)
#define SPAN_MAX (100 * YEAR)

char *
clm_date_format_span (gint64 seconds)
{
  const char *sign = seconds < 0 ? "-" : "";
  guint64 length = seconds < 0 ? -(guint64) seconds : (guint64) seconds;
  /* Two of a unit before it is used: "47h" says more than "1d". */
  if (length >= 2 * DAY || (seconds < 0 && length >= DAY))
    return g_strdup_printf ("%s%" G_GUINT64_FORMAT "d", sign, length / DAY);
  if (length >= 2 * HOUR)
    return g_strdup_printf ("%s%" G_GUINT64_FORMAT "h", sign, length / HOUR);
  if (length >= 2 * MINUTE)
    return g_strdup_printf ("%s%" G_GUINT64_FORMAT "m", sign, length / MINUTE);
  return g_strdup_printf ("%s%" G_GUINT64_FORMAT "s", sign, length);
}

static char *
format_local (gint64 time, const char *format)
{
  g_autoptr (GDateTime) date = time != 0 ? g_date_time_new_from_unix_local (time) : NULL;
  char *text = date != NULL ? g_date_time_format (date, format) : NULL;
  return text != NULL ? text : g_strdup ("–");
}

char *
clm_date_format_date (gint64 time, gint64 now)
{
  gboolean near = time - DAY < now && now < time + DAY;
  return format_local (time, near ? "%H:%M:%S" : "%Y-%m-%d");
}

char *
clm_date_format_full (gint64 time)
{
  return format_local (time, "%Y-%m-%d %H:%M:%S %Z");
}

char *
clm_date_format_clock (gint64 time)
{
  return format_local (time, "%H:%M:%S");
}

char *
clm_date_format_rfc3339 (gint64 time)
{
  g_autoptr (GDateTime) date = time != 0 ? g_date_time_new_from_unix_utc (time) : NULL;
  return date != NULL ? g_date_time_format (date, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

gboolean
clm_date_is_time (const char *name, GVariant *value)
{
  static const char *const times[] = { "notbefore", "notafter", "thisupdate", "nextupdate" };
  g_autoptr (GString) letters = g_string_new (NULL);
  for (const char *c = name; *c != '\0'; c++) {
    if (g_ascii_isalpha (*c))
      g_string_append_c (letters, g_ascii_tolower (*c));
  }
  for (gsize i = 0; i < G_N_ELEMENTS (times); i++) {
    if (g_str_has_suffix (letters->str, times[i]))
      return g_variant_is_of_type (value, G_VARIANT_TYPE_INT64);
  }
  return FALSE;
}

static gint64
get_unit (char letter)
{
  switch (letter) {
  case 's': return 1;
  case 'm': return MINUTE;
  case 'h': return HOUR;
  case 'd': return DAY;
  case 'w': return 7 * DAY;
  case 'y': return YEAR;
  default: return 0;
  }
}

gboolean
clm_date_parse_span (const char *text, gint64 *seconds, GError **error)
{
  gint64 sum = 0;
  const char *rest = text;
  while (g_ascii_isdigit (*rest)) {
    char *end;
    guint64 number = g_ascii_strtoull (rest, &end, 10);
    gint64 unit = *end == '\0' && rest == text ? 1 : get_unit (*end);
    if (unit == 0 || number > SPAN_MAX || number * (guint64) unit > SPAN_MAX || sum + (gint64) number * unit > SPAN_MAX)
      break;
    sum += (gint64) number * unit;
    rest = *end == '\0' ? end : end + 1;
  }
  if (rest == text || *rest != '\0')
    return clm_cli_error_set_usage (error, _("write it like 30s, 12h or 90d"), _("“%s” is not a span of time"), text);
  *seconds = sum;
  return TRUE;
}
