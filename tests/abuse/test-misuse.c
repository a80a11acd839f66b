/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certloomd and those who call it wrongly, vanish, hang, or end it. Numbers are those of the abuse cases, see cases.txt. */
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "names.h"
#include "test-bus.h"

#define MANAGER      "org.certloom.Certloom1.Manager"
#define MESSAGE_MAX  (32 * 1024 * 1024)   /* of the system bus */

typedef struct {
  ClmTestBus      *bus;
  ClmTestDaemon   *daemon;
  GDBusConnection *root;
  char            *control;   /* what the CA "fake" does */
} Fixture;

static void
say (Fixture *f, const char *outcome)
{
  g_autoptr (GError) error = NULL;
  g_file_set_contents (f->control, outcome, -1, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->bus = clm_test_bus_new ();
  f->daemon = clm_test_daemon_new (f->bus);
  f->control = g_build_filename (clm_test_bus_get_folder (f->bus), "control", NULL);
  g_autofree char *fake = g_strdup_printf ("[Authority]\nPlugin=fake-ca\nControl=%s\nRetryAfter=1\n", f->control);
  say (f, "issue");
  clm_test_daemon_add_fakes (f->daemon);
  clm_test_daemon_keep_log (f->daemon);
  clm_test_daemon_configure_ca (f->daemon);
  clm_test_daemon_configure (f->daemon, "authorities.d/lan.authority",
                             "[Authority]\nPlugin=ca-local\nKeyStore=file\nProfile.server.AllowedNames=*.example\n");
  clm_test_daemon_configure (f->daemon, "authorities.d/fake.authority", fake);
  clm_test_daemon_configure (f->daemon, "certificates.d/web.certificate", "[Certificate]\nAuthority=lan\nSubject=CN=web.example\nDNS=web.example\nUsages=server\n");
  clm_test_daemon_configure (f->daemon, "certificates.d/far.certificate", "[Certificate]\nAuthority=fake\nDNS=far.example\nUsages=server\n");
  clm_test_daemon_start (f->daemon);
  f->root = clm_test_bus_connect (f->bus);
  clm_test_wait_state (f->root, "web", "ready");
  clm_test_wait_state (f->root, "far", "ready");
}

static void
assert_log_is_clean (Fixture *f)
{
  g_autofree char *log = clm_test_daemon_read_log (f->daemon);
  static const char *const bad[] = { "CRITICAL", "ERROR **", "GLib-WARNING", "GLib-GIO-WARNING", "runtime error", "AddressSanitizer" };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    if (strstr (log, bad[i]) != NULL)
      g_error ("the daemon's log has %s:\n%s", bad[i], log);
  }
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->root);
  if (clm_test_daemon_get_pid (f->daemon) != 0)
    g_assert_cmpint (clm_test_daemon_stop (f->daemon), ==, 0);
  assert_log_is_clean (f);
  clm_test_daemon_free (f->daemon);
  clm_test_bus_free (f->bus);
  g_free (f->control);
}

static GVariant *
call (GDBusConnection *client, const char *path, const char *interface, const char *method, const char *arguments)
{
  g_autoptr (GError) error = NULL;
  GVariant *reply = clm_test_call (client, path, interface, method, g_variant_new_parsed (arguments), &error);
  g_assert_no_error (error);
  return reply;
}

static void
refused (GDBusConnection *client, const char *path, const char *interface, const char *method, GVariant *arguments, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (client, path, interface, method, arguments, &error);
  g_assert_null (reply);
  clm_test_assert_error (error, expected);
}

static guint64
get_generation (Fixture *f, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_strdup_printf ("certificate/%s", name);
  g_autoptr (GVariant) value = clm_test_get (f->root, path, "Certificate", "Generation", &error);
  g_assert_no_error (error);
  return g_variant_get_uint64 (value);
}

static void
wait_for_generation (Fixture *f, const char *name, guint64 least)
{
  while (get_generation (f, name) < least)
    g_usleep (5000);
}

