/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "certificates.h"
#include "job.h"

static const GOptionEntry entries[] = { CLM_JOB_ENTRIES, { NULL } };

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  g_auto (ClmJobResult) result = { 0 };
  if (!clm_certificates_check_name (arguments[0], error))
    return CLM_EXIT_USAGE;
  if (!clm_job_run_on (cli, arguments[0], "Deliver", clm_bus_only_options (NULL), &result, error))
    return CLM_EXIT_FAILED;
  clm_job_finish (cli, &result, arguments[0], _("delivered"));
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_deliver = {
  "deliver", "NAME", N_("Hand a certificate to its consumers again, now"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
