/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "names.h"

static void
test_escape (void)
{
  static const struct {
    const char *name, *element;
  } cases[] = {
    { "web", "web" },       { "web-ui", "web_2dui" },   { "3com", "_33com" }, { "a.b_c", "a_2eb_5fc" },
    { "", "_" },            { "0", "_30" },             { "a0", "a0" },       { "\xc3\xa4", "_c3_a4" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *element = clm_bus_names_escape (cases[i].name);
    g_autofree char *name = clm_bus_names_unescape (cases[i].element);
    g_assert_cmpstr (element, ==, cases[i].element);
    g_assert_cmpstr (name, ==, cases[i].name);
  }
}

/* Two paths for one thing would be two ways around a check. */
static void
test_one_path (void)
{
  static const char *const bad[] = { "", "_2D", "_61", "web_2", "web_", "_00", "_zz", "3com", "web-ui", "_2", "a_30", "__", NULL };
  for (gsize i = 0; bad[i] != NULL; i++) {
    g_autofree char *name = clm_bus_names_unescape (bad[i]);
    g_assert_null (name);
  }
}

static void
test_round_trip (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  for (guint n = 0; n < 5000; n++) {
    char name[33] = { 0 };
    for (int i = g_rand_int_range (rand, 0, 32); i > 0; i--)
      name[i - 1] = (char) g_rand_int_range (rand, 1, 256);
    g_autofree char *element = clm_bus_names_escape (name);
    g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, name);
    g_autofree char *back = clm_bus_names_unescape (element);
    g_assert_true (g_variant_is_object_path (path));
    g_assert_cmpstr (back, ==, name);
  }
}

static void
test_valid (void)
{
  g_autofree char *long_name = g_strnfill (64, 'a');
  g_autofree char *longer = g_strnfill (65, 'a');
  static const char *const good[] = { "a", "0", "web-ui", "a.b", "a_b", "a..b", NULL };
  static const char *const bad[] = { "", ".", "..", "-a", "_a", ".a", "A", "a/b", "../x", "a b", "a\n", "\xff", "ä", "%41", NULL };
  for (gsize i = 0; good[i] != NULL; i++)
    g_assert_true (clm_bus_names_is_valid (good[i]));
  for (gsize i = 0; bad[i] != NULL; i++)
    g_assert_false (clm_bus_names_is_valid (bad[i]));
  g_assert_true (clm_bus_names_is_valid (long_name));
  g_assert_false (clm_bus_names_is_valid (longer));
}

static void
test_job (void)
{
  guint64 id = 0;
  static const char *const bad[] = { "", "0", "01", "-1", "+1", " 1", "1 ", "x", "18446744073709551616", NULL };
  g_assert_true (clm_bus_names_parse_job ("18446744073709551615", &id));
  g_assert_cmpuint (id, ==, G_MAXUINT64);
  for (gsize i = 0; bad[i] != NULL; i++)
    g_assert_false (clm_bus_names_parse_job (bad[i], &id));
  g_autofree char *path = clm_bus_names_build_job_path (7);
  g_assert_cmpstr (path, ==, "/org/certloom/Certloom1/job/7");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/names/escape-as-systemd", test_escape);
  g_test_add_func ("/names/one-thing-has-one-path", test_one_path);
  g_test_add_func ("/names/every-name-comes-back", test_round_trip);
  g_test_add_func ("/names/only-what-configuration-could-give", test_valid);
  g_test_add_func ("/names/job-numbers-are-plain", test_job);
  return g_test_run ();
}
