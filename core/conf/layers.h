/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * ClmLayers:
 *
 * The folders that configuration is read from, weakest first: vendor (`/usr/lib/certloom`), runtime (`/run/certloom`), local
 * (`/etc/certloom`). Every folder and file must belong to root, or to the one other user named at construction, and be writable by
 * nobody else; files are opened relative to an open folder and never through a symbolic link. Reference-counted, immutable; any
 * thread. All functions are BLOCKING.
 */
typedef struct _ClmLayers ClmLayers;

/**
 * clm_layers_new:
 * @root: (nullable): what is put before all three folders (`--config-root`); this folder and everything below is checked, what is
 *   above it is not. %NULL: the folders of the installation, checked from `/` on
 * @owner: who besides uid 0 may own them; 0: nobody
 *
 * With @root the folders are ROOT/usr/lib/certloom, ROOT/run/certloom and ROOT/etc/certloom. Returns: (transfer full).
 */
ClmLayers *clm_layers_new (const char *root, guint32 owner);

/** clm_layers_new_for_folders: The same with folders of one's own, weakest first. @root: absolute. @folders: (array zero-terminated=1): relative to @root. Returns: (transfer full). */
ClmLayers *clm_layers_new_for_folders (const char *root, const char *const *folders, guint32 owner);

/** clm_layers_new_without_runtime: As clm_layers_new() but vendor and local only: for root's hand, which obeys nothing that is made at run time. Returns: (transfer full). */
ClmLayers *clm_layers_new_without_runtime (const char *root, guint32 owner);

ClmLayers *clm_layers_ref (ClmLayers *self);
void       clm_layers_unref (ClmLayers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmLayers, clm_layers_unref)

/** ClmLayerEntry: one file as it lies in one layer. Plain data. */
typedef struct {
  char  *file_name;     /* "web.certificate" */
  char  *path;          /* whole path, for messages */
  guint  layer;         /* 0: the weakest */
  char  *link_target;   /* (nullable): what a symbolic link says */
  gboolean is_mask;     /* empty, or a link to /dev/null */
  gboolean is_folder;
  char  *stamp;         /* device, inode, size, times, owner, mode: equal as long as nothing was done to it */
  gint64 changed;       /* when the file system saw the last change, µs since the epoch */
} ClmLayerEntry;
void clm_layer_entry_free (ClmLayerEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmLayerEntry, clm_layer_entry_free)

/**
 * clm_layers_list:
 * @folder: (nullable): relative to each layer, e.g. "certificates.d"; %NULL: the layers themselves
 * @errors: (element-type GError): receives what had to be refused: a folder or file of the wrong owner or mode
 *
 * Lists one folder in all layers. What is refused is left out and reported; an absent folder is no error. Hidden files and
 * what editors and package managers leave behind (`*~`, `*.bak`, `*.dpkg-old`, `*.rpmsave`, `.#*` …) are passed over.
 * Returns: (transfer full) (element-type ClmLayerEntry): by file name, then layer.
 */
GPtrArray *clm_layers_list (ClmLayers *self, const char *folder, GPtrArray *errors);

/**
 * clm_layers_read:
 * @entry: a file of clm_layers_list() for the same @folder
 *
 * Opens and checks it again and reads it whole. Fails with %CLM_ERROR_CONFIG: wrong owner or mode, not a regular file, a symbolic
 * link, larger than %CLM_KEYFILE_MAX_SIZE, changed while it was read. Returns: (transfer full) (nullable).
 */
GBytes *clm_layers_read (ClmLayers *self, const char *folder, const ClmLayerEntry *entry, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_layers_get_path: Returns: (transfer none): whole path of layer @layer, or %NULL beyond the last one. */
const char *clm_layers_get_path (ClmLayers *self, guint layer);

/** clm_layers_get_count: Returns: number of layers. */
guint clm_layers_get_count (ClmLayers *self);

G_END_DECLS
