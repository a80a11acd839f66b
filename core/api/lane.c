/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lane.h"

#include "guard.h"

struct _ClmLane {
  GMutex       lock;
  GCond        freed;
  guint        width;
  guint        inside;    /* operations in the store right now */
  GThreadPool *pool;      /* made on first use */
};

typedef enum { WAITING, RUNNING, CANCELLED } JobState;

typedef struct {
  GTask          *task;
  ClmKeyStore    *store;
  GTaskThreadFunc func;
  gint            state;
  gulong          handler;
} Job;

ClmLane *
clm_lane_new (guint width)
{
  ClmLane *self = g_new0 (ClmLane, 1);

  self->width = MAX (width, 1);
  g_mutex_init (&self->lock);
  g_cond_init (&self->freed);
  return self;
}

void
clm_lane_free (ClmLane *self)
{
  /* Every job holds its store and so this lane: nothing is queued any more, at most a thread on its way out. */
  if (self->pool != NULL)
    g_thread_pool_free (self->pool, FALSE, FALSE);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->freed);
  g_free (self);
}

static gboolean
job_free (gpointer data)
{
  Job *job = data;

  g_object_unref (job->task);
  g_object_unref (job->store);
  g_free (job);
  return G_SOURCE_REMOVE;
}

/* Task and store are let go where they were made; neither is to be finalised in this thread. */
static void
job_release (Job *job)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, job_free, job, NULL);
  g_source_attach (source, g_task_get_context (job->task));
}

static void
job_run (gpointer data, gpointer unused)
{
  Job *job = data;
  GCancellable *cancellable = g_task_get_cancellable (job->task);

  gboolean runs = g_atomic_int_compare_and_exchange (&job->state, WAITING, RUNNING);
  g_cancellable_disconnect (cancellable, job->handler);
  if (runs)
    job->func (job->task, g_task_get_source_object (job->task), g_task_get_task_data (job->task), cancellable);
  job_release (job);
}

/* A job that still waits for a thread is answered at once; one that runs looks at the cancellable itself. */
static void
on_job_cancelled (GCancellable *cancellable, gpointer data)
{
  Job *job = data;

  if (g_atomic_int_compare_and_exchange (&job->state, WAITING, CANCELLED))
    g_task_return_new_error (job->task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled while waiting for the key store");
}

static GThreadPool *
ensure_pool (ClmLane *self)
{
  g_mutex_lock (&self->lock);
  if (self->pool == NULL)
    self->pool = g_thread_pool_new (job_run, NULL, self->width, FALSE, NULL);
  GThreadPool *pool = self->pool;
  g_mutex_unlock (&self->lock);
  return pool;
}

void
clm_lane_run (ClmLane *self, ClmKeyStore *store, GTask *task, GTaskThreadFunc func)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  Job *job = g_new0 (Job, 1);

  job->task = g_object_ref (task);
  job->store = g_object_ref (store);
  job->func = func;
  if (cancellable != NULL)
    job->handler = g_cancellable_connect (cancellable, G_CALLBACK (on_job_cancelled), job, NULL);
  /* A pool with at most @width threads takes every job; when no thread can be made the job waits for one. */
  g_thread_pool_push (ensure_pool (self), job, NULL);
}

static void
on_place_cancelled (GCancellable *cancellable, gpointer data)
{
  ClmLane *self = data;

  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->freed);
  g_mutex_unlock (&self->lock);
}

static gboolean
take_place (ClmLane *self, GCancellable *cancellable)
{
  gboolean taken = FALSE;
  gulong handler = 0;

  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (on_place_cancelled), self, NULL);
  g_mutex_lock (&self->lock);
  while (self->inside >= self->width && !g_cancellable_is_cancelled (cancellable))
    g_cond_wait (&self->freed, &self->lock);
  if (!g_cancellable_is_cancelled (cancellable)) {
    self->inside++;
    taken = TRUE;
  }
  g_mutex_unlock (&self->lock);
  g_cancellable_disconnect (cancellable, handler);
  return taken;
}

gboolean
clm_lane_enter (ClmKeyStore *store, const char *operation, gboolean supported, GCancellable *cancellable, GError **error)
{
  if (!clm_guard_check_blocking (operation, error))
    return FALSE;
  if (!supported) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "keystore %s cannot %s", clm_backend_get_name (CLM_BACKEND (store)), operation);
    return FALSE;
  }
  if (take_place (clm_lane_of (store), cancellable))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled while waiting to %s", operation);
  return FALSE;
}

void
clm_lane_leave (ClmKeyStore *store)
{
  ClmLane *self = clm_lane_of (store);

  g_mutex_lock (&self->lock);
  self->inside--;
  g_cond_signal (&self->freed);
  g_mutex_unlock (&self->lock);
}
