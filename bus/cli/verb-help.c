/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <string.h>

#include "error.h"
#include "help.h"
#include "options.h"
#include "suggest.h"

#define NAME_WIDTH 22

/* printf() counts bytes. */
static void
append_entry (GString *text, const char *name, const char *description)
{
  glong width = g_utf8_strlen (name, -1);
  g_string_append_printf (text, "  %s%*s  %s\n", name, (int) MAX (NAME_WIDTH - width, 0), "", description);
}

static void
append_options (GString *text, const GOptionEntry *entries)
{
  for (gsize i = 0; entries != NULL && entries[i].long_name != NULL; i++) {
    const GOptionEntry *entry = &entries[i];
    if (entry->flags & G_OPTION_FLAG_HIDDEN)
      continue;
    gboolean optional = (entry->flags & G_OPTION_FLAG_OPTIONAL_ARG) != 0;
    g_autofree char *letter = entry->short_name != 0 ? g_strdup_printf ("-%c, ", entry->short_name) : g_strdup ("");
    g_autofree char *value = entry->arg_description == NULL ? g_strdup ("")
                             : g_strdup_printf (optional ? "[=%s]" : "=%s", entry->arg_description);
    g_autofree char *name = g_strdup_printf ("%s--%s%s", letter, entry->long_name, value);
    append_entry (text, name, _(entry->description));
  }
}

static char *
format_verb (const ClmVerb *verb)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *space = *verb->arguments != '\0' ? " " : "";
  g_string_append_printf (text, _("Usage: certloom %s [OPTION…]%s%s\n\n%s.\n"), verb->name, space, verb->arguments, _(verb->summary));
  if (verb->entries != NULL)
    g_string_append_printf (text, "\n%s\n", _("Options:"));
  append_options (text, verb->entries);
  g_string_append_printf (text, "\n%s\n", _("Options of every verb:"));
  append_options (text, clm_options_list_global (NULL));
  g_string_append (text, _("\nMore: man certloom\n"));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
begins_with (const ClmVerb *verb, const char *noun)
{
  gsize length = strlen (noun);
  return strncmp (verb->name, noun, length) == 0 && verb->name[length] == ' ';
}

static char *
format_command (const char *noun)
{
  const ClmVerb *const *verbs = clm_verb_list ();
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append (text, _("Usage: certloom [OPTION…] VERB [OPTION…] [ARGUMENT…]\n\nKeeps certificates valid: asks certloomd, which does it.\n"));
  g_string_append_printf (text, "\n%s\n", _("Verbs:"));
  for (gsize i = 0; verbs[i] != NULL; i++) {
    g_autofree char *name = g_strdup_printf ("%s %s", verbs[i]->name, verbs[i]->arguments);
    if (noun != NULL ? begins_with (verbs[i], noun) : !verbs[i]->hidden)
      append_entry (text, name, _(verbs[i]->summary));
  }
  g_string_append_printf (text, "\n%s\n", _("Options of every verb:"));
  append_options (text, clm_options_list_global (NULL));
  g_string_append (text, _("\nMore: certloom help VERB, man certloom\n"));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
clm_help_format (const ClmVerb *verb, const char *noun)
{
  return verb != NULL ? format_verb (verb) : format_command (noun);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  g_autofree char *name = arguments[0] != NULL ? g_strjoinv (" ", arguments) : NULL;
  const ClmVerb *verb = name != NULL ? clm_verb_find (name) : NULL;
  gboolean noun = name != NULL && clm_verb_is_noun (name);
  if (name != NULL && verb == NULL && !noun) {
    g_auto (GStrv) words = clm_verb_list_words (clm_verb_is_noun (arguments[0]) ? arguments[0] : NULL);
    g_autofree char *hint = clm_suggest_format (arguments[1] != NULL ? arguments[1] : name, (const char *const *) words);
    clm_cli_error_set_usage (error, hint != NULL ? hint : _("see all verbs with:  certloom help"), _("there is no verb “%s”"), name);
    return CLM_EXIT_USAGE;
  }
  g_autofree char *text = clm_help_format (verb, noun ? name : NULL);
  g_autofree char *shown = clm_cli_dup_shown (cli, text);
  clm_cli_print (cli, shown);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_help = { "help", "[VERB]", N_("Tell about a verb and its options"), 0, 2, CLM_ARGUMENT_VERB, FALSE, NULL, run };
