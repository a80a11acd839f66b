/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least that a daemon on a bus can be: GLib's types, a connection, a main loop. Says "ready" once the loop turns. */
#include <gio/gio.h>
#include <stdio.h>

static gboolean
on_idle (gpointer user_data)
{
  puts ("ready");
  fflush (stdout);
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  g_type_ensure (G_TYPE_DBUS_CONNECTION);
  g_idle_add (on_idle, NULL);
  g_main_loop_run (loop);
  return 0;
}
