/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* PEM is only base64 between two lines (RFC 7468): nothing here looks into what is in it. */

/** clm_pem_decode_first: Returns: (transfer full) (nullable): the content of the first block in @pem; %NULL without one. */
GBytes *clm_pem_decode_first (const char *pem, gsize length);

/** clm_pem_encode: Returns: (transfer full): one block called @label ("X509 CRL"). */
char *clm_pem_encode (const char *label, gconstpointer data, gsize length);

G_END_DECLS
