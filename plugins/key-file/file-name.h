/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** clm_file_name_from_id: `web.pem` for the id `web`; bytes outside `[A-Za-z0-9_-]`, and "." in front, are percent-encoded, so that no id leaves the directory. Fails with %CLM_ERROR_INVALID_ARGUMENT for an empty or too long id. Returns: (transfer full) (nullable). */
char *clm_file_name_from_id (const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_file_name_to_id: Returns: (transfer full) (nullable): the id; %NULL for a name that the function above does not make. */
char *clm_file_name_to_id (const char *name);

G_END_DECLS
