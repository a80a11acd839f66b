/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key store that fails in the middle of a rotation: what is in force stays, and no key is lost or left over. */
#include "bench.h"

#include <glib/gstdio.h>

#include "await.h"
#include "clm-error.h"

#define DAY 86400

static Bench *
make_bench (const char *more)
{
  Bench *bench = bench_new (TRUE);

  bench_write (bench, "keystores.d/file.keystore", "[KeyStore]\nPlugin=fake-keys\nControl=@ROOT@/keys\n");
  bench_certificate (bench, "web", more);
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  return bench;
}

/* @what: (nullable): see Control= of ../lib/memory-keys.h; %NULL: it works again. */
static void
set_store (Bench      *bench,
           const char *what)
{
  g_autofree char *path = g_build_filename (bench->root, "keys", NULL);

  if (what)
    g_assert_true (g_file_set_contents (path, what, -1, NULL));
  else
    g_unlink (path);
}

static gboolean
is_row_of (GPtrArray  *rows,
           const char *label)
{
  for (guint i = 0; i < rows->len; i++) {
    ClmGenerationRow *row = g_ptr_array_index (rows, i);
    g_autofree char *suffix = g_strconcat ("%2F", label, "%3F", NULL);

    if (g_str_has_suffix (row->key_uri, suffix))
      return TRUE;
  }
  return FALSE;
}

/* Every kept generation's key is there, and @others more: those of open intents, and what waits to be destroyed. */
static void
assert_keys (Bench *bench,
             guint  others)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) keys = NULL;
  g_autoptr (GPtrArray) rows = clm_manager_get_generations (bench->manager, "web", NULL);
  g_autoptr (GError) error = NULL;
  guint named = 0;

  clm_manager_list_keys_async (bench->manager, "file", NULL, clm_await_done, &result);
  keys = clm_manager_list_keys_finish (bench->manager, clm_await (&result), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < keys->len; i++)
    named += is_row_of (rows, ((ClmKeyInfo *) g_ptr_array_index (keys, i))->label);
  g_assert_cmpuint (named, ==, rows->len);
  g_assert_cmpuint (keys->len, ==, rows->len + others);
}

/* Making and using a key */

typedef struct {
  const char *operation, *word;
  const char *reason, *error, *event;
  guint       keys;   /* that the failed try leaves beside those of the generations: the intent's */
  gboolean    asked;  /* whether the CA was asked before */
} Row;

static const Row rows[] = {
  { "create", "unavailable", "key-unavailable", "KeyUnavailable", "key-unavailable web", 0, FALSE },
  { "create", "busy", "key-unavailable", "KeyUnavailable", "key-unavailable web", 0, FALSE },
  { "create", "unreachable", "key-unavailable", "KeyUnavailable", "key-unavailable web", 0, FALSE },
  { "create", "config", "configuration", "Config", "enroll-failed web", 0, FALSE },
  { "get-public-key", "unavailable", "key-unavailable", "KeyUnavailable", "key-unavailable web", 1, FALSE },
  { "get-public-key", "busy", "key-unavailable", "KeyUnavailable", "key-unavailable web", 1, FALSE },
  { "get-public-key", "config", "configuration", "Config", "enroll-failed web", 1, FALSE },
  { "sign", "unavailable", "key-unavailable", "KeyUnavailable", "key-unavailable web", 1, TRUE },
  { "sign", "busy", "key-unavailable", "KeyUnavailable", "key-unavailable web", 1, TRUE },
  { "sign", "config", "configuration", "Config", "enroll-failed web", 1, TRUE },
  { "export", "unavailable", "key-unavailable", "KeyUnavailable", "key-unavailable web", 1, TRUE },
  { "export", "busy", "key-unavailable", "KeyUnavailable", "key-unavailable web", 1, TRUE },
};

static void
test_fails (gconstpointer data)
{
  const Row *row = data;
  g_autoptr (Bench) bench = make_bench ("Validity=30d\n");
  g_autofree char *what = g_strdup_printf ("%s %s", row->operation, row->word);
  g_autofree char *before = bench_snapshot (bench, "web");
  g_autofree char *after = NULL;
  g_autoptr (ClmRecord) record = NULL;
  guint asked;

  set_store (bench, what);
  bench_advance (bench, 20 * DAY + 3600);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, row->reason);
  g_assert_cmpstr (record->error, ==, row->error);
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_RENEW);
  g_assert_cmpint (record->next_time, >, clm_manager_get_time (bench->manager));
  g_assert_cmpint (record->next_time, <, clm_manager_get_time (bench->manager) + 2 * DAY);
  g_assert_cmpuint (record->attempts, >=, 1);
  g_assert_cmpuint (bench_count_events (bench, row->event), ==, record->attempts);
  /* It is the store that is away, not the CA, and the CA has issued nothing that is lost. */
  g_assert_cmpuint (bench_count_events (bench, "authority-"), ==, 0);
  asked = bench_count_ledger (bench, "fake", "enroll");
  g_assert_cmpuint (asked, ==, row->asked ? 1 + record->attempts : 1);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  after = bench_snapshot (bench, "web");
  g_assert_cmpstr (before, ==, after);
  assert_keys (bench, row->keys);
  /* It works again: so does everything else, with the key that is there already. */
  set_store (bench, NULL);
  bench_advance (bench, record->next_time - clm_manager_get_time (bench->manager));
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  assert_keys (bench, 0);
  bench_assert_no_leftovers (bench, "web");
}

