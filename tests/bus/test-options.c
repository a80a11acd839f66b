/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certloom-plugin.h"
#include "options.h"

static void
check (const char *known, const char *text, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed (text));
  gboolean fine = clm_bus_options_check (known, options, &error);
  if (expected == NULL) {
    g_assert_no_error (error);
    g_assert_true (fine);
    return;
  }
  g_assert_false (fine);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  if (strstr (error->message, expected) == NULL)
    g_error ("“%s” does not say “%s”", error->message, expected);
}

static void
test_known (void)
{
  check ("", "@a{sv} {}", NULL);
  check ("rekey=b due=b", "{'rekey': <true>}", NULL);
  check ("rekey=b due=b", "{'due': <false>, 'rekey': <true>}", NULL);
  check ("states=as n=x", "{'states': <['ready']>, 'n': <int64 7>}", NULL);
}

static void
test_refused (void)
{
  check ("", "{'rekey': <true>}", "unknown option “rekey”");
  check ("rekey=b", "{'reke': <true>}", "unknown option “reke”");
  check ("rekey=b", "{'rekey=b': <true>}", "unknown option");
  check ("rekey=b", "{'': <true>}", "unknown option");
  check ("rekey=b due=b", "{'rekey': <'yes'>}", "of type b, not s");
  check ("rekey=b due=b", "{'rekey': <true>, 'rekey': <false>}", "twice");
  check ("rekey=b", "{'\n\x1b[31m': <true>}", "\\n\\033[31m");
}

static void
test_hint (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'rekei': <true>}"));
  g_assert_false (clm_bus_options_check ("rekey=b due=b", options, &error));
  g_assert_cmpstr (clm_error_get_hint (error), ==, "say “rekey”");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/known-ones-pass", test_known);
  g_test_add_func ("/options/others-are-refused-by-name", test_refused);
  g_test_add_func ("/options/typing-error-is-guessed", test_hint);
  return g_test_run ();
}
