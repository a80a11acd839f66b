/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/conf/specifiers.c. Input: the text, then behind NULs instance, host name, machine id, serial number. */
#include "fuzz.h"

#include <string.h>

#include "specifiers.h"

static gboolean
is_plain (const char *text)
{
  return strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == strlen (text);
}

/* What a caller of a template has a say in is found by this; one that is missed is a name that nobody checks. */
static void
check_use_of_instance (const ClmSpecifiers *machine, const char *text)
{
  g_autofree char *a = clm_specifiers_expand (machine, text, "AAAA", NULL), *b = clm_specifiers_expand (machine, text, "BBBB", NULL);

  g_assert_true ((a == NULL) == (b == NULL));
  if (a != NULL)
    g_assert_true (clm_specifiers_uses_instance (text) == !g_str_equal (a, b));
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  g_autofree char *text = clm_fuzz_take_text (&in), *instance = clm_fuzz_take_text (&in), *host = clm_fuzz_take_text (&in);
  g_autofree char *id = clm_fuzz_take_text (&in), *serial = clm_fuzz_take_text (&in), *result = NULL, *escaped = NULL, *back = NULL;
  g_autoptr (ClmSpecifiers) machine = clm_specifiers_new (*host ? host : NULL, *id ? id : NULL, *serial ? serial : NULL);
  g_auto (GStrv) halves = g_strsplit (text, "%", -1);
  g_autoptr (GError) error = NULL;

  check_use_of_instance (machine, text);
  /* A per cent sign that is doubled comes back as one, whatever follows. */
  escaped = g_strjoinv ("%%", halves);
  back = clm_specifiers_expand (NULL, escaped, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (back, ==, text);
  g_assert_false (clm_specifiers_uses_instance (escaped));

  result = clm_specifiers_expand (machine, text, *instance ? instance : NULL, &error);
  if (result == NULL) {
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    clm_fuzz_assert_error (error);
    return;
  }
  clm_fuzz_accept ();
  /* Nothing but plain characters has come in: with these taken out, what is left is the text's own. */
  for (const char *c = result; *c; c++)
    g_assert_true (is_plain ((const char[]) { *c, '\0' }) || strchr (text, *c) != NULL);
  if (strstr (text, "%i") && clm_specifiers_uses_instance (text))
    g_assert_true (*instance && is_plain (instance) && strstr (result, instance));
}

void
clm_fuzz_make_seeds (void)
{
  static const char all[] = "CN=%i,O=%H %m/%S 100%% 66% %20\0eth0\0gw-1\0c0ffee\0SN:1.2_3";
  static const char bad[] = "%i%%i%%%i\0a/b\0";

  clm_fuzz_seed ("all", all, sizeof all - 1);
  clm_fuzz_seed ("refused-instance", bad, sizeof bad - 1);
}
