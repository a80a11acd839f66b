/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** clm_suggest_word: @words: (array zero-terminated=1). Returns: (transfer none) (nullable): the one that @word is most likely meant to be: a beginning of it, or a few typing errors away. */
const char *clm_suggest_word (const char *word, const char *const *words);

/** clm_suggest_format: Returns: (transfer full) (nullable): "did you mean …?" for a person; %NULL where nothing is near. */
char *clm_suggest_format (const char *word, const char *const *words);

G_END_DECLS
