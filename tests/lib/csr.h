/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * clm_csr_make:
 * @request: its key, subject (attributes without escapes), DNS names and addresses are used
 *
 * Makes a PKCS#10 with the OpenSSL of this process and the key's own sign operation: no provider, nothing of the engine, so that a
 * test of a plugin needs neither. BLOCKING, as clm_key_sign() is. Returns: (transfer full) (nullable): DER.
 */
GBytes *clm_csr_make (ClmRequest *request, const char *challenge_password, GBytes *extra_attributes,
                      GCancellable *cancellable, GError **error);

G_END_DECLS
