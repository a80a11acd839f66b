/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "error.h"
#include "job.h"
#include "reason.h"
#include "suggest.h"

static char *reason;

static const GOptionEntry entries[] = {
  { "reason", 0, 0, G_OPTION_ARG_STRING, &reason, N_("Why, e.g. key-compromise or superseded; unspecified without it"), "REASON" },
  CLM_JOB_ENTRIES,
  { NULL },
};

const char *const clm_revocation_reasons[] = {
  "unspecified", "key-compromise", "ca-compromise", "affiliation-changed", "superseded", "cessation-of-operation",
  "privilege-withdrawn", NULL,
};

static gboolean
check_reason (GError **error)
{
  if (reason == NULL || g_strv_contains (clm_revocation_reasons, reason))
    return TRUE;
  g_autofree char *hint = clm_suggest_format (reason, clm_revocation_reasons);
  g_autofree char *list = g_strjoinv (", ", (GStrv) clm_revocation_reasons);
  return clm_cli_error_set_usage (error, hint != NULL ? hint : list, _("“%s” is no reason for a revocation"), reason);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  if (!check_reason (error))
    return CLM_EXIT_USAGE;
  GVariant *parameters = g_variant_new ("(s@a{sv})", reason != NULL ? reason : "unspecified", clm_bus_no_options ());
  return clm_job_run_verb (cli, arguments[0], "Revoke", parameters, _("revoked"), error);
}

const ClmVerb clm_verb_revoke = {
  "revoke", "NAME", N_("Revoke a certificate at its CA"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
