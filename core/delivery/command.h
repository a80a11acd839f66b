/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe.h"

G_BEGIN_DECLS

/** ClmCommandContext: what a command is told. Only data: environment variables and a text on its standard input. Plain data. */
typedef struct {
  const char *delivery;
  const char *certificate;
  guint64     generation;
  const char *input;       /* (nullable): for standard input; else it is empty */
} ClmCommandContext;

/**
 * clm_command_run:
 * @output: (out) (transfer full): what it printed, both streams, valid UTF-8, cut at %CLM_DELIVER_MAX_OUTPUT; "" where nothing. Set in any case
 *
 * Does what the recipe says: no shell, fixed arguments, clean environment, own process group, its user's own rights. When its time
 * is up the whole group is killed. What it left running in the background when it ended by itself stays (init scripts start daemons).
 * Fails with %CLM_ERROR_DELIVERY (exit status, signal, time), %CLM_ERROR_CONFIG (program cannot be started, pid file). BLOCKING.
 */
gboolean clm_command_run (const ClmCommand *command, const ClmCommandContext *context, char **output, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_command_get_key: Returns: (transfer full) (nullable): equal for commands that do the same to the same consumer, so that one run serves several certificates; %NULL for a `Command=`, which is told which certificate. */
char *clm_command_get_key (const ClmCommand *command);

G_END_DECLS
