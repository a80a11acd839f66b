/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "registry.h"

G_BEGIN_DECLS

/**
 * ClmPublication:
 *
 * What authorities have for everybody: the current CRL and the trust anchors. Fetched whenever an authority says that they
 * changed, and published as `STATE/authorities/NAME/{crl.der,crl.pem,anchors.pem}` (0644), each replaced atomically. Main thread only.
 *
 * Signal "changed" (const char *authority).
 */
#define CLM_TYPE_PUBLICATION (clm_publication_get_type ())
G_DECLARE_FINAL_TYPE (ClmPublication, clm_publication, CLM, PUBLICATION, GObject)

ClmPublication *clm_publication_new (ClmEngine *engine);
/** clm_publication_watch: From now on follows @registry. */
void            clm_publication_watch (ClmPublication *self, ClmRegistry *registry);
/** clm_publication_get_crl: Returns: (transfer none) (nullable): DER. */
GBytes         *clm_publication_get_crl (ClmPublication *self, const char *authority);
/** clm_publication_get_anchors: Returns: (transfer none) (nullable): PEM. */
GBytes         *clm_publication_get_anchors (ClmPublication *self, const char *authority);

G_END_DECLS