/* The job's end. Returns: (transfer full): its state. */
static char *
wait_for_job (Fixture *f, const char *path)
{
  const char *job = path + strlen (CLM_BUS_PATH "/");
  for (;;) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) state = clm_test_get (f->root, job, "Job", "State", &error);
    g_assert_no_error (error);
    if (!g_str_equal (g_variant_get_string (state, NULL), "running"))
      return g_variant_dup_string (state, NULL);
    g_usleep (5000);
  }
}

/* --- callers --- */

/* However long, a name is refused as one, and nothing changes. */
static void
test_long_names (Fixture *f, gconstpointer data)
{
  static const gsize lengths[] = { 65, 255, 256, 4096, 60000 };
  guint64 before = get_generation (f, "web");
  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autofree char *name = g_strnfill (lengths[i], 'w');
    g_autofree char *path = g_strdup_printf ("certificate/%s", name);
    const char *names[] = { "web", name, NULL };
    refused (f->root, "", "Manager", "Get", g_variant_new ("(s@a{sv})", name, g_variant_new_parsed ("@a{sv} {}")), "InvalidArgument");
    refused (f->root, "", "Manager", "Renew", g_variant_new ("(^as@a{sv})", names, g_variant_new_parsed ("@a{sv} {}")), "InvalidArgument");
    refused (f->root, path, "Certificate", "Renew", g_variant_new_parsed ("(@a{sv} {},)"), "InvalidArgument");
  }
  g_assert_cmpuint (get_generation (f, "web"), ==, before);
}

/* Same process, same process id, another user of the bus: what counts is the connection. */
static void
test_process (Fixture *f, gconstpointer data)
{
  g_autoptr (GDBusConnection) other = clm_test_bus_connect_as (f->bus, CLM_TEST_STRANGER);
  if (other == NULL) {
    g_test_skip ("needs root to be somebody else");
    return;
  }
  g_autoptr (GVariant) mine = call (f->root, "certificate/web", "Certificate", "GetPem", "(@a{sv} {},)");
  refused (other, "certificate/web", "Certificate", "GetPem", g_variant_new_parsed ("(@a{sv} {},)"), "AccessDenied");
  g_autoptr (GVariant) again = call (f->root, "certificate/web", "Certificate", "GetPem", "(@a{sv} {},)");
  g_assert_true (g_variant_equal (mine, again));
}

/* What was asked for is done although the asker is gone before the answer; whoever comes next is not told. */
static void
test_gone_in_mid_call (Fixture *f, gconstpointer data)
{
  guint64 before = get_generation (f, "web");
  g_autoptr (GDBusConnection) client = clm_test_bus_connect (f->bus);
  g_autoptr (GDBusMessage) message = g_dbus_message_new_method_call (CLM_BUS_NAME, CLM_BUS_PATH "/certificate/web",
                                                                     "org.certloom.Certloom1.Certificate", "Renew");
  /* The connection has to be known already: a call of somebody who is gone before that is denied. */
  g_autoptr (GVariant) known = call (client, "certificate/web", "Certificate", "GetPem", "(@a{sv} {},)");
  g_dbus_message_set_body (message, g_variant_new_parsed ("({'rekey': <true>},)"));
  g_assert_true (g_dbus_connection_send_message (client, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL));
  g_assert_true (g_dbus_connection_flush_sync (client, NULL, NULL));
  g_assert_true (g_dbus_connection_close_sync (client, NULL, NULL));
  wait_for_generation (f, "web", before + 1);
  clm_test_wait_state (f->root, "web", "ready");
}

/* --- sizes and shapes --- */

static GVariant *
nest (guint depth)
{
  GVariant *value = g_variant_new_string ("deep");
  for (guint i = 0; i < depth; i++)
    value = g_variant_new_variant (value);
  return value;
}

static GVariant *
make_filter (const char *key, GVariant *value)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", key, value);
  return g_variant_new ("(@a{sv}su@a{sv})", g_variant_builder_end (&builder), "", 0, g_variant_new_parsed ("@a{sv} {}"));
}

static void
test_deep (Fixture *f, gconstpointer data)
{
  for (guint depth = 1; depth < 60; depth += 7)
    refused (f->root, "", "Manager", "ListCertificates", make_filter ("pattern", nest (depth)), "InvalidArgument");
}

