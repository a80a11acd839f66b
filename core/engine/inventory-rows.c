/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-rows.h"

/* Reading. Numbers of a newer daemon that this one does not know become the nearest thing it does. */

static guint
get_enum (ClmSqlStatement *row,
          guint            column,
          guint            n_values)
{
  gint64 value = clm_sql_statement_get_int64 (row, column);

  return value >= 0 && value < n_values ? (guint) value : 0;
}

static void
take_text (char           **member,
           ClmSqlStatement *row,
           guint            column)
{
  clm_record_set (member, clm_sql_statement_get_text (row, column));
}

ClmRecord *
clm_record_from_row (ClmSqlStatement *row)
{
  ClmRecord *record = clm_record_new (clm_sql_statement_get_text (row, 0));

  record->state = (ClmState) get_enum (row, 1, CLM_N_STATES);
  record->next_action = (ClmAction) get_enum (row, 2, CLM_N_ACTIONS);
  record->next_time = clm_sql_statement_get_int64 (row, 3);
  record->clock_bound = clm_sql_statement_get_boolean (row, 4);
  record->alarm_time = clm_sql_statement_get_int64 (row, 5);
  record->not_before = clm_sql_statement_get_int64 (row, 6);
  record->not_after = clm_sql_statement_get_int64 (row, 7);
  record->attempts = (guint) clm_sql_statement_get_int64 (row, 8);
  record->delivery_state = (ClmDeliveryState) get_enum (row, 9, CLM_N_DELIVERY_STATES);
  take_text (&record->authority, row, 10);
  take_text (&record->key_store, row, 11);
  take_text (&record->message, row, 12);
  take_text (&record->origin, row, 13);
  record->revision = (guint64) clm_sql_statement_get_int64 (row, 14);
  take_text (&record->reason, row, 15);
  take_text (&record->hint, row, 16);
  take_text (&record->error, row, 17);
  record->generation = (guint64) clm_sql_statement_get_int64 (row, 18);
  record->candidate = (guint64) clm_sql_statement_get_int64 (row, 19);
  record->held = clm_sql_statement_get_boolean (row, 20);
  take_text (&record->template_name, row, 21);
  take_text (&record->key_uri, row, 22);
  take_text (&record->key_type, row, 23);
  take_text (&record->subject, row, 24);
  take_text (&record->issuer, row, 25);
  take_text (&record->serial, row, 26);
  take_text (&record->fingerprint, row, 27);
  take_text (&record->alt_names, row, 28);
  record->issued = clm_sql_statement_get_int64 (row, 29);
  take_text (&record->issue_digest, row, 30);
  record->alarm = (guint) clm_sql_statement_get_int64 (row, 31);
  record->hint_start = clm_sql_statement_get_int64 (row, 32);
  record->hint_end = clm_sql_statement_get_int64 (row, 33);
  record->revoked = clm_sql_statement_get_int64 (row, 34);
  return record;
}

ClmSummary
clm_summary_from_row (ClmSqlStatement *row)
{
  return (ClmSummary) {
    .name = clm_sql_statement_get_text (row, 0),
    .state = (ClmState) get_enum (row, 1, CLM_N_STATES),
    .delivery_state = (ClmDeliveryState) get_enum (row, 2, CLM_N_DELIVERY_STATES),
    .authority = clm_sql_statement_get_text (row, 3),
    .key_store = clm_sql_statement_get_text (row, 4),
    .not_before = clm_sql_statement_get_int64 (row, 5),
    .not_after = clm_sql_statement_get_int64 (row, 6),
    .next_action = (ClmAction) get_enum (row, 7, CLM_N_ACTIONS),
    .next_time = clm_sql_statement_get_int64 (row, 8),
    .attempts = (guint) clm_sql_statement_get_int64 (row, 9),
    .message = clm_sql_statement_get_text (row, 10),
    .revision = (guint64) clm_sql_statement_get_int64 (row, 11),
  };
}

ClmIntent *
clm_intent_from_row (ClmSqlStatement *row)
{
  ClmIntent *intent = clm_intent_new ((guint64) clm_sql_statement_get_int64 (row, 0));

  take_text (&intent->authority, row, 1);
  take_text (&intent->authority_identity, row, 2);
  take_text (&intent->issue_digest, row, 3);
  take_text (&intent->key_store, row, 4);
  take_text (&intent->key_label, row, 5);
  take_text (&intent->key_uri, row, 6);
  intent->ticket = clm_sql_statement_get_blob (row, 7);
  intent->key_owned = clm_sql_statement_get_boolean (row, 8);
  intent->started = clm_sql_statement_get_int64 (row, 9);
  return intent;
}

