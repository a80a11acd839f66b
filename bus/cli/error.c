/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "error.h"

#include <glib/gi18n.h>
#include <string.h>

#include "json.h"

#define HINT_PREFIX "\nWhat to do: "

typedef struct {
  char *name;
  char *hint;
} ClmCliErrorPrivate;

static void
clm_cli_error_private_init (ClmCliErrorPrivate *self)
{
}

static void
clm_cli_error_private_copy (const ClmCliErrorPrivate *from, ClmCliErrorPrivate *to)
{
  to->name = g_strdup (from->name);
  to->hint = g_strdup (from->hint);
}

static void
clm_cli_error_private_clear (ClmCliErrorPrivate *self)
{
  g_free (self->name);
  g_free (self->hint);
}

G_DEFINE_EXTENDED_ERROR (ClmCliError, clm_cli_error)

static const struct {
  const char *name;
  ClmExit     code;
} exits[] = {
  { CLM_ERROR_NAME ("NotFound"), CLM_EXIT_NOT_FOUND },
  { CLM_ERROR_NAME ("AccessDenied"), CLM_EXIT_DENIED },
  { CLM_ERROR_NAME ("InvalidArgument"), CLM_EXIT_USAGE },
  { CLM_ERROR_NAME ("TimedOut"), CLM_EXIT_TIMED_OUT },
  { CLM_ERROR_NAME ("Unreachable"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("Busy"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("Rejected"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("KeyUnavailable"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("TicketLost"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("NotSupported"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("InvalidData"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("Delivery"), CLM_EXIT_REFUSED },
  { CLM_ERROR_NAME ("Config"), CLM_EXIT_CONFIG },
  { "org.freedesktop.DBus.Error.AccessDenied", CLM_EXIT_DENIED },
  { "org.freedesktop.DBus.Error.AuthFailed", CLM_EXIT_DENIED },
  { "org.freedesktop.DBus.Error.ServiceUnknown", CLM_EXIT_UNREACHABLE },
  { "org.freedesktop.DBus.Error.NameHasNoOwner", CLM_EXIT_UNREACHABLE },
  { "org.freedesktop.DBus.Error.NoServer", CLM_EXIT_UNREACHABLE },
  { "org.freedesktop.DBus.Error.NoReply", CLM_EXIT_UNREACHABLE },
  { "org.freedesktop.DBus.Error.Timeout", CLM_EXIT_UNREACHABLE },
  { "org.freedesktop.DBus.Error.TimedOut", CLM_EXIT_UNREACHABLE },
  { "org.freedesktop.DBus.Error.Disconnected", CLM_EXIT_UNREACHABLE },
};

ClmExit
clm_cli_error_get_exit_of (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exits); i++) {
    if (g_str_equal (exits[i].name, name))
      return exits[i].code;
  }
  return g_str_has_prefix (name, "org.freedesktop.DBus.Error.Spawn.") ? CLM_EXIT_UNREACHABLE : CLM_EXIT_FAILED;
}

static GError *
make_error (ClmExit code, const char *name, const char *hint, const char *message)
{
  GError *error = g_error_new_literal (CLM_CLI_ERROR, (int) code, message);
  ClmCliErrorPrivate *more = clm_cli_error_get_private (error);
  more->name = g_strdup (name);
  more->hint = hint != NULL && *hint != '\0' ? g_strdup (hint) : NULL;
  return error;
}

static gboolean
set_valist (GError **error, ClmExit code, const char *name, const char *hint, const char *format, va_list arguments) G_GNUC_PRINTF (5, 0);

static gboolean
set_valist (GError **error, ClmExit code, const char *name, const char *hint, const char *format, va_list arguments)
{
  g_autofree char *message = g_strdup_vprintf (format, arguments);
  g_propagate_error (error, make_error (code, name, hint, message));
  return FALSE;
}

gboolean
clm_cli_error_set (GError **error, ClmExit code, const char *name, const char *hint, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  set_valist (error, code, name, hint, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
clm_cli_error_set_usage (GError **error, const char *hint, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  set_valist (error, CLM_EXIT_USAGE, CLM_ERROR_NAME ("InvalidArgument"), hint, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
clm_cli_error_set_system (GError **error, const char *hint, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  set_valist (error, CLM_EXIT_FAILED, CLM_ERROR_NAME ("Failed"), hint, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
clm_cli_error_set_named (GError **error, const char *name, const char *message, const char *hint)
{
  const char *known = *name != '\0' ? name : CLM_ERROR_NAME ("Failed");
  g_propagate_error (error, make_error (clm_cli_error_get_exit_of (known), known, hint, message));
  return FALSE;
}

GError *
clm_cli_error_from_bus (GError *remote)
{
  g_autoptr (GError) owned = remote;
  g_autofree char *name = g_dbus_error_get_remote_error (owned);
  if (name == NULL && g_error_matches (owned, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    name = g_strdup (CLM_ERROR_NAME ("Cancelled"));
  if (name == NULL)
    name = g_dbus_error_encode_gerror (owned);
  g_dbus_error_strip_remote_error (owned);
  if (g_str_has_prefix (name, "org.gtk.GDBus.UnmappedGError")) {
    /* The bus itself went away or never was there. */
    g_free (name);
    name = g_strdup ("org.freedesktop.DBus.Error.Disconnected");
  }
  char *hint = strstr (owned->message, HINT_PREFIX);
  if (hint != NULL)
    *hint = '\0';
  return make_error (clm_cli_error_get_exit_of (name), name, hint != NULL ? hint + strlen (HINT_PREFIX) : NULL, owned->message);
}

const char *
clm_cli_error_get_name (const GError *error)
{
  return error->domain == CLM_CLI_ERROR ? clm_cli_error_get_private (error)->name : CLM_ERROR_NAME ("Failed");
}

const char *
clm_cli_error_get_hint (const GError *error)
{
  const char *hint = error->domain == CLM_CLI_ERROR ? clm_cli_error_get_private (error)->hint : NULL;
  return hint != NULL ? hint : "";
}

void
clm_cli_error_set_hint (GError *error, const char *hint)
{
  ClmCliErrorPrivate *more = clm_cli_error_get_private (error);
  g_free (more->hint);
  more->hint = g_strdup (hint);
}

/* For what comes without a hint of its own. */
static const char *
get_common_hint (ClmExit code)
{
  switch (code) {
  case CLM_EXIT_USAGE: return _("see how it is used with:  certloom help");
  case CLM_EXIT_NOT_FOUND: return _("see what there is with:  certloom status");
  case CLM_EXIT_DENIED: return _("ask as root, or let the administrator name you in group [Access] of the certificate");
  case CLM_EXIT_UNREACHABLE: return _("see how the daemon is with:  systemctl status certloomd  (or your init's way)");
  case CLM_EXIT_REFUSED: return _("see since when and why with:  certloom history");
  case CLM_EXIT_TIMED_OUT:
  case CLM_EXIT_PARTLY: return _("see how it stands with:  certloom status");
  case CLM_EXIT_CONFIG: return _("see everything that is wrong with:  certloom config check");
  case CLM_EXIT_DONE:
  case CLM_EXIT_FAILED: return _("see what the name of the error means with:  man certloom-errors");
  }
  return "";
}

static const char *
get_any_hint (const GError *error, ClmExit code)
{
  const char *own = clm_cli_error_get_hint (error);
  return *own != '\0' ? own : get_common_hint (code);
}

static void
report_json (const GError *error, ClmExit code)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  json_builder_set_member_name (builder, "error");
  json_builder_begin_object (builder);
  clm_json_add_string (builder, "name", clm_cli_error_get_name (error));
  clm_json_add_string (builder, "message", error->message);
  clm_json_add_string (builder, "hint", get_any_hint (error, code));
  clm_json_add_int (builder, "exit", code);
  json_builder_end_object (builder);
  g_autofree char *text = clm_json_end (builder, FALSE);
  fputs (text, stdout);
}

ClmExit
clm_cli_error_report (ClmCli *cli, const GError *error)
{
  ClmExit code = error->domain == CLM_CLI_ERROR ? (ClmExit) error->code : CLM_EXIT_FAILED;
  if (cli->json) {
    report_json (error, code);
    return code;
  }
  g_autofree char *message = clm_cli_dup_shown (cli, error->message);
  g_autofree char *what_to_do = clm_cli_dup_shown (cli, get_any_hint (error, code));
  fprintf (stderr, "certloom: %s\n", message);
  fprintf (stderr, _("What to do: %s\n"), what_to_do);
  if (code != CLM_EXIT_USAGE)
    fprintf (stderr, _("Error: %s\n"), clm_cli_error_get_name (error));
  return code;
}
