/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "errors.h"

#include "certloom-plugin.h"

#define INTERNAL_SENTENCE "something went wrong inside the daemon"
#define INTERNAL_HINT     "look into the log of certloomd; this should not happen, please report it"

/* What a code is called on the bus. The words are for ever: programs compare them. */
static const struct {
  ClmError    code;
  const char *name;
} table[] = {
#define ROW(code, nick) { code, CLM_BUS_ERROR_PREFIX nick }
  ROW (CLM_ERROR_FAILED, "Failed"),
  ROW (CLM_ERROR_UNREACHABLE, "Unreachable"),
  ROW (CLM_ERROR_BUSY, "Busy"),
  ROW (CLM_ERROR_REJECTED, "Rejected"),
  ROW (CLM_ERROR_CONFIG, "Config"),
  ROW (CLM_ERROR_KEY_UNAVAILABLE, "KeyUnavailable"),
  ROW (CLM_ERROR_CLOCK, "Clock"),
  ROW (CLM_ERROR_TICKET_LOST, "TicketLost"),
  ROW (CLM_ERROR_NOT_SUPPORTED, "NotSupported"),
  ROW (CLM_ERROR_INVALID_ARGUMENT, "InvalidArgument"),
  ROW (CLM_ERROR_NOT_FOUND, "NotFound"),
  ROW (CLM_ERROR_EXISTS, "Exists"),
  ROW (CLM_ERROR_ACCESS_DENIED, "AccessDenied"),
  ROW (CLM_ERROR_LIMITS_EXCEEDED, "LimitsExceeded"),
  ROW (CLM_ERROR_INVALID_DATA, "InvalidData"),
  ROW (CLM_ERROR_DELIVERY, "Delivery"),
  ROW (CLM_ERROR_STORAGE, "Storage"),
  ROW (CLM_ERROR_CONFLICT, "Conflict"),
  ROW (CLM_ERROR_RESYNC_NEEDED, "ResyncNeeded"),
#undef ROW
};
G_STATIC_ASSERT (G_N_ELEMENTS (table) == CLM_N_ERRORS);

#define CANCELLED_NAME (CLM_BUS_ERROR_PREFIX "Cancelled")
#define FAILED_NAME    (table[CLM_ERROR_FAILED].name)

static gboolean
is_ours (const GError *error)
{
  return error->domain == CLM_ERROR && error->code >= 0 && error->code < CLM_N_ERRORS;
}

static gboolean
is_cancelled (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gboolean
is_foreign (const GError *error)
{
  return !is_ours (error) && !is_cancelled (error) && error->domain != G_DBUS_ERROR;
}

const char *
clm_bus_errors_get_name (const GError *error)
{
  if (error == NULL)
    return "";
  if (is_ours (error))
    return table[error->code].name;
  return is_cancelled (error) ? CANCELLED_NAME : FAILED_NAME;
}

const char *
clm_bus_errors_get_name_of_nick (const char *nick)
{
  if (*nick == '\0')
    return "";
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    if (g_str_equal (table[i].name + strlen (CLM_BUS_ERROR_PREFIX), nick))
      return table[i].name;
  }
  return g_str_equal (nick, "Cancelled") ? CANCELLED_NAME : FAILED_NAME;
}

char *
clm_bus_errors_dup_sentence (const GError *error)
{
  if (error == NULL)
    return g_strdup ("");
  if (is_cancelled (error))
    return g_strdup ("it was cancelled");
  /* An invalid byte in a message would make GDBus drop the whole reply. */
  return is_foreign (error) ? g_strdup (INTERNAL_SENTENCE) : g_utf8_make_valid (error->message, -1);
}

const char *
clm_bus_errors_get_hint (const GError *error)
{
  if (error == NULL)
    return "";
  if (is_foreign (error))
    return INTERNAL_HINT;
  const char *hint = is_ours (error) ? clm_error_get_hint (error) : NULL;
  return hint != NULL && g_utf8_validate (hint, -1, NULL) ? hint : "";
}

char *
clm_bus_errors_dup_message (const GError *error)
{
  g_autofree char *sentence = clm_bus_errors_dup_sentence (error);
  const char *hint = clm_bus_errors_get_hint (error);
  if (*hint == '\0')
    return g_steal_pointer (&sentence);
  return g_strdup_printf ("%s\n" CLM_BUS_HINT_PREFIX "%s", sentence, hint);
}

static void
log_if_foreign (const GError *error, const char *member)
{
  if (is_foreign (error))
    g_warning ("[bus] %s failed unexpectedly: %s", member, error->message);
}

void
clm_bus_errors_return (GDBusMethodInvocation *invocation, GError *error)
{
  g_autoptr (GError) owned = error;
  log_if_foreign (owned, g_dbus_method_invocation_get_method_name (invocation));
  if (owned->domain == G_DBUS_ERROR) {
    g_dbus_method_invocation_return_gerror (invocation, owned);
    return;
  }
  g_autofree char *message = clm_bus_errors_dup_message (owned);
  g_dbus_method_invocation_return_dbus_error (invocation, clm_bus_errors_get_name (owned), message);
}

GDBusMessage *
clm_bus_errors_make_reply (GDBusMessage *call, const GError *error)
{
  g_autofree char *message = clm_bus_errors_dup_message (error);
  log_if_foreign (error, g_dbus_message_get_member (call));
  return g_dbus_message_new_method_error_literal (call, clm_bus_errors_get_name (error), message);
}
