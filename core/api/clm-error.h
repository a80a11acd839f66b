/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "clm-version.h"

G_BEGIN_DECLS

/**
 * ClmError:
 * @CLM_ERROR_FAILED: Nothing better fits; the engine tries again later, with back-off.
 * @CLM_ERROR_UNREACHABLE: The peer did not answer; ask later.
 * @CLM_ERROR_BUSY: The peer asked us to come back later; see clm_error_get_retry_after().
 * @CLM_ERROR_REJECTED: The peer refused for good; the same request is not sent again.
 * @CLM_ERROR_CONFIG: The operator must change something first.
 * @CLM_ERROR_KEY_UNAVAILABLE: The key store or the key in it cannot be used at present (locked token, absent file).
 * @CLM_ERROR_CLOCK: The clock cannot be trusted enough to do this.
 * @CLM_ERROR_TICKET_LOST: The conversation that the ticket named is gone; start afresh.
 * @CLM_ERROR_NOT_SUPPORTED: The backend cannot do this.
 * @CLM_ERROR_INVALID_ARGUMENT: The caller's input is wrong; the message names the input.
 * @CLM_ERROR_NOT_FOUND: No thing of that name.
 * @CLM_ERROR_EXISTS: A thing of that name is there already.
 * @CLM_ERROR_ACCESS_DENIED: The caller may not do this.
 * @CLM_ERROR_LIMITS_EXCEEDED: Too much asked at once.
 * @CLM_ERROR_INVALID_DATA: What a peer or a file gave is malformed or breaks policy.
 * @CLM_ERROR_DELIVERY: A consumer did not take the certificate.
 * @CLM_ERROR_STORAGE: State could not be read or written; nothing of it counts as written.
 * @CLM_ERROR_CONFLICT: The thing is in a state that does not allow this (held, removed, another job).
 * @CLM_ERROR_RESYNC_NEEDED: What the caller remembers is too old to be brought up to date; read everything anew.
 * @CLM_N_ERRORS: Number of codes; not a code.
 *
 * The one error domain of certloom. Each code answers what the caller should do. Cancellation is `G_IO_ERROR_CANCELLED`,
 * never a code of this domain. Messages are lower-case fragments without a full stop and never hold secrets.
 * Codes are only added, at the end.
 */
typedef enum {
  CLM_ERROR_FAILED,
  CLM_ERROR_UNREACHABLE,
  CLM_ERROR_BUSY,
  CLM_ERROR_REJECTED,
  CLM_ERROR_CONFIG,
  CLM_ERROR_KEY_UNAVAILABLE,
  CLM_ERROR_CLOCK,
  CLM_ERROR_TICKET_LOST,
  CLM_ERROR_NOT_SUPPORTED,
  CLM_ERROR_INVALID_ARGUMENT,
  CLM_ERROR_NOT_FOUND,
  CLM_ERROR_EXISTS,
  CLM_ERROR_ACCESS_DENIED,
  CLM_ERROR_LIMITS_EXCEEDED,
  CLM_ERROR_INVALID_DATA,
  CLM_ERROR_DELIVERY,
  CLM_ERROR_STORAGE,
  CLM_ERROR_CONFLICT,
  CLM_ERROR_RESYNC_NEEDED,
  CLM_N_ERRORS
} ClmError;

#define CLM_ERROR (clm_error_quark ())

/** clm_error_quark: Returns: the domain; any thread. */
CLM_EXTERN GQuark clm_error_quark (void);

/**
 * clm_error_set_retry_after:
 * @error: an error of %CLM_ERROR
 * @seconds: how long to wait before the next try, at least 0
 *
 * Adds the peer's own wish (HTTP `Retry-After`, CMP `checkAfter`) to an error. The engine clamps it, so pass what was said.
 */
CLM_EXTERN void clm_error_set_retry_after (GError *error, gint64 seconds);

/** clm_error_get_retry_after: @error: (nullable). Returns: seconds, or -1 where the peer named none or @error is of another domain. */
CLM_EXTERN gint64 clm_error_get_retry_after (const GError *error);

/**
 * clm_error_set_hint:
 * @error: an error of %CLM_ERROR
 * @format: printf format
 *
 * Says what a person can do about it ("set Url= in corp.authority"). Shown as "What to do" by the command line.
 */
CLM_EXTERN void clm_error_set_hint (GError *error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/** clm_error_get_hint: @error: (nullable). Returns: (transfer none) (nullable): the hint, valid as long as @error. */
CLM_EXTERN const char *clm_error_get_hint (const GError *error);

/** clm_error_code_to_nick: Returns: (transfer none): the code as a stable CamelCase word, e.g. "KeyUnavailable"; "Failed" for an unknown one. */
CLM_EXTERN const char *clm_error_code_to_nick (int code);

G_END_DECLS
