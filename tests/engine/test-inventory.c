/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <unistd.h>

#include "await.h"
#include "clm-error.h"

typedef struct {
  char         *directory;
  ClmInventory *inventory;
  gboolean      fresh;
} Bench;

static void
bench_open (Bench *bench)
{
  g_autoptr (GError) error = NULL;

  bench->inventory = clm_inventory_open (bench->directory, &bench->fresh, &error);
  g_assert_no_error (error);
}

static void
bench_close (Bench *bench)
{
  clm_inventory_close (bench->inventory);
  g_clear_object (&bench->inventory);
}

static void
set_up (Bench        *bench,
        gconstpointer data)
{
  bench->directory = g_dir_make_tmp ("certloom-inventory-XXXXXX", NULL);
  bench_open (bench);
  g_assert_true (bench->fresh);
}

static void
tear_down (Bench        *bench,
           gconstpointer data)
{
  g_autoptr (GDir) directory = g_dir_open (bench->directory, 0, NULL);
  const char *name;

  bench_close (bench);
  while ((name = g_dir_read_name (directory))) {
    g_autofree char *path = g_build_filename (bench->directory, name, NULL);

    g_assert_cmpint (g_unlink (path), ==, 0);
  }
  g_assert_cmpint (g_rmdir (bench->directory), ==, 0);
  g_free (bench->directory);
}

static guint64
apply (Bench     *bench,
       ClmChange *change)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  guint64 revision;

  clm_inventory_apply_async (bench->inventory, change, NULL, clm_await_done, &result);
  revision = clm_inventory_apply_finish (bench->inventory, clm_await (&result), &error);
  g_assert_no_error (error);
  return revision;
}

static guint64
put (Bench      *bench,
     const char *name,
     ClmState    state,
     ClmAction   action,
     gint64      next_time,
     gint64      not_after,
     gboolean    clock_bound)
{
  g_autoptr (ClmRecord) record = clm_record_new (name);
  ClmChange *change = clm_change_new (name);

  record->state = state;
  record->next_action = action;
  record->next_time = next_time;
  record->not_after = not_after;
  record->clock_bound = clock_bound;
  clm_record_set (&record->authority, "lab");
  clm_change_put_record (change, record);
  return apply (bench, change);
}

