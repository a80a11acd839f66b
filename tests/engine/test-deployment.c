/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <string.h>

#include <glib/gstdio.h>

#include "clm-error.h"

#define CHECKED "[Delivery]\nFor=*\nCombined=@OUT@/%%n.pem\n[Action]\nCommand=/bin/sh -c \"echo acted >> @OUT@/acted\"\n" \
  "[Check]\nCommand=/bin/sh -c \"! test -e @OUT@/broken\"\nDelay=0s\nWithin=0s\n"

static Bench *
make_bench (void)
{
  Bench *bench = bench_new (TRUE);

  bench_write (bench, "deliveries.d/first.delivery", "[Delivery]\nFor=*\nCombined=@OUT@/first-%%n.pem\n");
  bench_write (bench, "deliveries.d/files.delivery", CHECKED);
  bench_certificate (bench, "web", "Validity=30d\n[Delivery]\nDeliver=first files\n");
  return bench;
}

static void
set_broken (Bench   *bench,
            gboolean broken)
{
  g_autofree char *path = g_build_filename (bench->out, "broken", NULL);

  if (broken)
    g_assert_true (g_file_set_contents (path, "", 0, NULL));
  else
    g_assert_cmpint (g_remove (path), ==, 0);
}

static void
assert_has (Bench      *bench,
            const char *file,
            guint       number)
{
  g_autofree char *path = g_strdup_printf ("state/certificates/web/gen/%06u/fullchain.pem", number);
  g_autofree char *there = bench_read (bench, file);
  g_autofree char *wanted = bench_read (bench, path);

  g_assert_nonnull (there);
  g_assert_nonnull (wanted);
  g_assert_nonnull (strstr (there, wanted));
}

static void
assert_record (Bench           *bench,
               guint            generation,
               guint            candidate,
               ClmDeliveryState state)
{
  g_autoptr (ClmRecord) record = bench_record (bench, "web");

  g_assert_cmpuint (record->generation, ==, generation);
  g_assert_cmpuint (record->candidate, ==, candidate);
  g_assert_cmpstr (clm_delivery_state_get_nick (record->delivery_state), ==, clm_delivery_state_get_nick (state));
}

