/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-bus.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT_PATH   "/org/certloom/Certloom1"
#define BUS_NAME    "org.certloom.Certloom1"
#define PATIENCE_US (30 * G_USEC_PER_SEC)

struct _ClmTestBus {
  char *folder;
  char *address;
  GPid  pid;
};

struct _ClmTestDaemon {
  ClmTestBus *bus;
  char       *root;
  char       *state;
  char       *plugins;   /* NULL: those of the build */
  char       *log;       /* NULL: what it says is said by the test */
  GPid        pid;
};

/* --- bus --- */

static char *
read_policy (void)
{
  g_autofree char *policy = NULL;
  g_autoptr (GError) error = NULL;
  g_file_get_contents (CLM_TEST_POLICY, &policy, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GString) text = g_string_new (policy);
  g_autofree char *user = g_strdup_printf ("%u", getuid ());
  g_string_replace (text, "@user@", user, 0);
  return g_strdup (text->str);
}

static void
write_file (const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error);
  g_assert_no_error (error);
}

static char *
write_bus_config (const char *folder)
{
  g_autofree char *policy = read_policy ();
  g_autofree char *policy_path = g_build_filename (folder, "org.certloom.Certloom1.conf", NULL);
  g_autofree char *text = g_strdup_printf (
    "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\""
    " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
    "<busconfig><type>system</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>"
    "<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/><deny send_type=\"method_call\"/>"
    "<allow send_type=\"signal\"/><allow send_requested_reply=\"true\" send_type=\"method_return\"/>"
    "<allow send_requested_reply=\"true\" send_type=\"error\"/><allow receive_type=\"method_call\"/>"
    "<allow receive_type=\"method_return\"/><allow receive_type=\"error\"/><allow receive_type=\"signal\"/>"
    "<allow send_destination=\"org.freedesktop.DBus\"/></policy><include>%s</include></busconfig>", folder, policy_path);
  char *path = g_build_filename (folder, "bus.conf", NULL);
  write_file (policy_path, policy);
  write_file (path, text);
  return path;
}

/* The bus says its address when it is ready. */
static char *
read_line (int fd)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char c;
  while (read (fd, &c, 1) == 1 && c != '\n')
    g_string_append_c (line, c);
  g_close (fd, NULL);
  return g_strdup (line->str);
}

/* A test that aborts takes what it started with it. */
static void
die_with_test (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

ClmTestBus *
clm_test_bus_new (void)
{
  g_autoptr (GError) error = NULL;
  ClmTestBus *self = g_new0 (ClmTestBus, 1);
  self->folder = g_dir_make_tmp ("certloom-test-XXXXXX", &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (self->folder, 0755), ==, 0);
  g_autofree char *config = write_bus_config (self->folder);
  g_autofree char *option = g_strdup_printf ("--config-file=%s", config);
  const char *argv[] = { "dbus-daemon", option, "--nofork", "--nopidfile", "--print-address=1", NULL };
  int out = -1;
  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, die_with_test, NULL, &self->pid,
                            NULL, &out, NULL, &error);
  g_assert_no_error (error);
  self->address = read_line (out);
  g_assert_true (g_str_has_prefix (self->address, "unix:"));
  return self;
}

static void
remove_tree (const char *path)
{
  g_autofree char *quoted = g_shell_quote (path);
  g_autofree char *command = g_strdup_printf ("rm -rf -- %s", quoted);
  g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL);
}

void
clm_test_bus_stop (ClmTestBus *self)
{
  if (self->pid == 0)
    return;
  kill (self->pid, SIGTERM);
  waitpid (self->pid, NULL, 0);
  self->pid = 0;
}

void
clm_test_bus_free (ClmTestBus *self)
{
  clm_test_bus_stop (self);
  if (g_getenv ("CLM_TEST_KEEP") == NULL)
    remove_tree (self->folder);
  g_free (self->folder);
  g_free (self->address);
  g_free (self);
}

const char *
clm_test_bus_get_address (ClmTestBus *self)
{
  return self->address;
}

const char *
clm_test_bus_get_folder (ClmTestBus *self)
{
  return self->folder;
}

GDBusConnection *
clm_test_bus_connect (ClmTestBus *self)
{
  g_autoptr (GError) error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_for_address_sync (
    self->address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL,
    &error);
  g_assert_no_error (error);
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  return connection;
}

/* The bus sees who connected, not who uses the connection later. */
GDBusConnection *
clm_test_bus_connect_as (ClmTestBus *self, guint32 uid)
{
  if (getuid () != 0)
    return NULL;
  g_assert_cmpint (setegid (uid), ==, 0);
  g_assert_cmpint (seteuid (uid), ==, 0);
  GDBusConnection *connection = clm_test_bus_connect (self);
  g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_cmpint (setegid (0), ==, 0);
  return connection;
}

