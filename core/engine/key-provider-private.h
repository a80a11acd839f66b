/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key.h"
#include "openssl-auto.h"

#include <openssl/core_dispatch.h>

/* The three parts of the key provider know each other by this header: provider and STORE loader, KEYMGMT, SIGNATURE. */

#define CLM_PROVIDER_FUNCTION(id, function) { id, (void (*) (void)) (function) }
#define CLM_PROVIDER_END { 0, NULL }

/** ClmProviderKey: what an EVP_PKEY of ours holds. Immutable, reference counted. @public: the public half, in the default provider. */
typedef struct {
  ClmKey         *key;
  EVP_PKEY       *public;
  gatomicrefcount references;
} ClmProviderKey;

/** clm_provider_key_new: Returns: (transfer full) (nullable): fails with %CLM_ERROR_INVALID_DATA for a public half that cannot be read. */
ClmProviderKey *clm_provider_key_new (ClmKey *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ClmProviderKey *clm_provider_key_ref (ClmProviderKey *self);
void            clm_provider_key_unref (ClmProviderKey *self);
/** clm_provider_key_get_algorithm: Returns: (transfer none) (nullable): "EC", "RSA", "ED25519"; %NULL for what the provider does not serve. */
const char     *clm_provider_key_get_algorithm (ClmProviderKey *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmProviderKey, clm_provider_key_unref)

extern const OSSL_ALGORITHM clm_provider_key_managers[];
extern const OSSL_ALGORITHM clm_provider_signatures[];
