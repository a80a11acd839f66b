/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What changed, and everything as one stream. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <json-glib/json-glib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "names.h"
#include "test-bus.h"

typedef struct {
  ClmTestBus      *bus;
  ClmTestDaemon   *daemon;
  GDBusConnection *root;
  GDBusConnection *stranger;   /* NULL when the test is not root */
  GDBusConnection *service;    /* owner of what template dev@ makes */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->bus = clm_test_bus_new ();
  f->daemon = clm_test_daemon_new (f->bus);
  clm_test_daemon_configure_ca (f->daemon);
  clm_test_daemon_configure (f->daemon, "certificates.d/web.certificate", "[Certificate]\nAuthority=lan\nDNS=web.example\n");
  clm_test_daemon_configure (f->daemon, "certificates.d/broken.certificate", "[Certificate]\nAuthority=nobody\nDNS=broken.example\n");
  clm_test_daemon_configure (f->daemon, "certificates.d/dev@.certificate",
                             "[Certificate]\nAuthority=lan\nDNS=%i.dev.example\n\n[Access]\nOwner=1\nAllowedNames=*.dev.example\n");
  clm_test_daemon_start (f->daemon);
  f->root = clm_test_bus_connect (f->bus);
  f->stranger = clm_test_bus_connect_as (f->bus, CLM_TEST_STRANGER);
  f->service = clm_test_bus_connect_as (f->bus, CLM_TEST_SERVICE);
  clm_test_wait_state (f->root, "web", "ready");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->root);
  g_clear_object (&f->stranger);
  g_clear_object (&f->service);
  clm_test_daemon_free (f->daemon);
  clm_test_bus_free (f->bus);
}

static GVariant *
call (GDBusConnection *client, const char *path, const char *interface, const char *method, const char *arguments)
{
  g_autoptr (GError) error = NULL;
  GVariant *reply = clm_test_call (client, path, interface, method, g_variant_new_parsed (arguments), &error);
  g_assert_no_error (error);
  return reply;
}

/* --- what changed --- */

typedef struct {
  guint64 next;
  GStrv   changed;   /* names */
  GStrv   removed;
} Changes;

static void
changes_clear (Changes *self)
{
  g_strfreev (self->changed);
  g_strfreev (self->removed);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Changes, changes_clear)

static Changes
list_since (GDBusConnection *client, const char *epoch, guint64 revision)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autoptr (GVariant) rows = NULL;
  g_autofree char *arguments = g_strdup_printf ("('%s', uint64 %" G_GUINT64_FORMAT ", uint32 0, @a{sv} {})", epoch, revision);
  g_autoptr (GVariant) reply = call (client, "", "Manager", "ListSince", arguments);
  Changes changes = { 0 };
  gboolean more;
  g_variant_get (reply, "(@a(osssssxxsxus)^astb)", &rows, &changes.removed, &changes.next, &more);
  g_assert_false (more);
  for (gsize i = 0; i < g_variant_n_children (rows); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
    const char *name;
    g_variant_get_child (row, 1, "&s", &name);
    g_strv_builder_add (names, name);
  }
  changes.changed = g_strv_builder_end (names);
  return changes;
}

static char *
get_epoch (GDBusConnection *client)
{
  g_autoptr (GVariant) epoch = clm_test_get (client, "", "Manager", "Epoch", NULL);
  return g_variant_dup_string (epoch, NULL);
}

static gboolean
has (GStrv names, const char *name)
{
  return g_strv_contains ((const char *const *) names, name);
}

static void
test_changes (Fixture *f, gconstpointer data)
{
  g_autofree char *epoch = get_epoch (f->root);
  g_auto (Changes) before = list_since (f->root, epoch, 0);
  g_assert_true (has (before.changed, "web"));
  g_auto (Changes) nothing = list_since (f->root, epoch, before.next);
  g_assert_cmpuint (g_strv_length (nothing.changed), ==, 0);
  g_autoptr (GVariant) requested = call (f->root, "", "Manager", "Request", "('', 'dev', 'a', @a{sv} {}, @a{sv} {})");
  clm_test_wait_state (f->root, "dev_2da", "ready");
  g_auto (Changes) added = list_since (f->root, epoch, nothing.next);
  g_assert_true (has (added.changed, "dev-a"));
  g_assert_false (has (added.changed, "web"));
  g_autoptr (GVariant) removing = call (f->root, "certificate/dev_2da", "Certificate", "Remove", "(@a{sv} {},)");
  for (;;) {
    g_auto (Changes) gone = list_since (f->root, epoch, added.next);
    if (has (gone.removed, "dev-a")) {
      g_assert_false (has (gone.changed, "dev-a"));
      break;
    }
    g_usleep (5000);
  }
}

