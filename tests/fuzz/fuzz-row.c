/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of a database that is damaged or of a newer version: core/engine/inventory-rows.c. Input: which kind, then the columns: type, value. */
#include "fuzz.h"

#include "config-tree.h"
#include "database.h"
#include "inventory-rows.h"
#include "inventory-schema.h"

enum { KIND_RECORD, KIND_INTENT, KIND_GENERATION, KIND_DELIVERY, KIND_HISTORY, N_KINDS };
enum { TYPE_NULL, TYPE_NUMBER, TYPE_SMALL, TYPE_TEXT, TYPE_BLOB, N_TYPES };

static const char *const selects[N_KINDS] = {
  CLM_RECORD_SELECT, "SELECT " CLM_INTENT_COLUMNS " FROM intents", "SELECT " CLM_GENERATION_COLUMNS " FROM generations",
  "SELECT " CLM_DELIVERY_COLUMNS " FROM deliveries", "SELECT " CLM_HISTORY_COLUMNS " FROM history",
};

static ClmSqlConnection *
get_connection (void)
{
  static ClmSqlConnection *connection;
  g_autoptr (GError) error = NULL;

  if (connection == NULL) {
    g_autofree char *path = tree_path (clm_fuzz_get_folder (), "certloom.db");
    connection = clm_sql_database_open (path, &clm_inventory_schema, &error);
    g_assert_no_error (error);
    g_assert_true (clm_sql_connection_exec (connection, "PRAGMA synchronous = OFF", &error));
  }
  return connection;
}

static guint
count_columns (guint kind)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (get_connection (), selects[kind], &error);

  g_assert_no_error (error);
  return clm_sql_statement_get_n_columns (statement);
}

/* A row as the columns of the input make it. */
static ClmSqlStatement *
make_row (ClmFuzzInput *in, guint n, GError **error)
{
  g_autoptr (GString) sql = g_string_new ("SELECT ?");
  ClmSqlStatement *statement;

  for (guint i = 1; i < n; i++)
    g_string_append (sql, ", ?");
  statement = clm_sql_statement_prepare (get_connection (), sql->str, error);
  g_assert_nonnull (statement);
  for (guint i = 1; i <= n; i++) {
    guint type = clm_fuzz_take_byte (in) % N_TYPES;
    g_autofree char *text = type >= TYPE_TEXT ? clm_fuzz_take_text (in) : NULL;
    g_autoptr (GBytes) blob = type == TYPE_BLOB ? g_bytes_new (text, strlen (text)) : NULL;

    if (type == TYPE_NULL)
      clm_sql_statement_bind_null (statement, i);
    else if (type == TYPE_TEXT)
      clm_sql_statement_bind_text (statement, i, text);
    else if (type == TYPE_BLOB)
      clm_sql_statement_bind_blob (statement, i, blob);
    else
      clm_sql_statement_bind_int64 (statement, i, type == TYPE_NUMBER ? clm_fuzz_take_int64 (in) : clm_fuzz_take_byte (in));
  }
  return statement;
}

static void
assert_string (const char *text)
{
  g_assert_nonnull (text);
  g_assert_true (g_utf8_validate (text, -1, NULL));
}

static ClmSqlStatement *
select_back (const char *sql)
{
  g_autoptr (GError) error = NULL;
  ClmSqlStatement *statement = clm_sql_statement_prepare (get_connection (), sql, &error);

  g_assert_no_error (error);
  g_assert_cmpint (clm_sql_statement_step (statement, &error), ==, CLM_SQL_STEP_ROW);
  return statement;
}

/* Written again nothing of it changes: what a row says is kept even where it is strange. */
static void
write_again (ClmChange *change)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_sql_connection_exec (get_connection (), "DELETE FROM certificates; DELETE FROM records; DELETE FROM intents; DELETE FROM generations; DELETE FROM deliveries", &error));
  g_assert_true (clm_change_write (get_connection (), change, 5, &error));
}

static void
check_record (ClmSqlStatement *row)
{
  g_autoptr (ClmRecord) record = clm_record_from_row (row), again = NULL;
  g_autoptr (ClmChange) change = NULL;
  g_autoptr (ClmSqlStatement) back = NULL;

  g_assert_true (record->state < CLM_N_STATES && record->next_action < CLM_N_ACTIONS && record->delivery_state < CLM_N_DELIVERY_STATES);
  g_assert_true (clm_state_get_nick (record->state) && clm_action_get_nick (record->next_action) && clm_delivery_state_get_nick (record->delivery_state));
  assert_string (record->name);
  assert_string (record->message);
  assert_string (record->reason);
  assert_string (record->origin);
  assert_string (record->key_uri);
  assert_string (record->alt_names);
  change = clm_change_new (record->name);
  clm_change_put_record (change, record);
  write_again (change);
  back = select_back (selects[KIND_RECORD]);
  again = clm_record_from_row (back);
  g_assert_cmpstr (again->message, ==, record->message);
  g_assert_cmpstr (again->issue_digest, ==, record->issue_digest);
  g_assert_true (again->state == record->state && again->generation == record->generation && again->next_time == record->next_time);
  g_assert_true (again->attempts == record->attempts && again->alarm == record->alarm && again->held == record->held);
  g_assert_cmpuint (again->revision, ==, 5);
}

