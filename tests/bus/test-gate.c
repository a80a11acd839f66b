/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gate.h"

#include "test-bus.h"

#define PATH "/test"

/* A service that keeps every call until it is told to answer. */
typedef struct {
  ClmTestBus      *bus;
  GDBusConnection *service;
  GDBusConnection *client;
  ClmBusGate      *gate;
  GPtrArray       *kept;      /* GDBusMethodInvocation */
  guint            answers, refusals;
} Fixture;

static void
on_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
         GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  Fixture *f = user_data;
  if (g_dbus_message_get_flags (g_dbus_method_invocation_get_message (invocation)) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED)
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    g_ptr_array_add (f->kept, invocation);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  static const char xml[] = "<node><interface name='org.certloom.Test'><method name='Keep'/></interface></node>";
  static const GDBusInterfaceVTable vtable = { .method_call = on_call };
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusNodeInfo) info = g_dbus_node_info_new_for_xml (xml, NULL);
  f->bus = clm_test_bus_new ();
  f->service = clm_test_bus_connect (f->bus);
  f->client = clm_test_bus_connect (f->bus);
  f->gate = clm_bus_gate_new (f->service);
  f->kept = g_ptr_array_new ();
  g_dbus_connection_register_object (f->service, PATH, info->interfaces[0], &vtable, f, NULL, &error);
  g_assert_no_error (error);
  G_GNUC_UNUSED g_autoptr (GVariant) owned = g_dbus_connection_call_sync (f->service, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                            "org.freedesktop.DBus", "RequestName",
                                                            g_variant_new ("(su)", "org.certloom.Certloom1", 4), NULL,
                                                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  clm_bus_gate_free (f->gate);
  g_ptr_array_unref (f->kept);
  g_object_unref (f->client);
  g_object_unref (f->service);
  clm_test_bus_free (f->bus);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *f = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply != NULL) {
    f->answers++;
    return;
  }
  clm_test_assert_error (error, "LimitsExceeded");
  f->refusals++;
}

static void
call (Fixture *f, GDBusConnection *client, guint count)
{
  for (guint i = 0; i < count; i++)
    g_dbus_connection_call (client, "org.certloom.Certloom1", PATH, "org.certloom.Test", "Keep", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
                            -1, NULL, on_answer, f);
}

static void
answer (Fixture *f)
{
  for (guint i = 0; i < f->kept->len; i++)
    g_dbus_method_invocation_return_value (f->kept->pdata[i], NULL);
  g_ptr_array_set_size (f->kept, 0);
}

#define WAIT(condition) G_STMT_START { while (!(condition)) g_main_context_iteration (NULL, TRUE); } G_STMT_END

static void
test_excess (Fixture *f, gconstpointer data)
{
  clm_bus_gate_set_limits (f->gate, 10, 100);
  call (f, f->client, 25);
  WAIT (f->refusals == 15 && f->kept->len == 10);
  g_assert_cmpuint (f->answers, ==, 0);
  answer (f);
  WAIT (f->answers == 10);
  g_assert_cmpuint (clm_bus_gate_get_total (f->gate), ==, 0);
  call (f, f->client, 1);
  WAIT (f->kept->len == 1);
  answer (f);
  WAIT (f->answers == 11);
}

static void
test_by_user (Fixture *f, gconstpointer data)
{
  g_autoptr (GDBusConnection) second = clm_test_bus_connect (f->bus);
  clm_bus_gate_set_limits (f->gate, 4, 100);
  clm_bus_gate_identify (f->gate, g_dbus_connection_get_unique_name (f->client), 1000);
  clm_bus_gate_identify (f->gate, g_dbus_connection_get_unique_name (second), 1000);
  call (f, f->client, 3);
  WAIT (f->kept->len == 3);
  call (f, second, 3);
  WAIT (f->kept->len == 4 && f->refusals == 2);
  answer (f);
  WAIT (f->answers == 4);
}

static void
test_total (Fixture *f, gconstpointer data)
{
  g_autoptr (GDBusConnection) root = clm_test_bus_connect (f->bus);
  clm_bus_gate_set_limits (f->gate, 10, 5);
  clm_bus_gate_identify (f->gate, g_dbus_connection_get_unique_name (root), 0);
  call (f, f->client, 8);
  WAIT (f->kept->len == 5 && f->refusals == 3);
  call (f, root, 8);
  WAIT (f->kept->len == 13);
  answer (f);
  WAIT (f->answers == 13);
}

static void
test_leaving (Fixture *f, gconstpointer data)
{
  clm_bus_gate_set_limits (f->gate, 4, 4);
  clm_bus_gate_identify (f->gate, g_dbus_connection_get_unique_name (f->client), 1000);
  call (f, f->client, 4);
  WAIT (f->kept->len == 4);
  clm_bus_gate_forget (f->gate, g_dbus_connection_get_unique_name (f->client));
  g_assert_cmpuint (clm_bus_gate_get_total (f->gate), ==, 0);
  answer (f);
  WAIT (f->answers == 4);
  g_assert_cmpuint (clm_bus_gate_get_total (f->gate), ==, 0);
}

static void
test_silent (Fixture *f, gconstpointer data)
{
  clm_bus_gate_set_limits (f->gate, 4, 100);
  for (guint i = 0; i < 500; i++) {
    g_autoptr (GDBusMessage) message = g_dbus_message_new_method_call ("org.certloom.Certloom1", PATH, "org.certloom.Test", "Keep");
    g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
    g_dbus_connection_send_message (f->client, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
  }
  call (f, f->client, 1);
  WAIT (f->kept->len == 1 || f->refusals == 1);
  answer (f);
  WAIT (f->answers + f->refusals == 1);
  WAIT (clm_bus_gate_get_total (f->gate) == 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/gate/safety-7-excess-is-refused-at-once", Fixture, NULL, set_up, test_excess, tear_down);
  g_test_add ("/gate/safety-7-connections-of-one-user-count-together", Fixture, NULL, set_up, test_by_user, tear_down);
  g_test_add ("/gate/total-does-not-bind-root", Fixture, NULL, set_up, test_total, tear_down);
  g_test_add ("/gate/who-leaves-frees-his-share", Fixture, NULL, set_up, test_leaving, tear_down);
  g_test_add ("/gate/calls-without-answer-are-counted-too", Fixture, NULL, set_up, test_silent, tear_down);
  return g_test_run ();
}
