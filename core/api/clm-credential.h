/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key.h"

G_BEGIN_DECLS

/**
 * ClmCredential:
 *
 * A certificate with its chain and the key behind it: what a TLS client shows. Immutable, reference counted, any thread.
 */
typedef struct _ClmCredential ClmCredential;

#define CLM_TYPE_CREDENTIAL (clm_credential_get_type ())
CLM_EXTERN GType clm_credential_get_type (void);

/** clm_credential_new: @chain: (element-type GBytes): DER certificates, leaf first, at least one; referenced. @key: (nullable): %NULL where only the certificate is known. */
CLM_EXTERN ClmCredential *clm_credential_new (GPtrArray *chain, ClmKey *key);
CLM_EXTERN ClmCredential *clm_credential_ref (ClmCredential *self);
CLM_EXTERN void           clm_credential_unref (ClmCredential *self);
/** clm_credential_get_chain: Returns: (transfer none) (element-type GBytes): DER, leaf first. */
CLM_EXTERN GPtrArray *clm_credential_get_chain (ClmCredential *self);
/** clm_credential_get_key: Returns: (transfer none) (nullable). */
CLM_EXTERN ClmKey *clm_credential_get_key (ClmCredential *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCredential, clm_credential_unref)

G_END_DECLS
