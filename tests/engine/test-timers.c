/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timers.h"

#include "virtual-clock.h"

#define NOW G_GINT64_CONSTANT (1780000000)

typedef struct {
  ClmVirtualClock *virtual;
  ClmClock        *clock;
  ClmTimers       *timers;
  guint            due;
  guint            set;
  guint            done;
  guint            cancelled;
  gint64           due_at;
  gint64           done_at;
} Fixture;

static void
on_due (ClmTimers *timers, gpointer data)
{
  Fixture *f = data;

  f->due++;
  f->due_at = clm_clock_get_now (f->clock);
}

static void
on_set (ClmTimers *timers, gpointer data)
{
  ((Fixture *) data)->set++;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->virtual = clm_virtual_clock_new (NOW);
  f->clock = clm_virtual_clock_create_clock (f->virtual, CLM_CLOCK_NTP, 0, -1);
  f->timers = clm_virtual_clock_create_timers (f->virtual, f->clock);
  g_signal_connect (f->timers, "calendar-due", G_CALLBACK (on_due), f);
  g_signal_connect (f->timers, "clock-set", G_CALLBACK (on_set), f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  clm_virtual_clock_settle (f->virtual);
  g_assert_finalize_object (f->timers);
  g_assert_finalize_object (f->clock);
  clm_virtual_clock_free (f->virtual);
}

static void
on_waited (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;
  g_autoptr (GError) error = NULL;

  if (clm_timers_wait_finish (CLM_TIMERS (source), result, &error)) {
    f->done++;
    f->done_at = clm_clock_get_now (f->clock);
  } else {
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    f->cancelled++;
  }
}

static void
test_calendar_is_due_once (Fixture *f, gconstpointer data)
{
  clm_timers_set_calendar (f->timers, NOW + 100);
  clm_virtual_clock_advance (f->virtual, 99);
  g_assert_cmpuint (f->due, ==, 0);
  clm_virtual_clock_advance (f->virtual, 1000);
  g_assert_cmpuint (f->due, ==, 1);
  g_assert_cmpint (f->due_at, ==, NOW + 100);
}

static void
test_past_calendar_is_due_at_once (Fixture *f, gconstpointer data)
{
  clm_timers_set_calendar (f->timers, NOW - 5);
  g_assert_cmpuint (f->due, ==, 0);
  clm_virtual_clock_settle (f->virtual);
  g_assert_cmpuint (f->due, ==, 1);
  clm_timers_set_calendar (f->timers, 0);
  clm_virtual_clock_settle (f->virtual);
  g_assert_cmpuint (f->due, ==, 2);
}

static void
test_calendar_is_replaced (Fixture *f, gconstpointer data)
{
  clm_timers_set_calendar (f->timers, NOW + 100);
  clm_timers_set_calendar (f->timers, NOW + 500);
  clm_virtual_clock_advance (f->virtual, 400);
  g_assert_cmpuint (f->due, ==, 0);
  clm_timers_set_calendar (f->timers, -1);
  clm_virtual_clock_advance (f->virtual, 4000);
  g_assert_cmpuint (f->due, ==, 0);
}

static void
test_no_wakeups_while_idle (Fixture *f, gconstpointer data)
{
  clm_timers_set_calendar (f->timers, NOW + 90 * 86400);
  clm_timers_wait_async (f->timers, 80 * 86400, NULL, on_waited, f);
  clm_virtual_clock_advance (f->virtual, 79 * 86400);
  g_assert_cmpuint (clm_virtual_clock_get_wakeups (f->virtual), ==, 0);
  clm_virtual_clock_advance (f->virtual, 20 * 86400);
  g_assert_cmpuint (clm_virtual_clock_get_wakeups (f->virtual), ==, 2);
  g_assert_cmpuint (f->done, ==, 1);
}

static void
test_suspend_is_one_wakeup (Fixture *f, gconstpointer data)
{
  clm_timers_set_calendar (f->timers, NOW + 100);
  clm_timers_wait_async (f->timers, 50, NULL, on_waited, f);
  clm_timers_wait_async (f->timers, 60, NULL, on_waited, f);
  clm_virtual_clock_suspend (f->virtual, 10 * 86400);
  g_assert_cmpuint (clm_virtual_clock_get_wakeups (f->virtual), ==, 1);
  g_assert_cmpuint (f->due, ==, 1);
  g_assert_cmpuint (f->done, ==, 2);
}

static void
test_waits_come_in_order (Fixture *f, gconstpointer data)
{
  const gint64 spans[] = { 30, 10, 20, 10, 25 };

  for (guint i = 0; i < G_N_ELEMENTS (spans); i++)
    clm_timers_wait_async (f->timers, spans[i], NULL, on_waited, f);
  clm_virtual_clock_advance (f->virtual, 10);
  g_assert_cmpuint (f->done, ==, 2);
  g_assert_cmpint (f->done_at, ==, NOW + 10);
  clm_virtual_clock_advance (f->virtual, 15);
  g_assert_cmpuint (f->done, ==, 4);
  g_assert_cmpint (f->done_at, ==, NOW + 25);
  clm_virtual_clock_advance (f->virtual, 100);
  g_assert_cmpuint (f->done, ==, 5);
  g_assert_cmpint (f->done_at, ==, NOW + 30);
}

static void
test_no_span_completes_from_the_loop (Fixture *f, gconstpointer data)
{
  clm_timers_wait_async (f->timers, 0, NULL, on_waited, f);
  clm_timers_wait_async (f->timers, -7, NULL, on_waited, f);
  clm_timers_wait_until_async (f->timers, NOW - 7, NULL, on_waited, f);
  g_assert_cmpuint (f->done, ==, 0);
  clm_virtual_clock_settle (f->virtual);
  g_assert_cmpuint (f->done, ==, 3);
}

static void
test_spans_ignore_a_set_clock (Fixture *f, gconstpointer data)
{
  clm_timers_wait_async (f->timers, 60, NULL, on_waited, f);
  clm_virtual_clock_set (f->virtual, NOW + 55 * 365 * 86400LL);
  g_assert_cmpuint (f->done, ==, 0);
  clm_virtual_clock_set (f->virtual, 0);
  clm_virtual_clock_advance (f->virtual, 59);
  g_assert_cmpuint (f->done, ==, 0);
  clm_virtual_clock_advance (f->virtual, 1);
  g_assert_cmpuint (f->done, ==, 1);
}

static void
test_set_clock_is_told_first (Fixture *f, gconstpointer data)
{
  clm_virtual_clock_set_synchronised (f->virtual, FALSE);
  clm_timers_set_calendar (f->timers, NOW + 1000);
  clm_timers_wait_until_async (f->timers, NOW + 2000, NULL, on_waited, f);
  clm_virtual_clock_set (f->virtual, NOW + 3000);
  g_assert_cmpuint (f->set, ==, 1);
  g_assert_cmpuint (f->due, ==, 1);
  g_assert_cmpuint (f->done, ==, 1);
  g_assert_cmpint (clm_clock_get_trust (f->clock), ==, CLM_CLOCK_SUSPECT);
}

static void
test_backwards_clock_waits_longer (Fixture *f, gconstpointer data)
{
  clm_timers_wait_until_async (f->timers, NOW + 100, NULL, on_waited, f);
  clm_virtual_clock_advance (f->virtual, 50);
  clm_virtual_clock_set (f->virtual, NOW - 86400);
  clm_virtual_clock_advance (f->virtual, 86400);
  g_assert_cmpuint (f->done, ==, 0);
  clm_virtual_clock_advance (f->virtual, 100);
  g_assert_cmpuint (f->done, ==, 1);
}

static void
test_waits_are_cancellable (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) early = g_cancellable_new ();
  g_autoptr (GCancellable) late = g_cancellable_new ();

  g_cancellable_cancel (early);
  clm_timers_wait_async (f->timers, 60, early, on_waited, f);
  clm_timers_wait_async (f->timers, 60, late, on_waited, f);
  clm_timers_wait_until_async (f->timers, NOW + 60, late, on_waited, f);
  clm_timers_wait_async (f->timers, 60, NULL, on_waited, f);
  clm_virtual_clock_advance (f->virtual, 30);
  g_assert_cmpuint (f->cancelled, ==, 1);
  g_cancellable_cancel (late);
  clm_virtual_clock_settle (f->virtual);
  g_assert_cmpuint (f->cancelled, ==, 3);
  clm_virtual_clock_advance (f->virtual, 60);
  g_assert_cmpuint (f->done, ==, 1);
}

