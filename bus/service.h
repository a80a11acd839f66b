/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "dispatcher.h"
#include "subscribers.h"

G_BEGIN_DECLS

typedef struct _ClmBusJobs ClmBusJobs;

/**
 * ClmBusService:
 *
 * The engine on the bus: puts gate, callers, dispatcher, objects and signals together at one connection. It decides nothing.
 * Owning the bus name is the business of who made the connection. Main thread only.
 */
typedef struct _ClmBusService ClmBusService;

/** clm_bus_service_new: @manager: started. Fails when a path of ours is taken at @connection. Returns: (transfer full) (nullable): everything is served from now on. */
ClmBusService *clm_bus_service_new (GDBusConnection *connection, ClmManager *manager, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_bus_service_free: Withdraws everything; calls under way are cancelled. */
void           clm_bus_service_free (ClmBusService *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBusService, clm_bus_service_free)

ClmManager        *clm_bus_service_get_manager (ClmBusService *self);
GDBusConnection   *clm_bus_service_get_connection (ClmBusService *self);
ClmBusSubscribers *clm_bus_service_get_subscribers (ClmBusService *self);
ClmBusJobs        *clm_bus_service_get_jobs (ClmBusService *self);

/** clm_bus_service_list_interfaces: Returns: (transfer none) (array zero-terminated=1): the table of everything that is served. */
const ClmBusInterface *const *clm_bus_service_list_interfaces (void);

/** clm_bus_service_emit_properties: PropertiesChanged of one object to the subscribers that may see it. @changed: floating `a{sv}`. @invalidated: (nullable) (array zero-terminated=1). */
void clm_bus_service_emit_properties (ClmBusService *self, const char *path, const char *interface, GVariant *changed,
                                      const char *const *invalidated, ClmBusMaySee may_see, gpointer user_data);

G_END_DECLS
