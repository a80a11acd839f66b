/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-backend.h"
#include "clm-issuance.h"
#include "clm-request.h"

G_BEGIN_DECLS

/**
 * ClmRevocationReason: CRLReason, RFC 5280 §5.3.1; the values are the standard's.
 */
typedef enum {
  CLM_REVOCATION_UNSPECIFIED = 0,
  CLM_REVOCATION_KEY_COMPROMISE = 1,
  CLM_REVOCATION_CA_COMPROMISE = 2,
  CLM_REVOCATION_AFFILIATION_CHANGED = 3,
  CLM_REVOCATION_SUPERSEDED = 4,
  CLM_REVOCATION_CESSATION_OF_OPERATION = 5,
  CLM_REVOCATION_PRIVILEGE_WITHDRAWN = 9,
} ClmRevocationReason;

/** clm_revocation_reason_get_nick: Returns: (transfer none): "unspecified", "key-compromise", "ca-compromise", "affiliation-changed", "superseded", "cessation-of-operation", "privilege-withdrawn". */
CLM_EXTERN const char *clm_revocation_reason_get_nick (ClmRevocationReason reason);
/** clm_revocation_reason_from_nick: @reason: (out). Returns: %FALSE for an unknown word. */
CLM_EXTERN gboolean clm_revocation_reason_from_nick (const char *nick, ClmRevocationReason *reason);
/** clm_revocation_reason_list_nicks: Returns: (transfer none) (array zero-terminated=1). */
CLM_EXTERN const char *const *clm_revocation_reason_list_nicks (void);

/**
 * ClmDemands:
 *
 * What an authority demands of key and request before they are made (EST `csrattrs`, RFC 7030 §4.5.2). All %NULL or empty: nothing.
 * Plain data, owned by the receiver, freed by clm_demands_free().
 */
typedef struct {
  GStrv   key_types;         /* acceptable, best first; NULL: any */
  GBytes *extra_attributes;  /* DER SET OF Attribute for the CSR; NULL: none */
  gpointer padding[6];
} ClmDemands;

CLM_EXTERN ClmDemands *clm_demands_new (void);
CLM_EXTERN void        clm_demands_free (ClmDemands *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmDemands, clm_demands_free)

/** ClmRenewalWindow: when the CA would like to see the renewal (ARI, RFC 9773 §4.2); seconds since the epoch. */
typedef struct { gint64 start, end; gint64 ask_again; } ClmRenewalWindow;

/**
 * ClmAuthority:
 *
 * A certification authority, as one protocol reaches it. Derive from it, implement @enroll and what else the protocol can.
 * Retrying, waiting and giving up are the daemon's business, so an implementation tries once and says what happened.
 *
 * Signal "crl-changed": emitted by the instance when clm_authority_fetch_crls_async() would give something new; the daemon
 * then fetches and publishes it. Signal "anchors-changed": the same for clm_authority_fetch_anchors_async().
 */
#define CLM_TYPE_AUTHORITY (clm_authority_get_type ())
CLM_EXTERN
G_DECLARE_DERIVABLE_TYPE (ClmAuthority, clm_authority, CLM, AUTHORITY, ClmBackend)

/**
 * ClmAuthorityClass:
 * @get_identity: (nullable): Says what makes a ticket of this instance worthless when it changes (URL and account, for
 *   instance). Default: the instance's name. Returns: (transfer full).
 * @prepare_async: (nullable): Asks the CA what it demands of key and request, before the key is made.
 * @prepare_finish: Returns: (transfer full).
 * @enroll_async: Sends @request, or goes on with the conversation that @ticket names. Checkpoint before anything that must
 *   not be done twice.
 * @enroll_finish: Returns: (transfer full): issued, or pending. Fails with %CLM_ERROR_REJECTED (do not ask again),
 *   %CLM_ERROR_UNREACHABLE or %CLM_ERROR_BUSY (later), %CLM_ERROR_CONFIG (the operator must act),
 *   %CLM_ERROR_KEY_UNAVAILABLE, %CLM_ERROR_CLOCK, %CLM_ERROR_TICKET_LOST (start afresh).
 * @confirm_async: (nullable): Tells the CA whether the certificate was accepted (CMP certConf, RFC 9810 §5.3.18).
 * @abandon_async: (nullable): Gives up the conversation @ticket names: clean up challenges and orders.
 * @fetch_anchors_async: (nullable): Fetches the CA's trust anchors, authenticated by what configuration pins.
 * @fetch_anchors_finish: Returns: (transfer container) (element-type GBytes): DER certificates.
 * @suggest_renewal_async: (nullable): Asks when to renew @certificate (DER).
 * @revoke_async: (nullable): Revokes @certificate (DER). Revoking what is revoked already succeeds.
 * @fetch_crls_async: (nullable): Fetches the current CRLs.
 * @fetch_crls_finish: Returns: (transfer full) (element-type GBytes): DER CertificateLists, RFC 5280 §5: that of the CA that issues,
 *   then those of the CAs above it, as far as they are known. At least one.
 *
 * A nullable operation that is not implemented answers %CLM_ERROR_NOT_SUPPORTED. See #ClmBackend for the rules of the pairs.
 */
