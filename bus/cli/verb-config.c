/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <string.h>

#include "error.h"
#include "json.h"

#define PROGRAM CLM_LIBEXECDIR "/certloom/certloomd"

/* What certloomd writes for a person; see clm_config_format_problems(). */
#define ERROR_PREFIX   "error: "
#define WARNING_PREFIX "warning: "
#define HINT_PREFIX    "  what to do: "

static char *config_root;

static const GOptionEntry entries[] = {
  { "config-root", 0, 0, G_OPTION_ARG_FILENAME, &config_root, N_("Look at the configuration below DIR, e.g. an image"), "DIR" },
  { NULL },
};

/* The daemon's own code reads the configuration, so both always agree; it needs neither bus nor a running daemon. Exit 0: good; 9: something is wrong. */
static gboolean
run_daemon (ClmCli *cli, const char *option, const char *pattern, char **text, int *status, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) local = NULL;
  g_autofree char *root = config_root != NULL ? g_strconcat ("--config-root=", config_root, NULL) : NULL;
  const char *program = cli->daemon != NULL ? cli->daemon : PROGRAM;
  g_ptr_array_add (argv, (gpointer) program);
  g_ptr_array_add (argv, (gpointer) option);
  if (root != NULL)
    g_ptr_array_add (argv, root);
  if (pattern != NULL) {
    g_ptr_array_add (argv, (gpointer) "--");
    g_ptr_array_add (argv, (gpointer) pattern);
  }
  g_ptr_array_add (argv, NULL);
  g_autoptr (GSubprocess) process = g_subprocess_newv ((const char *const *) argv->pdata, G_SUBPROCESS_FLAGS_STDOUT_PIPE, &local);
  if (process == NULL || !g_subprocess_communicate_utf8 (process, NULL, NULL, text, NULL, &local))
    return clm_cli_error_set_system (error, _("install certloomd on this machine"), _("cannot run %s: %s"), program, local->message);
  *status = g_subprocess_get_if_exited (process) ? g_subprocess_get_exit_status (process) : -1;
  if (*status == CLM_EXIT_DONE || *status == CLM_EXIT_CONFIG)
    return TRUE;
  return clm_cli_error_set_system (error, _("it said why above; is it the certloomd of this version?"), _("%s failed"), program);
}

/* --- check --- */

static void
begin_problem (JsonBuilder *builder, gboolean *open, const char *severity, const char *message)
{
  if (*open)
    json_builder_end_object (builder);
  *open = TRUE;
  json_builder_begin_object (builder);
  clm_json_add_string (builder, "severity", severity);
  clm_json_add_string (builder, "message", message);
}

static void
print_problems_json (const char *text)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  gboolean open = FALSE;
  json_builder_set_member_name (builder, "problems");
  json_builder_begin_array (builder);
  for (gsize i = 0; lines[i] != NULL; i++) {
    if (g_str_has_prefix (lines[i], ERROR_PREFIX))
      begin_problem (builder, &open, "error", lines[i] + strlen (ERROR_PREFIX));
    else if (g_str_has_prefix (lines[i], WARNING_PREFIX))
      begin_problem (builder, &open, "warning", lines[i] + strlen (WARNING_PREFIX));
    else if (open && g_str_has_prefix (lines[i], HINT_PREFIX))
      clm_json_add_string (builder, "hint", lines[i] + strlen (HINT_PREFIX));
  }
  if (open)
    json_builder_end_object (builder);
  json_builder_end_array (builder);
  g_autofree char *json = clm_json_end (builder, TRUE);
  fputs (json, stdout);
}

/* The problems are what was asked for, not a failure of the command: only the exit code says that there are some. */
static ClmExit
run_check (ClmCli *cli, char **arguments, GError **error)
{
  g_autofree char *text = NULL;
  int status;
  if (!run_daemon (cli, "--check-config", NULL, &text, &status, error))
    return CLM_EXIT_FAILED;
  if (cli->json)
    print_problems_json (text);
  else if (*text != '\0') {
    g_autofree char *shown = clm_cli_dup_shown (cli, text);
    clm_cli_print (cli, shown);
  } else
    clm_cli_say (cli, _("The configuration is good."));
  return (ClmExit) status;
}

/* --- show, diff --- */

static ClmExit
run_text (ClmCli *cli, const char *option, const char *pattern, const char *nothing, GError **error)
{
  g_autofree char *text = NULL;
  int status;
  if (!run_daemon (cli, option, pattern, &text, &status, error))
    return CLM_EXIT_FAILED;
  g_autofree char *shown = clm_cli_dup_shown (cli, text);
  if (cli->json) {
    g_autoptr (JsonBuilder) builder = clm_json_new ();
    clm_json_add_string (builder, "text", text);
    g_autofree char *json = clm_json_end (builder, TRUE);
    fputs (json, stdout);
  } else if (*text != '\0')
    clm_cli_print (cli, shown);
  else
    clm_cli_say (cli, "%s", nothing);
  return CLM_EXIT_DONE;
}

static ClmExit
run_show (ClmCli *cli, char **arguments, GError **error)
{
  return run_text (cli, "--show-config", arguments[0], _("Nothing is configured under that name."), error);
}

static ClmExit
run_diff (ClmCli *cli, char **arguments, GError **error)
{
  return run_text (cli, "--diff-config", NULL, _("No file replaces, masks or extends another."), error);
}

const ClmVerb clm_verb_config_check = {
  "config check", "", N_("Check the configuration files, without a daemon"), 0, 0, CLM_ARGUMENT_NONE, FALSE, entries, run_check,
};
const ClmVerb clm_verb_config_show = {
  "config show", "[PATTERN]", N_("Show what the configuration files amount to, and from where"), 0, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, entries, run_show,
};
const ClmVerb clm_verb_config_diff = {
  "config diff", "", N_("Show which files replace, mask or extend others"), 0, 0, CLM_ARGUMENT_NONE, FALSE, entries, run_diff,
};
