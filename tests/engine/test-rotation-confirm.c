/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last word with the CA: what is issued is not used before it has been confirmed, and not lost while that cannot be done. */
#include "bench.h"

#include <glib/gstdio.h>

#include "clm-error.h"

#define DAY 86400

static void
set_confirmation (Bench      *bench,
                  const char *outcome)
{
  g_autofree char *path = g_build_filename (bench->root, "confirm", NULL);

  g_assert_true (g_file_set_contents (path, outcome, -1, NULL));
}

static Bench *
make_bench (const char *more)
{
  Bench *bench = bench_new (TRUE);

  bench_authority (bench, "fake", "Control=@ROOT@/control\nConfirmControl=@ROOT@/confirm\n");
  set_confirmation (bench, "accept");
  bench_certificate (bench, "web", more);
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "confirm yes"), ==, 1);
  return bench;
}

static gboolean
is_staged (Bench *bench,
           guint  number)
{
  g_autofree char *path = g_strdup_printf ("%s/certificates/web/gen/%06u/cert.pem", bench->state, number);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
assert_failing (Bench      *bench,
                const char *reason,
                const char *error)
{
  g_autoptr (ClmRecord) record = bench_record (bench, "web");

  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, reason);
  g_assert_cmpstr (record->error, ==, error);
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_RENEW);
  g_assert_cmpint (record->next_time, >, clm_manager_get_time (bench->manager));
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
}

typedef struct {
  const char *outcome, *reason, *error;
  int         code;
} Row;

static const Row rows[] = {
  { "unreachable", "authority-unreachable", "Unreachable", CLM_ERROR_UNREACHABLE },
  { "busy", "authority-busy", "Busy", CLM_ERROR_BUSY },
  { "config", "configuration", "Config", CLM_ERROR_CONFIG },
  { "clock", "clock-untrusted", "Clock", CLM_ERROR_CLOCK },
  { "fail", "failed", "Failed", CLM_ERROR_FAILED },
};

/* It waits, complete, beside the one in force; and is confirmed and used as soon as that goes, without another being asked for. */
static void
test_fails (gconstpointer data)
{
  const Row *row = data;
  g_autoptr (Bench) bench = make_bench ("");
  g_autoptr (GError) error = NULL;

  set_confirmation (bench, row->outcome);
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_error (error, CLM_ERROR, row->code);
  assert_failing (bench, row->reason, row->error);
  g_assert_true (is_staged (bench, 2));
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
  /* It goes on trying by itself. */
  bench_advance (bench, 3 * DAY);
  assert_failing (bench, row->reason, row->error);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "confirm yes"), >=, 3);
  bench_restart (bench);
  bench_settle (bench);
  g_assert_true (is_staged (bench, 2));
  set_confirmation (bench, "accept");
  bench_advance (bench, 2 * DAY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "issued"), ==, 2);
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
  bench_assert_no_leftovers (bench, "web");
}

/* The CA takes back what it has issued: that is never used, and told. */
static void
test_rejected (void)
{
  g_autoptr (Bench) bench = make_bench ("");
  g_autoptr (GError) error = NULL;
  guint issued;

  set_confirmation (bench, "reject");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_REJECTED);
  assert_failing (bench, "authority-refused", "Rejected");
  g_assert_false (is_staged (bench, 2));
  g_assert_cmpuint (bench_count_events (bench, "enroll-failed web"), ==, 1);
  bench_restart (bench);
  bench_settle (bench);
  assert_failing (bench, "authority-refused", "Rejected");
  issued = bench_count_ledger (bench, "fake", "issued");
  g_assert_cmpuint (issued, ==, 2);
  /* The next try is a new one, in the same place and with the key that is there. */
  set_confirmation (bench, "accept");
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "issued"), ==, 3);
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
  bench_assert_no_leftovers (bench, "web");
}

/* That the CA cannot be told of a refusal changes nothing about it. */
static void
test_refusal_not_told (void)
{
  g_autoptr (Bench) bench = make_bench ("");
  g_autoptr (GError) error = NULL;

  set_confirmation (bench, "unreachable");
  bench_say (bench, "issue ca-true");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  assert_failing (bench, "policy", "InvalidData");
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "confirm is-ca"), ==, 1);
  g_assert_false (is_staged (bench, 2));
  set_confirmation (bench, "accept");
  bench_say (bench, "issue");
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
}

/* While it waits for its confirmation the spec becomes another: it is used all the same, and then replaced. */
static void
test_spec_changes_meanwhile (void)
{
  g_autoptr (Bench) bench = make_bench ("");
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  set_confirmation (bench, "unreachable");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_UNREACHABLE);
  g_clear_error (&error);
  set_confirmation (bench, "accept");
  bench_write (bench, "certificates.d/web.certificate",
               "[Certificate]\nSubject=CN=web\nDNS=www.example\nUsages=server\nAuthority=fake\n");
  error = bench_reload (bench);
  g_assert_no_error (error);
  bench_advance (bench, 120);
  record = bench_record (bench, "web");
  g_assert_cmpstr (record->alt_names, ==, "DNS:www.example");
  g_assert_cmpint (record->state, ==, CLM_STATE_READY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 3);
  bench_assert_no_leftovers (bench, "web");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *path = g_strdup_printf ("/rotation-confirm/%s", rows[i].outcome);

    g_test_add_data_func (path, &rows[i], test_fails);
  }
  g_test_add_func ("/rotation-confirm/rejected", test_rejected);
  g_test_add_func ("/rotation-confirm/refusal-not-told", test_refusal_not_told);
  g_test_add_func ("/rotation-confirm/spec-changes-meanwhile", test_spec_changes_meanwhile);
  return g_test_run ();
}