static GVariant *
make_wide (guint entries)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < entries; i++) {
    g_autofree char *key = g_strdup_printf ("k%u", i);
    g_variant_builder_add (&builder, "{sv}", key, g_variant_new_boolean (TRUE));
  }
  return g_variant_new ("(@a{sv}su@a{sv})", g_variant_builder_end (&builder), "", 0, g_variant_new_parsed ("@a{sv} {}"));
}

static void
send_large (Fixture *f, const char *text)
{
  refused (f->root, "", "Manager", "ListCertificates", make_filter ("pattern", g_variant_new_string (text)), "LimitsExceeded");
  refused (f->root, "", "Manager", "ListCertificates", make_wide (100000), "LimitsExceeded");
}

/* As much as the bus takes is refused. What GDBus took for the first of its size it keeps and uses again; no other adds to that. */
static void
test_wide (Fixture *f, gconstpointer data)
{
  g_autofree char *text = g_strnfill (MESSAGE_MAX - 4096, 'x');
  guint start = clm_test_daemon_read_memory (f->daemon, "Private_Dirty");
  send_large (f, text);
  send_large (f, text);
  guint before = clm_test_daemon_read_memory (f->daemon, "Private_Dirty");
  for (guint i = 0; i < 4; i++)
    send_large (f, text);
  guint after = clm_test_daemon_read_memory (f->daemon, "Private_Dirty");
  g_test_message ("Private_Dirty: %u KiB, %u after two messages of 32 MiB and two of 100000 entries, %u after four more of each", start, before, after);
#ifndef __SANITIZE_ADDRESS__   /* which keeps for a while what was freed */
  g_assert_cmpuint (after, <, before + MESSAGE_MAX / 1024);
#endif
}

/* --- descriptors --- */

static void
export_into (Fixture *f, int fd, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (g_unix_fd_list_append (list, fd, &error), ==, 0);
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync (
    f->root, CLM_BUS_NAME, CLM_BUS_PATH, MANAGER, "Export", g_variant_new_parsed ("(@a{sv} {}, handle 0, @a{sv} {})"), NULL,
    G_DBUS_CALL_FLAGS_NONE, -1, list, NULL, NULL, &error);
  close (fd);
  if (expected != NULL)
    clm_test_assert_error (error, expected);
  else
    g_assert_no_error (error);
}

