/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "disk-lane.h"

#define MAX_THREADS 64

typedef struct {
  GTask          *task;
  GTaskThreadFunc func;
} Job;

static gboolean
job_free (gpointer data)
{
  Job *job = data;

  g_object_unref (job->task);
  g_free (job);
  return G_SOURCE_REMOVE;
}

static void
run (gpointer data,
     gpointer unused)
{
  Job *job = data;
  g_autoptr (GSource) source = g_idle_source_new ();

  job->func (job->task, g_task_get_source_object (job->task), g_task_get_task_data (job->task), g_task_get_cancellable (job->task));
  /* Let go where it was made: its data is not to be freed here. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, job_free, job, NULL);
  g_source_attach (source, g_task_get_context (job->task));
}

void
clm_disk_lane_run (GTask          *task,
                   GTaskThreadFunc func)
{
  static GThreadPool *pool;
  Job *job = g_new0 (Job, 1);

  if (!pool)
    pool = g_thread_pool_new (run, NULL, MAX_THREADS, FALSE, NULL);
  job->task = g_object_ref (task);
  job->func = func;
  g_thread_pool_push (pool, job, NULL);
}
