/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "calendar-window.h"

G_BEGIN_DECLS

/*
 * When to renew, when to try again, when to ask again, when to worry. Pure functions: nothing here reads a clock, a file or a
 * random source; the same input gives the same answer, on every thread. All times are seconds since the epoch (UTC), all spans
 * seconds; any gint64 is safe input. Chance comes from a seed, so that one machine's answers are stable and a fleet's are not
 * equal.
 */

/** CLM_SCHEDULE_NEVER: no time, no span, not known. */
#define CLM_SCHEDULE_NEVER G_GINT64_CONSTANT (-1)

/**
 * ClmRenewalPolicy:
 * @share: renew when this share of the lifetime has passed, above 0 and up to 1; 0: not by share
 * @before_s: renew when this much is left; %CLM_SCHEDULE_NEVER: not by time left
 * @use_hint: let the CA's own suggestion (ACME ARI, RFC 9773) take the place of both
 * @windows: (nullable) (not owned): maintenance windows; %NULL: at any time
 * @spread_s: put each machine at its own point of so many seconds after the due time; 0: none
 *
 * When both @share and @before_s are set, the earlier one counts. When neither is usable (also a @before_s that would leave
 * less than a tenth of the lifetime in use), the default share does.
 */
typedef struct {
  double              share;
  gint64              before_s;
  gboolean            use_hint;
  ClmCalendarWindows *windows;
  gint64              spread_s;
} ClmRenewalPolicy;

#define CLM_RENEWAL_SHARE_DEFAULT (2.0 / 3.0)
/** CLM_RENEWAL_POLICY_INIT: the default policy, as an initialiser. */
#define CLM_RENEWAL_POLICY_INIT { CLM_RENEWAL_SHARE_DEFAULT, CLM_SCHEDULE_NEVER, TRUE, NULL, 0 }

/**
 * ClmValidity:
 * @not_before: the certificate's own
 * @not_after: the certificate's own
 * @issued: when it was received, or %CLM_SCHEDULE_NEVER; a CA may date @not_before back, and time before the certificate
 *   existed is not lifetime that it has used
 *
 * The time that a certificate has. Its lifetime is counted from the later one of @not_before and @issued.
 * %CLM_VALIDITY_NONE where there is no certificate yet.
 */
typedef struct {
  gint64 not_before;
  gint64 not_after;
  gint64 issued;
} ClmValidity;

#define CLM_VALIDITY_NONE ((ClmValidity) { CLM_SCHEDULE_NEVER, CLM_SCHEDULE_NEVER, CLM_SCHEDULE_NEVER })

/**
 * ClmRenewalHint:
 * @start: first second of the window that the CA suggests; %CLM_SCHEDULE_NEVER: it suggests none
 * @end: its end, not before @start
 */
typedef struct {
  gint64 start;
  gint64 end;
} ClmRenewalHint;

#define CLM_RENEWAL_HINT_NONE ((ClmRenewalHint) { CLM_SCHEDULE_NEVER, CLM_SCHEDULE_NEVER })

/** clm_schedule_seed: @machine_id: (nullable). Returns: the seed of one certificate on one machine. */
guint64 clm_schedule_seed (const char *machine_id, const char *name);

/**
 * clm_schedule_renewal_due:
 * @policy: the policy
 * @validity: the current certificate's time
 * @hint: (nullable): the CA's suggestion
 * @now: the time now
 * @seed: from clm_schedule_seed()
 *
 * Answers when the certificate is to be renewed. The answer is never before @now; equal to @now means at once.
 *
 * The due time is where policy or hint puts it (the hint: a stable point in its window; one that has passed: at once), moved by the
 * machine's share of the spread, but not past the safe limit of 5/6 of the lifetime (or the due time itself, where policy chose
 * a later one). Outside a maintenance window it waits for the next one, again spread inside it. Where none opens before the
 * safe limit (for a hint: before its end), it does not wait. Whatever is asked, a renewal is planned neither in the first tenth (at
 * most the first hour) of the lifetime, so that no policy, nor a CA with a broken hint, makes it run in circles, nor in the last
 * twentieth (at most the last hour). A certificate that has expired or has no lifetime is due at once.
 *
 * Returns: seconds since the epoch, at least @now.
 */
