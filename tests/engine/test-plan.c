/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include "clm-error.h"

#define NOW G_GINT64_CONSTANT (1800000000)
#define DAY 86400

static const ClmPlanContext context = { .now = NOW, .trusted = TRUE, .seed = 4711 };
static char *authorities[] = { (char *) "first", (char *) "second", NULL };
static char *nothing[] = { NULL };

static ClmSpec
make_spec (void)
{
  return (ClmSpec) { .name = (char *) "web", .renew_at = CLM_RENEW_AT_SHARE, .renew_share = 0.5, .authorities = authorities,
                     .deliveries = nothing };
}

static ClmRecord *
make_record (void)
{
  ClmRecord *record = clm_record_new ("web");

  record->generation = 1;
  record->not_before = record->issued = NOW - 10 * DAY;
  record->not_after = NOW + 20 * DAY;
  return record;
}

static void
test_ready (void)
{
  g_autoptr (ClmRecord) record = make_record ();
  ClmSpec spec = make_spec ();

  record->attempts = 3;
  clm_record_set (&record->message, "old trouble");
  clm_plan_ready (record, &spec, &context);
  g_assert_cmpint (record->state, ==, CLM_STATE_READY);
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_RENEW);
  g_assert_cmpint (record->next_time, ==, NOW + 5 * DAY);
  g_assert_true (record->clock_bound);
  g_assert_cmpuint (record->attempts, ==, 0);
  g_assert_cmpstr (record->message, ==, "");
  g_assert_cmpint (record->alarm_time, >, NOW);
}

static gint64
fail_with (ClmRecord *record,
           int        code)
{
  ClmSpec spec = make_spec ();
  g_autoptr (GError) error = g_error_new (CLM_ERROR, code, "no");

  clm_error_set_hint (error, "do this");
  clm_plan_failed (record, &spec, &context, CLM_ACTION_RENEW, error);
  return record->next_time - NOW;
}

static void
test_failed (void)
{
  g_autoptr (ClmRecord) record = make_record ();
  gint64 first = fail_with (record, CLM_ERROR_UNREACHABLE);
  gint64 later;

  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "authority-unreachable");
  g_assert_cmpstr (record->message, ==, "no");
  g_assert_cmpstr (record->hint, ==, "do this");
  g_assert_cmpstr (record->error, ==, "Unreachable");
  g_assert_false (record->clock_bound);
  g_assert_cmpint (first, >=, 30);
  g_assert_cmpint (first, <=, 120);
  for (guint i = 0; i < 8; i++)
    fail_with (record, CLM_ERROR_UNREACHABLE);
  later = record->next_time - NOW;
  g_assert_cmpint (later, >, 10 * first);
  g_assert_cmpint (later, <=, DAY + DAY / 4);
}

/* A refusal is not repeated at once, but each CA is asked once before that */
static void
test_refused (void)
{
  g_autoptr (ClmRecord) record = make_record ();

  g_assert_cmpint (fail_with (record, CLM_ERROR_REJECTED), <, 600);
  g_assert_cmpint (fail_with (record, CLM_ERROR_REJECTED), >, 6 * 3600);
  g_assert_cmpstr (record->reason, ==, "authority-refused");
}

