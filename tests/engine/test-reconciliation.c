/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <glib/gstdio.h>

#include "clm-error.h"

#define OTHER_NAME "[Certificate]\nSubject=CN=web\nDNS=www.example\nUsages=server\nAuthority=fake\n"

static void
reload (Bench *bench)
{
  g_autoptr (GError) error = bench_reload (bench);

  g_assert_no_error (error);
}

static void
assert_names (Bench      *bench,
              const char *names)
{
  g_autoptr (ClmRecord) record = bench_record (bench, "web");

  g_assert_cmpstr (record->alt_names, ==, names);
}

static void
test_follows_files (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_start (bench);
  bench_certificate (bench, "web", "");
  reload (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  bench_write (bench, "certificates.d/web.certificate", OTHER_NAME);
  reload (bench);
  assert_names (bench, "DNS:www.example");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_write (bench, "certificates.d/web.certificate", OTHER_NAME "Enabled=no\n");
  reload (bench);
  bench_assert_state (bench, "web", CLM_STATE_WAITING);
  bench_advance (bench, 100 * 86400);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  bench_write (bench, "certificates.d/web.certificate", OTHER_NAME);
  reload (bench);
  bench_advance (bench, 60);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 3);
  bench_unlink (bench, "certificates.d/web.certificate");
  reload (bench);
  bench_assert_state (bench, "web", CLM_STATE_WAITING);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 3);
  bench_advance (bench, 100 * 86400);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 3);
  bench_write (bench, "certificates.d/web.certificate", OTHER_NAME);
  reload (bench);
  bench_advance (bench, 60);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

static void
test_bad_file_keeps_the_last_good (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (GError) error = NULL;

  bench_certificate (bench, "web", "Validity=30d\n");
  bench_start (bench);
  bench_settle (bench);
  bench_certificate (bench, "web", "Validty=30d\n");
  error = bench_reload (bench);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_cmpuint (bench_count_events (bench, "config-rejected web"), ==, 1);
  bench_advance (bench, 21 * 86400);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
}

/* A file that changes while its certificate is in flight is followed when that ends. */
static void
test_change_in_flight (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  g_autoptr (ClmRecord) record = NULL;

  bench_authority (bench, "fake", "DelayMs=300\n");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  while (bench_count_ledger (bench, "fake", "enroll") < 1)
    g_main_context_iteration (NULL, TRUE);
  bench_write (bench, "certificates.d/web.certificate", OTHER_NAME);
  reload (bench);
  bench_settle (bench);
  assert_names (bench, "DNS:www.example");
  bench_write (bench, "certificates.d/web.certificate", OTHER_NAME "KeyType=ec:P-384\n");
  reload (bench);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_READY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), >=, 2);
}

static void
test_removed_in_flight (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);

  bench_authority (bench, "fake", "DelayMs=300\n");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  while (bench_count_ledger (bench, "fake", "enroll") < 1)
    g_main_context_iteration (NULL, TRUE);
  bench_unlink (bench, "certificates.d/web.certificate");
  reload (bench);
  bench_settle (bench);
  bench_assert_state (bench, "web", CLM_STATE_WAITING);
}

static void
drop_database (Bench *bench)
{
  static const char *const files[] = { "certloom.db", "certloom.db-wal", "certloom.db-shm" };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (bench->state, files[i], NULL);

    g_unlink (path);
  }
}

static void
test_database_lost (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (GPtrArray) rows = NULL;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  bench_renew (bench, "web");
  bench_stop (bench);
  drop_database (bench);
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  rows = clm_manager_get_generations (bench->manager, "web", NULL);
  g_assert_cmpuint (rows->len, ==, 2);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 3);
}

static void
request (Bench      *bench,
         const char *name)
{
  g_autoptr (ClmCaller) root = clm_caller_new (0, NULL, 0);
  g_autoptr (ClmOptions) overrides = clm_options_new_from_text ("test", "Subject=CN=api\nDNS=api.example\nAuthority=fake\nUsages=server\n");
  g_autofree char *certificate = NULL;
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_request (bench->manager, root, name, NULL, NULL, overrides, &certificate, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (certificate, ==, name);
  error = bench_run (bench, job);
  g_assert_no_error (error);
}

/* What was asked for over the bus stands in no file but its own generations. */
static void
test_request_outlives_the_database (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) before = NULL;
  g_autoptr (ClmRecord) after = NULL;
  g_autoptr (GError) error = NULL;

  bench_start (bench);
  request (bench, "api");
  request (bench, "gone");
  before = bench_record (bench, "api");
  error = bench_run (bench, clm_manager_remove (bench->manager, NULL, "gone", FALSE, NULL));
  g_assert_no_error (error);
  bench_stop (bench);
  drop_database (bench);
  bench_start (bench);
  bench_settle (bench);
  after = bench_record (bench, "api");
  g_assert_cmpstr (after->origin, ==, "request");
  g_assert_cmpstr (after->serial, ==, before->serial);
  bench_assert_state (bench, "api", CLM_STATE_READY);
  g_assert_null (clm_manager_get_record (bench->manager, "gone", NULL));
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  bench_renew (bench, "api");
  g_assert_cmpuint (bench_assert_published (bench, "api"), ==, 2);
  /* And its second life is as durable as the first. */
  bench_restart (bench);
  bench_renew (bench, "api");
  g_assert_cmpuint (bench_assert_published (bench, "api"), ==, 3);
}

/* A backup of the database comes back: the link knows better, and no number is used twice. */
static void
test_database_restored (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *path = g_build_filename (bench->state, "certloom.db", NULL);
  g_autofree char *copy = NULL;
  gsize size;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  bench_stop (bench);
  g_assert_true (g_file_get_contents (path, &copy, &size, NULL));
  bench_start (bench);
  bench_renew (bench, "web");
  bench_stop (bench);
  drop_database (bench);
  g_assert_true (g_file_set_contents (path, copy, (gssize) size, NULL));
  bench_start (bench);
  bench_settle (bench);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), >=, 2);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), >=, 3);
}

static void
test_one_instance (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (GError) error = NULL;
  ClmManager *first;

  bench_start (bench);
  first = g_steal_pointer (&bench->manager);
  g_assert_false (bench_try_start (bench, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  bench->manager = first;
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/reconciliation/follows-files", test_follows_files);
  g_test_add_func ("/reconciliation/bad-file-keeps-the-last-good", test_bad_file_keeps_the_last_good);
  g_test_add_func ("/reconciliation/change-in-flight", test_change_in_flight);
  g_test_add_func ("/reconciliation/removed-in-flight", test_removed_in_flight);
  g_test_add_func ("/reconciliation/safety-22-database-lost", test_database_lost);
  g_test_add_func ("/reconciliation/request-outlives-the-database", test_request_outlives_the_database);
  g_test_add_func ("/reconciliation/database-restored", test_database_restored);
  g_test_add_func ("/reconciliation/safety-23-one-instance", test_one_instance);
  return g_test_run ();
}
