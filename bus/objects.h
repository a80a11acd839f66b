/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dispatcher.h"
#include "service.h"

G_BEGIN_DECLS

/**
 * ClmBusObjects:
 *
 * org.freedesktop.DBus.ObjectManager at the root path, for what is few: authorities, key stores, notifiers, plugins, jobs.
 * Not GDBus's own object manager, which neither asks who is calling nor whom it signals to. Main thread only.
 */
typedef struct _ClmBusObjects ClmBusObjects;

extern const ClmBusInterface clm_bus_objects_interface;

/** clm_bus_objects_new: Tells the subscribers what comes, goes and changes. */
ClmBusObjects *clm_bus_objects_new (ClmBusService *service);
void           clm_bus_objects_free (ClmBusObjects *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBusObjects, clm_bus_objects_free)

G_END_DECLS
