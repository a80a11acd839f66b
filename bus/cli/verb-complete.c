/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "backends.h"
#include "certificates.h"
#include "options.h"
#include "reason.h"
#include "state.h"
#include "wait.h"

/*
 * `certloom complete WORD…` writes what the last word may become, one a line: the words of the command line after `certloom`, the
 * last one as far as it is typed. The shell's part stays a few lines, and options are listed where they are defined. Nothing is
 * an error here: a person who presses TAB wants candidates or silence, and soon: no daemon is started for it, and one that hangs is
 * not waited for.
 */

#define PATIENCE_S 2

/* What the words before the last one say. */
typedef struct {
  const ClmVerb *verb;        /* (nullable) */
  char          *noun;        /* (nullable): of a verb of two words that lacks the second */
  const char    *argument;    /* (nullable): the last one */
  guint          arguments;   /* of the verb */
} Typed;

static void
offer (const char *candidate, const char *prefix)
{
  if (g_str_has_prefix (candidate, prefix))
    fprintf (stdout, "%s\n", candidate);
}

static void
offer_all (const char *const *candidates, const char *prefix)
{
  for (gsize i = 0; candidates != NULL && candidates[i] != NULL; i++)
    offer (candidates[i], prefix);
}

static void
offer_names (ClmCli *cli, const char *prefix)
{
  g_autofree char *pattern = g_strconcat (prefix, "*", NULL);
  g_auto (GStrv) names = clm_certificates_list_names (cli, pattern, NULL);
  offer_all ((const char *const *) names, prefix);
}

static void
offer_backends (ClmCli *cli, const char *kind, const char *prefix)
{
  g_auto (GStrv) names = clm_backends_list_names (cli, kind, NULL);
  offer_all ((const char *const *) names, prefix);
}

static void
offer_arguments (ClmCli *cli, const Typed *typed, const char *prefix)
{
  g_auto (GStrv) words = NULL;
  if (typed->arguments >= typed->verb->most)
    return;
  switch (typed->verb->kind) {
  case CLM_ARGUMENT_CERTIFICATE: offer_names (cli, prefix); break;
  case CLM_ARGUMENT_AUTHORITY: offer_backends (cli, "Authority", prefix); break;
  case CLM_ARGUMENT_KEY_STORE: offer_backends (cli, "KeyStore", prefix); break;
  case CLM_ARGUMENT_PLUGIN: offer_backends (cli, "Plugin", prefix); break;
  case CLM_ARGUMENT_VERB:
    if (typed->argument != NULL && !clm_verb_is_noun (typed->argument))
      break;
    words = clm_verb_list_words (typed->argument);
    offer_all ((const char *const *) words, prefix);
    break;
  case CLM_ARGUMENT_NONE: break;
  }
}

static void
offer_options (const GOptionEntry *entries, const char *prefix)
{
  for (gsize i = 0; entries != NULL && entries[i].long_name != NULL; i++) {
    gboolean value = entries[i].arg_description != NULL && !(entries[i].flags & G_OPTION_FLAG_OPTIONAL_ARG);
    g_autofree char *name = g_strdup_printf ("--%s%s", entries[i].long_name, value ? "=" : "");
    if (!(entries[i].flags & G_OPTION_FLAG_HIDDEN))
      offer (name, prefix);
  }
}

/* Files are the shell's business. */
static void
offer_values (ClmCli *cli, const ClmVerb *verb, const char *option, const char *prefix)
{
  static const char *const colors[] = { "auto", "always", "never", NULL };
  static const char *const formats[] = { "pem", "der", NULL };
  if (g_str_equal (option, "--color"))
    offer_all (colors, prefix);
  else if (g_str_equal (option, "--format"))
    offer_all (formats, prefix);
  else if (g_str_equal (option, "--reason"))
    offer_all (clm_revocation_reasons, prefix);
  else if (g_str_equal (option, "--state"))
    offer_all (clm_state_get_words (), prefix);
  else if (g_str_equal (option, "--ca"))
    offer_backends (cli, "Authority", prefix);
  else if (g_str_equal (option, "--key"))
    offer_backends (cli, "KeyStore", prefix);
  else if (g_str_equal (option, "--for") && verb == &clm_verb_wait) {
    g_auto (GStrv) words = clm_wait_list_words ();
    offer_all ((const char *const *) words, prefix);
  }
}

static void
take_word (Typed *self, const char *word)
{
  if (self->verb != NULL) {
    self->arguments++;
    self->argument = word;
    return;
  }
  g_autofree char *name = self->noun != NULL ? g_strjoin (" ", self->noun, word, NULL) : g_strdup (word);
  self->verb = clm_verb_find (name);
  if (self->verb == NULL && self->noun == NULL && clm_verb_is_noun (word))
    self->noun = g_strdup (word);
}

/* Also takes from the words what says which bus to ask. */
static void
read_words (ClmCli *cli, char **words, guint count, Typed *typed)
{
  for (guint i = 0; i < count; i++) {
    if (g_str_equal (words[i], "--session"))
      cli->session = TRUE;
    else if (g_str_has_prefix (words[i], "--address="))
      cli->address = g_strdup (words[i] + strlen ("--address="));
    else if (g_str_equal (words[i], "--address") && i + 1 < count)
      cli->address = g_strdup (words[++i]);
    else if (clm_options_takes_value (typed->verb, words[i]))
      i++;
    else if (*words[i] != '-')
      take_word (typed, words[i]);
  }
}

static void
complete (ClmCli *cli, const Typed *typed, const char *before, const char *word)
{
  const char *equals = g_str_has_prefix (word, "--") ? strchr (word, '=') : NULL;
  if (equals != NULL) {
    g_autofree char *option = g_strndup (word, (gsize) (equals - word));
    offer_values (cli, typed->verb, option, equals + 1);
  } else if (clm_options_takes_value (typed->verb, before)) {
    offer_values (cli, typed->verb, before, word);
  } else if (*word == '-') {
    offer_options (typed->verb != NULL ? typed->verb->entries : NULL, word);
    offer_options (clm_options_list_global (NULL), word);
  } else if (typed->verb != NULL) {
    offer_arguments (cli, typed, word);
  } else {
    g_auto (GStrv) words = clm_verb_list_words (typed->noun);
    offer_all ((const char *const *) words, word);
  }
}

static void
on_alarm (int number)
{
  _exit (CLM_EXIT_DONE);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  guint count = g_strv_length (arguments);
  Typed typed = { 0 };
  if (count == 0)
    return CLM_EXIT_DONE;
  signal (SIGALRM, on_alarm);
  alarm (PATIENCE_S);
  cli->no_start = TRUE;
  read_words (cli, arguments, count - 1, &typed);
  complete (cli, &typed, count > 1 ? arguments[count - 2] : "", arguments[count - 1]);
  g_free (typed.noun);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_complete = {
  "complete", "WORD…", N_("Tell what the last word may become; for shells"), 0, G_MAXUINT, CLM_ARGUMENT_NONE, TRUE, NULL, run,
};
