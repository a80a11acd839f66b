/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-notifier.h"

#include "guard.h"

G_DEFINE_ABSTRACT_TYPE (ClmNotifier, clm_notifier, CLM_TYPE_BACKEND)

static void
clm_notifier_class_init (ClmNotifierClass *klass)
{
}

static void
clm_notifier_init (ClmNotifier *self)
{
}

void
clm_notifier_notify_async (ClmNotifier *self, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_NOTIFIER (self));
  g_return_if_fail (event != NULL);

  ClmNotifierClass *klass = CLM_NOTIFIER_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "notify", klass->notify_async != NULL && klass->notify_finish != NULL,
                                   clm_notifier_notify_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->notify_async (self, event, cancellable, clm_guard_complete, call);
}

gboolean
clm_notifier_notify_finish (ClmNotifier *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_NOTIFIER (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_notifier_notify_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_NOTIFIER_GET_CLASS (self)->notify_finish (self, inner, &failure);
  return clm_guard_settle (self, "notify", ok, failure, error);
}
