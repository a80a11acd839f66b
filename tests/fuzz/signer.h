/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issue.h"
#include "openssl-auto.h"

G_BEGIN_DECLS

/*
 * Keys that are the same in each run, and signatures with them: a target signs what the input says, so that mutated content gets
 * beyond the check of a signature. Ed25519, because it is quick and needs no randomness.
 */

/** CLM_FUZZ_NOW: what time it is for a target. */
#define CLM_FUZZ_NOW G_GINT64_CONSTANT (1790000000)

typedef enum { CLM_FUZZ_LEAF, CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT, CLM_FUZZ_STRANGER, CLM_FUZZ_N_KEYS } ClmFuzzKey;

/** clm_fuzz_get_key: Returns: (transfer none). */
EVP_PKEY *clm_fuzz_get_key (ClmFuzzKey key);
/** clm_fuzz_get_spki: Returns: (transfer none): DER SubjectPublicKeyInfo. */
GBytes *clm_fuzz_get_spki (ClmFuzzKey key);
/** clm_fuzz_sign: Returns: (transfer full): SEQUENCE { @tbs, algorithm, signature }: a certificate, a request, a CRL. */
GBytes *clm_fuzz_sign (GBytes *tbs, ClmFuzzKey key);
/** clm_fuzz_make_tbs: Returns: (transfer full): TBSCertificate for the key @subject, to be signed by @issuer: `CN=Leaf` (web.example, server and client), `CN=Issuer` or `CN=Root`. */
GBytes *clm_fuzz_make_tbs (ClmFuzzKey subject, ClmFuzzKey issuer);
/** clm_fuzz_get_root: Returns: (transfer none): the root's certificate. */
GBytes *clm_fuzz_get_root (void);

G_END_DECLS
