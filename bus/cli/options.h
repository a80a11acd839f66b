/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verb.h"

G_BEGIN_DECLS

/** ClmCommandLine: what was typed. Plain data. */
typedef struct {
  const ClmVerb *verb;       /* (nullable): none was named */
  char          *noun;       /* (nullable): of the verbs that help is wanted for */
  GStrv          arguments;
} ClmCommandLine;

void clm_command_line_clear (ClmCommandLine *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmCommandLine, clm_command_line_clear)

/** clm_options_list_global: Returns: (transfer none): the options of every verb, stored in @cli (nullable: only their names are wanted). */
const GOptionEntry *clm_options_list_global (ClmCli *cli);

/** clm_options_parse: Parses everything: verb, options before and after it, number of arguments. Fails with %CLM_EXIT_USAGE and what may have been meant. */
gboolean clm_options_parse (ClmCli *cli, int argc, char **argv, ClmCommandLine *line, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_takes_value: whether the next word belongs to @word, one of the options of @verb (nullable) or of every verb. */
gboolean clm_options_takes_value (const ClmVerb *verb, const char *word);

G_END_DECLS
