/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"
#include "engine.h"
#include "plugin-loader.h"

G_BEGIN_DECLS

/**
 * ClmRegistry:
 *
 * The configured instances of all backends: makes them, starts them, finds them by name. A failing one is disabled with its
 * reason and tried again, others are not touched. Main thread only but for clm_registry_lookup_key().
 *
 * Signal "changed": an instance came, went, started or failed.
 * Signal "crl-changed" (ClmAuthority *), "anchors-changed" (ClmAuthority *): passed on from authorities.
 */
#define CLM_TYPE_REGISTRY (clm_registry_get_type ())
G_DECLARE_FINAL_TYPE (ClmRegistry, clm_registry, CLM, REGISTRY, GObject)

ClmRegistry *clm_registry_new (ClmEngine *engine, ClmPluginLoader *loader);

/** clm_registry_apply_async: Brings the instances in line with the engine's configuration: stops what is gone or changed, then starts key stores, notifiers and authorities, in this order. Completes when each has started or failed. One such call at a time, clm_registry_stop_async() included. */
void     clm_registry_apply_async (ClmRegistry *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_registry_apply_finish: Fails only when cancelled. */
gboolean clm_registry_apply_finish (ClmRegistry *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_registry_stop_async: Stops every instance. */
void     clm_registry_stop_async (ClmRegistry *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_registry_stop_finish (ClmRegistry *self, GAsyncResult *result, GError **error);

/** clm_registry_get_authority: Returns: (transfer full) (nullable): a started one. Fails with %CLM_ERROR_CONFIG (no such), or with what its start failed with. */
ClmAuthority *clm_registry_get_authority (ClmRegistry *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_registry_get_key_store: @name: (nullable): %NULL or "": the first by name. Returns: (transfer full) (nullable): as above. */
ClmKeyStore  *clm_registry_get_key_store (ClmRegistry *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_registry_open_key_async: Opens a key by its URI. */
void    clm_registry_open_key_async (ClmRegistry *self, const char *uri, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
ClmKey *clm_registry_open_key_finish (ClmRegistry *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_registry_lookup_key: The same, BLOCKING, in any thread but the main one: what the key provider calls. @registry: a #ClmRegistry. Returns: (transfer full) (nullable). */
ClmKey *clm_registry_lookup_key (const char *uri, gpointer registry, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_registry_load_credential: Chain and key of the current generation. The key is looked up without blocking on its store. Returns: (transfer full) (nullable). */
ClmCredential *clm_registry_load_credential (ClmRegistry *self, const char *certificate, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_registry_open_listener: The socket of `listeners.d/NAME.listener`: passed by systemd under that name, or bound here. Returns: (transfer full) (nullable). */
GSocket *clm_registry_open_listener (ClmRegistry *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmInstanceInfo: one instance, for lists; everything is borrowed and valid until the next main-loop turn. */
typedef struct {
  const char   *kind, *name, *plugin;
  ClmBackend   *backend;  /* (nullable): NULL where the plugin could not be loaded */
  gboolean      starting;
  const GError *error;    /* (nullable) */
} ClmInstanceInfo;

/** clm_registry_foreach: Calls @func for each instance of @kind, by name. */
void clm_registry_foreach (ClmRegistry *self, const char *kind, void (*func) (const ClmInstanceInfo *info, gpointer user_data), gpointer user_data);
/** clm_registry_get_loader: Returns: (transfer none). */
ClmPluginLoader *clm_registry_get_loader (ClmRegistry *self);

G_END_DECLS
