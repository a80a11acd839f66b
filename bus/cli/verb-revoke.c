/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "certificates.h"
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
  g_auto (ClmJobResult) result = { 0 };
  if (!clm_certificates_check_name (arguments[0], error) || !check_reason (error))
    return CLM_EXIT_USAGE;
  GVariant *parameters = g_variant_new ("(s@a{sv})", reason != NULL ? reason : "unspecified", clm_bus_no_options ());
  if (!clm_job_run_on (cli, arguments[0], "Revoke", parameters, &result, error))
    return CLM_EXIT_FAILED;
  clm_job_finish (cli, &result, arguments[0], _("revoked"));
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_revoke = {
  "revoke", "NAME", N_("Revoke a certificate at its CA"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
