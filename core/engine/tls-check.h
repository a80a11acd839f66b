/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * The proof of a delivery: a TLS server must show the new leaf. Nothing is validated here but that: the leaf is compared byte by
 * byte, and the server must prove that it holds its key. TLS 1.2 or later. A server that asks for a client certificate is satisfied by the check
 * too, because it has proved its own by the time it complains.
 */

/** ClmTlsCheck: what to check; plain data on the caller's stack. */
typedef struct {
  const char *address;      /* "127.0.0.1:443", "[::1]:443", "localhost:8443" */
  const char *server_name;  /* (nullable): SNI */
  GBytes     *leaf;         /* DER that must be shown */
  gint64      delay_s;      /* before the first try */
  gint64      within_s;     /* tries are repeated for this long after the first; 0: one try */
} ClmTlsCheck;

/**
 * clm_tls_check_async:
 *
 * Connects and shakes hands, again and again with growing pauses (100 ms to 1 s), until the leaf is shown or time is up. Main thread, never blocks.
 */
void     clm_tls_check_async (const ClmTlsCheck *check, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/** clm_tls_check_finish: Fails with %CLM_ERROR_DELIVERY and a message that says what the last try met: nothing listens, no TLS, or another
 * certificate with its serial number and end date; with %CLM_ERROR_CONFIG for an address that is none; with `G_IO_ERROR_CANCELLED`. */
gboolean clm_tls_check_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
