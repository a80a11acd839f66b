/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "schedule.h"

#define MINUTE G_GINT64_CONSTANT (60)
#define HOUR G_GINT64_CONSTANT (3600)
#define DAY G_GINT64_CONSTANT (86400)

/* Each purpose draws its own chance from the one seed, so that no two decisions move together. */
typedef enum {
  CHANCE_SPREAD = 1,
  CHANCE_WINDOW,
  CHANCE_HINT,
  CHANCE_RETRY,
  CHANCE_POLL,
  CHANCE_NETWORK
} Chance;

/* Arithmetic that stops at the ends of gint64 instead of wrapping: validities come from outside. */
static gint64
add (gint64 a, gint64 b)
{
  gint64 sum;

  if (__builtin_add_overflow (a, b, &sum))
    return a > 0 ? G_MAXINT64 : G_MININT64;
  return sum;
}

static gint64
subtract (gint64 a, gint64 b)
{
  gint64 difference;

  if (__builtin_sub_overflow (a, b, &difference))
    return a > 0 ? G_MAXINT64 : G_MININT64;
  return difference;
}

/* @share of @span, at least 0 and at most @span */
static gint64
part (gint64 span, double share)
{
  double value = (double) span * share;

  if (span <= 0 || !(value > 0))
    return 0;
  return value >= (double) span ? span : MIN ((gint64) value, span);
}

/* splitmix64's finaliser: every bit of the input moves every bit of the output. */
static guint64
mix (guint64 x)
{
  x += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* A number of [0, 1) */
static double
draw (guint64 seed, Chance purpose, guint64 occasion)
{
  return (double) (mix (mix (seed ^ ((guint64) purpose << 56)) ^ occasion) >> 11) * 0x1p-53;
}

guint64
clm_schedule_seed (const char *machine_id, const char *name)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize length = sizeof digest;
  guint64 seed;

  g_return_val_if_fail (name != NULL, 0);

  if (machine_id != NULL)
    g_checksum_update (checksum, (const guchar *) machine_id, -1);
  g_checksum_update (checksum, (const guchar *) "", 1);
  g_checksum_update (checksum, (const guchar *) name, -1);
  g_checksum_get_digest (checksum, digest, &length);
  memcpy (&seed, digest, sizeof seed);
  return GUINT64_FROM_LE (seed);
}

static gint64
usable_from (const ClmValidity *validity)
{
  if (validity->issued == CLM_SCHEDULE_NEVER)
    return validity->not_before;
  return MAX (validity->not_before, MIN (validity->issued, validity->not_after));
}

static gint64
lifetime_of (const ClmValidity *validity)
{
  return MAX (subtract (validity->not_after, usable_from (validity)), 0);
}

/* The span in which a renewal may be planned at all: not in the first tenth, not in the last twentieth */
typedef struct {
  gint64 start;
  gint64 lifetime;
  gint64 first;
  gint64 last;
  gint64 safe; /* 5/6 of the lifetime */
} Plan;

static Plan
make_plan (const ClmValidity *validity)
{
  Plan plan = { .start = usable_from (validity), .lifetime = lifetime_of (validity) };

  plan.first = plan.start + MIN (plan.lifetime / 10, HOUR);
  plan.last = validity->not_after - MIN (plan.lifetime / 20, HOUR);
  plan.safe = MIN (plan.start + part (plan.lifetime, 5.0 / 6.0), plan.last);
  return plan;
}

/* Where the policy's own rules put the renewal */
static gint64
policy_point (const ClmRenewalPolicy *policy, const Plan *plan)
{
  gboolean by_share = policy->share > 0 && policy->share <= 1;
  gboolean by_rest = policy->before_s >= 0 && policy->before_s <= plan->lifetime - plan->lifetime / 10;
  double share = by_share || by_rest ? policy->share : CLM_RENEWAL_SHARE_DEFAULT;
  gint64 point = G_MAXINT64;

  if (by_share || !by_rest)
    point = plan->start + part (plan->lifetime, share);
  if (by_rest)
    point = MIN (point, plan->start + plan->lifetime - policy->before_s);
  return CLAMP (point, plan->first, plan->last);
}

static gboolean
has_hint (const ClmRenewalPolicy *policy, const ClmRenewalHint *hint)
{
  return policy->use_hint && hint != NULL && hint->start > CLM_SCHEDULE_NEVER && hint->end >= hint->start;
}

/* @point where that lies in a window, else the machine's own place in the next one */
static gint64
next_in_windows (const ClmRenewalPolicy *policy, gint64 point, guint64 seed)
{
  gint64 opens, closes, room;

  if (policy->windows == NULL || clm_calendar_windows_is_always (policy->windows))
    return point;
  if (!clm_calendar_windows_find (policy->windows, point, &opens, &closes))
    return point;
  if (opens <= point)
    return point;
  room = MIN (MAX (policy->spread_s, 0), closes - opens - 1);
  return opens + part (room, draw (seed, CHANCE_WINDOW, 0));
}

/* The planned time has gone by (the machine was off): at once, or in a window. In the window of the planned time that is at once; a
 * later one opens for many machines together, so each keeps its place in it. */
static gint64
catch_up (const ClmRenewalPolicy *policy, gint64 planned, gint64 now, guint64 seed)
{
  gint64 opens, closes;

  if (policy->windows == NULL || clm_calendar_windows_is_always (policy->windows))
    return now;
  if (!clm_calendar_windows_find (policy->windows, now, &opens, &closes) || (opens <= planned && planned < closes))
    return now;
  return MAX (now, next_in_windows (policy, opens > now ? now : opens - 1, seed));
}

