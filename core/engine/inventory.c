/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory.h"

#include <errno.h>

#include <glib/gstdio.h>

#include "clm-error.h"
#include "inventory-rows.h"
#include "inventory-schema.h"
#include "reader.h"
#include "writer.h"

#define N_READERS 2
#define HISTORY_LIMIT_DEFAULT 100000
#define HISTORY_PRUNE_INTERVAL 256

struct _ClmInventory {
  GObject       parent_instance;
  ClmSqlWriter *writer;
  ClmSqlReader *reader;
  char         *epoch;
  guint64       revision;
  gint64        last_seen;          /* to be written with the next write; 0: nothing new */
  gint64        last_seen_stored;
  guint         history_limit;
  guint         events_until_prune;
  guint         writing;            /* changes that are not written yet */
};

enum { SIGNAL_RECORD_CHANGED, SIGNAL_RECORD_REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmInventory, clm_inventory, G_TYPE_OBJECT)

/* Opening */

static gboolean
move_damaged_aside (const char *path,
                    GError    **error)
{
  static const char *const suffixes[] = { "", "-wal", "-shm" };
  g_autofree char *target = NULL;

  for (guint n = 1; !target || g_file_test (target, G_FILE_TEST_EXISTS); n++) {
    g_free (target);
    target = g_strdup_printf ("%s.damaged-%u", path, n);
  }
  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    g_autofree char *from = g_strconcat (path, suffixes[i], NULL);
    g_autofree char *to = g_strconcat (target, suffixes[i], NULL);

    if (g_rename (from, to) < 0 && errno != ENOENT) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot move the damaged “%s” aside: %s", from, g_strerror (errno));
      return FALSE;
    }
  }
  g_warning ("the database was damaged; it is kept as %s, records are rebuilt from the certificates on disk", target);
  return TRUE;
}

static ClmSqlConnection *
open_or_renew (const char *path,
               gboolean   *fresh,
               GError    **error)
{
  g_autoptr (GError) local = NULL;
  ClmSqlConnection *connection;

  *fresh = !g_file_test (path, G_FILE_TEST_EXISTS);
  connection = clm_sql_database_open (path, &clm_inventory_schema, &local);
  /* Damage in a page that is used only later would else show when a renewal needs it. */
  if (connection && clm_sql_database_quick_check (connection, NULL, &local))
    return connection;
  g_clear_pointer (&connection, clm_sql_connection_unref);
  if (!g_error_matches (local, CLM_ERROR, CLM_ERROR_INVALID_DATA)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return NULL;
  }
  *fresh = TRUE;
  if (!move_damaged_aside (path, error))
    return NULL;
  return clm_sql_database_open (path, &clm_inventory_schema, error);
}

static gboolean
read_values (ClmSqlConnection *connection,
             gpointer          data,
             GError          **error)
{
  ClmInventory *self = data;
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "SELECT key, number, text FROM values_of_daemon", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    const char *key = clm_sql_statement_get_text (statement, 0);

    if (g_str_equal (key, "revision"))
      self->revision = (guint64) clm_sql_statement_get_int64 (statement, 1);
    else if (g_str_equal (key, "last-seen"))
      self->last_seen_stored = clm_sql_statement_get_int64 (statement, 1);
    else if (g_str_equal (key, "epoch"))
      self->epoch = clm_sql_statement_dup_text (statement, 2);
  }
  return step == CLM_SQL_STEP_DONE;
}

