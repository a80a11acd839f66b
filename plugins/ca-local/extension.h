/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alternative-name.h"

G_BEGIN_DECLS

/*
 * The extensions of RFC 5280 §4.2 that this CA gives, as DER appended to one buffer. Object identifiers stand here as bytes: making
 * them from text costs more than all the rest of a certificate.
 */

/* KeyUsage bits as the first octet of the BIT STRING holds them, RFC 5280 §4.2.1.3. */
#define CLM_CA_USE_DIGITAL_SIGNATURE 0x80
#define CLM_CA_USE_KEY_ENCIPHERMENT  0x20
#define CLM_CA_USE_CERT_SIGN         0x04
#define CLM_CA_USE_CRL_SIGN          0x02

/** ClmCaUrls: where a relying party finds CRL, OCSP responder and issuer certificate; each (nullable). */
typedef struct {
  char *crl;
  char *ocsp;
  char *issuer;
} ClmCaUrls;

void clm_ca_extension_put_basic_constraints (GByteArray *out, gboolean is_ca, int path_length);
void clm_ca_extension_put_key_usage (GByteArray *out, guint8 bits);
void clm_ca_extension_put_key_id (GByteArray *out, GBytes *id);
void clm_ca_extension_put_authority_key_id (GByteArray *out, GBytes *id);
void clm_ca_extension_put_crl_number (GByteArray *out, guint64 number);
void clm_ca_extension_put_urls (GByteArray *out, const ClmCaUrls *urls);
void clm_ca_extension_put_no_check (GByteArray *out);
/** clm_ca_extension_put_usages: Fails as clm_ca_usages_put() does. */
gboolean clm_ca_extension_put_usages (GByteArray *out, const char *const *usages, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_extension_put_names: Fails as clm_ca_names_put() does. */
gboolean clm_ca_extension_put_names (GByteArray *out, char *const *const *names, gboolean critical, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is in them, alone. */

/** clm_ca_usages_put: Appends an ExtKeyUsageSyntax. Fails for a word that is no usage. */
gboolean clm_ca_usages_put (GByteArray *out, const char *const *usages, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_names_put: Appends GeneralNames. @names: by #ClmNameKind. Fails with %CLM_ERROR_REJECTED for an address that is none. */
gboolean clm_ca_names_put (GByteArray *out, char *const *const *names, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
