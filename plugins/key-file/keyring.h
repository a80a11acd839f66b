/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"
#include "key.h"

G_BEGIN_DECLS

/**
 * ClmKeyring:
 *
 * The keys in one directory: what the store does, blocking. A private key is read for each signature and forgotten after it; only
 * public halves are remembered, as long as the file is the same one. Reference counted; any thread. An id is the key's label.
 */
typedef struct _ClmKeyring ClmKeyring;

/** clm_keyring_open: see clm_key_directory_open(). Returns: (transfer full) (nullable). */
ClmKeyring *clm_keyring_open (const char *path, gboolean create, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ClmKeyring *clm_keyring_ref (ClmKeyring *self);
void        clm_keyring_unref (ClmKeyring *self);

/** clm_keyring_create: One that is there and fits is as good as made. Fails with %CLM_ERROR_EXISTS, %CLM_ERROR_KEY_UNAVAILABLE (there, but damaged), %CLM_ERROR_STORAGE. */
gboolean   clm_keyring_create (ClmKeyring *self, const char *id, const char *key_type, gboolean exportable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_keyring_import: The same for a key from elsewhere; it stays exportable. Fails with %CLM_ERROR_INVALID_DATA, %CLM_ERROR_NOT_SUPPORTED for types the store does not make. */
gboolean   clm_keyring_import (ClmKeyring *self, const char *id, ClmSecret *pkcs8, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_keyring_export: Returns: (transfer full) (nullable): PrivateKeyInfo. Fails with %CLM_ERROR_NOT_SUPPORTED for a key not made exportable. */
ClmSecret *clm_keyring_export (ClmKeyring *self, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
GBytes    *clm_keyring_get_public_key (ClmKeyring *self, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
GBytes    *clm_keyring_sign (ClmKeyring *self, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean   clm_keyring_destroy (ClmKeyring *self, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_keyring_list: Returns: (transfer full) (nullable) (element-type ClmKeyInfo): a file that cannot be read has the type "unreadable". */
GPtrArray *clm_keyring_list (ClmKeyring *self, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_keyring_get_key_types: Returns: (transfer none) (array zero-terminated=1). */
const char *const *clm_keyring_get_key_types (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmKeyring, clm_keyring_unref)

G_END_DECLS
