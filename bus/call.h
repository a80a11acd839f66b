/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "manager.h"

G_BEGIN_DECLS

typedef struct _ClmBusService ClmBusService;

/**
 * ClmBusCall:
 *
 * One call on its way from the bus to the engine and back. A handler gets it authorised, takes what it needs, and answers
 * exactly once with one of the functions below, at once or later; the answer frees the call. Main thread only.
 */
typedef struct _ClmBusCall ClmBusCall;

/** clm_bus_call_get_service: Returns: (transfer none): what all objects share. */
ClmBusService   *clm_bus_call_get_service (ClmBusCall *self);
/** clm_bus_call_get_manager: Returns: (transfer none): the engine. */
ClmManager      *clm_bus_call_get_manager (ClmBusCall *self);
/** clm_bus_call_get_caller: Returns: (transfer none): who asks. */
const ClmCaller *clm_bus_call_get_caller (ClmBusCall *self);
/** clm_bus_call_get_sender: Returns: (transfer none): its unique name on the bus. */
const char      *clm_bus_call_get_sender (ClmBusCall *self);
/** clm_bus_call_get_name: Returns: (transfer none): name of the object called, decoded; "" for the root object. */
const char      *clm_bus_call_get_name (ClmBusCall *self);
/** clm_bus_call_get_cancellable: Returns: (transfer none): cancelled when the caller leaves the bus and when the daemon stops. */
GCancellable    *clm_bus_call_get_cancellable (ClmBusCall *self);
/** clm_bus_call_get: The arguments, as g_variant_get() does. Their types are those of the XML. */
void             clm_bus_call_get (ClmBusCall *self, const char *format, ...);
/** clm_bus_call_get_boolean: Returns: an option; %FALSE where it is not given. */
gboolean         clm_bus_call_get_boolean (ClmBusCall *self, const char *option);
/** clm_bus_call_take_fd: @handle: the value of an argument of type `h`. Returns: (transfer full): a descriptor that came with the call, to be closed; -1 with %CLM_ERROR_INVALID_ARGUMENT where none did. */
int              clm_bus_call_take_fd (ClmBusCall *self, gint32 handle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_call_return: @value: (nullable): tuple of the answer; consumed if floating. */
void clm_bus_call_return (ClmBusCall *self, GVariant *value);
/** clm_bus_call_return_with_fds: The same with descriptors. */
void clm_bus_call_return_with_fds (ClmBusCall *self, GVariant *value, GUnixFDList *fds);
/** clm_bus_call_fail: @error: (transfer full). */
void clm_bus_call_fail (ClmBusCall *self, GError *error);
/** clm_bus_call_return_job: Answers with the path of @job, whose signals the caller then gets; or with @error (transfer full) where @job is %NULL. */
void clm_bus_call_return_job (ClmBusCall *self, ClmJob *job, GError *error);
/** clm_bus_call_return_job_and: The same with @certificate, the path of what the job concerns, before it. */
void clm_bus_call_return_job_and (ClmBusCall *self, ClmJob *job, const char *certificate);

G_END_DECLS
