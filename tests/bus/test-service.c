/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certloomd on a bus like the system bus: who may what, and what happens to those who misbehave. Numbers are those of the abuse cases. */
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <sqlite3.h>
#include <unistd.h>

#include "interfaces.h"
#include "names.h"
#include "test-bus.h"

typedef struct {
  ClmTestBus      *bus;
  ClmTestDaemon   *daemon;
  GDBusConnection *root;      /* the daemon's own user */
  GDBusConnection *stranger;  /* NULL when the test is not root */
  GDBusConnection *service;   /* owner of what template dev@ makes */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->bus = clm_test_bus_new ();
  f->daemon = clm_test_daemon_new (f->bus);
  clm_test_daemon_configure_ca (f->daemon);
  clm_test_daemon_configure (f->daemon, "certificates.d/web.certificate",
                             "[Certificate]\nAuthority=lan\nDNS=web.example\nExportable=yes\n");
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

static gboolean
skip_unless_root (Fixture *f)
{
  if (f->stranger == NULL)
    g_test_skip ("needs root to be somebody else");
  return f->stranger == NULL;
}

static void
expect (GDBusConnection *client, const char *path, const char *interface, const char *method, const char *arguments,
        const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (client, path, interface, method, g_variant_new_parsed (arguments), &error);
  if (expected == NULL) {
    g_assert_no_error (error);
    return;
  }
  g_assert_null (reply);
  clm_test_assert_error (error, expected);
}

static void
assert_alive (Fixture *f)
{
  expect (f->root, "", "Manager", "ListCertificates", "(@a{sv} {}, '', uint32 0, @a{sv} {})", NULL);
}

static void
test_names (Fixture *f, gconstpointer data)
{
  static const char *const bad[] = { "/etc/shadow", "../../x", "..", "", "a/b", "A", "a b" };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *get = g_strdup_printf ("('%s', @a{sv} {})", bad[i]);
    g_autofree char *renew = g_strdup_printf ("(['web', '%s'], @a{sv} {})", bad[i]);
    g_autofree char *path = clm_bus_names_escape (bad[i]);
    g_autofree char *object = g_strdup_printf ("certificate/%s", path);
    expect (f->root, "", "Manager", "Get", get, "InvalidArgument");
    expect (f->root, "", "Manager", "Renew", renew, "InvalidArgument");
    expect (f->root, object, "Certificate", "GetPem", "(@a{sv} {},)", "InvalidArgument");
  }
  expect (f->root, "certificate/web_2", "Certificate", "GetPem", "(@a{sv} {},)", "InvalidArgument");
  expect (f->root, "", "Manager", "Get", "('nope', @a{sv} {})", "NotFound");
}

/* Every method that a caller could do harm with, and the arguments to call it with. */
static const struct {
  const char *path, *interface, *method, *arguments;
} restricted[] = {
  { "certificate/%s", "Certificate", "Renew", "(@a{sv} {},)" },
  { "certificate/%s", "Certificate", "Deliver", "(@a{sv} {},)" },
  { "certificate/%s", "Certificate", "Revoke", "('no such reason', @a{sv} {})" },
  { "certificate/%s", "Certificate", "Remove", "(@a{sv} {},)" },
  { "certificate/%s", "Certificate", "Hold", "(@a{sv} {},)" },
  { "certificate/%s", "Certificate", "Release", "(@a{sv} {},)" },
  { "certificate/%s", "Certificate", "Rollback", "(@a{sv} {},)" },
  { "certificate/%s", "Certificate", "GetPem", "({'no such option': <1>},)" },
  { "certificate/%s", "Certificate", "GetCredentialFds", "({'key': <true>},)" },
  { "", "Manager", "Renew", "(['%s'], @a{sv} {})" },
  { "", "Manager", "Get", "('%s', @a{sv} {})" },
  { "", "Manager", "GetHistory", "('%s', uint64 0, uint32 0, @a{sv} {})" },
  { "", "Manager", "Request", "('%s', '', '', @a{sv} {}, @a{sv} {})" },
  { "", "Manager", "Request", "('', '%s', 'x', @a{sv} {}, @a{sv} {})" },
  { "", "Manager", "Request", "('', 'dev', '%s', {'\\n': <1>}, @a{sv} {})" },
  { "", "Manager", "Reload", "(@a{sv} {},)" },
  { "", "Manager", "GetConfigProblems", "(@a{sv} {},)" },
  { "keystore/file", "KeyStore", "ListKeys", "(@a{sv} {},)" },
};

