/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-error.h"

static void
extras_travel_with_copies (void)
{
  g_autoptr (GError) error = g_error_new_literal (CLM_ERROR, CLM_ERROR_BUSY, "come back later");
  g_autoptr (GError) copy = NULL, moved = NULL;

  g_assert_cmpint (clm_error_get_retry_after (error), ==, -1);
  g_assert_null (clm_error_get_hint (error));
  clm_error_set_retry_after (error, 120);
  clm_error_set_hint (error, "wait %d minutes", 2);
  copy = g_error_copy (error);
  g_assert_cmpint (clm_error_get_retry_after (copy), ==, 120);
  g_assert_cmpstr (clm_error_get_hint (copy), ==, "wait 2 minutes");
  g_propagate_prefixed_error (&moved, g_steal_pointer (&copy), "ca corp: ");
  g_assert_cmpstr (moved->message, ==, "ca corp: come back later");
  g_assert_cmpstr (clm_error_get_hint (moved), ==, "wait 2 minutes");
  clm_error_set_hint (moved, "%s", "another");
  g_assert_cmpstr (clm_error_get_hint (moved), ==, "another");
  clm_error_set_retry_after (moved, -5);
  g_assert_cmpint (clm_error_get_retry_after (moved), ==, 0);
}

static void
errors_of_others_have_no_extras (void)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "x");

  g_assert_cmpint (clm_error_get_retry_after (error), ==, -1);
  g_assert_null (clm_error_get_hint (error));
  g_assert_cmpint (clm_error_get_retry_after (NULL), ==, -1);
  g_assert_null (clm_error_get_hint (NULL));
  clm_error_set_hint (NULL, "ignored");
  clm_error_set_retry_after (NULL, 1);
}

static void
each_code_has_its_word (void)
{
  g_autoptr (GHashTable) words = g_hash_table_new (g_str_hash, g_str_equal);

  for (int code = 0; code < CLM_N_ERRORS; code++) {
    const char *nick = clm_error_code_to_nick (code);
    g_assert_true (g_ascii_isupper (*nick));
    g_assert_true (g_hash_table_add (words, (gpointer) nick));
  }
  g_assert_cmpstr (clm_error_code_to_nick (CLM_ERROR_KEY_UNAVAILABLE), ==, "KeyUnavailable");
  g_assert_cmpstr (clm_error_code_to_nick (CLM_N_ERRORS), ==, "Failed");
  g_assert_cmpstr (clm_error_code_to_nick (-1), ==, "Failed");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/extras-travel-with-copies", extras_travel_with_copies);
  g_test_add_func ("/error/errors-of-others-have-no-extras", errors_of_others_have_no_extras);
  g_test_add_func ("/error/each-code-has-its-word", each_code_has_its_word);
  return g_test_run ();
}
