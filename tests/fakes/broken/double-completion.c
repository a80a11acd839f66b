/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completes each notification twice: now and once more from the main loop. */
#define BadNotifier DoubleNotifier
#define BadNotifierClass DoubleNotifierClass
#include "bad-notifier.h"

typedef struct {
  GObject            *source;
  GAsyncResult       *result;
  GAsyncReadyCallback callback;
  gpointer            user_data;
} Again;

static gboolean
complete_again (gpointer data)
{
  Again *again = data;

  again->callback (again->source, again->result, again->user_data);
  g_object_unref (again->source);
  g_object_unref (again->result);
  g_free (again);
  return G_SOURCE_REMOVE;
}

static void
notify_async (ClmNotifier *self, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, NULL, NULL);
  Again *again = g_new0 (Again, 1);

  g_task_return_boolean (task, TRUE);
  *again = (Again) {g_object_ref (G_OBJECT (self)), G_ASYNC_RESULT (task), callback, user_data};
  callback (G_OBJECT (self), G_ASYNC_RESULT (task), user_data);
  g_idle_add (complete_again, again);
}

CLM_DEFINE_PLUGIN ("double-completion", "1", "Completes twice", bad_notifier_get_type)
