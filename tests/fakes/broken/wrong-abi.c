/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Built for another ABI. Its constructor tells whether any of its code ran. */
#include "certloom-plugin.h"

static void __attribute__ ((constructor))
on_mapped (void)
{
  g_setenv ("CERTLOOM_TEST_CODE_RAN", "wrong-abi", TRUE);
}

extern const ClmPluginInfo clm_plugin_info;
__attribute__ ((visibility ("default"))) const ClmPluginInfo clm_plugin_info = {
  .abi = CLM_PLUGIN_ABI + 1, .api = CLM_PLUGIN_API, .name = "wrong-abi", .version = "1", .summary = "Built for another ABI"};
