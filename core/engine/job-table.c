/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-table.h"

struct _ClmJobTable {
  GObject       parent_instance;
  ClmTimers    *timers;
  GHashTable   *jobs;       /* id → ClmJob */
  guint64       last_id;
  GCancellable *cancellable;
};

enum { SIGNAL_ADDED, SIGNAL_REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmJobTable, clm_job_table, G_TYPE_OBJECT)

ClmJobTable *
clm_job_table_new (ClmTimers *timers)
{
  ClmJobTable *self = g_object_new (CLM_TYPE_JOB_TABLE, NULL);

  self->timers = g_object_ref (timers);
  return self;
}

typedef struct {
  ClmJobTable *table;
  ClmJob      *job;
} Farewell;

static void
on_kept (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autofree Farewell *farewell = user_data;
  g_autoptr (ClmJobTable) self = farewell->table;
  g_autoptr (ClmJob) job = farewell->job;
  guint64 id = clm_job_get_id (job);

  if (!clm_timers_wait_finish (CLM_TIMERS (source), result, NULL))
    return;
  g_hash_table_remove (self->jobs, &id);
  g_signal_emit (self, signals[SIGNAL_REMOVED], 0, job);
}

static void
on_completed (ClmJob      *job,
              ClmJobTable *self)
{
  Farewell *farewell = g_new0 (Farewell, 1);

  farewell->table = g_object_ref (self);
  farewell->job = g_object_ref (job);
  clm_timers_wait_async (self->timers, CLM_JOB_KEPT_S, self->cancellable, on_kept, farewell);
}

ClmJob *
clm_job_table_add (ClmJobTable *self,
                   const char  *kind,
                   const char  *subject,
                   guint32      uid,
                   guint        total)
{
  guint64 *id = g_new (guint64, 1);
  ClmJob *job;

  *id = ++self->last_id;
  job = clm_job_new (*id, kind, subject, uid, total, clm_clock_get_time (clm_timers_get_clock (self->timers)));
  g_hash_table_insert (self->jobs, id, job);
  g_signal_connect_object (job, "completed", G_CALLBACK (on_completed), self, 0);
  g_signal_emit (self, signals[SIGNAL_ADDED], 0, job);
  return job;
}

ClmJob *
clm_job_table_get (ClmJobTable *self,
                   guint64      id)
{
  return g_hash_table_lookup (self->jobs, &id);
}

ClmJob *
clm_job_table_find (ClmJobTable *self,
                    const char  *kind,
                    const char  *subject)
{
  GHashTableIter iter;
  ClmJob *job;

  g_hash_table_iter_init (&iter, self->jobs);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &job)) {
    if (!clm_job_is_completed (job) && g_str_equal (clm_job_get_kind (job), kind) &&
        g_str_equal (clm_job_get_subject (job), subject))
      return job;
  }
  return NULL;
}

GPtrArray *
clm_job_table_list (ClmJobTable *self)
{
  GPtrArray *jobs = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer job;

  g_hash_table_iter_init (&iter, self->jobs);
  while (g_hash_table_iter_next (&iter, NULL, &job))
    g_ptr_array_add (jobs, job);
  return jobs;
}

void
clm_job_table_close (ClmJobTable *self)
{
  g_cancellable_cancel (self->cancellable);
  g_hash_table_remove_all (self->jobs);
}

static void
clm_job_table_init (ClmJobTable *self)
{
  self->jobs = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_object_unref);
  self->cancellable = g_cancellable_new ();
}

static void
clm_job_table_finalize (GObject *object)
{
  ClmJobTable *self = CLM_JOB_TABLE (object);

  g_hash_table_unref (self->jobs);
  g_object_unref (self->cancellable);
  g_object_unref (self->timers);
  G_OBJECT_CLASS (clm_job_table_parent_class)->finalize (object);
}

static void
clm_job_table_class_init (ClmJobTableClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_job_table_finalize;
  signals[SIGNAL_ADDED] = g_signal_new ("added", CLM_TYPE_JOB_TABLE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, CLM_TYPE_JOB);
  signals[SIGNAL_REMOVED] = g_signal_new ("removed", CLM_TYPE_JOB_TABLE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, CLM_TYPE_JOB);
}
