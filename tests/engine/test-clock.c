/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clock.h"

#include "clm-error.h"
#include "virtual-clock.h"

#define BUILD G_GINT64_CONSTANT (1770000000)
#define NOW G_GINT64_CONSTANT (1780000000)

typedef struct {
  guint  count;
  gint64 jump;
} Changes;

static void
on_changed (ClmClock *clock, gint64 jump, gpointer data)
{
  Changes *changes = data;

  changes->count++;
  changes->jump = jump;
}

static ClmVirtualClock *
new_time (gint64 time, gboolean synchronised)
{
  ClmVirtualClock *virtual = clm_virtual_clock_new (time);

  clm_virtual_clock_set_synchronised (virtual, synchronised);
  return virtual;
}

static void
set_time (ClmVirtualClock *virtual, ClmClock *clock, gint64 time)
{
  clm_virtual_clock_set (virtual, time);
  clm_clock_update (clock);
}

static ClmClockTrust
trust_at (ClmClockMode mode, gint64 time, gboolean synchronised, gint64 last_seen)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (time, synchronised);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, mode, BUILD, last_seen);

  return clm_clock_get_trust (clock);
}

static void
test_trust_table (void)
{
  g_assert_cmpint (trust_at (CLM_CLOCK_NTP, NOW, TRUE, -1), ==, CLM_CLOCK_TRUSTED);
  g_assert_cmpint (trust_at (CLM_CLOCK_NTP, NOW, FALSE, -1), ==, CLM_CLOCK_SUSPECT);
  g_assert_cmpint (trust_at (CLM_CLOCK_NTP, 0, FALSE, -1), ==, CLM_CLOCK_UNSET);
  g_assert_cmpint (trust_at (CLM_CLOCK_RTC, NOW, FALSE, -1), ==, CLM_CLOCK_TRUSTED);
  g_assert_cmpint (trust_at (CLM_CLOCK_RTC, NOW, FALSE, NOW - 5), ==, CLM_CLOCK_TRUSTED);
  g_assert_cmpint (trust_at (CLM_CLOCK_RTC, NOW, FALSE, NOW + 5), ==, CLM_CLOCK_SUSPECT);
  g_assert_cmpint (trust_at (CLM_CLOCK_RTC, 0, FALSE, NOW), ==, CLM_CLOCK_UNSET);
  g_assert_cmpint (trust_at (CLM_CLOCK_ALWAYS, 0, FALSE, NOW), ==, CLM_CLOCK_TRUSTED);
}

static void
test_time_is_never_before_the_floor (void)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (5, FALSE);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, CLM_CLOCK_NTP, BUILD, NOW);

  g_assert_cmpint (clm_clock_get_now (clock), ==, 5);
  g_assert_cmpint (clm_clock_get_floor (clock), ==, NOW);
  g_assert_cmpint (clm_clock_get_time (clock), ==, NOW);
  g_assert_cmpint (clm_clock_get_last_seen (clock), ==, -1);
}

static void
test_boot_in_1970_then_set (void)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (5, FALSE);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, CLM_CLOCK_NTP, BUILD, -1);
  Changes changes = { 0 };

  g_signal_connect (clock, "changed", G_CALLBACK (on_changed), &changes);
  clm_clock_update (clock);
  g_assert_cmpuint (changes.count, ==, 0);
  clm_virtual_clock_set_synchronised (virtual, TRUE);
  set_time (virtual, clock, NOW);
  g_assert_cmpuint (changes.count, ==, 1);
  g_assert_cmpint (changes.jump, ==, NOW - 5);
  g_assert_true (clm_clock_is_trusted (clock));
  g_assert_cmpint (clm_clock_get_last_seen (clock), ==, NOW);
}

static void
test_trusted_earlier_time_lowers_the_floor (void)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (NOW, TRUE);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, CLM_CLOCK_NTP, BUILD, NOW + 900000);

  g_assert_cmpint (clm_clock_get_floor (clock), ==, NOW);
  set_time (virtual, clock, BUILD - 100);
  g_assert_cmpint (clm_clock_get_floor (clock), ==, BUILD - 100);
  g_assert_cmpint (clm_clock_get_time (clock), ==, BUILD - 100);
}

static void
test_untrusted_earlier_time_does_not (void)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (NOW, TRUE);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, CLM_CLOCK_NTP, BUILD, -1);

  clm_virtual_clock_set_synchronised (virtual, FALSE);
  set_time (virtual, clock, NOW - 86400);
  g_assert_cmpint (clm_clock_get_trust (clock), ==, CLM_CLOCK_SUSPECT);
  g_assert_cmpint (clm_clock_get_time (clock), ==, NOW);
}

