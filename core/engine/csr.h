/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key.h"
#include "name.h"

G_BEGIN_DECLS

/** CLM_CSR_ATTRIBUTES_MAX: largest DER of extra attributes, in bytes. */
#define CLM_CSR_ATTRIBUTES_MAX (16 * 1024)

/**
 * ClmCsrTemplate:
 * @subject: (nullable): distinguished name as RFC 4514 text
 * @names: alternative names
 * @usages: (nullable): extended key usages as words or OIDs
 * @is_ca: ask for CA:TRUE; @path_length is then its limit, -1 for none
 * @challenge_password: (nullable): PKCS#9 challengePassword, 1 to 255 bytes of UTF-8
 * @extra_attributes: (nullable): DER SET OF Attribute of what the authority demands
 * @allowed_attributes: (nullable): dotted OIDs that policy lets @extra_attributes hold; %NULL for clm_csr_default_attributes().
 *   An extensionRequest inside must not touch what the template decides (names, usages, key usage, basic constraints).
 *
 * What a PKCS#10 request shall say. Plain data on the caller's stack; copied.
 */
typedef struct {
  const char        *subject;
  ClmNames           names;
  const char *const *usages;
  gboolean           is_ca;
  int                path_length;
  const char        *challenge_password;
  GBytes            *extra_attributes;
  const char *const *allowed_attributes;
} ClmCsrTemplate;

/** clm_csr_default_attributes: Returns: (transfer none) (array zero-terminated=1): what any authority may add: extensionRequest, unstructuredName, Microsoft's certificate template, TCG and ACME attestation statements. */
const char *const *clm_csr_default_attributes (void);

/**
 * clm_csr_build:
 *
 * Builds and signs the request (RFC 2986). BLOCKING: worker threads only. Key usage follows from key type and usages.
 * Fails with %CLM_ERROR_INVALID_ARGUMENT (names the input), %CLM_ERROR_REJECTED (an attribute that is not allowed),
 * %CLM_ERROR_KEY_UNAVAILABLE, or what the key store said.
 * Returns: (transfer full) (nullable): DER PKCS#10.
 */
GBytes *clm_csr_build (const ClmCsrTemplate *csr, ClmKey *key, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_csr_build_async: the same in the lane of the key's store; @csr may go at once. */
void    clm_csr_build_async (const ClmCsrTemplate *csr, ClmKey *key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GBytes *clm_csr_build_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
