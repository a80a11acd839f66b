/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-error.h"
#include "clm-options.h"

#define assert_config(error, text) \
  G_STMT_START { \
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG); \
    g_assert_cmpstr (error->message, ==, text); \
    g_clear_error (&error); \
  } G_STMT_END

static void
typed_values (void)
{
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("x.authority",
    "# comment\n\nUrl = https://ca\nOn=yes\nOff=0\nCount=-7\nSpan=1h 30min\nShare=66.5%\nList=a \"b c\"  d\\e \"f\\\"g\" \"\"\nMode=fast\n");
  static const char *const modes[] = {"slow", "fast", NULL};
  g_autoptr (GError) error = NULL;
  gboolean flag;
  gint64 number;
  double share;
  guint choice;

  g_assert_cmpstr (clm_options_get_string (options, "Url", NULL), ==, "https://ca");
  g_assert_true (clm_options_get_boolean (options, "On", FALSE, &flag, &error) && flag);
  g_assert_true (clm_options_get_boolean (options, "Off", TRUE, &flag, &error) && !flag);
  g_assert_true (clm_options_get_boolean (options, "Absent", TRUE, &flag, &error) && flag);
  g_assert_true (clm_options_get_int (options, "Count", 0, -10, 10, &number, &error));
  g_assert_cmpint (number, ==, -7);
  g_assert_true (clm_options_get_span (options, "Span", 0, &number, &error));
  g_assert_cmpint (number, ==, 5400);
  g_assert_true (clm_options_get_share (options, "Share", 0, &share, &error));
  g_assert_cmpfloat_with_epsilon (share, 0.665, 1e-9);
  g_auto (GStrv) list = clm_options_get_list (options, "List", NULL, &error);
  g_assert_cmpstrv (list, ((const char *const []) {"a", "b c", "d\\e", "f\"g", "", NULL}));
  g_auto (GStrv) fallback = clm_options_get_list (options, "Other", "p q", &error);
  g_assert_cmpstrv (fallback, ((const char *const []) {"p", "q", NULL}));
  g_assert_true (clm_options_get_choice (options, "Mode", modes, 0, &choice, &error) && choice == 1);
  g_assert_true (clm_options_refuse_unread (options, &error));
  g_assert_no_error (error);
}

static void
an_error_names_file_line_and_key (void)
{
  g_autoptr (ClmOptions) options = clm_options_new ("corp.authority");
  static const char *const modes[] = {"slow", "fast", NULL};
  g_autoptr (GError) error = NULL;
  gboolean flag;
  gint64 number;
  double share;
  guint choice;

  clm_options_set (options, "Flag", "maybe", "/etc/certloom/authorities.d/corp.authority", 7);
  clm_options_set (options, "Count", "12x", NULL, 3);
  clm_options_set (options, "Span", "30", NULL, 0);
  clm_options_set (options, "Share", "0%", NULL, 5);
  clm_options_set (options, "List", "a \"b", NULL, 6);
  clm_options_set (options, "Mode", "quick", NULL, 8);
  g_assert_false (clm_options_get_boolean (options, "Flag", FALSE, &flag, &error));
  assert_config (error, "/etc/certloom/authorities.d/corp.authority:7: Flag=: \"maybe\" is neither yes nor no");
  g_assert_false (clm_options_get_int (options, "Count", 0, 1, 9, &number, &error));
  assert_config (error, "corp.authority:3: Count=: \"12x\" is not a number from 1 to 9");
  g_assert_false (clm_options_get_span (options, "Span", 0, &number, &error));
  assert_config (error, "corp.authority: Span=: \"30\" is not a span of time such as 30s, 5min, 12h, 90d, 2w, 1y");
  g_assert_false (clm_options_get_share (options, "Share", 0, &share, &error));
  assert_config (error, "corp.authority:5: Share=: \"0%\" is not a share above 0% and below 100%");
  g_assert_null (clm_options_get_list (options, "List", NULL, &error));
  assert_config (error, "corp.authority:6: List=: a quotation mark is not closed");
  g_assert_false (clm_options_get_choice (options, "Mode", modes, 0, &choice, &error));
  assert_config (error, "corp.authority:8: Mode=: \"quick\" is none of slow, fast");
  g_assert_null (clm_options_require_string (options, "Url", &error));
  g_assert_cmpstr (clm_error_get_hint (error), ==, "set Url= in corp.authority");
  assert_config (error, "corp.authority: Url=: must be set");
}

