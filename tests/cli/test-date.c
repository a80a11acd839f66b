/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "date.h"

#include "error.h"

static void
test_span_keeps_two_of_a_unit (void)
{
  static const struct { gint64 seconds; const char *text; } cases[] = {
    { 0, "0s" }, { 119, "119s" }, { 120, "2m" }, { 7199, "119m" }, { 7200, "2h" }, { 172799, "47h" }, { 172800, "2d" },
    { 61 * 86400 + 5, "61d" }, { -1, "-1s" }, { -86400, "-1d" }, { -90, "-90s" }, { G_MININT64, "-106751991167300d" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = clm_date_format_span (cases[i].seconds);
    g_assert_cmpstr (text, ==, cases[i].text);
  }
}

static void
test_parse_span (void)
{
  static const struct { const char *text; gint64 seconds; } cases[] = {
    { "10", 10 }, { "30s", 30 }, { "2m", 120 }, { "1h30m", 5400 }, { "90d", 90 * 86400 }, { "1w", 604800 }, { "100y", G_GINT64_CONSTANT (3153600000) },
    { "0", 0 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    gint64 seconds = -1;
    g_autoptr (GError) error = NULL;
    g_assert_true (clm_date_parse_span (cases[i].text, &seconds, &error));
    g_assert_no_error (error);
    g_assert_cmpint (seconds, ==, cases[i].seconds);
  }
}

static void
test_refuse_span (void)
{
  static const char *const cases[] = { "", "d", "5x", "-5s", "5 s", "1h30", "101y", "99999999999999999999s", "100y1s", "18446744073709551615d" };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    gint64 seconds;
    g_autoptr (GError) error = NULL;
    g_assert_false (clm_date_parse_span (cases[i], &seconds, &error));
    g_assert_error (error, CLM_CLI_ERROR, CLM_EXIT_USAGE);
  }
}

static void
test_rfc3339 (void)
{
  g_autofree char *text = clm_date_format_rfc3339 (1795000000);
  g_autofree char *end = clm_date_format_rfc3339 (G_GINT64_CONSTANT (253402300799));
  g_autofree char *before = clm_date_format_rfc3339 (-1);
  g_assert_cmpstr (text, ==, "2026-11-18T11:06:40Z");
  g_assert_cmpstr (end, ==, "9999-12-31T23:59:59Z");
  g_assert_cmpstr (before, ==, "1969-12-31T23:59:59Z");
  g_assert_null (clm_date_format_rfc3339 (0));
  g_assert_null (clm_date_format_rfc3339 (G_MAXINT64));
}

static void
test_times_of_x509_are_known_by_name (void)
{
  g_autoptr (GVariant) time = g_variant_ref_sink (g_variant_new_int64 (5));
  g_autoptr (GVariant) text = g_variant_ref_sink (g_variant_new_string ("5"));
  g_assert_true (clm_date_is_time ("root-not-after", time));
  g_assert_true (clm_date_is_time ("CrlNextUpdate", time));
  g_assert_false (clm_date_is_time ("issued", time));
  g_assert_false (clm_date_is_time ("not_after", text));
}

int
main (int argc, char **argv)
{
  g_setenv ("TZ", "UTC", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/date/span-keeps-two-of-a-unit", test_span_keeps_two_of_a_unit);
  g_test_add_func ("/date/parse-span", test_parse_span);
  g_test_add_func ("/date/refuse-span", test_refuse_span);
  g_test_add_func ("/date/rfc3339", test_rfc3339);
  g_test_add_func ("/date/times-of-x509-are-known-by-name", test_times_of_x509_are_known_by_name);
  return g_test_run ();
}
