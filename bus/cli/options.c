/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "options.h"

#include <glib/gi18n.h>
#include <string.h>

#include "error.h"
#include "suggest.h"

#define N_GLOBAL 12

void
clm_command_line_clear (ClmCommandLine *self)
{
  g_clear_pointer (&self->noun, g_free);
  g_clear_pointer (&self->arguments, g_strfreev);
}

const GOptionEntry *
clm_options_list_global (ClmCli *cli)
{
  static ClmCli none;
  static GOptionEntry entries[N_GLOBAL];
  ClmCli *to = cli != NULL ? cli : &none;
  const GOptionEntry filled[N_GLOBAL] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &to->json, N_("Write JSON, errors too"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &to->quiet, N_("Write only errors and what was asked for"), NULL },
    { "no-pager", 0, 0, G_OPTION_ARG_NONE, &to->no_pager, N_("Do not use a pager"), NULL },
    { "no-legend", 0, 0, G_OPTION_ARG_NONE, &to->no_legend, N_("Leave out headings and totals"), NULL },
    { "color", 0, 0, G_OPTION_ARG_STRING, &to->color, N_("Use colours: auto, always or never"), "WHEN" },
    { "session", 0, 0, G_OPTION_ARG_NONE, &to->session, N_("Use the session bus"), NULL },
    { "address", 0, 0, G_OPTION_ARG_STRING, &to->address, N_("Use the message bus at ADDRESS"), "ADDRESS" },
    { "help", 'h', 0, G_OPTION_ARG_NONE, &to->help, N_("Tell about a verb and its options"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &to->version, N_("Tell the version"), NULL },
    { "daemon", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &to->daemon, NULL, "PATH" },
    { NULL },
  };
  memcpy (entries, filled, sizeof entries);
  return entries;
}

/* --- which verb --- */

static const GOptionEntry *
find_entry (const GOptionEntry *entries, const char *word, gsize length)
{
  for (gsize i = 0; entries != NULL && entries[i].long_name != NULL; i++) {
    gboolean is_long = length > 2 && strncmp (word, "--", 2) == 0 && strlen (entries[i].long_name) == length - 2
                       && strncmp (entries[i].long_name, word + 2, length - 2) == 0;
    gboolean is_short = length == 2 && entries[i].short_name != 0 && word[1] == entries[i].short_name;
    if (is_long || is_short)
      return &entries[i];
  }
  return NULL;
}

gboolean
clm_options_takes_value (const ClmVerb *verb, const char *word)
{
  const GOptionEntry *entry = verb != NULL ? find_entry (verb->entries, word, strlen (word)) : NULL;
  if (entry == NULL)
    entry = find_entry (clm_options_list_global (NULL), word, strlen (word));
  return entry != NULL && entry->arg != G_OPTION_ARG_NONE && !(entry->flags & G_OPTION_FLAG_OPTIONAL_ARG);
}

/* Takes the first word that is no option out of @words, as long as only options of every verb stand before it. */
static char *
take_word (GPtrArray *words)
{
  for (guint i = 1; i < words->len; i++) {
    const char *word = words->pdata[i];
    if (*word != '-' || g_str_equal (word, "-"))
      return g_ptr_array_steal_index (words, i);
    if (clm_options_takes_value (NULL, word))
      i++;
  }
  return NULL;
}

static gboolean
refuse_verb (const char *noun, const char *word, GError **error)
{
  g_auto (GStrv) words = clm_verb_list_words (noun);
  g_autofree char *hint = word != NULL ? clm_suggest_format (word, (const char *const *) words) : NULL;
  g_autofree char *list = g_strjoinv (", ", words);
  if (word == NULL)
    return clm_cli_error_set_usage (error, list, _("“%s” wants one more word"), noun);
  if (hint == NULL)
    hint = noun != NULL ? g_steal_pointer (&list) : g_strdup (_("see all verbs with:  certloom help"));
  return clm_cli_error_set_usage (error, hint, _("there is no verb “%s%s%s”"), noun != NULL ? noun : "", noun != NULL ? " " : "", word);
}

static gboolean
wants_help (const GPtrArray *words)
{
  for (guint i = 1; i < words->len; i++) {
    if (g_str_equal (words->pdata[i], "--help") || g_str_equal (words->pdata[i], "-h"))
      return TRUE;
  }
  return FALSE;
}

static gboolean
find_verb (GPtrArray *words, ClmCommandLine *line, GError **error)
{
  g_autofree char *first = take_word (words);
  if (first == NULL)
    return TRUE;
  if (!clm_verb_is_noun (first)) {
    line->verb = clm_verb_find (first);
    return line->verb != NULL || refuse_verb (NULL, first, error);
  }
  g_autofree char *second = take_word (words);
  g_autofree char *name = g_strjoin (" ", first, second, NULL);
  line->verb = clm_verb_find (name);
  if (line->verb == NULL && second == NULL && wants_help (words))
    line->noun = g_steal_pointer (&first);
  return line->verb != NULL || line->noun != NULL || refuse_verb (first, second, error);
}

/* --- its options --- */

