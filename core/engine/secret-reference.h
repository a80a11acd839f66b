/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-secret.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/** CLM_SECRET_MAX: longest secret in bytes. */
#define CLM_SECRET_MAX (64 * 1024)

/**
 * clm_secret_reference_load_async:
 * @reference: `file:/absolute/path` or `credential:NAME`
 *
 * Reads a secret that configuration only refers to. A file must be regular, belong to root or to the daemon's user, and be
 * closed to everybody else; a credential is what systemd passed (`LoadCredential=`). One trailing newline is dropped.
 */
void       clm_secret_reference_load_async (const char *reference, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_secret_reference_load_finish: Returns: (transfer full) (nullable). Fails with %CLM_ERROR_CONFIG; the message names the reference, never the content. */
ClmSecret *clm_secret_reference_load_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
