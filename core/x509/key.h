/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key.h"
#include "clm-secret.h"
#include "openssl-auto.h"

G_BEGIN_DECLS

/** CLM_PRIVATE_KEY_MAX_SIZE: largest private key that is read, in bytes of DER or PEM. RSA-4096 in PEM takes about 3,300. */
#define CLM_PRIVATE_KEY_MAX_SIZE (16 * 1024)

/** CLM_PUBLIC_KEY_MAX_SIZE: largest SubjectPublicKeyInfo that is read. */
#define CLM_PUBLIC_KEY_MAX_SIZE (4 * 1024)

/**
 * clm_x509_open_key:
 * @uri: `clm-key://STORE/ID`
 *
 * Opens a key of any store for use by libcrypto and libssl: X509_REQ_sign(), X509_sign(), CMS_sign(), SSL_CTX_use_PrivateKey()
 * and so on take the result like any key. Only the daemon's key provider serves it; a key of that name from anywhere else is
 * refused. May block as get_public_key does, and every signature blocks: worker threads only. A cancellable given to
 * g_cancellable_push_current() reaches the key store.
 * Fails with %CLM_ERROR_INVALID_ARGUMENT for what is no key URI, %CLM_ERROR_KEY_UNAVAILABLE, or with what the look-up said.
 * Returns: (transfer full) (nullable): the key; its private half cannot be exported.
 */
EVP_PKEY *clm_x509_open_key (const char *uri, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_get_digest: Returns: (transfer none) (nullable): the digest to sign with: SHA-384 for P-384, NULL for Ed25519, else SHA-256; as X509_sign() and the like take it. */
const EVP_MD *clm_x509_get_digest (EVP_PKEY *key);

/** clm_x509_key_from_spki: @spki: DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), consumed to its end. Fails with %CLM_ERROR_INVALID_DATA. Returns: (transfer full) (nullable): a public key. */
EVP_PKEY *clm_x509_key_from_spki (GBytes *spki, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_key_to_spki: Returns: (transfer full) (nullable): DER SubjectPublicKeyInfo. */
GBytes *clm_x509_key_to_spki (EVP_PKEY *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_key_get_type: Returns: (transfer none): the key type word ("ec:P-256", "rsa:2048", "ed25519"); "rsa:BITS" or "ec:CURVE" for what is no `CLM_KEY_TYPE_`, "unknown" for what has no word. Interned, never freed. */
const char *clm_x509_key_get_type (EVP_PKEY *key);

/**
 * clm_x509_key_check:
 *
 * Whether a public key is good enough to be certified: P-256, P-384 or P-521 by name (not by explicit parameters), a point on its
 * curve, RSA of 2048 to 8192 bits with an odd exponent of at least 65537, or Ed25519.
 * Fails with %CLM_ERROR_INVALID_DATA; the message starts with a stable word: "key-type", "key-size", "key-exponent", "key-parameters".
 */
gboolean clm_x509_key_check (EVP_PKEY *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_spki_check: clm_x509_key_check() of the key in @spki, for whoever does not need the key itself. Fails as that and clm_x509_key_from_spki() do. Returns: (transfer none) (nullable): its key type word. */
const char *clm_x509_spki_check (GBytes *spki, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_key_generate: @key_type: a `CLM_KEY_TYPE_` word. Waits until the kernel's random pool is ready. Slow (RSA: seconds): worker threads only. Fails with %CLM_ERROR_NOT_SUPPORTED. Returns: (transfer full) (nullable): a private key in this process's memory. */
EVP_PKEY *clm_x509_key_generate (const char *key_type, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Private keys in memory. DER and PEM are unencrypted PKCS#8 (RFC 5208 §5) and exist only in a ClmSecret. */

/** clm_x509_key_from_pkcs8: the whole secret must be one PrivateKeyInfo. Fails with %CLM_ERROR_INVALID_DATA. Returns: (transfer full) (nullable). */
EVP_PKEY *clm_x509_key_from_pkcs8 (ClmSecret *der, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_key_to_pkcs8: Returns: (transfer full) (nullable). Fails with %CLM_ERROR_NOT_SUPPORTED for a key of a store. */
ClmSecret *clm_x509_key_to_pkcs8 (EVP_PKEY *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_key_from_pem: reads one "PRIVATE KEY" block; other blocks, encrypted ones too, are refused. Fails with %CLM_ERROR_INVALID_DATA. Returns: (transfer full) (nullable). */
EVP_PKEY *clm_x509_key_from_pem (ClmSecret *pem, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_key_to_pem: Returns: (transfer full) (nullable). Fails with %CLM_ERROR_NOT_SUPPORTED for a key of a store. */
ClmSecret *clm_x509_key_to_pem (EVP_PKEY *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_pkcs8_to_pem: @der: PrivateKeyInfo. Returns: (transfer full): the same as one "PRIVATE KEY" block. */
ClmSecret *clm_x509_pkcs8_to_pem (ClmSecret *der);

G_END_DECLS
