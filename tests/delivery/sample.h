/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "openssl-auto.h"

#include <gio/gio.h>

/* Keys, certificates and folders for tests of deliveries. Everything aborts on failure. */

/** Sample: one generation. */
typedef struct {
  EVP_PKEY *key;
  X509     *leaf;
  GBytes   *der;       /* of the leaf */
  char     *leaf_pem;
  char     *chain_pem; /* the issuer */
  char     *key_pem;
} Sample;

/** sample_new: @common_name: as it is, whatever it holds. A P-256 key, a leaf for it with DNS name localhost, and its issuer. */
Sample *sample_new (const char *common_name);
void    sample_free (Sample *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sample, sample_free)

/** sample_fd: Returns: a read-only descriptor of a memfd with @text. */
int   sample_fd (const char *text);

/** sample_folder: Returns: (transfer full): a new empty folder without symlinks in its path. */
char *sample_folder (void);
void  sample_remove_folder (const char *path);

/** sample_write: Writes a file below @folder, mode 0644, and the folders on the way. */
void  sample_write (const char *folder, const char *name, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** sample_read: Returns: (transfer full): content; %NULL where there is none. */
char *sample_read (const char *folder, const char *name);
/** sample_count: Returns: number of entries of a folder, hidden ones too. */
guint sample_count (const char *folder, const char *name);
