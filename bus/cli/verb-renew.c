/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "certificates.h"
#include "date.h"
#include "error.h"
#include "job.h"

#define NAMES_MAX 10000   /* in one call */

static struct {
  gboolean due;
  gboolean all;
  gboolean rekey;
} options;

static const GOptionEntry entries[] = {
  { "due", 0, 0, G_OPTION_ARG_NONE, &options.due, N_("Renew everything that is past its renewal time, window or not"), NULL },
  { "all", 0, 0, G_OPTION_ARG_NONE, &options.all, N_("Renew every certificate"), NULL },
  { "rekey", 0, 0, G_OPTION_ARG_NONE, &options.rekey, N_("Make a new key even where RotateKey=never"), NULL },
  CLM_JOB_ENTRIES,
  { NULL },
};

static gboolean
check (char **names, GError **error)
{
  guint ways = (guint) (names[0] != NULL) + (guint) options.due + (guint) options.all;
  if (ways != 1)
    return clm_cli_error_set_usage (error, "certloom renew NAME… | --due | --all",
                                    ways == 0 ? _("what is to be renewed?") : _("names, --due and --all exclude each other"));
  for (gsize i = 0; names[i] != NULL; i++) {
    if (!clm_certificates_check_name (names[i], error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
renew_names (ClmCli *cli, const char *const *names, const char *label, ClmJobResult *result, GError **error)
{
  GVariantDict dict;
  const char *path;
  g_variant_dict_init (&dict, NULL);
  if (options.rekey)
    g_variant_dict_insert (&dict, "rekey", "b", TRUE);
  if (options.due)
    g_variant_dict_insert (&dict, "due", "b", TRUE);
  GVariant *parameters = g_variant_new ("(^as@a{sv})", names, g_variant_dict_end (&dict));
  g_autoptr (GVariant) answer = clm_bus_call (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "Renew", parameters, "(o)", error);
  if (answer == NULL) {
    clm_certificates_explain_absence_of (cli, names, error);
    return FALSE;
  }
  g_variant_get (answer, "(&o)", &path);
  return clm_job_follow (cli, path, label, result, error);
}

static void
add_up (ClmJobResult *sum, const ClmJobResult *part)
{
  sum->total += part->total;
  sum->done += part->done;
  sum->failed += part->failed;
}

/* More than one call takes is asked for in slices, one after the other. A slice that failed in part does not keep the rest. */
static gboolean
renew_many (ClmCli *cli, char **names, ClmJobResult *result, GError **error)
{
  guint count = g_strv_length (names);
  const char *label = count == 1 ? names[0] : NULL;
  if (count <= NAMES_MAX)
    return renew_names (cli, (const char *const *) names, label, result, error);
  for (guint start = 0; start < count; start += NAMES_MAX) {
    g_autofree const char **slice = g_new0 (const char *, NAMES_MAX + 1);
    g_auto (ClmJobResult) part = { 0 };
    g_autoptr (GError) local = NULL;
    for (guint i = 0; i < NAMES_MAX && start + i < count; i++)
      slice[i] = names[start + i];
    if (!renew_names (cli, slice, NULL, &part, &local) && g_strcmp0 (part.state, "failed") != 0) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    add_up (result, &part);
    if (result->path == NULL) {
      result->path = g_steal_pointer (&part.path);
      result->kind = g_steal_pointer (&part.kind);
      result->subject = g_steal_pointer (&part.subject);
      result->state = g_steal_pointer (&part.state);
    }
  }
  if (result->failed > 0)
    return clm_cli_error_set (error, CLM_EXIT_PARTLY, CLM_ERROR_NAME ("Failed"), _("see which with:  certloom status"),
                              _("%u of %u failed"), result->failed, result->total);
  return TRUE;
}

static char *
format_next (ClmCli *cli)
{
  const ClmCertificateFilter filter = { 0 };
  g_autoptr (GPtrArray) rows = clm_certificates_list (cli, &filter, NULL);
  const ClmCertificateRow *next = NULL;
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const ClmCertificateRow *row = rows->pdata[i];
    if (g_str_equal (row->next_action, "renew") && row->next_time != 0 && (next == NULL || row->next_time < next->next_time))
      next = row;
  }
  if (next == NULL)
    return g_strdup (_("Nothing is due."));
  g_autofree char *span = clm_date_format_span (MAX (next->next_time - clm_cli_get_time (), 0));
  return g_strdup_printf (_("Nothing is due. Next: %s in %s."), next->name, span);
}

static void
finish (ClmCli *cli, const ClmJobResult *result, const char *name)
{
  if (name != NULL || cli->json) {
    clm_job_finish (cli, result, name, _("renewed"));
  } else if (result->total == 0) {
    g_autofree char *next = format_next (cli);
    clm_cli_say (cli, "%s", next);
  } else {
    g_autofree char *done = g_strdup_printf (ngettext ("%u certificate renewed", "%u certificates renewed", result->total), result->total);
    clm_job_finish (cli, result, NULL, done);
  }
}

static void
say_nothing_there (ClmCli *cli)
{
  clm_cli_say (cli, _("No certificates that you may see."));
  if (!cli->json)
    return;
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  json_builder_set_member_name (builder, "job");
  json_builder_add_null_value (builder);
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  static char *const none[] = { NULL };
  g_auto (ClmJobResult) result = { 0 };
  g_auto (GStrv) all = NULL;
  if (!check (arguments, error))
    return CLM_EXIT_USAGE;
  if (options.all) {
    all = clm_certificates_list_names (cli, NULL, error);
    if (all == NULL)
      return CLM_EXIT_FAILED;
    if (all[0] == NULL) {
      say_nothing_there (cli);
      return CLM_EXIT_DONE;
    }
  }
  char **names = options.all ? all : options.due ? (char **) none : arguments;
  if (!renew_many (cli, names, &result, error))
    return CLM_EXIT_FAILED;
  finish (cli, &result, names[0] != NULL && names[1] == NULL ? names[0] : NULL);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_renew = {
  "renew", "NAME…", N_("Renew certificates now"), 0, G_MAXUINT, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
