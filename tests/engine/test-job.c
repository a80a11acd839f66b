/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-table.h"

#include "clm-error.h"
#include "record.h"
#include "virtual-clock.h"

#define NOW G_GINT64_CONSTANT (1900000000)

typedef struct {
  ClmVirtualClock *time;
  ClmClock        *clock;
  ClmTimers       *timers;
  ClmJobTable     *table;
  guint            added, removed;
} Fixture;

static void
on_added (ClmJobTable *table,
          ClmJob      *job,
          Fixture     *f)
{
  f->added++;
}

static void
on_removed (ClmJobTable *table,
            ClmJob      *job,
            Fixture     *f)
{
  f->removed++;
  /* It can be named to whoever hears of it, but is not found any more. */
  g_assert_true (clm_job_is_completed (job));
  g_assert_null (clm_job_table_get (table, clm_job_get_id (job)));
}

static void
set_up (Fixture      *f,
        gconstpointer data)
{
  f->time = clm_virtual_clock_new (NOW);
  f->clock = clm_virtual_clock_create_clock (f->time, CLM_CLOCK_NTP, 0, -1);
  clm_clock_update (f->clock);
  f->timers = clm_virtual_clock_create_timers (f->time, f->clock);
  f->table = clm_job_table_new (f->timers);
  g_signal_connect (f->table, "added", G_CALLBACK (on_added), f);
  g_signal_connect (f->table, "removed", G_CALLBACK (on_removed), f);
}

static void
tear_down (Fixture      *f,
           gconstpointer data)
{
  clm_job_table_close (f->table);
  clm_virtual_clock_settle (f->time);
  g_assert_finalize_object (f->table);
  g_assert_finalize_object (f->timers);
  g_assert_finalize_object (f->clock);
  clm_virtual_clock_free (f->time);
}

/* The table */

static void
test_kept_for_a_minute (Fixture      *f,
                        gconstpointer data)
{
  ClmJob *job = clm_job_table_add (f->table, "renew", "web", 1000, 1);
  guint64 id = clm_job_get_id (job);

  g_assert_cmpuint (f->added, ==, 1);
  g_assert_cmpint (clm_job_get_started (job), ==, NOW);
  /* As long as it runs, for ever. */
  clm_virtual_clock_advance (f->time, 100000);
  g_assert_true (clm_job_table_get (f->table, id) == job);
  clm_job_complete (job, NULL);
  clm_virtual_clock_advance (f->time, CLM_JOB_KEPT_S - 1);
  g_assert_true (clm_job_table_get (f->table, id) == job);
  g_assert_cmpuint (f->removed, ==, 0);
  clm_virtual_clock_advance (f->time, 1);
  g_assert_null (clm_job_table_get (f->table, id));
  g_assert_cmpuint (f->removed, ==, 1);
  g_assert_cmpint (CLM_JOB_KEPT_S, ==, 60);
}

static void
test_a_set_clock_keeps_it_no_longer (Fixture      *f,
                                     gconstpointer data)
{
  guint64 id = clm_job_get_id (clm_job_table_add (f->table, "renew", "web", 1000, 1));

  clm_job_complete (clm_job_table_get (f->table, id), NULL);
  clm_virtual_clock_set (f->time, NOW - 86400);
  clm_virtual_clock_advance (f->time, CLM_JOB_KEPT_S - 1);
  g_assert_nonnull (clm_job_table_get (f->table, id));
  clm_virtual_clock_advance (f->time, 1);
  g_assert_null (clm_job_table_get (f->table, id));
}

/* One that runs, for each certificate and kind; ids are never used twice. */
static void
test_find (Fixture      *f,
           gconstpointer data)
{
  ClmJob *web = clm_job_table_add (f->table, "renew", "web", 1000, 1);
  ClmJob *mail = clm_job_table_add (f->table, "renew", "mail", 1000, 1);
  ClmJob *deliver = clm_job_table_add (f->table, "deliver", "web", 1000, 1);
  g_autoptr (GPtrArray) all = NULL;

  g_assert_cmpuint (clm_job_get_id (web), ==, 1);
  g_assert_cmpuint (clm_job_get_id (mail), ==, 2);
  g_assert_cmpuint (clm_job_get_id (deliver), ==, 3);
  g_assert_true (clm_job_table_find (f->table, "renew", "web") == web);
  g_assert_true (clm_job_table_find (f->table, "renew", "mail") == mail);
  g_assert_true (clm_job_table_find (f->table, "deliver", "web") == deliver);
  g_assert_null (clm_job_table_find (f->table, "deliver", "mail"));
  clm_job_complete (web, NULL);
  /* What has ended is still listed, but nobody joins it. */
  g_assert_null (clm_job_table_find (f->table, "renew", "web"));
  all = clm_job_table_list (f->table);
  g_assert_cmpuint (all->len, ==, 3);
  clm_virtual_clock_advance (f->time, CLM_JOB_KEPT_S);
  g_assert_cmpuint (clm_job_get_id (clm_job_table_add (f->table, "renew", "web", 1000, 1)), ==, 4);
}

