/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clock.h"

#include <sys/timex.h>
#include <time.h>
#include "clm-error.h"

/* A clock that is disciplined drifts against CLOCK_BOOTTIME by at most 500 ppm; anything beyond this was set. */
#define JUMP_MIN_US (2 * G_USEC_PER_SEC)
#define DRIFT_SHARE 1000

struct _ClmClock {
  GObject               parent_instance;
  const ClmClockSource *source;
  gpointer              source_data;
  ClmClockMode          mode;
  ClmClockTrust         trust;
  gint64                build_time;
  gint64                last_seen; /* seconds, or -1 */
  gint64                floor_boot_us; /* boot time when the floor was the time, as far as is known */
  gint64                offset_us; /* real minus boot time at the last update */
  gint64                offset_at_us; /* boot time of the last update */
};

enum {
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmClock, clm_clock, G_TYPE_OBJECT)

static gint64
read_clock (clockid_t id)
{
  struct timespec ts = { 0 };

  clock_gettime (id, &ts);
  return (gint64) ts.tv_sec * G_USEC_PER_SEC + ts.tv_nsec / 1000;
}

static gint64
get_system_real_time (gpointer data)
{
  return read_clock (CLOCK_REALTIME);
}

static gint64
get_system_boot_time (gpointer data)
{
  return read_clock (CLOCK_BOOTTIME);
}

static gboolean
is_system_synchronised (gpointer data)
{
  struct timex state = { .modes = 0 };
  int result = adjtimex (&state);

  return result >= 0 && result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

const ClmClockSource *
clm_clock_source_get_system (void)
{
  static const ClmClockSource source = { get_system_real_time, get_system_boot_time, is_system_synchronised };

  return &source;
}

gboolean
clm_clock_mode_parse (const char *text, ClmClockMode *mode, GError **error)
{
  static const char *const names[] = { "ntp", "rtc", "always" };

  g_return_val_if_fail (text != NULL && mode != NULL, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (text, names[i])) {
      *mode = (ClmClockMode) i;
      return TRUE;
    }
  g_autofree char *shown = g_strescape (text, NULL);
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "no such clock mode: \"%.40s\"", shown);
  if (error != NULL)
    clm_error_set_hint (*error, "use ntp, rtc or always");
  return FALSE;
}

const char *
clm_clock_trust_to_string (ClmClockTrust trust)
{
  static const char *const names[] = { "unset", "suspect", "trusted" };

  g_return_val_if_fail ((guint) trust < G_N_ELEMENTS (names), "unset");

  return names[trust];
}

gint64
clm_clock_get_now (ClmClock *self)
{
  g_return_val_if_fail (CLM_IS_CLOCK (self), 0);

  return self->source->get_real_time (self->source_data) / G_USEC_PER_SEC;
}

gint64
clm_clock_get_boot_time (ClmClock *self)
{
  g_return_val_if_fail (CLM_IS_CLOCK (self), 0);

  return self->source->get_boot_time (self->source_data);
}

gint64
clm_clock_get_floor (ClmClock *self)
{
  g_return_val_if_fail (CLM_IS_CLOCK (self), 0);

  return MAX (self->build_time, self->last_seen);
}

gint64
clm_clock_get_time (ClmClock *self)
{
  g_return_val_if_fail (CLM_IS_CLOCK (self), 0);

  /* The floor runs on: waiting must end also while the clock shows a time long ago. */
  return MAX (clm_clock_get_now (self),
              clm_clock_get_floor (self) + (clm_clock_get_boot_time (self) - self->floor_boot_us) / G_USEC_PER_SEC);
}

ClmClockTrust
clm_clock_get_trust (ClmClock *self)
{
  g_return_val_if_fail (CLM_IS_CLOCK (self), CLM_CLOCK_UNSET);

  return self->trust;
}

gboolean
clm_clock_is_trusted (ClmClock *self)
{
  return clm_clock_get_trust (self) == CLM_CLOCK_TRUSTED;
}

