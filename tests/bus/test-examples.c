/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The examples are run as they are in the tree, against a real certloomd. */
#include <sys/wait.h>

#include "test-bus.h"

typedef struct {
  ClmTestBus      *bus;
  ClmTestDaemon   *daemon;
  GDBusConnection *client;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->bus = clm_test_bus_new ();
  f->daemon = clm_test_daemon_new (f->bus);
  clm_test_daemon_configure_ca (f->daemon);
  clm_test_daemon_configure (f->daemon, "certificates.d/web-ui.certificate", "[Certificate]\nAuthority=lan\nDNS=web.example\n");
  clm_test_daemon_start (f->daemon);
  f->client = clm_test_bus_connect (f->bus);
  clm_test_wait_state (f->client, "web_2dui", "ready");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->client);
  clm_test_daemon_free (f->daemon);
  clm_test_bus_free (f->bus);
}

static char *
run (const char *const *argv, int *status)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *err = NULL;
  char *out = NULL;
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, status, &error);
  g_assert_no_error (error);
  g_test_message ("%s%s", out, err);
  return out;
}

static void
expect (const char *const *argv, const char *expected)
{
  int status;
  g_autofree char *out = run (argv, &status);
  g_assert_cmpint (status, ==, 0);
  g_assert_nonnull (strstr (out, expected));
}

static void
test_shell (Fixture *f, gconstpointer data)
{
  g_autofree char *busctl = g_find_program_in_path ("busctl");
  if (busctl == NULL) {
    g_test_skip ("no busctl");
    return;
  }
  g_autofree char *address = g_strdup_printf ("--address=%s", clm_test_bus_get_address (f->bus));
  const char *argv[] = { CLM_TEST_EXAMPLES "/renew.sh", "web-ui", address, NULL };
  expect (argv, "ready");
}

static void
test_python (Fixture *f, gconstpointer data)
{
  int status;
  const char *probe[] = { "/usr/bin/python3", "-c", "import gi", NULL };
  G_GNUC_UNUSED g_autofree char *nothing = run (probe, &status);
  if (status != 0) {
    g_test_skip ("no python3-gi");
    return;
  }
  g_autofree char *address = g_strdup_printf ("--address=%s", clm_test_bus_get_address (f->bus));
  const char *argv[] = { "/usr/bin/python3", CLM_TEST_EXAMPLES "/watch.py", address, "--once", NULL };
  expect (argv, "web-ui");
}

static void
test_c (Fixture *f, gconstpointer data)
{
  const char *argv[] = { g_getenv ("CLM_TEST_CREDENTIAL"), "web-ui", clm_test_bus_get_address (f->bus), NULL };
  expect (argv, "-----BEGIN CERTIFICATE-----");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/examples/shell", Fixture, NULL, set_up, test_shell, tear_down);
  g_test_add ("/examples/python", Fixture, NULL, set_up, test_python, tear_down);
  g_test_add ("/examples/c", Fixture, NULL, set_up, test_c, tear_down);
  return g_test_run ();
}