/* Whatever comes instead of a stream: an answer, and at once or after the stream's own patience, never a stall of others. */
static void
test_descriptors (Fixture *f, gconstpointer data)
{
  const char *folder = clm_test_bus_get_folder (f->bus);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *file = g_build_filename (folder, "sealed", NULL);
  int sealed = memfd_create ("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  g_assert_cmpint (fcntl (sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), ==, 0);
  export_into (f, open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "InvalidArgument");
  export_into (f, open ("/dev/zero", O_RDWR | O_CLOEXEC), "InvalidArgument");
  export_into (f, open ("/dev/full", O_WRONLY | O_CLOEXEC), "InvalidArgument");
  export_into (f, open (file, O_PATH | O_CLOEXEC), "InvalidArgument");
  export_into (f, open (file, O_RDONLY | O_CLOEXEC), "InvalidArgument");
  export_into (f, open (fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC), "InvalidArgument");
  export_into (f, sealed, "InvalidArgument");
  int reader = open (fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  export_into (f, open (fifo, O_WRONLY | O_CLOEXEC), NULL);
  close (reader);
}

/* --- authorities --- */

/* One CA that never answers holds up its own certificates only, and can be told to let go. */
static void
test_hanging (Fixture *f, gconstpointer data)
{
  guint64 before = get_generation (f, "web");
  const char *hanging, *working;
  say (f, "hang");
  g_autoptr (GVariant) far = call (f->root, "certificate/far", "Certificate", "Renew", "(@a{sv} {},)");
  g_variant_get (far, "(&o)", &hanging);
  for (guint i = 0; i < 4; i++) {
    g_autoptr (GVariant) web = call (f->root, "certificate/web", "Certificate", "Renew", "({'rekey': <true>},)");
    g_variant_get (web, "(&o)", &working);
    g_autofree char *state = wait_for_job (f, working);
    g_assert_cmpstr (state, ==, "succeeded");
  }
  g_assert_cmpuint (get_generation (f, "web"), >=, before + 4);
  g_assert_cmpuint (get_generation (f, "far"), ==, 1);
  g_autoptr (GVariant) cancelled = call (f->root, hanging + strlen (CLM_BUS_PATH "/"), "Job", "Cancel", "(@a{sv} {},)");
  g_autofree char *end = wait_for_job (f, hanging);
  g_assert_cmpstr (end, ==, "cancelled");
  g_assert_cmpuint (get_generation (f, "far"), ==, 1);
}

/* A CA that is told what it may certify certifies nothing else, and the refused name never becomes a certificate. */
static void
test_constraints (Fixture *f, gconstpointer data)
{
  const char *certificate, *job;
  g_autoptr (GVariant) reply = call (f->root, "", "Manager", "Request",
                                     "('evil', '', '', {'Authority': <'lan'>, 'Subject': <'CN=evil.example'>, 'DNS': <'evil.other'>, 'Usages': <'server'>}, @a{sv} {})");
  g_variant_get (reply, "(&o&o)", &certificate, &job);
  g_autofree char *state = wait_for_job (f, job);
  g_assert_cmpstr (state, ==, "failed");
  g_autoptr (GVariant) error = clm_test_get (f->root, "certificate/evil", "Certificate", "Error", NULL);
  g_assert_cmpstr (g_variant_get_string (error, NULL), ==, "org.certloom.Certloom1.Error.Rejected");
  g_assert_cmpuint (get_generation (f, "evil"), ==, 0);
}

/* A plugin that ends the process costs a start, and nothing that was published. */
static void
test_exit (Fixture *f, gconstpointer data)
{
  g_autofree char *leaf = g_build_filename (clm_test_daemon_get_state (f->daemon), "certificates/far/current/cert.pem", NULL);
  g_autofree char *before = NULL;
  g_autofree char *meanwhile = NULL;
  say (f, "exit");
  g_assert_true (g_file_get_contents (leaf, &before, NULL, NULL));
  g_autoptr (GVariant) reply = clm_test_call (f->root, "certificate/far", "Certificate", "Renew", g_variant_new_parsed ("(@a{sv} {},)"), NULL);
  g_assert_cmpint (clm_test_daemon_wait (f->daemon), ==, 86);
  g_assert_true (g_file_get_contents (leaf, &meanwhile, NULL, NULL));
  g_assert_cmpstr (before, ==, meanwhile);
  say (f, "issue");
  clm_test_daemon_start (f->daemon);
  wait_for_generation (f, "far", 2);
  clm_test_wait_state (f->root, "far", "ready");
  clm_test_wait_state (f->root, "web", "ready");
}

/* --- the daemon itself --- */

/* Another one on the same state says so and ends, whatever bus it is on; the first one is not disturbed. */
static void
test_second (Fixture *f, gconstpointer data)
{
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autofree char *address = g_strdup_printf ("--address=%s", clm_test_bus_get_address (bus));
  g_autofree char *root = g_strdup_printf ("--config-root=%s", clm_test_daemon_get_root (f->daemon));
  g_autofree char *state = g_strdup_printf ("--state-dir=%s", clm_test_daemon_get_state (f->daemon));
  const char *argv[] = { g_getenv ("CLM_TEST_DAEMON"), address, root, state, NULL };
  g_autofree char *said = NULL;
  g_autoptr (GError) error = NULL;
  int status = 0;
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &said, &status, &error);
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
  g_assert_nonnull (strstr (said, "What to do: "));
  g_autoptr (GVariant) pem = call (f->root, "certificate/web", "Certificate", "GetPem", "(@a{sv} {},)");
}

/* A storm of SIGHUP while certificates rotate and files change: it lives, a broken file keeps its last good meaning, none is lost. */
static void
test_storm (Fixture *f, gconstpointer data)
{
  static const char *const texts[] = {
    "[Certificate]\nAuthority=lan\nSubject=CN=web.example\nDNS=web.example\nUsages=server\nNoSuchKey=1\n",
    "[Certificate]\nAuthority=lan\nSubject=CN=web.example\nDNS=web.example\nUsages=server\n[Renewal]\nAt=0\n",
    "[Certificate]\nAuthority=lan\nSubject=CN=web.example\nDNS=web.example\nUsages=server\n",
  };
  for (guint i = 0; i < 60; i++) {
    clm_test_daemon_configure (f->daemon, "certificates.d/web.certificate", texts[i % G_N_ELEMENTS (texts)]);
    g_assert_cmpint (kill (clm_test_daemon_get_pid (f->daemon), SIGHUP), ==, 0);
    if (i % 6 == 0) {
      g_autoptr (GVariant) reply = call (f->root, "", "Manager", "Renew", "(['web', 'far'], @a{sv} {})");
    }
  }
  /* The first may join one that had read before the last file was written; the one that follows has not. */
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GVariant) reply = call (f->root, "", "Manager", "Reload", "(@a{sv} {},)");
    const char *job;
    g_variant_get (reply, "(&o)", &job);
    g_free (wait_for_job (f, job));
  }
  clm_test_wait_state (f->root, "web", "ready");
  clm_test_wait_state (f->root, "far", "ready");
  g_autoptr (GVariant) problems = call (f->root, "", "Manager", "GetConfigProblems", "(@a{sv} {},)");
  g_autoptr (GVariant) rows = g_variant_get_child_value (problems, 0);
  if (g_variant_n_children (rows) != 0) {
    g_autofree char *said = g_variant_print (rows, FALSE);
    g_error ("problems are left: %s", said);
  }
}