static void
test_restart (Fixture *f, gconstpointer data)
{
  g_autofree char *epoch = get_epoch (f->root);
  g_auto (Changes) before = list_since (f->root, epoch, 0);
  clm_test_daemon_stop (f->daemon);
  clm_test_daemon_start (f->daemon);
  g_autofree char *after = get_epoch (f->root);
  g_assert_cmpstr (epoch, ==, after);
  g_autoptr (GVariant) job = call (f->root, "certificate/web", "Certificate", "Renew", "(@a{sv} {},)");
  for (;;) {
    g_auto (Changes) changed = list_since (f->root, epoch, before.next);
    if (has (changed.changed, "web"))
      break;
    g_usleep (5000);
  }
}

static void
test_hidden_changes (Fixture *f, gconstpointer data)
{
  if (f->stranger == NULL) {
    g_test_skip ("needs root to be somebody else");
    return;
  }
  g_autofree char *epoch = get_epoch (f->root);
  g_autoptr (GVariant) requested = call (f->service, "", "Manager", "Request", "('', 'dev', 'a', @a{sv} {}, @a{sv} {})");
  clm_test_wait_state (f->service, "dev_2da", "ready");
  g_auto (Changes) own = list_since (f->service, epoch, 0);
  g_assert_cmpuint (g_strv_length (own.changed), ==, 1);
  g_assert_true (has (own.changed, "dev-a"));
  g_auto (Changes) none = list_since (f->stranger, epoch, 0);
  g_assert_cmpuint (g_strv_length (none.changed), ==, 0);
  g_autoptr (GVariant) removing = call (f->root, "certificate/dev_2da", "Certificate", "Remove", "(@a{sv} {},)");
  for (;;) {
    g_auto (Changes) gone = list_since (f->root, epoch, own.next);
    if (has (gone.removed, "dev-a"))
      break;
    g_usleep (5000);
  }
  g_auto (Changes) hidden = list_since (f->stranger, epoch, own.next);
  g_assert_cmpuint (g_strv_length (hidden.removed), ==, 0);
}

/* --- one stream --- */

typedef struct {
  guint64 count;
  GError *error;
  gboolean done;
} Exported;

static void
on_exported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Exported *exported = user_data;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, &exported->error);
  if (reply != NULL)
    g_variant_get (reply, "(tt)", &exported->count, NULL);
  exported->done = TRUE;
}

static void
start_export (GDBusConnection *client, const char *filter, int fd, Exported *exported)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  g_assert_cmpint (g_unix_fd_list_append (list, fd, NULL), ==, 0);
  g_dbus_connection_call_with_unix_fd_list (client, CLM_BUS_NAME, CLM_BUS_PATH, "org.certloom.Certloom1.Manager", "Export",
                                            g_variant_new ("(@a{sv}h@a{sv})", g_variant_new_parsed (filter), 0, g_variant_new ("a{sv}", NULL)),
                                            NULL, G_DBUS_CALL_FLAGS_NONE, -1, list, NULL, on_exported, exported);
}

static void
wait_for_export (Exported *exported)
{
  while (!exported->done)
    g_main_context_iteration (NULL, TRUE);
}

