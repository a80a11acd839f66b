/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signature.h"

G_BEGIN_DECLS

/**
 * ClmCaVerifier:
 *
 * The public half of a CA's EC key, decoded once, which verifies each signature that the key has made. Any thread.
 */
typedef struct _ClmCaVerifier ClmCaVerifier;

/** clm_ca_verifier_of: Returns: (transfer none): the verifier of @key, which lives as long as @key. */
ClmCaVerifier *clm_ca_verifier_of (ClmKey *key);

/** clm_ca_verifier_new: @spki: DER SubjectPublicKeyInfo. Returns: (transfer full): one that confirms nothing where that is no key. */
ClmCaVerifier *clm_ca_verifier_new (GBytes *spki);
void           clm_ca_verifier_free (ClmCaVerifier *self);

/** clm_ca_verifier_check: whether @signature (DER) is the key's over @digest. */
gboolean clm_ca_verifier_check (ClmCaVerifier *self, const ClmCaDigest *digest, GBytes *signature);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaVerifier, clm_ca_verifier_free)

G_END_DECLS
