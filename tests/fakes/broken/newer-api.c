/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Needs a newer daemon: a function that this one has not, too. */
#include "certloom-plugin.h"

void clm_backend_of_tomorrow (void);

static void __attribute__ ((constructor))
on_mapped (void)
{
  g_setenv ("CERTLOOM_TEST_CODE_RAN", "newer-api", TRUE);
}

static GType
get_type (void)
{
  clm_backend_of_tomorrow ();
  return G_TYPE_INVALID;
}

static const ClmGetTypeFunc types[] = {get_type, NULL};
extern const ClmPluginInfo clm_plugin_info;
__attribute__ ((visibility ("default"))) const ClmPluginInfo clm_plugin_info = {
  .abi = CLM_PLUGIN_ABI, .api = CLM_PLUGIN_API + 1, .name = "newer-api", .version = "1", .summary = "Needs a newer daemon", .types = types};