/* What is written is read back, whole */
static void
test_round_trip (Bench        *bench,
                 gconstpointer data)
{
  g_autoptr (ClmRecord) record = clm_record_new ("web");
  g_autoptr (ClmIntent) intent = clm_intent_new (7);
  g_autoptr (ClmGenerationRow) row = clm_generation_row_new (6);
  g_autoptr (ClmDeliveryRecord) delivery = clm_delivery_record_new ("nginx");
  g_autoptr (ClmRecord) got = NULL;
  g_autoptr (ClmIntent) got_intent = NULL;
  g_autoptr (ClmSpecRow) spec = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GPtrArray) deliveries = NULL;
  gboolean named = FALSE;
  ClmChange *change = clm_change_new ("web");
  guint64 revision;

  record->generation = 6;
  record->not_after = G_GINT64_CONSTANT (253402300799);
  record->held = TRUE;
  record->alarm = 2;
  clm_record_set (&record->message, "ein Satz mit Umläuten: äöü");
  clm_record_set (&intent->key_uri, "clm-key://file/cert.web.7");
  intent->ticket = g_bytes_new_static ("\0\1ticket", 8);
  intent->started = 77;
  clm_record_set (&row->key_uri, "clm-key://file/cert.web.6");
  delivery->failing = TRUE;
  delivery->error = g_strdup ("the handshake shows another certificate");
  clm_change_put_record (change, record);
  clm_change_put_intent (change, intent);
  clm_change_put_generation (change, row);
  clm_change_put_delivery (change, delivery);
  clm_change_put_spec (change, "vpn", "eth0", 1000, "[Certificate]\nDNS=a\n");
  revision = apply (bench, change);
  bench_close (bench);
  bench_open (bench);
  g_assert_false (bench->fresh);
  g_assert_cmpuint (clm_inventory_get_revision (bench->inventory), ==, revision);

  got = clm_inventory_get_record (bench->inventory, "web", NULL);
  g_assert_cmpint (got->not_after, ==, record->not_after);
  g_assert_cmpstr (got->message, ==, record->message);
  g_assert_true (got->held);
  g_assert_cmpuint (got->alarm, ==, 2);
  g_assert_cmpuint (got->revision, ==, revision);
  g_assert_true (clm_inventory_get_intent (bench->inventory, "web", &got_intent, NULL));
  g_assert_true (g_bytes_equal (got_intent->ticket, intent->ticket));
  g_assert_cmpint (got_intent->started, ==, 77);
  g_assert_true (clm_inventory_get_spec (bench->inventory, "web", &spec, NULL));
  g_assert_cmpstr (spec->text, ==, "[Certificate]\nDNS=a\n");
  g_assert_cmpuint (spec->owner, ==, 1000);
  rows = clm_inventory_get_generations (bench->inventory, "web", NULL);
  g_assert_cmpuint (rows->len, ==, 1);
  deliveries = clm_inventory_get_deliveries (bench->inventory, "web", NULL);
  g_assert_cmpstr (((ClmDeliveryRecord *) g_ptr_array_index (deliveries, 0))->error, ==, delivery->error);
  g_assert_true (clm_inventory_is_key_named (bench->inventory, intent->key_uri, &named, NULL));
  g_assert_true (named);
  g_assert_true (clm_inventory_is_key_named (bench->inventory, "clm-key://file/other", &named, NULL));
  g_assert_false (named);
}

/* The revision counts what clients see: records, not events */
static void
test_revision (Bench        *bench,
               gconstpointer data)
{
  guint64 first = put (bench, "a", CLM_STATE_READY, CLM_ACTION_RENEW, 100, 200, TRUE);
  guint64 second = put (bench, "b", CLM_STATE_READY, CLM_ACTION_RENEW, 100, 200, TRUE);
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_STARTED, 1, NULL, NULL, "started");
  ClmChange *change = clm_change_new ("");

  g_assert_cmpuint (second, ==, first + 1);
  clm_change_add_event (change, event);
  g_assert_cmpuint (apply (bench, change), ==, second);
  change = clm_change_new ("a");
  clm_change_remove (change);
  g_assert_cmpuint (apply (bench, change), ==, second + 1);
  g_assert_null (clm_inventory_get_record (bench->inventory, "a", NULL));
}

/* What is due comes soonest expiry first; without a trusted clock only spans count */
static void
test_due (Bench        *bench,
          gconstpointer data)
{
  g_auto (GStrv) all = NULL;
  g_auto (GStrv) one = NULL;
  g_auto (GStrv) spans = NULL;

  put (bench, "late", CLM_STATE_READY, CLM_ACTION_RENEW, 100, 3000, TRUE);
  put (bench, "soon", CLM_STATE_FAILING, CLM_ACTION_RENEW, 100, 1000, FALSE);
  put (bench, "later", CLM_STATE_READY, CLM_ACTION_RENEW, 500, 900, TRUE);
  put (bench, "idle", CLM_STATE_HELD, CLM_ACTION_NONE, 0, 800, FALSE);
  all = clm_inventory_list_due (bench->inventory, 100, FALSE, 10);
  g_assert_cmpstrv (all, ((const char *const[]) { "soon", "late", NULL }));
  one = clm_inventory_list_due (bench->inventory, 1000, FALSE, 1);
  g_assert_cmpstrv (one, ((const char *const[]) { "later", NULL }));
  spans = clm_inventory_list_due (bench->inventory, 1000, TRUE, 10);
  g_assert_cmpstrv (spans, ((const char *const[]) { "soon", NULL }));
  g_assert_cmpint (clm_inventory_get_earliest_after (bench->inventory, 100, FALSE), ==, 500);
  g_assert_cmpint (clm_inventory_get_earliest_after (bench->inventory, 100, TRUE), ==, -1);
  g_assert_cmpint (clm_inventory_get_earliest_after (bench->inventory, 500, FALSE), ==, -1);
}

