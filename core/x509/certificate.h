/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "key.h"
#include "name.h"

G_BEGIN_DECLS

/** CLM_CERTIFICATE_MAX_SIZE: largest certificate that is read, in bytes of DER. */
#define CLM_CERTIFICATE_MAX_SIZE (64 * 1024)

/** CLM_CHAIN_MAX: most certificates in one chain or one PEM file. */
#define CLM_CHAIN_MAX 16

/* Reading and writing */

/** clm_x509_parse: @der: one certificate, strictly DER, consumed to its end. Fails with %CLM_ERROR_INVALID_DATA. Returns: (transfer full) (nullable). */
X509 *clm_x509_parse (GBytes *der, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_parse_list: @ders: (element-type GBytes): at most %CLM_CHAIN_MAX, as plugins hand chains around. Returns: (transfer full) (element-type X509) (nullable). */
GPtrArray *clm_x509_parse_list (GPtrArray *ders, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * clm_x509_parse_pem:
 * @pem: text with one to %CLM_CHAIN_MAX "CERTIFICATE" blocks; text between blocks is skipped, a block of another kind is an error
 * @size: bytes, or -1 for a terminated string
 *
 * Returns: (transfer full) (element-type X509) (nullable): in file order.
 */
GPtrArray *clm_x509_parse_pem (const char *pem, gssize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_to_der: Returns: (transfer full). */
GBytes *clm_x509_to_der (X509 *certificate);
/** clm_x509_list_to_der: @certificates: (element-type X509). Returns: (transfer full) (element-type GBytes). */
GPtrArray *clm_x509_list_to_der (GPtrArray *certificates);
/** clm_x509_to_pem: Returns: (transfer full). */
char *clm_x509_to_pem (X509 *certificate);
/** clm_x509_list_to_pem: @certificates: (element-type X509). Returns: (transfer full): blocks one after the other. */
char *clm_x509_list_to_pem (GPtrArray *certificates);
/** clm_x509_list_new: Returns: (transfer full): an empty list that owns certificates. */
GPtrArray *clm_x509_list_new (void);

/* What a certificate says */

/** clm_x509_get_serial: Returns: (transfer full): lower-case hexadecimal digits, two per octet, "-" in front of a negative one. */
char *clm_x509_get_serial (X509 *certificate);
/** clm_x509_serial_to_text: the same for a bare serial number. */
char *clm_x509_serial_to_text (const ASN1_INTEGER *serial);
/** clm_x509_get_subject: Returns: (transfer full): as clm_x509_name_to_text(). */
char *clm_x509_get_subject (X509 *certificate);
char *clm_x509_get_issuer (X509 *certificate);
/** clm_x509_get_validity: @not_before: (out): @not_after: (out): seconds since the epoch, both ends included, from year 0 to 9999. Fails with %CLM_ERROR_INVALID_DATA. */
gboolean clm_x509_get_validity (X509 *certificate, gint64 *not_before, gint64 *not_after, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_get_spki: Returns: (transfer full): DER SubjectPublicKeyInfo exactly as the certificate holds it. */
GBytes *clm_x509_get_spki (X509 *certificate);
/** clm_x509_get_key_type: Returns: (transfer none): as clm_x509_key_get_type(); "unknown" where the key cannot be read. */
const char *clm_x509_get_key_type (X509 *certificate);
/** clm_x509_get_fingerprint: Returns: (transfer full): SHA-256 of the DER as 64 lower-case hexadecimal digits. */
char *clm_x509_get_fingerprint (X509 *certificate);
/** clm_x509_get_names: as clm_x509_names_list() of its SubjectAltName. */
GStrv clm_x509_get_names (X509 *certificate, ClmNameKind kind, guint *others, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_get_usages: Returns: (transfer full): extended key usages as words (see clm_x509_usage_from_oid()); empty where the extension is absent. */
GStrv clm_x509_get_usages (X509 *certificate);
/** clm_x509_get_key_usage: Returns: `KU_` bits of openssl/x509v3.h; %G_MAXUINT32 where the extension is absent. */
guint32 clm_x509_get_key_usage (X509 *certificate);
/** clm_x509_is_ca: BasicConstraints CA:TRUE. @path_length: (out) (optional): -1 for none. */
gboolean clm_x509_is_ca (X509 *certificate, int *path_length);
/** clm_x509_is_self_signed: subject and issuer equal, and its own key verifies it. */
gboolean clm_x509_is_self_signed (X509 *certificate);

/* Words and times */

/** clm_x509_usage_to_object: @usage: `server`, `client`, `email`, `code`, `ocsp`, `time` or a dotted OID. Fails with %CLM_ERROR_INVALID_ARGUMENT. Returns: (transfer full) (nullable). */
ASN1_OBJECT *clm_x509_usage_to_object (const char *usage, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_usage_from_object: Returns: (transfer full): the word, else the dotted OID. */
char *clm_x509_usage_from_object (const ASN1_OBJECT *object);
/** clm_x509_time_to_epoch: @epoch: (out): seconds; years 0 to 9999. Fails with %CLM_ERROR_INVALID_DATA. */
gboolean clm_x509_time_to_epoch (const ASN1_TIME *time, gint64 *epoch, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_x509_time_from_epoch: @epoch: years 1950 to 9999; clamped. Returns: (transfer full): UTCTime up to 2049, then GeneralizedTime (RFC 5280 §4.1.2.5). Free with ASN1_STRING_free(). */
ASN1_TIME *clm_x509_time_from_epoch (gint64 epoch);

G_END_DECLS
