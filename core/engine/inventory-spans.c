/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-private.h"

/* Times that are spans: they move along when the wall clock jumps, and come forward when the network does */

typedef struct {
  gint64  delta;      /* to add; or */
  gint64  now;        /* bring forward to … */
  gint64  jitter;     /* … so many seconds from now */
  guint64 revision;   /* out */
} ShiftWork;

/* Each row that moves gets a revision of its own, like any other change. */
#define MOVED(rows) \
  " revision = r.number + moved.rank FROM (SELECT name, row_number () OVER (ORDER BY name) AS rank FROM certificates WHERE " rows ") AS moved," \
  " (SELECT number FROM values_of_daemon WHERE key = 'revision') AS r WHERE certificates.name = moved.name"

static gboolean
add_delta (ClmSqlConnection *connection,
           gint64            delta,
           GError          **error)
{
  return clm_inventory_run_number (connection,
    "UPDATE certificates SET next_time = max (1, next_time + ?)," MOVED ("clock_bound = 0 AND next_time > 0"), delta, error);
}

static gboolean
bring_forward (ClmSqlConnection *connection,
               gint64            now,
               gint64            jitter,
               GError          **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE certificates SET next_time = ?1 + abs (random ()) % ?2," MOVED ("clock_bound = 0 AND next_time > ?1 + ?2"), error);

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, now);
  clm_sql_statement_bind_int64 (statement, 2, MAX (jitter, 1));
  return clm_sql_statement_run (statement, error);
}

static gboolean
shift_spans (ClmSqlConnection *connection,
             gpointer          data,
             GError          **error)
{
  ShiftWork *work = data;

  if (!(work->now ? bring_forward (connection, work->now, work->jitter, error) : add_delta (connection, work->delta, error)))
    return FALSE;
  return clm_sql_connection_exec (connection,
           "UPDATE certificates SET wake = CASE WHEN alarm_time = 0 OR next_time < alarm_time THEN next_time ELSE alarm_time END"
           " WHERE clock_bound = 0 AND next_time > 0 AND next_action <> 0", error) &&
         clm_sql_connection_exec (connection,
           "UPDATE values_of_daemon SET number = max (number, (SELECT coalesce (max (revision), 0) FROM certificates))"
           " WHERE key = 'revision'", error) &&
         clm_inventory_count_revision (connection, 0, &work->revision, error);
}

static void
on_shifted (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  GTask *task = user_data;
  g_autoptr (ClmInventory) self = g_object_ref (g_task_get_source_object (task));
  ShiftWork *work = g_task_get_task_data (task);
  guint64 revision;

  g_object_ref (task);
  clm_inventory_on_written (source, result, task);
  revision = g_task_had_error (task) ? 0 : work->revision;
  g_object_unref (task);
  clm_inventory_note_moved (self, revision);
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
  clm_sql_writer_run_async (self->writer, shift_spans, work, NULL, NULL, on_shifted, task);
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