static void
check_intent (ClmSqlStatement *row)
{
  g_autoptr (ClmIntent) intent = clm_intent_from_row (row), again = NULL;
  g_autoptr (ClmChange) change = clm_change_new ("web");
  g_autoptr (ClmSqlStatement) back = NULL;

  assert_string (intent->authority);
  assert_string (intent->authority_identity);
  assert_string (intent->issue_digest);
  assert_string (intent->key_store);
  assert_string (intent->key_label);
  assert_string (intent->key_uri);
  clm_change_put_intent (change, intent);
  write_again (change);
  back = select_back (selects[KIND_INTENT]);
  again = clm_intent_from_row (back);
  g_assert_cmpstr (again->key_label, ==, intent->key_label);
  g_assert_true (again->number == intent->number && again->key_owned == intent->key_owned);
  g_assert_true ((again->ticket == NULL) == (intent->ticket == NULL));
  g_assert_true (again->ticket == NULL || g_bytes_equal (again->ticket, intent->ticket));
}

static void
check_generation (ClmSqlStatement *row)
{
  g_autoptr (ClmGenerationRow) generation = clm_generation_row_from_row (row), again = NULL;
  g_autoptr (ClmChange) change = clm_change_new ("web");
  g_autoptr (ClmSqlStatement) back = NULL;

  assert_string (generation->status);
  assert_string (generation->serial);
  assert_string (generation->fingerprint);
  assert_string (generation->authority);
  assert_string (generation->key_uri);
  clm_change_put_generation (change, generation);
  write_again (change);
  back = select_back (selects[KIND_GENERATION]);
  again = clm_generation_row_from_row (back);
  g_assert_cmpstr (again->status, ==, generation->status);
  g_assert_true (again->number == generation->number && again->retired == generation->retired);
}

static void
check_delivery (ClmSqlStatement *row)
{
  g_autoptr (ClmDeliveryRecord) delivery = clm_delivery_record_from_row (row), again = NULL;
  g_autoptr (ClmChange) change = clm_change_new ("web");
  g_autoptr (ClmSqlStatement) back = NULL;

  assert_string (delivery->delivery);
  clm_change_put_delivery (change, delivery);
  write_again (change);
  back = select_back (selects[KIND_DELIVERY]);
  again = clm_delivery_record_from_row (back);
  g_assert_cmpstr (again->delivery, ==, delivery->delivery);
  g_assert_cmpstr (again->error, ==, delivery->error);
  g_assert_true (again->attempts == delivery->attempts && again->failing == delivery->failing && again->time == delivery->time);
}

/* It goes to the bus as it is, which takes only what is well formed. */
static void
check_history (ClmSqlStatement *row)
{
  g_autoptr (ClmHistoryRow) history = clm_history_row_from_row (row);
  const char *key, *value;
  GVariantIter iter;

  assert_string (history->kind);
  assert_string (history->severity);
  assert_string (history->subject_kind);
  assert_string (history->subject);
  assert_string (history->message);
  g_assert_true (g_variant_is_of_type (history->fields, G_VARIANT_TYPE ("a{ss}")));
  g_assert_true (g_variant_is_normal_form (history->fields));
  g_variant_iter_init (&iter, history->fields);
  while (g_variant_iter_next (&iter, "{&s&s}", &key, &value))
    assert_string (value);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  static void (*const checks[N_KINDS]) (ClmSqlStatement *) = { check_record, check_intent, check_generation, check_delivery, check_history };
  ClmFuzzInput in = { data, size };
  guint kind = clm_fuzz_take_byte (&in) % N_KINDS;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSqlStatement) row = make_row (&in, count_columns (kind), &error);

  if (clm_sql_statement_step (row, &error) == CLM_SQL_STEP_ROW) {
    checks[kind] (row);
    clm_fuzz_accept ();
  } else
    clm_fuzz_assert_error (error);
}

void
clm_fuzz_make_seeds (void)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  for (guint8 kind = 0; kind < N_KINDS; kind++) {
    static const char *const names[N_KINDS] = { "record", "intent", "generation", "delivery", "history" };
    guint n = count_columns (kind);

    g_byte_array_set_size (out, 0);
    g_byte_array_append (out, &kind, 1);
    for (guint i = 0; i < n; i++) {
      gboolean text = kind == KIND_RECORD ? i % 3 != 1 : i % 2;
      g_byte_array_append (out, (guint8[]) { text ? TYPE_TEXT : TYPE_SMALL, 'a', 0 }, text ? 3 : 2);
    }
    clm_fuzz_seed (names[kind], out->data, out->len);
  }
}