static void
test_close (Fixture      *f,
            gconstpointer data)
{
  ClmJob *running = g_object_ref (clm_job_table_add (f->table, "renew", "web", 1000, 1));
  ClmJob *ended = clm_job_table_add (f->table, "renew", "mail", 1000, 1);
  g_autoptr (GPtrArray) all = NULL;

  clm_job_complete (ended, NULL);
  clm_job_table_close (f->table);
  all = clm_job_table_list (f->table);
  g_assert_cmpuint (all->len, ==, 0);
  /* Whoever holds one may see its end. */
  clm_job_complete (running, NULL);
  clm_virtual_clock_advance (f->time, CLM_JOB_KEPT_S);
  g_assert_cmpuint (f->removed, ==, 0);
  g_object_unref (running);
}

/* The job */

static void
count (ClmJob *job,
       guint  *n)
{
  (*n)++;
}

static void
test_completes_once (void)
{
  g_autoptr (ClmJob) job = clm_job_new (7, "renew", "web", 1000, 1, NOW);
  g_autoptr (GError) first = g_error_new (CLM_ERROR, CLM_ERROR_BUSY, "busy");
  guint completed = 0, changed = 0;

  g_signal_connect (job, "completed", G_CALLBACK (count), &completed);
  g_signal_connect (job, "changed", G_CALLBACK (count), &changed);
  g_assert_cmpstr (clm_job_get_stage (job), ==, "queued");
  g_assert_cmpfloat (clm_job_get_progress (job), ==, -1);
  clm_job_set_stage (job, "enroll", 0.25);
  clm_job_set_stage (job, "enroll", 0.25);
  g_assert_cmpuint (changed, ==, 1);
  clm_job_complete (job, first);
  g_assert_cmpuint (completed, ==, 1);
  g_assert_cmpstr (clm_job_get_stage (job), ==, "done");
  g_assert_cmpfloat (clm_job_get_progress (job), ==, 1);
  g_assert_error (clm_job_get_error (job), CLM_ERROR, CLM_ERROR_BUSY);
  /* It is over: a straggler changes nothing. */
  changed = 0;
  clm_job_set_stage (job, "deliver", 0.7);
  g_assert_cmpstr (clm_job_get_stage (job), ==, "done");
  g_assert_cmpuint (changed, ==, 0);
  g_test_expect_message ("certloom-engine", G_LOG_LEVEL_CRITICAL, "*completed*");
  clm_job_complete (job, NULL);
  g_test_assert_expected_messages ();
  g_test_expect_message ("certloom-engine", G_LOG_LEVEL_CRITICAL, "*completed*");
  clm_job_count (job, NULL);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (completed, ==, 1);
}

static void
test_counts (void)
{
  g_autoptr (ClmJob) job = clm_job_new (7, "renew", NULL, 1000, 4, NOW);
  g_autoptr (GError) first = g_error_new (CLM_ERROR, CLM_ERROR_BUSY, "busy");
  g_autoptr (GError) second = g_error_new (CLM_ERROR, CLM_ERROR_REJECTED, "no");
  guint completed = 0;

  g_signal_connect (job, "completed", G_CALLBACK (count), &completed);
  g_assert_cmpstr (clm_job_get_subject (job), ==, "");
  clm_job_count (job, NULL);
  g_assert_cmpfloat (clm_job_get_progress (job), ==, 0.25);
  clm_job_count (job, first);
  clm_job_count (job, second);
  g_assert_false (clm_job_is_completed (job));
  g_assert_cmpuint (clm_job_get_done (job), ==, 3);
  g_assert_cmpuint (clm_job_get_failed (job), ==, 2);
  clm_job_count (job, NULL);
  g_assert_cmpuint (completed, ==, 1);
  g_assert_true (clm_job_is_completed (job));
  g_assert_error (clm_job_get_error (job), CLM_ERROR, CLM_ERROR_BUSY);
}

