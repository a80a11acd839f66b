/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates that come of a template, by a link or by a request, while files come, change and go. */
#include "bench.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "clm-error.h"

#define DAY 86400
#define TEMPLATE(domain, more) "[Certificate]\nSubject=CN=%i\nDNS=%i." domain "\nUsages=server\nAuthority=fake\n" more

static void
reload (Bench *bench)
{
  g_autoptr (GError) error = bench_reload (bench);

  g_assert_no_error (error);
}

static void
assert_names (Bench      *bench,
              const char *name,
              const char *names)
{
  g_autoptr (ClmRecord) record = bench_record (bench, name);

  g_assert_cmpstr (record->alt_names, ==, names);
}

static void
assert_waiting (Bench      *bench,
                const char *name,
                const char *reason)
{
  g_autoptr (ClmRecord) record = bench_record (bench, name);

  g_assert_cmpint (record->state, ==, CLM_STATE_WAITING);
  g_assert_cmpstr (record->reason, ==, reason);
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_NONE);
}

static void
assert_origin (Bench      *bench,
               const char *name,
               const char *origin)
{
  g_autoptr (ClmRecord) record = bench_record (bench, name);

  g_assert_cmpstr (record->origin, ==, origin);
}

static void
request (Bench      *bench,
         guint32     uid,
         const char *instance,
         const char *expected)
{
  g_autoptr (ClmCaller) caller = clm_caller_new (uid, NULL, 0);
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_request (bench->manager, caller, NULL, "dev", instance, NULL, &name, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (name, ==, expected);
  error = bench_run (bench, job);
  g_assert_no_error (error);
}

static void
start_with (Bench      *bench,
            const char *text)
{
  bench_write (bench, "certificates.d/dev@.certificate", "%s", text);
  bench_start (bench);
}

static void
link_instance (Bench      *bench,
               const char *instance)
{
  g_autofree char *path = g_strdup_printf ("%s/etc/certloom/certificates.d/dev@%s.certificate", bench->root, instance);

  g_assert_cmpint (symlink ("dev@.certificate", path), ==, 0);
}

/* What a link makes is followed at once, as any file is. */
static void
test_link_follows (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  start_with (bench, TEMPLATE ("example", ""));
  link_instance (bench, "pump");
  reload (bench);
  assert_names (bench, "dev-pump", "DNS:pump.example");
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 1);
  bench_write (bench, "certificates.d/dev@.certificate", "%s", TEMPLATE ("plant", ""));
  reload (bench);
  assert_names (bench, "dev-pump", "DNS:pump.plant");
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 2);
  bench_write (bench, "certificates.d/dev@.certificate", "%s", TEMPLATE ("plant", "Enabled=no\n"));
  reload (bench);
  assert_waiting (bench, "dev-pump", "disabled");
  bench_unlink (bench, "certificates.d/dev@pump.certificate");
  reload (bench);
  assert_waiting (bench, "dev-pump", "undescribed");
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 2);
}

/* What was asked for keeps what it has, and feels the change when it is renewed: there may be tens of thousands. */
static void
test_request_follows_when_renewed (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  start_with (bench, TEMPLATE ("example", "Validity=30d\n"));
  request (bench, 0, "pump", "dev-pump");
  assert_names (bench, "dev-pump", "DNS:pump.example");
  bench_write (bench, "certificates.d/dev@.certificate", "%s", TEMPLATE ("plant", "Validity=30d\n"));
  reload (bench);
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 1);
  bench_assert_state (bench, "dev-pump", CLM_STATE_READY);
  bench_advance (bench, 21 * DAY);
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 2);
  assert_names (bench, "dev-pump", "DNS:pump.plant");
  bench_assert_state (bench, "dev-pump", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
}

