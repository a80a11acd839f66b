/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request-spec.h"

static ClmOptions *
make (const char *text, GError **error)
{
  g_autoptr (GVariant) spec = g_variant_ref_sink (g_variant_new_parsed (text));
  return clm_bus_request_make_options (spec, error);
}

static void
test_values (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmOptions) options = make ("{'DNS': <['a.example', 'b.example']>, 'Subject': <'CN=x y'>, 'A': <true>, 'N': <int64 -7>,"
                                         " 'Words': <['two words', 'one']>}", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (clm_options_get_string (options, "DNS", NULL), ==, "a.example b.example");
  g_assert_cmpstr (clm_options_get_string (options, "Subject", NULL), ==, "CN=x y");
  g_assert_cmpstr (clm_options_get_string (options, "A", NULL), ==, "yes");
  g_assert_cmpstr (clm_options_get_string (options, "N", NULL), ==, "-7");
  g_assert_cmpstr (clm_options_get_string (options, "Words", NULL), ==, "\"two words\" one");
}

static void
test_bad (void)
{
  static const char *const bad[] = {
    "{'DNS\\nOwner': <'x'>}", "{'': <'x'>}", "{'9': <'x'>}", "{'A.B': <'x'>}", "{'Subject': <'a\\nOwner=evil'>}", "{'Subject': <1.5>}",
    "{'Subject': <'\\u0001'>}", "{'DNS': <['']>}", "{'DNS': <['a\"b']>}", "{'DNS': <['a', 'b\\n']>}", "{'A': <'1'>, 'A': <'2'>}",
    "{'A': <<'1'>>}", "{'A': <@ay []>}", "{'A': <{'b': 'c'}>}",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (make (bad[i], &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    g_assert_null (strchr (error->message, '\n'));
  }
}

static void
test_sizes (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *huge = g_strnfill (100000, 'x');
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("{'Subject': <%s>}", huge));
  g_assert_null (clm_bus_request_make_options (value, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);

  g_autoptr (GError) many_error = NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  for (guint i = 0; i < 100; i++) {
    g_autofree char *key = g_strdup_printf ("K%u", i);
    g_variant_dict_insert (&dict, key, "s", "x");
  }
  g_autoptr (GVariant) many = g_variant_ref_sink (g_variant_dict_end (&dict));
  g_assert_null (clm_bus_request_make_options (many, &many_error));
  g_assert_error (many_error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

static void
test_names (void)
{
  static const char *const bad[] = { "/etc/shadow", "../../x", "..", "a/b", "", "A", "\x01", NULL };
  for (gsize i = 0; bad[i] != NULL; i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (clm_bus_request_check_name (bad[i], &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  }
  g_autoptr (GError) error = NULL;
  g_autofree char *endless = g_strnfill (5000, 'a');
  g_assert_false (clm_bus_request_check_name (endless, &error));
  g_assert_cmpuint (strlen (error->message), <, 200);
  g_assert_true (clm_bus_request_check_instance ("Gw-17.plant", NULL));
  g_assert_true (clm_bus_request_check_instance ("", NULL));
  g_assert_false (clm_bus_request_check_instance ("../x", NULL));
  g_assert_false (clm_bus_request_check_instance ("a\nOwner=x", NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/request-spec/values-become-file-text", test_values);
  g_test_add_func ("/request-spec/nothing-slips-in", test_bad);
  g_test_add_func ("/request-spec/sizes-are-capped", test_sizes);
  g_test_add_func ("/request-spec/safety-1-names", test_names);
  return g_test_run ();
}
