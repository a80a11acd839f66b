/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key.h"

G_BEGIN_DECLS

/**
 * ClmKeyLookupFunc:
 * @uri: `clm-key://STORE/ID`
 *
 * Finds the key behind a URI. Called in worker threads, several at once; may block as get_public_key does.
 * Returns: (transfer full) (nullable): the key, or %NULL with %CLM_ERROR_NOT_FOUND or %CLM_ERROR_KEY_UNAVAILABLE.
 */
typedef ClmKey *(*ClmKeyLookupFunc) (const char *uri, gpointer user_data, GError **error);

/**
 * clm_key_provider_init:
 * @lookup: (scope forever): finds keys
 *
 * Makes the keys of every store usable by libcrypto in this process: adds the provider "clm" to the default library context,
 * behind "default", without reading OpenSSL's configuration. It serves `clm-key://` through OSSL_STORE_open() (see
 * clm_x509_open_key()), ECDSA, RSA PKCS#1 v1.5 and PSS (salt as long as the digest), and Ed25519. Private halves never leave their
 * store: exporting one fails; verifying is left to the default provider. Keys from files and memory stay in the default provider.
 *
 * Call it once, before threads use OpenSSL; calling it again replaces @lookup (tests do).
 * Fails with %CLM_ERROR_FAILED where libcrypto refuses.
 */
gboolean clm_key_provider_init (ClmKeyLookupFunc lookup, gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
