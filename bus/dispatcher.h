/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "call.h"
#include "callers.h"

G_BEGIN_DECLS

/** ClmBusScope: what a permission is asked about. */
typedef enum {
  CLM_BUS_SCOPE_ANYBODY,  /* who is on the bus may */
  CLM_BUS_SCOPE_DAEMON,   /* the verb on the daemon */
  CLM_BUS_SCOPE_OBJECT,   /* the verb on the certificate whose object is called */
  CLM_BUS_SCOPE_OWN       /* the row's own function, for what hangs on an argument */
} ClmBusScope;

/** ClmBusPermission: who may. */
typedef struct {
  ClmBusScope scope;
  ClmVerb     verb;
  gboolean  (*check) (ClmBusCall *call, GError **error);  /* of CLM_BUS_SCOPE_OWN */
} ClmBusPermission;

/**
 * ClmBusMethod: one row of the table of all methods.
 * @member: name in the XML
 * @permission: asked before the arguments are looked at
 * @options: the options known, as words `name=type`, e.g. "rekey=b due=b"; every other one is refused by name
 * @handle: see #ClmBusCall
 */
typedef struct {
  const char       *member;
  ClmBusPermission  permission;
  const char       *options;
  void            (*handle) (ClmBusCall *call);
} ClmBusMethod;

/**
 * ClmBusInterface: one interface of one kind of object, and all that the dispatcher needs to know of it.
 * @element: element of the path before the object's name, e.g. "certificate"; "" for the root object
 * @info: what the XML says
 * @methods: (array) ended by a row without member; every method of @info has one
 * @read: who may read properties
 * @describe: (nullable): Returns: floating `a{sv}` of all properties, or %NULL with an error
 */
typedef struct {
  const char               *element;
  const GDBusInterfaceInfo *info;
  const ClmBusMethod       *methods;
  ClmBusPermission          read;
  GVariant               *(*describe) (ClmBusCall *call, GError **error);
} ClmBusInterface;

/**
 * ClmBusDispatcher:
 *
 * The one door for calls. For each: who calls (bus name → user, see #ClmBusCallers; unknown = denied) → may it (the row's
 * permission) → are arguments and options sane → the row's handler. Properties go the same way. Objects other than the root
 * are subtrees: nothing is allocated for an object, and an object that does not exist cannot be told from one that the caller
 * may not know of. Main thread only.
 */
typedef struct _ClmBusDispatcher ClmBusDispatcher;

/** CLM_BUS_CALL_SIZE_MAX: most bytes of arguments that a call may have. */
#define CLM_BUS_CALL_SIZE_MAX (1024 * 1024)

/** clm_bus_dispatcher_new: @interfaces: (array zero-terminated=1): kept, not copied. */
ClmBusDispatcher *clm_bus_dispatcher_new (ClmBusService *service, GDBusConnection *connection, ClmManager *manager,
                                          ClmBusCallers *callers, const ClmBusInterface *const *interfaces);

/** clm_bus_dispatcher_export: Registers everything at the connection. Fails when a path is taken. */
gboolean clm_bus_dispatcher_export (ClmBusDispatcher *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_dispatcher_cancel_sender: What @sender has under way is of no use any more. */
void clm_bus_dispatcher_cancel_sender (ClmBusDispatcher *self, const char *sender);

/** clm_bus_dispatcher_free: Withdraws everything and cancels what is under way; handlers still answer, into the void. */
void clm_bus_dispatcher_free (ClmBusDispatcher *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBusDispatcher, clm_bus_dispatcher_free)

G_END_DECLS
