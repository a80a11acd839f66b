/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-secret.h"

#include <sys/stat.h>

G_BEGIN_DECLS

/**
 * ClmKeyDirectory:
 *
 * The directory that holds the key files, by a descriptor: nothing that happens to its path afterwards matters. Reference
 * counted; any thread. Everything blocks.
 */
typedef struct _ClmKeyDirectory ClmKeyDirectory;

/**
 * clm_key_directory_open:
 * @path: absolute
 * @create: make it, mode 0700, where it is not there
 *
 * The directory must belong to the daemon's user and be closed to everybody else. Removes what an interrupted creation left.
 * Fails with %CLM_ERROR_CONFIG (owner, mode, no directory) or %CLM_ERROR_STORAGE. Returns: (transfer full) (nullable).
 */
ClmKeyDirectory *clm_key_directory_open (const char *path, gboolean create, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ClmKeyDirectory *clm_key_directory_ref (ClmKeyDirectory *self);
void             clm_key_directory_unref (ClmKeyDirectory *self);

/**
 * clm_key_directory_open_file:
 * @status: (out): of the open file
 *
 * Opens a key file: regular, ours, for nobody else, with one name, of sane size, and no symbolic link.
 * Fails with %CLM_ERROR_NOT_FOUND or %CLM_ERROR_KEY_UNAVAILABLE. Returns: a descriptor for the caller, -1 on error.
 */
int clm_key_directory_open_file (ClmKeyDirectory *self, const char *name, struct stat *status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_key_directory_read: Reads such a file. Returns: (transfer full) (nullable). */
ClmSecret *clm_key_directory_read (ClmKeyDirectory *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_key_directory_write_new:
 * @texts: (array length=n): the content, one after the other
 *
 * Makes a file that is complete and durable once it bears its name, and never replaces another one. Mode 0600.
 * Fails with %CLM_ERROR_EXISTS or %CLM_ERROR_STORAGE; then nothing is left.
 */
gboolean clm_key_directory_write_new (ClmKeyDirectory *self, const char *name, ClmSecret *const *texts, guint n, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_key_directory_remove: Removes a file durably; one that is not there is removed. Fails with %CLM_ERROR_STORAGE. */
gboolean clm_key_directory_remove (ClmKeyDirectory *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_key_directory_list: Returns: (transfer full) (nullable): names of all entries that do not begin with a dot. */
GStrv clm_key_directory_list (ClmKeyDirectory *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmKeyDirectory, clm_key_directory_unref)

G_END_DECLS
