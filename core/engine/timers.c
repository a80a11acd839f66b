/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timers.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "clm-error.h"

/* What the kernel's nanoseconds can hold, year 2262; an armed timer is also what reports that the clock was set. */
#define FOREVER_S G_GINT64_CONSTANT (9000000000)

typedef struct {
  ClmTimers *timers;
  GSequence *queue;
  GTask     *task;
  GSource   *cancelled;
  gint64     deadline;
} Wait;

struct _ClmTimers {
  GObject               parent_instance;
  ClmClock             *clock;
  GMainContext         *context;
  const ClmTimersWaker *waker;
  gpointer              waker_data;
  gint64                calendar; /* the engine's own deadline, seconds; -1: none */
  GSequence            *calendar_waits; /* of Wait, by deadline in seconds since the epoch */
  GSequence            *span_waits; /* of Wait, by deadline in microseconds of boot time */
  int                   calendar_fd;
  int                   span_fd;
  gboolean              clock_was_set; /* seen while arming, not yet reported */
  GSource              *calendar_source;
  GSource              *span_source;
};

enum {
  SIGNAL_CALENDAR_DUE,
  SIGNAL_CLOCK_SET,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmTimers, clm_timers, G_TYPE_OBJECT)

/* the kernel's timers */

static void
arm_calendar_fd (gpointer data, gint64 time)
{
  ClmTimers *self = data;
  /* All zero would disarm. */
  struct itimerspec when = { .it_value = { .tv_sec = time >= 0 ? MIN (time, FOREVER_S) : FOREVER_S, .tv_nsec = 1 } };

  if (timerfd_settime (self->calendar_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL) == 0)
    return;
  if (errno != ECANCELED) {
    g_critical ("timers: cannot arm the calendar timer: %s", g_strerror (errno));
    return;
  }
  /* The clock was set since the last look, and the kernel says so only once: keep it, and wake at once. */
  self->clock_was_set = TRUE;
  if (time != 0)
    arm_calendar_fd (self, 0);
}

