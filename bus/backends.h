/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dispatcher.h"

G_BEGIN_DECLS

/*
 * Authorities, key stores, notifiers and plugins as objects. Like certificates they are tables only; nothing is kept for one.
 */

extern const ClmBusInterface clm_bus_authorities_interface;
extern const ClmBusInterface clm_bus_key_stores_interface;
extern const ClmBusInterface clm_bus_notifiers_interface;
extern const ClmBusInterface clm_bus_plugins_interface;

/** ClmBusCollect: @properties: floating `a{sv}`. */
typedef void (*ClmBusCollect) (const char *path, const ClmBusInterface *interface, GVariant *properties, gpointer user_data);

/** clm_bus_backends_collect: Calls @collect for each of them that is there now. */
void clm_bus_backends_collect (ClmManager *manager, ClmBusCollect collect, gpointer user_data);

G_END_DECLS
