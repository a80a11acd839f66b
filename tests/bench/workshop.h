/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ca-bench.h"

#include <sqlite3.h>
#include <time.h>

/* What the measurements of ca-local share: requests with their CSRs made beforehand, a full ledger, clocks. */

#define WORKSHOP_OPTIONS "Subject=CN=Plant Root\n"

/** Order: a request and the CSR that belongs to it. */
typedef struct {
  ClmFakeRequest *request;
  GBytes         *csr;
} Order;

static inline double
get_seconds (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static inline GBytes *
give_csr (ClmRequest *request, const char *challenge_password, GBytes *extra_attributes, gpointer user_data, GCancellable *cancellable,
          GError **error)
{
  return g_bytes_ref (user_data);
}

static inline void
on_csr_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Order *order = user_data;
  g_autoptr (GError) error = NULL;

  order->csr = clm_request_make_csr_finish (CLM_REQUEST (source), result, &error);
  g_assert_no_error (error);
}

/* Returns: (transfer full): @count orders, each for a key of its own. */
static inline Order *
make_orders (Bench *bench, guint count)
{
  Order *orders = g_new0 (Order, count);

  for (guint i = 0; i < count; i++) {
    g_autofree char *name = g_strdup_printf ("device-%06u", i), *subject = g_strdup_printf ("CN=%s", name);
    g_autofree char *dns = g_strdup_printf ("%s.plant.example", name);

    orders[i].request = bench_request (bench, name, subject, dns);
    clm_request_make_csr_async (CLM_REQUEST (orders[i].request), NULL, NULL, NULL, on_csr_made, &orders[i]);
    while (orders[i].csr == NULL)
      g_main_context_iteration (NULL, TRUE);
    clm_fake_request_set_csr_func (orders[i].request, give_csr, orders[i].csr);
  }
  return orders;
}

static inline void
free_orders (Order *orders, guint count)
{
  for (guint i = 0; i < count; i++) {
    g_object_unref (orders[i].request);
    g_bytes_unref (orders[i].csr);
  }
  g_free (orders);
}

/* Puts @count copies of the certificate that the CA has issued into its ledger, under serials of their own. */
static inline void
fill_ledger (Bench *bench, guint count, gboolean revoked)
{
  g_autofree char *path = bench_private (bench, "ledger.db");
  g_autofree char *sql = g_strdup_printf (
    "PRAGMA synchronous=OFF;"
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
    " INSERT INTO certificate (role, serial, state, digest, name, profile, subject, not_before, not_after, der, revoked_at, reason)"
    " SELECT role, CAST (x'4a' || randomblob (16) AS BLOB), state, digest, name || n.i, profile, subject, not_before, not_after, der, %s"
    " FROM n, (SELECT * FROM certificate WHERE der IS NOT NULL ORDER BY id DESC LIMIT 1);"
    "PRAGMA wal_checkpoint(TRUNCATE);",
    count, revoked ? "not_before, 1" : "NULL, NULL");
  sqlite3 *db = NULL;

  if (count == 0)
    return;
  bench_stop (bench);
  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error ("%s", sqlite3_errmsg (db));
  sqlite3_close (db);
  bench_restart (bench, WORKSHOP_OPTIONS);
}
