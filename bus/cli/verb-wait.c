/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "changes.h"
#include "date.h"
#include "error.h"
#include "loop.h"
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

static const char *
get_label (const char *word)
{
  if (g_str_equal (word, "delivered"))
    return _("delivered");
  return g_str_equal (word, "removed") ? _("removed") : clm_state_get_label (word);
}

typedef struct {
  ClmCli     *cli;
  ClmLoop    *loop;
  const char *name;
  const char *wanted;
  char       *state;
  gboolean    reached;
} Wait;

static void
check (Wait *self, const char *state, const char *delivery_state)
{
  g_free (self->state);
  self->state = g_strdup (state);
  self->reached = g_str_equal (self->wanted, "delivered") ? g_str_equal (delivery_state, "delivered") : g_str_equal (state, self->wanted);
  if (self->reached)
    clm_loop_quit (self->loop);
}

static void
on_changed (const ClmCertificateRow *row, gpointer user_data)
{
  Wait *self = user_data;
  if (g_str_equal (row->name, self->name))
    check (self, row->state, row->delivery_state);
}

static void
on_removed (const char *name, gpointer user_data)
{
  Wait *self = user_data;
  if (!g_str_equal (name, self->name))
    return;
  check (self, "removed", "");
  clm_loop_quit (self->loop);
}

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

static gboolean
judge (const Wait *self, ClmLoopEnd end, GError **error)
{
  if (self->reached)
    return TRUE;
  if (end == CLM_LOOP_LOST)
    return clm_bus_set_lost (error);
  if (g_strcmp0 (self->state, "removed") == 0)
    return clm_cli_error_set (error, CLM_EXIT_NOT_FOUND, CLM_ERROR_NAME ("NotFound"), _("see what there is with:  certloom status"),
                              _("“%s” was removed meanwhile"), self->name);
  g_autofree char *hint = g_strdup_printf (_("see what it waits for with:  certloom show %s"), self->name);
  return clm_cli_error_set (error, CLM_EXIT_TIMED_OUT, CLM_ERROR_NAME ("TimedOut"), hint, _("“%s” is still %s, not %s"), self->name,
                            clm_state_get_label (self->state), get_label (self->wanted));
}

static gboolean
wait_for (Wait *self, gint64 seconds, GError **error)
{
  static const ClmChangeHandlers handlers = { on_changed, on_removed };
  if (!clm_changes_subscribe (self->cli, &handlers, self, error) || !look (self, error))
    return FALSE;
  return judge (self, self->reached ? CLM_LOOP_QUIT : clm_loop_run (self->loop, seconds), error);
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
    clm_cli_say (cli, "%s: %s", self->name, get_label (self->wanted));
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
  g_autoptr (ClmLoop) loop = clm_loop_new (cli);
  Wait self = { .cli = cli, .loop = loop, .name = arguments[0] };
  gint64 seconds;
  if (parse (&self, &seconds, error) && wait_for (&self, seconds, error))
    finish (cli, &self);
  g_free (self.state);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_wait = {
  "wait", "NAME", N_("Wait until a certificate is in a state"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