/* A jump of the wall clock moves spans along and leaves deadlines where they are */
static void
test_spans (Bench        *bench,
            gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (ClmRecord) span = NULL;
  g_autoptr (ClmRecord) deadline = NULL;
  g_autoptr (ClmRecord) sooner = NULL;

  put (bench, "span", CLM_STATE_FAILING, CLM_ACTION_RENEW, 1000, 9000, FALSE);
  put (bench, "deadline", CLM_STATE_READY, CLM_ACTION_RENEW, 1000, 9000, TRUE);
  clm_inventory_shift_spans_async (bench->inventory, 500, clm_await_done, &result);
  g_assert_true (clm_inventory_shift_spans_finish (bench->inventory, clm_await (&result), NULL));
  span = clm_inventory_get_record (bench->inventory, "span", NULL);
  deadline = clm_inventory_get_record (bench->inventory, "deadline", NULL);
  g_assert_cmpint (span->next_time, ==, 1500);
  g_assert_cmpint (deadline->next_time, ==, 1000);
  g_assert_cmpint (clm_inventory_get_earliest_after (bench->inventory, 1000, FALSE), ==, 1500);
  clm_inventory_advance_spans_async (bench->inventory, 1100, 10, clm_await_done, &second);
  g_assert_true (clm_inventory_shift_spans_finish (bench->inventory, clm_await (&second), NULL));
  sooner = clm_inventory_get_record (bench->inventory, "span", NULL);
  g_assert_cmpint (sooner->next_time, >=, 1100);
  g_assert_cmpint (sooner->next_time, <, 1110);
}

/* Pages join to the whole list, filters leave out */
static void
test_pages (Bench        *bench,
            gconstpointer data)
{
  g_autofree char *cursor = g_strdup ("");
  ClmInventoryFilter any = { NULL };
  ClmInventoryFilter failing = { "w-*", (const char *const[]) { "failing", NULL }, "lab", 0 };
  g_autoptr (GAsyncResult) filtered = NULL;
  g_autoptr (ClmPage) few = NULL;
  guint seen = 0;

  for (guint i = 0; i < 25; i++) {
    g_autofree char *name = g_strdup_printf ("w-%02u", i);

    put (bench, name, i % 5 ? CLM_STATE_READY : CLM_STATE_FAILING, CLM_ACTION_RENEW, 1, 2, TRUE);
  }
  do {
    g_autoptr (GAsyncResult) result = NULL;
    g_autoptr (ClmPage) page = NULL;

    clm_inventory_list_async (bench->inventory, &any, cursor, 10, NULL, clm_await_done, &result);
    page = clm_inventory_list_finish (bench->inventory, clm_await (&result), NULL);
    for (guint i = 0; i < page->rows->len; i++) {
      g_autofree char *expected = g_strdup_printf ("w-%02u", seen++);

      g_assert_cmpstr (clm_page_get (page, i)->name, ==, expected);
    }
    g_free (cursor);
    cursor = g_strdup (page->next);
  } while (*cursor);
  g_assert_cmpuint (seen, ==, 25);
  clm_inventory_list_async (bench->inventory, &failing, "", 100, NULL, clm_await_done, &filtered);
  few = clm_inventory_list_finish (bench->inventory, clm_await (&filtered), NULL);
  g_assert_cmpuint (few->rows->len, ==, 5);
  g_assert_cmpstr (few->next, ==, "");
  g_assert_cmpuint (clm_inventory_count (bench->inventory, CLM_STATE_FAILING), ==, 5);
}

