/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "certificates.h"
#include "error.h"
#include "output.h"
#include "pem.h"

static struct {
  char     *format;
  char     *out;
  gboolean  key;
} options;

static const GOptionEntry entries[] = {
  { "format", 0, 0, G_OPTION_ARG_STRING, &options.format, N_("pem (certificate and chain) or der (certificate only); pem without it"), "FORMAT" },
  { "out", 0, 0, G_OPTION_ARG_FILENAME, &options.out, N_("Write to FILE; - or nothing: to standard output"), "FILE" },
  { "key", 0, 0, G_OPTION_ARG_NONE, &options.key, N_("The private key too, where the store lets it out; a file is for its owner alone"), NULL },
  { NULL },
};

static gboolean
check (ClmCli *cli, const char *name, GError **error)
{
  static const char *const formats[] = { "pem", "der", NULL };
  if (!clm_certificates_check_name (name, error))
    return FALSE;
  if (options.format != NULL && !g_strv_contains (formats, options.format))
    return clm_cli_error_set_usage (error, _("say pem or der"), _("there is no format “%s”"), options.format);
  if (options.key && g_strcmp0 (options.format, "der") == 0)
    return clm_cli_error_set_usage (error, _("leave out --format=der"), _("certificate and key go together only as PEM"));
  if (options.key && options.out == NULL && cli->terminal.out_is_tty)
    return clm_cli_error_set_usage (error, _("name a file with --out=FILE, or say --out=- if you mean it"),
                                    _("a private key is not written to a terminal"));
  if (cli->json && (options.out == NULL || g_str_equal (options.out, "-")))
    return clm_cli_error_set_usage (error, _("name a file with --out=FILE"), _("--json and an export to standard output exclude each other"));
  return TRUE;
}

/* Returns: (transfer full): the descriptor called @wanted, or -1. All come from one generation. */
static int
open_credential (ClmCli *cli, const char *name, const char *wanted, guint64 *generation, GError **error)
{
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, name);
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) answer = clm_bus_call_with_fds (cli, path, CLM_INTERFACE ("Certificate"), "GetCredentialFds",
                                                       clm_bus_only_options (options.key ? "key" : NULL), "(ta{sh}s)", &list, error);
  gint32 handle = -1;
  if (answer == NULL) {
    clm_certificates_explain_absence (cli, name, error);
    return -1;
  }
  g_autoptr (GVariant) handles = g_variant_get_child_value (answer, 1);
  g_variant_get_child (answer, 0, "t", generation);
  if (list == NULL || !g_variant_lookup (handles, wanted, "h", &handle)) {
    clm_cli_error_set (error, CLM_EXIT_REFUSED, CLM_ERROR_NAME ("KeyUnavailable"), _("use it through its key store; see  certloom show"),
                       _("%s: the key store does not let the private key out"), name);
    return -1;
  }
  return g_unix_fd_list_get (list, handle, error);
}

static gboolean
export_pem (ClmCli *cli, const char *name, ClmOutput *output, guint64 *generation, GError **error)
{
  int fd = open_credential (cli, name, options.key ? "combined" : "full-chain", generation, error);
  if (fd < 0)
    return FALSE;
  gboolean good = clm_output_open (output, options.out, options.key, error) && clm_output_copy (output, fd, error);
  close (fd);
  return good;
}

static gboolean
export_der (ClmCli *cli, const char *name, ClmOutput *output, GError **error)
{
  g_autoptr (GVariant) answer = clm_certificates_call (cli, name, "GetPem", clm_bus_only_options (NULL), "(ay)", error);
  gsize length;
  if (answer == NULL)
    return FALSE;
  g_autoptr (GVariant) bytes = g_variant_get_child_value (answer, 0);
  const char *pem = g_variant_get_fixed_array (bytes, &length, 1);
  g_autoptr (GBytes) der = clm_pem_decode_first (pem, length);
  if (der == NULL)
    return clm_cli_error_set_named (error, CLM_ERROR_NAME ("InvalidData"), _("certloomd gave no certificate"), _("see what it says with:  journalctl -u certloomd"));
  return clm_output_open (output, options.out, FALSE, error)
         && clm_output_write (output, g_bytes_get_data (der, NULL), g_bytes_get_size (der), error);
}

static void
finish (ClmCli *cli, const char *name, guint64 generation)
{
  if (!cli->json) {
    if (options.out != NULL && !g_str_equal (options.out, "-"))
      clm_cli_say (cli, _("%s: written to %s"), name, options.out);
    return;
  }
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  clm_json_add_string (builder, "name", name);
  clm_json_add_string (builder, "file", options.out);
  if (generation != 0)
    clm_json_add_int (builder, "generation", (gint64) generation);
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  g_auto (ClmOutput) output = { .fd = -1 };
  guint64 generation = 0;
  if (!check (cli, arguments[0], error))
    return CLM_EXIT_USAGE;
  gboolean der = g_strcmp0 (options.format, "der") == 0;
  if (!(der ? export_der (cli, arguments[0], &output, error) : export_pem (cli, arguments[0], &output, &generation, error))
      || !clm_output_commit (&output, error))
    return CLM_EXIT_FAILED;
  finish (cli, arguments[0], generation);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_export = {
  "export", "NAME", N_("Write a certificate with its chain to a file"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run,
};
