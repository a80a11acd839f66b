/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-credential.h"

G_BEGIN_DECLS

/** CLM_TICKET_MAX: longest ticket in bytes. */
#define CLM_TICKET_MAX (64 * 1024)

/**
 * ClmRequest:
 *
 * What is asked of an authority for one certificate. The engine derives the two verbs (making the CSR and the checkpoint);
 * tests derive their own. The data is set at construction and never changes. Main thread only.
 */
#define CLM_TYPE_REQUEST (clm_request_get_type ())
CLM_EXTERN
G_DECLARE_DERIVABLE_TYPE (ClmRequest, clm_request, CLM, REQUEST, GObject)

/**
 * ClmRequestClass:
 * @make_csr_async: see clm_request_make_csr_async()
 * @make_csr_finish: Returns: (transfer full)
 * @checkpoint_async: see clm_request_checkpoint_async()
 * @checkpoint_finish: fails when the ticket is not durable
 */
struct _ClmRequestClass {
  GObjectClass parent_class;

  void     (*make_csr_async)    (ClmRequest *self, const char *challenge_password, GBytes *extra_attributes,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  GBytes * (*make_csr_finish)   (ClmRequest *self, GAsyncResult *result, GError **error);
  void     (*checkpoint_async)  (ClmRequest *self, GBytes *ticket, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*checkpoint_finish) (ClmRequest *self, GAsyncResult *result, GError **error);

  gpointer padding[16];
};

/* Construct-only properties, all readable: "certificate" (s), "subject" (s), "dns-names", "ip-addresses", "uris", "emails",
 * "usages" (GStrv), "profile" (s), "validity" (gint64), "is-ca" (b), "path-length" (int), "key" (ClmKey),
 * "current" (ClmCredential), "bootstrap" (GPtrArray of ClmCredential), "replaces" (GBytes). */

/** clm_request_get_certificate: Returns: (transfer none): name of the managed certificate. */
CLM_EXTERN const char *clm_request_get_certificate (ClmRequest *self);
/** clm_request_get_subject: Returns: (transfer none) (nullable): distinguished name as RFC 4514 text; %NULL for an empty subject. */
CLM_EXTERN const char *clm_request_get_subject (ClmRequest *self);
/** clm_request_get_dns_names: Returns: (transfer none): A-label text (RFC 5890), a wildcard only as leftmost label; never %NULL. The same holds for the three below. */
CLM_EXTERN const char *const *clm_request_get_dns_names (ClmRequest *self);
CLM_EXTERN const char *const *clm_request_get_ip_addresses (ClmRequest *self);
CLM_EXTERN const char *const *clm_request_get_uris (ClmRequest *self);
CLM_EXTERN const char *const *clm_request_get_emails (ClmRequest *self);
/** clm_request_get_usages: Returns: (transfer none): extended key usages as words (`server`, `client`, `email`, `code`, `ocsp`, `time`) or dotted OIDs; empty: the authority decides. */
CLM_EXTERN const char *const *clm_request_get_usages (ClmRequest *self);
/** clm_request_get_profile: Returns: (transfer none) (nullable): the authority's own word for a kind of certificate. */
CLM_EXTERN const char *clm_request_get_profile (ClmRequest *self);
/** clm_request_get_validity: Returns: asked lifetime in seconds; 0: the authority decides. */
CLM_EXTERN gint64 clm_request_get_validity (ClmRequest *self);
/** clm_request_get_is_ca: whether a CA certificate is asked for; clm_request_get_path_length() is then its limit, -1 for none. */
CLM_EXTERN gboolean clm_request_get_is_ca (ClmRequest *self);
CLM_EXTERN int      clm_request_get_path_length (ClmRequest *self);
/** clm_request_get_key: Returns: (transfer none): the key to certify. */
CLM_EXTERN ClmKey *clm_request_get_key (ClmRequest *self);
/** clm_request_get_current: Returns: (transfer none) (nullable): the credential in use, for a renewal that authenticates with it. */
CLM_EXTERN ClmCredential *clm_request_get_current (ClmRequest *self);
/** clm_request_get_bootstrap: Returns: (transfer none) (element-type ClmCredential): credentials to prove oneself by, best first; never %NULL. */
CLM_EXTERN GPtrArray *clm_request_get_bootstrap (ClmRequest *self);
/** clm_request_get_replaces: Returns: (transfer none) (nullable): DER certificate that the new one takes over from (ARI `replaces`, RFC 9773 §5). */
CLM_EXTERN GBytes *clm_request_get_replaces (ClmRequest *self);

/**
 * clm_request_make_csr_async:
 * @challenge_password: (nullable): PKCS#9 challengePassword (RFC 2985 §5.4.1), e.g. EST's tls-unique (RFC 7030 §3.5)
 * @extra_attributes: (nullable): DER `SET OF Attribute`; only attributes that policy allows, else %CLM_ERROR_REJECTED
 *
 * Makes and signs the PKCS#10 request (RFC 2986) for key and names of this request. Made on demand, because some protocols
 * know what belongs into it only in mid-conversation. Signs in the key store's own thread; completes in the caller's context.
 */
CLM_EXTERN void clm_request_make_csr_async (ClmRequest *self, const char *challenge_password, GBytes *extra_attributes,
                                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_request_make_csr_finish: Returns: (transfer full) (nullable): DER PKCS#10. Fails with %CLM_ERROR_KEY_UNAVAILABLE or %CLM_ERROR_REJECTED. */
CLM_EXTERN GBytes *clm_request_make_csr_finish (ClmRequest *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_request_checkpoint_async:
 * @ticket: up to %CLM_TICKET_MAX bytes, opaque to the engine, versioned by the plugin
 *
 * Notes @ticket durably before it completes. Call it before anything that must not be done twice; after a crash `enroll` is
 * called with the last ticket. A ticket is dropped when the authority's configuration changes its identity.
 */
CLM_EXTERN void     clm_request_checkpoint_async (ClmRequest *self, GBytes *ticket, GCancellable *cancellable,
                                                  GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean clm_request_checkpoint_finish (ClmRequest *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
