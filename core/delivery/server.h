/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deliver.h"

#include <sys/types.h>

G_BEGIN_DECLS

/** clm_server_make_socket: Binds and listens at @path, which becomes reachable for @uid (and root) only. A socket left there is replaced. Fails with %CLM_ERROR_STORAGE. Returns: a descriptor; -1 on failure. */
int clm_server_make_socket (const char *path, uid_t uid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_server_run:
 * @listener: listening SOCK_SEQPACKET socket
 * @uid: whose requests are heard, beside the helper's own user's
 * @idle_s: ends when nobody asked for so long; 0: never
 *
 * One process per connection, a bounded number of them; more wait in the socket's queue. Ends after SIGTERM or SIGINT; what is at
 * work is finished. BLOCKING.
 */
void clm_server_run (const ClmDeliverContext *context, int listener, uid_t uid, guint idle_s);

/** clm_server_serve: Answers one connection until the other side closes it or breaks the rules. Takes over @fd. BLOCKING. */
void clm_server_serve (const ClmDeliverContext *context, int fd, uid_t uid);

G_END_DECLS
