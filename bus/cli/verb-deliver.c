/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "job.h"

static const GOptionEntry entries[] = { CLM_JOB_ENTRIES, { NULL } };

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  return clm_job_run_verb (cli, arguments[0], "Deliver", clm_bus_only_options (NULL), _("delivered"), error);
}

const ClmVerb clm_verb_deliver = {
  "deliver", "NAME", N_("Hand a certificate to its consumers again, now"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
