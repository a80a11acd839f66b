/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certloom. Its story: read the whole command line, look at the terminal, let the verb do it (which asks the daemon over D-Bus),
 * say what went wrong.
 */
#include "config.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <locale.h>

#include "error.h"
#include "help.h"
#include "options.h"

static void
set_up_language (void)
{
  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, CLM_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}

static void
print_help (ClmCli *cli, const ClmCommandLine *line)
{
  g_autofree char *text = clm_help_format (line->verb, line->noun);
  g_autofree char *shown = clm_cli_dup_shown (cli, text);
  clm_cli_print (cli, shown);
}

static ClmExit
run (ClmCli *cli, const ClmCommandLine *line, GError **error)
{
  if (cli->version) {
    fprintf (stdout, "certloom %s\n", CLM_VERSION);
    return CLM_EXIT_DONE;
  }
  if (cli->help || line->verb == NULL) {
    print_help (cli, line);
    return CLM_EXIT_DONE;
  }
  return line->verb->run (cli, line->arguments, error);
}

/* A full disk or a closed pipe is noticed at the latest here. */
static gboolean
finish_output (GError **error)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return TRUE;
  return clm_cli_error_set_system (error, _("look where it is redirected to: is there room?"), _("cannot write %s: %s"), _("standard output"), g_strerror (errno));
}

static void
clear (ClmCli *cli)
{
  g_clear_pointer (&cli->bus, clm_bus_free);
  g_free (cli->address);
  g_free (cli->color);
  g_free (cli->daemon);
}

int
main (int argc, char **argv)
{
  ClmCli cli = { 0 };
  g_auto (ClmCommandLine) line = { 0 };
  g_autoptr (GError) error = NULL;
  ClmExit code = CLM_EXIT_USAGE;
  set_up_language ();
  g_set_prgname ("certloom");
  gboolean parsed = clm_options_parse (&cli, argc, argv, &line, &error);
  clm_terminal_detect (&cli.terminal, cli.color);
  if (parsed)
    code = run (&cli, &line, &error);
  if (error == NULL)
    finish_output (&error);
  if (error != NULL)
    code = clm_cli_error_report (&cli, error);
  clear (&cli);
  return (int) code;
}
