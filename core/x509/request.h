/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certificate.h"

G_BEGIN_DECLS

/** CLM_REQUEST_MAX_SIZE: largest PKCS#10 request that is read, in bytes of DER. */
#define CLM_REQUEST_MAX_SIZE (64 * 1024)

/**
 * clm_x509_request_parse:
 * @der: PKCS#10 (RFC 2986), consumed to its end
 *
 * Reads a certificate request and checks what a CA must check before it looks at the rest: version, proof of possession (the
 * signature, security level 2), key (clm_x509_key_check()), no extension or attribute twice.
 * Fails with %CLM_ERROR_INVALID_DATA. Returns: (transfer full) (nullable).
 */
X509_REQ *clm_x509_request_parse (GBytes *der, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_request_to_der: Returns: (transfer full). */
GBytes *clm_x509_request_to_der (X509_REQ *request);

/* What it asks for; a CA copies none of it blindly. */

/** clm_x509_request_get_subject: Returns: (transfer full): as clm_x509_name_to_text(). */
char *clm_x509_request_get_subject (X509_REQ *request);
/** clm_x509_request_get_key: Returns: (transfer full): the public key; never %NULL after clm_x509_request_parse(). */
EVP_PKEY *clm_x509_request_get_key (X509_REQ *request);
/** clm_x509_request_get_spki: Returns: (transfer full): DER SubjectPublicKeyInfo. */
GBytes *clm_x509_request_get_spki (X509_REQ *request);
/** clm_x509_request_get_names: as clm_x509_names_list() of the SubjectAltName it asks for. */
GStrv clm_x509_request_get_names (X509_REQ *request, ClmNameKind kind, guint *others, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_request_get_usages: Returns: (transfer full): extended key usages it asks for, as words; empty for none. */
GStrv clm_x509_request_get_usages (X509_REQ *request);
/** clm_x509_request_wants_ca: whether it asks for CA:TRUE. @path_length: (out) (optional): -1 for none. */
gboolean clm_x509_request_wants_ca (X509_REQ *request, int *path_length);
/** clm_x509_request_get_challenge_password: Returns: (transfer full) (nullable): PKCS#9 challengePassword (RFC 2985 §5.4.1), UTF-8. */
char *clm_x509_request_get_challenge_password (X509_REQ *request);

G_END_DECLS