static ClmPage *
list_since (Bench   *bench,
            guint64  revision,
            guint    limit,
            GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_inventory_list_since_async (bench->inventory, revision, limit, NULL, clm_await_done, &result);
  return clm_inventory_list_since_finish (bench->inventory, clm_await (&result), error);
}

static void
remove_certificate (Bench      *bench,
                    const char *name)
{
  ClmChange *change = clm_change_new (name);

  clm_change_remove (change);
  apply (bench, change);
}

/* Who knows a revision learns what changed since, once each, and what is gone, until it is there again */
static void
test_changes (Bench        *bench,
              gconstpointer data)
{
  guint64 start = put (bench, "a", CLM_STATE_READY, CLM_ACTION_RENEW, 1, 2, TRUE);
  g_autoptr (ClmPage) first = NULL;
  g_autoptr (ClmPage) second = NULL;
  g_autoptr (ClmPage) third = NULL;

  put (bench, "c", CLM_STATE_READY, CLM_ACTION_RENEW, 1, 2, TRUE);
  put (bench, "b", CLM_STATE_READY, CLM_ACTION_RENEW, 1, 2, TRUE);
  put (bench, "c", CLM_STATE_FAILING, CLM_ACTION_RENEW, 1, 2, TRUE);
  remove_certificate (bench, "a");
  first = list_since (bench, start, 1, NULL);
  g_assert_cmpuint (first->rows->len, ==, 1);
  g_assert_cmpstr (clm_page_get (first, 0)->name, ==, "b");
  g_assert_cmpuint (first->removed->len, ==, 0);
  g_assert_true (first->more);
  second = list_since (bench, first->revision, 1, NULL);
  g_assert_cmpuint (second->rows->len, ==, 1);
  g_assert_cmpstr (clm_page_get (second, 0)->name, ==, "c");
  g_assert_cmpint (clm_page_get (second, 0)->state, ==, CLM_STATE_FAILING);
  g_assert_cmpuint (second->removed->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (second->removed, 0), ==, "a");
  g_assert_false (second->more);
  g_assert_cmpuint (second->revision, ==, clm_inventory_get_revision (bench->inventory));
  put (bench, "a", CLM_STATE_READY, CLM_ACTION_RENEW, 1, 2, TRUE);
  third = list_since (bench, start, 10, NULL);
  g_assert_cmpuint (third->rows->len, ==, 3);
  g_assert_cmpuint (third->removed->len, ==, 0);
}

static void
count_call (guint *count)
{
  ++*count;
}

/* Spans that move are changes too, of a revision each, and told once */
static void
test_moved_changes (Bench        *bench,
                    gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (ClmPage) first = NULL;
  g_autoptr (ClmPage) rest = NULL;
  guint64 start;
  guint told = 0;

  for (guint i = 0; i < 5; i++) {
    g_autofree char *name = g_strdup_printf ("w-%u", i);

    put (bench, name, CLM_STATE_FAILING, CLM_ACTION_RENEW, 1000, 5000, i == 0);
  }
  start = clm_inventory_get_revision (bench->inventory);
  g_signal_connect_swapped (bench->inventory, "records-moved", G_CALLBACK (count_call), &told);
  clm_inventory_shift_spans_async (bench->inventory, 500, clm_await_done, &result);
  g_assert_true (clm_inventory_shift_spans_finish (bench->inventory, clm_await (&result), NULL));
  first = list_since (bench, start, 3, NULL);
  g_assert_cmpuint (first->rows->len, ==, 3);
  g_assert_true (first->more);
  rest = list_since (bench, first->revision, 3, NULL);
  g_assert_cmpuint (rest->rows->len, ==, 1);
  g_assert_cmpint (clm_page_get (rest, 0)->next_time, ==, 1500);
  g_assert_cmpuint (rest->revision, ==, clm_inventory_get_revision (bench->inventory));
  g_assert_cmpuint (told, ==, 1);
}

