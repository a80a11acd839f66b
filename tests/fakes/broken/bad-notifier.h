/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

/* A notifier whose notify_async is the function of that name in the including file; everything else is right. */

struct _BadNotifier {
  ClmNotifier parent_instance;
};

G_DECLARE_FINAL_TYPE (BadNotifier, bad_notifier, BAD, NOTIFIER, ClmNotifier)
G_DEFINE_FINAL_TYPE (BadNotifier, bad_notifier, CLM_TYPE_NOTIFIER)

static void notify_async (ClmNotifier *self, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

static gboolean
notify_finish (ClmNotifier *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
bad_notifier_class_init (BadNotifierClass *klass)
{
  CLM_NOTIFIER_CLASS (klass)->notify_async = notify_async;
  CLM_NOTIFIER_CLASS (klass)->notify_finish = notify_finish;
}

static void
bad_notifier_init (BadNotifier *self)
{
}