/* Without its template it goes on as it was asked for; only new ones cannot be. */
static void
test_template_removed (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmCaller) root = clm_caller_new (0, NULL, 0);
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;

  start_with (bench, TEMPLATE ("example", "Validity=30d\n"));
  request (bench, 0, "pump", "dev-pump");
  bench_unlink (bench, "certificates.d/dev@.certificate");
  reload (bench);
  bench_assert_state (bench, "dev-pump", CLM_STATE_READY);
  bench_restart (bench);
  bench_advance (bench, 21 * DAY);
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 2);
  assert_names (bench, "dev-pump", "DNS:pump.example");
  g_assert_null (clm_manager_request (bench->manager, root, NULL, "dev", "fan", NULL, &name, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  /* It may still be ended. */
  error = bench_run (bench, clm_manager_remove (bench->manager, root, "dev-pump", FALSE, NULL));
  g_assert_no_error (error);
  g_assert_cmpuint (bench_count_keys (bench), ==, 0);
}

/* A template that was narrowed does not take away what it once allowed. */
static void
test_template_narrowed (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmCaller) stranger = clm_caller_new (54321, NULL, 0);
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;

  start_with (bench, TEMPLATE ("example", "Validity=30d\n[Access]\nOwner=54321\nAllowedNames=pump* pump*.example\n"));
  request (bench, 54321, "pump1", "dev-pump1");
  bench_write (bench, "certificates.d/dev@.certificate", "%s",
               TEMPLATE ("example", "Validity=30d\n[Access]\nOwner=54321\nAllowedNames=fan* fan*.example\n"));
  reload (bench);
  g_assert_null (clm_manager_request (bench->manager, stranger, NULL, "dev", "pump2", NULL, &name, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
  bench_advance (bench, 21 * DAY);
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump1"), ==, 2);
  assert_names (bench, "dev-pump1", "DNS:pump1.example");
  bench_assert_state (bench, "dev-pump1", CLM_STATE_READY);
}

/* A mask hides the file of a lower layer: what it has stays and waits, until the mask is taken off. */
static void
test_masked (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *vendor = g_strdup_printf ("%s/usr/lib/certloom/certificates.d", bench->root);
  g_autofree char *file = g_build_filename (vendor, "web.certificate", NULL);
  g_autofree char *mask = g_strdup_printf ("%s/etc/certloom/certificates.d/web.certificate", bench->root);

  bench_certificate (bench, "mail", "");
  bench_certificate (bench, "web", "");
  g_assert_cmpint (g_mkdir_with_parents (vendor, 0755), ==, 0);
  g_assert_cmpint (g_rename (mask, file), ==, 0);
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  g_assert_cmpint (symlink ("/dev/null", mask), ==, 0);
  reload (bench);
  assert_waiting (bench, "web", "undescribed");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  bench_restart (bench);
  bench_advance (bench, 10 * DAY);
  assert_waiting (bench, "web", "undescribed");
  bench_assert_state (bench, "mail", CLM_STATE_READY);
  g_assert_cmpint (g_unlink (mask), ==, 0);
  reload (bench);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll web"), ==, 1);
}

#define OF_FILE "[Certificate]\nSubject=CN=pump\nDNS=file.example\nUsages=server\nAuthority=fake\n"

/* A file that takes the name of what was asked for wins; once it is gone, what was asked for is in force again. */
static void
test_file_takes_the_name (gconstpointer restart)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  start_with (bench, TEMPLATE ("example", ""));
  request (bench, 0, "pump", "dev-pump");
  bench_write (bench, "certificates.d/dev-pump.certificate", OF_FILE);
  if (restart)
    bench_restart (bench);
  else
    reload (bench);
  bench_settle (bench);
  assert_names (bench, "dev-pump", "DNS:file.example");
  assert_origin (bench, "dev-pump", "file");
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 2);
  bench_unlink (bench, "certificates.d/dev-pump.certificate");
  if (restart)
    bench_restart (bench);
  else
    reload (bench);
  bench_settle (bench);
  assert_names (bench, "dev-pump", "DNS:pump.example");
  assert_origin (bench, "dev-pump", "request");
  g_assert_cmpuint (bench_assert_published (bench, "dev-pump"), ==, 3);
  bench_assert_state (bench, "dev-pump", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_keys (bench), ==, 3);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/templates/link-follows", test_link_follows);
  g_test_add_func ("/templates/request-follows-when-renewed", test_request_follows_when_renewed);
  g_test_add_func ("/templates/template-removed", test_template_removed);
  g_test_add_func ("/templates/template-narrowed", test_template_narrowed);
  g_test_add_func ("/templates/masked", test_masked);
  g_test_add_data_func ("/templates/file-takes-the-name/reload", NULL, test_file_takes_the_name);
  g_test_add_data_func ("/templates/file-takes-the-name/restart", "restart", test_file_takes_the_name);
  return g_test_run ();
}
