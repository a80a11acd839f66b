/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "certificates.h"
#include "date.h"
#include "error.h"
#include "table.h"

#define LIMIT_DEFAULT 50
#define PAGE          1000
#define EVENT_TYPE    "(txsssssa{ss})"

static int      limit = LIMIT_DEFAULT;
static gboolean all;

static const GOptionEntry entries[] = {
  { "limit", 'n', 0, G_OPTION_ARG_INT, &limit, N_("At most N rows; 50 without it"), "N" },
  { "all", 0, 0, G_OPTION_ARG_NONE, &all, N_("Every row, as it comes; with --json one object a line"), NULL },
  { NULL },
};

/* Returns: (transfer full) (nullable): a page of at most @count rows older than @before, which moves. */
static GVariant *
read_page (ClmCli *cli, const char *subject, guint64 *before, guint count, GError **error)
{
  GVariant *parameters = g_variant_new ("(stu@a{sv})", subject, *before, count, clm_bus_no_options ());
  g_autoptr (GVariant) answer = clm_bus_call (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "GetHistory", parameters,
                                              "(a" EVENT_TYPE ")", error);
  if (answer == NULL) {
    if (*subject != '\0')
      clm_certificates_explain_absence (cli, subject, error);
    return NULL;
  }
  GVariant *page = g_variant_get_child_value (answer, 0);
  gsize rows = g_variant_n_children (page);
  if (rows > 0) {
    g_autoptr (GVariant) last = g_variant_get_child_value (page, rows - 1);
    g_variant_get_child (last, 0, "t", before);
  }
  return page;
}

static void
add_json (JsonBuilder *builder, GVariant *row)
{
  guint64 sequence;
  gint64 time;
  const char *kind, *severity, *subject_kind, *subject, *message;
  g_autoptr (GVariant) fields = NULL;
  g_variant_get (row, "(tx&s&s&s&s&s@a{ss})", &sequence, &time, &kind, &severity, &subject_kind, &subject, &message, &fields);
  json_builder_begin_object (builder);
  clm_json_add_int (builder, "sequence", (gint64) sequence);
  clm_json_add_time (builder, "time", time);
  clm_json_add_string (builder, "kind", kind);
  clm_json_add_string (builder, "severity", severity);
  clm_json_add_string (builder, "subject_kind", subject_kind);
  clm_json_add_string (builder, "subject", subject);
  clm_json_add_string (builder, "message", message);
  json_builder_set_member_name (builder, "fields");
  clm_json_add_value (builder, fields);
  json_builder_end_object (builder);
}

static ClmColor
get_color (const char *severity)
{
  if (g_str_equal (severity, "critical"))
    return CLM_COLOR_RED;
  return g_str_equal (severity, "warning") ? CLM_COLOR_YELLOW : CLM_COLOR_NONE;
}

static void
add_row (ClmTable *table, GVariant *row)
{
  guint64 sequence;
  gint64 time;
  const char *kind, *severity, *subject_kind, *subject, *message;
  g_variant_get (row, "(tx&s&s&s&s&s@a{ss})", &sequence, &time, &kind, &severity, &subject_kind, &subject, &message, NULL);
  g_autofree char *when = clm_date_format_full (time);
  const char *cells[] = { when, *subject != '\0' ? subject : "certloomd", kind, message, NULL };
  clm_table_add_row (table, cells);
  clm_table_color (table, 2, get_color (severity));
}

static ClmTable *
make_table (void)
{
  ClmTable *table = clm_table_new ();
  clm_table_add_column (table, _("TIME"), CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, _("SUBJECT"), CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, _("EVENT"), CLM_COLUMN_LEFT, 1);
  clm_table_add_column (table, _("WHAT"), CLM_COLUMN_CUT, 0);
  return table;
}

/* What was removed long ago still has a history; what never was has none. */
static gboolean
check_subject (ClmCli *cli, const char *subject, GError **error)
{
  if (*subject == '\0')
    return TRUE;
  g_autoptr (GVariant) properties = clm_certificates_get (cli, subject, error);
  return properties != NULL;
}

/* --- all of it, page by page --- */

static void
stream_page (ClmCli *cli, GVariant *page, gboolean legend)
{
  g_autoptr (ClmTable) table = make_table ();
  for (gsize i = 0; i < g_variant_n_children (page); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (page, i);
    if (!cli->json) {
      add_row (table, row);
      continue;
    }
    g_autoptr (JsonBuilder) builder = clm_json_new ();
    json_builder_set_member_name (builder, "event");
    add_json (builder, row);
    g_autofree char *line = clm_json_end (builder, FALSE);
    fputs (line, stdout);
  }
  g_autofree char *text = clm_table_to_string (table, &cli->terminal, legend);
  fputs (text, stdout);
  fflush (stdout);
}

static gboolean
stream (ClmCli *cli, const char *subject, GError **error)
{
  guint64 before = 0;
  gboolean told = FALSE;
  while (TRUE) {
    g_autoptr (GVariant) page = read_page (cli, subject, &before, PAGE, error);
    if (page == NULL || g_variant_n_children (page) == 0)
      return page != NULL && (told || check_subject (cli, subject, error));
    stream_page (cli, page, !cli->no_legend && !told);
    told = TRUE;
  }
}

/* --- the newest --- */

static GPtrArray *
read_newest (ClmCli *cli, const char *subject, guint count, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  guint64 before = 0;
  while (rows->len < count) {
    g_autoptr (GVariant) page = read_page (cli, subject, &before, MIN (count - rows->len, PAGE), error);
    if (page == NULL)
      return NULL;
    gsize length = g_variant_n_children (page);
    if (length == 0)
      break;
    for (gsize i = 0; i < length; i++)
      g_ptr_array_add (rows, g_variant_get_child_value (page, i));
  }
  return g_steal_pointer (&rows);
}

static void
print_json (GPtrArray *rows)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  json_builder_set_member_name (builder, "events");
  json_builder_begin_array (builder);
  for (guint i = 0; i < rows->len; i++)
    add_json (builder, rows->pdata[i]);
  json_builder_end_array (builder);
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

static void
print_text (ClmCli *cli, GPtrArray *rows)
{
  g_autoptr (ClmTable) table = make_table ();
  for (guint i = 0; i < rows->len; i++)
    add_row (table, rows->pdata[i]);
  g_autofree char *text = clm_table_to_string (table, &cli->terminal, !cli->no_legend);
  if (rows->len == 0)
    clm_cli_say (cli, _("Nothing has happened yet."));
  clm_cli_print (cli, text);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  const char *subject = arguments[0] != NULL ? arguments[0] : "";
  if (*subject != '\0' && !clm_certificates_check_name (subject, error))
    return CLM_EXIT_USAGE;
  if (limit < 1) {
    clm_cli_error_set_usage (error, _("say how many rows, e.g. --limit=50, or --all"), _("--limit= must be at least 1"));
    return CLM_EXIT_USAGE;
  }
  if (all)
    return stream (cli, subject, error) ? CLM_EXIT_DONE : CLM_EXIT_FAILED;
  g_autoptr (GPtrArray) rows = read_newest (cli, subject, (guint) limit, error);
  if (rows == NULL || (rows->len == 0 && !check_subject (cli, subject, error)))
    return CLM_EXIT_FAILED;
  if (cli->json)
    print_json (rows);
  else
    print_text (cli, rows);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_history = {
  "history", "[NAME]", N_("Tell what has happened, the newest first"), 0, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
