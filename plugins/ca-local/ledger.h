/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crl.h"
#include "entry.h"

G_BEGIN_DECLS

/** ClmCaCrlRecord: what the ledger knows about one issuer's CRL. @needed: revocations are not in the published one yet. */
typedef struct {
  guint64  number;
  gint64   this_update;
  gint64   next_update;
  gboolean needed;
} ClmCaCrlRecord;

/** ClmCaSummary: what a start needs. @certificates: by #ClmCaRole, PEM, (nullable): second copy of the CA certificate. */
typedef struct {
  char          *certificates[CLM_CA_N_ROLES];
  ClmCaCrlRecord crls[CLM_CA_N_ROLES];
  gint64         issued;
  gint64         revoked;
  gint64         unfinished;
} ClmCaSummary;

void clm_ca_summary_free (ClmCaSummary *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaSummary, clm_ca_summary_free)

/** ClmCaCrlDraft: a CRL ready to be signed. @tbs: the part to sign, in @writer, which seals it. @revision: which revocations it holds, for clm_ca_ledger_end_crl_async(). */
typedef struct {
  ClmCaCrlWriter *writer;
  GBytes *tbs;
  guint64 number;
  gint64  revision;
  gint64  this_update;
  gint64  next_update;
  guint   entries;
} ClmCaCrlDraft;

void clm_ca_crl_draft_free (ClmCaCrlDraft *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaCrlDraft, clm_ca_crl_draft_free)

/**
 * ClmCaLedger:
 *
 * The inventory of what this CA has issued: an SQLite file of its own in the private directory. Every operation is one transaction in
 * the writer's thread, durable when it completes. Main thread only. Errors are those of core/sql.
 */
typedef struct _ClmCaLedger ClmCaLedger;

/** clm_ca_ledger_open: BLOCKING; makes the file when there is none. Any thread. Returns: (transfer full) (nullable). */
ClmCaLedger *clm_ca_ledger_open (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_ledger_close: BLOCKING: waits until what was asked for is written, and closes the file; later operations fail. Any thread. */
void         clm_ca_ledger_close (ClmCaLedger *self);
/** clm_ca_ledger_free: Closes it, if that was not done, and frees it. No operation may be under way. */
void         clm_ca_ledger_free (ClmCaLedger *self);

/** clm_ca_ledger_load_async: Reads the summary. */
void          clm_ca_ledger_load_async (ClmCaLedger *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
ClmCaSummary *clm_ca_ledger_load_finish (ClmCaLedger *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_ledger_save_certificate_async: Keeps a second copy of the CA certificate(s) of @role. */
void     clm_ca_ledger_save_certificate_async (ClmCaLedger *self, ClmCaRole role, const char *pem, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_ledger_save_certificate_finish (ClmCaLedger *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_ledger_find_async: Looks a serial up; completes with %NULL and no error where it is not known. */
void        clm_ca_ledger_find_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
ClmCaEntry *clm_ca_ledger_find_finish (ClmCaLedger *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_ca_ledger_journal_async: Notes serial and TBSCertificate BEFORE they are signed. A void entry of the same digest is taken up
 * again. Fails with %CLM_ERROR_EXISTS where the serial is taken.
 */
void     clm_ca_ledger_journal_async (ClmCaLedger *self, const ClmCaEntry *entry, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_ledger_journal_finish (ClmCaLedger *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_ledger_complete_async: Stores the signed certificate of an unfinished entry. Fails with %CLM_ERROR_CONFLICT where there is none. */
void     clm_ca_ledger_complete_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GBytes *der, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_ledger_complete_finish (ClmCaLedger *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_ledger_void_async: Marks an unfinished entry as never signed; anything else is left as it is. */
void     clm_ca_ledger_void_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_ledger_void_finish (ClmCaLedger *self, GAsyncResult *result, GError **error);

/**
 * clm_ca_ledger_revoke_async: Marks @entry's serial as revoked at @entry's `revoked_at`; keeps the first revocation where there is one.
 * A serial that is not known is added as foreign (the caller has checked that it is ours).
 * Completes with whether it was not revoked before.
 */
void     clm_ca_ledger_revoke_async (ClmCaLedger *self, const ClmCaEntry *entry, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_ledger_revoke_finish (ClmCaLedger *self, GAsyncResult *result, gboolean *is_new, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_ca_ledger_merge_crl_async: Takes over what a published CRL knows and the database does not (a restored backup): its number and
 * the entries in @revoked. @revoked: (element-type ClmCaEntry).
 */
void     clm_ca_ledger_merge_crl_async (ClmCaLedger *self, ClmCaRole role, const ClmCaCrlInfo *info, GPtrArray *revoked, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_ledger_merge_crl_finish (ClmCaLedger *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_ca_ledger_begin_crl_async: Takes the next CRL number (above @floor), durably, and encodes the CRL. A certificate that has
 * expired is left out once a CRL made after its end has shown it (RFC 5280 §3.3).
 */
void           clm_ca_ledger_begin_crl_async (ClmCaLedger *self, ClmCaRole role, ClmCaIssuer *issuer, guint64 floor, gint64 this_update, gint64 next_update, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
ClmCaCrlDraft *clm_ca_ledger_begin_crl_finish (ClmCaLedger *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_ledger_end_crl_async: Notes that @draft is published. Completes with whether revocations came in meanwhile that it lacks. */
void     clm_ca_ledger_end_crl_async (ClmCaLedger *self, ClmCaRole role, const ClmCaCrlDraft *draft, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_ca_ledger_end_crl_finish (ClmCaLedger *self, GAsyncResult *result, gboolean *needed, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