ClmGenerationRow *
clm_generation_row_from_row (ClmSqlStatement *row)
{
  ClmGenerationRow *generation = clm_generation_row_new ((guint64) clm_sql_statement_get_int64 (row, 0));

  take_text (&generation->status, row, 1);
  take_text (&generation->serial, row, 2);
  take_text (&generation->fingerprint, row, 3);
  take_text (&generation->authority, row, 4);
  take_text (&generation->key_uri, row, 5);
  generation->not_before = clm_sql_statement_get_int64 (row, 6);
  generation->not_after = clm_sql_statement_get_int64 (row, 7);
  generation->created = clm_sql_statement_get_int64 (row, 8);
  generation->retired = clm_sql_statement_get_int64 (row, 9);
  return generation;
}

ClmDeliveryRecord *
clm_delivery_record_from_row (ClmSqlStatement *row)
{
  ClmDeliveryRecord *delivery = clm_delivery_record_new (NULL);

  take_text (&delivery->delivery, row, 0);
  delivery->generation = (guint64) clm_sql_statement_get_int64 (row, 1);
  delivery->failing = clm_sql_statement_get_boolean (row, 2);
  delivery->attempts = (guint) clm_sql_statement_get_int64 (row, 3);
  delivery->time = clm_sql_statement_get_int64 (row, 4);
  delivery->error = clm_sql_statement_dup_text (row, 5);
  return delivery;
}

ClmHistoryRow *
clm_history_row_from_row (ClmSqlStatement *row)
{
  ClmHistoryRow *history = g_new0 (ClmHistoryRow, 1);
  g_autoptr (GBytes) fields = clm_sql_statement_get_blob (row, 7), none = g_bytes_new (NULL, 0);
  g_autoptr (GVariant) stored = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE ("a{ss}"), fields ? fields : none, FALSE));

  history->sequence = (guint64) clm_sql_statement_get_int64 (row, 0);
  history->time = clm_sql_statement_get_int64 (row, 1);
  take_text (&history->kind, row, 2);
  take_text (&history->severity, row, 3);
  take_text (&history->subject_kind, row, 4);
  take_text (&history->subject, row, 5);
  take_text (&history->message, row, 6);
  history->fields = g_variant_get_normal_form (stored);
  return history;
}

/* Writing. Rows are updated, not replaced: columns that only a newer daemon knows stay as they are. */

static void
bind_number (ClmSqlStatement *statement,
             guint            parameter,
             guint64          value)
{
  clm_sql_statement_bind_int64 (statement, parameter, (gint64) value);
}

static void
bind_wake (ClmSqlStatement *statement,
           guint            parameter,
           const ClmRecord *record)
{
  gint64 next = record->next_action == CLM_ACTION_NONE ? 0 : record->next_time;

  if (next == 0 && record->alarm_time == 0)
    clm_sql_statement_bind_null (statement, parameter);
  else if (next == 0 || (record->alarm_time != 0 && record->alarm_time < next))
    clm_sql_statement_bind_int64 (statement, parameter, record->alarm_time);
  else
    clm_sql_statement_bind_int64 (statement, parameter, next);
}