static char *
get_denial (GDBusConnection *client, gsize i, const char *name)
{
  g_auto (GStrv) path_parts = g_strsplit (restricted[i].path, "%s", -1);
  g_auto (GStrv) argument_parts = g_strsplit (restricted[i].arguments, "%s", -1);
  g_autofree char *path = g_strjoinv (name, path_parts);
  g_autofree char *arguments = g_strjoinv (name, argument_parts);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (client, path, restricted[i].interface, restricted[i].method,
                                              g_variant_new_parsed (arguments), &error);
  if (reply != NULL)
    g_error ("%s is allowed to a stranger", restricted[i].method);
  clm_test_assert_error (error, "AccessDenied");
  g_dbus_error_strip_remote_error (error);
  return g_strdup (error->message);
}

static void
test_stranger (Fixture *f, gconstpointer data)
{
  if (skip_unless_root (f))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (restricted); i++) {
    g_autofree char *there = get_denial (f->stranger, i, "web");
    g_autofree char *not_there = get_denial (f->stranger, i, "nope");
    g_assert_cmpstr (there, ==, not_there);
  }
  g_autoptr (GVariant) generation = clm_test_get (f->root, "certificate/web", "Certificate", "Generation", NULL);
  g_assert_cmpuint (g_variant_get_uint64 (generation), ==, 1);
}

static void
test_owner (Fixture *f, gconstpointer data)
{
  if (skip_unless_root (f))
    return;
  expect (f->service, "certificate/web", "Certificate", "GetPem", "(@a{sv} {},)", "AccessDenied");
  expect (f->service, "", "Manager", "Request", "('', 'dev', 'a', {'DNS': <'web.example'>}, @a{sv} {})", "AccessDenied");
  expect (f->service, "", "Manager", "Request", "('', 'dev', 'a', {'NoSuchKey': <'x'>}, @a{sv} {})", "InvalidArgument");
  expect (f->service, "", "Manager", "Request", "('', 'dev', 'a', {'Subject': <'x\\nOwner=2'>}, @a{sv} {})", "InvalidArgument");
  expect (f->service, "", "Manager", "Request", "('', 'dev', 'a', @a{sv} {}, @a{sv} {})", NULL);
  expect (f->service, "", "Manager", "Request", "('', 'dev', 'a', @a{sv} {}, @a{sv} {})", "Exists");
  clm_test_wait_state (f->service, "dev_2da", "ready");
  expect (f->service, "certificate/dev_2da", "Certificate", "Renew", "(@a{sv} {},)", NULL);
  expect (f->stranger, "certificate/dev_2da", "Certificate", "GetPem", "(@a{sv} {},)", "AccessDenied");
}

static void
test_lists (Fixture *f, gconstpointer data)
{
  if (skip_unless_root (f))
    return;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) all = clm_test_call (f->root, "", "Manager", "ListCertificates",
                                            g_variant_new_parsed ("(@a{sv} {}, '', uint32 0, @a{sv} {})"), &error);
  g_assert_no_error (error);
  g_autoptr (GVariant) none = clm_test_call (f->stranger, "", "Manager", "ListCertificates",
                                             g_variant_new_parsed ("(@a{sv} {}, '', uint32 0, @a{sv} {})"), &error);
  g_assert_no_error (error);
  g_autoptr (GVariant) all_rows = g_variant_get_child_value (all, 0);
  g_autoptr (GVariant) no_rows = g_variant_get_child_value (none, 0);
  g_assert_cmpuint (g_variant_n_children (all_rows), ==, 1);
  g_assert_cmpuint (g_variant_n_children (no_rows), ==, 0);
  g_autoptr (GVariant) objects = clm_test_call (f->stranger, "", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GVariant) map = g_variant_get_child_value (objects, 0);
  g_assert_cmpuint (g_variant_n_children (map), ==, 0);
}