gint64 clm_schedule_renewal_due (const ClmRenewalPolicy *policy,
                                 const ClmValidity      *validity,
                                 const ClmRenewalHint   *hint,
                                 gint64                  now,
                                 guint64                 seed);

/**
 * clm_schedule_retry_delay:
 * @validity: the certificate that is to be replaced, or %CLM_VALIDITY_NONE
 * @attempts: how many have failed in a row, from 1
 * @retry_after_s: what the peer asked for (clm_error_get_retry_after()), or %CLM_SCHEDULE_NEVER
 * @now: the time now
 * @seed: from clm_schedule_seed()
 *
 * Answers how long to wait after a failure: from 1 minute doubling up to 1 day, with jitter; or what the peer asked for,
 * clamped to the same range, with a little jitter on top. Never longer than an eighth of the time that the certificate has
 * left, and for lifetimes below half an hour everything scales down (a 90 s certificate is tried again after 3 s). Once it has
 * expired, never longer than an hour.
 *
 * Returns: seconds, at least 2.
 */
gint64 clm_schedule_retry_delay (const ClmValidity *validity, guint attempts, gint64 retry_after_s, gint64 now, guint64 seed);

/**
 * clm_schedule_poll_delay:
 * @polls: how often the CA has said "pending" before, from 0
 * @suggested_s: what the CA asked for, or %CLM_SCHEDULE_NEVER
 *
 * Answers how long to wait before asking a CA again that has yet to decide: what it asked for, clamped to 1 s to 1 h; where it
 * asked for nothing, from 5 s doubling up to 1 h, with jitter. Capped by the time left as in clm_schedule_retry_delay().
 *
 * Returns: seconds, at least 1.
 */
gint64 clm_schedule_poll_delay (const ClmValidity *validity, guint polls, gint64 suggested_s, gint64 now, guint64 seed);

/**
 * clm_schedule_network_delay: @occasion: a number that differs from one occasion to the next, e.g. the attempts so far.
 *
 * Answers how long to wait with a retry that is brought forward because the network came up. That it happens at most once
 * per %CLM_SCHEDULE_NETWORK_INTERVAL_S is the caller's to keep.
 *
 * Returns: seconds, 1 to 10.
 */
gint64 clm_schedule_network_delay (guint64 occasion, guint64 seed);

#define CLM_SCHEDULE_NETWORK_INTERVAL_S 30

/**
 * ClmExpiryAlarm:
 * @CLM_EXPIRY_ALARM_NONE: more than a third of the lifetime is left
 * @CLM_EXPIRY_ALARM_THIRD: at most a third is left
 * @CLM_EXPIRY_ALARM_SIXTH: at most a sixth is left
 * @CLM_EXPIRY_ALARM_DAY: at most 24 hours are left, of a lifetime of more than 6 days; shorter ones do not have this level
 * @CLM_EXPIRY_ALARM_EXPIRED: it is over
 *
 * How near the end is; higher is worse. With the default policy a healthy renewal begins when a third is left: to raise %THIRD
 * is sensible only for a certificate whose renewal has failed.
 */
typedef enum {
  CLM_EXPIRY_ALARM_NONE,
  CLM_EXPIRY_ALARM_THIRD,
  CLM_EXPIRY_ALARM_SIXTH,
  CLM_EXPIRY_ALARM_DAY,
  CLM_EXPIRY_ALARM_EXPIRED
} ClmExpiryAlarm;

/** clm_schedule_alarm: Returns: the level at @now. */
ClmExpiryAlarm clm_schedule_alarm (const ClmValidity *validity, gint64 now);

/** clm_schedule_next_alarm: Returns: when the level rises next, after @now; %CLM_SCHEDULE_NEVER once it has expired. */
gint64 clm_schedule_next_alarm (const ClmValidity *validity, gint64 now);

G_END_DECLS