/* --- daemon --- */

ClmTestDaemon *
clm_test_daemon_new (ClmTestBus *bus)
{
  ClmTestDaemon *self = g_new0 (ClmTestDaemon, 1);
  self->bus = bus;
  self->root = g_build_filename (bus->folder, "root", NULL);
  self->state = g_build_filename (bus->folder, "state", NULL);
  g_assert_cmpint (g_mkdir_with_parents (self->root, 0755), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (self->state, 0711), ==, 0);
  return self;
}

void
clm_test_daemon_configure (ClmTestDaemon *self, const char *file, const char *text)
{
  g_autofree char *path = g_build_filename (self->root, "etc/certloom", file, NULL);
  write_file (path, text);
}

void
clm_test_daemon_configure_ca (ClmTestDaemon *self)
{
  clm_test_daemon_configure (self, "certloom.conf", "[Daemon]\nClock=rtc\n");
  clm_test_daemon_configure (self, "keystores.d/file.keystore", "[KeyStore]\nPlugin=key-file\n");
  clm_test_daemon_configure (self, "authorities.d/lan.authority", "[Authority]\nPlugin=ca-local\nKeyStore=file\n");
}

static void
copy_modules (const char *from, const char *to)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = g_dir_open (from, 0, &error);
  g_assert_no_error (error);
  for (const char *name = g_dir_read_name (folder); name != NULL; name = g_dir_read_name (folder)) {
    if (!g_str_has_suffix (name, ".so"))
      continue;
    g_autofree char *source = g_build_filename (from, name, NULL);
    g_autofree char *target = g_build_filename (to, name, NULL);
    g_autofree char *bytes = NULL;
    gsize size;
    g_file_get_contents (source, &bytes, &size, &error);
    g_assert_no_error (error);
    g_file_set_contents_full (target, bytes, size, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error);
    g_assert_no_error (error);
  }
}

void
clm_test_daemon_add_fakes (ClmTestDaemon *self)
{
  self->plugins = g_build_filename (self->bus->folder, "plugins", NULL);
  g_assert_cmpint (g_mkdir_with_parents (self->plugins, 0755), ==, 0);
  copy_modules (g_getenv ("CLM_TEST_PLUGINS"), self->plugins);
  copy_modules (g_getenv ("CLM_TEST_FAKES"), self->plugins);
}

void
clm_test_daemon_keep_log (ClmTestDaemon *self)
{
  self->log = g_build_filename (self->bus->folder, "log", NULL);
}

