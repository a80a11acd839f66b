/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-private.h"

#include <errno.h>

#include <glib/gstdio.h>

#include "clm-error.h"
#include "inventory-schema.h"

#define N_READERS 2
#define HISTORY_LIMIT_DEFAULT 100000
#define HISTORY_PRUNE_INTERVAL 256
#define NOTED_WAIT_MS 50
#define CHECK_AT_START_SIZE (32 * 1024 * 1024)

enum { SIGNAL_RECORD_CHANGED, SIGNAL_RECORD_REMOVED, SIGNAL_RECORDS_MOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmInventory, clm_inventory, G_TYPE_OBJECT)

/* Opening. Damage in a page that is used only later would else show when a renewal needs it. */

static gboolean
move_damaged_aside (const char *path,
                    GError    **error)
{
  static const char *const suffixes[] = { "", "-wal", "-shm", CLM_INVENTORY_SUSPECT };
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

/* What would hold up the start is checked while it runs: clm_inventory_check_async(). */
static gboolean
is_large (const char *path)
{
  GStatBuf status;

  return g_stat (path, &status) == 0 && status.st_size > CHECK_AT_START_SIZE;
}

static ClmSqlConnection *
open_sound (const char *path,
            GError    **error)
{
  g_autofree char *suspect = g_strconcat (path, CLM_INVENTORY_SUSPECT, NULL);
  g_autoptr (ClmSqlConnection) connection = NULL;

  if (g_file_test (suspect, G_FILE_TEST_EXISTS)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "“%s” was found damaged", path);
    return NULL;
  }
  connection = clm_sql_database_open (path, &clm_inventory_schema, error);
  if (!connection || (!is_large (path) && !clm_sql_database_quick_check (connection, NULL, error)))
    return NULL;
  return g_steal_pointer (&connection);
}

static ClmSqlConnection *
open_or_renew (const char *path,
               gboolean   *fresh,
               GError    **error)
{
  g_autoptr (GError) local = NULL;
  ClmSqlConnection *connection;

  *fresh = !g_file_test (path, G_FILE_TEST_EXISTS);
  connection = open_sound (path, &local);
  if (connection)
    return connection;
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
  self->path = g_steal_pointer (&path);
  if (!clm_sql_reader_query (self->reader, read_values, self, error))
    return NULL;
  return g_steal_pointer (&self);
}

static void flush_noted (ClmInventory *self);

void
clm_inventory_close (ClmInventory *self)
{
  if (self->writer)
    flush_noted (self);
  g_clear_object (&self->reader);
  if (self->writer)
    clm_sql_writer_close (self->writer);
}

static void
on_checked (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmInventory *self = g_task_get_source_object (task);
  g_autofree char *suspect = g_strconcat (self->path, CLM_INVENTORY_SUSPECT, NULL);
  g_autoptr (GError) error = NULL;

  if (clm_sql_reader_run_finish (CLM_SQL_READER (source), result, &error)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  /* The next start goes by this, whatever it finds itself. */
  if (g_error_matches (error, CLM_ERROR, CLM_ERROR_INVALID_DATA) && !g_file_set_contents (suspect, error->message, -1, NULL))
    g_warning ("“%s” cannot be written", suspect);
  g_task_return_error (task, g_steal_pointer (&error));
}

void
clm_inventory_check_async (ClmInventory       *self,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_inventory_check_async);
  if (is_large (self->path))
    clm_sql_reader_run_async (self->reader, clm_sql_database_quick_check, NULL, NULL, cancellable, on_checked, task);
  else {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

gboolean
clm_inventory_check_finish (ClmInventory *self,
                            GAsyncResult *result,
                            GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
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

gboolean
clm_inventory_run_number (ClmSqlConnection *connection,
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

gboolean
clm_inventory_count_revision (ClmSqlConnection *connection,
                              gint64            step,
                              guint64          *revision,
                              GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = NULL;

  if (!clm_inventory_run_number (connection, "UPDATE values_of_daemon SET number = number + ? WHERE key = 'revision'", step, error))
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

  if (!clm_inventory_count_revision (connection, counts ? 1 : 0, &work->revision, error) ||
      !clm_change_write (connection, work->change, work->revision, error))
    return FALSE;
  if (work->last_seen &&
      !clm_inventory_run_number (connection, "UPDATE values_of_daemon SET number = ? WHERE key = 'last-seen'", work->last_seen, error))
    return FALSE;
  return !work->prune ||
         clm_inventory_run_number (connection, "DELETE FROM history WHERE sequence <= (SELECT max (sequence) FROM history) - ?",
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

void
clm_inventory_note_moved (ClmInventory *self,
                          guint64       revision)
{
  if (revision <= self->revision)
    return;
  self->revision = revision;
  g_signal_emit (self, signals[SIGNAL_RECORDS_MOVED], 0, revision);
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

static void
take_noted (ClmInventory *self,
            ClmChange    *change)
{
  g_clear_handle_id (&self->noted_id, g_source_remove);
  /* In front: what was noted happened before. */
  for (guint i = 0; i < self->noted->len; i++)
    g_ptr_array_insert (change->events, (int) i, clm_event_ref (g_ptr_array_index (self->noted, i)));
  g_ptr_array_set_size (self->noted, 0);
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
  take_noted (self, change);
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

static void
on_noted_written (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error))
    g_warning ("an event is missing from the history: %s", error->message);
}

static void
flush_noted (ClmInventory *self)
{
  if (self->noted->len > 0)
    clm_inventory_apply_async (self, clm_change_new (""), NULL, on_noted_written, NULL);
}

static gboolean
on_noted_long_enough (gpointer user_data)
{
  ClmInventory *self = user_data;

  self->noted_id = 0;
  flush_noted (self);
  return G_SOURCE_REMOVE;
}

void
clm_inventory_note_event (ClmInventory *self,
                          ClmEvent     *event)
{
  g_ptr_array_add (self->noted, clm_event_ref (event));
  if (!self->noted_id)
    self->noted_id = g_timeout_add (NOTED_WAIT_MS, on_noted_long_enough, self);
}

gboolean
clm_inventory_is_writing (ClmInventory *self)
{
  return self->writing > 0 || self->noted->len > 0;
}

void
clm_inventory_on_written (GObject      *source,
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

void
clm_inventory_on_read (GObject      *source,
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

static void
clm_inventory_init (ClmInventory *self)
{
  self->noted = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_event_unref);
  self->history_limit = HISTORY_LIMIT_DEFAULT;
  self->events_until_prune = HISTORY_PRUNE_INTERVAL;
}

static void
clm_inventory_finalize (GObject *object)
{
  ClmInventory *self = CLM_INVENTORY (object);

  clm_inventory_close (self);
  g_clear_object (&self->writer);
  g_clear_handle_id (&self->noted_id, g_source_remove);
  g_ptr_array_unref (self->noted);
  g_free (self->epoch);
  g_free (self->path);
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
  signals[SIGNAL_RECORDS_MOVED] = g_signal_new ("records-moved", CLM_TYPE_INVENTORY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                G_TYPE_NONE, 1, G_TYPE_UINT64);
}
