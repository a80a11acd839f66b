/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "job.h"

static const GOptionEntry entries[] = { CLM_JOB_ENTRIES, { NULL } };

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  return clm_job_run_verb (cli, arguments[0], "Rollback", clm_bus_only_options (NULL), _("rolled back"), error);
}

const ClmVerb clm_verb_rollback = {
  "rollback", "NAME", N_("Make the previous certificate the current one again"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
