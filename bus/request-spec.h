/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "certloom-plugin.h"

G_BEGIN_DECLS

/*
 * What a caller says about a new certificate, checked for shape before the engine sees it: names and keys are of the right
 * alphabet, values hold no control characters and are not endless. What they mean is for the engine to judge.
 * All fail with %CLM_ERROR_INVALID_ARGUMENT.
 */

/** clm_bus_request_check_name: see clm_bus_names_is_valid(). */
gboolean clm_bus_request_check_name (const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_request_check_instance: at most 64 letters, digits and `.`, `_`, `-`, not beginning with one of these; may be empty. */
gboolean clm_bus_request_check_instance (const char *instance, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_bus_request_make_options: @spec: `a{sv}`. Returns: (transfer full) (nullable): as if they stood in a file called "request". */
ClmOptions *clm_bus_request_make_options (GVariant *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
