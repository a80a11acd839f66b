/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "bus.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <string.h>

#include "error.h"

#define DBUS_NAME  "org.freedesktop.DBus"
#define DBUS_PATH  "/org/freedesktop/DBus"
#define TIMEOUT_MS 30000   /* the daemon answers within a second; starting it may take a while */

struct _ClmBus {
  GDBusConnection *connection;
  char            *daemon;       /* unique name of the one process that we talk to */
  guint            owner_watch;
  gulong           closed_watch;
  void           (*on_lost) (gpointer user_data);
  gpointer         on_lost_data;
};

/* --- finding the daemon --- */

static const char *
get_start_hint (ClmCli *cli)
{
  if (cli->address != NULL || cli->session)
    return _("start certloomd on the same bus, with the same --address or --session");
  return _("start it with:  systemctl start certloomd  (or your init's way), then look at:  journalctl -u certloomd");
}

/* What the bus itself forbids. */
static const char *
get_denied_hint (void)
{
  return _("do it as root, or let the administrator allow it to you in the policy of the message bus, org.certloom.Certloom1.conf");
}

static gboolean
fail_to_reach (ClmCli *cli, GError *cause, const char *message, GError **error)
{
  g_autoptr (GError) converted = clm_cli_error_from_bus (cause);
  if (converted->code == CLM_EXIT_DENIED)
    return clm_cli_error_set (error, CLM_EXIT_DENIED, CLM_ERROR_NAME ("AccessDenied"), get_denied_hint (), "%s: %s", message, converted->message);
  return clm_cli_error_set (error, CLM_EXIT_UNREACHABLE, CLM_ERROR_NAME ("Unreachable"), get_start_hint (cli), "%s: %s", message,
                            converted->message);
}

static GDBusConnection *
open_connection (ClmCli *cli, GError **error)
{
  if (cli->address != NULL)
    return g_dbus_connection_new_for_address_sync (cli->address,
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, error);
  return g_bus_get_sync (cli->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL, error);
}

static GVariant *
call_bus (ClmBus *self, const char *method, GVariant *parameters, const char *reply, GError **error)
{
  return g_dbus_connection_call_sync (self->connection, DBUS_NAME, DBUS_PATH, DBUS_NAME, method, parameters,
                                      G_VARIANT_TYPE (reply), G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, error);
}

static gboolean
ask_owner (ClmBus *self, GError **error)
{
  g_autoptr (GVariant) owner = call_bus (self, "GetNameOwner", g_variant_new ("(s)", CLM_BUS_NAME), "(s)", error);
  if (owner != NULL)
    g_variant_get (owner, "(s)", &self->daemon);
  return owner != NULL;
}

/* Asked first who has the name: a bus that has nothing to start it with refuses to start even what runs. */
static gboolean
find_daemon (ClmBus *self, gboolean may_start, GError **error)
{
  if (ask_owner (self, may_start ? NULL : error) || !may_start)
    return self->daemon != NULL;
  g_autoptr (GVariant) started = call_bus (self, "StartServiceByName", g_variant_new ("(su)", CLM_BUS_NAME, 0), "(u)", error);
  return started != NULL && ask_owner (self, error);
}

gboolean
clm_bus_connect (ClmCli *cli, GError **error)
{
  g_autoptr (GError) local = NULL;
  if (cli->bus != NULL)
    return TRUE;
  ClmBus *self = g_new0 (ClmBus, 1);
  self->connection = open_connection (cli, &local);
  if (self->connection == NULL) {
    clm_bus_free (self);
    return fail_to_reach (cli, g_steal_pointer (&local), _("cannot reach the message bus"), error);
  }
  /* By default GDBus would kill us without a word. */
  g_dbus_connection_set_exit_on_close (self->connection, FALSE);
  if (!find_daemon (self, !cli->no_start, &local)) {
    clm_bus_free (self);
    return fail_to_reach (cli, g_steal_pointer (&local), _("certloomd does not run"), error);
  }
  cli->bus = self;
  return TRUE;
}

void
clm_bus_free (ClmBus *self)
{
  if (self == NULL)
    return;
  if (self->owner_watch != 0)
    g_dbus_connection_signal_unsubscribe (self->connection, self->owner_watch);
  if (self->closed_watch != 0)
    g_signal_handler_disconnect (self->connection, self->closed_watch);
  g_clear_object (&self->connection);
  g_free (self->daemon);
  g_free (self);
}

/* --- calls --- */

/* Returns: (transfer full): @remote (transfer full) as our own error; what the bus says of itself is no sentence for a person. */
static GError *
explain_failure (GError *remote)
{
  g_autoptr (GError) converted = clm_cli_error_from_bus (remote);
  GError *error = NULL;
  if (!g_str_has_prefix (clm_cli_error_get_name (converted), "org.freedesktop.DBus.Error."))
    return g_steal_pointer (&converted);
  if (converted->code == CLM_EXIT_DENIED)
    clm_cli_error_set (&error, CLM_EXIT_DENIED, CLM_ERROR_NAME ("AccessDenied"), get_denied_hint (), _("the message bus does not allow this"));
  else if (converted->code == CLM_EXIT_UNREACHABLE)
    clm_cli_error_set (&error, CLM_EXIT_UNREACHABLE, CLM_ERROR_NAME ("Unreachable"), NULL, _("certloomd does not answer: %s"), converted->message);
  return error != NULL ? error : g_steal_pointer (&converted);
}

