/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completes each notification in a thread of its own. */
#define BadNotifier ForeignNotifier
#define BadNotifierClass ForeignNotifierClass
#include "bad-notifier.h"

typedef struct {
  GObject            *source;
  GAsyncResult       *result;
  GAsyncReadyCallback callback;
  gpointer            user_data;
} Later;

static gpointer
complete (gpointer data)
{
  g_autofree Later *later = data;

  later->callback (later->source, later->result, later->user_data);
  g_object_unref (later->source);
  g_object_unref (later->result);
  return NULL;
}

static void
notify_async (ClmNotifier *self, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, NULL, NULL);
  Later *later = g_new0 (Later, 1);

  g_task_return_boolean (task, TRUE);
  *later = (Later) {g_object_ref (G_OBJECT (self)), G_ASYNC_RESULT (task), callback, user_data};
  g_thread_unref (g_thread_new ("foreign", complete, later));
}

CLM_DEFINE_PLUGIN ("foreign-thread", "1", "Completes in another thread", bad_notifier_get_type)
