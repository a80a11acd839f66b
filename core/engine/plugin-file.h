/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * clm_plugin_file_check_place:
 * @directory: absolute path of the plugin directory
 * @allowed_uid: who may own it besides root
 *
 * Checks the directory and everything above it: owned by root or @allowed_uid, writable by nobody else (above it, a sticky
 * directory such as /tmp is good enough). What is checked like this nobody else can swap between check and use.
 * Fails with %CLM_ERROR_ACCESS_DENIED, %CLM_ERROR_NOT_FOUND.
 */
gboolean clm_plugin_file_check_place (const char *directory, guint32 allowed_uid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_plugin_file_open: Opens a module for reading, if it is a regular file (not a link) of root or @allowed_uid and writable by nobody else. Fails like clm_plugin_file_check_place(). Returns: a descriptor, -1 on error. */
int clm_plugin_file_open (const char *path, guint32 allowed_uid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmPluginPeek: @CLM_PLUGIN_PEEK_UNKNOWN: the file does not tell (no section headers, or not for this machine). */
typedef enum { CLM_PLUGIN_PEEK_UNKNOWN, CLM_PLUGIN_PEEK_ABSENT, CLM_PLUGIN_PEEK_FOUND } ClmPluginPeek;

/** clm_plugin_file_peek: Reads @abi and @api of the symbol `clm_plugin_info` from an ELF image, without mapping it for execution: not even constructors run. @data: any bytes whatever. */
ClmPluginPeek clm_plugin_file_peek (const guint8 *data, gsize size, guint *abi, guint *api);

G_END_DECLS
