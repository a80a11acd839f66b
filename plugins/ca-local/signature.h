/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key.h"
#include "openssl-auto.h"

G_BEGIN_DECLS

/**
 * ClmCaAlgorithm:
 * @identifier: DER AlgorithmIdentifier (RFC 3279, RFC 4055, RFC 5758, RFC 8410)
 *
 * How a CA key signs: SHA-384 for P-384, SHA-512 for P-521, the message itself for Ed25519, else SHA-256; RSA by PKCS#1 v1.5, which every
 * verifier in the field knows. Static data.
 */
typedef struct {
  const char   *name;
  ClmSignScheme scheme;
  ClmHash       hash;
  const guint8 *identifier;
  gsize         identifier_size;
} ClmCaAlgorithm;

/** clm_ca_algorithm_for_key_type: Returns: (transfer none) (nullable): fails with %CLM_ERROR_CONFIG for a key that no certificate can be signed with here. */
const ClmCaAlgorithm *clm_ca_algorithm_for_key_type (const char *key_type, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_algorithm_find: Returns: (transfer none) (nullable): the algorithm of @identifier, DER AlgorithmIdentifier; %NULL for one that is not made here. */
const ClmCaAlgorithm *clm_ca_algorithm_find (const guint8 *identifier, gsize size);

/** ClmCaDigest: of what is signed. */
typedef struct {
  guint8 octets[EVP_MAX_MD_SIZE];
  gsize  size;
} ClmCaDigest;

/** clm_ca_digest: Computes the digest that @algorithm signs; not for Ed25519, which has none. Fails with %CLM_ERROR_FAILED. */
gboolean clm_ca_digest (const ClmCaAlgorithm *algorithm, const guint8 *data, gsize size, ClmCaDigest *digest, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_ca_make_signature:
 * @data: the DER that is to be signed (TBSCertificate or TBSCertList), holding @algorithm
 *
 * Signs in the key's store. The signature is verified before it is returned: a token that computes wrongly must not put out a
 * certificate, nor leak its key by a faulty RSA signature.
 * BLOCKING: in the key store's lane only. It asks the store itself and not through OpenSSL, so that the store's own error
 * (%CLM_ERROR_KEY_UNAVAILABLE, cancellation) arrives as it is.
 * Returns: (transfer full) (nullable).
 */
GBytes *clm_ca_make_signature (ClmKey *key, const ClmCaAlgorithm *algorithm, const guint8 *data, gsize size, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_put_signature: Appends what follows the signed part: algorithm and signature. */
void clm_ca_put_signature (GByteArray *out, const ClmCaAlgorithm *algorithm, GBytes *signature);

/** clm_ca_sign: the same for a certificate. Returns: (transfer full) (nullable): SEQUENCE { tbs, algorithm, signature }. */
GBytes *clm_ca_sign (ClmKey *key, const ClmCaAlgorithm *algorithm, GBytes *tbs, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
