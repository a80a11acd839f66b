/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "command.h"
#include "workplace.h"

G_BEGIN_DECLS

/**
 * ClmConsumerTicket: from when on an action counts. Take it after the files are in place: whichever run of the action begins
 * later has seen them.
 */
typedef guint64 ClmConsumerTicket;

/** clm_consumer_take_ticket: @key: (nullable): of the action. */
ClmConsumerTicket clm_consumer_take_ticket (ClmWorkplace *workplace, const char *key);

/**
 * clm_consumer_act:
 * @key: (nullable): clm_command_get_key(); %NULL: the action is never shared
 * @shared: (out): another request's run was this one's too
 *
 * Runs the action; one run at a time for one consumer. Requests that arrive while it runs share the next run and its outcome, so a
 * hundred certificates cost one server two reloads. Fails like clm_command_run(); @output is set in any case. BLOCKING.
 */
gboolean clm_consumer_act (ClmWorkplace *workplace, const char *key, ClmConsumerTicket ticket, const ClmCommand *command,
                           const ClmCommandContext *context, gboolean *shared, char **output, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