gint64
clm_clock_get_last_seen (ClmClock *self)
{
  g_return_val_if_fail (CLM_IS_CLOCK (self), -1);

  return self->trust == CLM_CLOCK_TRUSTED ? clm_clock_get_now (self) : -1;
}

/* How far the clock moved against CLOCK_BOOTTIME since the last update, in seconds; 0: as a running clock does */
static gint64
measure_jump (ClmClock *self)
{
  gint64 boot = self->source->get_boot_time (self->source_data);
  gint64 offset = self->source->get_real_time (self->source_data) - boot;
  gint64 moved = offset - self->offset_us;
  gint64 allowed = MAX (JUMP_MIN_US, (boot - self->offset_at_us) / DRIFT_SHARE);

  self->offset_us = offset;
  self->offset_at_us = boot;
  return ABS (moved) > allowed ? moved / G_USEC_PER_SEC : 0;
}

static ClmClockTrust
judge (ClmClock *self, gboolean jumped)
{
  gint64 now = clm_clock_get_now (self);

  if (self->mode == CLM_CLOCK_ALWAYS || self->source->is_synchronised (self->source_data))
    return CLM_CLOCK_TRUSTED;
  if (now < self->build_time)
    return CLM_CLOCK_UNSET;
  if (self->mode == CLM_CLOCK_RTC && now >= clm_clock_get_floor (self))
    return CLM_CLOCK_TRUSTED;
  if (self->trust == CLM_CLOCK_TRUSTED && !jumped)
    return CLM_CLOCK_TRUSTED;
  return CLM_CLOCK_SUSPECT;
}

/* A trusted time is the truth, also where it is before what was believed: then the floor was wrong. */
static void
set_floor (ClmClock *self)
{
  self->last_seen = clm_clock_get_now (self);
  self->floor_boot_us = clm_clock_get_boot_time (self);
  self->build_time = MIN (self->build_time, self->last_seen);
}

void
clm_clock_update (ClmClock *self)
{
  ClmClockTrust before;
  gint64 jump;

  g_return_if_fail (CLM_IS_CLOCK (self));

  before = self->trust;
  jump = measure_jump (self);
  self->trust = judge (self, jump != 0);
  if (self->trust == CLM_CLOCK_TRUSTED)
    set_floor (self);
  if (self->trust == before && jump == 0)
    return;
  g_info ("clock: %s, moved by %" G_GINT64_FORMAT " s", clm_clock_trust_to_string (self->trust), jump);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0, jump);
}

void
clm_clock_set_mode (ClmClock *self, ClmClockMode mode)
{
  g_return_if_fail (CLM_IS_CLOCK (self));

  if (self->mode == mode)
    return;
  self->mode = mode;
  /* Trust that came from the old mode alone must not outlive it. */
  if (self->trust == CLM_CLOCK_TRUSTED && judge (self, TRUE) != CLM_CLOCK_TRUSTED) {
    self->trust = judge (self, TRUE);
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0, G_GINT64_CONSTANT (0));
  }
  clm_clock_update (self);
}

static void
clm_clock_init (ClmClock *self)
{
}

static void
clm_clock_class_init (ClmClockClass *klass)
{
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", CLM_TYPE_CLOCK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT64);
}

ClmClock *
clm_clock_new (ClmClockMode mode, gint64 build_time, gint64 last_seen, const ClmClockSource *source, gpointer source_data)
{
  ClmClock *self = g_object_new (CLM_TYPE_CLOCK, NULL);

  self->source = source != NULL ? source : clm_clock_source_get_system ();
  self->source_data = source_data;
  self->mode = mode;
  self->build_time = build_time;
  self->last_seen = last_seen;
  self->floor_boot_us = clm_clock_get_boot_time (self);
  (void) measure_jump (self);
  self->trust = judge (self, TRUE);
  if (self->trust == CLM_CLOCK_TRUSTED)
    set_floor (self);
  return self;
}