static void
test_properties (Fixture *f, gconstpointer data)
{
  expect (f->root, "certificate/web", "org.freedesktop.DBus.Properties", "GetAll", "('org.certloom.Certloom1.Certificate',)", NULL);
  expect (f->root, "certificate/nope", "org.freedesktop.DBus.Properties", "GetAll", "('org.certloom.Certloom1.Certificate',)", "NotFound");
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) set = clm_test_call (f->root, "certificate/web", "org.freedesktop.DBus.Properties", "Set",
                                            g_variant_new_parsed ("('org.certloom.Certloom1.Certificate', 'State', <'ready'>)"), &error);
  g_assert_null (set);
  g_assert_nonnull (error);
  if (skip_unless_root (f))
    return;
  expect (f->stranger, "", "org.freedesktop.DBus.Properties", "GetAll", "('org.certloom.Certloom1.Manager',)", NULL);
  expect (f->stranger, "certificate/web", "org.freedesktop.DBus.Properties", "GetAll", "('org.certloom.Certloom1.Certificate',)", "AccessDenied");
  expect (f->stranger, "certificate/nope", "org.freedesktop.DBus.Properties", "GetAll", "('org.certloom.Certloom1.Certificate',)", "AccessDenied");
  expect (f->stranger, "keystore/file", "org.freedesktop.DBus.Properties", "GetAll", "('org.certloom.Certloom1.KeyStore',)", "AccessDenied");
}

/* What XML says and what is served are the same, and no argument is a path, a command, a URL or a module. */
static void
test_introspection (Fixture *f, gconstpointer data)
{
  static const char *const forbidden[] = { "path", "file", "command", "url", "uri", "module", "program" };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (f->root, "certificate/web", "org.freedesktop.DBus.Introspectable", "Introspect", NULL, &error);
  const char *xml;
  g_assert_no_error (error);
  g_variant_get (reply, "(&s)", &xml);
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (xml, &error);
  g_assert_no_error (error);
  GDBusInterfaceInfo *info = g_dbus_node_info_lookup_interface (node, "org.certloom.Certloom1.Certificate");
  g_assert_nonnull (info);
  const GDBusInterfaceInfo *infos[] = { &clm_bus_certificate_interface, &clm_bus_manager_interface, &clm_bus_job_interface,
                                        &clm_bus_authority_interface, &clm_bus_key_store_interface };
  for (gsize i = 0; i < G_N_ELEMENTS (infos); i++)
    for (gsize m = 0; infos[i]->methods[m] != NULL; m++)
      for (gsize a = 0; infos[i]->methods[m]->in_args[a] != NULL; a++)
        for (gsize n = 0; n < G_N_ELEMENTS (forbidden); n++)
          g_assert_null (strstr (infos[i]->methods[m]->in_args[a]->name, forbidden[n]));

  g_autoptr (GVariant) folder = clm_test_call (f->root, "certificate", "org.freedesktop.DBus.Introspectable", "Introspect", NULL, &error);
  g_assert_no_error (error);
  g_variant_get (folder, "(&s)", &xml);
  g_assert_null (strstr (xml, "web"));
}

/* Every method of the XML reaches a handler. */
static void
test_complete (Fixture *f, gconstpointer data)
{
  static const struct {
    const char               *path;
    const GDBusInterfaceInfo *info;
  } served[] = {
    { "certificate/nope", &clm_bus_certificate_interface }, { "job/999", &clm_bus_job_interface },
    { "authority/nope", &clm_bus_authority_interface },     { "keystore/nope", &clm_bus_key_store_interface },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (served); i++) {
    for (gsize m = 0; served[i].info->methods[m] != NULL; m++) {
      GDBusMethodInfo *method = served[i].info->methods[m];
      gboolean revoke = g_str_equal (method->name, "Revoke");
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) reply = clm_test_call (f->root, served[i].path, served[i].info->name, method->name,
                                                  g_variant_new_parsed (revoke ? "('superseded', @a{sv} {})" : "(@a{sv} {},)"), &error);
      g_assert_null (reply);
      clm_test_assert_error (error, "NotFound");
    }
  }
}

