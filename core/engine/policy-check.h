/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "name.h"

G_BEGIN_DECLS

/**
 * ClmPolicyExpectation:
 * @spki: DER SubjectPublicKeyInfo of our key
 * @subject: (nullable): the asked distinguished name as RFC 4514 text
 * @subject_from_authority: the authority may choose the subject (some overwrite it by rule); alternative names stay exact
 * @names: the asked alternative names
 * @usages: (nullable): the asked extended key usages; %NULL or empty: the authority decides
 * @is_ca: a CA certificate was asked for, with @path_length as its limit, -1 for none
 * @max_validity_s: longest lifetime in seconds; 0 for the built-in 20 years
 * @clock_skew_s: how far not-before may lie in the future and how much the clocks may differ; 0 for the built-in 5 minutes
 * @anchors: (nullable) (element-type GBytes): DER trust anchors that the chain must build to; %NULL or empty: none configured
 * @previous: (nullable): DER of the certificate in force, which the new one must not be
 *
 * What a certificate must look like to be used. Plain data on the caller's stack; nothing is owned.
 */
typedef struct {
  GBytes            *spki;
  const char        *subject;
  gboolean           subject_from_authority;
  ClmNames           names;
  const char *const *usages;
  gboolean           is_ca;
  int                path_length;
  gint64             max_validity_s;
  gint64             clock_skew_s;
  GPtrArray         *anchors;
  GBytes            *previous;
} ClmPolicyExpectation;

/**
 * clm_policy_check:
 * @chain: (element-type GBytes): what the authority returned, DER, leaf first
 * @now: seconds since the epoch
 *
 * Examines a certificate before it is staged. Touches nothing but its arguments; any thread.
 *
 * Fails with %CLM_ERROR_INVALID_DATA. The message is `REASON: sentence`, REASON being one of clm_policy_list_reasons(); see
 * clm_policy_get_reason(); %CLM_ERROR_CONFIG or %CLM_ERROR_INVALID_ARGUMENT where @expect itself cannot be read. Texts taken from the certificate are escaped and cut.
 * Returns: (transfer full) (element-type GBytes) (nullable): the chain in order, leaf first, without roots and strangers.
 */
GPtrArray *clm_policy_check (const ClmPolicyExpectation *expect, GPtrArray *chain, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_policy_get_reason: Returns: (transfer none) (nullable): the stable word at the start of such an error's message; %NULL for another error. */
const char *clm_policy_get_reason (const GError *error);

/** clm_policy_list_reasons: Returns: (transfer none) (array zero-terminated=1): every word, for the history and for tests. */
const char *const *clm_policy_list_reasons (void);

G_END_DECLS
