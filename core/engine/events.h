/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-event.h"
#include "inventory.h"
#include "notifier-queue.h"

G_BEGIN_DECLS

/**
 * ClmEvents:
 *
 * Where every event passes: into the history, to the notifiers, to whoever listens. Main thread only.
 *
 * Signal "event" (ClmEvent *).
 */
#define CLM_TYPE_EVENTS (clm_events_get_type ())
G_DECLARE_FINAL_TYPE (ClmEvents, clm_events, CLM, EVENTS, GObject)

ClmEvents *clm_events_new (void);

/** clm_events_set_inventory: @inventory: (nullable): where history goes; %NULL before it is open and after it is closed. */
void clm_events_set_inventory (ClmEvents *self, ClmInventory *inventory);

/** clm_events_emit: Writes @event into the history and tells everybody. For an event without a change of its own. @event: (transfer none). */
void clm_events_emit (ClmEvents *self, ClmEvent *event);
/** clm_events_tell: Tells everybody of an event that a #ClmChange has already written. */
void clm_events_tell (ClmEvents *self, ClmEvent *event);

/** clm_events_add_notifier: @events: (nullable): see clm_notifier_queue_new(). */
void clm_events_add_notifier (ClmEvents *self, ClmNotifier *notifier, const char *const *events, ClmSeverity min_severity);
void clm_events_remove_notifier (ClmEvents *self, ClmNotifier *notifier);
/** clm_events_is_idle: Whether every notifier has been told everything. */
gboolean clm_events_is_idle (ClmEvents *self);

G_END_DECLS