static void
test_wrong (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (f->root, "certificate/web", "Certificate", "Renew", g_variant_new_parsed ("('x',)"), &error);
  g_assert_null (reply);
  g_assert_error (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
  expect (f->root, "certificate/web", "Certificate", "Renew", "({'rekei': <true>},)", "InvalidArgument");
  expect (f->root, "certificate/web", "Certificate", "Renew", "({'rekey': <'yes'>},)", "InvalidArgument");
  expect (f->root, "certificate/web", "Certificate", "Revoke", "('bored', @a{sv} {})", "InvalidArgument");
  expect (f->root, "", "Manager", "ListCertificates", "({'stats': <['ready']>}, '', uint32 0, @a{sv} {})", "InvalidArgument");
  expect (f->root, "", "Manager", "ListCertificates", "({'states': <['sleepy']>}, '', uint32 0, @a{sv} {})", "InvalidArgument");
  expect (f->root, "", "Manager", "ListCertificates", "(@a{sv} {}, '', uint32 5000, @a{sv} {})", "InvalidArgument");
  expect (f->root, "", "Manager", "ListSince", "('another', uint64 0, uint32 0, @a{sv} {})", "ResyncNeeded");
  expect (f->root, "", "Manager", "Export", "(@a{sv} {}, handle 0, @a{sv} {})", "InvalidArgument");
  expect (f->root, "", "Manager", "Export", "({'states': <['sleepy']>}, handle 0, @a{sv} {})", "InvalidArgument");
  expect (f->root, "", "Manager", "Renew", "(@as [], @a{sv} {})", "InvalidArgument");
  expect (f->root, "", "Manager", "Renew", "(['web'], {'due': <true>})", "InvalidArgument");
}

static void
test_huge (Fixture *f, gconstpointer data)
{
  g_autofree char *text = g_strnfill (2 * 1024 * 1024, 'x');
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (f->root, "", "Manager", "ListCertificates",
                                              g_variant_new_parsed ("({'pattern': <%s>}, '', uint32 0, @a{sv} {})", text), &error);
  g_assert_null (reply);
  clm_test_assert_error (error, "LimitsExceeded");
  assert_alive (f);
}

static void
test_descriptors (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync (
    f->root, "org.certloom.Certloom1", "/org/certloom/Certloom1/certificate/web", "org.certloom.Certloom1.Certificate",
    "GetCredentialFds", g_variant_new_parsed ("({'key': <true>},)"), G_VARIANT_TYPE ("(ta{sh}s)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL,
    &list, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GVariant) fds = g_variant_get_child_value (reply, 1);
  static const struct {
    const char *name, *begin;
  } files[] = { { "leaf", "-----BEGIN CERTIFICATE" }, { "full-chain", "-----BEGIN CERTIFICATE" }, { "key", "-----BEGIN PRIVATE KEY" },
                { "combined", "-----BEGIN" } };
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    gint32 handle = -1;
    char text[64] = { 0 };
    g_assert_true (g_variant_lookup (fds, files[i].name, "h", &handle));
    int fd = g_unix_fd_list_get (list, handle, &error);
    g_assert_no_error (error);
    g_assert_cmpint (read (fd, text, sizeof text - 1), >, 0);
    g_assert_true (g_str_has_prefix (text, files[i].begin));
    g_assert_cmpint (write (fd, "x", 1), ==, -1);
    close (fd);
  }
}

/* --- jobs and signals --- */

static void
on_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
           GVariant *parameters, gpointer user_data)
{
  g_string_append_printf (user_data, "%s ", signal);
}

static guint
listen (GDBusConnection *client, GString *log)
{
  return g_dbus_connection_signal_subscribe (client, "org.certloom.Certloom1", NULL, NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                             on_signal, log, NULL);
}

static void
hold_when_free (GDBusConnection *client, const char *path)
{
  for (;;) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) reply = clm_test_call (client, path, "Certificate", "Hold", g_variant_new_parsed ("(@a{sv} {},)"), &error);
    if (reply != NULL)
      return;
    clm_test_assert_error (error, "Busy");
    g_usleep (5000);
  }
}

