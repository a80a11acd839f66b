/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuer.h"

G_BEGIN_DECLS

/**
 * ClmCaCrlWriter:
 *
 * Encodes a certificate revocation list, version 2 (RFC 5280 §5), entry by entry into one buffer with room at both ends for what is
 * known last, so that the list is in memory once, signed and all.
 */
typedef struct _ClmCaCrlWriter ClmCaCrlWriter;

/** clm_ca_crl_writer_new: @number: the CRL number (§5.2.3). @this_update: @next_update: seconds since the epoch. Returns: (transfer full). */
ClmCaCrlWriter *clm_ca_crl_writer_new (const ClmCaIssuer *issuer, guint64 number, gint64 this_update, gint64 next_update);
void            clm_ca_crl_writer_free (ClmCaCrlWriter *self);
/** clm_ca_crl_writer_add: Appends one revoked certificate. @serial: contents of the INTEGER. @reason: CRLReason; 0 is left out, as §5.3.1 asks. */
void            clm_ca_crl_writer_add (ClmCaCrlWriter *self, const guint8 *serial, gsize size, gint64 revoked_at, int reason);
/** clm_ca_crl_writer_end: Returns: (transfer full): DER TBSCertList, for clm_ca_make_signature(); it shares the writer's buffer. Nothing may be added afterwards. */
GBytes         *clm_ca_crl_writer_end (ClmCaCrlWriter *self);
/** clm_ca_crl_writer_seal: Returns: (transfer full): the whole list, in the same buffer, with the @signature over what clm_ca_crl_writer_end() gave. Once only. */
GBytes         *clm_ca_crl_writer_seal (ClmCaCrlWriter *self, GBytes *signature);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaCrlWriter, clm_ca_crl_writer_free)

/** ClmCaCrlInfo: what a CRL says about itself. */
typedef struct {
  guint64 number;
  gint64  this_update;
  gint64  next_update;
} ClmCaCrlInfo;

/** ClmCaCrlEntryFunc: @serial: contents of the INTEGER; @reason: 0 where none is given. */
typedef void (*ClmCaCrlEntryFunc) (const guint8 *serial, gsize size, gint64 revoked_at, int reason, gpointer user_data);

/**
 * clm_ca_crl_read:
 * @der: a CRL this CA has published
 * @issuer: whose signature it must carry
 * @info: (out)
 * @entry: (nullable) (scope call): called for each entry
 *
 * Reads a published CRL back: it is the second witness of the last number and of the revocations, when the database is older than it.
 * Fails with %CLM_ERROR_INVALID_DATA when it is no CRL of this issuer.
 */
gboolean clm_ca_crl_read (GBytes *der, const ClmCaIssuer *issuer, ClmCaCrlInfo *info, ClmCaCrlEntryFunc entry, gpointer user_data,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
