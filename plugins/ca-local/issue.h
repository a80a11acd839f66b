/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "extension.h"
#include "issuer.h"
#include "profile.h"

G_BEGIN_DECLS

/**
 * ClmCaTemplate:
 * @issuer_name: DER Name
 * @authority_key_id: (nullable): none for a root
 * @names: (nullable): alternative names, by #ClmNameKind
 * @usages: (nullable): extended key usages
 * @key_usage: CLM_CA_USE_ bits
 * @urls: (nullable)
 *
 * All that goes into a certificate. Every field is decided by this CA; nothing comes out of a CSR. Plain data on the stack, nothing
 * is owned.
 */
typedef struct {
  GBytes *serial;
  const ClmCaAlgorithm *algorithm;
  GBytes *issuer_name;
  GBytes *authority_key_id;
  gint64  not_before;
  gint64  not_after;
  GBytes *subject_name;
  GBytes *spki;
  char   *const *const *names;
  const char *const *usages;
  guint8  key_usage;
  gboolean is_ca;
  int     path_length;
  gboolean no_check;
  const ClmCaUrls *urls;
} ClmCaTemplate;

/** clm_ca_template_encode: Returns: (transfer full) (nullable): DER TBSCertificate, version 3 (RFC 5280 §4.1.2). Fails with %CLM_ERROR_REJECTED for a name or usage that has no encoding. */
GBytes *clm_ca_template_encode (const ClmCaTemplate *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_ca_issue_get_validity:
 * @lifetime: seconds
 * @backdate: most seconds that notBefore may lie before @now, for peers whose clock is slow
 * @not_before: (out): @not_after: (out): seconds since the epoch
 *
 * The validity of a certificate issued @now: never outside the issuer's own, and of short-lived ones never more than a sixtieth
 * (but a second) is spent on the past. Fails with %CLM_ERROR_CONFIG where the issuer's certificate is not valid any more,
 * %CLM_ERROR_CLOCK where it is not valid yet.
 */
gboolean clm_ca_issue_get_validity (const ClmCaIssuer *issuer, gint64 now, gint64 lifetime, gint64 backdate,
                                    gint64 *not_before, gint64 *not_after, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_issue_encode: Makes the TBSCertificate for @order, which @profile has admitted. Returns: (transfer full) (nullable). */
GBytes *clm_ca_issue_encode (const ClmCaIssuer *issuer, const ClmCaProfile *profile, const ClmCaOrder *order, const ClmCaUrls *urls,
                             GBytes *serial, gint64 not_before, gint64 not_after, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
