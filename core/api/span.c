/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-options.h"

#include "clm-error.h"

static const struct {
  const char *unit;
  gint64      seconds;
} units[] = {
  {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}, {"y", 365 * (gint64) 86400},
};

static gint64
unit_seconds (const char *start, gsize length)
{
  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (strlen (units[i].unit) == length && strncmp (units[i].unit, start, length) == 0)
      return units[i].seconds;
  return 0;
}

/* Adds "12h" at @text to @sum. Returns: behind it, or %NULL. */
static const char *
parse_part (const char *text, gint64 *sum)
{
  gint64 number = 0, part;
  const char *p = text;

  for (; g_ascii_isdigit (*p); p++) {
    if (number > (G_MAXINT64 - 9) / 10)
      return NULL;
    number = number * 10 + (*p - '0');
  }
  const char *unit = p;
  while (g_ascii_isalpha (*p))
    p++;
  gint64 seconds = unit_seconds (unit, p - unit);
  if (unit == text || seconds == 0 || __builtin_mul_overflow (number, seconds, &part) || __builtin_add_overflow (*sum, part, sum))
    return NULL;
  return p;
}

gboolean
clm_span_parse (const char *text, gint64 *seconds, GError **error)
{
  g_return_val_if_fail (text != NULL, FALSE);

  g_autofree char *copy = g_strstrip (g_strdup (text));
  gint64 sum = 0;
  const char *p = copy;
  gboolean zero = g_str_equal (copy, "0");
  while (!zero && p != NULL && *p != '\0') {
    p = parse_part (p, &sum);
    while (p != NULL && g_ascii_isspace (*p))
      p++;
  }
  if (p == NULL || *copy == '\0') {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "\"%s\" is not a span of time such as 30s, 5min, 12h, 90d, 2w, 1y", copy);
    return FALSE;
  }
  *seconds = sum;
  return TRUE;
}
