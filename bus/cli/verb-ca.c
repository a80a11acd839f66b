/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <string.h>

#include "backends.h"
#include "error.h"
#include "json.h"
#include "output.h"
#include "pem.h"
#include "suggest.h"

static struct {
  char *format;
  char *out;
} options;

#define OUT_ENTRY \
  { "out", 0, 0, G_OPTION_ARG_FILENAME, &options.out, N_("Write to FILE; - or nothing: to standard output"), "FILE" }

static const GOptionEntry crl_entries[] = {
  { "format", 0, 0, G_OPTION_ARG_STRING, &options.format, N_("pem or der; pem without it"), "FORMAT" },
  OUT_ENTRY,
  { NULL },
};
static const GOptionEntry anchors_entries[] = { OUT_ENTRY, { NULL } };

static ClmExit
run_list (ClmCli *cli, char **arguments, GError **error)
{
  static const char *const properties[] = { "Name", "Plugin", "State", "Error", NULL };
  const char *titles[] = { _("CA"), _("PLUGIN"), _("STATE"), _("ERROR"), NULL };
  return clm_backends_print (cli, "Authority", properties, titles, "authorities", error) ? CLM_EXIT_DONE : CLM_EXIT_FAILED;
}

static ClmExit
run_show (ClmCli *cli, char **arguments, GError **error)
{
  g_autoptr (GVariant) properties = clm_backends_get (cli, "Authority", arguments[0], error);
  if (properties != NULL)
    clm_backends_show (cli, properties, "authority");
  return CLM_EXIT_DONE;
}

/* --- what a CA publishes --- */

static void
explain_absence (ClmCli *cli, const char *name, GError **error)
{
  if (error == NULL || !g_str_equal (clm_cli_error_get_name (*error), CLM_ERROR_NAME ("NotFound"))
      || *clm_cli_error_get_hint (*error) != '\0')
    return;
  g_auto (GStrv) names = clm_backends_list_names (cli, "Authority", NULL);
  gboolean known = names != NULL && g_strv_contains ((const char *const *) names, name);
  g_autofree char *hint = names != NULL && !known ? clm_suggest_format (name, (const char *const *) names) : NULL;
  if (hint != NULL)
    clm_cli_error_set_hint (*error, hint);
}

static GVariant *
fetch (ClmCli *cli, const char *name, const char *method, GError **error)
{
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_AUTHORITY, name);
  g_autoptr (GVariant) answer = clm_bus_call (cli, path, CLM_INTERFACE ("Authority"), method, clm_bus_only_options (NULL), "(ay)", error);
  if (answer != NULL)
    return g_variant_get_child_value (answer, 0);
  explain_absence (cli, name, error);
  return NULL;
}

static gboolean
write_out (const void *data, gsize length, GError **error)
{
  g_auto (ClmOutput) output = { .fd = -1 };
  return clm_output_open (&output, options.out, FALSE, error) && clm_output_write (&output, data, length, error)
         && clm_output_commit (&output, error);
}

static gboolean
check (ClmCli *cli, GError **error)
{
  static const char *const formats[] = { "pem", "der", NULL };
  if (options.format != NULL && !g_strv_contains (formats, options.format))
    return clm_cli_error_set_usage (error, _("say pem or der"), _("there is no format “%s”"), options.format);
  if (cli->json && (options.out == NULL || g_str_equal (options.out, "-")))
    return clm_cli_error_set_usage (error, _("name a file with --out=FILE"), _("--json and an export to standard output exclude each other"));
  return TRUE;
}

static void
finish (ClmCli *cli, const char *name)
{
  if (cli->json) {
    g_autoptr (JsonBuilder) builder = clm_json_new ();
    clm_json_add_string (builder, "name", name);
    clm_json_add_string (builder, "file", options.out);
    g_autofree char *text = clm_json_end (builder, TRUE);
    fputs (text, stdout);
  } else if (options.out != NULL && !g_str_equal (options.out, "-"))
    clm_cli_say (cli, _("%s: written to %s"), name, options.out);
}

static ClmExit
run_crl (ClmCli *cli, char **arguments, GError **error)
{
  gsize length;
  if (!check (cli, error))
    return CLM_EXIT_USAGE;
  g_autoptr (GVariant) crl = fetch (cli, arguments[0], "GetCrl", error);
  if (crl == NULL)
    return CLM_EXIT_FAILED;
  const void *der = g_variant_get_fixed_array (crl, &length, 1);
  g_autofree char *pem = clm_pem_encode ("X509 CRL", der, length);
  gboolean as_der = g_strcmp0 (options.format, "der") == 0;
  if (write_out (as_der ? der : pem, as_der ? length : strlen (pem), error))
    finish (cli, arguments[0]);
  return CLM_EXIT_DONE;
}

static ClmExit
run_anchors (ClmCli *cli, char **arguments, GError **error)
{
  gsize length;
  if (!check (cli, error))
    return CLM_EXIT_USAGE;
  g_autoptr (GVariant) anchors = fetch (cli, arguments[0], "GetAnchors", error);
  if (anchors == NULL)
    return CLM_EXIT_FAILED;
  const void *pem = g_variant_get_fixed_array (anchors, &length, 1);
  if (write_out (pem, length, error))
    finish (cli, arguments[0]);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_ca_list = { "ca list", "", N_("List the configured CAs"), 0, 0, CLM_ARGUMENT_NONE, FALSE, NULL, run_list };
const ClmVerb clm_verb_ca_show = {
  "ca show", "NAME", N_("Show everything about one CA"), 1, 1, CLM_ARGUMENT_AUTHORITY, FALSE, NULL, run_show,
};
const ClmVerb clm_verb_ca_crl = {
  "ca crl", "NAME", N_("Write the revocation list that a CA published last"), 1, 1, CLM_ARGUMENT_AUTHORITY, FALSE, crl_entries, run_crl,
};
const ClmVerb clm_verb_ca_anchors = {
  "ca anchors", "NAME", N_("Write the trust anchors of a CA as PEM"), 1, 1, CLM_ARGUMENT_AUTHORITY, FALSE, anchors_entries, run_anchors,
};
