/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuer.h"

G_BEGIN_DECLS

/**
 * ClmCaBundle:
 * @issuer: the CA certificate this instance signs with
 * @chain: (element-type GBytes): @issuer and what is above it, in order, the root last
 * @pem: the same as text
 *
 * One CA certificate with the way up to its root: for our own root just that one, for an imported subordinate CA its whole chain.
 * Reference counted and immutable.
 */
typedef struct {
  ClmCaIssuer *issuer;
  GPtrArray   *chain;
  char        *pem;
} ClmCaBundle;

/**
 * clm_ca_bundle_new_from_pem:
 * @needs_root: fail unless the chain ends in a self-signed certificate
 *
 * Reads a PEM file's text: the CA certificate first, then (for a subordinate one) its issuers up to the root, in any order.
 * Fails with %CLM_ERROR_CONFIG. Returns: (transfer full) (nullable).
 */
ClmCaBundle *clm_ca_bundle_new_from_pem (const char *pem, gboolean needs_root, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_bundle_new_from_der: the same for a single certificate that was just signed. */
ClmCaBundle *clm_ca_bundle_new_from_der (GBytes *der, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ClmCaBundle *clm_ca_bundle_ref (ClmCaBundle *self);
void         clm_ca_bundle_unref (ClmCaBundle *self);

/** clm_ca_file_load: BLOCKING. @contents: (out) (transfer full) (nullable): %NULL where there is no such file. Fails with %CLM_ERROR_STORAGE. */
gboolean clm_ca_file_load (const char *path, GBytes **contents, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_file_save: BLOCKING. Replaces @path as a whole, mode 0600, durable when it returns. Fails with %CLM_ERROR_STORAGE. */
gboolean clm_ca_file_save (const char *path, const void *data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaBundle, clm_ca_bundle_unref)

G_END_DECLS
