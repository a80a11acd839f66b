/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-options.h"

G_BEGIN_DECLS

/**
 * clm_listener_open:
 * @name: of `listeners.d/NAME.listener`
 * @options: its group: `Address=` (an IP address; default the IPv6 wildcard, which takes IPv4 too), `Port=`
 *
 * Gives the listening socket: the one systemd passed under that name (`FileDescriptorName=`, LISTEN_FDNAMES), else one bound here.
 * Returns: (transfer full) (nullable). Fails with %CLM_ERROR_CONFIG, %CLM_ERROR_BUSY (the port is taken), %CLM_ERROR_ACCESS_DENIED (a
 * privileged port).
 */
GSocket *clm_listener_open (const char *name, ClmOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
