/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-error.h"

G_BEGIN_DECLS

/** CLM_DER_MAX_DEPTH: deepest nesting that is read. */
#define CLM_DER_MAX_DEPTH 32

/**
 * clm_x509_der_check:
 * @what: what the bytes should be, for the message: "certificate"
 *
 * Looks at the frame before a parser does: exactly one value, to the last byte, of definite and shortest lengths (X.690 §10.1), nested
 * at most %CLM_DER_MAX_DEPTH deep, at most @max_size bytes. OpenSSL alone also takes BER and trailing bytes.
 * Fails with %CLM_ERROR_INVALID_DATA.
 */
gboolean clm_x509_der_check (const char *what, const void *data, gsize size, gsize max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