static gboolean
write_hot (ClmSqlConnection *connection,
           const ClmRecord  *record,
           guint64           revision,
           GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "INSERT INTO certificates (name, state, next_action, next_time, clock_bound, alarm_time, wake, not_before, not_after,"
    " attempts, delivery_state, authority, key_store, message, origin, revision)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET state = excluded.state, next_action = excluded.next_action, "
    " next_time = excluded.next_time, clock_bound = excluded.clock_bound, alarm_time = excluded.alarm_time, "
    " wake = excluded.wake, not_before = excluded.not_before, not_after = excluded.not_after, "
    " attempts = excluded.attempts, delivery_state = excluded.delivery_state, authority = excluded.authority, "
    " key_store = excluded.key_store, message = excluded.message, origin = excluded.origin, "
    " revision = excluded.revision", error);
  guint i = 1;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, i++, record->name);
  clm_sql_statement_bind_int64 (statement, i++, record->state);
  clm_sql_statement_bind_int64 (statement, i++, record->next_action);
  clm_sql_statement_bind_int64 (statement, i++, record->next_time);
  clm_sql_statement_bind_boolean (statement, i++, record->clock_bound);
  clm_sql_statement_bind_int64 (statement, i++, record->alarm_time);
  bind_wake (statement, i++, record);
  clm_sql_statement_bind_int64 (statement, i++, record->not_before);
  clm_sql_statement_bind_int64 (statement, i++, record->not_after);
  bind_number (statement, i++, record->attempts);
  clm_sql_statement_bind_int64 (statement, i++, record->delivery_state);
  clm_sql_statement_bind_text (statement, i++, record->authority);
  clm_sql_statement_bind_text (statement, i++, record->key_store);
  clm_sql_statement_bind_text (statement, i++, record->message);
  clm_sql_statement_bind_text (statement, i++, record->origin);
  bind_number (statement, i++, revision);
  return clm_sql_statement_run (statement, error);
}

static gboolean
write_record (ClmSqlConnection *connection,
              const ClmRecord  *record,
              guint64           revision,
              GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = NULL;
  guint i = 1;

  if (!write_hot (connection, record, revision, error))
    return FALSE;
  statement = clm_sql_statement_prepare (connection,
    "INSERT INTO records (name, reason, hint, error, generation, candidate, held, template_name, key_uri, key_type, subject,"
    " issuer, serial, fingerprint, alt_names, issued, issue_digest, alarm, hint_start, hint_end, revoked)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET reason = excluded.reason, hint = excluded.hint, error = excluded.error, "
    " generation = excluded.generation, candidate = excluded.candidate, held = excluded.held, "
    " template_name = excluded.template_name, key_uri = excluded.key_uri, key_type = excluded.key_type, "
    " subject = excluded.subject, issuer = excluded.issuer, serial = excluded.serial, "
    " fingerprint = excluded.fingerprint, alt_names = excluded.alt_names, issued = excluded.issued, "
    " issue_digest = excluded.issue_digest, alarm = excluded.alarm, hint_start = excluded.hint_start, "
    " hint_end = excluded.hint_end, revoked = excluded.revoked", error);
  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, i++, record->name);
  clm_sql_statement_bind_text (statement, i++, record->reason);
  clm_sql_statement_bind_text (statement, i++, record->hint);
  clm_sql_statement_bind_text (statement, i++, record->error);
  bind_number (statement, i++, record->generation);
  bind_number (statement, i++, record->candidate);
  clm_sql_statement_bind_boolean (statement, i++, record->held);
  clm_sql_statement_bind_text (statement, i++, record->template_name);
  clm_sql_statement_bind_text (statement, i++, record->key_uri);
  clm_sql_statement_bind_text (statement, i++, record->key_type);
  clm_sql_statement_bind_text (statement, i++, record->subject);
  clm_sql_statement_bind_text (statement, i++, record->issuer);
  clm_sql_statement_bind_text (statement, i++, record->serial);
  clm_sql_statement_bind_text (statement, i++, record->fingerprint);
  clm_sql_statement_bind_text (statement, i++, record->alt_names);
  clm_sql_statement_bind_int64 (statement, i++, record->issued);
  clm_sql_statement_bind_text (statement, i++, record->issue_digest);
  bind_number (statement, i++, record->alarm);
  clm_sql_statement_bind_int64 (statement, i++, record->hint_start);
  clm_sql_statement_bind_int64 (statement, i++, record->hint_end);
  clm_sql_statement_bind_int64 (statement, i++, record->revoked);
  return clm_sql_statement_run (statement, error);
}

static gboolean
run_with_name (ClmSqlConnection *connection,
               const char       *sql,
               const char       *name,
               GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, sql, error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, name);
  return clm_sql_statement_run (statement, error);
}

