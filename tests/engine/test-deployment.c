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

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/deployment/delivers", test_delivers);
  g_test_add_func ("/deployment/goes-back-and-is-adopted", test_goes_back_and_is_adopted);
  g_test_add_func ("/deployment/keeps", test_keeps);
  g_test_add_func ("/deployment/first-one-fails", test_first_one_fails);
  g_test_add_func ("/deployment/held-stays-held", test_held_stays_held);
  g_test_add_func ("/deployment/damaged-is-replaced", test_damaged_is_replaced);
  return g_test_run ();
}
