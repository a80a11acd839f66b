/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The typed values of a configuration file: core/api/clm-options.c and span.c. Input: the value of a key. */
#include "fuzz.h"

#include <string.h>

#include "certloom-plugin.h"

static void
set (ClmOptions *options, const char *value)
{
  clm_options_set (options, "Key", value, "/etc/certloom/x", 3);
}

static void
check_span (ClmOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gint64 span = -1, again = -1;

  if (!clm_options_get_span (options, "Key", 7, &span, &error)) {
    clm_fuzz_assert_error (error);
    return;
  }
  g_assert_cmpint (span, >=, 0);
  text = g_strdup_printf ("%" G_GINT64_FORMAT "s", span);
  g_assert_true (clm_span_parse (text, &again, &error) && again == span);
}

static void
check_numbers (ClmOptions *options)
{
  static const char *const choices[] = { "rollback", "keep", NULL };
  g_autoptr (GError) share_error = NULL, int_error = NULL, boolean_error = NULL, choice_error = NULL;
  double share = -1;
  gint64 number = -1;
  gboolean boolean = -1;
  guint choice = 99;

  if (clm_options_get_share (options, "Key", 0.5, &share, &share_error))
    g_assert_true (share > 0 && share < 1);
  else
    clm_fuzz_assert_error (share_error);
  if (clm_options_get_int (options, "Key", 5, -10, 100, &number, &int_error))
    g_assert_true (number >= -10 && number <= 100);
  else
    clm_fuzz_assert_error (int_error);
  if (clm_options_get_boolean (options, "Key", TRUE, &boolean, &boolean_error))
    g_assert_true (boolean == TRUE || boolean == FALSE);
  else
    clm_fuzz_assert_error (boolean_error);
  if (clm_options_get_choice (options, "Key", choices, 1, &choice, &choice_error))
    g_assert_cmpuint (choice, <, 2);
  else
    clm_fuzz_assert_error (choice_error);
}

/* Quoted, every list is what it was. */
static void
check_list (ClmOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = clm_options_get_list (options, "Key", NULL, &error), again = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  if (words == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  for (guint i = 0; words[i] != NULL; i++) {
    g_string_append (text, i > 0 ? " \"" : "\"");
    for (const char *c = words[i]; *c; c++)
      g_string_append_printf (text, "%s%c", strchr ("\"\\", *c) ? "\\" : "", *c);
    g_string_append_c (text, '"');
  }
  set (options, text->str);
  again = clm_options_get_list (options, "Key", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_strv_equal ((const char *const *) words, (const char *const *) again));
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  static const char *const words[] = { "DNS", "Subject", "Authority", "KeyType", NULL };
  ClmFuzzInput in = { data, size };
  g_autofree char *value = clm_fuzz_take_line (&in);
  g_autoptr (ClmOptions) options = clm_options_new ("fuzz");
  const char *nearest;

  nearest = clm_word_nearest (value, words);
  g_assert_true (nearest == NULL || g_strv_contains (words, nearest));
  set (options, value);
  check_span (options);
  check_numbers (options);
  check_list (options);
}

void
clm_fuzz_make_seeds (void)
{
}
