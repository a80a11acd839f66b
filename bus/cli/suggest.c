/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "suggest.h"

#include <glib/gi18n.h>
#include <string.h>

#define LENGTH_MAX 64

/* Typing errors between two words: one letter more, less, other, or two swapped (optimal string alignment). */
static guint
count_errors (const char *a, const char *b)
{
  guint rows[3][LENGTH_MAX + 1];
  guint *before = rows[0], *last = rows[1], *row = rows[2];
  gsize length_a = strlen (a), length_b = strlen (b);
  if (length_a > LENGTH_MAX || length_b > LENGTH_MAX)
    return G_MAXUINT;
  for (guint j = 0; j <= length_b; j++)
    last[j] = j;
  for (guint i = 1; i <= length_a; i++) {
    row[0] = i;
    for (guint j = 1; j <= length_b; j++) {
      guint other = a[i - 1] != b[j - 1];
      row[j] = MIN (MIN (last[j] + 1, row[j - 1] + 1), last[j - 1] + other);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN (row[j], before[j - 2] + 1);
    }
    guint *free_row = before;
    before = last;
    last = row;
    row = free_row;
  }
  return last[length_b];
}

const char *
clm_suggest_word (const char *word, const char *const *words)
{
  const char *nearest = NULL;
  guint least = MAX (1, (guint) strlen (word) / 3) + 1;
  for (gsize i = 0; words[i] != NULL; i++) {
    gboolean begins = strlen (word) >= 2 && g_str_has_prefix (words[i], word);
    guint errors = begins ? 1 : count_errors (word, words[i]);
    if (errors < least) {
      least = errors;
      nearest = words[i];
    }
  }
  return nearest;
}

char *
clm_suggest_format (const char *word, const char *const *words)
{
  const char *nearest = clm_suggest_word (word, words);
  return nearest != NULL ? g_strdup_printf (_("did you mean “%s”?"), nearest) : NULL;
}