static void
test_cancel_twice (void)
{
  g_autoptr (ClmJob) job = clm_job_new (7, "renew", "web", 1000, 1, NOW);
  g_autoptr (GError) error = NULL;
  guint cancelled = 0, completed = 0;

  g_signal_connect (clm_job_get_cancellable (job), "cancelled", G_CALLBACK (count), &cancelled);
  g_signal_connect (job, "completed", G_CALLBACK (count), &completed);
  g_cancellable_cancel (clm_job_get_cancellable (job));
  g_cancellable_cancel (clm_job_get_cancellable (job));
  g_assert_cmpuint (cancelled, ==, 1);
  /* Cancelling is a wish; the work behind it says when it has ended. */
  g_assert_false (clm_job_is_completed (job));
  g_assert_true (g_cancellable_set_error_if_cancelled (clm_job_get_cancellable (job), &error));
  clm_job_count (job, error);
  g_cancellable_cancel (clm_job_get_cancellable (job));
  g_assert_cmpuint (completed, ==, 1);
  g_assert_error (clm_job_get_error (job), G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* The record's words: part of the interface, each there and back again */

#define CHECK_WORDS(type, words, n, get_nick, from_nick) \
  G_STMT_START { \
    type value; \
    G_STATIC_ASSERT (G_N_ELEMENTS (words) == (n)); \
    for (guint i = 0; i < (n); i++) { \
      g_assert_cmpstr (get_nick ((type) i), ==, words[i]); \
      g_assert_true (from_nick (words[i], &value)); \
      g_assert_cmpuint (value, ==, i); \
    } \
    g_assert_false (from_nick ("", &value)); \
    g_assert_false (from_nick ("Ready", &value)); \
  } G_STMT_END

static void
test_record_words (void)
{
  static const char *const states[] = { "waiting", "enrolling", "pending", "ready", "renewing", "failing", "expired", "revoked", "held" };
  static const char *const deliveries[] = { "none", "pending", "delivered", "failing", "rolled-back" };
  static const char *const actions[] = { "none", "enroll", "poll", "renew", "deliver", "remove" };

  CHECK_WORDS (ClmState, states, CLM_N_STATES, clm_state_get_nick, clm_state_from_nick);
  CHECK_WORDS (ClmDeliveryState, deliveries, CLM_N_DELIVERY_STATES, clm_delivery_state_get_nick, clm_delivery_state_from_nick);
  CHECK_WORDS (ClmAction, actions, CLM_N_ACTIONS, clm_action_get_nick, clm_action_from_nick);
}

/* A copy shares nothing, and no string is ever missing. */
static void
test_record_copy (void)
{
  g_autoptr (ClmRecord) record = clm_record_new ("web");
  g_autoptr (ClmRecord) copy = NULL;

  g_assert_cmpstr (record->reason, ==, "");
  g_assert_cmpstr (record->serial, ==, "");
  clm_record_set (&record->reason, "policy");
  clm_record_set (&record->message, NULL);
  g_assert_cmpstr (record->message, ==, "");
  record->not_after = NOW;
  record->candidate = 3;
  copy = clm_record_copy (record);
  clm_record_set (&record->reason, "delivery");
  g_assert_cmpstr (copy->name, ==, "web");
  g_assert_cmpstr (copy->reason, ==, "policy");
  g_assert_cmpint (copy->not_after, ==, NOW);
  g_assert_cmpuint (copy->candidate, ==, 3);
}

static void
test_intent_copy (void)
{
  g_autoptr (ClmIntent) intent = clm_intent_new (4);
  g_autoptr (ClmIntent) copy = NULL;

  clm_record_set (&intent->key_label, "cert.web.4");
  intent->ticket = g_bytes_new_static ("ticket", 6);
  intent->key_owned = TRUE;
  intent->started = NOW;
  copy = clm_intent_copy (intent);
  clm_record_set (&intent->key_label, "other");
  g_clear_pointer (&intent->ticket, g_bytes_unref);
  g_assert_cmpuint (copy->number, ==, 4);
  g_assert_cmpstr (copy->key_label, ==, "cert.web.4");
  g_assert_cmpmem (g_bytes_get_data (copy->ticket, NULL), g_bytes_get_size (copy->ticket), "ticket", 6);
  g_assert_true (copy->key_owned);
  g_assert_cmpint (copy->started, ==, NOW);
}

#define ADD(name, func) g_test_add ("/job-table/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("kept-for-a-minute", test_kept_for_a_minute);
  ADD ("a-set-clock-keeps-it-no-longer", test_a_set_clock_keeps_it_no_longer);
  ADD ("find", test_find);
  ADD ("close", test_close);
  g_test_add_func ("/job/completes-once", test_completes_once);
  g_test_add_func ("/job/counts", test_counts);
  g_test_add_func ("/job/cancel-twice", test_cancel_twice);
  g_test_add_func ("/record/words", test_record_words);
  g_test_add_func ("/record/copy", test_record_copy);
  g_test_add_func ("/record/intent-copy", test_intent_copy);
  return g_test_run ();
}