char *
clm_test_daemon_read_log (ClmTestDaemon *self)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  g_file_get_contents (self->log, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

static void
prepare_child (gpointer user_data)
{
  ClmTestDaemon *self = user_data;
  int fd = self->log != NULL ? open (self->log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
  die_with_test (NULL);
  if (fd == -1)
    return;
  dup2 (fd, STDOUT_FILENO);
  dup2 (fd, STDERR_FILENO);
}

void
clm_test_daemon_spawn (ClmTestDaemon *self)
{
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GError) error = NULL;
  g_autofree char *address = g_strdup_printf ("--address=%s", self->bus->address);
  g_autofree char *root = g_strdup_printf ("--config-root=%s", self->root);
  g_autofree char *state = g_strdup_printf ("--state-dir=%s", self->state);
  const char *argv[] = { g_getenv ("CLM_TEST_DAEMON"), address, root, state, NULL, NULL, NULL };
  g_autofree char *plugins = g_strdup_printf ("--plugin-dir=%s", self->plugins != NULL ? self->plugins : g_getenv ("CLM_TEST_PLUGINS"));
  g_autofree char *program = g_strdup_printf ("--deliver-program=%s", g_getenv ("CLM_TEST_DELIVER"));
  argv[4] = plugins;
  argv[5] = program;
  g_assert_cmpint (self->pid, ==, 0);
  g_assert_nonnull (argv[0]);
  if (self->log != NULL)
    environment = g_environ_setenv (environment, "G_MESSAGES_DEBUG", "all", TRUE);
  g_spawn_async (NULL, (char **) argv, environment, G_SPAWN_DO_NOT_REAP_CHILD, prepare_child, self, &self->pid, &error);
  g_assert_no_error (error);
}

static gboolean
has_owner (GDBusConnection *connection)
{
  gboolean owned = FALSE;
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                            "org.freedesktop.DBus", "NameHasOwner", g_variant_new ("(s)", BUS_NAME),
                                                            G_VARIANT_TYPE ("(b)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
  if (reply != NULL)
    g_variant_get (reply, "(b)", &owned);
  return owned;
}

void
clm_test_daemon_start (ClmTestDaemon *self)
{
  g_autoptr (GDBusConnection) connection = clm_test_bus_connect (self->bus);
  gint64 end = g_get_monotonic_time () + PATIENCE_US;
  clm_test_daemon_spawn (self);
  while (!has_owner (connection)) {
    int status;
    if (waitpid (self->pid, &status, WNOHANG) == self->pid || g_get_monotonic_time () > end)
      g_error ("certloomd does not come up");
    g_usleep (5000);
  }
}

int
clm_test_daemon_wait (ClmTestDaemon *self)
{
  int status = 0;
  gint64 end = g_get_monotonic_time () + PATIENCE_US;
  while (waitpid (self->pid, &status, WNOHANG) == 0) {
    if (g_get_monotonic_time () > end)
      g_error ("certloomd does not end");
    g_usleep (5000);
  }
  self->pid = 0;
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

int
clm_test_daemon_stop (ClmTestDaemon *self)
{
  g_assert_cmpint (self->pid, >, 0);
  kill (self->pid, SIGTERM);
  return clm_test_daemon_wait (self);
}

void
clm_test_daemon_kill (ClmTestDaemon *self)
{
  kill (self->pid, SIGKILL);
  clm_test_daemon_wait (self);
}

void
clm_test_daemon_free (ClmTestDaemon *self)
{
  if (self->pid > 0)
    g_assert_cmpint (clm_test_daemon_stop (self), ==, 0);
  g_free (self->root);
  g_free (self->state);
  g_free (self->plugins);
  g_free (self->log);
  g_free (self);
}

int
clm_test_daemon_get_pid (ClmTestDaemon *self)
{
  return self->pid;
}

guint
clm_test_daemon_read_memory (ClmTestDaemon *self, const char *field)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/smaps_rollup", self->pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  g_autofree char *label = g_strconcat ("\n", field, ":", NULL);
  const char *line = strstr (text, label);
  return line != NULL ? (guint) g_ascii_strtoull (line + strlen (label), NULL, 10) : 0;
}

const char *
clm_test_daemon_get_root (ClmTestDaemon *self)
{
  return self->root;
}

const char *
clm_test_daemon_get_state (ClmTestDaemon *self)
{
  return self->state;
}

/* --- calling --- */

static char *
make_path (const char *path)
{
  return *path == '\0' ? g_strdup (ROOT_PATH) : g_strdup_printf (ROOT_PATH "/%s", path);
}

GVariant *
clm_test_call (GDBusConnection *connection, const char *path, const char *interface, const char *method, GVariant *parameters,
               GError **error)
{
  g_autofree char *object = make_path (path);
  g_autofree char *full = strchr (interface, '.') != NULL ? g_strdup (interface) : g_strdup_printf (BUS_NAME ".%s", interface);
  return g_dbus_connection_call_sync (connection, BUS_NAME, object, full, method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                                      NULL, error);
}

GVariant *
clm_test_get (GDBusConnection *connection, const char *path, const char *interface, const char *property, GError **error)
{
  g_autofree char *full = g_strdup_printf (BUS_NAME ".%s", interface);
  g_autoptr (GVariant) reply = clm_test_call (connection, path, "org.freedesktop.DBus.Properties", "Get",
                                              g_variant_new ("(ss)", full, property), error);
  GVariant *value = NULL;
  if (reply != NULL)
    g_variant_get (reply, "(v)", &value);
  return value;
}

void
clm_test_assert_error (const GError *error, const char *name)
{
  g_autofree char *full = g_strdup_printf (BUS_NAME ".Error.%s", name);
  g_assert_nonnull (error);
  g_autofree char *remote = g_dbus_error_get_remote_error (error);
  if (g_strcmp0 (remote, full) != 0)
    g_test_message ("%s", error->message);
  g_assert_cmpstr (remote, ==, full);
}

void
clm_test_wait_state (GDBusConnection *connection, const char *name, const char *state)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_US;
  g_autofree char *path = g_strdup_printf ("certificate/%s", name);
  for (;;) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) value = clm_test_get (connection, path, "Certificate", "State", &error);
    if (value != NULL && g_str_equal (g_variant_get_string (value, NULL), state))
      return;
    if (g_get_monotonic_time () > end)
      g_error ("%s is not %s but %s", name, state, value != NULL ? g_variant_get_string (value, NULL) : error->message);
    g_usleep (10000);
  }
}