static void
test_delivers (void)
{
  g_autoptr (Bench) bench = make_bench ();

  bench_start (bench);
  bench_settle (bench);
  assert_record (bench, 1, 0, CLM_DELIVERY_DELIVERED);
  assert_has (bench, "out/first-web.pem", 1);
  assert_has (bench, "out/web.pem", 1);
  bench_restart (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_count_events (bench, "delivered web"), ==, 1);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

/* What fails its check goes back, is tried again, and is adopted once the consumer is repaired; the CA is asked once. */
static void
test_goes_back_and_is_adopted (void)
{
  g_autoptr (Bench) bench = make_bench ();

  bench_start (bench);
  bench_settle (bench);
  set_broken (bench, TRUE);
  bench_advance (bench, 21 * 86400);
  assert_record (bench, 1, 2, CLM_DELIVERY_ROLLED_BACK);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  assert_has (bench, "out/web.pem", 1);
  assert_has (bench, "out/first-web.pem", 1);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  g_assert_cmpuint (bench_count_events (bench, "rolled-back web"), ==, 1);
  g_assert_cmpuint (bench_count_events (bench, "delivery-failed web"), >=, 3);
  bench_restart (bench);
  bench_settle (bench);
  set_broken (bench, FALSE);
  bench_advance (bench, 86400);
  assert_record (bench, 2, 0, CLM_DELIVERY_DELIVERED);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  assert_has (bench, "out/web.pem", 2);
  assert_has (bench, "out/first-web.pem", 2);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

static void
test_keeps (void)
{
  g_autoptr (Bench) bench = make_bench ();

  bench_write (bench, "deliveries.d/files.delivery", CHECKED "OnFailure=keep\n");
  bench_start (bench);
  bench_settle (bench);
  set_broken (bench, TRUE);
  bench_advance (bench, 20 * 86400 + 3600);
  assert_record (bench, 2, 0, CLM_DELIVERY_FAILING);
  bench_assert_state (bench, "web", CLM_STATE_FAILING);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  set_broken (bench, FALSE);
  bench_advance (bench, 86400);
  assert_record (bench, 2, 0, CLM_DELIVERY_DELIVERED);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
}

/* The first one has nothing to go back to. */
static void
test_first_one_fails (void)
{
  g_autoptr (Bench) bench = make_bench ();

  set_broken (bench, TRUE);
  bench_start (bench);
  bench_settle (bench);
  assert_record (bench, 1, 0, CLM_DELIVERY_FAILING);
  set_broken (bench, FALSE);
  bench_advance (bench, 3600);
  assert_record (bench, 1, 0, CLM_DELIVERY_DELIVERED);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
}

static void
test_held_stays_held (void)
{
  g_autoptr (Bench) bench = make_bench ();
  g_autoptr (GError) error = NULL;

  bench_start (bench);
  bench_settle (bench);
  g_assert_true (bench_hold (bench, "web", TRUE, NULL));
  error = bench_run (bench, clm_manager_deliver (bench->manager, NULL, "web", NULL));
  g_assert_no_error (error);
  bench_assert_state (bench, "web", CLM_STATE_HELD);
  bench_advance (bench, 25 * 86400);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
}

/* A generation that is damaged on the disk is replaced, not handed out some day. */
static void
test_damaged_is_replaced (void)
{
  g_autoptr (Bench) bench = make_bench ();
  g_autofree char *path = g_build_filename (bench->state, "certificates/web/gen/000001/cert.pem", NULL);
  g_autoptr (GError) error = NULL;

  bench_start (bench);
  bench_settle (bench);
  g_assert_true (g_file_set_contents (path, "damaged", -1, NULL));
  error = bench_run (bench, clm_manager_deliver (bench->manager, NULL, "web", NULL));
  g_assert_nonnull (error);
  bench_advance (bench, 3600);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  assert_has (bench, "out/web.pem", 2);
}

/* Consumers that write down what they were given, and refuse what they do not like */

/*
 * Each time its action runs, NAME.log gets the checksum of what it was given. While NAME-refuses is there, the action fails for all
 * but what is in that file; while NAME-shuns is, so does the check.
 */
#define CONSUMER "[Delivery]\nFor=*\nCombined=@OUT@/%%n-NAME.pem\n[Action]\n" \
  "Command=/bin/sh -c \"cksum < @OUT@/web-NAME.pem >> @OUT@/NAME.log; ! test -e @OUT@/NAME-refuses || cmp -s @OUT@/NAME-refuses @OUT@/web-NAME.pem\"\n" \
  "[Check]\nCommand=/bin/sh -c \"! test -e @OUT@/NAME-shuns || cmp -s @OUT@/NAME-shuns @OUT@/web-NAME.pem\"\nDelay=0s\nWithin=0s\n"

static void
write_consumer (Bench      *bench,
                const char *name,
                const char *more)
{
  g_autofree char *file = g_strdup_printf ("deliveries.d/%s.delivery", name);
  g_auto (GStrv) parts = g_strsplit (CONSUMER, "NAME", -1);
  g_autofree char *text = g_strjoinv (name, parts);
  g_autofree char *whole = g_strconcat (text, more, NULL);
  g_auto (GStrv) percents = g_strsplit (whole, "%%", -1);
  g_autofree char *single = g_strjoinv ("%", percents);

  bench_write (bench, file, "%s", single);
}

static Bench *
make_two (const char *more_of_a,
          const char *more_of_b)
{
  Bench *bench = bench_new (TRUE);

  write_consumer (bench, "a", more_of_a);
  write_consumer (bench, "b", more_of_b);
  bench_certificate (bench, "web", "Validity=30d\n[Delivery]\nDeliver=a b\n");
  bench_start (bench);
  bench_settle (bench);
  assert_record (bench, 1, 0, CLM_DELIVERY_DELIVERED);
  return bench;
}

/* @how: "refuses" (its action fails) or "shuns" (its check does): whatever is not what it has now. */
static void
break_consumer (Bench      *bench,
                const char *name,
                const char *how)
{
  g_autofree char *from = g_strdup_printf ("out/web-%s.pem", name);
  g_autofree char *to = g_strdup_printf ("%s/%s-%s", bench->out, name, how);
  g_autofree char *has = bench_read (bench, from);

  g_assert_nonnull (has);
  g_assert_true (g_file_set_contents (to, has, -1, NULL));
}

static void
repair_consumer (Bench      *bench,
                 const char *name,
                 const char *how)
{
  g_autofree char *path = g_strdup_printf ("%s/%s-%s", bench->out, name, how);

  g_assert_cmpint (g_remove (path), ==, 0);
}

/* What it was given, in order, as "1 2 1": the first thing that it ever saw is 1, the next new one 2. */
static void
assert_given (Bench      *bench,
              const char *name,
              const char *expected)
{
  g_autofree char *file = g_strdup_printf ("out/%s.log", name);
  g_autofree char *text = bench_read (bench, file);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  g_autoptr (GPtrArray) seen = g_ptr_array_new ();
  g_autoptr (GString) given = g_string_new (NULL);

  for (guint i = 0; lines[i]; i++) {
    guint index = 0;

    if (!g_ptr_array_find_with_equal_func (seen, lines[i], g_str_equal, &index)) {
      index = seen->len;
      g_ptr_array_add (seen, lines[i]);
    }
    g_string_append_printf (given, "%s%u", i ? " " : "", index + 1);
  }
  g_assert_cmpstr (given->str, ==, expected);
}

static void
assert_consumer (Bench      *bench,
                 const char *name,
                 guint       generation,
                 guint       attempts)
{
  g_autoptr (GPtrArray) rows = clm_manager_get_deliveries (bench->manager, "web", NULL);
  guint found = 0;

  for (guint i = 0; i < rows->len; i++) {
    ClmDeliveryRecord *row = g_ptr_array_index (rows, i);

    if (!g_str_equal (row->delivery, name))
      continue;
    found++;
    g_assert_cmpuint (row->generation, ==, generation);
    g_assert_cmpuint (row->attempts, ==, attempts);
    g_assert_true (row->failing == (attempts > 0));
    g_assert_true ((row->error != NULL) == (attempts > 0));
  }
  g_assert_cmpuint (found, ==, 1);
}

static gint64
get_delay (Bench *bench)
{
  g_autoptr (ClmRecord) record = bench_record (bench, "web");

  g_assert_cmpint (record->next_action, ==, CLM_ACTION_DELIVER);
  return record->next_time - clm_manager_get_time (bench->manager);
}

static void
renew_failing (Bench *bench)
{
  g_autoptr (GError) error = bench_try_renew (bench, "web", FALSE);
  g_autoptr (ClmRecord) record = bench_record (bench, "web");

  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "delivery");
  g_assert_cmpstr (record->error, ==, "Delivery");
}

/* The last of two does not take it: both have the old one again, given once, and are tried again with back-off. */
static void
test_last_of_two_fails (gconstpointer how)
{
  g_autoptr (Bench) bench = make_two ("", "");
  gint64 first, second;

  break_consumer (bench, "b", how);
  renew_failing (bench);
  assert_record (bench, 1, 2, CLM_DELIVERY_ROLLED_BACK);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  assert_given (bench, "a", "1 2 1");
  assert_given (bench, "b", "1 2 1");
  assert_has (bench, "out/web-a.pem", 1);
  assert_has (bench, "out/web-b.pem", 1);
  first = get_delay (bench);
  g_assert_cmpint (first, >=, 30);
  bench_advance (bench, first);
  assert_record (bench, 1, 2, CLM_DELIVERY_ROLLED_BACK);
  assert_given (bench, "a", "1 2 1 2 1");
  assert_given (bench, "b", "1 2 1 2 1");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  second = get_delay (bench);
  g_assert_cmpint (second, >, first);
  g_assert_cmpuint (bench_count_events (bench, "rolled-back web"), ==, 1);
  g_assert_cmpuint (bench_count_events (bench, "delivery-failed web"), ==, 2);
  repair_consumer (bench, "b", how);
  bench_advance (bench, second);
  assert_record (bench, 2, 0, CLM_DELIVERY_DELIVERED);
  assert_given (bench, "a", "1 2 1 2 1 2");
  assert_given (bench, "b", "1 2 1 2 1 2");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
}

/* The first of two does not take it: the second never sees it. */
static void
test_first_of_two_fails (gconstpointer how)
{
  g_autoptr (Bench) bench = make_two ("", "");

  break_consumer (bench, "a", how);
  renew_failing (bench);
  assert_record (bench, 1, 2, CLM_DELIVERY_ROLLED_BACK);
  assert_given (bench, "a", "1 2 1");
  assert_given (bench, "b", "1");
  repair_consumer (bench, "a", how);
  bench_advance (bench, get_delay (bench));
  assert_record (bench, 2, 0, CLM_DELIVERY_DELIVERED);
  assert_given (bench, "a", "1 2 1 2");
  assert_given (bench, "b", "1 2");
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
}

/* What keeps the new one does not hold up who comes after; only it is tried again. */
static void
test_keeps_and_goes_on (gconstpointer how)
{
  g_autoptr (Bench) bench = make_two ("OnFailure=keep\n", "");

  break_consumer (bench, "a", how);
  renew_failing (bench);
  assert_record (bench, 2, 0, CLM_DELIVERY_FAILING);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  assert_given (bench, "a", "1 2");
  assert_given (bench, "b", "1 2");
  assert_has (bench, "out/web-a.pem", 2);
  assert_consumer (bench, "a", 1, 1);
  assert_consumer (bench, "b", 2, 0);
  bench_advance (bench, get_delay (bench));
  assert_given (bench, "a", "1 2 2");
  assert_given (bench, "b", "1 2");
  assert_consumer (bench, "a", 1, 2);
  repair_consumer (bench, "a", how);
  bench_advance (bench, get_delay (bench));
  assert_record (bench, 2, 0, CLM_DELIVERY_DELIVERED);
  assert_given (bench, "a", "1 2 2 2");
  assert_given (bench, "b", "1 2");
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_events (bench, "rolled-back"), ==, 0);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
}

