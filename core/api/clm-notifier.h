/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-backend.h"

G_BEGIN_DECLS

/**
 * ClmNotifier:
 *
 * Tells somebody about events. The daemon filters by `Events=` and `MinSeverity=` of the instance's file (the plugin does not
 * see those keys), keeps the order, has at most one call in flight per instance, and drops the oldest when 1000 wait.
 */
#define CLM_TYPE_NOTIFIER (clm_notifier_get_type ())
CLM_EXTERN
G_DECLARE_DERIVABLE_TYPE (ClmNotifier, clm_notifier, CLM, NOTIFIER, ClmBackend)

/**
 * ClmNotifierClass:
 * @notify_async: Tells about @event. See #ClmBackend for the rules.
 * @notify_finish: Fails with %CLM_ERROR_UNREACHABLE or %CLM_ERROR_BUSY (tried twice more, later) or anything else (not tried again).
 */
struct _ClmNotifierClass {
  ClmBackendClass parent_class;

  void     (*notify_async)  (ClmNotifier *self, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*notify_finish) (ClmNotifier *self, GAsyncResult *result, GError **error);

  gpointer padding[16];
};

/** clm_notifier_notify_async: The operation that #ClmNotifierClass describes, ended exactly once, in the main context of the call. */
CLM_EXTERN void     clm_notifier_notify_async (ClmNotifier *self, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean clm_notifier_notify_finish (ClmNotifier *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
