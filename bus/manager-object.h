/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dispatcher.h"

G_BEGIN_DECLS

/* The daemon itself as an object, at the root path. */
extern const ClmBusInterface clm_bus_manager_object_interface;

/** clm_bus_manager_object_emit_event: Tells the subscribers that may know of it. */
void clm_bus_manager_object_emit_event (ClmBusService *service, ClmEvent *event);
/** clm_bus_manager_object_emit_removed: The certificate @name is gone. */
void clm_bus_manager_object_emit_removed (ClmBusService *service, const char *name, guint64 revision);
/** clm_bus_manager_object_emit_moved: Next times of any number of certificates were moved: a CertificatesChanged without rows. */
void clm_bus_manager_object_emit_moved (ClmBusService *service, guint64 revision);
/** clm_bus_manager_object_emit_clock: The state of the clock changed. */
void clm_bus_manager_object_emit_clock (ClmBusService *service);

G_END_DECLS