ClmInventory *
clm_inventory_open (const char *state_dir,
                    gboolean   *fresh,
                    GError    **error)
{
  g_autofree char *path = g_build_filename (state_dir, "certloom.db", NULL);
  g_autoptr (ClmInventory) self = NULL;
  ClmSqlConnection *connection = open_or_renew (path, fresh, error);

  if (!connection)
    return NULL;
  self = g_object_new (CLM_TYPE_INVENTORY, NULL);
  self->writer = clm_sql_writer_new (connection);
  self->reader = clm_sql_reader_new (path, N_READERS);
  if (!clm_sql_reader_query (self->reader, read_values, self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
clm_inventory_close (ClmInventory *self)
{
  g_clear_object (&self->reader);
  if (self->writer)
    clm_sql_writer_close (self->writer);
}

const char *
clm_inventory_get_epoch (ClmInventory *self)
{
  return self->epoch;
}

guint64
clm_inventory_get_revision (ClmInventory *self)
{
  return self->revision;
}

gint64
clm_inventory_get_last_seen (ClmInventory *self)
{
  return self->last_seen_stored;
}

void
clm_inventory_set_last_seen (ClmInventory *self,
                             gint64        time)
{
  if (time > 0 && time != self->last_seen_stored)
    self->last_seen = time;
}

void
clm_inventory_set_history_limit (ClmInventory *self,
                                 guint         limit)
{
  self->history_limit = limit;
}

/* Writing */

typedef struct {
  ClmChange *change;
  gint64     last_seen;   /* 0: none */
  guint64    prune;       /* history rows to keep; 0: not now */
  guint64    revision;    /* out */
} ApplyWork;

static void
apply_work_free (ApplyWork *work)
{
  clm_change_free (work->change);
  g_free (work);
}

static gboolean
run_number (ClmSqlConnection *connection,
            const char       *sql,
            gint64            number,
            GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, sql, error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, number);
  return clm_sql_statement_run (statement, error);
}

static gboolean
count_revision (ClmSqlConnection *connection,
                gint64            step,
                guint64          *revision,
                GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = NULL;

  if (!run_number (connection, "UPDATE values_of_daemon SET number = number + ? WHERE key = 'revision'", step, error))
    return FALSE;
  statement = clm_sql_statement_prepare (connection, "SELECT number FROM values_of_daemon WHERE key = 'revision'", error);
  if (!statement || clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;
  *revision = (guint64) clm_sql_statement_get_int64 (statement, 0);
  return TRUE;
}

static gboolean
apply (ClmSqlConnection *connection,
       gpointer          data,
       GError          **error)
{
  ApplyWork *work = data;
  gboolean counts = work->change->record || work->change->removed;

  if (!count_revision (connection, counts ? 1 : 0, &work->revision, error) ||
      !clm_change_write (connection, work->change, work->revision, error))
    return FALSE;
  if (work->last_seen &&
      !run_number (connection, "UPDATE values_of_daemon SET number = ? WHERE key = 'last-seen'", work->last_seen, error))
    return FALSE;
  return !work->prune ||
         run_number (connection, "DELETE FROM history WHERE sequence <= (SELECT max (sequence) FROM history) - ?",
                     (gint64) work->prune, error);
}

static gboolean
is_time_to_prune (ClmInventory *self,
                  ClmChange    *change)
{
  if (change->events->len == 0)
    return FALSE;
  self->events_until_prune -= MIN (self->events_until_prune, change->events->len);
  if (self->events_until_prune > 0)
    return FALSE;
  self->events_until_prune = HISTORY_PRUNE_INTERVAL;
  return TRUE;
}

static void
announce (ClmInventory *self,
          ApplyWork    *work)
{
  ClmRecord *record = work->change->record;

  if (work->change->removed) {
    g_signal_emit (self, signals[SIGNAL_RECORD_REMOVED], 0, work->change->name, work->revision);
  } else if (record) {
    record->revision = work->revision;
    g_signal_emit (self, signals[SIGNAL_RECORD_CHANGED], 0, record);
  }
}

static void
on_applied (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmInventory *self = g_task_get_source_object (task);
  ApplyWork *work = g_task_get_task_data (task);
  GError *error = NULL;

  self->writing--;
  if (!clm_sql_writer_run_finish (CLM_SQL_WRITER (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  self->revision = MAX (self->revision, work->revision);
  if (work->last_seen)
    self->last_seen_stored = work->last_seen;
  announce (self, work);
  g_task_return_boolean (task, TRUE);
}

void
clm_inventory_apply_async (ClmInventory       *self,
                           ClmChange          *change,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ApplyWork *work = g_new0 (ApplyWork, 1);

  g_task_set_source_tag (task, clm_inventory_apply_async);
  /* Once written it is written: whoever cancels still learns the truth. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, work, (GDestroyNotify) apply_work_free);
  work->change = change;
  self->writing++;
  work->last_seen = self->last_seen;
  self->last_seen = 0;
  work->prune = is_time_to_prune (self, change) ? self->history_limit : 0;
  clm_sql_writer_run_async (self->writer, apply, work, NULL, cancellable, on_applied, task);
}

guint64
clm_inventory_apply_finish (ClmInventory *self,
                            GAsyncResult *result,
                            GError      **error)
{
  ApplyWork *work = g_task_get_task_data (G_TASK (result));

  return g_task_propagate_boolean (G_TASK (result), error) ? work->revision : 0;
}

gboolean
clm_inventory_is_writing (ClmInventory *self)
{
  return self->writing > 0;
}

/* Moving spans */

typedef struct {
  gint64 delta;    /* to add; or */
  gint64 now;      /* bring forward to … */
  gint64 jitter;   /* … so many seconds from now */
} ShiftWork;

static gboolean
shift_spans (ClmSqlConnection *connection,
             gpointer          data,
             GError          **error)
{
  ShiftWork *work = data;

  if (work->delta != 0 &&
      !run_number (connection, "UPDATE certificates SET next_time = max (1, next_time + ?) WHERE clock_bound = 0 AND next_time > 0",
                   work->delta, error))
    return FALSE;
  if (work->now != 0) {
    g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
      "UPDATE certificates SET next_time = ?1 + abs (random ()) % ?2 WHERE clock_bound = 0 AND next_time > ?1 + ?2", error);

    if (!statement)
      return FALSE;
    clm_sql_statement_bind_int64 (statement, 1, work->now);
    clm_sql_statement_bind_int64 (statement, 2, MAX (work->jitter, 1));
    if (!clm_sql_statement_run (statement, error))
      return FALSE;
  }
  return clm_sql_connection_exec (connection,
    "UPDATE certificates SET wake = CASE WHEN alarm_time = 0 OR next_time < alarm_time THEN next_time ELSE alarm_time END"
    " WHERE clock_bound = 0 AND next_time > 0 AND next_action <> 0", error);
}

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmInventory *self = g_task_get_source_object (task);
  GError *error = NULL;

  self->writing--;

  if (clm_sql_writer_run_finish (CLM_SQL_WRITER (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
shift_async (ClmInventory       *self,
             ShiftWork           shift,
             GAsyncReadyCallback callback,
             gpointer            user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  ShiftWork *work = g_memdup2 (&shift, sizeof shift);

  g_task_set_source_tag (task, shift_async);
  g_task_set_task_data (task, work, g_free);
  self->writing++;
  clm_sql_writer_run_async (self->writer, shift_spans, work, NULL, NULL, on_written, task);
}

void
clm_inventory_shift_spans_async (ClmInventory       *self,
                                 gint64              delta,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data)
{
  shift_async (self, (ShiftWork) { .delta = delta }, callback, user_data);
}

void
clm_inventory_advance_spans_async (ClmInventory       *self,
                                   gint64              now,
                                   gint64              jitter,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  shift_async (self, (ShiftWork) { .now = now, .jitter = jitter }, callback, user_data);
}

gboolean
clm_inventory_shift_spans_finish (ClmInventory *self,
                                  GAsyncResult *result,
                                  GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Small reads: one query, its parameters, and what becomes of each row */

typedef struct {
  const char *sql;
  const char *text;             /* (nullable): parameter 1 */
  gint64      number;           /* parameter 2, or 1 without text */
  gboolean    has_number;
  void      (*take) (ClmSqlStatement *row, gpointer into);
  gpointer    into;
} Query;

static gboolean
run_query (ClmSqlConnection *connection,
           gpointer          data,
           GError          **error)
{
  Query *query = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, query->sql, error);
  guint parameter = 1;
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  if (query->text)
    clm_sql_statement_bind_text (statement, parameter++, query->text);
  if (query->has_number)
    clm_sql_statement_bind_int64 (statement, parameter, query->number);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    query->take (statement, query->into);
  return step == CLM_SQL_STEP_DONE;
}

static void
take_record (ClmSqlStatement *row,
             gpointer         into)
{
  *(ClmRecord **) into = clm_record_from_row (row);
}

ClmRecord *
clm_inventory_get_record (ClmInventory *self,
                          const char   *name,
                          GError      **error)
{
  ClmRecord *record = NULL;
  Query query = { CLM_RECORD_SELECT "WHERE c.name = ?", name, .take = take_record, .into = &record };

  if (!clm_sql_reader_query (self->reader, run_query, &query, error))
    return NULL;
  if (!record)
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no certificate named “%s”", name);
  return record;
}

static void
take_intent (ClmSqlStatement *row,
             gpointer         into)
{
  *(ClmIntent **) into = clm_intent_from_row (row);
}

gboolean
clm_inventory_get_intent (ClmInventory *self,
                          const char   *name,
                          ClmIntent   **intent,
                          GError      **error)
{
  Query query = { "SELECT " CLM_INTENT_COLUMNS " FROM intents WHERE name = ?", name, .take = take_intent, .into = intent };

  *intent = NULL;
  return clm_sql_reader_query (self->reader, run_query, &query, error);
}

static void
take_spec (ClmSqlStatement *row,
           gpointer         into)
{
  ClmSpecRow *spec = g_new0 (ClmSpecRow, 1);

  spec->template_name = clm_sql_statement_dup_text (row, 0);
  spec->instance = clm_sql_statement_dup_text (row, 1);
  spec->owner = (guint32) clm_sql_statement_get_int64 (row, 2);
  spec->text = clm_sql_statement_dup_text (row, 3);
  *(ClmSpecRow **) into = spec;
}

gboolean
clm_inventory_get_spec (ClmInventory *self,
                        const char   *name,
                        ClmSpecRow  **row,
                        GError      **error)
{
  Query query = { "SELECT template_name, instance, owner, text FROM specs WHERE name = ?", name, .take = take_spec, .into = row };

  *row = NULL;
  return clm_sql_reader_query (self->reader, run_query, &query, error);
}

static void
take_generation (ClmSqlStatement *row,
                 gpointer         into)
{
  g_ptr_array_add (into, clm_generation_row_from_row (row));
}

GPtrArray *
clm_inventory_get_generations (ClmInventory *self,
                               const char   *name,
                               GError      **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_generation_row_free);
  Query query = { "SELECT " CLM_GENERATION_COLUMNS " FROM generations WHERE name = ? ORDER BY number DESC", name,
                  .take = take_generation, .into = rows };

  return clm_sql_reader_query (self->reader, run_query, &query, error) ? g_steal_pointer (&rows) : NULL;
}

static void
take_delivery (ClmSqlStatement *row,
               gpointer         into)
{
  g_ptr_array_add (into, clm_delivery_record_from_row (row));
}

GPtrArray *
clm_inventory_get_deliveries (ClmInventory *self,
                              const char   *name,
                              GError      **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_delivery_record_free);
  Query query = { "SELECT " CLM_DELIVERY_COLUMNS " FROM deliveries WHERE name = ? ORDER BY delivery", name,
                  .take = take_delivery, .into = rows };

  return clm_sql_reader_query (self->reader, run_query, &query, error) ? g_steal_pointer (&rows) : NULL;
}

static void
take_number (ClmSqlStatement *row,
             gpointer         into)
{
  *(gint64 *) into = clm_sql_statement_is_null (row, 0) ? -1 : clm_sql_statement_get_int64 (row, 0);
}

gboolean
clm_inventory_is_key_named (ClmInventory *self,
                            const char   *key_uri,
                            gboolean     *named,
                            GError      **error)
{
  gint64 count = 0;
  Query query = { "SELECT (SELECT count (*) FROM generations WHERE key_uri = ?1) + (SELECT count (*) FROM intents WHERE key_uri = ?1)",
                  key_uri, .take = take_number, .into = &count };

  if (!clm_sql_reader_query (self->reader, run_query, &query, error))
    return FALSE;
  *named = count > 0;
  return TRUE;
}

/* Where the database cannot be read, nothing is due: the next write says why. */

static gint64
query_number (ClmInventory *self,
              Query        *query,
              gint64        fallback)
{
  g_autoptr (GError) error = NULL;
  gint64 number = fallback;

  query->take = take_number;
  query->into = &number;
  if (clm_sql_reader_query (self->reader, run_query, query, &error))
    return number;
  g_warning ("the inventory cannot be read: %s", error->message);
  return fallback;
}

gint64
clm_inventory_get_earliest_after (ClmInventory *self,
                                  gint64        now,
                                  gboolean      spans_only)
{
  Query query = { spans_only ? "SELECT min (next_time) FROM certificates WHERE clock_bound = 0 AND next_action <> 0 AND next_time > ?" :
                  "SELECT min (wake) FROM certificates WHERE wake > ?", NULL, now, TRUE };

  return query_number (self, &query, -1);
}

guint
clm_inventory_count (ClmInventory *self,
                     ClmState      state)
{
  Query query = { "SELECT count (*) FROM certificates WHERE state = ?", NULL, state, TRUE };

  return (guint) query_number (self, &query, 0);
}

static void
take_name (ClmSqlStatement *row,
           gpointer         into)
{
  g_strv_builder_add (into, clm_sql_statement_get_text (row, 0));
}

static GStrv
query_names (ClmInventory *self,
             Query        *query)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;

  query->take = take_name;
  query->into = builder;
  if (!clm_sql_reader_query (self->reader, run_query, query, &error))
    g_warning ("the inventory cannot be read: %s", error->message);
  return g_strv_builder_end (builder);
}

typedef struct {
  gint64        now;
  gint64        limit;
  gboolean      spans_only;
  GStrvBuilder *builder;
} DueWork;

static gboolean
read_due (ClmSqlConnection *connection,
          gpointer          data,
          GError          **error)
{
  DueWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, work->spans_only ?
    "SELECT name FROM certificates WHERE clock_bound = 0 AND next_action <> 0 AND next_time > 0 AND next_time <= ?"
    " ORDER BY not_after, next_time LIMIT ?" :
    "SELECT name FROM certificates WHERE wake <= ? ORDER BY not_after, wake LIMIT ?", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, work->now);
  clm_sql_statement_bind_int64 (statement, 2, work->limit);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    take_name (statement, work->builder);
  return step == CLM_SQL_STEP_DONE;
}

GStrv
clm_inventory_list_due (ClmInventory *self,
                        gint64        now,
                        gboolean      spans_only,
                        guint         limit)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;
  DueWork work = { now, limit, spans_only, builder };

  if (!clm_sql_reader_query (self->reader, read_due, &work, &error))
    g_warning ("the inventory cannot be read: %s", error->message);
  return g_strv_builder_end (builder);
}

GStrv
clm_inventory_list_renewable (ClmInventory *self,
                              gint64        now)
{
  Query query = { "SELECT name FROM certificates WHERE next_action IN (1, 3) AND next_time > 0 AND next_time <= ? ORDER BY not_after",
                  NULL, now, TRUE };

  G_STATIC_ASSERT (CLM_ACTION_ENROLL == 1 && CLM_ACTION_RENEW == 3);
  return query_names (self, &query);
}

GStrv
clm_inventory_list_names (ClmInventory *self,
                          const char   *origin)
{
  Query query = { "SELECT name FROM certificates WHERE origin = ? ORDER BY name", origin };

  return query_names (self, &query);
}

/* Values of backends */

typedef struct {
  char   *kind, *name, *key;
  GBytes *value;
} ValueWork;

static void
value_work_free (ValueWork *work)
{
  g_free (work->kind);
  g_free (work->name);
  g_free (work->key);
  g_clear_pointer (&work->value, g_bytes_unref);
  g_free (work);
}

static GTask *
begin_value (ClmInventory       *self,
             gpointer            tag,
             const char         *kind,
             const char         *name,
             const char         *key,
             GBytes             *value,
             GCancellable       *cancellable,
             GAsyncReadyCallback callback,
             gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ValueWork *work = g_new0 (ValueWork, 1);

  work->kind = g_strdup (kind);
  work->name = g_strdup (name);
  work->key = g_strdup (key);
  work->value = value ? g_bytes_ref (value) : NULL;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, work, (GDestroyNotify) value_work_free);
  return task;
}

static void
bind_value_key (ClmSqlStatement *statement,
                ValueWork       *work)
{
  clm_sql_statement_bind_text (statement, 1, work->kind);
  clm_sql_statement_bind_text (statement, 2, work->name);
  clm_sql_statement_bind_text (statement, 3, work->key);
}

static gboolean
read_value (ClmSqlConnection *connection,
            gpointer          data,
            GError          **error)
{
  ValueWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT value FROM backend_values WHERE kind = ? AND name = ? AND key = ?", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  bind_value_key (statement, work);
  step = clm_sql_statement_step (statement, error);
  if (step == CLM_SQL_STEP_ROW)
    work->value = clm_sql_statement_get_blob (statement, 0);
  return step != CLM_SQL_STEP_ERROR;
}

static void
on_read (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_sql_reader_run_finish (CLM_SQL_READER (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
clm_inventory_load_value_async (ClmInventory       *self,
                                const char         *kind,
                                const char         *name,
                                const char         *key,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  GTask *task = begin_value (self, clm_inventory_load_value_async, kind, name, key, NULL, cancellable, callback, user_data);

  clm_sql_reader_run_async (self->reader, read_value, g_task_get_task_data (task), NULL, cancellable, on_read, task);
}

gboolean
clm_inventory_load_value_finish (ClmInventory *self,
                                 GAsyncResult *result,
                                 GBytes      **value,
                                 GError      **error)
{
  ValueWork *work = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *value = g_steal_pointer (&work->value);
  return TRUE;
}

static gboolean
write_value (ClmSqlConnection *connection,
             gpointer          data,
             GError          **error)
{
  ValueWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, work->value ?
    "INSERT OR REPLACE INTO backend_values (kind, name, key, value) VALUES (?, ?, ?, ?)" :
    "DELETE FROM backend_values WHERE kind = ? AND name = ? AND key = ?", error);

  if (!statement)
    return FALSE;
  bind_value_key (statement, work);
  if (work->value)
    clm_sql_statement_bind_blob (statement, 4, work->value);
  return clm_sql_statement_run (statement, error);
}

void
clm_inventory_save_value_async (ClmInventory       *self,
                                const char         *kind,
                                const char         *name,
                                const char         *key,
                                GBytes             *value,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  GTask *task = begin_value (self, clm_inventory_save_value_async, kind, name, key, value, cancellable, callback, user_data);

  self->writing++;
  clm_sql_writer_run_async (self->writer, write_value, g_task_get_task_data (task), NULL, cancellable, on_written, task);
}

gboolean
clm_inventory_save_value_finish (ClmInventory *self,
                                 GAsyncResult *result,
                                 GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Lists */

typedef struct {
  char      *pattern;
  GStrv      states;
  char      *authority;
  gint64     expires_before;
  char      *cursor;
  guint      limit;
  GPtrArray *records;
  char      *next;
} ListWork;

static void
list_work_free (ListWork *work)
{
  g_free (work->pattern);
  g_strfreev (work->states);
  g_free (work->authority);
  g_free (work->cursor);
  g_clear_pointer (&work->records, g_ptr_array_unref);
  g_free (work->next);
  g_free (work);
}

static gboolean
matches (ListWork  *work,
         ClmRecord *record)
{
  if (work->pattern && !g_pattern_match_simple (work->pattern, record->name))
    return FALSE;
  if (work->states && !g_strv_contains ((const char *const *) work->states, clm_state_get_nick (record->state)))
    return FALSE;
  if (work->authority && !g_str_equal (work->authority, record->authority))
    return FALSE;
  return work->expires_before == 0 || (record->not_after != 0 && record->not_after < work->expires_before);
}

static gboolean
read_list (ClmSqlConnection *connection,
           gpointer          data,
           GError          **error)
{
  ListWork *work = data;
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, CLM_RECORD_SELECT "WHERE c.name > ? ORDER BY c.name", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_text (statement, 1, work->cursor);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    g_autoptr (ClmRecord) record = clm_record_from_row (statement);

    if (!matches (work, record))
      continue;
    if (work->records->len == work->limit) {
      ClmRecord *last = g_ptr_array_index (work->records, work->limit - 1);

      work->next = g_strdup (last->name);
      return TRUE;
    }
    g_ptr_array_add (work->records, g_steal_pointer (&record));
  }
  return step == CLM_SQL_STEP_DONE;
}

void
clm_inventory_list_async (ClmInventory             *self,
                          const ClmInventoryFilter *filter,
                          const char               *cursor,
                          guint                     limit,
                          GCancellable             *cancellable,
                          GAsyncReadyCallback       callback,
                          gpointer                  user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  ListWork *work = g_new0 (ListWork, 1);

  g_task_set_source_tag (task, clm_inventory_list_async);
  g_task_set_task_data (task, work, (GDestroyNotify) list_work_free);
  work->pattern = g_strdup (filter->pattern);
  work->states = g_strdupv ((GStrv) filter->states);
  work->authority = g_strdup (filter->authority);
  work->expires_before = filter->expires_before;
  work->cursor = g_strdup (cursor);
  work->limit = MAX (limit, 1);
  work->records = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_record_free);
  clm_sql_reader_run_async (self->reader, read_list, work, NULL, cancellable, on_read, task);
}

GPtrArray *
clm_inventory_list_finish (ClmInventory *self,
                           GAsyncResult *result,
                           char        **next,
                           GError      **error)
{
  ListWork *work = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return NULL;
  *next = work->next ? g_steal_pointer (&work->next) : g_strdup ("");
  return g_steal_pointer (&work->records);
}

typedef struct {
  char      *subject;
  guint64    before;
  guint      limit;
  GPtrArray *rows;
} HistoryWork;

static void
history_work_free (HistoryWork *work)
{
  g_free (work->subject);
  g_clear_pointer (&work->rows, g_ptr_array_unref);
  g_free (work);
}

static gboolean
read_history (ClmSqlConnection *connection,
              gpointer          data,
              GError          **error)
{
  HistoryWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, work->subject ?
    "SELECT " CLM_HISTORY_COLUMNS " FROM history WHERE sequence < ?1 AND subject = ?3 ORDER BY sequence DESC LIMIT ?2" :
    "SELECT " CLM_HISTORY_COLUMNS " FROM history WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, work->before ? (gint64) work->before : G_MAXINT64);
  clm_sql_statement_bind_int64 (statement, 2, work->limit);
  if (work->subject)
    clm_sql_statement_bind_text (statement, 3, work->subject);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    g_ptr_array_add (work->rows, clm_history_row_from_row (statement));
  return step == CLM_SQL_STEP_DONE;
}

void
clm_inventory_history_async (ClmInventory       *self,
                             const char         *subject,
                             guint64             before,
                             guint               limit,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  HistoryWork *work = g_new0 (HistoryWork, 1);

  g_task_set_source_tag (task, clm_inventory_history_async);
  g_task_set_task_data (task, work, (GDestroyNotify) history_work_free);
  work->subject = g_strdup (subject);
  work->before = before;
  work->limit = limit;
  work->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_history_row_free);
  clm_sql_reader_run_async (self->reader, read_history, work, NULL, cancellable, on_read, task);
}

GPtrArray *
clm_inventory_history_finish (ClmInventory *self,
                              GAsyncResult *result,
                              GError      **error)
{
  HistoryWork *work = g_task_get_task_data (G_TASK (result));

  return g_task_propagate_boolean (G_TASK (result), error) ? g_steal_pointer (&work->rows) : NULL;
}

static void
clm_inventory_init (ClmInventory *self)
{
  self->history_limit = HISTORY_LIMIT_DEFAULT;
  self->events_until_prune = HISTORY_PRUNE_INTERVAL;
}

static void
clm_inventory_finalize (GObject *object)
{
  ClmInventory *self = CLM_INVENTORY (object);

  clm_inventory_close (self);
  g_clear_object (&self->writer);
  g_free (self->epoch);
  G_OBJECT_CLASS (clm_inventory_parent_class)->finalize (object);
}

static void
clm_inventory_class_init (ClmInventoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_inventory_finalize;
  signals[SIGNAL_RECORD_CHANGED] = g_signal_new ("record-changed", CLM_TYPE_INVENTORY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                 G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[SIGNAL_RECORD_REMOVED] = g_signal_new ("record-removed", CLM_TYPE_INVENTORY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                 G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_UINT64);
}
