/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/** JOURNAL_SOCKET: where journald listens (sd_journal_send(3) does the same). */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/** journal_encode: Returns: (transfer full): @event in the journal's native protocol. */
GBytes *journal_encode (ClmEvent *event);

/** journal_send: Sends one entry without blocking. Fails with %CLM_ERROR_UNREACHABLE (nobody listens at @path), %CLM_ERROR_BUSY (its queue is full). */
gboolean journal_send (const char *path, GBytes *entry, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** journal_priority: Returns: syslog priority, RFC 5424 §6.2.1. */
int journal_priority (ClmSeverity severity);

G_END_DECLS
