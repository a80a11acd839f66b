/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "certificates.h"

static ClmExit
hold (ClmCli *cli, const char *name, gboolean on, GError **error)
{
  if (!clm_certificates_check_name (name, error))
    return CLM_EXIT_USAGE;
  g_autoptr (GVariant) answer = clm_certificates_call (cli, name, on ? "Hold" : "Release", clm_bus_only_options (NULL), "()", error);
  if (answer == NULL)
    return CLM_EXIT_FAILED;
  if (cli->json) {
    g_autoptr (JsonBuilder) builder = clm_json_new ();
    clm_json_add_string (builder, "name", name);
    clm_json_add_boolean (builder, "held", on);
    g_autofree char *text = clm_json_end (builder, TRUE);
    fputs (text, stdout);
  } else
    clm_cli_say (cli, on ? _("%s: held; nothing is done for it until  certloom unhold %s") : _("%s: no longer held"), name, name);
  return CLM_EXIT_DONE;
}

static ClmExit
run_hold (ClmCli *cli, char **arguments, GError **error)
{
  return hold (cli, arguments[0], TRUE, error);
}

static ClmExit
run_unhold (ClmCli *cli, char **arguments, GError **error)
{
  return hold (cli, arguments[0], FALSE, error);
}

const ClmVerb clm_verb_hold = {
  "hold", "NAME", N_("Stop everything automatic for a certificate"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, NULL, run_hold,
};
const ClmVerb clm_verb_unhold = {
  "unhold", "NAME", N_("Let it go on"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, NULL, run_unhold,
};