/* The words stay the same over versions: programs act on them. */
static void
test_reasons (void)
{
  static const struct { int code; const char *reason; } rows[] = {
    { CLM_ERROR_UNREACHABLE, "authority-unreachable" },
    { CLM_ERROR_BUSY, "authority-busy" },
    { CLM_ERROR_REJECTED, "authority-refused" },
    { CLM_ERROR_CONFIG, "configuration" },
    { CLM_ERROR_NOT_SUPPORTED, "configuration" },
    { CLM_ERROR_INVALID_ARGUMENT, "configuration" },
    { CLM_ERROR_KEY_UNAVAILABLE, "key-unavailable" },
    { CLM_ERROR_CLOCK, "clock-untrusted" },
    { CLM_ERROR_INVALID_DATA, "policy" },
    { CLM_ERROR_DELIVERY, "delivery" },
    { CLM_ERROR_STORAGE, "storage" },
    { CLM_ERROR_FAILED, "failed" },
    { CLM_ERROR_TICKET_LOST, "failed" },
    { CLM_ERROR_NOT_FOUND, "failed" },
    { CLM_ERROR_EXISTS, "failed" },
    { CLM_ERROR_ACCESS_DENIED, "failed" },
    { CLM_ERROR_LIMITS_EXCEEDED, "failed" },
    { CLM_ERROR_CONFLICT, "failed" },
    { CLM_ERROR_RESYNC_NEEDED, "failed" },
  };
  g_autoptr (GError) foreign = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "from elsewhere");
  g_autoptr (ClmRecord) record = make_record ();
  ClmSpec spec = make_spec ();

  G_STATIC_ASSERT (G_N_ELEMENTS (rows) == CLM_N_ERRORS);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    fail_with (record, rows[i].code);
    g_assert_cmpstr (record->reason, ==, rows[i].reason);
    g_assert_cmpstr (record->error, ==, clm_error_code_to_nick (rows[i].code));
  }
  /* What a plugin hands on as it came. */
  clm_plan_failed (record, &spec, &context, CLM_ACTION_RENEW, foreign);
  g_assert_cmpstr (record->reason, ==, "internal");
  g_assert_cmpstr (record->error, ==, "Failed");
}

static void
test_pending (void)
{
  g_autoptr (ClmRecord) record = make_record ();

  clm_plan_pending (record, &context, 0, 7);
  g_assert_cmpint (record->state, ==, CLM_STATE_PENDING);
  g_assert_cmpstr (record->reason, ==, "authority-pending");
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_POLL);
  g_assert_cmpint (record->next_time, >=, NOW + 1);
  g_assert_cmpint (record->next_time, <=, NOW + 15);
  clm_plan_pending (record, &context, 0, G_MAXINT64);
  g_assert_cmpint (record->next_time, <=, NOW + 2 * 3600);
}

/* Each level is told once; without trust in the clock none is */
static void
test_alarms (void)
{
  g_autoptr (ClmRecord) record = make_record ();
  ClmPlanContext at = context;
  ClmExpiryAlarm level;

  at.now = record->not_after - 9 * DAY;
  g_assert_true (clm_plan_raise_alarm (record, &at, &level));
  g_assert_cmpint (level, ==, CLM_EXPIRY_ALARM_THIRD);
  g_assert_false (clm_plan_raise_alarm (record, &at, &level));
  at.now = record->not_after + 1;
  at.trusted = FALSE;
  g_assert_false (clm_plan_raise_alarm (record, &at, &level));
  g_assert_cmpint (record->state, !=, CLM_STATE_EXPIRED);
  at.trusted = TRUE;
  g_assert_true (clm_plan_raise_alarm (record, &at, &level));
  g_assert_cmpint (level, ==, CLM_EXPIRY_ALARM_EXPIRED);
  g_assert_cmpint (record->state, ==, CLM_STATE_EXPIRED);
  g_assert_cmpint (record->alarm_time, ==, 0);
}

static void
test_idle (void)
{
  g_autoptr (ClmRecord) record = make_record ();

  clm_plan_idle (record, CLM_STATE_HELD, "held", "held by an operator");
  g_assert_false (clm_plan_is_due (record, G_MAXINT64));
  g_assert_cmpstr (record->reason, ==, "held");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/ready-forgets-trouble", test_ready);
  g_test_add_func ("/plan/failures-back-off", test_failed);
  g_test_add_func ("/plan/refusal-waits-after-every-authority", test_refused);
  g_test_add_func ("/plan/reasons", test_reasons);
  g_test_add_func ("/plan/pending-is-clamped", test_pending);
  g_test_add_func ("/plan/alarms-rise-once", test_alarms);
  g_test_add_func ("/plan/idle-is-never-due", test_idle);
  return g_test_run ();
}
