/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "schedule.h"

#include <math.h>

#define ROUNDS 20000
#define DAY G_GINT64_CONSTANT (86400)
#define NOON_2026 G_GINT64_CONSTANT (1774958400) /* Tuesday, 2026-03-31 12:00 UTC */
#define YEAR_9999 G_GINT64_CONSTANT (253402300799)

static const ClmRenewalPolicy default_policy = CLM_RENEWAL_POLICY_INIT;

typedef struct {
  ClmRenewalPolicy policy;
  ClmValidity      validity;
  ClmRenewalHint   hint;
  gint64           now;
  guint64          seed;
} Input;

static ClmCalendarWindows *windows[3];

static gint64
random_between (gint64 low, gint64 high)
{
  return low + (gint64) (g_test_rand_double () * (double) (high - low));
}

static guint64
random_seed (void)
{
  return ((guint64) (guint32) g_test_rand_int () << 32) | (guint32) g_test_rand_int ();
}

/* A lifetime that a real CA might give, from seconds to decades */
static Input
random_input (void)
{
  const gint64 lifetimes[] = { 1, 90, 150, 3600, DAY, 6 * DAY, 47 * DAY, 90 * DAY, 398 * DAY, 7300 * DAY };
  gint64 lifetime = lifetimes[g_test_rand_int_range (0, G_N_ELEMENTS (lifetimes))];
  gint64 start = random_between (0, 4102444800);
  Input input = {
    .policy = { g_test_rand_double (), g_test_rand_bit () ? CLM_SCHEDULE_NEVER : random_between (0, 60 * DAY), g_test_rand_bit (),
                windows[g_test_rand_int_range (0, 3)], random_between (0, 2 * DAY) },
    .validity = { start, start + lifetime, g_test_rand_bit () ? CLM_SCHEDULE_NEVER : start + random_between (0, lifetime) },
    .hint = CLM_RENEWAL_HINT_NONE,
    .now = start + random_between (-lifetime, 2 * lifetime),
    .seed = random_seed (),
  };

  if (g_test_rand_bit ()) {
    input.hint.start = MAX (start + random_between (-lifetime, 2 * lifetime), 0);
    input.hint.end = input.hint.start + random_between (0, lifetime);
  }
  return input;
}

static gint64
due_of (const Input *input)
{
  return clm_schedule_renewal_due (&input->policy, &input->validity, &input->hint, input->now, input->seed);
}

static void
test_never_after_expiry (void)
{
  for (int i = 0; i < ROUNDS; i++) {
    Input input = random_input ();
    gint64 due = due_of (&input);

    g_assert_cmpint (due, >=, input.now);
    if (input.now < input.validity.not_after)
      g_assert_cmpint (due, <=, input.validity.not_after);
    else
      g_assert_cmpint (due, ==, input.now);
  }
}

static void
test_never_before_valid (void)
{
  for (int i = 0; i < ROUNDS; i++) {
    Input input = random_input ();

    g_assert_cmpint (due_of (&input), >=, MIN (input.validity.not_before, input.validity.not_after));
  }
}

static void
test_later_now_is_never_earlier_due (void)
{
  for (int i = 0; i < ROUNDS; i++) {
    Input input = random_input ();
    gint64 before = due_of (&input);

    input.now += random_between (0, MAX (input.validity.not_after - input.now, 1));
    g_assert_cmpint (due_of (&input), >=, MIN (before, input.now));
    if (input.now <= before)
      g_assert_cmpint (due_of (&input), ==, before);
  }
}

static void
test_due_stays_due (void)
{
  for (int i = 0; i < ROUNDS; i++) {
    Input input = random_input ();
    gint64 opens, closes, due = due_of (&input);

    /* When the time has come, asking again says "now", until the window closes. */
    input.now = due;
    g_assert_cmpint (due_of (&input), ==, due);
    input.now = due + 1;
    if (input.policy.windows == NULL || !clm_calendar_windows_find (input.policy.windows, due, &opens, &closes) || closes > due + 1)
      g_assert_cmpint (due_of (&input), ==, due + 1);
  }
}