struct _ClmAuthorityClass {
  ClmBackendClass parent_class;

  char *        (*get_identity)           (ClmAuthority *self);
  void          (*prepare_async)          (ClmAuthority *self, ClmRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  ClmDemands *  (*prepare_finish)         (ClmAuthority *self, GAsyncResult *result, GError **error);
  void          (*enroll_async)           (ClmAuthority *self, ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  ClmIssuance * (*enroll_finish)          (ClmAuthority *self, GAsyncResult *result, GError **error);
  void          (*confirm_async)          (ClmAuthority *self, ClmIssuance *issuance, gboolean accepted, const char *reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean      (*confirm_finish)         (ClmAuthority *self, GAsyncResult *result, GError **error);
  void          (*abandon_async)          (ClmAuthority *self, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean      (*abandon_finish)         (ClmAuthority *self, GAsyncResult *result, GError **error);
  void          (*fetch_anchors_async)    (ClmAuthority *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  GPtrArray *   (*fetch_anchors_finish)   (ClmAuthority *self, GAsyncResult *result, GError **error);
  void          (*suggest_renewal_async)  (ClmAuthority *self, GBytes *certificate, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean      (*suggest_renewal_finish) (ClmAuthority *self, GAsyncResult *result, ClmRenewalWindow *window, GError **error);
  void          (*revoke_async)           (ClmAuthority *self, GBytes *certificate, ClmRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean      (*revoke_finish)          (ClmAuthority *self, GAsyncResult *result, GError **error);
  void          (*fetch_crls_async)       (ClmAuthority *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  GPtrArray *   (*fetch_crls_finish)      (ClmAuthority *self, GAsyncResult *result, GError **error);

  gpointer padding[24];
};

/* The wrappers the engine calls; each follows the vfunc of the same name and enforces the rules of #ClmBackend. */
CLM_EXTERN char        *clm_authority_get_identity (ClmAuthority *self);
CLM_EXTERN gboolean     clm_authority_can_prepare (ClmAuthority *self);
CLM_EXTERN gboolean     clm_authority_can_confirm (ClmAuthority *self);
CLM_EXTERN gboolean     clm_authority_can_fetch_anchors (ClmAuthority *self);
CLM_EXTERN gboolean     clm_authority_can_suggest_renewal (ClmAuthority *self);
CLM_EXTERN gboolean     clm_authority_can_revoke (ClmAuthority *self);
CLM_EXTERN gboolean     clm_authority_can_fetch_crls (ClmAuthority *self);
CLM_EXTERN void         clm_authority_prepare_async (ClmAuthority *self, ClmRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN ClmDemands  *clm_authority_prepare_finish (ClmAuthority *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void         clm_authority_enroll_async (ClmAuthority *self, ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN ClmIssuance *clm_authority_enroll_finish (ClmAuthority *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void         clm_authority_confirm_async (ClmAuthority *self, ClmIssuance *issuance, gboolean accepted, const char *reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean     clm_authority_confirm_finish (ClmAuthority *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void         clm_authority_abandon_async (ClmAuthority *self, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean     clm_authority_abandon_finish (ClmAuthority *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void         clm_authority_fetch_anchors_async (ClmAuthority *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN GPtrArray   *clm_authority_fetch_anchors_finish (ClmAuthority *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void         clm_authority_suggest_renewal_async (ClmAuthority *self, GBytes *certificate, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean     clm_authority_suggest_renewal_finish (ClmAuthority *self, GAsyncResult *result, ClmRenewalWindow *window, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void         clm_authority_revoke_async (ClmAuthority *self, GBytes *certificate, ClmRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean     clm_authority_revoke_finish (ClmAuthority *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void         clm_authority_fetch_crls_async (ClmAuthority *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN GPtrArray   *clm_authority_fetch_crls_finish (ClmAuthority *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_authority_emit_crl_changed: For the instance itself. */
CLM_EXTERN void         clm_authority_emit_crl_changed (ClmAuthority *self);
/** clm_authority_emit_anchors_changed: For the instance itself. */
CLM_EXTERN void         clm_authority_emit_anchors_changed (ClmAuthority *self);

G_END_DECLS