static gboolean
write_intent (ClmSqlConnection *connection,
              const char       *name,
              const ClmIntent  *intent,
              GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = NULL;

  if (!intent)
    return run_with_name (connection, "DELETE FROM intents WHERE name = ?", name, error);
  statement = clm_sql_statement_prepare (connection,
    "INSERT INTO intents (name, " CLM_INTENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET number = excluded.number, authority = excluded.authority, "
    " authority_identity = excluded.authority_identity, issue_digest = excluded.issue_digest, "
    " key_store = excluded.key_store, key_label = excluded.key_label, key_uri = excluded.key_uri, "
    " ticket = excluded.ticket, key_owned = excluded.key_owned, "
    " started = excluded.started", error);
  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, name);
  bind_number (statement, 2, intent->number);
  clm_sql_statement_bind_text (statement, 3, intent->authority);
  clm_sql_statement_bind_text (statement, 4, intent->authority_identity);
  clm_sql_statement_bind_text (statement, 5, intent->issue_digest);
  clm_sql_statement_bind_text (statement, 6, intent->key_store);
  clm_sql_statement_bind_text (statement, 7, intent->key_label);
  clm_sql_statement_bind_text (statement, 8, intent->key_uri);
  clm_sql_statement_bind_blob (statement, 9, intent->ticket);
  clm_sql_statement_bind_boolean (statement, 10, intent->key_owned);
  clm_sql_statement_bind_int64 (statement, 11, intent->started);
  return clm_sql_statement_run (statement, error);
}

static gboolean
write_generation (ClmSqlConnection       *connection,
                  const char             *name,
                  const ClmGenerationRow *row,
                  GError                **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "INSERT OR REPLACE INTO generations (name, " CLM_GENERATION_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, name);
  bind_number (statement, 2, row->number);
  clm_sql_statement_bind_text (statement, 3, row->status);
  clm_sql_statement_bind_text (statement, 4, row->serial);
  clm_sql_statement_bind_text (statement, 5, row->fingerprint);
  clm_sql_statement_bind_text (statement, 6, row->authority);
  clm_sql_statement_bind_text (statement, 7, row->key_uri);
  clm_sql_statement_bind_int64 (statement, 8, row->not_before);
  clm_sql_statement_bind_int64 (statement, 9, row->not_after);
  clm_sql_statement_bind_int64 (statement, 10, row->created);
  clm_sql_statement_bind_int64 (statement, 11, row->retired);
  return clm_sql_statement_run (statement, error);
}

static gboolean
drop_generation (ClmSqlConnection *connection,
                 const char       *name,
                 guint64           number,
                 GError          **error)
{
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "DELETE FROM generations WHERE name = ? AND number = ?", error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, name);
  bind_number (statement, 2, number);
  return clm_sql_statement_run (statement, error);
}

static gboolean
write_delivery (ClmSqlConnection        *connection,
                const char              *name,
                const ClmDeliveryRecord *delivery,
                GError                 **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "INSERT OR REPLACE INTO deliveries (name, " CLM_DELIVERY_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)", error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, name);
  clm_sql_statement_bind_text (statement, 2, delivery->delivery);
  bind_number (statement, 3, delivery->generation);
  clm_sql_statement_bind_boolean (statement, 4, delivery->failing);
  bind_number (statement, 5, delivery->attempts);
  clm_sql_statement_bind_int64 (statement, 6, delivery->time);
  clm_sql_statement_bind_text (statement, 7, delivery->error);
  return clm_sql_statement_run (statement, error);
}

static gboolean
drop_delivery (ClmSqlConnection *connection,
               const char       *name,
               const char       *delivery,
               GError          **error)
{
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "DELETE FROM deliveries WHERE name = ? AND delivery = ?", error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, name);
  clm_sql_statement_bind_text (statement, 2, delivery);
  return clm_sql_statement_run (statement, error);
}

static gboolean
write_spec (ClmSqlConnection *connection,
            const char       *name,
            const ClmSpecRow *spec,
            GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "INSERT OR REPLACE INTO specs (name, template_name, instance, owner, text) VALUES (?, ?, ?, ?, ?)", error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, name);
  clm_sql_statement_bind_text (statement, 2, spec->template_name);
  clm_sql_statement_bind_text (statement, 3, spec->instance);
  bind_number (statement, 4, spec->owner);
  clm_sql_statement_bind_text (statement, 5, spec->text);
  return clm_sql_statement_run (statement, error);
}

static GBytes *
event_fields (ClmEvent *event)
{
  g_auto (GStrv) keys = clm_event_list_fields (event);
  GVariantBuilder builder;
  g_autoptr (GVariant) fields = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  for (guint i = 0; keys[i]; i++)
    g_variant_builder_add (&builder, "{ss}", keys[i], clm_event_get_field (event, keys[i]));
  fields = g_variant_ref_sink (g_variant_builder_end (&builder));
  return g_variant_get_data_as_bytes (fields);
}

