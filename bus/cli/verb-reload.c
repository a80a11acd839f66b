/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "error.h"
#include "job.h"

static const GOptionEntry entries[] = { CLM_JOB_ENTRIES, { NULL } };

/* What is wrong, where the caller may know it. */
static void
print_problems (ClmCli *cli)
{
  g_autoptr (GVariant) answer = clm_bus_call (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "GetConfigProblems",
                                              clm_bus_only_options (NULL), "(a(suss))", NULL);
  const char *file, *message, *hint;
  guint line;
  if (answer == NULL || cli->json)
    return;
  g_autoptr (GVariant) problems = g_variant_get_child_value (answer, 0);
  for (gsize i = 0; i < g_variant_n_children (problems); i++) {
    g_variant_get_child (problems, i, "(&su&s&s)", &file, &line, &message, &hint);
    g_autofree char *place = line > 0 ? g_strdup_printf ("%s:%u: ", file, line) : *file != '\0' ? g_strdup_printf ("%s: ", file)
                                                                                                : g_strdup ("");
    g_autofree char *text = g_strdup_printf ("%s%s", g_str_has_prefix (message, place) ? "" : place, message);
    g_autofree char *shown = clm_cli_dup_shown (cli, text);
    fprintf (stderr, "%s\n", shown);
    if (*hint != '\0') {
      g_autofree char *shown_hint = clm_cli_dup_shown (cli, hint);
      fprintf (stderr, _("  What to do: %s\n"), shown_hint);
    }
  }
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  g_auto (ClmJobResult) result = { 0 };
  g_autoptr (GError) local = NULL;
  g_autoptr (GVariant) answer = clm_bus_call (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "Reload", clm_bus_only_options (NULL),
                                              "(o)", error);
  const char *path;
  if (answer == NULL)
    return CLM_EXIT_FAILED;
  g_variant_get (answer, "(&o)", &path);
  if (!clm_job_follow (cli, path, NULL, &result, &local)) {
    if (local->code == CLM_EXIT_CONFIG)
      print_problems (cli);
    g_propagate_error (error, g_steal_pointer (&local));
    return CLM_EXIT_FAILED;
  }
  clm_job_finish (cli, &result, NULL, _("Configuration read anew."));
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_reload = {
  "reload", "", N_("Let certloomd read its configuration anew"), 0, 0, CLM_ARGUMENT_NONE, FALSE, entries, run,
};
