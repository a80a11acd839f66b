/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "state.h"

#define NOW 1000000

static void
test_next_is_a_phrase (void)
{
  static const struct { const char *state, *action; gint64 time; guint attempts; const char *phrase; } cases[] = {
    { "ready", "renew", NOW + 31 * 86400, 0, "renew in 31d" },
    { "failing", "renew", NOW + 12 * 60, 5, "renew in 12m (attempt 6)" },
    { "ready", "renew", NOW - 5, 0, "renew now" },
    { "renewing", "renew", NOW - 5, 0, "under way" },
    { "enrolling", "enroll", 0, 0, "under way" },
    { "pending", "poll", NOW + 30, 0, "ask the CA in 30s" },
    { "waiting", "enroll", 0, 0, "enroll" },
    { "held", "renew", NOW + 5, 0, "–" },
    { "revoked", "none", 0, 0, "–" },
    { "ready", "dance", NOW + 5, 0, "dance in 5s" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *phrase = clm_state_format_next (cases[i].state, cases[i].action, cases[i].time, cases[i].attempts, NOW);
    g_assert_cmpstr (phrase, ==, cases[i].phrase);
  }
}

static void
test_a_state_of_the_future_is_text (void)
{
  g_assert_cmpstr (clm_state_get_label ("dancing"), ==, "dancing");
  g_assert_cmpstr (clm_state_get_symbol ("dancing", TRUE), ==, "?");
  g_assert_cmpuint (clm_state_get_rank ("expired"), <, clm_state_get_rank ("dancing"));
  g_assert_cmpuint (clm_state_get_rank ("dancing"), <, clm_state_get_rank ("ready"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/state/next-is-a-phrase", test_next_is_a_phrase);
  g_test_add_func ("/state/a-state-of-the-future-is-text", test_a_state_of_the_future_is_text);
  return g_test_run ();
}
