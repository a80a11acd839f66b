/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gmodule.h>

#include "await.h"
#include "certloom-plugin.h"

/** clm_load_module: Maps a module of this build and returns its first type; for tests of one plugin, which need no loader. */
static inline GType
clm_load_module (const char *path)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer symbol;

  if (module == NULL)
    g_printerr ("%s\n", g_module_error ());
  g_assert_nonnull (module);
  g_module_make_resident (module);
  g_assert_true (g_module_symbol (module, "clm_plugin_info", &symbol));
  const ClmPluginInfo *info = symbol;
  return info->types[0] ();
}

/** clm_start: Makes an instance of @type with @options (lines `Key=value`) and starts it. @host: (nullable). Returns: (transfer full) (nullable). */
static inline gpointer
clm_start (GType type, const char *name, ClmHost *host, const char *options, GError **error)
{
  g_autoptr (ClmOptions) parsed = clm_options_new_from_text (name, options);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (ClmBackend) backend = g_object_new (type, "name", name, "host", host, "options", parsed, NULL);

  clm_backend_start_async (backend, NULL, clm_await_done, &result);
  return clm_backend_start_finish (backend, clm_await (&result), error) ? g_steal_pointer (&backend) : NULL;
}