/* Line breaks and escapes that callers send never reach a terminal through the log or an error text. */
static void
test_log (Fixture *f, gconstpointer data)
{
  static const char dirty[] = "web\nFeb 30 host certloomd: all is lost\033[2J\a";
  static const char *const methods[] = { "Get", "Renew" };
  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++) {
    g_autoptr (GError) error = NULL;
    const char *names[] = { dirty, NULL };
    GVariant *arguments = i == 0 ? g_variant_new ("(s@a{sv})", dirty, g_variant_new_parsed ("@a{sv} {}"))
                                 : g_variant_new ("(^as@a{sv})", names, g_variant_new_parsed ("@a{sv} {}"));
    g_autoptr (GVariant) reply = clm_test_call (f->root, "", "Manager", methods[i], arguments, &error);
    g_assert_null (reply);
    g_assert_null (strchr (error->message, '\033'));
    g_assert_null (strstr (error->message, "\nFeb 30"));
  }
  g_autoptr (GError) option = NULL, subject = NULL;
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", dirty, g_variant_new_boolean (TRUE));
  g_autoptr (GVariant) reload = clm_test_call (f->root, "", "Manager", "Reload", g_variant_new ("(a{sv})", &options), &option);
  g_assert_null (reload);
  g_assert_null (strchr (option->message, '\033'));
  g_autofree char *log = clm_test_daemon_read_log (f->daemon);
  g_assert_null (strchr (log, '\033'));
  g_assert_null (strchr (log, '\a'));
  g_assert_null (strstr (log, "\nFeb 30"));
}

#define ADD(name, function) g_test_add ("/misuse/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("safety-1-long-names-are-no-names", test_long_names);
  ADD ("safety-5-a-process-is-nobody", test_process);
  ADD ("safety-6-a-renewal-outlives-its-caller", test_gone_in_mid_call);
  ADD ("safety-8-deep-arguments-are-refused", test_deep);
  ADD ("safety-8-the-largest-message-is-refused-and-forgotten", test_wide);
  ADD ("safety-9-strange-descriptors-are-refused", test_descriptors);
  ADD ("safety-23-a-second-one-ends", test_second);
  ADD ("safety-32-a-ca-that-hangs-holds-up-nobody", test_hanging);
  ADD ("safety-37-the-ca-keeps-to-its-names", test_constraints);
  ADD ("safety-48-a-plugin-that-exits-costs-a-start", test_exit);
  ADD ("safety-53-a-storm-of-reloads-loses-nothing", test_storm);
  ADD ("safety-55-what-callers-send-is-no-log", test_log);
  return g_test_run ();
}
