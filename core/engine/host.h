/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-host.h"
#include "engine.h"

G_BEGIN_DECLS

/**
 * ClmEngineHost:
 *
 * The engine as one backend sees it (#ClmHost): state, keys, secrets, time and events, each kept apart by kind and name.
 */
#define CLM_TYPE_ENGINE_HOST (clm_engine_host_get_type ())
G_DECLARE_FINAL_TYPE (ClmEngineHost, clm_engine_host, CLM, ENGINE_HOST, ClmHost)

/** clm_engine_host_new: @kind: "authority", "keystore", "notifier". @key_store: (nullable): `KeyStore=` of the instance. */
ClmHost *clm_engine_host_new (ClmEngine *engine, const char *kind, const char *name, const char *key_store);

/** clm_engine_host_detach: The engine goes away; every later call fails. */
void clm_engine_host_detach (ClmEngineHost *self);

/** clm_host_key_label: Returns: (transfer full): the label, in the key store, of a key that a backend owns. */
char *clm_host_key_label (const char *kind, const char *name, const char *label);

G_END_DECLS
