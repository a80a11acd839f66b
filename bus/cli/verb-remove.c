/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "certificates.h"
#include "job.h"

static gboolean keep_key;

static const GOptionEntry entries[] = {
  { "keep-key", 0, 0, G_OPTION_ARG_NONE, &keep_key, N_("Leave the private key in its store"), NULL },
  CLM_JOB_ENTRIES,
  { NULL },
};

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  g_auto (ClmJobResult) result = { 0 };
  if (!clm_certificates_check_name (arguments[0], error))
    return CLM_EXIT_USAGE;
  if (!clm_job_run_on (cli, arguments[0], "Remove", clm_bus_only_options (keep_key ? "keep-key" : NULL), &result, error))
    return CLM_EXIT_FAILED;
  clm_job_finish (cli, &result, NULL, _("removed"));
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_remove = {
  "remove", "NAME", N_("End the management of a certificate; its files and key go"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
