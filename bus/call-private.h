/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dispatcher.h"

G_BEGIN_DECLS

/* For dispatcher.c and call.c only. */
struct _ClmBusCall {
  ClmBusService         *service;
  ClmManager            *manager;
  ClmBusDispatcher      *dispatcher;   /* NULL once it is gone */
  GDBusMethodInvocation *invocation;   /* NULL once answered */
  const ClmBusInterface *interface;
  const ClmBusMethod    *method;       /* NULL for reading properties */
  char                  *sender;
  char                  *name;
  ClmCaller             *caller;
  GVariant              *options;      /* a{sv} */
  GCancellable          *cancellable;
};

/** clm_bus_dispatcher_drop: @call is answered: forgets and frees it. */
void clm_bus_dispatcher_drop (ClmBusCall *call);

G_END_DECLS
