/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "openssl-auto.h"
#include "signature.h"

G_BEGIN_DECLS

/**
 * ClmCaIssuer:
 * @der: the CA certificate
 * @name: DER Name of its subject, byte for byte, as it goes into `issuer`
 * @subject: the same as RFC 4514 text
 * @spki: DER SubjectPublicKeyInfo
 * @key_id: its subject key identifier; what RFC 5280 §4.2.1.2 (1) computes where it has none
 * @serial: contents of its serial number
 * @path_length: -1 for none
 * @self_signed: it is a root
 *
 * A CA certificate, read once, as issuing needs it. Reference counted and immutable; any thread.
 */
typedef struct {
  GBytes  *der;
  GBytes  *name;
  char    *subject;
  GBytes  *spki;
  GBytes  *key_id;
  GBytes  *serial;
  char    *fingerprint;
  gint64   not_before;
  gint64   not_after;
  int      path_length;
  gboolean self_signed;
  const ClmCaAlgorithm *algorithm;
} ClmCaIssuer;

/** clm_ca_issuer_new: Reads @der and checks that a CA can work with it: CA:TRUE, allowed to sign certificates and CRLs, a subject, a good key. Fails with %CLM_ERROR_CONFIG. Returns: (transfer full) (nullable). */
ClmCaIssuer *clm_ca_issuer_new (GBytes *der, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ClmCaIssuer *clm_ca_issuer_ref (ClmCaIssuer *self);
void         clm_ca_issuer_unref (ClmCaIssuer *self);

/** clm_ca_issuer_signed: whether @certificate names @self as its issuer and carries its signature. */
gboolean clm_ca_issuer_signed (const ClmCaIssuer *self, X509 *certificate);

/** clm_ca_key_id: Returns: (transfer full): SHA-1 of the key bits in @spki, RFC 5280 §4.2.1.2 (1); an identifier, not a protection. */
GBytes *clm_ca_key_id (GBytes *spki);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaIssuer, clm_ca_issuer_unref)

G_END_DECLS
