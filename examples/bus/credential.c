/* SPDX-License-Identifier: MIT */
/*
 * Reads certificate and chain of one generation, for a program that has no files: credential NAME [ADDRESS]
 *
 *   cc credential.c -o credential $(pkg-config --cflags --libs gio-2.0 gio-unix-2.0)
 */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <unistd.h>

#define NAME "org.certloom.Certloom1"
#define ROOT "/org/certloom/Certloom1"

static GDBusConnection *
connect_to_bus (const char *address, GError **error)
{
  if (address == NULL)
    return g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, error);
  return g_dbus_connection_new_for_address_sync (
    address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, error);
}

static char *
find_certificate (GDBusConnection *bus, const char *name, GError **error)
{
  char *path = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (bus, NAME, ROOT, NAME ".Manager", "Get",
                                                            g_variant_new ("(sa{sv})", name, NULL), G_VARIANT_TYPE ("(o)"),
                                                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
  if (reply != NULL)
    g_variant_get (reply, "(o)", &path);
  return path;
}

static void
copy (int fd)
{
  char buffer[4096];
  ssize_t size;
  while ((size = read (fd, buffer, sizeof buffer)) > 0)
    fwrite (buffer, 1, (size_t) size, stdout);
  close (fd);
}

static gboolean
print_chain (GDBusConnection *bus, const char *path, GError **error)
{
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) fds = NULL;
  guint64 generation;
  const char *key_uri;
  gint32 handle;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync (
    bus, NAME, path, NAME ".Certificate", "GetCredentialFds", g_variant_new ("(a{sv})", NULL), G_VARIANT_TYPE ("(ta{sh}s)"),
    G_DBUS_CALL_FLAGS_NONE, -1, NULL, &list, NULL, error);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(t@a{sh}&s)", &generation, &fds, &key_uri);
  fprintf (stderr, "generation %" G_GUINT64_FORMAT ", key %s\n", generation, key_uri);
  int fd = g_variant_lookup (fds, "full-chain", "h", &handle) ? g_unix_fd_list_get (list, handle, error) : -1;
  if (fd >= 0)
    copy (fd);
  return fd >= 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc < 2) {
    fprintf (stderr, "credential NAME [ADDRESS]\n");
    return 2;
  }
  g_autoptr (GDBusConnection) bus = connect_to_bus (argc > 2 ? argv[2] : NULL, &error);
  g_autofree char *path = bus != NULL ? find_certificate (bus, argv[1], &error) : NULL;
  if (path != NULL && print_chain (bus, path, &error))
    return 0;
  g_dbus_error_strip_remote_error (error);
  fprintf (stderr, "credential: %s\n", error->message);
  return 1;
}