static void
test_signals (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) root_log = g_string_new (NULL);
  g_autoptr (GString) starter_log = g_string_new (NULL);
  g_autoptr (GString) stranger_log = g_string_new (NULL);
  g_autoptr (GDBusConnection) starter = clm_test_bus_connect (f->bus);
  guint one = listen (f->root, root_log), two = listen (starter, starter_log);
  guint three = f->stranger != NULL ? listen (f->stranger, stranger_log) : 0;
  expect (f->root, "", "Manager", "Subscribe", "(@a{sv} {},)", NULL);
  if (f->stranger != NULL)
    expect (f->stranger, "", "Manager", "Subscribe", "(@a{sv} {},)", NULL);
  expect (starter, "certificate/web", "Certificate", "Renew", "(@a{sv} {},)", NULL);
  while (strstr (root_log->str, "Completed") == NULL || strstr (starter_log->str, "Completed") == NULL)
    g_main_context_iteration (NULL, TRUE);
  /* the renewal may have joined what was just ending and changed nothing; a hold always does */
  hold_when_free (starter, "certificate/web");
  while (strstr (root_log->str, "CertificatesChanged") == NULL || strstr (root_log->str, "Event") == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (strstr (starter_log->str, "CertificatesChanged"));
  g_assert_cmpstr (stranger_log->str, ==, "");
  g_dbus_connection_signal_unsubscribe (f->root, one);
  g_dbus_connection_signal_unsubscribe (starter, two);
  if (three != 0)
    g_dbus_connection_signal_unsubscribe (f->stranger, three);
}

static void
test_job (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (f->root, "", "Manager", "Renew", g_variant_new_parsed ("(['web'], @a{sv} {})"), &error);
  g_assert_no_error (error);
  const char *path;
  g_variant_get (reply, "(&o)", &path);
  const char *job = path + strlen (CLM_BUS_PATH "/");
  for (;;) {
    g_autoptr (GVariant) state = clm_test_get (f->root, job, "Job", "State", &error);
    g_assert_no_error (error);
    if (g_str_equal (g_variant_get_string (state, NULL), "succeeded"))
      break;
    g_assert_cmpstr (g_variant_get_string (state, NULL), ==, "running");
    g_usleep (5000);
  }
  expect (f->root, job, "Job", "Cancel", "(@a{sv} {},)", "Conflict");
  if (f->stranger != NULL)
    expect (f->stranger, job, "Job", "Cancel", "(@a{sv} {},)", "NotFound");
}

/* --- misbehaviour --- */

static void
test_vanishing (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 30; i++) {
    g_autoptr (GDBusConnection) client = clm_test_bus_connect (f->bus);
    for (guint n = 0; n < 5; n++)
      g_dbus_connection_call (client, CLM_BUS_NAME, CLM_BUS_PATH, "org.certloom.Certloom1.Manager", "ListCertificates",
                              g_variant_new_parsed ("(@a{sv} {}, '', uint32 0, @a{sv} {})"), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL,
                              NULL, NULL);
    g_dbus_connection_flush_sync (client, NULL, NULL);
    g_dbus_connection_close_sync (client, NULL, NULL);
  }
  assert_alive (f);
}

typedef struct {
  guint answered, refused, pending;
} Flood;

static void
on_flood_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Flood *flood = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  flood->pending--;
  if (reply != NULL)
    flood->answered++;
  else if (strstr (error->message, "LimitsExceeded") != NULL)
    flood->refused++;
}

static void
test_flood (Fixture *f, gconstpointer data)
{
  if (skip_unless_root (f))
    return;
  Flood flood = { 0 };
  for (guint n = 0; n < 2000; n++, flood.pending++)
    g_dbus_connection_call (f->stranger, CLM_BUS_NAME, CLM_BUS_PATH, "org.certloom.Certloom1.Manager", "ListCertificates",
                            g_variant_new_parsed ("(@a{sv} {}, '', uint32 0, @a{sv} {})"), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL,
                            on_flood_answer, &flood);
  assert_alive (f);
  while (flood.pending > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (flood.answered, >, 0);
  g_assert_cmpuint (flood.refused, >, 0);
}

static void
request_name (GDBusConnection *client, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GVariant) reply = g_dbus_connection_call_sync (client, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                            "org.freedesktop.DBus", "RequestName",
                                                            g_variant_new ("(su)", CLM_BUS_NAME, 4), NULL, G_DBUS_CALL_FLAGS_NONE,
                                                            -1, NULL, error);
}

