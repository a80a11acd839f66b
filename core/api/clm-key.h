/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "clm-version.h"

G_BEGIN_DECLS

typedef struct _ClmKeyStore ClmKeyStore;

/* Key types are words, so that new algorithms need no new enum. */
#define CLM_KEY_TYPE_EC_P256  "ec:P-256"
#define CLM_KEY_TYPE_EC_P384  "ec:P-384"
#define CLM_KEY_TYPE_RSA_2048 "rsa:2048"
#define CLM_KEY_TYPE_RSA_3072 "rsa:3072"
#define CLM_KEY_TYPE_RSA_4096 "rsa:4096"
#define CLM_KEY_TYPE_ED25519  "ed25519"

/** CLM_KEY_ID_MAX: longest key id in bytes, before percent-encoding. */
#define CLM_KEY_ID_MAX 200

/**
 * ClmSignScheme:
 * @CLM_SIGN_ECDSA: `data` is a digest; the signature is the DER `ECDSA-Sig-Value` (RFC 3279 §2.2.3).
 * @CLM_SIGN_RSA_PKCS1: `data` is a digest; RSASSA-PKCS1-v1_5 (RFC 8017 §8.2), the store adds DigestInfo.
 * @CLM_SIGN_RSA_PSS: `data` is a digest; RSASSA-PSS with MGF1 of the same hash and a salt as long as the digest (RFC 8017 §8.1).
 * @CLM_SIGN_ED25519: `data` is the whole message, `hash` is %CLM_HASH_NONE (RFC 8032 §5.1).
 */
typedef enum { CLM_SIGN_ECDSA, CLM_SIGN_RSA_PKCS1, CLM_SIGN_RSA_PSS, CLM_SIGN_ED25519 } ClmSignScheme;

/** ClmHash: the digest that `data` is. */
typedef enum { CLM_HASH_NONE, CLM_HASH_SHA256, CLM_HASH_SHA384, CLM_HASH_SHA512 } ClmHash;

/** clm_hash_size: Returns: digest length in bytes; 0 for %CLM_HASH_NONE. */
CLM_EXTERN gsize clm_hash_size (ClmHash hash);

/**
 * ClmKeySpec:
 * @key_type: one of the `CLM_KEY_TYPE_` words or a word the store knows
 * @exportable: whether #ClmKeyExporter may later hand the key out; a store that cannot promise it fails
 *
 * What is asked of a new key. Plain data on the caller's stack; a store copies what it keeps.
 */
typedef struct {
  const char *key_type;
  gboolean    exportable;
  gpointer    padding[4];
} ClmKeySpec;

/**
 * ClmKey:
 *
 * A private key that can be used and not read: a key store, an id in it, and the public half. Immutable; any thread.
 * OpenSSL users open it by clm_key_get_uri(), TLS by the same URI.
 */
#define CLM_TYPE_KEY (clm_key_get_type ())
CLM_EXTERN
G_DECLARE_FINAL_TYPE (ClmKey, clm_key, CLM, KEY, GObject)

/** clm_key_new: @id: 1 to %CLM_KEY_ID_MAX bytes. @spki: DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). Returns: (transfer full). */
CLM_EXTERN ClmKey *clm_key_new (ClmKeyStore *store, const char *id, GBytes *spki);

/** clm_key_get_uri: Returns: (transfer none): `clm-key://STORE/ID`, STORE being the instance's name and ID percent-encoded. */
CLM_EXTERN const char *clm_key_get_uri (ClmKey *self);
/** clm_key_get_id: Returns: (transfer none): the id inside the store. */
CLM_EXTERN const char *clm_key_get_id (ClmKey *self);
/** clm_key_get_store: Returns: (transfer none): the store; `CLM_IS_KEY_EXPORTER (store)` and the like tell what the key can do besides. */
CLM_EXTERN ClmKeyStore *clm_key_get_store (ClmKey *self);
/** clm_key_get_spki: Returns: (transfer none): DER SubjectPublicKeyInfo. */
CLM_EXTERN GBytes *clm_key_get_spki (ClmKey *self);

/**
 * clm_key_sign:
 * @scheme: must fit the key's algorithm
 * @hash: what @data is the digest of
 * @data: (array length=size): the digest, or the message for Ed25519
 *
 * Signs. BLOCKING: never in a thread that is running the default main context (asserted); see clm_key_store_run_in_thread().
 * Fails with %CLM_ERROR_KEY_UNAVAILABLE, %CLM_ERROR_NOT_SUPPORTED, or `G_IO_ERROR_CANCELLED`.
 * Returns: (transfer full) (nullable): the signature.
 */
CLM_EXTERN GBytes *clm_key_sign (ClmKey *self, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size,
                                 GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_key_uri_build: Returns: (transfer full): the URI of @id in the store named @store_name. */
CLM_EXTERN char *clm_key_uri_build (const char *store_name, const char *id);

/** clm_key_uri_parse: @store_name: (out) (transfer full): @id: (out) (transfer full): decoded. Fails with %CLM_ERROR_INVALID_ARGUMENT. */
CLM_EXTERN gboolean clm_key_uri_parse (const char *uri, char **store_name, char **id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