static void
what_nobody_read_is_refused_with_the_nearest_key (void)
{
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("a", "Lifetme=3d\n");
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_options_has (options, "Lifetme"));
  g_assert_false (clm_options_refuse_unread (options, &error));
  assert_config (error, "a:1: Lifetme=: unknown key");
  clm_options_get_string (options, "Lifetime", NULL);
  clm_options_get_string (options, "Url", NULL);
  g_assert_false (clm_options_refuse_unread (options, &error));
  assert_config (error, "a:1: Lifetme=: unknown key, did you mean Lifetime=");
  clm_options_get_string (options, "Lifetme", NULL);
  g_assert_true (clm_options_refuse_unread (options, &error));
}

static void
an_empty_value_counts_as_absent (void)
{
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("a", "Key=\n");
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (clm_options_get_string (options, "Key", "fallback"), ==, "fallback");
  g_assert_null (clm_options_require_string (options, "Key", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_clear_error (&error);
  g_assert_true (clm_options_refuse_unread (options, &error));
}

static void
the_last_setting_wins (void)
{
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("a", "One=1\nTwo=2\nOne=3\n");
  g_autoptr (GPtrArray) keys = clm_options_list_keys (options);

  g_assert_cmpuint (keys->len, ==, 2);
  g_assert_cmpstr (g_ptr_array_index (keys, 0), ==, "One");
  g_assert_cmpstr (clm_options_get_string (options, "One", NULL), ==, "3");
}

static void
spans (void)
{
  static const struct { const char *text; gint64 seconds; } good[] = {
    {"0", 0}, {"0s", 0}, {"30s", 30}, {"5min", 300}, {"12h", 43200}, {"90d", 7776000}, {"2w", 1209600}, {"1y", 31536000},
    {"1h 30min", 5400}, {"1h30min", 5400}, {" 1d ", 86400}, {"292471208677y", G_GINT64_CONSTANT (292471208677) * 31536000},
  };
  static const char *const bad[] = {"", " ", "30", "s", "1m", "-1s", "1.5h", "1 h", "9223372036854775808s", "292471208678y",
                                    "9223372036854775807s 1s", "1H", "1s,2s", "0 1s", "+1s"};

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    gint64 seconds = -1;
    g_autoptr (GError) error = NULL;
    g_assert_true (clm_span_parse (good[i].text, &seconds, &error));
    g_assert_cmpint (seconds, ==, good[i].seconds);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    gint64 seconds = -1;
    g_autoptr (GError) error = NULL;
    g_assert_false (clm_span_parse (bad[i], &seconds, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  }
}

static void
nearest_words (void)
{
  static const char *const words[] = {"KeyStore", "Url", "Lifetime", "Events", NULL};

  g_assert_cmpstr (clm_word_nearest ("Keystore", words), ==, "KeyStore");
  g_assert_cmpstr (clm_word_nearest ("KeyStroe", words), ==, "KeyStore");
  g_assert_cmpstr (clm_word_nearest ("Lifetimes", words), ==, "Lifetime");
  g_assert_cmpstr (clm_word_nearest ("Ulr", words), ==, "Url");
  g_assert_null (clm_word_nearest ("Password", words));
  g_assert_null (clm_word_nearest ("", words));
  g_autofree char *giant = g_strnfill (100000, 'x');
  g_assert_null (clm_word_nearest (giant, words));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/typed-values", typed_values);
  g_test_add_func ("/options/an-error-names-file-line-and-key", an_error_names_file_line_and_key);
  g_test_add_func ("/options/what-nobody-read-is-refused-with-the-nearest-key", what_nobody_read_is_refused_with_the_nearest_key);
  g_test_add_func ("/options/an-empty-value-counts-as-absent", an_empty_value_counts_as_absent);
  g_test_add_func ("/options/the-last-setting-wins", the_last_setting_wins);
  g_test_add_func ("/span/spans", spans);
  g_test_add_func ("/word/nearest", nearest_words);
  return g_test_run ();
}
