/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmBusGate:
 *
 * Counts the calls that are under way and turns away what is too much, in GDBus's own thread, before a call waits in the main
 * loop's queue: so a user who sends thousands delays nobody but himself. One that is turned away gets "LimitsExceeded" at once.
 *
 * Calls are counted by user. Until a connection's user is known (clm_bus_gate_identify()) the connection is counted alone. Root
 * may have ten times as many calls under way as others and is not subject to the total. Any thread.
 */
typedef struct _ClmBusGate ClmBusGate;

/** clm_bus_gate_new: Stands at @connection from now on. Call on the main thread. */
ClmBusGate *clm_bus_gate_new (GDBusConnection *connection);
/** clm_bus_gate_free: Steps aside. */
void        clm_bus_gate_free (ClmBusGate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBusGate, clm_bus_gate_free)

/** clm_bus_gate_set_limits: @per_caller: calls under way for one user, at least 1. @total: for all users. */
void clm_bus_gate_set_limits (ClmBusGate *self, guint per_caller, guint total);

/** clm_bus_gate_identify: The connection @sender belongs to @uid; what it has under way is charged to that user. */
void clm_bus_gate_identify (ClmBusGate *self, const char *sender, guint32 uid);

/** clm_bus_gate_forget: @sender has left the bus: nothing of it is under way any more. */
void clm_bus_gate_forget (ClmBusGate *self, const char *sender);

/** clm_bus_gate_get_total: Returns: calls under way; for tests. */
guint clm_bus_gate_get_total (ClmBusGate *self);

G_END_DECLS
