/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "changes.h"
#include "date.h"
#include "loop.h"
#include "state.h"

typedef struct {
  ClmCli       *cli;
  GPatternSpec *pattern;   /* (nullable) */
  GHashTable   *states;    /* name → state that was told last */
} Monitor;

static gboolean
is_wanted (Monitor *self, const char *name)
{
  return self->pattern == NULL || g_pattern_spec_match_string (self->pattern, name);
}

static void
print_line (Monitor *self, gint64 time, const char *subject, const char *text)
{
  g_autofree char *clock = clm_date_format_clock (time);
  g_autofree char *line = g_strdup_printf ("%s %s%s%s", clock, subject, *subject != '\0' ? "  " : "", text);
  g_autofree char *shown = clm_cli_dup_shown (self->cli, line);
  fprintf (stdout, "%s\n", g_strdelimit (shown, "\n", ' '));
  fflush (stdout);
}

static void
print_json (JsonBuilder *builder)
{
  json_builder_end_object (builder);
  g_autofree char *text = clm_json_end (builder, FALSE);
  fputs (text, stdout);
  fflush (stdout);
}

static JsonBuilder *
begin_json (const char *kind, gint64 time)
{
  JsonBuilder *builder = clm_json_new ();
  clm_json_add_time (builder, "time", time);
  json_builder_set_member_name (builder, kind);
  json_builder_begin_object (builder);
  return builder;
}

/* --- states --- */

static void
tell_change (Monitor *self, const ClmCertificateRow *row)
{
  gint64 now = clm_cli_get_time ();
  const char *before = g_hash_table_lookup (self->states, row->name);
  if (self->cli->json) {
    g_autoptr (JsonBuilder) builder = begin_json ("certificate", now);
    clm_certificate_row_add_json (row, builder, now);
    print_json (builder);
  } else if (g_strcmp0 (before, row->state) != 0) {
    const char *arrow = self->cli->terminal.utf8 ? "→" : "->";
    g_autofree char *until = clm_date_format_full (row->not_after);
    g_autofree char *text = g_strdup_printf (_("%s %s %s   valid until %s%s%s"), before != NULL ? clm_state_get_label (before) : _("new"),
                                             arrow, clm_state_get_label (row->state), until, *row->message != '\0' ? "   " : "",
                                             row->message);
    print_line (self, now, row->name, text);
  }
  g_hash_table_insert (self->states, g_strdup (row->name), g_strdup (row->state));
}

static void
on_changed (const ClmCertificateRow *row, gpointer user_data)
{
  Monitor *self = user_data;
  if (is_wanted (self, row->name))
    tell_change (self, row);
}

static void
on_removed (const char *name, gpointer user_data)
{
  Monitor *self = user_data;
  g_hash_table_remove (self->states, name);
  if (!is_wanted (self, name))
    return;
  if (!self->cli->json) {
    print_line (self, clm_cli_get_time (), name, _("removed"));
    return;
  }
  g_autoptr (JsonBuilder) builder = begin_json ("removed", clm_cli_get_time ());
  clm_json_add_string (builder, "name", name);
  print_json (builder);
}

/* --- events --- */

static void
on_event (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
          GVariant *parameters, gpointer user_data)
{
  Monitor *self = user_data;
  gint64 time;
  const char *kind, *severity, *subject_kind, *subject, *message;
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(xsssssa{ss})")))
    return;
  g_autoptr (GVariant) fields = NULL;
  g_variant_get (parameters, "(x&s&s&s&s&s@a{ss})", &time, &kind, &severity, &subject_kind, &subject, &message, &fields);
  if (!is_wanted (self, subject))
    return;
  if (!self->cli->json) {
    print_line (self, time, subject, message);
    return;
  }
  g_autoptr (JsonBuilder) builder = begin_json ("event", time);
  clm_json_add_string (builder, "kind", kind);
  clm_json_add_string (builder, "severity", severity);
  clm_json_add_string (builder, "subject_kind", subject_kind);
  clm_json_add_string (builder, "subject", subject);
  clm_json_add_string (builder, "message", message);
  json_builder_set_member_name (builder, "fields");
  clm_json_add_value (builder, fields);
  print_json (builder);
}

/* --- the verb --- */

static gboolean
remember_states (Monitor *self, GError **error)
{
  const ClmCertificateFilter all = { 0 };
  g_autoptr (GPtrArray) rows = clm_certificates_list (self->cli, &all, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const ClmCertificateRow *row = rows->pdata[i];
    g_hash_table_insert (self->states, g_strdup (row->name), g_strdup (row->state));
  }
  return rows != NULL;
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  static const ClmChangeHandlers handlers = { on_changed, on_removed };
  g_autoptr (GHashTable) states = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GPatternSpec) pattern = arguments[0] != NULL ? g_pattern_spec_new (arguments[0]) : NULL;
  Monitor self = { .cli = cli, .pattern = pattern, .states = states };
  if (!clm_bus_connect (cli, error))
    return CLM_EXIT_FAILED;
  clm_bus_subscribe (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "Event", on_event, &self, NULL);
  if (!clm_changes_subscribe (cli, &handlers, &self, error) || !remember_states (&self, error))
    return CLM_EXIT_FAILED;
  g_autoptr (ClmLoop) loop = clm_loop_new (cli);
  if (clm_loop_run (loop, -1) == CLM_LOOP_LOST)
    clm_bus_set_lost (error);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_monitor = {
  "monitor", "[NAME|PATTERN]", N_("Tell what happens, as it happens; Ctrl-C ends it"), 0, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, NULL, run,
};
