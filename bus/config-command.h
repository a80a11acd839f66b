/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** ClmConfigCommand: what to tell about the configuration instead of running. */
typedef enum { CLM_CONFIG_COMMAND_NONE, CLM_CONFIG_COMMAND_CHECK, CLM_CONFIG_COMMAND_SHOW, CLM_CONFIG_COMMAND_DIFF } ClmConfigCommand;

/** CLM_CONFIG_COMMAND_WRONG: exit status where something is wrong with the configuration. */
#define CLM_CONFIG_COMMAND_WRONG 9

/**
 * clm_config_command_run:
 * @config_root: (nullable)
 * @pattern: (nullable): for SHOW: a glob on the names
 *
 * Reads the configuration as the daemon would, without state, bus or another daemon, and writes to standard output what is wrong
 * with it, what is in force, or which files replace others. Returns: the exit status.
 */
int clm_config_command_run (ClmConfigCommand command, const char *config_root, const char *pattern);

G_END_DECLS
