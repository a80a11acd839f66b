/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alternative-name.h"

G_BEGIN_DECLS

/**
 * clm_x509_name_parse:
 * @text: (nullable): a distinguished name as RFC 4514 text, most specific part first: "CN=gw-17,O=Example"; NULL or "" is the empty name
 *
 * Attributes: CN, C, ST, L, O, OU, serialNumber, emailAddress, DC, UID, SN, GN, title, or a dotted OID, in any case of letters;
 * multi-valued parts by "+". Values become UTF8String, but C and serialNumber PrintableString, DC and emailAddress IA5String; control
 * characters are refused, lengths are those of RFC 5280 appendix A.
 * Fails with %CLM_ERROR_INVALID_ARGUMENT. Returns: (transfer full) (nullable).
 */
X509_NAME *clm_x509_name_parse (const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_name_to_text: Returns: (transfer full): RFC 4514 text, most specific part first; control characters and what is not UTF-8 escaped as \XX. "" for the empty name. */
char *clm_x509_name_to_text (const X509_NAME *name);

/** clm_x509_name_equal: compares as RFC 5280 §7.1 does (case and white space do not count). */
gboolean clm_x509_name_equal (const X509_NAME *a, const X509_NAME *b);

/** clm_x509_name_has_control: whether an attribute's value holds NUL or another control character, or is not valid text. */
gboolean clm_x509_name_has_control (const X509_NAME *name);

G_END_DECLS