/* One keeps, the next wants the old one back: all of them get it. */
static void
test_keeps_but_next_goes_back (void)
{
  g_autoptr (Bench) bench = make_two ("OnFailure=keep\n", "");

  break_consumer (bench, "a", "refuses");
  break_consumer (bench, "b", "refuses");
  renew_failing (bench);
  assert_record (bench, 1, 2, CLM_DELIVERY_ROLLED_BACK);
  assert_given (bench, "a", "1 2 1");
  assert_given (bench, "b", "1 2 1");
  assert_has (bench, "out/web-a.pem", 1);
  assert_has (bench, "out/web-b.pem", 1);
}

/* Nor does it take the old one: nothing more can be done, and it is all tried again. */
static void
test_takes_nothing (void)
{
  g_autoptr (Bench) bench = make_two ("", "");
  g_autofree char *path = g_build_filename (bench->out, "b-refuses", NULL);

  g_assert_true (g_file_set_contents (path, "neither", -1, NULL));
  renew_failing (bench);
  assert_record (bench, 1, 2, CLM_DELIVERY_ROLLED_BACK);
  assert_given (bench, "b", "1 2 1");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  g_assert_cmpint (g_remove (path), ==, 0);
  bench_restart (bench);
  bench_advance (bench, get_delay (bench));
  assert_record (bench, 2, 0, CLM_DELIVERY_DELIVERED);
  assert_given (bench, "b", "1 2 1 2");
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
}