static void
test_same_seed_same_answer (void)
{
  for (int i = 0; i < ROUNDS / 10; i++) {
    Input input = random_input ();

    g_assert_cmpint (due_of (&input), ==, due_of (&input));
  }
  g_assert_cmpuint (clm_schedule_seed ("m", "web"), ==, clm_schedule_seed ("m", "web"));
  g_assert_cmpuint (clm_schedule_seed ("m", "web"), !=, clm_schedule_seed ("n", "web"));
  g_assert_cmpuint (clm_schedule_seed ("m", "web"), !=, clm_schedule_seed ("m", "mqtt"));
  g_assert_cmpuint (clm_schedule_seed ("ab", "c"), !=, clm_schedule_seed ("a", "bc"));
  g_assert_cmpuint (clm_schedule_seed (NULL, "web"), !=, clm_schedule_seed ("m", "web"));
}

static void
test_spread_tells_machines_apart (void)
{
  ClmRenewalPolicy policy = CLM_RENEWAL_POLICY_INIT;
  ClmValidity validity = { NOON_2026, NOON_2026 + 90 * DAY, CLM_SCHEDULE_NEVER };
  guint quarter[4] = { 0 };

  policy.spread_s = DAY;
  for (guint machine = 0; machine < 4000; machine++) {
    g_autofree char *id = g_strdup_printf ("machine-%u", machine);
    gint64 due = clm_schedule_renewal_due (&policy, &validity, NULL, NOON_2026, clm_schedule_seed (id, "web"));

    g_assert_cmpint (due, >=, NOON_2026 + 60 * DAY);
    g_assert_cmpint (due, <, NOON_2026 + 61 * DAY);
    quarter[(due - NOON_2026 - 60 * DAY) / (DAY / 4)]++;
  }
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (quarter[i], >, 800);
}

static gint64
due_by (double share, gint64 before_s, gint64 lifetime)
{
  ClmRenewalPolicy policy = { share, before_s, TRUE, NULL, 0 };
  ClmValidity validity = { NOON_2026, NOON_2026 + lifetime, CLM_SCHEDULE_NEVER };

  return clm_schedule_renewal_due (&policy, &validity, NULL, NOON_2026, 1) - NOON_2026;
}

static void
test_share_and_time_left (void)
{
  g_assert_cmpint (due_by (CLM_RENEWAL_SHARE_DEFAULT, CLM_SCHEDULE_NEVER, 90), ==, 60);
  g_assert_cmpint (due_by (CLM_RENEWAL_SHARE_DEFAULT, CLM_SCHEDULE_NEVER, 6 * DAY), ==, 4 * DAY);
  g_assert_cmpint (due_by (0.5, CLM_SCHEDULE_NEVER, 120), ==, 60);
  g_assert_cmpint (due_by (0, 30 * DAY, 90 * DAY), ==, 60 * DAY);
  /* both: the earlier one */
  g_assert_cmpint (due_by (0.5, 30 * DAY, 90 * DAY), ==, 45 * DAY);
  g_assert_cmpint (due_by (0.9, 30 * DAY, 90 * DAY), ==, 60 * DAY);
  /* "30d" for a certificate of 6 days: would always be due */
  g_assert_cmpint (due_by (0, 30 * DAY, 6 * DAY), ==, 4 * DAY);
  /* nothing usable */
  g_assert_cmpint (due_by (0, CLM_SCHEDULE_NEVER, 90 * DAY), ==, 60 * DAY);
  g_assert_cmpint (due_by (7, CLM_SCHEDULE_NEVER, 90 * DAY), ==, 60 * DAY);
  g_assert_cmpint (due_by (NAN, CLM_SCHEDULE_NEVER, 90 * DAY), ==, 60 * DAY);
  /* an hour is always left, the first hour never used */
  g_assert_cmpint (due_by (1, CLM_SCHEDULE_NEVER, 90 * DAY), ==, 90 * DAY - 3600);
  g_assert_cmpint (due_by (0, 0, 90 * DAY), ==, 90 * DAY - 3600);
  g_assert_cmpint (due_by (1e-9, CLM_SCHEDULE_NEVER, 90 * DAY), ==, 3600);
}

static void
test_backdated_lifetime_counts_from_issue (void)
{
  /* A CA that dates back by an hour, for 90 seconds: by not_before alone it would always be due. */
  ClmValidity validity = { NOON_2026 - 3600, NOON_2026 + 90, NOON_2026 };

  g_assert_cmpint (clm_schedule_renewal_due (&default_policy, &validity, NULL, NOON_2026, 1), ==, NOON_2026 + 60);
}