/* The first one: there is nothing in force, and one key in the end. */
static void
test_first_one (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;

  bench_write (bench, "keystores.d/file.keystore", "[KeyStore]\nPlugin=fake-keys\nControl=@ROOT@/keys\n");
  bench_certificate (bench, "web", "");
  set_store (bench, "sign unavailable");
  bench_start (bench);
  bench_advance (bench, 600);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "key-unavailable");
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_ENROLL);
  set_store (bench, NULL);
  bench_advance (bench, 3600);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  assert_keys (bench, 0);
}

/* Destroying one */

/* A key that could not be destroyed is not forgotten: it goes as soon as its store lets it. */
static void
test_destroy_fails (gconstpointer data)
{
  g_autoptr (Bench) bench = make_bench ("KeepGenerations=2\n");
  g_autofree char *what = g_strdup_printf ("destroy %s", (const char *) data);

  set_store (bench, what);
  for (guint i = 0; i < 3; i++) {
    bench_advance (bench, 3600);
    bench_renew (bench, "web");
  }
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 4);
  g_assert_cmpuint (bench_count_events (bench, "key-destroyed"), ==, 0);
  assert_keys (bench, 2);
  set_store (bench, NULL);
  bench_advance (bench, 3600);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_count_events (bench, "key-destroyed"), ==, 3);
  assert_keys (bench, 0);
  bench_assert_no_leftovers (bench, "web");
}

/* It is no generation that an operator could go back to. */
static void
test_destroy_fails_and_rollback (void)
{
  g_autoptr (Bench) bench = make_bench ("KeepGenerations=2\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) second = NULL;

  set_store (bench, "destroy unavailable");
  for (guint i = 0; i < 2; i++) {
    bench_advance (bench, 3600);
    bench_renew (bench, "web");
  }
  error = bench_run (bench, clm_manager_rollback (bench->manager, NULL, "web", NULL));
  g_assert_no_error (error);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  second = bench_run (bench, clm_manager_rollback (bench->manager, NULL, "web", NULL));
  g_assert_error (second, CLM_ERROR, CLM_ERROR_CONFLICT);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
}

/* What is given up because its spec changed has a key of its own, too. */
static void
test_destroy_fails_when_given_up (void)
{
  g_autoptr (Bench) bench = make_bench ("");
  g_autoptr (GError) error = NULL;

  bench_say (bench, "unreachable");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_UNREACHABLE);
  g_clear_error (&error);
  assert_keys (bench, 1);
  set_store (bench, "destroy unavailable");
  bench_say (bench, "issue");
  bench_certificate (bench, "web", "Validity=20d\n");
  error = bench_reload (bench);
  g_assert_no_error (error);
  bench_settle (bench);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_keys (bench), ==, 3);
  set_store (bench, NULL);
  bench_renew (bench, "web");
  assert_keys (bench, 0);
}

/* A removal is not over while its keys are there. */
static void
test_removal (void)
{
  g_autoptr (Bench) bench = make_bench ("");
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  bench_unlink (bench, "certificates.d/web.certificate");
  error = bench_reload (bench);
  g_assert_no_error (error);
  set_store (bench, "destroy unavailable");
  error = bench_run (bench, clm_manager_remove (bench->manager, NULL, "web", FALSE, NULL));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_REMOVE);
  g_assert_cmpstr (record->reason, ==, "removing");
  set_store (bench, NULL);
  bench_advance (bench, 3600);
  g_assert_null (clm_manager_get_record (bench->manager, "web", NULL));
  g_assert_cmpuint (bench_count_keys (bench), ==, 0);
  g_assert_cmpuint (bench_count_events (bench, "removed web"), ==, 1);
}

/* Also the key of what had been begun and not ended; and a store that is configured no more keeps nobody waiting. */
static void
test_removal_with_intent (gconstpointer data)
{
  g_autoptr (Bench) bench = make_bench ("");
  g_autoptr (GError) error = NULL;

  bench_say (bench, "unreachable");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_UNREACHABLE);
  g_clear_error (&error);
  assert_keys (bench, 1);
  bench_unlink (bench, "certificates.d/web.certificate");
  if (data)
    bench_unlink (bench, "keystores.d/file.keystore");
  error = bench_reload (bench);
  g_assert_no_error (error);
  error = bench_run (bench, clm_manager_remove (bench->manager, NULL, "web", FALSE, NULL));
  g_assert_no_error (error);
  g_assert_null (clm_manager_get_record (bench->manager, "web", NULL));
  if (!data)
    g_assert_cmpuint (bench_count_keys (bench), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *path = g_strdup_printf ("/rotation-keys/%s-%s", rows[i].operation, rows[i].word);

    g_test_add_data_func (path, &rows[i], test_fails);
  }
  g_test_add_func ("/rotation-keys/first-one", test_first_one);
  g_test_add_data_func ("/rotation-keys/destroy-unavailable", "unavailable", test_destroy_fails);
  g_test_add_data_func ("/rotation-keys/destroy-busy", "busy", test_destroy_fails);
  g_test_add_data_func ("/rotation-keys/destroy-config", "config", test_destroy_fails);
  g_test_add_func ("/rotation-keys/destroy-fails-and-rollback", test_destroy_fails_and_rollback);
  g_test_add_func ("/rotation-keys/destroy-fails-when-given-up", test_destroy_fails_when_given_up);
  g_test_add_func ("/rotation-keys/removal", test_removal);
  g_test_add_data_func ("/rotation-keys/removal-with-intent", NULL, test_removal_with_intent);
  g_test_add_data_func ("/rotation-keys/removal-without-store", "gone", test_removal_with_intent);
  return g_test_run ();
}
