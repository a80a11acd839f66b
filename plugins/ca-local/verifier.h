/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signature.h"

G_BEGIN_DECLS

/**
 * ClmCaVerifier:
 *
 * The public half of a CA's EC key, which verifies each signature that the key has made. After some hundreds of them it buys a table of
 * multiples of a P-256 key's point (twenty milliseconds, 150 KB), with which a verification takes half the time. What the table does not
 * confirm, OpenSSL's own verification judges. Any thread.
 */
typedef struct _ClmCaVerifier ClmCaVerifier;

/** clm_ca_verifier_of: Returns: (transfer none): the verifier of @key, which lives as long as @key. */
ClmCaVerifier *clm_ca_verifier_of (ClmKey *key);

/** clm_ca_verifier_new: @spki: DER SubjectPublicKeyInfo. Returns: (transfer full): one that confirms nothing where that is no key. */
ClmCaVerifier *clm_ca_verifier_new (GBytes *spki);
void           clm_ca_verifier_free (ClmCaVerifier *self);

/** clm_ca_verifier_check: whether @signature (DER) is the key's over @digest. */
gboolean clm_ca_verifier_check (ClmCaVerifier *self, const ClmCaDigest *digest, GBytes *signature);

/** clm_ca_verifier_check_by_table: the same by the table alone, which is bought if need be; %FALSE means nothing. */
gboolean clm_ca_verifier_check_by_table (ClmCaVerifier *self, const ClmCaDigest *digest, GBytes *signature);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaVerifier, clm_ca_verifier_free)

G_END_DECLS
