/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "error.h"

static void
test_exit_of_names (void)
{
  static const struct { const char *name; ClmExit code; } cases[] = {
    { CLM_ERROR_NAME ("Failed"), CLM_EXIT_FAILED }, { CLM_ERROR_NAME ("Conflict"), CLM_EXIT_FAILED },
    { CLM_ERROR_NAME ("InvalidArgument"), CLM_EXIT_USAGE }, { CLM_ERROR_NAME ("NotFound"), CLM_EXIT_NOT_FOUND },
    { CLM_ERROR_NAME ("AccessDenied"), CLM_EXIT_DENIED }, { CLM_ERROR_NAME ("TimedOut"), CLM_EXIT_TIMED_OUT },
    { CLM_ERROR_NAME ("Rejected"), CLM_EXIT_REFUSED }, { CLM_ERROR_NAME ("Delivery"), CLM_EXIT_REFUSED },
    { CLM_ERROR_NAME ("Config"), CLM_EXIT_CONFIG }, { CLM_ERROR_NAME ("FromTheFuture"), CLM_EXIT_FAILED },
    { "org.freedesktop.DBus.Error.ServiceUnknown", CLM_EXIT_UNREACHABLE },
    { "org.freedesktop.DBus.Error.Spawn.ExecFailed", CLM_EXIT_UNREACHABLE }, { "", CLM_EXIT_FAILED },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (clm_cli_error_get_exit_of (cases[i].name), ==, cases[i].code);
}

static void
test_numbers_never_change (void)
{
  g_assert_cmpint (CLM_EXIT_DONE, ==, 0);
  g_assert_cmpint (CLM_EXIT_USAGE, ==, 2);
  g_assert_cmpint (CLM_EXIT_PARTLY, ==, 8);
  g_assert_cmpint (CLM_EXIT_CONFIG, ==, 9);
}

static void
test_hint_comes_out_of_a_bus_message (void)
{
  GError *remote = g_dbus_error_new_for_dbus_error (CLM_ERROR_NAME ("NotFound"), "no certificate “mqtt”\nWhat to do: look again");
  g_autoptr (GError) error = clm_cli_error_from_bus (remote);
  g_assert_error (error, CLM_CLI_ERROR, CLM_EXIT_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "no certificate “mqtt”");
  g_assert_cmpstr (clm_cli_error_get_hint (error), ==, "look again");
  g_assert_cmpstr (clm_cli_error_get_name (error), ==, CLM_ERROR_NAME ("NotFound"));
}

static void
test_a_lost_bus_is_no_daemon (void)
{
  g_autoptr (GError) error = clm_cli_error_from_bus (g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "closed"));
  g_assert_error (error, CLM_CLI_ERROR, CLM_EXIT_UNREACHABLE);
}

static void
test_copy_keeps_all (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (clm_cli_error_set (&error, CLM_EXIT_PARTLY, "a.Name", "do it", "%d of 2", 1));
  g_autoptr (GError) copy = g_error_copy (error);
  g_assert_cmpstr (clm_cli_error_get_name (copy), ==, "a.Name");
  g_assert_cmpstr (clm_cli_error_get_hint (copy), ==, "do it");
  g_assert_cmpstr (copy->message, ==, "1 of 2");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/exit-of-names", test_exit_of_names);
  g_test_add_func ("/error/numbers-never-change", test_numbers_never_change);
  g_test_add_func ("/error/hint-comes-out-of-a-bus-message", test_hint_comes_out_of_a_bus_message);
  g_test_add_func ("/error/a-lost-bus-is-no-daemon", test_a_lost_bus_is_no_daemon);
  g_test_add_func ("/error/copy-keeps-all", test_copy_keeps_all);
  return g_test_run ();
}
