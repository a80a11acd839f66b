/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-options.h"

#include <string.h>

#define LONGEST 64

/* Edits between two words: insert, delete, replace, swap neighbours; the case does not count. */
static guint
edit_distance (const char *a, const char *b)
{
  gsize m = strlen (a), n = strlen (b);
  guint rows[3][LONGEST + 1];
  guint *before = rows[0], *last = rows[1], *now = rows[2];

  if (m > LONGEST || n > LONGEST)
    return G_MAXUINT;
  for (gsize j = 0; j <= n; j++)
    before[j] = last[j] = j;
  for (gsize i = 1; i <= m; i++) {
    now[0] = i;
    for (gsize j = 1; j <= n; j++) {
      gboolean same = g_ascii_tolower (a[i - 1]) == g_ascii_tolower (b[j - 1]);
      now[j] = MIN (MIN (last[j] + 1, now[j - 1] + 1), last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && g_ascii_tolower (a[i - 1]) == g_ascii_tolower (b[j - 2]) &&
          g_ascii_tolower (a[i - 2]) == g_ascii_tolower (b[j - 1]))
        now[j] = MIN (now[j], before[j - 2] + 1);
    }
    guint *free_row = before;
    before = last;
    last = now;
    now = free_row;
  }
  return last[n];
}

const char *
clm_word_nearest (const char *word, const char *const *words)
{
  const char *nearest = NULL;

  g_return_val_if_fail (word != NULL && words != NULL, NULL);

  guint best = MAX (1, MIN (3, strlen (word) / 3)) + 1;
  for (guint i = 0; words[i] != NULL; i++) {
    guint distance = edit_distance (word, words[i]);
    if (distance < best) {
      best = distance;
      nearest = words[i];
    }
  }
  return nearest;
}
