/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "config-command.h"

#include <stdlib.h>
#include <unistd.h>

#include "configuration.h"

static ClmConfig *
load (const char *config_root)
{
  /* Whoever brings a root folder of his own may own what is in it, as with the daemon. */
  guint32 owner = config_root != NULL ? (guint32) geteuid () : 0;
  g_autoptr (ClmLayers) layers = clm_layers_new (config_root, owner);
  g_autoptr (ClmSpecifiers) specifiers = clm_specifiers_load (NULL);
  const ClmConfigSource source = {
    .layers = layers, .specifiers = specifiers, .resolver = clm_account_resolver_system (), .admin_uid = owner,
  };
  return clm_config_load (&source, NULL);
}

static char *
format (ClmConfigCommand command, ClmConfig *config, const char *pattern)
{
  switch (command) {
  case CLM_CONFIG_COMMAND_CHECK: return clm_config_format_problems (config);
  case CLM_CONFIG_COMMAND_SHOW: return clm_config_format_effective (config, pattern);
  case CLM_CONFIG_COMMAND_DIFF: return clm_config_format_overrides (config);
  case CLM_CONFIG_COMMAND_NONE: break;
  }
  return g_strdup ("");
}

int
clm_config_command_run (ClmConfigCommand command, const char *config_root, const char *pattern)
{
  g_autoptr (ClmConfig) config = load (config_root);
  g_autofree char *text = format (command, config, pattern);
  g_print ("%s", text);
  return command == CLM_CONFIG_COMMAND_CHECK && clm_config_has_errors (config) ? CLM_CONFIG_COMMAND_WRONG : EXIT_SUCCESS;
}
