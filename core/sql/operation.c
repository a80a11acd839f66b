/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "operation.h"

ClmSqlOperation *
clm_sql_operation_new (ClmSqlFunc func, gpointer data, GCancellable *cancellable, GTask *task)
{
  ClmSqlOperation *self = g_new0 (ClmSqlOperation, 1);

  self->func = func;
  self->data = data;
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  self->task = task;
  return self;
}

void
clm_sql_operation_free (ClmSqlOperation *self)
{
  g_clear_object (&self->cancellable);
  g_clear_object (&self->task);
  g_clear_error (&self->error);
  g_free (self);
}

static gboolean
on_idle (gpointer data)
{
  ClmSqlOperation *self = data;

  if (self->error != NULL)
    g_task_return_error (self->task, g_steal_pointer (&self->error));
  else
    g_task_return_boolean (self->task, TRUE);
  return G_SOURCE_REMOVE;
}

/*
 * g_task_return_…() here would leave a race for the last reference of the task, and so of the writer: it could end in the
 * writer's own thread, which would then wait for itself. So everything is handed to the caller's context and dropped there.
 */
void
clm_sql_operation_complete (ClmSqlOperation *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  g_autoptr (GMainContext) context = g_main_context_ref (g_task_get_context (self->task));

  g_source_set_priority (source, g_task_get_priority (self->task));
  g_source_set_static_name (source, "clm_sql_operation_complete");
  g_source_set_callback (source, on_idle, self, (GDestroyNotify) clm_sql_operation_free);
  g_source_attach (source, context);
}