GVariant *
clm_bus_call_with_fds (ClmCli *cli, const char *path, const char *interface, const char *method, GVariant *parameters,
                       const char *reply, GUnixFDList **fds, GError **error)
{
  g_autoptr (GVariant) sunk = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  GError *local = NULL;
  if (!clm_bus_connect (cli, error))
    return NULL;
  GVariant *answer = g_dbus_connection_call_with_unix_fd_list_sync (cli->bus->connection, cli->bus->daemon, path, interface, method,
                                                                    sunk, G_VARIANT_TYPE (reply), G_DBUS_CALL_FLAGS_NONE,
                                                                    TIMEOUT_MS, NULL, fds, NULL, &local);
  if (answer == NULL)
    g_propagate_error (error, explain_failure (local));
  return answer;
}

GVariant *
clm_bus_call (ClmCli *cli, const char *path, const char *interface, const char *method, GVariant *parameters, const char *reply,
              GError **error)
{
  return clm_bus_call_with_fds (cli, path, interface, method, parameters, reply, NULL, error);
}

void
clm_bus_call_async (ClmCli *cli, const char *path, const char *interface, const char *method, GVariant *parameters,
                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_dbus_connection_call (cli->bus->connection, cli->bus->daemon, path, interface, method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE,
                          TIMEOUT_MS, cancellable, callback, user_data);
}

gboolean
clm_bus_call_finish (GObject *source, GAsyncResult *result, GError **error)
{
  GError *local = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &local);
  if (answer == NULL)
    g_propagate_error (error, clm_cli_error_from_bus (local));
  return answer != NULL;
}

GVariant *
clm_bus_no_options (void)
{
  return g_variant_new ("a{sv}", NULL);
}

GVariant *
clm_bus_only_options (const char *name)
{
  GVariantDict dict;
  g_variant_dict_init (&dict, NULL);
  if (name != NULL)
    g_variant_dict_insert (&dict, name, "b", TRUE);
  return g_variant_new ("(@a{sv})", g_variant_dict_end (&dict));
}

GVariant *
clm_bus_get_properties (ClmCli *cli, const char *path, const char *interface, GError **error)
{
  g_autoptr (GVariant) answer = clm_bus_call (cli, path, "org.freedesktop.DBus.Properties", "GetAll",
                                              g_variant_new ("(s)", interface), "(a{sv})", error);
  return answer != NULL ? g_variant_get_child_value (answer, 0) : NULL;
}

/* --- signals --- */

guint
clm_bus_subscribe (ClmCli *cli, const char *path, const char *interface, const char *member, GDBusSignalCallback callback,
                   gpointer user_data, GDestroyNotify free_data)
{
  return g_dbus_connection_signal_subscribe (cli->bus->connection, cli->bus->daemon, interface, member, path, NULL,
                                             G_DBUS_SIGNAL_FLAGS_NONE, callback, user_data, free_data);
}

void
clm_bus_unsubscribe (ClmCli *cli, guint id)
{
  g_dbus_connection_signal_unsubscribe (cli->bus->connection, id);
}

static void
tell_lost (ClmBus *self)
{
  if (self->on_lost != NULL)
    self->on_lost (self->on_lost_data);
}

static void
on_owner_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
                  GVariant *parameters, gpointer user_data)
{
  tell_lost (user_data);
}

static void
on_closed (GDBusConnection *connection, gboolean peer_vanished, GError *error, gpointer user_data)
{
  tell_lost (user_data);
}

void
clm_bus_watch (ClmCli *cli, void (*callback) (gpointer user_data), gpointer user_data)
{
  ClmBus *self = cli->bus;
  self->on_lost = callback;
  self->on_lost_data = user_data;
  if (self->owner_watch != 0)
    return;
  self->owner_watch = g_dbus_connection_signal_subscribe (self->connection, DBUS_NAME, DBUS_NAME, "NameOwnerChanged", DBUS_PATH,
                                                          self->daemon, G_DBUS_SIGNAL_FLAGS_NONE, on_owner_changed, self, NULL);
  self->closed_watch = g_signal_connect (self->connection, "closed", G_CALLBACK (on_closed), self);
}

void
clm_bus_unwatch (ClmCli *cli)
{
  if (cli->bus != NULL)
    cli->bus->on_lost = NULL;
}

gboolean
clm_bus_set_lost (GError **error)
{
  return clm_cli_error_set (error, CLM_EXIT_UNREACHABLE, CLM_ERROR_NAME ("Unreachable"),
                            _("certloomd finishes what was under way when it starts again; see how it stands with:  certloom status"),
                            _("certloomd has ended meanwhile"));
}

/* --- bounded kinds --- */

static gint
compare_names (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

GTree *
clm_bus_list_objects (ClmCli *cli, const char *kind, GError **error)
{
  g_autofree char *wanted = g_strconcat (CLM_BUS_NAME ".", kind, NULL);
  g_autoptr (GVariant) answer = clm_bus_call (cli, CLM_BUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
                                              "(a{oa{sa{sv}}})", error);
  if (answer == NULL)
    return NULL;
  GTree *tree = g_tree_new_full (compare_names, NULL, g_free, (GDestroyNotify) g_variant_unref);
  g_autoptr (GVariant) objects = g_variant_get_child_value (answer, 0);
  for (gsize i = 0; i < g_variant_n_children (objects); i++) {
    g_autoptr (GVariant) object = g_variant_get_child_value (objects, i);
    g_autoptr (GVariant) interfaces = g_variant_get_child_value (object, 1);
    g_autoptr (GVariant) properties = g_variant_lookup_value (interfaces, wanted, G_VARIANT_TYPE_VARDICT);
    const char *name;
    if (properties != NULL && g_variant_lookup (properties, "Name", "&s", &name))
      g_tree_insert (tree, g_strdup (name), g_variant_ref (properties));
  }
  return tree;
}
