/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

/*
 * ClmSqlOperation: one queued call of a ClmSqlFunc, for writer and reader alike. It carries either a GTask (asynchronous) or
 * nothing (somebody blocks on it). Private to this folder.
 */
typedef struct {
  ClmSqlFunc func;
  gpointer data;               /* the task's, or the blocked caller's */
  GCancellable *cancellable;
  GTask *task;                 /* NULL: a caller blocks on it */
  GError *error;               /* the outcome; NULL: done */
  gboolean finished;           /* for the blocked caller */
} ClmSqlOperation;

/** clm_sql_operation_new: @task: (transfer full) (nullable). */
ClmSqlOperation *clm_sql_operation_new (ClmSqlFunc func, gpointer data, GCancellable *cancellable, GTask *task);

/** clm_sql_operation_free: Frees it with what it still holds. */
void clm_sql_operation_free (ClmSqlOperation *operation);

/** clm_sql_operation_complete: (transfer full): Returns the task in its own main context, never in the calling thread; nothing of it is released here. */
void clm_sql_operation_complete (ClmSqlOperation *operation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmSqlOperation, clm_sql_operation_free)

G_END_DECLS
