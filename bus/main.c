/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certloomd. Its story: read the command line, harden the process, start the engine (which locks the state), go on the bus, own
 * the name, say that we are ready, run until told to stop or the name is lost, stop the engine. Where the engine finds its
 * database damaged, the same once more: its next start rebuilds it.
 */
#include "config.h"

#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>

#include "config-command.h"
#include "names.h"
#include "notify.h"
#include "process.h"
#include "service.h"

typedef struct {
  char     *config_root;
  char     *state_dir;
  char     *plugin_dir;
  char     *deliver_socket;
  char     *deliver_program;
  char     *address;
  gboolean  session;
  gboolean  version;
  gboolean  check_config;
  gboolean  show_config;
  gboolean  diff_config;
  char     *pattern;      /* (nullable): for show_config */
} Options;

typedef struct {
  const Options   *options;
  GMainLoop       *loop;
  GCancellable    *cancellable;
  ClmManager      *manager;
  GDBusConnection *connection;
  ClmBusService   *service;
  guint            name;
  gboolean         started;    /* the engine runs */
  gboolean         stopping;
  gboolean         again;      /* start anew when stopped */
  int              status;
  guint            signals[3];
} Daemon;

/* --- command line --- */

static void
options_clear (Options *options)
{
  g_free (options->config_root);
  g_free (options->state_dir);
  g_free (options->plugin_dir);
  g_free (options->deliver_socket);
  g_free (options->deliver_program);
  g_free (options->address);
  g_free (options->pattern);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static void
make_absolute (char **path)
{
  char *absolute = clm_process_make_absolute (*path);
  g_free (*path);
  *path = absolute;
}

/* Only --show-config takes an argument: a glob on the names. */
static void
take_pattern (Options *options, int *argc, char **argv)
{
  int last = *argc - 1;
  if (!options->show_config || last < 1 || g_str_equal (argv[last], "--"))
    return;
  options->pattern = g_strdup (argv[last]);
  *argc = last > 1 && g_str_equal (argv[last - 1], "--") ? last - 1 : last;
}

static gboolean
options_parse (Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "address", 0, 0, G_OPTION_ARG_STRING, &options->address, "Address of the message bus, instead of the system bus", "ADDRESS" },
    { "session", 0, 0, G_OPTION_ARG_NONE, &options->session, "Use the session bus", NULL },
    { "config-root", 0, 0, G_OPTION_ARG_FILENAME, &options->config_root, "Read usr/lib, run and etc/certloom below DIR", "DIR" },
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir, "Keep the state in DIR", "DIR" },
    { "plugin-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->plugin_dir, "Load plugins from DIR", "DIR" },
    { "deliver-socket", 0, 0, G_OPTION_ARG_FILENAME, &options->deliver_socket, "Where certloom-deliver listens", "PATH" },
    { "deliver-program", 0, 0, G_OPTION_ARG_FILENAME, &options->deliver_program, "Start this certloom-deliver where none listens", "PATH" },
    { "check-config", 0, 0, G_OPTION_ARG_NONE, &options->check_config, "Tell what is wrong with the configuration and exit", NULL },
    { "show-config", 0, 0, G_OPTION_ARG_NONE, &options->show_config, "Tell what the configuration amounts to and exit", NULL },
    { "diff-config", 0, 0, G_OPTION_ARG_NONE, &options->diff_config, "Tell which files replace others and exit", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Tell the version", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context, "Keeps certificates issued, deployed and renewed; drive it with certloom(1).");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  take_pattern (options, argc, *argv);
  if (*argc > 1 || (options->session && options->address != NULL)) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         *argc > 1 ? "no arguments are taken, only options" : "--session and --address exclude each other");
    return FALSE;
  }
  make_absolute (&options->config_root);
  make_absolute (&options->state_dir);
  make_absolute (&options->plugin_dir);
  make_absolute (&options->deliver_socket);
  make_absolute (&options->deliver_program);
  return TRUE;
}

/* --- the end --- */

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *self = user_data;
  g_autoptr (GError) error = NULL;
  if (!clm_manager_stop_finish (CLM_MANAGER (source), result, &error))
    g_warning ("stopping: %s", error->message);
  g_main_loop_quit (self->loop);
}

static void
stop (Daemon *self, int status)
{
  if (self->stopping)
    return;
  self->stopping = TRUE;
  self->status = status;
  clm_notify_service_manager ("STOPPING=1");
  g_clear_handle_id (&self->name, g_bus_unown_name);
  g_clear_pointer (&self->service, clm_bus_service_free);
  g_cancellable_cancel (self->cancellable);
  if (self->started)
    clm_manager_stop_async (self->manager, NULL, on_stopped, self);
  else
    g_main_loop_quit (self->loop);
}

static void
fail (Daemon *self, const char *what, const GError *error)
{
  if (self->stopping)
    return;
  const char *hint = clm_error_get_hint (error);
  g_printerr ("certloomd: %s: %s%s%s\n", what, error->message, hint != NULL ? "\nWhat to do: " : "", hint != NULL ? hint : "");
  stop (self, EXIT_FAILURE);
}

static void
on_inventory_damaged (ClmManager *manager, Daemon *self)
{
  if (self->stopping)
    return;
  g_warning ("the database is damaged: starting anew");
  self->again = TRUE;
  stop (self, EXIT_SUCCESS);
}

