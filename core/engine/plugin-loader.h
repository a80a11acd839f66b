/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmPlugin:
 *
 * A module that passed every check and was loaded. Never unloaded. Immutable; main thread only.
 */
#define CLM_TYPE_PLUGIN (clm_plugin_get_type ())
G_DECLARE_FINAL_TYPE (ClmPlugin, clm_plugin, CLM, PLUGIN, GObject)

/** clm_plugin_get_name: Returns: (transfer none): what stands after `Plugin=`. The same holds for the three below. */
const char *clm_plugin_get_name (ClmPlugin *self);
const char *clm_plugin_get_version (ClmPlugin *self);
const char *clm_plugin_get_summary (ClmPlugin *self);
const char *clm_plugin_get_path (ClmPlugin *self);
/** clm_plugin_get_type_for: @kind: %CLM_TYPE_AUTHORITY, %CLM_TYPE_KEY_STORE or %CLM_TYPE_NOTIFIER. Returns: the plugin's class of that kind; %G_TYPE_INVALID for none. */
GType       clm_plugin_get_type_for (ClmPlugin *self, GType kind);

/**
 * ClmPluginLoader:
 *
 * Loads modules from one directory, each at most once and only when asked for by name. A module is code that runs with the
 * daemon's rights, so file and directories must belong to root or the allowed user and be writable by nobody else, and ABI and API
 * are read from the file before any of its code runs. Main thread only.
 */
#define CLM_TYPE_PLUGIN_LOADER (clm_plugin_loader_get_type ())
G_DECLARE_FINAL_TYPE (ClmPluginLoader, clm_plugin_loader, CLM, PLUGIN_LOADER, GObject)

/** clm_plugin_loader_new: @directory: absolute. @allowed_uid: who may own module and directories besides root; 0 for nobody. */
ClmPluginLoader *clm_plugin_loader_new (const char *directory, guint32 allowed_uid);

/** clm_plugin_loader_get_directory: Returns: (transfer none). */
const char *clm_plugin_loader_get_directory (ClmPluginLoader *self);

/**
 * clm_plugin_loader_load:
 * @name: `[a-z0-9][a-z0-9-]{0,31}`
 *
 * Loads a module, or answers with the one loaded before. Fails, with a hint, with
 * %CLM_ERROR_INVALID_ARGUMENT (cannot be a name), %CLM_ERROR_NOT_FOUND (not installed), %CLM_ERROR_ACCESS_DENIED (owner or mode of
 * file or directory), %CLM_ERROR_NOT_SUPPORTED (other ABI, newer API), %CLM_ERROR_INVALID_DATA (no plugin, or a broken one).
 * Returns: (transfer none) (nullable): owned by the loader.
 */
ClmPlugin *clm_plugin_loader_load (ClmPluginLoader *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_plugin_loader_list_available: Returns: (transfer full): names of the modules in the directory, sorted; nothing is loaded or checked. */
GStrv      clm_plugin_loader_list_available (ClmPluginLoader *self);
/** clm_plugin_loader_list_loaded: Returns: (transfer container) (element-type ClmPlugin): sorted by name. */
GPtrArray *clm_plugin_loader_list_loaded (ClmPluginLoader *self);

G_END_DECLS
