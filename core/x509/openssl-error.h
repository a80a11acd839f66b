/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-error.h"

G_BEGIN_DECLS

/**
 * clm_x509_init:
 *
 * Starts OpenSSL the way certloom needs it: without its configuration file (which could load modules or weaken checks) and,
 * in builds of OpenSSL that can, with the secure heap for private keys (not where leaks are counted: a leak checker does not
 * see into it). Harmless to repeat; any thread. Call it before anything else of OpenSSL runs in the process.
 */
void clm_x509_init (void);

/**
 * clm_x509_set_error:
 * @error: (out) (optional):
 * @code: what the caller of the caller should do
 * @format: what failed, a lower-case fragment
 *
 * Sets @error to the message, followed by OpenSSL's reason, and empties the thread's OpenSSL error queue. Where the queue holds
 * an error that a key store raised (clm_x509_raise_error()), that error's domain, code and message are used instead of @code, so that
 * a locked token is KEY_UNAVAILABLE and not a library failure. OpenSSL's free-form data, which may quote input, is left out.
 */
void clm_x509_set_error (GError **error, ClmError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/**
 * clm_x509_raise_error:
 * @error: (transfer none): what a key store said; its message holds no secret, by rule
 *
 * Puts @error into the thread's OpenSSL error queue: how it crosses libcrypto on its way from the key store to whoever asked
 * for the signature. The queue belongs to the thread and to libcrypto, so both may be in different modules.
 */
void clm_x509_raise_error (const GError *error);

G_END_DECLS