/* A consumer that never takes the new one: no newer one is asked for until the new one itself is due; then it is, and told that the old one ran out. */
static void
test_candidate_grows_old (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  /* Renewed at 200 s, used up at 300 s; the new one is due for renewal at 400 s. */
  write_consumer (bench, "b", "");
  bench_certificate (bench, "web", "Validity=5min\n[Delivery]\nDeliver=b\n");
  bench_start (bench);
  bench_settle (bench);
  break_consumer (bench, "b", "refuses");
  bench_advance (bench, 290);
  assert_record (bench, 1, 2, CLM_DELIVERY_ROLLED_BACK);
  bench_assert_state (bench, "web", CLM_STATE_FAILING);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  g_assert_cmpuint (bench_count_events (bench, "expired web"), ==, 0);
  bench_advance (bench, 60);
  bench_assert_state (bench, "web", CLM_STATE_EXPIRED);
  g_assert_cmpuint (bench_count_events (bench, "expired web"), ==, 1);
  bench_advance (bench, 40);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  bench_advance (bench, 60);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 3);
  repair_consumer (bench, "b", "refuses");
  bench_advance (bench, 120);
  assert_record (bench, 3, 0, CLM_DELIVERY_DELIVERED);
  assert_has (bench, "out/web-b.pem", 3);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/deployment/delivers", test_delivers);
  g_test_add_func ("/deployment/safety-51-goes-back-and-is-adopted", test_goes_back_and_is_adopted);
  g_test_add_func ("/deployment/keeps", test_keeps);
  g_test_add_func ("/deployment/first-one-fails", test_first_one_fails);
  g_test_add_func ("/deployment/held-stays-held", test_held_stays_held);
  g_test_add_func ("/deployment/damaged-is-replaced", test_damaged_is_replaced);
  g_test_add_data_func ("/deployment/last-of-two-fails/action", "refuses", test_last_of_two_fails);
  g_test_add_data_func ("/deployment/last-of-two-fails/check", "shuns", test_last_of_two_fails);
  g_test_add_data_func ("/deployment/first-of-two-fails/action", "refuses", test_first_of_two_fails);
  g_test_add_data_func ("/deployment/first-of-two-fails/check", "shuns", test_first_of_two_fails);
  g_test_add_data_func ("/deployment/keeps-and-goes-on/action", "refuses", test_keeps_and_goes_on);
  g_test_add_data_func ("/deployment/keeps-and-goes-on/check", "shuns", test_keeps_and_goes_on);
  g_test_add_func ("/deployment/keeps-but-next-goes-back", test_keeps_but_next_goes_back);
  g_test_add_func ("/deployment/takes-nothing", test_takes_nothing);
  g_test_add_func ("/deployment/safety-51-candidate-grows-old", test_candidate_grows_old);
  return g_test_run ();
}
