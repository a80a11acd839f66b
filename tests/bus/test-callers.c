/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "callers.h"

#include <unistd.h>

#include "await.h"
#include "test-bus.h"

static ClmCaller *
look_up (ClmBusCallers *callers, const char *sender, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  clm_bus_callers_look_up_async (callers, sender, NULL, clm_await_done, &result);
  return clm_bus_callers_look_up_finish (callers, clm_await (&result), error);
}

static void
test_known (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autoptr (GDBusConnection) service = clm_test_bus_connect (bus);
  g_autoptr (GDBusConnection) client = clm_test_bus_connect (bus);
  g_autoptr (ClmBusCallers) callers = clm_bus_callers_new (service);
  const char *sender = g_dbus_connection_get_unique_name (client);
  g_assert_null (clm_bus_callers_peek (callers, sender));
  g_autoptr (ClmCaller) caller = look_up (callers, sender, &error);
  g_assert_no_error (error);
  g_assert_true (caller->valid);
  g_assert_cmpuint (caller->uid, ==, getuid ());
  g_assert_nonnull (clm_bus_callers_peek (callers, sender));
}

static void
test_stranger (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autoptr (GDBusConnection) service = clm_test_bus_connect (bus);
  g_autoptr (GDBusConnection) client = clm_test_bus_connect_as (bus, CLM_TEST_STRANGER);
  g_autoptr (ClmBusCallers) callers = clm_bus_callers_new (service);
  if (client == NULL) {
    g_test_skip ("needs root to be somebody else");
    return;
  }
  g_autoptr (ClmCaller) caller = look_up (callers, g_dbus_connection_get_unique_name (client), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (caller->uid, ==, CLM_TEST_STRANGER);
}

/* CVE-2021-3560: who is gone before it could be known is nobody, and never user 0. */
static void
test_gone (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autoptr (GDBusConnection) service = clm_test_bus_connect (bus);
  GDBusConnection *client = clm_test_bus_connect (bus);
  g_autofree char *sender = g_strdup (g_dbus_connection_get_unique_name (client));
  g_autoptr (ClmBusCallers) callers = clm_bus_callers_new (service);
  g_dbus_connection_close_sync (client, NULL, NULL);
  g_object_unref (client);
  g_autoptr (ClmCaller) caller = look_up (callers, sender, &error);
  g_assert_null (caller);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
  g_assert_null (clm_bus_callers_peek (callers, sender));
}

static void
on_vanished (ClmBusCallers *callers, const char *sender, gpointer user_data)
{
  g_string_assign (user_data, sender);
}

static void
test_vanished (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) gone = g_string_new (NULL);
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autoptr (GDBusConnection) service = clm_test_bus_connect (bus);
  GDBusConnection *client = clm_test_bus_connect (bus);
  g_autofree char *sender = g_strdup (g_dbus_connection_get_unique_name (client));
  g_autoptr (ClmBusCallers) callers = clm_bus_callers_new (service);
  g_signal_connect (callers, "vanished", G_CALLBACK (on_vanished), gone);
  G_GNUC_UNUSED g_autoptr (ClmCaller) caller = look_up (callers, sender, &error);
  g_assert_no_error (error);
  g_dbus_connection_close_sync (client, NULL, NULL);
  g_object_unref (client);
  while (gone->len == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (gone->str, ==, sender);
  g_assert_null (clm_bus_callers_peek (callers, sender));
}

/* Many ask for the same one while the bus is being asked: one question, as many answers. */
static void
test_together (void)
{
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autoptr (GDBusConnection) service = clm_test_bus_connect (bus);
  g_autoptr (GDBusConnection) client = clm_test_bus_connect (bus);
  g_autoptr (ClmBusCallers) callers = clm_bus_callers_new (service);
  GAsyncResult *results[20] = { NULL };
  for (gsize i = 0; i < G_N_ELEMENTS (results); i++)
    clm_bus_callers_look_up_async (callers, g_dbus_connection_get_unique_name (client), NULL, clm_await_done, &results[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (results); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (ClmCaller) caller = clm_bus_callers_look_up_finish (callers, clm_await (&results[i]), &error);
    g_assert_no_error (error);
    g_assert_cmpuint (caller->uid, ==, getuid ());
    g_object_unref (results[i]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/callers/user-is-what-the-bus-says", test_known);
  g_test_add_func ("/callers/a-stranger-is-a-stranger", test_stranger);
  g_test_add_func ("/callers/safety-4-who-is-gone-is-nobody", test_gone);
  g_test_add_func ("/callers/leaving-is-told", test_vanished);
  g_test_add_func ("/callers/asked-once-for-many", test_together);
  return g_test_run ();
}
