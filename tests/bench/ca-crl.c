/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one publication of a long CRL costs ca-local: read from the ledger, encoded, signed, written. `ca-crl ENTRIES`; below $TMPDIR. */
#include "workshop.h"

#include "authority-private.h"

#include <stdio.h>
#include <stdlib.h>

/* @field of /proc/self/status, KiB. */
static long
read_status (const char *field)
{
  g_autofree char *text = NULL;
  const char *line;

  g_assert_true (g_file_get_contents ("/proc/self/status", &text, NULL, NULL));
  line = strstr (text, field);
  return line != NULL ? atol (line + strlen (field) + 1) : 0;
}

/* From now on VmHWM counts anew. */
static void
reset_peak (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "w");

  g_assert_nonnull (file);
  fputs ("5", file);
  fclose (file);
}

static void
publish (Bench *bench)
{
  ClmCaLocal *ca = CLM_CA_LOCAL (bench->ca);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  clm_ca_local_publish_async (ca, clm_ca_local_get_issuing (ca)->role, NULL, clm_await_done, &result);
  if (!clm_ca_local_publish_finish (ca, clm_await (&result), &error))
    g_error ("%s", error->message);
}

int
main (int argc, char **argv)
{
  guint entries = argc == 2 ? (guint) atoi (argv[1]) : 0;
  g_autoptr (Bench) bench = NULL;
  g_autoptr (GBytes) crl = NULL;
  double cpu, wall;
  long before;

  if (entries == 0)
    return 2;
  bench = bench_new (CA_NOW);
  bench_start (bench, WORKSHOP_OPTIONS);
  g_bytes_unref (bench_issue (bench, "first"));
  fill_ledger (bench, entries, TRUE);
  clm_await_idle ();
  reset_peak ();
  before = read_status ("VmRSS");
  cpu = get_seconds (CLOCK_PROCESS_CPUTIME_ID);
  wall = get_seconds (CLOCK_MONOTONIC);
  publish (bench);
  cpu = get_seconds (CLOCK_PROCESS_CPUTIME_ID) - cpu;
  wall = get_seconds (CLOCK_MONOTONIC) - wall;
  before = read_status ("VmHWM") - before;
  crl = bench_crl (bench);
  printf ("{\"entries\": %u, \"cpu\": %.6f, \"wall\": %.6f, \"peak\": %ld, \"size\": %zu}\n", entries, cpu, wall, before * 1024,
          g_bytes_get_size (crl));
  return 0;
}
