/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../names.h"
#include "cli.h"

G_BEGIN_DECLS

#define CLM_INTERFACE(kind) CLM_BUS_NAME "." kind

/**
 * clm_bus_connect:
 *
 * Connects to the bus that the options name and finds the daemon there, starting it where the bus can. From then on everything
 * goes to and is taken from that one process: an answer or a signal of anybody else does not count. Once is enough; calling it
 * again does nothing. Fails with %CLM_EXIT_UNREACHABLE.
 */
gboolean clm_bus_connect (ClmCli *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void clm_bus_free (ClmBus *self);

/** clm_bus_call: @parameters: (nullable) (transfer floating). @reply: type of the answer. Connects first where needed. Returns: (transfer full) (nullable). */
GVariant *clm_bus_call (ClmCli *cli, const char *path, const char *interface, const char *method, GVariant *parameters,
                        const char *reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_call_with_fds: The same with descriptors in the answer. @fds: (out) (transfer full). */
GVariant *clm_bus_call_with_fds (ClmCli *cli, const char *path, const char *interface, const char *method, GVariant *parameters,
                                 const char *reply, GUnixFDList **fds, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_no_options: Returns: (transfer floating): the empty dictionary that ends every call. */
GVariant *clm_bus_no_options (void);
/** clm_bus_only_options: Returns: (transfer floating): the arguments of a method that takes nothing but options, with @name (nullable) set to true. */
GVariant *clm_bus_only_options (const char *name);

/** clm_bus_get_properties: Returns: (transfer full) (nullable): all properties of one interface, `a{sv}`. */
GVariant *clm_bus_get_properties (ClmCli *cli, const char *path, const char *interface, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_call_async: Calls without waiting; the bus is connected. @callback needs a running #ClmLoop. */
void clm_bus_call_async (ClmCli *cli, const char *path, const char *interface, const char *method, GVariant *parameters,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_bus_call_finish: Returns: whether it went well. After a cancellation the error is called Cancelled. */
gboolean clm_bus_call_finish (GObject *source, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_subscribe: Signals of the daemon, and of nobody else; clm_bus_unsubscribe() ends it. @free_data: (nullable). */
guint clm_bus_subscribe (ClmCli *cli, const char *path, const char *interface, const char *member, GDBusSignalCallback callback,
                         gpointer user_data, GDestroyNotify free_data);
void  clm_bus_unsubscribe (ClmCli *cli, guint id);

/** clm_bus_watch: @callback is called when the daemon leaves the bus or the bus goes away. */
void clm_bus_watch (ClmCli *cli, void (*callback) (gpointer user_data), gpointer user_data);
/** clm_bus_unwatch: Ends clm_bus_watch(). */
void clm_bus_unwatch (ClmCli *cli);

/** clm_bus_set_lost: Says that the daemon left the bus while something was waited for. Returns: %FALSE. */
gboolean clm_bus_set_lost (GError **error);

/** clm_bus_list_objects: Returns: (transfer full) (nullable): the objects with interface @kind ("Authority", …): name → `a{sv}`, sorted by name. */
GTree *clm_bus_list_objects (ClmCli *cli, const char *kind, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
