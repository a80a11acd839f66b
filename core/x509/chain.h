/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certificate.h"

G_BEGIN_DECLS

/**
 * clm_x509_chain_order:
 * @certificates: (element-type X509): leaf first, the rest in any order
 *
 * Puts the chain in order: each next one issued the one before (names and signature). Certificates that are no part of it (an
 * unrelated root, a duplicate, a cross certificate for another path) and a self-signed end are left out.
 * Fails with %CLM_ERROR_INVALID_DATA for a loop ("chain-loop") or more than %CLM_CHAIN_MAX ("chain-length").
 * Returns: (transfer full) (element-type X509) (nullable): leaf first, without the root.
 */
GPtrArray *clm_x509_chain_order (GPtrArray *certificates, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_x509_chain_verify:
 * @chain: (element-type X509): leaf first
 * @anchors: (element-type X509): trusted as they are; an intermediate among them ends the path too
 * @now: seconds since the epoch
 *
 * Verifies the path from leaf to an anchor at @now: signatures, validity, basic constraints, key usage, name constraints, critical
 * extensions (RFC 5280 §6), security level 2 of OpenSSL (no SHA-1, no RSA below 2048). Looks at nothing but its arguments.
 * Fails with %CLM_ERROR_INVALID_DATA.
 */
gboolean clm_x509_chain_verify (GPtrArray *chain, GPtrArray *anchors, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_x509_chain_build:
 * @certificates: (element-type X509): leaf first, helpful certificates behind it in any order
 *
 * Finds the path that clm_x509_chain_verify() would accept; the same arguments and errors otherwise ("chain-untrusted").
 * Returns: (transfer full) (element-type X509) (nullable): leaf first, up to the anchor, without a self-signed end.
 */
GPtrArray *clm_x509_chain_build (GPtrArray *certificates, GPtrArray *anchors, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_matches_spki: whether the certificate is for the key with that DER SubjectPublicKeyInfo. */
gboolean clm_x509_matches_spki (X509 *certificate, GBytes *spki);

/** clm_x509_matches_key: whether the certificate is for this key (private or public). */
gboolean clm_x509_matches_key (X509 *certificate, EVP_PKEY *key);

G_END_DECLS
