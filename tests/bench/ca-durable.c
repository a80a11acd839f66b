/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Issues a second through ca-local with its ledger on disk, all asked for at once. `ca-durable ENTRIES COUNT`; below $TMPDIR. */
#include "workshop.h"

#include <stdio.h>
#include <stdlib.h>

static guint left;

static void
on_enrolled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmIssuance) issuance = clm_authority_enroll_finish (CLM_AUTHORITY (source), result, &error);

  g_assert_no_error (error);
  g_assert_false (clm_issuance_is_pending (issuance));
  left--;
}

static double
issue_all (Bench *bench, Order *orders, guint count)
{
  double begun = get_seconds (CLOCK_MONOTONIC);

  left = count;
  for (guint i = 0; i < count; i++)
    clm_authority_enroll_async (bench->ca, CLM_REQUEST (orders[i].request), NULL, NULL, on_enrolled, NULL);
  while (left > 0)
    g_main_context_iteration (NULL, TRUE);
  return get_seconds (CLOCK_MONOTONIC) - begun;
}

int
main (int argc, char **argv)
{
  guint entries = argc == 3 ? (guint) atoi (argv[1]) : 0, count = argc == 3 ? (guint) atoi (argv[2]) : 0;
  g_autoptr (Bench) bench = NULL;
  Order *orders;
  double seconds;

  if (count == 0)
    return 2;
  bench = bench_new (CA_NOW);
  bench_start (bench, WORKSHOP_OPTIONS);
  g_bytes_unref (bench_issue (bench, "first"));
  fill_ledger (bench, entries, FALSE);
  orders = make_orders (bench, count);
  seconds = issue_all (bench, orders, count);
  printf ("{\"entries\": %u, \"count\": %u, \"seconds\": %.6f}\n", entries, count, seconds);
  free_orders (orders, count);
  return 0;
}
