/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <string.h>

#include "certificates.h"
#include "date.h"
#include "error.h"
#include "state.h"
#include "suggest.h"
#include "table.h"

#define ROWS_MAX   40   /* on a terminal, before it becomes a summary */
#define ROWS_WORST 20

static struct {
  gboolean  all;
  char     *state;
  char     *authority;
  char     *expires;
} options;

static const GOptionEntry entries[] = {
  { "all", 0, 0, G_OPTION_ARG_NONE, &options.all, N_("Write every certificate as it comes, by name; with --json one object a line"), NULL },
  { "state", 0, 0, G_OPTION_ARG_STRING, &options.state, N_("Only those in STATE"), "STATE" },
  { "ca", 0, 0, G_OPTION_ARG_STRING, &options.authority, N_("Only those of the CA NAME"), "NAME" },
  { "expires", 0, 0, G_OPTION_ARG_STRING, &options.expires, N_("Only those that end within SPAN"), "SPAN" },
  { NULL },
};

/* --- a table --- */

static ClmTable *
make_table (void)
{
  ClmTable *table = clm_table_new ();
  clm_table_add_column (table, _("CERTIFICATE"), CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, _("STATE"), CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, _("LEFT"), CLM_COLUMN_RIGHT, 0);
  clm_table_add_column (table, _("EXPIRES"), CLM_COLUMN_LEFT, 3);
  clm_table_add_column (table, _("NEXT ACTION"), CLM_COLUMN_CUT, 0);
  clm_table_add_column (table, _("CA"), CLM_COLUMN_LEFT, 2);
  clm_table_add_column (table, _("KEY"), CLM_COLUMN_LEFT, 1);
  return table;
}

static void
add_row (ClmTable *table, const ClmCertificateRow *row, gboolean utf8, gint64 now)
{
  g_autofree char *name = g_strdup_printf ("%s %s", clm_state_get_symbol (row->state, utf8), row->name);
  g_autofree char *left = row->not_after != 0 ? clm_date_format_span (row->not_after - now) : g_strdup ("–");
  g_autofree char *expires = clm_date_format_date (row->not_after, now);
  g_autofree char *next = clm_state_format_next (row->state, row->next_action, row->next_time, row->attempts, now);
  const char *cells[] = { name, clm_state_get_label (row->state), left, expires, next, row->authority, row->key_store, NULL };
  clm_table_add_row (table, cells);
  clm_table_color (table, 0, clm_state_get_color (row->state));
  clm_table_color (table, 2, clm_state_get_left_color (row->not_before, row->not_after, now));
}

static char *
format_rows (ClmCli *cli, GPtrArray *rows, guint count, gint64 now)
{
  g_autoptr (ClmTable) table = make_table ();
  for (guint i = 0; i < count; i++)
    add_row (table, rows->pdata[i], cli->terminal.utf8, now);
  return clm_table_to_string (table, &cli->terminal, !cli->no_legend);
}

/* --- what stands below it --- */

static char *
count_states (GPtrArray *rows)
{
  const char *const *words = clm_state_get_words ();
  g_autoptr (GString) text = g_string_new (NULL);
  for (gsize i = g_strv_length ((GStrv) words); i-- > 0;) {
    guint count = 0;
    for (guint j = 0; j < rows->len; j++)
      count += g_str_equal (((ClmCertificateRow *) rows->pdata[j])->state, words[i]);
    if (count > 0)
      g_string_append_printf (text, "%s%u %s", text->len > 0 ? ", " : "", count, clm_state_get_label (words[i]));
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
read_clock (ClmCli *cli)
{
  g_autoptr (GVariant) manager = clm_bus_get_properties (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), NULL);
  char *state = NULL;
  if (manager != NULL)
    g_variant_lookup (manager, "ClockState", "s", &state);
  return state != NULL ? state : g_strdup ("");
}

static const char *
get_clock_label (const char *state)
{
  static const struct { const char *word, *label; } clocks[] = {
    { "trusted", N_("trusted") }, { "suspect", N_("suspect: nothing is renewed by time alone") },
    { "unset", N_("not set: nothing is renewed by time alone") },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (clocks); i++) {
    if (g_str_equal (clocks[i].word, state))
      return _(clocks[i].label);
  }
  return state;
}

static void
append_totals (GString *text, ClmCli *cli, GPtrArray *rows)
{
  g_autofree char *states = count_states (rows);
  g_autofree char *clock = read_clock (cli);
  g_string_append_printf (text, ngettext ("%u certificate: %s.", "%u certificates: %s.", rows->len), rows->len, states);
  if (*clock != '\0')
    g_string_append_printf (text, _("   clock: %s"), get_clock_label (clock));
  g_string_append_c (text, '\n');
}

static void
append_matters (GString *text, ClmCli *cli, GPtrArray *rows, guint count)
{
  for (guint i = 0; i < count; i++) {
    const ClmCertificateRow *row = rows->pdata[i];
    if (*row->message != '\0')
      g_string_append_printf (text, "\n%s %s: %s\n", clm_state_get_symbol (row->state, cli->terminal.utf8), row->name, row->message);
  }
}

static void
append_authorities (GString *text, GPtrArray *rows)
{
  g_autoptr (GTree) counts = g_tree_new ((GCompareFunc) strcmp);
  for (guint i = 0; i < rows->len; i++) {
    char *authority = ((ClmCertificateRow *) rows->pdata[i])->authority;
    guint before = GPOINTER_TO_UINT (g_tree_lookup (counts, authority));
    g_tree_insert (counts, authority, GUINT_TO_POINTER (before + 1));
  }
  for (GTreeNode *node = g_tree_node_first (counts); node != NULL; node = g_tree_node_next (node)) {
    const char *name = g_tree_node_key (node);
    g_string_append_printf (text, "  %s: %u\n", *name != '\0' ? name : _("no CA yet"), GPOINTER_TO_UINT (g_tree_node_value (node)));
  }
}

static void
print_text (ClmCli *cli, GPtrArray *rows, gboolean narrowed)
{
  gint64 now = clm_cli_get_time ();
  gboolean summary = cli->terminal.out_is_tty && rows->len > ROWS_MAX;
  guint count = summary ? ROWS_WORST : rows->len;
  g_autofree char *drawn = format_rows (cli, rows, count, now);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) below = g_string_new (NULL);
  g_string_append (text, drawn);
  if (rows->len == 0)
    clm_cli_say (cli, "%s", narrowed ? _("No certificate that you may see is like that.") : _("No certificates that you may see."));
  if (rows->len > 0 && !cli->no_legend && !cli->quiet) {
    append_totals (below, cli, rows);
    if (summary) {
      append_authorities (below, rows);
      g_string_append_printf (below, _("These are the %u worst; all of them:  certloom status --all\n"), count);
    }
    append_matters (below, cli, rows, count);
  }
  g_autofree char *shown = clm_cli_dup_shown (cli, below->str);
  g_string_append (text, shown);
  clm_cli_print (cli, text->str);
}