static void
arm_span_fd (gpointer data, gint64 boot_time)
{
  ClmTimers *self = data;
  struct itimerspec when = { 0 };

  if (boot_time >= 0) {
    when.it_value.tv_sec = MIN (boot_time / G_USEC_PER_SEC, FOREVER_S);
    when.it_value.tv_nsec = boot_time % G_USEC_PER_SEC * 1000 + 1;
  }
  if (timerfd_settime (self->span_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
    g_critical ("timers: cannot arm the span timer: %s", g_strerror (errno));
}

static gboolean
on_timer_fd (int fd, GIOCondition condition, gpointer data)
{
  ClmTimers *self = data;
  guint64 expirations;
  gboolean clock_set = read (fd, &expirations, sizeof expirations) < 0 && errno == ECANCELED;

  clock_set = clock_set || self->clock_was_set;
  self->clock_was_set = FALSE;
  clm_timers_wake (self, clock_set);
  return G_SOURCE_CONTINUE;
}

static gboolean
open_timer (ClmTimers *self, clockid_t id, int *fd, GSource **source, GError **error)
{
  *fd = timerfd_create (id, TFD_CLOEXEC | TFD_NONBLOCK);
  if (*fd < 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_FAILED, "cannot make a timer: %s", g_strerror (errno));
    return FALSE;
  }
  *source = g_unix_fd_source_new (*fd, G_IO_IN);
  g_source_set_callback (*source, G_SOURCE_FUNC (on_timer_fd), self, NULL);
  g_source_set_name (*source, "certloom timers");
  g_source_attach (*source, self->context);
  return TRUE;
}

/* waiting */

static int
compare_waits (gconstpointer a, gconstpointer b, gpointer data)
{
  gint64 x = ((const Wait *) a)->deadline, y = ((const Wait *) b)->deadline;

  return (x > y) - (x < y);
}

static Wait *
first_wait (GSequence *queue)
{
  GSequenceIter *first = g_sequence_get_begin_iter (queue);

  return g_sequence_iter_is_end (first) ? NULL : g_sequence_get (first);
}

static void
arm_calendar (ClmTimers *self)
{
  Wait *first = first_wait (self->calendar_waits);
  gint64 earliest = self->calendar;

  if (first != NULL && (earliest < 0 || first->deadline < earliest))
    earliest = MAX (first->deadline, 0);
  self->waker->arm_calendar (self->waker_data, earliest);
}

static void
arm_span (ClmTimers *self)
{
  Wait *first = first_wait (self->span_waits);

  self->waker->arm_span (self->waker_data, first != NULL ? first->deadline : -1);
}

static void
wait_free (Wait *wait)
{
  g_source_destroy (wait->cancelled);
  g_source_unref (wait->cancelled);
  g_object_unref (wait->task);
  g_free (wait);
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer data)
{
  Wait *wait = data;
  g_autoptr (ClmTimers) self = g_object_ref (wait->timers);
  g_autoptr (GTask) task = g_object_ref (wait->task);
  GSequenceIter *at = g_sequence_get_begin_iter (wait->queue);

  while (g_sequence_get (at) != wait)
    at = g_sequence_iter_next (at);
  g_sequence_remove (at);
  wait_free (wait);
  arm_calendar (self);
  arm_span (self);
  g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

static void
add_wait (ClmTimers *self, GSequence *queue, gint64 deadline, GTask *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  Wait *wait = g_new0 (Wait, 1);

  *wait = (Wait) { .timers = self, .queue = queue, .task = task, .deadline = deadline };
  wait->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (wait->cancelled, G_SOURCE_FUNC (on_cancelled), wait, NULL);
  g_source_attach (wait->cancelled, self->context);
  g_sequence_insert_sorted (queue, wait, compare_waits, NULL);
}

/* What is due leaves the queue before any callback runs: a callback may wait again. */
static GPtrArray *
take_due (GSequence *queue, gint64 now)
{
  GPtrArray *due = g_ptr_array_new_with_free_func (g_object_unref);
  Wait *wait;

  while ((wait = first_wait (queue)) != NULL && wait->deadline <= now) {
    g_sequence_remove (g_sequence_get_begin_iter (queue));
    g_ptr_array_add (due, g_object_ref (wait->task));
    wait_free (wait);
  }
  return due;
}

static void
complete_due (ClmTimers *self, GSequence *queue, gint64 now)
{
  g_autoptr (GPtrArray) due = take_due (queue, now);

  for (guint i = 0; i < due->len; i++)
    g_task_return_boolean (due->pdata[i], TRUE);
}

void
clm_timers_wake (ClmTimers *self, gboolean clock_set)
{
  g_return_if_fail (CLM_IS_TIMERS (self));

  g_object_ref (self);
  if (clock_set) {
    clm_clock_update (self->clock);
    g_signal_emit (self, signals[SIGNAL_CLOCK_SET], 0);
  }
  complete_due (self, self->span_waits, clm_clock_get_boot_time (self->clock));
  complete_due (self, self->calendar_waits, clm_clock_get_now (self->clock));
  if (self->calendar >= 0 && self->calendar <= clm_clock_get_now (self->clock)) {
    self->calendar = -1;
    g_signal_emit (self, signals[SIGNAL_CALENDAR_DUE], 0);
  }
  arm_calendar (self);
  arm_span (self);
  g_object_unref (self);
}

ClmClock *
clm_timers_get_clock (ClmTimers *self)
{
  g_return_val_if_fail (CLM_IS_TIMERS (self), NULL);

  return self->clock;
}

void
clm_timers_set_calendar (ClmTimers *self, gint64 earliest)
{
  g_return_if_fail (CLM_IS_TIMERS (self));

  self->calendar = MAX (earliest, -1);
  arm_calendar (self);
}

void
clm_timers_wait_async (ClmTimers *self, gint64 seconds, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task;
  gint64 deadline;

  g_return_if_fail (CLM_IS_TIMERS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_timers_wait_async);
  deadline = clm_clock_get_boot_time (self->clock) + CLAMP (seconds, 0, FOREVER_S) * G_USEC_PER_SEC;
  add_wait (self, self->span_waits, deadline, task);
  arm_span (self);
}

gboolean
clm_timers_wait_finish (ClmTimers *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

void
clm_timers_wait_until_async (ClmTimers *self, gint64 time, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task;

  g_return_if_fail (CLM_IS_TIMERS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_timers_wait_until_async);
  add_wait (self, self->calendar_waits, time, task);
  arm_calendar (self);
}

gboolean
clm_timers_wait_until_finish (ClmTimers *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
close_timer (int fd, GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
  if (fd >= 0)
    close (fd);
}

static void
clm_timers_finalize (GObject *object)
{
  ClmTimers *self = CLM_TIMERS (object);

  /* Every wait's task holds a reference to us, so the queues are empty. */
  close_timer (self->calendar_fd, &self->calendar_source);
  close_timer (self->span_fd, &self->span_source);
  g_sequence_free (self->calendar_waits);
  g_sequence_free (self->span_waits);
  g_clear_object (&self->clock);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (clm_timers_parent_class)->finalize (object);
}

static void
clm_timers_init (ClmTimers *self)
{
  self->calendar = -1;
  self->calendar_fd = -1;
  self->span_fd = -1;
  self->context = g_main_context_ref_thread_default ();
  self->calendar_waits = g_sequence_new (NULL);
  self->span_waits = g_sequence_new (NULL);
}

static void
clm_timers_class_init (ClmTimersClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_timers_finalize;
  signals[SIGNAL_CALENDAR_DUE] = g_signal_new ("calendar-due", CLM_TYPE_TIMERS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CLOCK_SET] = g_signal_new ("clock-set", CLM_TYPE_TIMERS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

ClmTimers *
clm_timers_new_with_waker (ClmClock *clock, const ClmTimersWaker *waker, gpointer waker_data)
{
  ClmTimers *self;

  g_return_val_if_fail (CLM_IS_CLOCK (clock) && waker != NULL, NULL);

  self = g_object_new (CLM_TYPE_TIMERS, NULL);
  self->clock = g_object_ref (clock);
  self->waker = waker;
  self->waker_data = waker_data;
  arm_calendar (self);
  return self;
}

ClmTimers *
clm_timers_new (ClmClock *clock, GError **error)
{
  static const ClmTimersWaker waker = { arm_calendar_fd, arm_span_fd };
  g_autoptr (ClmTimers) self = NULL;

  g_return_val_if_fail (CLM_IS_CLOCK (clock), NULL);

  self = g_object_new (CLM_TYPE_TIMERS, NULL);
  if (!open_timer (self, CLOCK_REALTIME, &self->calendar_fd, &self->calendar_source, error) ||
      !open_timer (self, CLOCK_BOOTTIME, &self->span_fd, &self->span_source, error))
    return NULL;
  self->clock = g_object_ref (clock);
  self->waker = &waker;
  self->waker_data = self;
  arm_calendar (self);
  return g_steal_pointer (&self);
}