/* What is too old, or of another time, is said so */
static void
test_resync (Bench        *bench,
             gconstpointer data)
{
  guint64 start = put (bench, "a", CLM_STATE_READY, CLM_ACTION_RENEW, 1, 2, TRUE);
  g_autoptr (ClmPage) known = NULL;
  g_autoptr (GError) error = NULL;
  ClmChange *last;

  for (guint i = 0; i < 10001; i++) {
    ClmChange *change = clm_change_new ("gone");

    clm_change_remove (change);
    clm_inventory_apply_async (bench->inventory, change, NULL, NULL, NULL);
  }
  last = clm_change_new ("gone");
  clm_change_remove (last);
  apply (bench, last);
  g_assert_null (list_since (bench, start, 10, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_RESYNC_NEEDED);
  g_clear_error (&error);
  g_assert_null (list_since (bench, clm_inventory_get_revision (bench->inventory) + 1, 10, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_RESYNC_NEEDED);
  known = list_since (bench, start + 2, 10, NULL);
  g_assert_cmpuint (known->removed->len, ==, 1);
}

/* History is newest first, by subject, and bounded */
static void
test_history (Bench        *bench,
              gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GAsyncResult) older = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GPtrArray) before = NULL;
  ClmHistoryRow *newest;

  clm_inventory_set_history_limit (bench->inventory, 300);
  for (guint i = 0; i < 1000; i++) {
    g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_RENEWED, i, "certificate", i % 2 ? "odd" : "even", "number %u", i);
    ClmChange *change = clm_change_new ("");

    clm_event_add_field (event, "serial", "0a");
    clm_change_add_event (change, event);
    apply (bench, change);
  }
  clm_inventory_history_async (bench->inventory, "odd", 0, 1000, NULL, clm_await_done, &result);
  rows = clm_inventory_history_finish (bench->inventory, clm_await (&result), NULL);
  newest = g_ptr_array_index (rows, 0);
  g_assert_cmpstr (newest->message, ==, "number 999");
  g_assert_true (g_variant_lookup (newest->fields, "serial", "s", NULL));
  g_assert_cmpuint (rows->len, <=, 300);
  g_assert_cmpuint (rows->len, >=, 150);
  clm_inventory_history_async (bench->inventory, NULL, newest->sequence, 1, NULL, clm_await_done, &older);
  before = clm_inventory_history_finish (bench->inventory, clm_await (&older), NULL);
  g_assert_cmpstr (((ClmHistoryRow *) g_ptr_array_index (before, 0))->message, ==, "number 998");
}

static GBytes *
load_value (Bench      *bench,
            const char *name)
{
  g_autoptr (GAsyncResult) result = NULL;
  GBytes *value = NULL;

  clm_inventory_load_value_async (bench->inventory, "authority", name, "key", NULL, clm_await_done, &result);
  g_assert_true (clm_inventory_load_value_finish (bench->inventory, clm_await (&result), &value, NULL));
  return value;
}

static void
save_value (Bench      *bench,
            const char *name,
            GBytes     *value)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_inventory_save_value_async (bench->inventory, "authority", name, "key", value, NULL, clm_await_done, &result);
  g_assert_true (clm_inventory_save_value_finish (bench->inventory, clm_await (&result), NULL));
}

/* One backend never sees another's values */
static void
test_values (Bench        *bench,
             gconstpointer data)
{
  g_autoptr (GBytes) value = g_bytes_new_static ("\0secret?no", 10);
  g_autoptr (GBytes) got = NULL;

  save_value (bench, "a", value);
  got = load_value (bench, "a");
  g_assert_true (g_bytes_equal (value, got));
  g_assert_null (load_value (bench, "b"));
  save_value (bench, "a", NULL);
  g_assert_null (load_value (bench, "a"));
  g_assert_false (clm_inventory_is_writing (bench->inventory));
}

