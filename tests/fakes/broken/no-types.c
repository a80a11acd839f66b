/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offers nothing. */
#include "certloom-plugin.h"

static const ClmGetTypeFunc types[] = {NULL};
extern const ClmPluginInfo clm_plugin_info;
__attribute__ ((visibility ("default"))) const ClmPluginInfo clm_plugin_info = {
  .abi = CLM_PLUGIN_ABI, .api = CLM_PLUGIN_API, .name = "no-types", .version = "1", .summary = "Offers nothing", .types = types};