static void
test_name (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) denied = NULL;
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autoptr (ClmTestDaemon) daemon = clm_test_daemon_new (bus);
  g_autoptr (GDBusConnection) stranger = clm_test_bus_connect_as (bus, CLM_TEST_STRANGER);
  g_autoptr (GDBusConnection) squatter = clm_test_bus_connect (bus);
  clm_test_daemon_configure_ca (daemon);
  if (stranger != NULL) {
    request_name (stranger, &denied);
    g_assert_error (denied, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED);
    g_clear_error (&denied);
  }
  request_name (squatter, &error);
  g_assert_no_error (error);
  clm_test_daemon_spawn (daemon);
  g_assert_cmpint (clm_test_daemon_wait (daemon), ==, 1);
}

static void
test_bus_gone (void)
{
  ClmTestBus *bus = clm_test_bus_new ();
  ClmTestDaemon *daemon = clm_test_daemon_new (bus);
  clm_test_daemon_configure_ca (daemon);
  clm_test_daemon_start (daemon);
  clm_test_bus_stop (bus);
  g_assert_cmpint (clm_test_daemon_wait (daemon), ==, 1);
  clm_test_daemon_free (daemon);
  clm_test_bus_free (bus);
}

/* More history than is looked through at a start, with a page in its middle that is no page. */
static void
spoil_large_database (const char *path)
{
  static const char zeros[4096];
  sqlite3 *database;
  g_assert_cmpint (sqlite3_open (path, &database), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (database, "PRAGMA journal_mode = DELETE; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000)"
                                 " INSERT INTO history (time, kind, severity, subject_kind, subject, message, fields)"
                                 " SELECT i, 'renewed', 'info', 'certificate', 'web', hex (randomblob (400)), x'' FROM n", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (database), ==, SQLITE_OK);
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  off_t middle = lseek (fd, 0, SEEK_END) / 2 / 4096 * 4096;
  g_assert_cmpint (middle, >, 16 * 1024 * 1024);
  g_assert_cmpint (pwrite (fd, zeros, sizeof zeros, middle), ==, sizeof zeros);
  close (fd);
}

static void
test_late_damage (Fixture *f, gconstpointer data)
{
  g_autofree char *database = g_build_filename (clm_test_daemon_get_state (f->daemon), "certloom.db", NULL);
  g_autofree char *aside = g_strconcat (database, ".damaged-1", NULL);
  g_autoptr (GVariant) before = clm_test_get (f->root, "certificate/web", "Certificate", "Serial", NULL);
  g_assert_cmpint (clm_test_daemon_stop (f->daemon), ==, 0);
  spoil_large_database (database);
  clm_test_daemon_start (f->daemon);
  /* It serves, notices, and begins anew without anybody's help. */
  while (!g_file_test (aside, G_FILE_TEST_EXISTS))
    g_usleep (5000);
  for (;;) {
    g_autoptr (GVariant) after = clm_test_get (f->root, "certificate/web", "Certificate", "Serial", NULL);
    if (after != NULL && g_variant_equal (before, after))
      break;
    g_usleep (5000);
  }
  clm_test_wait_state (f->root, "web", "ready");
}

#define ADD(name, function) g_test_add ("/service/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("safety-1-a-name-is-a-name", test_names);
  ADD ("safety-2-a-stranger-may-nothing-and-learns-nothing", test_stranger);
  ADD ("safety-3-an-owner-stays-within-his-template", test_owner);
  ADD ("safety-2-lists-hold-what-the-caller-may-read", test_lists);
  ADD ("safety-6-vanishing-callers-leave-nothing", test_vanishing);
  ADD ("safety-7-a-flood-delays-its-sender-only", test_flood);
  ADD ("safety-8-wrong-arguments-are-named", test_wrong);
  ADD ("safety-8-huge-arguments-are-refused", test_huge);
  ADD ("safety-12-properties-are-read-only-and-guarded", test_properties);
  ADD ("introspection-tells-of-one-and-lists-none", test_introspection);
  ADD ("every-method-is-served", test_complete);
  ADD ("descriptors-are-of-one-generation-and-read-only", test_descriptors);
  ADD ("signals-reach-whom-they-concern", test_signals);
  ADD ("a-job-can-be-read-after-its-end", test_job);
  ADD ("a-large-database-is-looked-through-while-serving", test_late_damage);
  g_test_add_func ("/service/safety-11-the-name-is-ours-or-we-end", test_name);
  g_test_add_func ("/service/without-a-bus-we-end", test_bus_gone);
  return g_test_run ();
}
