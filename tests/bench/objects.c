/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The usual way to have many things on a bus: a GDBusObjectManagerServer with a skeleton for each. `objects ADDRESS COUNT` */
#include "bench-objects.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME "org.example.Bench"
#define ROOT "/org/example/Bench"

static BenchCertificate *
make_certificate (guint i)
{
  g_autofree char *name = g_strdup_printf ("device-%06u", i);

  return g_object_ref_sink (g_object_new (BENCH_TYPE_CERTIFICATE_SKELETON,
                                          "name", name, "state", "ready", "delivery-state", "none", "authority", "plant",
                                          "key-store", "file", "not-before", (gint64) 1790000000,
                                          "not-after", (gint64) 1800000000 + i, "next-action", "renew",
                                          "next-time", (gint64) 1795000000 + i, "attempts", 0, "message", "", NULL));
}

static void
export (GDBusObjectManagerServer *manager, guint i)
{
  g_autofree char *path = g_strdup_printf ("%s/device_%06u", ROOT, i);
  g_autoptr (BenchObjectSkeleton) object = bench_object_skeleton_new (path);
  g_autoptr (BenchCertificate) certificate = make_certificate (i);

  bench_object_skeleton_set_certificate (object, certificate);
  g_dbus_object_manager_server_export (manager, G_DBUS_OBJECT_SKELETON (object));
}

static void
on_acquired (GDBusConnection *connection, const char *name, gpointer user_data)
{
  puts ("ready");
  fflush (stdout);
}

int
main (int argc, char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GDBusObjectManagerServer) manager = g_dbus_object_manager_server_new (ROOT);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  guint count = argc == 3 ? (guint) atoi (argv[2]) : 0;

  if (argc != 3)
    return 2;
  connection = g_dbus_connection_new_for_address_sync (argv[1], G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                       G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);
  if (connection == NULL)
    g_error ("%s", error->message);
  g_dbus_object_manager_server_set_connection (manager, connection);
  for (guint i = 0; i < count; i++)
    export (manager, i);
  g_bus_own_name_on_connection (connection, NAME, G_BUS_NAME_OWNER_FLAGS_NONE, on_acquired, NULL, NULL, NULL);
  g_main_loop_run (loop);
  return 0;
}