static void
test_lost_synchronisation_keeps_trust (void)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (NOW, TRUE);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, CLM_CLOCK_NTP, BUILD, -1);
  Changes changes = { 0 };

  g_signal_connect (clock, "changed", G_CALLBACK (on_changed), &changes);
  clm_virtual_clock_set_synchronised (virtual, FALSE);
  clm_virtual_clock_advance (virtual, 10 * 86400);
  clm_clock_update (clock);
  g_assert_true (clm_clock_is_trusted (clock));
  g_assert_cmpuint (changes.count, ==, 0);
  /* a step back of an hour, by nobody we know */
  set_time (virtual, clock, NOW + 10 * 86400 - 3600);
  g_assert_false (clm_clock_is_trusted (clock));
  g_assert_cmpuint (changes.count, ==, 1);
  g_assert_cmpint (changes.jump, ==, -3600);
}

static void
test_jump_is_told_while_trusted (void)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (NOW, TRUE);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, CLM_CLOCK_NTP, BUILD, -1);
  Changes changes = { 0 };

  g_signal_connect (clock, "changed", G_CALLBACK (on_changed), &changes);
  set_time (virtual, clock, NOW + 1);
  g_assert_cmpuint (changes.count, ==, 0);
  set_time (virtual, clock, NOW + 86400);
  g_assert_cmpuint (changes.count, ==, 1);
  g_assert_cmpint (changes.jump, ==, 86399);
}

static void
test_mode_change_ends_its_trust (void)
{
  g_autoptr (ClmVirtualClock) virtual = new_time (NOW, FALSE);
  g_autoptr (ClmClock) clock = clm_virtual_clock_create_clock (virtual, CLM_CLOCK_ALWAYS, BUILD, -1);
  Changes changes = { 0 };

  g_signal_connect (clock, "changed", G_CALLBACK (on_changed), &changes);
  clm_clock_set_mode (clock, CLM_CLOCK_NTP);
  g_assert_cmpint (clm_clock_get_trust (clock), ==, CLM_CLOCK_SUSPECT);
  g_assert_cmpuint (changes.count, ==, 1);
  clm_clock_set_mode (clock, CLM_CLOCK_RTC);
  g_assert_true (clm_clock_is_trusted (clock));
  g_assert_cmpuint (changes.count, ==, 2);
}

static void
test_modes_are_parsed (void)
{
  ClmClockMode mode = CLM_CLOCK_NTP;
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_clock_mode_parse ("rtc", &mode, NULL));
  g_assert_cmpint (mode, ==, CLM_CLOCK_RTC);
  g_assert_true (clm_clock_mode_parse ("always", &mode, NULL));
  g_assert_cmpint (mode, ==, CLM_CLOCK_ALWAYS);
  g_assert_false (clm_clock_mode_parse ("Sundial", &mode, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_cmpstr (clm_clock_trust_to_string (CLM_CLOCK_SUSPECT), ==, "suspect");
}

static void
test_system_clocks_run (void)
{
  const ClmClockSource *source = clm_clock_source_get_system ();
  g_autoptr (ClmClock) clock = clm_clock_new (CLM_CLOCK_NTP, 0, -1, NULL, NULL);

  g_assert_cmpint (clm_clock_get_now (clock), >, 1600000000);
  g_assert_cmpint (source->get_boot_time (NULL), <=, source->get_boot_time (NULL));
  (void) source->is_synchronised (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/trust-table", test_trust_table);
  g_test_add_func ("/clock/time-is-never-before-the-floor", test_time_is_never_before_the_floor);
  g_test_add_func ("/clock/safety-39-boot-in-1970-then-set", test_boot_in_1970_then_set);
  g_test_add_func ("/clock/trusted-earlier-time-lowers-the-floor", test_trusted_earlier_time_lowers_the_floor);
  g_test_add_func ("/clock/untrusted-earlier-time-does-not", test_untrusted_earlier_time_does_not);
  g_test_add_func ("/clock/lost-synchronisation-keeps-trust", test_lost_synchronisation_keeps_trust);
  g_test_add_func ("/clock/jump-is-told-while-trusted", test_jump_is_told_while_trusted);
  g_test_add_func ("/clock/mode-change-ends-its-trust", test_mode_change_ends_its_trust);
  g_test_add_func ("/clock/modes-are-parsed", test_modes_are_parsed);
  g_test_add_func ("/clock/system-clocks-run", test_system_clocks_run);
  return g_test_run ();
}
