/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** ClmCaRole: which of the two CA certificates signed; stored in the database, so the values never change. */
typedef enum { CLM_CA_ROOT = 0, CLM_CA_INTERMEDIATE = 1, CLM_CA_N_ROLES } ClmCaRole;

/** clm_ca_role_get_nick: Returns: (transfer none): "root" or "intermediate": key label, file name, and word for people. */
const char *clm_ca_role_get_nick (ClmCaRole role);

/**
 * ClmCaEntryState: how far a serial has come; stored.
 * @CLM_CA_ENTRY_UNFINISHED: noted with what is to be signed; the signature may or may not exist, and never left this process
 * @CLM_CA_ENTRY_ISSUED: signed, the certificate is stored
 * @CLM_CA_ENTRY_VOID: it is known that no signature was made
 * @CLM_CA_ENTRY_FOREIGN: known from a published CRL or a certificate only, because the database was older than they
 */
typedef enum { CLM_CA_ENTRY_UNFINISHED = 0, CLM_CA_ENTRY_ISSUED = 1, CLM_CA_ENTRY_VOID = 2, CLM_CA_ENTRY_FOREIGN = 3 } ClmCaEntryState;

/**
 * ClmCaEntry:
 * @serial: contents of the INTEGER
 * @digest: (nullable): clm_ca_order_get_digest() of what it was made for
 * @certificate: (nullable): the managed certificate's name
 * @tbs: (nullable): TBSCertificate while unfinished
 * @der: (nullable): the certificate once issued
 * @revoked_at: seconds since the epoch, 0: not revoked
 *
 * One serial of the inventory. Plain data, owned by the receiver.
 */
typedef struct {
  ClmCaRole role;
  GBytes *serial;
  ClmCaEntryState state;
  GBytes *digest;
  char   *certificate;
  char   *profile;
  char   *subject;
  gint64  not_before;
  gint64  not_after;
  GBytes *tbs;
  GBytes *der;
  gint64  revoked_at;
  int     reason;
} ClmCaEntry;

ClmCaEntry *clm_ca_entry_new (void);
ClmCaEntry *clm_ca_entry_copy (const ClmCaEntry *self);
void        clm_ca_entry_free (ClmCaEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaEntry, clm_ca_entry_free)

G_END_DECLS
