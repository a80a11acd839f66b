/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "callers.h"

G_BEGIN_DECLS

/**
 * ClmBusSubscribers:
 *
 * The connections that asked for signals. A signal is sent to each of them that may know of its subject and to nobody else;
 * without subscribers nothing is built and nothing is sent. Main thread only.
 */
typedef struct _ClmBusSubscribers ClmBusSubscribers;

ClmBusSubscribers *clm_bus_subscribers_new (GDBusConnection *connection, ClmBusCallers *callers);
void               clm_bus_subscribers_free (ClmBusSubscribers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBusSubscribers, clm_bus_subscribers_free)

/** clm_bus_subscribers_add: Twice is once. Fails with %CLM_ERROR_LIMITS_EXCEEDED when one user has 16 subscriptions (root: no limit) or all together have 128. */
gboolean clm_bus_subscribers_add (ClmBusSubscribers *self, const char *sender, const ClmCaller *caller, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_bus_subscribers_remove: Nothing happens where there is no subscription. */
void     clm_bus_subscribers_remove (ClmBusSubscribers *self, const char *sender);
gboolean clm_bus_subscribers_is_empty (ClmBusSubscribers *self);
gboolean clm_bus_subscribers_has (ClmBusSubscribers *self, const char *sender);

/** ClmBusMaySee: Returns: whether @caller may be told. */
typedef gboolean (*ClmBusMaySee) (const ClmCaller *caller, gpointer user_data);

/** clm_bus_subscribers_emit: @parameters: consumed if floating. @may_see: (nullable): %NULL for what everybody may know. */
void clm_bus_subscribers_emit (ClmBusSubscribers *self, const char *path, const char *interface, const char *signal,
                               GVariant *parameters, ClmBusMaySee may_see, gpointer user_data);

/** ClmBusBuildFor: Returns: (nullable): floating parameters for this one subscriber; %NULL: nothing for it. */
typedef GVariant *(*ClmBusBuildFor) (const ClmCaller *caller, gpointer user_data);

/** clm_bus_subscribers_emit_each: A signal whose parameters depend on who gets it. */
void clm_bus_subscribers_emit_each (ClmBusSubscribers *self, const char *path, const char *interface, const char *signal,
                                    ClmBusBuildFor build, gpointer user_data);

G_END_DECLS
