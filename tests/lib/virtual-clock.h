/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "timers.h"

G_BEGIN_DECLS

/**
 * ClmVirtualClock:
 *
 * Time that only moves when the test says so: a #ClmClockSource and a #ClmTimersWaker in one. Default main context, one thread.
 */
typedef struct _ClmVirtualClock ClmVirtualClock;

/** clm_virtual_clock_new: @time: seconds since the epoch that it shows at first. It counts as synchronised. Free it after what was made of it. */
ClmVirtualClock *clm_virtual_clock_new (gint64 time);
void             clm_virtual_clock_free (ClmVirtualClock *self);

/** clm_virtual_clock_create_clock: Returns: (transfer full): a clock that reads it. */
ClmClock *clm_virtual_clock_create_clock (ClmVirtualClock *self, ClmClockMode mode, gint64 build_time, gint64 last_seen);

/** clm_virtual_clock_create_timers: Returns: (transfer full): timers that it wakes; one at a time. */
ClmTimers *clm_virtual_clock_create_timers (ClmVirtualClock *self, ClmClock *clock);

/** clm_virtual_clock_set_synchronised: What the kernel will say at the next update. */
void clm_virtual_clock_set_synchronised (ClmVirtualClock *self, gboolean synchronised);

/** clm_virtual_clock_advance: Lets so many seconds pass: stops at every deadline, wakes, and runs the main context until it is idle. */
void clm_virtual_clock_advance (ClmVirtualClock *self, gint64 seconds);

/** clm_virtual_clock_step: Lets time pass to the next deadline, at most @most seconds, and wakes there; runs nothing. Returns: how many seconds passed. */
gint64 clm_virtual_clock_step (ClmVirtualClock *self, gint64 most);

/** clm_virtual_clock_suspend: Lets so many seconds pass in one step, as a machine that sleeps; then wakes. */
void clm_virtual_clock_suspend (ClmVirtualClock *self, gint64 seconds);

/** clm_virtual_clock_set: Sets the wall clock to @time, as a person or a time daemon does. */
void clm_virtual_clock_set (ClmVirtualClock *self, gint64 time);

/** clm_virtual_clock_settle: Runs the main context until it is idle. No time passes. */
void clm_virtual_clock_settle (ClmVirtualClock *self);

/** clm_virtual_clock_get_wakeups: Returns: how often it has woken the timers. */
guint clm_virtual_clock_get_wakeups (ClmVirtualClock *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmVirtualClock, clm_virtual_clock_free)

G_END_DECLS
