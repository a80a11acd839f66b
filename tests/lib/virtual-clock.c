/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "virtual-clock.h"

struct _ClmVirtualClock {
  gint64     real_us;
  gint64     boot_us;
  gboolean   synchronised;
  gint64     calendar; /* armed, seconds; -1: not */
  gint64     span; /* armed, microseconds of boot time; -1: not */
  ClmTimers *timers; /* weak */
  guint      idle;
  guint      wakeups;
};

static gint64
get_real_time (gpointer data)
{
  return ((ClmVirtualClock *) data)->real_us;
}

static gint64
get_boot_time (gpointer data)
{
  return ((ClmVirtualClock *) data)->boot_us;
}

static gboolean
is_synchronised (gpointer data)
{
  return ((ClmVirtualClock *) data)->synchronised;
}

static gboolean
is_due (ClmVirtualClock *self)
{
  return (self->calendar >= 0 && self->calendar * G_USEC_PER_SEC <= self->real_us) || (self->span >= 0 && self->span <= self->boot_us);
}

static void
wake (ClmVirtualClock *self, gboolean clock_set)
{
  if (self->timers == NULL)
    return;
  self->wakeups++;
  self->calendar = -1;
  self->span = -1;
  clm_timers_wake (self->timers, clock_set);
}

static gboolean
on_idle (gpointer data)
{
  ClmVirtualClock *self = data;

  self->idle = 0;
  if (is_due (self))
    wake (self, FALSE);
  return G_SOURCE_REMOVE;
}

static void
wake_if_due (ClmVirtualClock *self)
{
  if (is_due (self) && self->idle == 0)
    self->idle = g_idle_add_full (G_PRIORITY_DEFAULT, on_idle, self, NULL);
}

static void
arm_calendar (gpointer data, gint64 time)
{
  ClmVirtualClock *self = data;

  self->calendar = MIN (time, G_MAXINT64 / G_USEC_PER_SEC);
  wake_if_due (self);
}

static void
arm_span (gpointer data, gint64 boot_time)
{
  ClmVirtualClock *self = data;

  self->span = boot_time;
  wake_if_due (self);
}

ClmVirtualClock *
clm_virtual_clock_new (gint64 time)
{
  ClmVirtualClock *self = g_new0 (ClmVirtualClock, 1);

  self->real_us = time * G_USEC_PER_SEC;
  self->boot_us = 1000 * G_USEC_PER_SEC;
  self->synchronised = TRUE;
  self->calendar = -1;
  self->span = -1;
  return self;
}

void
clm_virtual_clock_free (ClmVirtualClock *self)
{
  g_clear_handle_id (&self->idle, g_source_remove);
  g_clear_weak_pointer (&self->timers);
  g_free (self);
}

ClmClock *
clm_virtual_clock_create_clock (ClmVirtualClock *self, ClmClockMode mode, gint64 build_time, gint64 last_seen)
{
  static const ClmClockSource source = { get_real_time, get_boot_time, is_synchronised };

  return clm_clock_new (mode, build_time, last_seen, &source, self);
}

ClmTimers *
clm_virtual_clock_create_timers (ClmVirtualClock *self, ClmClock *clock)
{
  static const ClmTimersWaker waker = { arm_calendar, arm_span };
  ClmTimers *timers = clm_timers_new_with_waker (clock, &waker, self);

  g_set_weak_pointer (&self->timers, timers);
  return timers;
}

void
clm_virtual_clock_set_synchronised (ClmVirtualClock *self, gboolean synchronised)
{
  self->synchronised = synchronised;
}

void
clm_virtual_clock_settle (ClmVirtualClock *self)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
pass (ClmVirtualClock *self, gint64 us)
{
  self->real_us += us;
  self->boot_us += us;
}

/* Microseconds to the next armed deadline, at most @most */
static gint64
next_step (ClmVirtualClock *self, gint64 most)
{
  if (self->calendar >= 0)
    most = MIN (most, MAX (self->calendar * G_USEC_PER_SEC - self->real_us, 0));
  if (self->span >= 0)
    most = MIN (most, MAX (self->span - self->boot_us, 0));
  return most;
}

void
clm_virtual_clock_advance (ClmVirtualClock *self, gint64 seconds)
{
  gint64 end = self->boot_us + seconds * G_USEC_PER_SEC;

  clm_virtual_clock_settle (self);
  while (self->boot_us < end) {
    pass (self, next_step (self, end - self->boot_us));
    if (is_due (self))
      wake (self, FALSE);
    clm_virtual_clock_settle (self);
  }
}

gint64
clm_virtual_clock_step (ClmVirtualClock *self, gint64 most)
{
  gint64 us = next_step (self, most * G_USEC_PER_SEC);
  gint64 seconds = (us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;

  pass (self, seconds * G_USEC_PER_SEC);
  if (is_due (self))
    wake (self, FALSE);
  return seconds;
}

void
clm_virtual_clock_suspend (ClmVirtualClock *self, gint64 seconds)
{
  pass (self, seconds * G_USEC_PER_SEC);
  if (is_due (self))
    wake (self, FALSE);
  clm_virtual_clock_settle (self);
}

void
clm_virtual_clock_set (ClmVirtualClock *self, gint64 time)
{
  self->real_us = time * G_USEC_PER_SEC;
  wake (self, TRUE);
  clm_virtual_clock_settle (self);
}

guint
clm_virtual_clock_get_wakeups (ClmVirtualClock *self)
{
  return self->wakeups;
}
