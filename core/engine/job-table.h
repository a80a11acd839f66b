/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job.h"
#include "timers.h"

G_BEGIN_DECLS

/** CLM_JOB_KEPT_S: a job can be looked at for so long after its end. */
#define CLM_JOB_KEPT_S 60

/**
 * ClmJobTable:
 *
 * The jobs that run, and those that ended a moment ago. Main thread only.
 *
 * Signals "added" (ClmJob *), "removed" (ClmJob *).
 */
#define CLM_TYPE_JOB_TABLE (clm_job_table_get_type ())
G_DECLARE_FINAL_TYPE (ClmJobTable, clm_job_table, CLM, JOB_TABLE, GObject)

ClmJobTable *clm_job_table_new (ClmTimers *timers);
/** clm_job_table_add: Makes a job with the next number. Returns: (transfer none). */
ClmJob      *clm_job_table_add (ClmJobTable *self, const char *kind, const char *subject, guint32 uid, guint total);
/** clm_job_table_get: Returns: (transfer none) (nullable). */
ClmJob      *clm_job_table_get (ClmJobTable *self, guint64 id);
/** clm_job_table_find: Returns: (transfer none) (nullable): a running job of @kind on @subject. */
ClmJob      *clm_job_table_find (ClmJobTable *self, const char *kind, const char *subject);
/** clm_job_table_list: Returns: (transfer container) (element-type ClmJob). */
GPtrArray   *clm_job_table_list (ClmJobTable *self);
/** clm_job_table_close: Forgets all, at once. */
void         clm_job_table_close (ClmJobTable *self);

G_END_DECLS