/* --- JSON, and everything as it comes --- */

static void
print_json (GPtrArray *rows)
{
  gint64 now = clm_cli_get_time ();
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  json_builder_set_member_name (builder, "certificates");
  json_builder_begin_array (builder);
  for (guint i = 0; i < rows->len; i++) {
    json_builder_begin_object (builder);
    clm_certificate_row_add_json (rows->pdata[i], builder, now);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

static void
stream_json (GPtrArray *rows)
{
  gint64 now = clm_cli_get_time ();
  for (guint i = 0; i < rows->len; i++) {
    g_autoptr (JsonBuilder) builder = clm_json_new ();
    json_builder_set_member_name (builder, "certificate");
    json_builder_begin_object (builder);
    clm_certificate_row_add_json (rows->pdata[i], builder, now);
    json_builder_end_object (builder);
    g_autofree char *text = clm_json_end (builder, FALSE);
    fputs (text, stdout);
  }
}

static gboolean
stream (ClmCli *cli, const ClmCertificateFilter *filter, guint *count, GError **error)
{
  g_auto (ClmCertificatePages) pages;
  gboolean legend = cli->no_legend;
  clm_certificate_pages_init (&pages, cli, filter);
  while (!pages.ended) {
    g_autoptr (GPtrArray) rows = clm_certificate_pages_next (&pages, error);
    if (rows == NULL)
      return FALSE;
    if (cli->json)
      stream_json (rows);
    else {
      g_autofree char *text = format_rows (cli, rows, rows->len, clm_cli_get_time ());
      fputs (text, stdout);
    }
    *count += rows->len;
    if (rows->len > 0)
      cli->no_legend = TRUE;   /* titles once, above the first page */
    fflush (stdout);
  }
  cli->no_legend = legend;
  return TRUE;
}

/* --- the verb --- */

static gboolean
make_filter (ClmCertificateFilter *filter, const char *pattern, GError **error)
{
  gint64 span = 0;
  if (options.state != NULL && !clm_state_is_known (options.state)) {
    g_autofree char *list = g_strjoinv (", ", (GStrv) clm_state_get_words ());
    g_autofree char *hint = clm_suggest_format (options.state, clm_state_get_words ());
    return clm_cli_error_set_usage (error, hint != NULL ? hint : list, _("there is no state “%s”"), options.state);
  }
  if (options.expires != NULL && !clm_date_parse_span (options.expires, &span, error))
    return FALSE;
  filter->pattern = pattern;
  filter->state = options.state;
  filter->authority = options.authority;
  filter->expires_before = options.expires != NULL ? clm_cli_get_time () + span : 0;
  return TRUE;
}

static gboolean
set_absent (ClmCli *cli, const char *name, GError **error)
{
  g_autoptr (GError) local = NULL;
  clm_cli_error_set (&local, CLM_EXIT_NOT_FOUND, CLM_ERROR_NAME ("NotFound"), NULL, _("no certificate named “%s”"), name);
  clm_certificates_explain_absence (cli, name, &local);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  const char *pattern = arguments[0];
  ClmCertificateFilter filter;
  guint count = 0;
  gboolean is_name = pattern != NULL && strpbrk (pattern, "*?") == NULL;
  if (!make_filter (&filter, pattern, error) || (is_name && !clm_certificates_check_name (pattern, error)))
    return CLM_EXIT_USAGE;
  gboolean narrowed = filter.state != NULL || filter.authority != NULL || filter.expires_before != 0;
  if (options.all) {
    if (stream (cli, &filter, &count, error) && is_name && count == 0 && !narrowed)
      set_absent (cli, pattern, error);
    return CLM_EXIT_DONE;
  }
  g_autoptr (GPtrArray) rows = clm_certificates_list (cli, &filter, error);
  if (rows == NULL)
    return CLM_EXIT_FAILED;
  if (is_name && rows->len == 0 && !narrowed)
    set_absent (cli, pattern, error);
  else if (cli->json)
    print_json (rows);
  else
    print_text (cli, rows, narrowed || pattern != NULL);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_status = {
  "status", "[NAME|PATTERN]", N_("List certificates and how they stand, the worst first"), 0, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