static gboolean
on_stop_signal (gpointer user_data)
{
  Daemon *self = user_data;
  g_message ("told to stop");
  self->again = FALSE;
  stop (self, EXIT_SUCCESS);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_reload_signal (gpointer user_data)
{
  Daemon *self = user_data;
  g_autoptr (GError) error = NULL;
  if (self->started && !self->stopping && clm_manager_reload (self->manager, 0, &error) == NULL)
    g_warning ("cannot reload: %s", error->message);
  return G_SOURCE_CONTINUE;
}

/* --- the name --- */

static void
on_name_acquired (GDBusConnection *connection, const char *name, gpointer user_data)
{
  clm_notify_service_manager ("READY=1");
  g_message ("ready as %s on the bus", name);
}

/* Somebody else has it, or the bus is gone. Another certloomd may not work with this state, so there is nothing to wait for. */
static void
on_name_lost (GDBusConnection *connection, const char *name, gpointer user_data)
{
  Daemon *self = user_data;
  g_autoptr (GError) error = NULL;
  if (connection == NULL || g_dbus_connection_is_closed (connection))
    g_set_error_literal (&error, CLM_ERROR, CLM_ERROR_UNREACHABLE, "the connection to the bus is lost");
  else
    g_set_error (&error, CLM_ERROR, CLM_ERROR_CONFLICT, "the name %s belongs to another process, or the bus does not allow it", name);
  clm_error_set_hint (error, "see who has it with: busctl status %s", name);
  fail (self, "bus", error);
}

static void
go_on_bus (Daemon *self)
{
  g_autoptr (GError) error = NULL;
  self->service = clm_bus_service_new (self->connection, self->manager, &error);
  if (self->service == NULL) {
    fail (self, "bus", error);
    return;
  }
  self->name = g_bus_own_name_on_connection (self->connection, CLM_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                             on_name_acquired, on_name_lost, self, NULL);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *self = user_data;
  g_autoptr (GError) error = NULL;
  self->connection = self->options->address != NULL ? g_dbus_connection_new_for_address_finish (result, &error)
                                                    : g_bus_get_finish (result, &error);
  if (self->connection == NULL) {
    g_prefix_error (&error, "cannot reach the message bus: ");
    fail (self, "bus", error);
    return;
  }
  /* By default GDBus would kill us. */
  g_dbus_connection_set_exit_on_close (self->connection, FALSE);
  if (!self->stopping)
    go_on_bus (self);
}

static void
connect_to_bus (Daemon *self)
{
  const Options *options = self->options;
  if (options->address != NULL)
    g_dbus_connection_new_for_address (options->address,
                                       G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                       NULL, self->cancellable, on_connected, self);
  else
    g_bus_get (options->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, self->cancellable, on_connected, self);
}

/* --- the beginning --- */

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *self = user_data;
  g_autoptr (GError) error = NULL;
  if (!clm_manager_start_finish (CLM_MANAGER (source), result, &error)) {
    fail (self, "start", error);
    return;
  }
  self->started = TRUE;
  connect_to_bus (self);
}

static void
watch_signals (Daemon *self)
{
  self->signals[0] = g_unix_signal_add (SIGTERM, on_stop_signal, self);
  self->signals[1] = g_unix_signal_add (SIGINT, on_stop_signal, self);
  self->signals[2] = g_unix_signal_add (SIGHUP, on_reload_signal, self);
}

/* Returns: whether to do it once more. */
static gboolean
run_once (const Options *options, int *status)
{
  const ClmManagerSettings settings = {
    .config_root = options->config_root,
    .state_dir = options->state_dir,
    .plugin_dir = options->plugin_dir,
    .deliver_socket = options->deliver_socket,
    .deliver_program = options->deliver_program,
  };
  Daemon self = { .options = options, .status = EXIT_SUCCESS };
  self.loop = g_main_loop_new (NULL, FALSE);
  self.cancellable = g_cancellable_new ();
  self.manager = clm_manager_new (&settings);
  g_signal_connect (self.manager, "inventory-damaged", G_CALLBACK (on_inventory_damaged), &self);
  watch_signals (&self);
  clm_manager_start_async (self.manager, self.cancellable, on_started, &self);
  g_main_loop_run (self.loop);
  if (self.connection != NULL)
    g_dbus_connection_flush_sync (self.connection, NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (self.signals); i++)
    g_source_remove (self.signals[i]);
  g_clear_object (&self.manager);
  g_clear_object (&self.connection);
  g_clear_object (&self.cancellable);
  g_main_loop_unref (self.loop);
  *status = self.status;
  return self.again;
}

static int
run (const Options *options)
{
  int status = EXIT_SUCCESS;
  signal (SIGPIPE, SIG_IGN);
  while (run_once (options, &status))
    ;
  return status;
}

static ClmConfigCommand
get_config_command (const Options *options)
{
  if (options->check_config)
    return CLM_CONFIG_COMMAND_CHECK;
  if (options->show_config)
    return CLM_CONFIG_COMMAND_SHOW;
  return options->diff_config ? CLM_CONFIG_COMMAND_DIFF : CLM_CONFIG_COMMAND_NONE;
}

int
main (int argc, char **argv)
{
  g_auto (Options) options = { 0 };
  g_autoptr (GError) error = NULL;
  setlocale (LC_ALL, "");
  g_set_prgname ("certloomd");
  if (!options_parse (&options, &argc, &argv, &error)) {
    g_printerr ("certloomd: %s\nTry: certloomd --help\n", error->message);
    return 2;
  }
  if (options.version) {
    g_print ("certloomd %s\n", CLM_VERSION);
    return EXIT_SUCCESS;
  }
  ClmConfigCommand command = get_config_command (&options);
  if (command != CLM_CONFIG_COMMAND_NONE)
    return clm_config_command_run (command, options.config_root, options.pattern);
  clm_process_harden ();
  clm_process_tune ();
  return run (&options);
}
