/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-authority.h"

G_BEGIN_DECLS

/**
 * clm_trust_load_async:
 * @file: (nullable): absolute path of a PEM file that configuration names
 * @authority: asked for its anchors where @file is %NULL
 *
 * Finds the anchors that a certificate must chain to. Empty where neither names any: nothing is configured then, and any
 * chain will do.
 */
void       clm_trust_load_async (const char *file, ClmAuthority *authority, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_trust_load_finish: Returns: (transfer full) (element-type GBytes) (nullable): DER. Fails with %CLM_ERROR_CONFIG for the file, or as the authority does. */
GPtrArray *clm_trust_load_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
