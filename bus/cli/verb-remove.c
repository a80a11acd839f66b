/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

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
  return clm_job_run_verb (cli, arguments[0], "Remove", clm_bus_only_options (keep_key ? "keep-key" : NULL), _("removed"), error);
}

const ClmVerb clm_verb_remove = {
  "remove", "NAME", N_("End the management of a certificate; its files and key go"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
