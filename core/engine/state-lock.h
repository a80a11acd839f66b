/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** clm_state_lock_take: Makes @state_dir (0711) where there is none, and takes the lock that keeps a second daemon away. Returns: a descriptor that holds the lock until it is closed; -1 with %CLM_ERROR_CONFLICT (another one runs) or %CLM_ERROR_STORAGE. */
int clm_state_lock_take (const char *state_dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
