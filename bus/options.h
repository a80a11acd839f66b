/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** clm_bus_options_check: @known: options as words `name=type`, e.g. "rekey=b due=b". @options: `a{sv}`. Fails with %CLM_ERROR_INVALID_ARGUMENT for an option that is not known, given twice or of a wrong type. */
gboolean clm_bus_options_check (const char *known, GVariant *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
