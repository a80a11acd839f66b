/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-request.h"
#include "name.h"

G_BEGIN_DECLS

/**
 * ClmCaOrder:
 * @certificate: name of the managed certificate
 * @subject: (nullable): RFC 4514 text
 * @subject_name: DER Name made from @subject
 * @subject_parts: the attributes of @subject as "CN=x", in the order of the text
 * @names: by #ClmNameKind, never %NULL
 * @usages: extended key usages as words; may be empty
 * @profile: (nullable): the profile asked for
 * @validity: seconds, 0: the profile decides
 * @path_length: -1 for none
 * @spki: DER SubjectPublicKeyInfo of the key to certify
 * @key_type: its key type word
 *
 * What a #ClmRequest asks for, as plain data that may cross threads. Reference counted and immutable.
 */
typedef struct {
  char    *certificate;
  char    *subject;
  GBytes  *subject_name;
  GStrv    subject_parts;
  GStrv    names[CLM_N_NAME_KINDS];
  GStrv    usages;
  char    *profile;
  gint64   validity;
  gboolean is_ca;
  int      path_length;
  GBytes  *spki;
  const char *key_type;
} ClmCaOrder;

/** clm_ca_order_new: Copies @request, main thread. Fails with %CLM_ERROR_REJECTED for names that are none and for a key that is not good enough. Returns: (transfer full) (nullable). */
ClmCaOrder *clm_ca_order_new (ClmRequest *request, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ClmCaOrder *clm_ca_order_ref (ClmCaOrder *self);
void        clm_ca_order_unref (ClmCaOrder *self);

/** clm_ca_order_has_names: whether any alternative name is asked for. */
gboolean clm_ca_order_has_names (const ClmCaOrder *self);

/** clm_ca_order_get_digest: Returns: (transfer full): SHA-256 over everything asked for, so that a ticket is only taken up by the order it belongs to. */
GBytes *clm_ca_order_get_digest (const ClmCaOrder *self);

/**
 * clm_ca_order_check_csr:
 * @csr: DER PKCS#10
 *
 * Checks proof of possession and that the CSR asks for exactly what the order does: key, subject, alternative names, and where it
 * names them extended key usages and CA flag. Nothing of a CSR is ever copied, so one that asks for something else is refused
 * rather than half obeyed. Any thread. Fails with %CLM_ERROR_REJECTED and says what differs.
 */
gboolean clm_ca_order_check_csr (const ClmCaOrder *self, GBytes *csr, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaOrder, clm_ca_order_unref)

G_END_DECLS
