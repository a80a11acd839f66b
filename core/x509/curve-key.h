/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "openssl-auto.h"

G_BEGIN_DECLS

/*
 * Keys on P-256 and P-384 in the one form that everybody writes (named curve, uncompressed point), read without OpenSSL's search
 * for a decoder, which costs more than a signature. %NULL for every other form, and for what is wrong: the general reader judges it.
 */

/** clm_x509_curve_key_from_spki: @data: SubjectPublicKeyInfo (RFC 5480 §2). Returns: (transfer full) (nullable). */
EVP_PKEY *clm_x509_curve_key_from_spki (const guint8 *data, gsize size);

/** clm_x509_curve_key_check: whether @data is such a SubjectPublicKeyInfo and its point lies on its curve. Returns: (transfer none) (nullable): the key type word. */
const char *clm_x509_curve_key_check (const guint8 *data, gsize size);

/**
 * clm_x509_curve_key_verify:
 *
 * Whether @spki is such a key and @signature (Ecdsa-Sig-Value, RFC 3279 §2.2.3) is its over @digest. For whoever meets each key once:
 * no key is made, each thread keeps one and exchanges its point.
 */
gboolean clm_x509_curve_key_verify (const guint8 *spki, gsize spki_size, const guint8 *digest, gsize digest_size,
                                    const guint8 *signature, gsize signature_size);

/** clm_x509_curve_key_from_pkcs8: @data: PrivateKeyInfo (RFC 5208 §5) with an ECPrivateKey (RFC 5915 §3) that holds the public key. Returns: (transfer full) (nullable). */
EVP_PKEY *clm_x509_curve_key_from_pkcs8 (const guint8 *data, gsize size);

G_END_DECLS
