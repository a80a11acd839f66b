/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"
#include "authority.h"
#include "bundle.h"
#include "ledger.h"
#include "settings.h"

G_BEGIN_DECLS

/**
 * ClmCaLevel:
 * @bundle: (nullable): %NULL until the CA certificate exists
 * @key: (nullable): opened on first use, dropped when its store fails
 * @crl: what is published; `number` 0: nothing yet
 * @round: tasks that wait for the CRL being made, @next_round: those that came too late for it
 * @retry_at: not before this time is a failed CRL tried again
 * @is_key_missed: KEY_UNAVAILABLE has been told and nothing worked since
 *
 * The root, or the intermediate CA.
 */
typedef struct {
  ClmCaRole    role;
  ClmCaBundle *bundle;
  ClmKey      *key;
  ClmCaCrlRecord crl;
  GPtrArray   *round;
  GPtrArray   *next_round;
  gboolean     is_publishing;
  gint64       retry_at;
  gint64       renew_retry_at;
  gboolean     is_key_missed;
  guint        warned;
} ClmCaLevel;

struct _ClmCaLocal {
  ClmAuthority parent_instance;

  ClmCaSettings *settings;
  char          *directory;
  ClmCaLedger   *ledger;
  ClmCaSummary  *summary;
  ClmCaLevel     levels[CLM_CA_N_ROLES];
  gboolean       is_loaded;
  gboolean       is_ready;
  GPtrArray     *ready_waiters;
  GCancellable  *stopping;
  GCancellable  *wait;
};

/** clm_ca_local_get_issuing: Returns: the level that signs certificates. */
ClmCaLevel *clm_ca_local_get_issuing (ClmCaLocal *self);
/** clm_ca_local_get_path: Returns: (transfer full): file of @role in the private directory, e.g. "root.pem". */
char *clm_ca_local_get_path (ClmCaLocal *self, ClmCaRole role, const char *suffix);

/* setup.c: CA certificates: loaded, imported, created, renewed */

/** clm_ca_local_ensure_ready_async: Completes when the CA certificates are there; many callers share one attempt. */
void     clm_ca_local_ensure_ready_async (ClmCaLocal *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_local_ensure_ready_finish (ClmCaLocal *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_local_make_intermediate_async: Issues the intermediate CA's certificate, for the key it has or for a new one. */
void     clm_ca_local_make_intermediate_async (ClmCaLocal *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_local_make_intermediate_finish (ClmCaLocal *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* signing.c: the one way to a signature */

/** clm_ca_local_open_key_async: Opens the key of @role, which must be the one its certificate names. @create: (nullable): as for clm_host_open_key_async(). */
void    clm_ca_local_open_key_async (ClmCaLocal *self, ClmCaRole role, const ClmKeySpec *create, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
ClmKey *clm_ca_local_open_key_finish (ClmCaLocal *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_local_note_key: Tells the operator once when the key of @role cannot be used (@error), and once when it can again (%NULL). */
void    clm_ca_local_note_key (ClmCaLocal *self, ClmCaRole role, const GError *error);
/**
 * clm_ca_local_sign_async: Journals @entry (unless it is unfinished already), signs its TBSCertificate with the key of its role, stores the
 * certificate. When it is known that no signature was made the entry is void.
 */
void    clm_ca_local_sign_async (ClmCaLocal *self, const ClmCaEntry *entry, gboolean is_journalled, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_ca_local_sign_finish: Returns: (transfer full) (nullable): the certificate, DER. */
GBytes *clm_ca_local_sign_finish (ClmCaLocal *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* publish.c: revocation lists and the timer */

/** clm_ca_local_publish_async: Makes and publishes a CRL of @role that holds every revocation recorded before this call. */
void     clm_ca_local_publish_async (ClmCaLocal *self, ClmCaRole role, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_local_publish_finish (ClmCaLocal *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_local_schedule: Does what is due (CRL, renewal of the intermediate, warning of the root's end) and waits for what is next. */
void     clm_ca_local_schedule (ClmCaLocal *self);

/* enrolment.c */
void         clm_ca_local_enroll_async (ClmAuthority *authority, ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
ClmIssuance *clm_ca_local_enroll_finish (ClmAuthority *authority, GAsyncResult *result, GError **error);
/** clm_ca_ticket_new: Returns: (transfer full): the ticket of the conversation about @serial. */
GBytes *clm_ca_ticket_new (ClmCaRole role, GBytes *serial);
/** clm_ca_ticket_parse: @serial: (out) (transfer full). Fails with %CLM_ERROR_TICKET_LOST. */
gboolean clm_ca_ticket_parse (GBytes *ticket, ClmCaRole *role, GBytes **serial, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* revocation.c */
void     clm_ca_local_confirm_async (ClmAuthority *authority, ClmIssuance *issuance, gboolean accepted, const char *reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
void     clm_ca_local_abandon_async (ClmAuthority *authority, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
void     clm_ca_local_revoke_async (ClmAuthority *authority, GBytes *certificate, ClmRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_local_finish_boolean (ClmAuthority *authority, GAsyncResult *result, GError **error);

G_END_DECLS