static void
test_hint_takes_the_place (void)
{
  ClmRenewalPolicy deaf = CLM_RENEWAL_POLICY_INIT;
  ClmValidity validity = { NOON_2026, NOON_2026 + 90 * DAY, CLM_SCHEDULE_NEVER };
  ClmRenewalHint hint = { NOON_2026 + 10 * DAY, NOON_2026 + 11 * DAY };
  ClmRenewalHint passed = { NOON_2026 + 2 * DAY, NOON_2026 + 3 * DAY };
  ClmRenewalHint late = { NOON_2026 + 100 * DAY, NOON_2026 + 101 * DAY };
  ClmRenewalHint broken = { 0, 1 };
  ClmRenewalHint backwards = { NOON_2026 + 11 * DAY, NOON_2026 + 10 * DAY };
  gint64 due = clm_schedule_renewal_due (&default_policy, &validity, &hint, NOON_2026, 1);

  deaf.use_hint = FALSE;
  g_assert_cmpint (due, >=, hint.start);
  g_assert_cmpint (due, <, hint.end);
  g_assert_cmpint (due, !=, clm_schedule_renewal_due (&default_policy, &validity, &hint, NOON_2026, 2));
  g_assert_cmpint (clm_schedule_renewal_due (&default_policy, &validity, &passed, NOON_2026 + 5 * DAY, 1), ==, NOON_2026 + 5 * DAY);
  g_assert_cmpint (clm_schedule_renewal_due (&default_policy, &validity, &late, NOON_2026, 1), ==, validity.not_after - 3600);
  /* A CA that always says "long ago" must not make us renew without end. */
  g_assert_cmpint (clm_schedule_renewal_due (&default_policy, &validity, &broken, NOON_2026, 1), ==, NOON_2026 + 3600);
  g_assert_cmpint (clm_schedule_renewal_due (&default_policy, &validity, &backwards, NOON_2026, 1), ==, NOON_2026 + 60 * DAY);
  g_assert_cmpint (clm_schedule_renewal_due (&deaf, &validity, &hint, NOON_2026, 1), ==, NOON_2026 + 60 * DAY);
}

static void
test_waits_for_a_window (void)
{
  ClmRenewalPolicy policy = { 0.5, CLM_SCHEDULE_NEVER, TRUE, windows[1], 3600 };
  ClmValidity validity = { NOON_2026, NOON_2026 + 90 * DAY, CLM_SCHEDULE_NEVER };
  gint64 opens, closes, due;

  g_assert_true (clm_calendar_windows_find (windows[1], NOON_2026 + 45 * DAY, &opens, &closes));
  due = clm_schedule_renewal_due (&policy, &validity, NULL, NOON_2026, 7);
  g_assert_cmpint (due, >=, opens);
  g_assert_cmpint (due, <, opens + 3600);
  g_assert_cmpint (due, !=, clm_schedule_renewal_due (&policy, &validity, NULL, NOON_2026, 8));
  /* the machine was off: the next window, at its own place */
  due = clm_schedule_renewal_due (&policy, &validity, NULL, closes + 10, 7);
  g_assert_cmpint (due, >=, opens + 7 * DAY);
  g_assert_cmpint (due, <, opens + 7 * DAY + 3600);
  /* beyond the safe limit: at once */
  g_assert_cmpint (clm_schedule_renewal_due (&policy, &validity, NULL, NOON_2026 + 76 * DAY, 7), ==, NOON_2026 + 76 * DAY);
}

