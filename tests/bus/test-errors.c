/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certloom-plugin.h"
#include "errors.h"

static void
test_every_code (void)
{
  for (int code = 0; code < CLM_N_ERRORS; code++) {
    g_autoptr (GError) error = g_error_new_literal (CLM_ERROR, code, "no luck");
    g_autofree char *name = g_strconcat (CLM_BUS_ERROR_PREFIX, clm_error_code_to_nick (code), NULL);
    g_assert_cmpstr (clm_bus_errors_get_name (error), ==, name);
    g_assert_cmpstr (clm_bus_errors_get_name_of_nick (clm_error_code_to_nick (code)), ==, name);
    g_assert_true (g_dbus_is_error_name (name));
  }
}

static void
test_hint (void)
{
  g_autoptr (GError) error = g_error_new_literal (CLM_ERROR, CLM_ERROR_CONFIG, "no luck");
  g_autofree char *plain = clm_bus_errors_dup_message (error);
  clm_error_set_hint (error, "try %d", 7);
  g_autofree char *hinted = clm_bus_errors_dup_message (error);
  g_assert_cmpstr (plain, ==, "no luck");
  g_assert_cmpstr (hinted, ==, "no luck\nWhat to do: try 7");
  g_assert_cmpstr (clm_bus_errors_get_hint (error), ==, "try 7");
}

static void
test_cancelled (void)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
  g_assert_cmpstr (clm_bus_errors_get_name (error), ==, CLM_BUS_ERROR_PREFIX "Cancelled");
  g_assert_cmpstr (clm_bus_errors_get_name_of_nick ("Cancelled"), ==, CLM_BUS_ERROR_PREFIX "Cancelled");
}

static void
test_foreign (void)
{
  g_autoptr (GError) error = g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_ACCES, "/var/lib/certloom/secret: no");
  g_autofree char *message = clm_bus_errors_dup_message (error);
  g_assert_cmpstr (clm_bus_errors_get_name (error), ==, CLM_BUS_ERROR_PREFIX "Failed");
  g_assert_null (strstr (message, "/var"));
  g_assert_nonnull (strstr (message, CLM_BUS_HINT_PREFIX));
}

static void
test_outside (void)
{
  g_autoptr (GError) strange = g_error_new_literal (CLM_ERROR, CLM_N_ERRORS + 5, "x");
  g_autoptr (GError) broken = g_error_new_literal (CLM_ERROR, CLM_ERROR_FAILED, "bad \xff byte");
  g_autofree char *message = clm_bus_errors_dup_message (broken);
  g_assert_cmpstr (clm_bus_errors_get_name (NULL), ==, "");
  g_assert_cmpstr (clm_bus_errors_get_name (strange), ==, CLM_BUS_ERROR_PREFIX "Failed");
  g_assert_cmpstr (clm_bus_errors_get_name_of_nick (""), ==, "");
  g_assert_cmpstr (clm_bus_errors_get_name_of_nick ("NoSuchWord"), ==, CLM_BUS_ERROR_PREFIX "Failed");
  g_assert_true (g_utf8_validate (message, -1, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/errors/every-code-has-its-name", test_every_code);
  g_test_add_func ("/errors/hint-is-the-second-line", test_hint);
  g_test_add_func ("/errors/cancellation-is-no-failure", test_cancelled);
  g_test_add_func ("/errors/foreign-texts-stay-inside", test_foreign);
  g_test_add_func ("/errors/what-is-outside-the-table", test_outside);
  return g_test_run ();
}