gint64
clm_schedule_renewal_due (const ClmRenewalPolicy *policy,
                          const ClmValidity      *validity,
                          const ClmRenewalHint   *hint,
                          gint64                  now,
                          guint64                 seed)
{
  Plan plan;
  gint64 point, limit, planned;

  g_return_val_if_fail (policy != NULL && validity != NULL, now);

  if (lifetime_of (validity) == 0 || now >= validity->not_after)
    return now;
  plan = make_plan (validity);
  if (has_hint (policy, hint)) {
    point = add (hint->start, part (subtract (hint->end, hint->start), draw (seed, CHANCE_HINT, 0)));
    point = CLAMP (point, plan.first, plan.last);
    limit = CLAMP (hint->end, point, plan.last);
  } else {
    point = policy_point (policy, &plan);
    limit = MAX (plan.safe, point);
    point += part (MIN (MAX (policy->spread_s, 0), limit - point), draw (seed, CHANCE_SPREAD, 0));
  }
  planned = next_in_windows (policy, point, seed);
  if (planned > limit)
    planned = point;
  if (now > planned)
    planned = catch_up (policy, planned, now, seed);
  return planned > limit ? MAX (now, point) : planned;
}

/* The shortest span worth waiting: a minute, less for lifetimes below half an hour */
static gint64
base_delay (const ClmValidity *validity)
{
  gint64 lifetime = lifetime_of (validity);

  return lifetime > 0 ? CLAMP (lifetime / 30, 2, MINUTE) : MINUTE;
}

/* How long one may wait at most so that there is time for several more tries */
static gint64
longest_delay (const ClmValidity *validity, gint64 now, gint64 base)
{
  gint64 lifetime = lifetime_of (validity);
  gint64 left = subtract (validity->not_after, now);

  if (lifetime == 0)
    return DAY;
  if (left <= 0)
    return CLAMP (lifetime / 8, base, HOUR);
  return CLAMP (left / 8, base, DAY);
}

/* @base doubled @times times, at most @most */
static gint64
doubled (gint64 base, guint times, gint64 most)
{
  return times >= 32 ? most : MIN (base << times, most);
}

gint64
clm_schedule_retry_delay (const ClmValidity *validity, guint attempts, gint64 retry_after_s, gint64 now, guint64 seed)
{
  double chance = draw (seed, CHANCE_RETRY, attempts);
  gint64 base, delay;

  g_return_val_if_fail (validity != NULL, MINUTE);

  base = base_delay (validity);
  if (retry_after_s >= 0) {
    delay = CLAMP (retry_after_s, MINUTE, DAY);
    delay += part (delay / 10, chance);
  } else {
    /* Two thirds of a day, so that jitter still tells machines apart at the upper end. */
    delay = doubled (base, MAX (attempts, 1) - 1, DAY * 2 / 3);
    delay += part (delay / 2, chance);
  }
  return MIN (MIN (delay, DAY), longest_delay (validity, now, base));
}

gint64
clm_schedule_poll_delay (const ClmValidity *validity, guint polls, gint64 suggested_s, gint64 now, guint64 seed)
{
  gint64 delay;

  g_return_val_if_fail (validity != NULL, MINUTE);

  if (suggested_s >= 0) {
    delay = CLAMP (suggested_s, 1, HOUR);
  } else {
    delay = doubled (5, polls, HOUR * 2 / 3);
    delay += part (delay / 2, draw (seed, CHANCE_POLL, polls));
  }
  return MIN (delay, longest_delay (validity, now, base_delay (validity)));
}

gint64
clm_schedule_network_delay (guint64 occasion, guint64 seed)
{
  return 1 + part (10, draw (seed, CHANCE_NETWORK, occasion));
}

/* When level @alarm begins */
static gint64
alarm_begins (const ClmValidity *validity, ClmExpiryAlarm alarm)
{
  gint64 lifetime = lifetime_of (validity);

  switch (alarm) {
  case CLM_EXPIRY_ALARM_THIRD:
    return subtract (validity->not_after, lifetime / 3);
  case CLM_EXPIRY_ALARM_SIXTH:
    return subtract (validity->not_after, lifetime / 6);
  case CLM_EXPIRY_ALARM_DAY:
    return subtract (validity->not_after, DAY);
  case CLM_EXPIRY_ALARM_EXPIRED:
    return add (validity->not_after, 1); /* RFC 5280 §4.1.2.5: notAfter belongs to the validity */
  case CLM_EXPIRY_ALARM_NONE:
  default:
    return CLM_SCHEDULE_NEVER;
  }
}

/* Of a lifetime of less than six days, the last day begins before the last sixth. */
static gboolean
has_alarm (const ClmValidity *validity, ClmExpiryAlarm alarm)
{
  return alarm != CLM_EXPIRY_ALARM_DAY || lifetime_of (validity) / 6 > DAY;
}

ClmExpiryAlarm
clm_schedule_alarm (const ClmValidity *validity, gint64 now)
{
  g_return_val_if_fail (validity != NULL, CLM_EXPIRY_ALARM_NONE);

  for (int alarm = CLM_EXPIRY_ALARM_EXPIRED; alarm > CLM_EXPIRY_ALARM_NONE; alarm--)
    if (has_alarm (validity, alarm) && alarm_begins (validity, alarm) <= now)
      return alarm;
  return CLM_EXPIRY_ALARM_NONE;
}

gint64
clm_schedule_next_alarm (const ClmValidity *validity, gint64 now)
{
  g_return_val_if_fail (validity != NULL, CLM_SCHEDULE_NEVER);

  for (int alarm = CLM_EXPIRY_ALARM_THIRD; alarm <= CLM_EXPIRY_ALARM_EXPIRED; alarm++)
    if (has_alarm (validity, alarm) && alarm_begins (validity, alarm) > now)
      return alarm_begins (validity, alarm);
  return CLM_SCHEDULE_NEVER;
}
