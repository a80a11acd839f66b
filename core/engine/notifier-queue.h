/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-notifier.h"

G_BEGIN_DECLS

/**
 * ClmNotifierQueue:
 *
 * What waits for one notifier: filtered, in order, one call in flight, bounded. A full queue drops the oldest and says so with
 * the next message that gets through. Main thread only.
 */
typedef struct _ClmNotifierQueue ClmNotifierQueue;

#define CLM_NOTIFIER_QUEUE_MAX 1000

/** ClmNotifierFailed: told when a notifier gave up on an event. */
typedef void (*ClmNotifierFailed) (ClmNotifier *notifier, const GError *error, gpointer user_data);

/** clm_notifier_queue_new: @events: (nullable): nicks to let through, with `*` patterns; %NULL for all. Messages below @min_severity stay out. */
ClmNotifierQueue *clm_notifier_queue_new (ClmNotifier *notifier, const char *const *events, ClmSeverity min_severity,
                                          ClmNotifierFailed failed, gpointer user_data);
/** clm_notifier_queue_free: Cancels the call in flight and forgets the rest. */
void clm_notifier_queue_free (ClmNotifierQueue *self);
/** clm_notifier_queue_push: Takes its own reference. */
void clm_notifier_queue_push (ClmNotifierQueue *self, ClmEvent *event);
/** clm_notifier_queue_get_notifier: Returns: (transfer none). */
ClmNotifier *clm_notifier_queue_get_notifier (ClmNotifierQueue *self);
/** clm_notifier_queue_is_idle: nothing waits and nothing is in flight. */
gboolean clm_notifier_queue_is_idle (ClmNotifierQueue *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmNotifierQueue, clm_notifier_queue_free)

G_END_DECLS
