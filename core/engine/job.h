/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmJob:
 *
 * A long operation that somebody asked for: what bus and command line watch and cancel. Main thread only.
 *
 * Signal "changed": stage, progress or counts changed. Signal "completed" (once): see clm_job_get_error().
 */
#define CLM_TYPE_JOB (clm_job_get_type ())
G_DECLARE_FINAL_TYPE (ClmJob, clm_job, CLM, JOB, GObject)

/** clm_job_new: @id: counts up from 1. @kind: "request", "renew", "revoke", "remove", "rollback", "reload", "deliver". @subject: the certificate, or "" for several. @uid: who asked. @total: how many certificates it concerns. */
ClmJob       *clm_job_new (guint64 id, const char *kind, const char *subject, guint32 uid, guint total, gint64 started);

guint64       clm_job_get_id (ClmJob *self);
const char   *clm_job_get_kind (ClmJob *self);
const char   *clm_job_get_subject (ClmJob *self);
guint32       clm_job_get_uid (ClmJob *self);
gint64        clm_job_get_started (ClmJob *self);
/** clm_job_get_stage: Returns: (transfer none): name of the rotation step, e.g. "enroll"; "done" after the end. */
const char   *clm_job_get_stage (ClmJob *self);
/** clm_job_get_progress: Returns: 0 to 1, -1 unknown. */
double        clm_job_get_progress (ClmJob *self);
guint         clm_job_get_total (ClmJob *self);
guint         clm_job_get_done (ClmJob *self);
guint         clm_job_get_failed (ClmJob *self);
gboolean      clm_job_is_completed (ClmJob *self);
/** clm_job_get_error: Returns: (transfer none) (nullable): %NULL while it runs and after success. */
const GError *clm_job_get_error (ClmJob *self);
/** clm_job_get_cancellable: Returns: (transfer none): what the work behind the job obeys. */
GCancellable *clm_job_get_cancellable (ClmJob *self);

/* For the engine. */
void clm_job_set_stage (ClmJob *self, const char *stage, double progress);
/** clm_job_count: One certificate of the job ended. @error: (nullable): why it failed; the first one becomes the job's error. The job completes when all have ended. */
void clm_job_count (ClmJob *self, const GError *error);
/** clm_job_complete: Ends it. @error: (nullable). */
void clm_job_complete (ClmJob *self, const GError *error);

G_END_DECLS
