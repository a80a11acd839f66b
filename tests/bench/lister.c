/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a whole list over a bus and says what that took: a line of JSON.
 *
 *     lister ADDRESS pages      certloomd, ListCertificates, 1000 rows a page
 *     lister ADDRESS since      certloomd, ListSince from the beginning, 1000 rows a page
 *     lister ADDRESS changes N  certloomd, ListSince of the last N revisions
 *     lister ADDRESS export     certloomd, Export into a memory file
 *     lister ADDRESS managed    objects, GetManagedObjects
 */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NAME    "org.certloom.Certloom1"
#define ROOT    "/org/certloom/Certloom1"
#define MANAGER NAME ".Manager"

typedef struct {
  guint  rows;
  gsize  bytes;
  double worst;   /* seconds of the longest call */
} Listing;

static guint64 changes = G_MAXUINT64;   /* how many revisions back */

static GVariant *
call (GDBusConnection *connection, const char *name, const char *path, const char *interface, const char *method, GVariant *parameters)
{
  g_autoptr (GError) error = NULL;
  GVariant *reply = g_dbus_connection_call_sync (connection, name, path, interface, method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE,
                                                 G_MAXINT, NULL, &error);

  if (reply == NULL)
    g_error ("%s: %s", method, error->message);
  return reply;
}

static void
count_reply (Listing *listing, GVariant *reply, gint64 begun)
{
  g_autoptr (GVariant) rows = g_variant_get_child_value (reply, 0);

  listing->rows += g_variant_n_children (rows);
  listing->bytes += g_variant_get_size (reply);
  listing->worst = MAX (listing->worst, (double) (g_get_monotonic_time () - begun) / G_USEC_PER_SEC);
}

static void
list_pages (GDBusConnection *connection, Listing *listing)
{
  g_autofree char *cursor = g_strdup ("");

  do {
    gint64 begun = g_get_monotonic_time ();
    g_autoptr (GVariant) reply = call (connection, NAME, ROOT, MANAGER, "ListCertificates",
                                       g_variant_new ("(a{sv}sua{sv})", NULL, cursor, 1000, NULL));

    count_reply (listing, reply, begun);
    g_free (cursor);
    g_variant_get_child (reply, 1, "s", &cursor);
  } while (*cursor != '\0');
}

static void
list_since (GDBusConnection *connection, Listing *listing, const char *epoch, guint64 revision)
{
  gboolean more = TRUE;

  while (more) {
    gint64 begun = g_get_monotonic_time ();
    g_autoptr (GVariant) reply = call (connection, NAME, ROOT, MANAGER, "ListSince",
                                       g_variant_new ("(stua{sv})", epoch, revision, 1000, NULL));

    count_reply (listing, reply, begun);
    g_variant_get_child (reply, 2, "t", &revision);
    g_variant_get_child (reply, 3, "b", &more);
  }
}

static GVariant *
get_property (GDBusConnection *connection, const char *property)
{
  g_autoptr (GVariant) reply = call (connection, NAME, ROOT, "org.freedesktop.DBus.Properties", "Get",
                                     g_variant_new ("(ss)", MANAGER, property));
  GVariant *value;

  g_variant_get (reply, "(v)", &value);
  return value;
}

static void
list_changes (GDBusConnection *connection, Listing *listing)
{
  g_autoptr (GVariant) epoch = get_property (connection, "Epoch"), revision = get_property (connection, "Revision");
  guint64 last = g_variant_get_uint64 (revision);

  list_since (connection, listing, g_variant_get_string (epoch, NULL), changes < last ? last - changes : 0);
}

static void
count_lines (int fd, Listing *listing)
{
  struct stat status;

  if (fstat (fd, &status) != 0 || status.st_size == 0)
    return;
  const char *text = mmap (NULL, (size_t) status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  const char *end = text + status.st_size;

  if (text == MAP_FAILED)
    g_error ("mmap: %s", g_strerror (errno));
  for (const char *line = text; (line = memchr (line, '\n', (size_t) (end - line))) != NULL; line++)
    listing->rows++;
  listing->bytes = (gsize) status.st_size;
  munmap ((void *) text, (size_t) status.st_size);
}

static void
list_export (GDBusConnection *connection, Listing *listing)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  int fd = memfd_create ("certificates", MFD_CLOEXEC);
  gint64 begun = g_get_monotonic_time ();

  if (fd < 0 || g_unix_fd_list_append (fds, fd, &error) < 0)
    g_error ("no memory file");
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync (
    connection, NAME, ROOT, MANAGER, "Export", g_variant_new ("(a{sv}ha{sv})", NULL, 0, NULL), NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
    fds, NULL, NULL, &error);
  if (reply == NULL)
    g_error ("Export: %s", error->message);
  count_lines (fd, listing);
  listing->worst = (double) (g_get_monotonic_time () - begun) / G_USEC_PER_SEC;
  g_close (fd, NULL);
}

static void
list_managed (GDBusConnection *connection, Listing *listing)
{
  gint64 begun = g_get_monotonic_time ();
  g_autoptr (GVariant) reply = call (connection, "org.example.Bench", "/org/example/Bench", "org.freedesktop.DBus.ObjectManager",
                                     "GetManagedObjects", NULL);

  count_reply (listing, reply, begun);
}

static const struct {
  const char *word;
  void (*list) (GDBusConnection *connection, Listing *listing);
} ways[] = {
  { "pages", list_pages },
  { "since", list_changes },
  { "changes", list_changes },
  { "export", list_export },
  { "managed", list_managed },
};

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  Listing listing = { 0 };
  gint64 begun;
  guint way = 0;

  if (argc == 4)
    changes = g_ascii_strtoull (argv[3], NULL, 10);
  while (argc >= 3 && way < G_N_ELEMENTS (ways) && !g_str_equal (argv[2], ways[way].word))
    way++;
  if (argc < 3 || way == G_N_ELEMENTS (ways))
    return 2;
  connection = g_dbus_connection_new_for_address_sync (argv[1], G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                       G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);
  if (connection == NULL)
    g_error ("%s", error->message);
  begun = g_get_monotonic_time ();
  ways[way].list (connection, &listing);
  printf ("{\"rows\": %u, \"bytes\": %zu, \"seconds\": %.6f, \"worst\": %.6f}\n", listing.rows, listing.bytes,
          (double) (g_get_monotonic_time () - begun) / G_USEC_PER_SEC, listing.worst);
  return 0;
}