static void
test_window_never_past_what_is_safe (void)
{
  /* Three days, Tuesday noon to Friday noon: no Sunday before 5/6 of it. */
  ClmRenewalPolicy policy = { CLM_RENEWAL_SHARE_DEFAULT, CLM_SCHEDULE_NEVER, TRUE, windows[1], 0 };
  ClmValidity validity = { NOON_2026, NOON_2026 + 3 * DAY, CLM_SCHEDULE_NEVER };

  g_assert_cmpint (clm_schedule_renewal_due (&policy, &validity, NULL, NOON_2026, 7), ==, NOON_2026 + 2 * DAY);
  for (int i = 0; i < ROUNDS; i++) {
    Input input = random_input ();
    gint64 start, lifetime;

    input.hint = CLM_RENEWAL_HINT_NONE;
    input.policy.share = CLM_RENEWAL_SHARE_DEFAULT;
    input.policy.before_s = CLM_SCHEDULE_NEVER;
    start = input.validity.issued == CLM_SCHEDULE_NEVER ? input.validity.not_before : input.validity.issued;
    lifetime = input.validity.not_after - start;
    g_assert_cmpint (due_of (&input), <=, MAX (input.now, start + lifetime * 5 / 6 + 1));
  }
}

static void
test_odd_times_do_not_overflow (void)
{
  const gint64 odd[] = { G_MININT64, G_MININT64 + 1, -62135596800, -1, 0, 1, 2147483647, 2147483648, 4294967295, 2524608000,
                         YEAR_9999, YEAR_9999 + 1, G_MAXINT64 - 1, G_MAXINT64 };
  const guint n = G_N_ELEMENTS (odd);

  for (guint a = 0; a < n; a++)
    for (guint b = 0; b < n; b++)
      for (guint c = 0; c < n; c++)
        for (guint d = 0; d < n; d++) {
          Input input = { { 0.5, odd[d], TRUE, windows[c % 3], odd[d] }, { odd[a], odd[b], odd[c] }, { odd[d], odd[a] }, odd[c], odd[d] };
          gint64 due = due_of (&input), delay = clm_schedule_retry_delay (&input.validity, a, odd[d], odd[c], b);
          gint64 next = clm_schedule_next_alarm (&input.validity, odd[c]);

          g_assert_cmpint (due, >=, input.now);
          g_assert_cmpint (due, <=, MAX (input.now, MAX (input.validity.not_after, input.validity.not_before)));
          g_assert_true (delay >= 2 && delay <= DAY);
          delay = clm_schedule_poll_delay (&input.validity, a, odd[d], odd[c], b);
          g_assert_true (delay >= 1 && delay <= 3600);
          g_assert_true (next == CLM_SCHEDULE_NEVER || next > odd[c]);
        }
}

static void
test_without_lifetime_at_once (void)
{
  ClmValidity none = { NOON_2026, NOON_2026, CLM_SCHEDULE_NEVER }, negative = { NOON_2026, NOON_2026 - 1, CLM_SCHEDULE_NEVER };

  g_assert_cmpint (clm_schedule_renewal_due (&default_policy, &none, NULL, NOON_2026 - 5, 1), ==, NOON_2026 - 5);
  g_assert_cmpint (clm_schedule_renewal_due (&default_policy, &negative, NULL, NOON_2026 - 5, 1), ==, NOON_2026 - 5);
}

static void
test_retry_backs_off (void)
{
  ClmValidity validity = { NOON_2026, NOON_2026 + 3650 * DAY, CLM_SCHEDULE_NEVER };
  gint64 before = 0;

  for (guint attempts = 1; attempts <= 200; attempts++) {
    gint64 delay = clm_schedule_retry_delay (&validity, attempts, CLM_SCHEDULE_NEVER, NOON_2026, 42);
    gint64 nominal = attempts > 10 ? DAY * 2 / 3 : MIN (60 << (attempts - 1), DAY * 2 / 3);

    g_assert_cmpint (delay, >=, nominal);
    g_assert_cmpint (delay, <=, nominal * 3 / 2);
    if (attempts <= 10)
      g_assert_cmpint (delay, >, before);
    before = delay;
  }
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 0, CLM_SCHEDULE_NEVER, NOON_2026, 42), <=, 90);
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 9, CLM_SCHEDULE_NEVER, NOON_2026, 42), !=,
                   clm_schedule_retry_delay (&validity, 9, CLM_SCHEDULE_NEVER, NOON_2026, 43));
}

