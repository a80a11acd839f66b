/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job.h"

struct _ClmJob {
  GObject       parent_instance;
  guint64       id;
  char         *kind;
  char         *subject;
  guint32       uid;
  gint64        started;
  char         *stage;
  double        progress;
  guint         total, done, failed;
  gboolean      completed;
  GError       *error;
  GCancellable *cancellable;
};

enum { SIGNAL_CHANGED, SIGNAL_COMPLETED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmJob, clm_job, G_TYPE_OBJECT)

ClmJob *
clm_job_new (guint64     id,
             const char *kind,
             const char *subject,
             guint32     uid,
             guint       total,
             gint64      started)
{
  ClmJob *self = g_object_new (CLM_TYPE_JOB, NULL);

  self->id = id;
  self->kind = g_strdup (kind);
  self->subject = g_strdup (subject ? subject : "");
  self->uid = uid;
  self->total = total;
  self->started = started;
  return self;
}

guint64
clm_job_get_id (ClmJob *self)
{
  return self->id;
}

const char *
clm_job_get_kind (ClmJob *self)
{
  return self->kind;
}

const char *
clm_job_get_subject (ClmJob *self)
{
  return self->subject;
}

guint32
clm_job_get_uid (ClmJob *self)
{
  return self->uid;
}

gint64
clm_job_get_started (ClmJob *self)
{
  return self->started;
}

const char *
clm_job_get_stage (ClmJob *self)
{
  return self->stage;
}

double
clm_job_get_progress (ClmJob *self)
{
  return self->progress;
}

guint
clm_job_get_total (ClmJob *self)
{
  return self->total;
}

guint
clm_job_get_done (ClmJob *self)
{
  return self->done;
}

guint
clm_job_get_failed (ClmJob *self)
{
  return self->failed;
}

gboolean
clm_job_is_completed (ClmJob *self)
{
  return self->completed;
}

const GError *
clm_job_get_error (ClmJob *self)
{
  return self->error;
}

GCancellable *
clm_job_get_cancellable (ClmJob *self)
{
  return self->cancellable;
}

void
clm_job_set_stage (ClmJob     *self,
                   const char *stage,
                   double      progress)
{
  char *copy;

  if (self->completed || (g_str_equal (self->stage, stage) && self->progress == progress))
    return;
  /* It may be our own. */
  copy = g_strdup (stage);
  g_free (self->stage);
  self->stage = copy;
  self->progress = progress;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

void
clm_job_count (ClmJob       *self,
               const GError *error)
{
  g_return_if_fail (!self->completed);

  self->done++;
  if (error) {
    self->failed++;
    if (!self->error)
      self->error = g_error_copy (error);
  }
  if (self->done >= self->total)
    clm_job_complete (self, NULL);
  else
    clm_job_set_stage (self, self->stage, (double) self->done / self->total);
}

void
clm_job_complete (ClmJob       *self,
                  const GError *error)
{
  g_return_if_fail (!self->completed);

  if (error && !self->error)
    self->error = g_error_copy (error);
  clm_job_set_stage (self, "done", 1);
  self->completed = TRUE;
  g_signal_emit (self, signals[SIGNAL_COMPLETED], 0);
}

static void
clm_job_init (ClmJob *self)
{
  self->stage = g_strdup ("queued");
  self->progress = -1;
  self->cancellable = g_cancellable_new ();
}

static void
clm_job_finalize (GObject *object)
{
  ClmJob *self = CLM_JOB (object);

  g_free (self->kind);
  g_free (self->subject);
  g_free (self->stage);
  g_clear_error (&self->error);
  g_object_unref (self->cancellable);
  G_OBJECT_CLASS (clm_job_parent_class)->finalize (object);
}

static void
clm_job_class_init (ClmJobClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_job_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", CLM_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_COMPLETED] = g_signal_new ("completed", CLM_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