static char *
read_all (int fd)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[4096];
  gssize size;
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  while ((size = read (fd, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, size);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static JsonObject *
parse_line (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = json_from_string (line, &error);
  g_assert_no_error (error);
  return json_object_ref (json_node_get_object (node));
}

static void
test_export (Fixture *f, gconstpointer data)
{
  Exported exported = { 0 };
  int fd = memfd_create ("export", MFD_CLOEXEC);
  start_export (f->root, "@a{sv} {}", fd, &exported);
  wait_for_export (&exported);
  g_assert_no_error (exported.error);
  g_autofree char *text = read_all (fd);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, exported.count + 1);
  g_assert_cmpuint (exported.count, ==, 2);
  g_autoptr (JsonObject) broken = parse_line (lines[0]);
  g_autoptr (JsonObject) web = parse_line (lines[1]);
  g_assert_cmpstr (json_object_get_string_member (broken, "name"), ==, "broken");
  g_assert_nonnull (strchr (json_object_get_string_member (broken, "message"), ' '));
  g_assert_cmpstr (json_object_get_string_member (web, "name"), ==, "web");
  g_assert_cmpstr (json_object_get_string_member (web, "state"), ==, "ready");
  g_assert_cmpstr (json_object_get_string_member (web, "authority"), ==, "lan");
  g_assert_cmpint (json_object_get_int_member (web, "not_after"), >, g_get_real_time () / G_USEC_PER_SEC);
  g_assert_cmpint (json_object_get_size (web), ==, 12);
  close (fd);
}

static void
test_export_filtered (Fixture *f, gconstpointer data)
{
  Exported exported = { 0 }, hidden = { 0 };
  int fd = memfd_create ("export", MFD_CLOEXEC), own = memfd_create ("export", MFD_CLOEXEC);
  start_export (f->root, "{'states': <['ready']>, 'pattern': <'w*'>}", fd, &exported);
  wait_for_export (&exported);
  g_assert_no_error (exported.error);
  g_assert_cmpuint (exported.count, ==, 1);
  if (f->stranger != NULL) {
    start_export (f->stranger, "@a{sv} {}", own, &hidden);
    wait_for_export (&hidden);
    g_assert_no_error (hidden.error);
    g_assert_cmpint (lseek (own, 0, SEEK_END), ==, 0);
  }
  close (fd);
  close (own);
}

/* What is no stream is not written into, and a reader that is gone is told of. */
static void
test_export_refused (Fixture *f, gconstpointer data)
{
  Exported null = { 0 }, gone = { 0 }, readable = { 0 };
  int device = open ("/dev/null", O_WRONLY | O_CLOEXEC), ends[2], file = open ("/etc/hostname", O_RDONLY | O_CLOEXEC);
  start_export (f->root, "@a{sv} {}", device, &null);
  wait_for_export (&null);
  clm_test_assert_error (null.error, "InvalidArgument");
  g_assert_cmpint (pipe (ends), ==, 0);
  close (ends[0]);
  start_export (f->root, "@a{sv} {}", ends[1], &gone);
  wait_for_export (&gone);
  clm_test_assert_error (gone.error, "InvalidArgument");
  start_export (f->root, "@a{sv} {}", file, &readable);
  wait_for_export (&readable);
  clm_test_assert_error (readable.error, "InvalidArgument");
  close (device);
  close (file);
  close (ends[1]);
  g_clear_error (&null.error);
  g_clear_error (&gone.error);
  g_clear_error (&readable.error);
}

static void
fill (int fd)
{
  g_autofree char *zeros = g_malloc0 (1 << 20);
  g_assert_cmpint (fcntl (fd, F_SETFL, O_NONBLOCK), ==, 0);
  while (write (fd, zeros, 1 << 20) > 0)
    ;
  g_assert_cmpint (errno, ==, EAGAIN);
  g_assert_cmpint (fcntl (fd, F_SETFL, 0), ==, 0);
}

/* A reader that does not read holds up itself only, and no more than a few of its kind. */
static void
test_export_stalled (Fixture *f, gconstpointer data)
{
  Exported stalled[5] = { 0 };
  g_autoptr (GDBusConnection) lazy = clm_test_bus_connect (f->bus);
  int ends[2];
  g_assert_cmpint (pipe (ends), ==, 0);
  fill (ends[1]);
  for (gsize i = 0; i < G_N_ELEMENTS (stalled); i++)
    start_export (lazy, "@a{sv} {}", ends[1], &stalled[i]);
  wait_for_export (&stalled[4]);
  clm_test_assert_error (stalled[4].error, "LimitsExceeded");
  g_autoptr (GVariant) answered = call (f->root, "", "Manager", "ListCertificates", "(@a{sv} {}, '', uint32 0, @a{sv} {})");
  for (gsize i = 0; i < 4; i++)
    g_assert_false (stalled[i].done);
  /* Once it reads, they all end. */
  g_autofree char *text = g_malloc (1 << 20);
  close (ends[1]);
  while (read (ends[0], text, 1 << 20) > 0)
    g_main_context_iteration (NULL, FALSE);
  for (gsize i = 0; i < 4; i++) {
    wait_for_export (&stalled[i]);
    g_assert_no_error (stalled[i].error);
    g_assert_cmpuint (stalled[i].count, ==, 2);
  }
  close (ends[0]);
  g_clear_error (&stalled[4].error);
}

#define ADD(name, function) g_test_add ("/lists/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("changes-are-listed-once", test_changes);
  ADD ("revisions-outlive-a-restart", test_restart);
  ADD ("changes-hold-what-the-caller-may-read", test_hidden_changes);
  ADD ("a-stream-is-complete", test_export);
  ADD ("a-stream-holds-what-was-asked-for-and-may-be-read", test_export_filtered);
  ADD ("safety-9-a-stream-goes-only-into-streams", test_export_refused);
  ADD ("a-stalled-stream-holds-up-nobody", test_export_stalled);
  return g_test_run ();
}