static void
test_retry_after_is_clamped (void)
{
  ClmValidity validity = { NOON_2026, NOON_2026 + 3650 * DAY, CLM_SCHEDULE_NEVER };
  gint64 ten_years = 3650 * DAY;

  g_assert_cmpint (clm_schedule_retry_delay (&validity, 1, ten_years, NOON_2026, 1), ==, DAY);
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 1, G_MAXINT64, NOON_2026, 1), ==, DAY);
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 20, 0, NOON_2026, 1), >=, 60);
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 20, 0, NOON_2026, 1), <=, 66);
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 20, 600, NOON_2026, 1), >=, 600);
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 20, 600, NOON_2026, 1), <=, 660);
  /* negative: as if nothing was said */
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 1, -5, NOON_2026, 1), <=, 90);
  /* never more than an eighth of what is left */
  validity.not_after = NOON_2026 + 8000;
  g_assert_cmpint (clm_schedule_retry_delay (&validity, 1, ten_years, NOON_2026, 1), ==, 1000);
}

static void
test_retry_leaves_room_before_expiry (void)
{
  for (int i = 0; i < ROUNDS; i++) {
    Input input = random_input ();
    gint64 left = input.validity.not_after - input.now;
    gint64 delay = clm_schedule_retry_delay (&input.validity, (guint) g_test_rand_int_range (1, 50),
                                             g_test_rand_bit () ? CLM_SCHEDULE_NEVER : random_between (0, 10 * DAY), input.now, input.seed);

    g_assert_cmpint (delay, >=, 2);
    g_assert_cmpint (delay, <=, DAY);
    if (left > 0 && left / 8 > 60)
      g_assert_cmpint (delay, <=, left / 8);
    else if (input.validity.not_after > input.validity.not_before && input.validity.issued < input.validity.not_after)
      g_assert_cmpint (delay, <=, 3600);
  }
}

static void
test_short_lifetimes_scale_down (void)
{
  /* Renewal of a 90 s certificate begins at 45 s; the CA's key is away for twenty seconds. */
  ClmValidity validity = { NOON_2026, NOON_2026 + 90, NOON_2026 };
  gint64 now = NOON_2026 + 45;

  for (guint attempts = 1; now < NOON_2026 + 65; attempts++)
    now += clm_schedule_retry_delay (&validity, attempts, CLM_SCHEDULE_NEVER, now, 3);
  g_assert_cmpint (now, <=, NOON_2026 + 72);
}

static void
test_polls_are_clamped (void)
{
  ClmValidity validity = { NOON_2026, NOON_2026 + 3650 * DAY, CLM_SCHEDULE_NEVER };
  ClmValidity none = CLM_VALIDITY_NONE;

  g_assert_cmpint (clm_schedule_poll_delay (&none, 0, 0, NOON_2026, 1), ==, 1);
  g_assert_cmpint (clm_schedule_poll_delay (&none, 0, 30, NOON_2026, 1), ==, 30);
  g_assert_cmpint (clm_schedule_poll_delay (&validity, 0, 10 * DAY, NOON_2026, 1), ==, 3600);
  g_assert_cmpint (clm_schedule_poll_delay (&none, 0, CLM_SCHEDULE_NEVER, NOON_2026, 1), >=, 5);
  g_assert_cmpint (clm_schedule_poll_delay (&none, 0, CLM_SCHEDULE_NEVER, NOON_2026, 1), <=, 7);
  g_assert_cmpint (clm_schedule_poll_delay (&none, 4000000, CLM_SCHEDULE_NEVER, NOON_2026, 1), <=, 3600);
  g_assert_cmpint (clm_schedule_poll_delay (&none, 4000000, CLM_SCHEDULE_NEVER, NOON_2026, 1), >=, 2400);
  validity.not_after = NOON_2026 + 800;
  g_assert_cmpint (clm_schedule_poll_delay (&validity, 0, 3000, NOON_2026, 1), ==, 100);
}

static void
test_network_delay_is_jittered (void)
{
  gboolean seen[11] = { FALSE };

  for (guint64 occasion = 0; occasion < 1000; occasion++) {
    gint64 delay = clm_schedule_network_delay (occasion, 99);

    g_assert_true (delay >= 1 && delay <= 10);
    seen[delay] = TRUE;
  }
  for (guint i = 1; i <= 10; i++)
    g_assert_true (seen[i]);
}

