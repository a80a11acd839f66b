/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "access.h"

G_BEGIN_DECLS

/**
 * ClmBusCallers:
 *
 * Who is behind a connection: user and groups, asked of the bus by the connection's unique name, which is never given twice.
 * Never by process id, which is. What is known is kept until the connection leaves the bus. Main thread only.
 *
 * Signal "identified" (char *sender, guint uid): it is known who is behind a connection, before those who asked hear it.
 * Signal "vanished" (char *sender): a connection that was asked about has left the bus.
 */
#define CLM_TYPE_BUS_CALLERS (clm_bus_callers_get_type ())
G_DECLARE_FINAL_TYPE (ClmBusCallers, clm_bus_callers, CLM, BUS_CALLERS, GObject)

ClmBusCallers *clm_bus_callers_new (GDBusConnection *connection);

/** clm_bus_callers_peek: Returns: (transfer none) (nullable): what is known of @sender without asking. */
const ClmCaller *clm_bus_callers_peek (ClmBusCallers *self, const char *sender);

/**
 * clm_bus_callers_look_up_async:
 * @sender: unique name of a connection
 *
 * Asks the bus, and the accounts of the machine where the bus does not tell the groups.
 */
void clm_bus_callers_look_up_async (ClmBusCallers *self, const char *sender, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data);

/** clm_bus_callers_look_up_finish: Fails with %CLM_ERROR_ACCESS_DENIED whatever kept it from knowing: who cannot be known may do nothing. Returns: (transfer full) (nullable). */
ClmCaller *clm_bus_callers_look_up_finish (ClmBusCallers *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_callers_set_pinned: A pinned connection is remembered (and its leaving told) however many others come. */
void clm_bus_callers_set_pinned (ClmBusCallers *self, const char *sender, gboolean pinned);

G_END_DECLS
