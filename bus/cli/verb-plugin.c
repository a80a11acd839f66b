/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "backends.h"

static ClmExit
run_list (ClmCli *cli, char **arguments, GError **error)
{
  static const char *const properties[] = { "Name", "Version", "Loaded", "Error", "Summary", NULL };
  const char *titles[] = { _("PLUGIN"), _("VERSION"), _("LOADED"), _("ERROR"), _("SUMMARY"), NULL };
  return clm_backends_print (cli, "Plugin", properties, titles, "plugins", error) ? CLM_EXIT_DONE : CLM_EXIT_FAILED;
}

static ClmExit
run_info (ClmCli *cli, char **arguments, GError **error)
{
  g_autoptr (GVariant) properties = clm_backends_get (cli, "Plugin", arguments[0], error);
  if (properties != NULL)
    clm_backends_show (cli, properties, "plugin");
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_plugin_list = {
  "plugin list", "", N_("List the plugins that are installed"), 0, 0, CLM_ARGUMENT_NONE, FALSE, NULL, run_list,
};
const ClmVerb clm_verb_plugin_info = {
  "plugin info", "NAME", N_("Show everything about one plugin"), 1, 1, CLM_ARGUMENT_PLUGIN, FALSE, NULL, run_info,
};
