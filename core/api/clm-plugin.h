/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>
#include "clm-version.h"

G_BEGIN_DECLS

#define CLM_PLUGIN_ABI 1   /* breaks: plugin and daemon must be equal */
#define CLM_PLUGIN_API 0   /* grows: the plugin's may be lower than the daemon's, never higher */

/** ClmGetTypeFunc: a `my_class_get_type`. */
typedef GType (*ClmGetTypeFunc) (void);

/**
 * ClmPluginInfo:
 * @abi: %CLM_PLUGIN_ABI as the plugin was built
 * @api: %CLM_PLUGIN_API as the plugin was built
 * @name: `[a-z0-9][a-z0-9-]{0,31}`; what the operator writes after `Plugin=`, and the module's file name without `.so`
 * @version: the plugin's own, shown to the operator
 * @summary: one sentence
 * @types: (array zero-terminated=1): each derives from #ClmAuthority, #ClmKeyStore or #ClmNotifier, at most one of each
 *
 * The one symbol a module exports, as `clm_plugin_info`. It is data: the daemon reads @abi and @api before it runs any of the
 * plugin's code. The first two members stay first for ever.
 */
typedef struct {
  guint                 abi;
  guint                 api;
  const char           *name;
  const char           *version;
  const char           *summary;
  const ClmGetTypeFunc *types;
  gpointer              padding[4];
} ClmPluginInfo;

/**
 * CLM_DEFINE_PLUGIN:
 * @...: the `get_type` functions
 *
 * `CLM_DEFINE_PLUGIN ("ca-example", "1.2", "Enrols at Example", example_get_type)`, once, at the end of one source file.
 */
#define CLM_DEFINE_PLUGIN(plugin_name, plugin_version, plugin_summary, ...) \
  static const ClmGetTypeFunc clm_plugin_types[] = { __VA_ARGS__, NULL }; \
  extern const ClmPluginInfo clm_plugin_info; \
  __attribute__ ((visibility ("default"))) const ClmPluginInfo clm_plugin_info = { \
    .abi = CLM_PLUGIN_ABI, .api = CLM_PLUGIN_API, .name = plugin_name, .version = plugin_version, \
    .summary = plugin_summary, .types = clm_plugin_types };

G_END_DECLS
