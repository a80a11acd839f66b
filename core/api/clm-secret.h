/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>
#include "clm-version.h"

G_BEGIN_DECLS

/**
 * ClmSecret:
 *
 * Immutable secret bytes (a password, a PIN, a private key on its way between a store and the engine). Kept in pages that are
 * locked in memory where the system allows it, left out of core dumps, and wiped when the last reference goes. It has no
 * conversion to a string, so that it cannot be printed by mistake. Reference counted, any thread.
 */
typedef struct _ClmSecret ClmSecret;

#define CLM_TYPE_SECRET (clm_secret_get_type ())
CLM_EXTERN GType clm_secret_get_type (void);

/** clm_secret_new: @data: (array length=size): copied; the caller wipes its own copy. Returns: (transfer full): a new secret. */
CLM_EXTERN ClmSecret *clm_secret_new (const void *data, gsize size);

/** clm_secret_new_sized: @fill: writes @size bytes into the locked memory, once, at once. Returns: (transfer full): a new secret that existed nowhere else. */
CLM_EXTERN ClmSecret *clm_secret_new_sized (gsize size, void (*fill) (void *data, gsize size, gpointer user_data), gpointer user_data);

/** clm_secret_new_from_fd: @fd: read to its end, from where it stands, without passing through other memory.
 * Fails with %CLM_ERROR_INVALID_DATA when there are more than @max_size bytes, else with a `G_FILE_ERROR`.
 * Returns: (transfer full) (nullable): a new secret. */
CLM_EXTERN ClmSecret *clm_secret_new_from_fd (int fd, gsize max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_secret_ref, clm_secret_unref: The last reference wipes the bytes. Any thread. */
CLM_EXTERN ClmSecret *clm_secret_ref (ClmSecret *self);
CLM_EXTERN void       clm_secret_unref (ClmSecret *self);

/** clm_secret_peek: @size: (out). Returns: (transfer none): the bytes, valid while the caller holds a reference. A zero byte follows them. */
CLM_EXTERN const void *clm_secret_peek (ClmSecret *self, gsize *size);

/** clm_secret_equal: compares in constant time for equal lengths. */
CLM_EXTERN gboolean clm_secret_equal (ClmSecret *a, ClmSecret *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmSecret, clm_secret_unref)

G_END_DECLS
