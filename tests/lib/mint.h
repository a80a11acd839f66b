/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * ClmMint:
 *
 * A throw-away CA for tests, made with the OpenSSL of this process: a root, an intermediate, and leaves that may be flawed on
 * request. It believes what a CSR says, which no real CA may. Any one thread at a time.
 */
typedef struct _ClmMint ClmMint;

/** clm_mint_open: @directory: (nullable): where its keys and certificates are kept and found again; %NULL: nowhere. Both are valid from 1970 to 2099. */
ClmMint *clm_mint_open (const char *directory, GError **error);
void     clm_mint_free (ClmMint *self);

/** clm_mint_get_root: Returns: (transfer none): DER certificate. */
GBytes  *clm_mint_get_root (ClmMint *self);
/** clm_mint_get_root_pem: Returns: (transfer full). */
char    *clm_mint_get_root_pem (ClmMint *self);

/**
 * clm_mint_issue:
 * @csr: DER PKCS#10; key, subject and alternative names are taken from it
 * @usages: words as of clm_request_get_usages(); empty: server and client
 * @flaw: (nullable): one of clm_mint_list_flaws()
 *
 * Returns: (transfer full) (nullable) (element-type GBytes): leaf, intermediate.
 */
GPtrArray *clm_mint_issue (ClmMint *self, GBytes *csr, const char *const *usages, gint64 not_before, gint64 lifetime,
                           const char *flaw, GError **error);

/** clm_mint_list_flaws: Returns: (transfer none) (array zero-terminated=1). */
const char *const *clm_mint_list_flaws (void);

/** clm_mint_make_crl: @revoked: (element-type GBytes): DER certificates. @number: CRL number. Returns: (transfer full): DER, of the intermediate, valid for a day. */
GBytes *clm_mint_make_crl (ClmMint *self, GPtrArray *revoked, guint number, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmMint, clm_mint_free)

G_END_DECLS