static void
test_alarms_rise (void)
{
  ClmValidity validity = { NOON_2026, NOON_2026 + 90 * DAY, CLM_SCHEDULE_NEVER };
  const gint64 begins[] = { NOON_2026 + 60 * DAY, NOON_2026 + 75 * DAY, NOON_2026 + 89 * DAY, NOON_2026 + 90 * DAY + 1 };
  gint64 now = NOON_2026;

  g_assert_cmpint (clm_schedule_alarm (&validity, now), ==, CLM_EXPIRY_ALARM_NONE);
  for (guint i = 0; i < 4; i++) {
    g_assert_cmpint (clm_schedule_next_alarm (&validity, now), ==, begins[i]);
    g_assert_cmpint (clm_schedule_alarm (&validity, begins[i] - 1), ==, CLM_EXPIRY_ALARM_NONE + i);
    g_assert_cmpint (clm_schedule_alarm (&validity, begins[i]), ==, CLM_EXPIRY_ALARM_THIRD + i);
    now = begins[i];
  }
  g_assert_cmpint (clm_schedule_next_alarm (&validity, now), ==, CLM_SCHEDULE_NEVER);
}

static void
test_short_lifetimes_have_no_last_day (void)
{
  ClmValidity validity = { NOON_2026, NOON_2026 + 90, CLM_SCHEDULE_NEVER };

  g_assert_cmpint (clm_schedule_alarm (&validity, NOON_2026), ==, CLM_EXPIRY_ALARM_NONE);
  g_assert_cmpint (clm_schedule_next_alarm (&validity, NOON_2026), ==, NOON_2026 + 60);
  g_assert_cmpint (clm_schedule_alarm (&validity, NOON_2026 + 80), ==, CLM_EXPIRY_ALARM_SIXTH);
  g_assert_cmpint (clm_schedule_next_alarm (&validity, NOON_2026 + 80), ==, NOON_2026 + 91);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  windows[1] = clm_calendar_windows_parse ("Sun 02:00-05:00 UTC", NULL);
  windows[2] = clm_calendar_windows_parse ("Mon..Fri 22:00-04:00 Europe/Berlin; * 12:00-12:30 UTC", NULL);
  g_test_add_func ("/schedule/never-after-expiry", test_never_after_expiry);
  g_test_add_func ("/schedule/never-before-valid", test_never_before_valid);
  g_test_add_func ("/schedule/later-now-is-never-earlier-due", test_later_now_is_never_earlier_due);
  g_test_add_func ("/schedule/due-stays-due", test_due_stays_due);
  g_test_add_func ("/schedule/same-seed-same-answer", test_same_seed_same_answer);
  g_test_add_func ("/schedule/spread-tells-machines-apart", test_spread_tells_machines_apart);
  g_test_add_func ("/schedule/share-and-time-left", test_share_and_time_left);
  g_test_add_func ("/schedule/backdated-lifetime-counts-from-issue", test_backdated_lifetime_counts_from_issue);
  g_test_add_func ("/schedule/hint-takes-the-place", test_hint_takes_the_place);
  g_test_add_func ("/schedule/waits-for-a-window", test_waits_for_a_window);
  g_test_add_func ("/schedule/window-never-past-what-is-safe", test_window_never_past_what_is_safe);
  g_test_add_func ("/schedule/safety-40-odd-times-do-not-overflow", test_odd_times_do_not_overflow);
  g_test_add_func ("/schedule/without-lifetime-at-once", test_without_lifetime_at_once);
  g_test_add_func ("/schedule/retry-backs-off", test_retry_backs_off);
  g_test_add_func ("/schedule/safety-31-retry-after-is-clamped", test_retry_after_is_clamped);
  g_test_add_func ("/schedule/retry-leaves-room-before-expiry", test_retry_leaves_room_before_expiry);
  g_test_add_func ("/schedule/short-lifetimes-scale-down", test_short_lifetimes_scale_down);
  g_test_add_func ("/schedule/polls-are-clamped", test_polls_are_clamped);
  g_test_add_func ("/schedule/network-delay-is-jittered", test_network_delay_is_jittered);
  g_test_add_func ("/schedule/alarms-rise", test_alarms_rise);
  g_test_add_func ("/schedule/short-lifetimes-have-no-last-day", test_short_lifetimes_have_no_last_day);
  result = g_test_run ();
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    g_clear_pointer (&windows[i], clm_calendar_windows_unref);
  return result;
}
