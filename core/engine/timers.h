/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clock.h"

G_BEGIN_DECLS

/**
 * ClmTimersWaker:
 * @arm_calendar: call clm_timers_wake() when CLOCK_REALTIME reaches @time (seconds; -1: never) and whenever that clock is set
 * @arm_span: call clm_timers_wake() when CLOCK_BOOTTIME reaches @boot_time (microseconds; -1: never)
 *
 * Who wakes the timers. The product has two timerfds; tests have a virtual clock. A later call replaces an earlier one; a time that
 * has passed wakes from the main loop at once. Never calls clm_timers_wake() from inside.
 */
typedef struct {
  void (*arm_calendar) (gpointer data, gint64 time);
  void (*arm_span)     (gpointer data, gint64 boot_time);
} ClmTimersWaker;

/**
 * ClmTimers:
 *
 * All waiting of the engine, on two kernel timers: calendar times on CLOCK_REALTIME, which notices that the clock is set, and
 * spans on CLOCK_BOOTTIME, which a set clock does not disturb and which goes on during suspend. Only the earliest one of each is
 * armed; nothing wakes the process before. Lives in the thread-default main context of its construction; that thread only.
 *
 * Signal `calendar-due (ClmTimers *)`: the time given to clm_timers_set_calendar() has come. Emitted once for each setting, also
 * when it has come long ago (after suspend, after the clock was set).
 * Signal `clock-set (ClmTimers *)`: somebody set the clock; the #ClmClock is up to date. Deadlines are compared afterwards.
 */
#define CLM_TYPE_TIMERS (clm_timers_get_type ())
G_DECLARE_FINAL_TYPE (ClmTimers, clm_timers, CLM, TIMERS, GObject)

/**
 * clm_timers_new: @clock: (transfer none): a reference is kept. Fails with %CLM_ERROR_FAILED where the kernel gives no timer.
 * Returns: (transfer full) (nullable).
 */
ClmTimers *clm_timers_new (ClmClock *clock, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_timers_new_with_waker: As clm_timers_new(), woken by @waker, which stays valid as long as the timers. */
ClmTimers *clm_timers_new_with_waker (ClmClock *clock, const ClmTimersWaker *waker, gpointer waker_data);

/** clm_timers_get_clock: Returns: (transfer none): the clock. */
ClmClock *clm_timers_get_clock (ClmTimers *self);

/** clm_timers_set_calendar: @earliest: seconds since the epoch of the engine's earliest deadline, or -1 for none. Replaces the one before. */
void clm_timers_set_calendar (ClmTimers *self, gint64 earliest);

/** clm_timers_wait_async: @seconds: span of CLOCK_BOOTTIME; 0 or less completes in the next iteration of the main loop. */
void     clm_timers_wait_async (ClmTimers *self, gint64 seconds, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_timers_wait_finish: Returns: %TRUE; %FALSE only with `G_IO_ERROR_CANCELLED`. */
gboolean clm_timers_wait_finish (ClmTimers *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_timers_wait_until_async: Completes when the wall clock has reached @time (seconds since the epoch), across suspend and clock changes. */
void     clm_timers_wait_until_async (ClmTimers *self, gint64 time, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_timers_wait_until_finish: Returns: %TRUE; %FALSE only with `G_IO_ERROR_CANCELLED`. */
gboolean clm_timers_wait_until_finish (ClmTimers *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_timers_wake: For wakers. @clock_set: the clock was set. Completes what is due and arms the next. */
void clm_timers_wake (ClmTimers *self, gboolean clock_set);

G_END_DECLS
