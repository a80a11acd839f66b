/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-options.h"
#include "order.h"

G_BEGIN_DECLS

/**
 * ClmCaProfile:
 * @name: the word a certificate's `Profile=` names
 * @usages: extended key usages that may be asked for; all of them are given where none is asked for; empty for a CA profile
 * @key_types: key types that are certified
 * @allowed_names: (nullable): patterns, see clm_ca_pattern_matches(); %NULL: every name that the daemon asks for
 * @lifetime: seconds, where none is asked for
 * @max_lifetime: seconds that may be asked for
 * @is_ca: certifies CAs, and nothing else
 * @no_check: adds id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1)
 *
 * A kind of certificate and its limits. Immutable once loaded; any thread.
 */
typedef struct {
  char    *name;
  GStrv    usages;
  GStrv    key_types;
  GStrv    allowed_names;
  gint64   lifetime;
  gint64   max_lifetime;
  gboolean is_ca;
  gboolean no_check;
} ClmCaProfile;

/**
 * clm_ca_profiles_load: Builds the table of profiles: the built-in ones (device-identity, server, client, module, intermediate-ca,
 * ocsp-signer), adjusted by options `Profile.NAME.KEY=`, and new ones, which start as a copy of `Profile.NAME.Base=`.
 * `Profiles=` names those on offer (all without it). Fails with %CLM_ERROR_CONFIG. Returns: (transfer full): by name.
 */
GHashTable *clm_ca_profiles_load (ClmOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_ca_profiles_choose: Finds the profile that @order names; an order that names none gets the first on offer of server,
 * client, module, device-identity, ocsp-signer whose usages cover those asked for (a CA is never chosen unasked).
 * Returns: (transfer none) (nullable): fails with %CLM_ERROR_REJECTED.
 */
const ClmCaProfile *clm_ca_profiles_choose (GHashTable *profiles, const ClmCaOrder *order, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_profile_admit: Checks that everything in @order is inside @self. Fails with %CLM_ERROR_REJECTED and says what is outside. */
gboolean clm_ca_profile_admit (const ClmCaProfile *self, const ClmCaOrder *order, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_ca_profile_get_usages: Returns: (transfer none): what the certificate gets: what is asked for, else the profile's. */
const char *const *clm_ca_profile_get_usages (const ClmCaProfile *self, const ClmCaOrder *order);
/** clm_ca_profile_get_lifetime: Returns: seconds: what is asked for, else the profile's. */
gint64 clm_ca_profile_get_lifetime (const ClmCaProfile *self, const ClmCaOrder *order);

void clm_ca_profile_free (ClmCaProfile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaProfile, clm_ca_profile_free)

G_END_DECLS
