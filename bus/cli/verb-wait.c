/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <glib-unix.h>
#include <signal.h>

#include "certificates.h"
#include "date.h"
#include "error.h"
#include "state.h"
#include "suggest.h"
#include "wait.h"

static char *wanted;
static char *timeout_text;

static const GOptionEntry entries[] = {
  { "for", 0, 0, G_OPTION_ARG_STRING, &wanted, N_("Until it is in STATE, or delivered, or removed; ready without it"), "STATE" },
  { "timeout", 0, 0, G_OPTION_ARG_STRING, &timeout_text, N_("At most so long; for ever without it"), "SPAN" },
  { NULL },
};

GStrv
clm_wait_list_words (void)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  g_strv_builder_addv (words, (const char **) clm_state_get_words ());
  g_strv_builder_add_many (words, "delivered", "removed", NULL);
  return g_strv_builder_end (words);
}

typedef struct {
  ClmCli     *cli;
  GMainLoop  *loop;
  const char *name;
  const char *wanted;
  char       *state;
  gboolean    reached;
  gboolean    lost;
} Wait;

static void
check (Wait *self, const char *state, const char *delivery_state)
{
  g_free (self->state);
  self->state = g_strdup (state);
  self->reached = g_str_equal (self->wanted, "delivered") ? g_str_equal (delivery_state, "delivered") : g_str_equal (state, self->wanted);
  if (self->reached)
    g_main_loop_quit (self->loop);
}

static void
on_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  Wait *self = user_data;
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ta" CLM_ROW_TYPE ")")))
    return;
  g_autoptr (GVariant) rows = g_variant_get_child_value (parameters, 1);
  for (gsize i = 0; i < g_variant_n_children (rows); i++) {
    g_autoptr (GVariant) child = g_variant_get_child_value (rows, i);
    g_autoptr (ClmCertificateRow) row = clm_certificate_row_new (child);
    if (g_str_equal (row->name, self->name))
      check (self, row->state, row->delivery_state);
  }
}

static void
on_removed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  Wait *self = user_data;
  const char *name = "";
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(st)")))
    g_variant_get_child (parameters, 0, "&s", &name);
  if (g_str_equal (name, self->name))
    check (self, "removed", "");
  if (g_str_equal (name, self->name) && !self->reached)
    g_main_loop_quit (self->loop);
}

static void
on_lost (gpointer user_data)
{
  Wait *self = user_data;
  self->lost = TRUE;
  g_main_loop_quit (self->loop);
}

static gboolean
on_end (gpointer user_data)
{
  g_main_loop_quit (((Wait *) user_data)->loop);
  return G_SOURCE_CONTINUE;
}

/* Subscribed first, read then: what happens in between is seen twice rather than not at all. */
static gboolean
look (Wait *self, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GVariant) properties = clm_certificates_get (self->cli, self->name, &local);
  const char *state = "", *delivery_state = "";
  if (properties != NULL) {
    g_variant_lookup (properties, "State", "&s", &state);
    g_variant_lookup (properties, "DeliveryState", "&s", &delivery_state);
    check (self, state, delivery_state);
    return TRUE;
  }
  if (local->code == CLM_EXIT_NOT_FOUND && g_str_equal (self->wanted, "removed")) {
    check (self, "removed", "");
    return TRUE;
  }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static void
loop (Wait *self, gint64 seconds)
{
  guint interrupt = g_unix_signal_add (SIGINT, on_end, self);
  guint timeout = seconds >= 0 ? g_timeout_add_seconds ((guint) MIN (seconds, G_MAXUINT), on_end, self) : 0;
  clm_bus_watch (self->cli, G_CALLBACK (on_lost), self);
  g_main_loop_run (self->loop);
  clm_bus_unwatch (self->cli);
  g_source_remove (interrupt);
  if (timeout != 0)
    g_source_remove (timeout);
}

static gboolean
wait_for (Wait *self, gint64 seconds, GError **error)
{
  if (!clm_bus_connect (self->cli, error))
    return FALSE;
  guint changed = clm_bus_subscribe (self->cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "CertificatesChanged", on_changed, self);
  guint removed = clm_bus_subscribe (self->cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "CertificateRemoved", on_removed, self);
  g_autoptr (GVariant) subscribed = clm_bus_call (self->cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "Subscribe",
                                                  clm_bus_only_options (NULL), "()", error);
  gboolean good = subscribed != NULL && look (self, error);
  if (good && !self->reached)
    loop (self, seconds);
  clm_bus_unsubscribe (self->cli, changed);
  clm_bus_unsubscribe (self->cli, removed);
  return good;
}

static gboolean
judge (const Wait *self, GError **error)
{
  if (self->reached)
    return TRUE;
  if (self->lost)
    return clm_bus_set_lost (error);
  if (g_strcmp0 (self->state, "removed") == 0)
    return clm_cli_error_set (error, CLM_EXIT_NOT_FOUND, CLM_ERROR_NAME ("NotFound"), NULL, _("“%s” was removed meanwhile"), self->name);
  g_autofree char *hint = g_strdup_printf ("certloom show %s", self->name);
  return clm_cli_error_set (error, CLM_EXIT_TIMED_OUT, CLM_ERROR_NAME ("TimedOut"), hint, _("“%s” is still %s, not %s"), self->name,
                            clm_state_get_label (self->state), clm_state_get_label (self->wanted));
}

static gboolean
parse (Wait *self, gint64 *seconds, GError **error)
{
  g_auto (GStrv) words = clm_wait_list_words ();
  self->wanted = wanted != NULL ? wanted : "ready";
  *seconds = -1;
  if (!clm_certificates_check_name (self->name, error))
    return FALSE;
  if (!g_strv_contains ((const char *const *) words, self->wanted)) {
    g_autofree char *list = g_strjoinv (", ", words);
    g_autofree char *hint = clm_suggest_format (self->wanted, (const char *const *) words);
    return clm_cli_error_set_usage (error, hint != NULL ? hint : list, _("there is no state “%s”"), self->wanted);
  }
  return timeout_text == NULL || clm_date_parse_span (timeout_text, seconds, error);
}

static void
finish (ClmCli *cli, const Wait *self)
{
  if (!cli->json) {
    clm_cli_say (cli, "%s: %s", self->name, clm_state_get_label (self->wanted));
    return;
  }
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  clm_json_add_string (builder, "name", self->name);
  clm_json_add_string (builder, "state", self->state);
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  g_autoptr (GMainLoop) main_loop = g_main_loop_new (NULL, FALSE);
  Wait self = { .cli = cli, .loop = main_loop, .name = arguments[0] };
  gint64 seconds;
  if (parse (&self, &seconds, error) && wait_for (&self, seconds, error) && judge (&self, error))
    finish (cli, &self);
  g_free (self.state);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_wait = {
  "wait", "NAME", N_("Wait until a certificate is in a state"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
