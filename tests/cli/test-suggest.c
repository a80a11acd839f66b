/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "suggest.h"

static const char *const words[] = { "status", "show", "request", "renew", "revoke", "mqtt-client", NULL };

static void
test_near (void)
{
  g_assert_cmpstr (clm_suggest_word ("statsu", words), ==, "status");
  g_assert_cmpstr (clm_suggest_word ("renwe", words), ==, "renew");
  g_assert_cmpstr (clm_suggest_word ("mqtt", words), ==, "mqtt-client");
  g_assert_cmpstr (clm_suggest_word ("revok", words), ==, "revoke");
}

static void
test_far (void)
{
  g_autofree char *lengthy = g_strnfill (5000, 'a');
  g_assert_null (clm_suggest_word ("certificate", words));
  g_assert_null (clm_suggest_word ("x", words));
  g_assert_null (clm_suggest_word ("", words));
  g_assert_null (clm_suggest_word (lengthy, words));
  g_assert_null (clm_suggest_format ("certificate", words));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/suggest/near", test_near);
  g_test_add_func ("/suggest/far", test_far);
  return g_test_run ();
}