static gboolean
write_event (ClmSqlConnection *connection,
             ClmEvent         *event,
             GError          **error)
{
  const char *subject_kind = clm_event_get_subject_kind (event), *subject = clm_event_get_subject (event);
  g_autoptr (GBytes) fields = event_fields (event);
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "INSERT INTO history (time, kind, severity, subject_kind, subject, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?)", error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, clm_event_get_time (event));
  clm_sql_statement_bind_text (statement, 2, clm_event_kind_get_nick (clm_event_get_kind (event)));
  clm_sql_statement_bind_text (statement, 3, clm_severity_get_nick (clm_event_get_severity (event)));
  clm_sql_statement_bind_text (statement, 4, subject_kind ? subject_kind : "");
  clm_sql_statement_bind_text (statement, 5, subject ? subject : "");
  clm_sql_statement_bind_text (statement, 6, clm_event_get_message (event));
  clm_sql_statement_bind_blob (statement, 7, fields);
  return clm_sql_statement_run (statement, error);
}

/* So that who lists what changed learns of it; only so many, since nobody is told for ever. */
static gboolean
remember_removal (ClmSqlConnection *connection,
                  const char       *name,
                  guint64           revision,
                  GError          **error)
{
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "INSERT INTO removals (revision, name) VALUES (?, ?)", error);

  if (!statement)
    return FALSE;
  bind_number (statement, 1, revision);
  clm_sql_statement_bind_text (statement, 2, name);
  return clm_sql_statement_run (statement, error) &&
         clm_sql_connection_exec (connection,
           "UPDATE values_of_daemon SET number = max (number, coalesce ((SELECT revision FROM removals"
           " ORDER BY revision DESC LIMIT 1 OFFSET " G_STRINGIFY (CLM_REMOVALS_KEPT) "), 0)) WHERE key = 'forgotten'", error) &&
         clm_sql_connection_exec (connection,
           "DELETE FROM removals WHERE revision <= (SELECT number FROM values_of_daemon WHERE key = 'forgotten')", error);
}

static gboolean
remove_all (ClmSqlConnection *connection,
            const char       *name,
            guint64           revision,
            GError          **error)
{
  static const char *const statements[] = {
    "DELETE FROM certificates WHERE name = ?", "DELETE FROM records WHERE name = ?", "DELETE FROM specs WHERE name = ?",
    "DELETE FROM intents WHERE name = ?", "DELETE FROM generations WHERE name = ?", "DELETE FROM deliveries WHERE name = ?",
  };

  for (guint i = 0; i < G_N_ELEMENTS (statements); i++) {
    if (!run_with_name (connection, statements[i], name, error))
      return FALSE;
  }
  return remember_removal (connection, name, revision, error);
}

gboolean
clm_change_write (ClmSqlConnection *connection,
                  const ClmChange  *change,
                  guint64           revision,
                  GError          **error)
{
  if (change->removed && !remove_all (connection, change->name, revision, error))
    return FALSE;
  if (change->record && !write_record (connection, change->record, revision, error))
    return FALSE;
  if (change->has_intent && !write_intent (connection, change->name, change->intent, error))
    return FALSE;
  if (change->spec && !write_spec (connection, change->name, change->spec, error))
    return FALSE;
  for (guint i = 0; i < change->dropped_generations->len; i++) {
    if (!drop_generation (connection, change->name, g_array_index (change->dropped_generations, guint64, i), error))
      return FALSE;
  }
  for (guint i = 0; i < change->generations->len; i++) {
    if (!write_generation (connection, change->name, g_ptr_array_index (change->generations, i), error))
      return FALSE;
  }
  for (guint i = 0; i < change->dropped_deliveries->len; i++) {
    if (!drop_delivery (connection, change->name, g_ptr_array_index (change->dropped_deliveries, i), error))
      return FALSE;
  }
  for (guint i = 0; i < change->deliveries->len; i++) {
    if (!write_delivery (connection, change->name, g_ptr_array_index (change->deliveries, i), error))
      return FALSE;
  }
  for (guint i = 0; i < change->events->len; i++) {
    if (!write_event (connection, g_ptr_array_index (change->events, i), error))
      return FALSE;
  }
  return TRUE;
}