static void
on_waited_wait_again (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  on_waited (source, result, data);
  if (f->done < 5)
    clm_timers_wait_async (f->timers, 10, NULL, on_waited_wait_again, f);
}

static void
test_callbacks_may_wait_again (Fixture *f, gconstpointer data)
{
  clm_timers_wait_async (f->timers, 10, NULL, on_waited_wait_again, f);
  clm_virtual_clock_advance (f->virtual, 1000);
  g_assert_cmpuint (f->done, ==, 5);
  g_assert_cmpint (f->done_at, ==, NOW + 50);
}

static void
test_far_deadlines_do_not_overflow (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  clm_timers_set_calendar (f->timers, G_MAXINT64);
  clm_timers_wait_async (f->timers, G_MAXINT64, cancellable, on_waited, f);
  clm_timers_wait_until_async (f->timers, G_MAXINT64, cancellable, on_waited, f);
  clm_virtual_clock_advance (f->virtual, 1000);
  g_assert_cmpuint (f->done + f->due, ==, 0);
  g_cancellable_cancel (cancellable);
  clm_virtual_clock_settle (f->virtual);
  g_assert_cmpuint (f->cancelled, ==, 2);
}

/* The kernel's timers, with deadlines that have passed and one that lies a second ahead; nothing is measured. */
static void
test_kernel_timers_fire (void)
{
  Fixture f = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  f.clock = clm_clock_new (CLM_CLOCK_NTP, 0, -1, NULL, NULL);
  f.timers = clm_timers_new (f.clock, &error);
  g_assert_no_error (error);
  g_signal_connect (f.timers, "calendar-due", G_CALLBACK (on_due), &f);
  clm_timers_set_calendar (f.timers, 0);
  clm_timers_wait_async (f.timers, 0, NULL, on_waited, &f);
  clm_timers_wait_async (f.timers, 1, NULL, on_waited, &f);
  clm_timers_wait_until_async (f.timers, clm_clock_get_now (f.clock) + 1, NULL, on_waited, &f);
  clm_timers_wait_until_async (f.timers, G_MAXINT64, cancellable, on_waited, &f);
  while (f.done < 3 || f.due < 1)
    g_main_context_iteration (NULL, TRUE);
  g_cancellable_cancel (cancellable);
  while (f.cancelled < 1)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (f.due, ==, 1);
  g_assert_finalize_object (f.timers);
  g_assert_finalize_object (f.clock);
}

