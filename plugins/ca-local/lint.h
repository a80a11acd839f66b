/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuer.h"

G_BEGIN_DECLS

/**
 * clm_ca_lint:
 * @tbs: DER TBSCertificate that is about to be signed
 * @issuer: (nullable): whose key will sign; %NULL for a root, which is its own issuer
 *
 * Reads the very bytes that are about to be signed, with other code than the one that made them, and checks them against RFC 5280:
 * version, serial (§4.1.2.2), algorithm, issuer, validity and its encoding (§4.1.2.5) inside the issuer's, subject or critical
 * alternative name (§4.1.2.6), key, extensions known, not twice, with the right criticality (§4.2), CA flag against key usage and
 * path length, key identifiers. A slip of ours must stop here: after the signature it can only be revoked.
 * Any thread. Fails with %CLM_ERROR_REJECTED; the message starts with a stable word, e.g. "lint: serial: …".
 */
gboolean clm_ca_lint (GBytes *tbs, const ClmCaIssuer *issuer, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
