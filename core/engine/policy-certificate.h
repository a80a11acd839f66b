/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certificate.h"

G_BEGIN_DECLS

/**
 * clm_policy_check_certificate:
 *
 * What holds for every certificate of a path, leaf or CA, whoever asked for it: version 3, a key that is strong enough, an allowed
 * signature algorithm, a serial number within RFC 5280 §4.1.2.2, names without control characters, and extensions that are
 * readable, known where critical, and not there twice.
 * Fails like clm_policy_check().
 */
gboolean clm_policy_check_certificate (X509 *certificate, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_policy_refuse: Sets @error to %CLM_ERROR_INVALID_DATA, `reason: sentence`; the sentence is escaped and cut. Returns: %FALSE. */
gboolean clm_policy_refuse (GError **error, const char *reason, const char *format, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
