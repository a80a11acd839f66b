/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * ClmFakeRequest:
 *
 * A request for tests of one authority: the CSR comes from a function (by default from clm_csr_make() with the names and the key
 * of the request), checkpoints are kept for reading. Made with g_object_new() and the properties of #ClmRequest.
 */
#define CLM_TYPE_FAKE_REQUEST (clm_fake_request_get_type ())
G_DECLARE_FINAL_TYPE (ClmFakeRequest, clm_fake_request, CLM, FAKE_REQUEST, ClmRequest)

/** ClmFakeCsrFunc: Runs in the key store's lane. Returns: (transfer full) (nullable): DER PKCS#10. */
typedef GBytes *(*ClmFakeCsrFunc) (ClmRequest *request, const char *challenge_password, GBytes *extra_attributes,
                                   gpointer user_data, GCancellable *cancellable, GError **error);

/** clm_fake_request_new: The common case. @subject: (nullable). @dns_names: (nullable): separated by spaces. */
ClmFakeRequest *clm_fake_request_new (const char *certificate, ClmKey *key, const char *subject, const char *dns_names);
void            clm_fake_request_set_csr_func (ClmFakeRequest *self, ClmFakeCsrFunc func, gpointer user_data);
/** clm_fake_request_fail_next_checkpoint: @error: (transfer full). */
void            clm_fake_request_fail_next_checkpoint (ClmFakeRequest *self, GError *error);
/** clm_fake_request_get_tickets: Returns: (transfer none) (element-type GBytes): every checkpoint, oldest first. */
GPtrArray      *clm_fake_request_get_tickets (ClmFakeRequest *self);
/** clm_fake_request_count_csrs: Returns: how often a CSR was asked for. */
guint           clm_fake_request_count_csrs (ClmFakeRequest *self);

G_END_DECLS