static void
add_long_names (GStrvBuilder *names, const GOptionEntry *entries)
{
  for (gsize i = 0; entries != NULL && entries[i].long_name != NULL; i++) {
    if (entries[i].flags & G_OPTION_FLAG_HIDDEN)
      continue;
    g_autofree char *name = g_strconcat ("--", entries[i].long_name, NULL);
    g_strv_builder_add (names, name);
  }
}

static gboolean
knows_letter (const ClmVerb *verb, const char *word)
{
  return find_entry (clm_options_list_global (NULL), word, 2) != NULL || (verb != NULL && find_entry (verb->entries, word, 2) != NULL);
}

/* GOption stops at the first option that it does not know; we know what may have been meant. */
static gboolean
refuse_option (const ClmVerb *verb, const GPtrArray *words, GError *problem, GError **error)
{
  g_autoptr (GError) owned = problem;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *help = verb != NULL ? g_strdup_printf (_("see its options with:  certloom help %s"), verb->name)
                                       : g_strdup (_("see all verbs with:  certloom help"));
  if (!g_error_matches (owned, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
    return clm_cli_error_set_usage (error, help, "%s", owned->message);
  add_long_names (builder, verb != NULL ? verb->entries : NULL);
  add_long_names (builder, clm_options_list_global (NULL));
  g_auto (GStrv) names = g_strv_builder_end (builder);
  for (guint i = 1; i < words->len && words->pdata[i] != NULL; i++) {
    const char *word = words->pdata[i];
    if (word[0] == '-' && word[1] != '-' && word[1] != '\0' && !knows_letter (verb, word))
      return clm_cli_error_set_usage (error, help, _("there is no option %.2s"), word);
    g_auto (GStrv) parts = g_strsplit (word, "=", 2);
    if (!g_str_has_prefix (parts[0], "--") || parts[0][2] == '\0' || g_strv_contains ((const char *const *) names, parts[0]))
      continue;
    g_autofree char *hint = clm_suggest_format (parts[0], (const char *const *) names);
    return clm_cli_error_set_usage (error, hint != NULL ? hint : help, _("there is no option %s"), parts[0]);
  }
  return clm_cli_error_set_usage (error, help, "%s", owned->message);
}

static gboolean
parse_options (ClmCli *cli, const ClmVerb *verb, GPtrArray *words, GStrv *arguments, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_auto (GStrv) rest = g_new0 (char *, words->len + 1);
  GError *problem = NULL;
  for (guint i = 0; i < words->len; i++)
    rest[i] = g_strdup (words->pdata[i]);
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_add_main_entries (context, clm_options_list_global (cli), NULL);
  if (verb != NULL && verb->entries != NULL)
    g_option_context_add_main_entries (context, verb->entries, NULL);
  gboolean json = cli->json;
  if (!g_option_context_parse_strv (context, &rest, &problem)) {
    cli->json = json;   /* GOption takes back what it has set */
    return refuse_option (verb, words, problem, error);
  }
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  for (guint i = 1; rest[i] != NULL; i++) {
    if (!g_str_equal (rest[i], "--"))
      g_strv_builder_add (builder, rest[i]);
  }
  *arguments = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
check_global (ClmCli *cli, GError **error)
{
  static const char *const colors[] = { "auto", "always", "never", NULL };
  if (cli->session && cli->address != NULL)
    return clm_cli_error_set_usage (error, _("leave one of them out"), _("--session and --address exclude each other"));
  if (cli->color != NULL && !g_strv_contains (colors, cli->color))
    return clm_cli_error_set_usage (error, _("say auto, always or never"), _("“%s” is no value of --color"), cli->color);
  return TRUE;
}

static gboolean
check_arguments (const ClmVerb *verb, char **arguments, GError **error)
{
  guint count = g_strv_length (arguments);
  g_autofree char *usage = g_strdup_printf ("certloom %s%s%s", verb->name, *verb->arguments != '\0' ? " " : "", verb->arguments);
  if (count < verb->least)
    return clm_cli_error_set_usage (error, usage, _("“%s” wants more arguments"), verb->name);
  if (count > verb->most)
    return clm_cli_error_set_usage (error, usage, _("“%s” does not know what to do with “%s”"), verb->name, arguments[verb->most]);
  for (guint i = 0; i < count; i++) {
    if (!g_utf8_validate (arguments[i], -1, NULL))
      return clm_cli_error_set_usage (error, _("look at the encoding of your terminal, e.g. LANG"), _("an argument is not UTF-8"));
  }
  return TRUE;
}

gboolean
clm_options_parse (ClmCli *cli, int argc, char **argv, ClmCommandLine *line, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  for (int i = 0; i < argc; i++)
    g_ptr_array_add (words, g_strdup (argv[i]));
  /* So that even a wrong verb is answered as JSON. */
  cli->json = g_strv_contains ((const char *const *) argv, "--json");
  if (!find_verb (words, line, error))
    return FALSE;
  if (line->verb == &clm_verb_complete) {
    line->arguments = g_strdupv (argv + MIN (argc, 2));
    return TRUE;
  }
  if (!parse_options (cli, line->verb, words, &line->arguments, error) || !check_global (cli, error))
    return FALSE;
  if (line->verb == NULL || cli->help || cli->version)
    return TRUE;
  return check_arguments (line->verb, line->arguments, error);
}
