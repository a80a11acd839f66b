/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issue.h"

G_BEGIN_DECLS

/**
 * ClmCaSettings:
 * @subject: RFC 4514 text, by role
 * @key_type: by role
 * @lifetime: seconds, by role
 * @has_intermediate: certificates are issued by an intermediate CA, the root signs only that one
 * @import_certificate: (nullable): absolute path of the PEM file with the CA certificate to import
 * @import_key: (nullable): secret reference of its key
 * @backdate: seconds
 * @crl_lifetime: seconds from thisUpdate to nextUpdate
 * @profiles: (element-type utf8 ClmCaProfile)
 *
 * The options of one instance, read and checked.
 */
typedef struct {
  char      *subject[2];
  char      *key_type[2];
  gint64     lifetime[2];
  gboolean   has_intermediate;
  char      *import_certificate;
  char      *import_key;
  gint64     backdate;
  gint64     crl_lifetime;
  ClmCaUrls  urls;
  GHashTable *profiles;
} ClmCaSettings;

/** clm_ca_settings_load: Reads every option. @name: of the instance. Fails with %CLM_ERROR_CONFIG. Returns: (transfer full) (nullable). */
ClmCaSettings *clm_ca_settings_load (ClmOptions *options, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void           clm_ca_settings_free (ClmCaSettings *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaSettings, clm_ca_settings_free)

G_END_DECLS
