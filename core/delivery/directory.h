/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * clm_directory_open:
 * @path: absolute and plain
 * @create: make missing directories, 0755
 *
 * Opens a directory through no symlink: openat2(2) where the kernel has it, component by component else.
 * Fails with %CLM_ERROR_DELIVERY. Returns: a descriptor, -1 on failure.
 */
int clm_directory_open (const char *path, gboolean create, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_directory_open_by_parts: The way without openat2(2); for tests. Returns: a descriptor; -1 with errno. */
int clm_directory_open_by_parts (const char *path, gboolean create);

/** clm_directory_is_still: Returns: whether @path still leads to the directory open as @fd. */
gboolean clm_directory_is_still (const char *path, int fd);

G_END_DECLS
