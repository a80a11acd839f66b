/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "order.h"

G_BEGIN_DECLS

/*
 * The two readers behind clm_ca_order_check_csr(). A CSR has a usual form, the one that this project's daemon makes, and that is
 * recognised byte by byte against what the order would say; everything else is read and judged with OpenSSL's help.
 */

/**
 * clm_ca_csr_is_as_ordered:
 *
 * Whether @csr has the usual form, asks for exactly what @order does, and proves possession of its key: an ECDSA key in its usual form,
 * subject and alternative names in the bytes that the order has, no attribute but one extension request.
 * Says yes only where clm_ca_csr_check() would; no means nothing. Any thread.
 */
gboolean clm_ca_csr_is_as_ordered (GBytes *csr, const ClmCaOrder *order);

/** clm_ca_csr_check: as clm_ca_order_check_csr(), for every form. */
gboolean clm_ca_csr_check (GBytes *csr, const ClmCaOrder *order, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
