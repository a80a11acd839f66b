/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a whole list over a bus and says what that took: a line of JSON.
 *
 *     lister ADDRESS pages      certloomd, ListCertificates, 1000 rows a page
 *     lister ADDRESS managed    objects, GetManagedObjects
 */
#include <gio/gio.h>
#include <stdio.h>

typedef struct {
  guint  rows;
  gsize  bytes;
  double worst;   /* seconds of the longest call */
} Listing;

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
    g_autoptr (GVariant) reply = call (connection, "org.certloom.Certloom1", "/org/certloom/Certloom1", "org.certloom.Certloom1.Manager",
                                       "ListCertificates", g_variant_new ("(a{sv}sua{sv})", NULL, cursor, 1000, NULL));

    count_reply (listing, reply, begun);
    g_free (cursor);
    g_variant_get_child (reply, 1, "s", &cursor);
  } while (*cursor != '\0');
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

  while (argc == 3 && way < G_N_ELEMENTS (ways) && !g_str_equal (argv[2], ways[way].word))
    way++;
  if (argc != 3 || way == G_N_ELEMENTS (ways))
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