#define ADD(path, function) g_test_add ("/timers/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("calendar-is-due-once", test_calendar_is_due_once);
  ADD ("past-calendar-is-due-at-once", test_past_calendar_is_due_at_once);
  ADD ("calendar-is-replaced", test_calendar_is_replaced);
  ADD ("no-wakeups-while-idle", test_no_wakeups_while_idle);
  ADD ("safety-41-suspend-is-one-wakeup", test_suspend_is_one_wakeup);
  ADD ("waits-come-in-order", test_waits_come_in_order);
  ADD ("no-span-completes-from-the-loop", test_no_span_completes_from_the_loop);
  ADD ("spans-ignore-a-set-clock", test_spans_ignore_a_set_clock);
  ADD ("set-clock-is-told-first", test_set_clock_is_told_first);
  ADD ("safety-40-backwards-clock-waits-longer", test_backwards_clock_waits_longer);
  ADD ("waits-are-cancellable", test_waits_are_cancellable);
  ADD ("callbacks-may-wait-again", test_callbacks_may_wait_again);
  ADD ("safety-40-far-deadlines-do-not-overflow", test_far_deadlines_do_not_overflow);
  g_test_add_func ("/timers/kernel-timers-fire", test_kernel_timers_fire);
  return g_test_run ();
}