static void
run_sql (Bench      *bench,
         const char *sql)
{
  g_autofree char *path = g_build_filename (bench->directory, "certloom.db", NULL);
  sqlite3 *database = NULL;

  g_assert_cmpint (sqlite3_open (path, &database), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (database, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (database);
}

static void
assert_row (Bench      *bench,
            const char *sql)
{
  g_autofree char *path = g_build_filename (bench->directory, "certloom.db", NULL);
  sqlite3 *database = NULL;
  sqlite3_stmt *statement = NULL;

  g_assert_cmpint (sqlite3_open (path, &database), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (database, sql, -1, &statement, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  sqlite3_finalize (statement);
  sqlite3_close (database);
}

/* The other slot of an A/B update wrote more than this daemon knows; none of it goes when this one writes */
static void
test_newer_columns (Bench        *bench,
                    gconstpointer data)
{
  put (bench, "web", CLM_STATE_READY, CLM_ACTION_RENEW, 1, 2, TRUE);
  bench_close (bench);
  run_sql (bench, "ALTER TABLE certificates ADD COLUMN later TEXT NOT NULL DEFAULT '';"
                  "ALTER TABLE records ADD COLUMN later TEXT NOT NULL DEFAULT '';"
                  "UPDATE certificates SET later = 'kept', state = 99; UPDATE records SET later = 'kept'; PRAGMA user_version = 99;");
  bench_open (bench);
  g_assert_false (bench->fresh);
  put (bench, "web", CLM_STATE_FAILING, CLM_ACTION_RENEW, 5, 6, FALSE);
  bench_close (bench);
  assert_row (bench, "SELECT 1 FROM certificates c JOIN records r USING (name) WHERE c.later = 'kept' AND r.later = 'kept' AND c.next_time = 5");
  bench_open (bench);
}

/* What is no database is kept aside, and the daemon starts with a new one */
static void
test_damaged (Bench        *bench,
              gconstpointer data)
{
  g_autofree char *path = g_build_filename (bench->directory, "certloom.db", NULL);
  g_autofree char *aside = g_strconcat (path, ".damaged-1", NULL);
  g_autofree char *again = g_strconcat (path, ".damaged-2", NULL);

  put (bench, "web", CLM_STATE_READY, CLM_ACTION_RENEW, 1, 2, TRUE);
  for (guint i = 0; i < 2; i++) {
    bench_close (bench);
    g_assert_true (g_file_set_contents_full (path, "this is no database, but it is long enough to be looked at as one", -1,
                                             G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
    bench_open (bench);
    g_assert_true (bench->fresh);
    g_assert_null (clm_inventory_get_record (bench->inventory, "web", NULL));
  }
  g_assert_true (g_file_test (aside, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (again, G_FILE_TEST_EXISTS));
}

static void
add (const char *path,
     void      (*test) (Bench *bench, gconstpointer data))
{
  g_test_add (path, Bench, NULL, set_up, test, tear_down);
}

/* A damaged database is a warning of the product's, not of the test's. */
static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  return G_LOG_WRITER_HANDLED;
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  g_log_set_writer_func (write_log, NULL, NULL);
  add ("/inventory/round-trip", test_round_trip);
  add ("/inventory/revision-counts-records", test_revision);
  add ("/inventory/due-is-soonest-expiry-first", test_due);
  add ("/inventory/spans-move-with-the-clock", test_spans);
  add ("/inventory/pages-join", test_pages);
  add ("/inventory/changes-are-listed-once", test_changes);
  add ("/inventory/moved-spans-are-changes", test_moved_changes);
  add ("/inventory/too-old-is-said", test_resync);
  add ("/inventory/history-is-bounded", test_history);
  add ("/inventory/values-belong-to-one-backend", test_values);
  add ("/inventory/newer-columns-stay", test_newer_columns);
  add ("/inventory/damaged-is-kept-aside", test_damaged);
  return g_test_run ();
}
