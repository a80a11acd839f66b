/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "call.h"

G_BEGIN_DECLS

/* The manager's methods that list certificates: in pages, by change, and as one stream. */

/** clm_bus_lists_check_limit: @limit: (inout): 0 becomes @fallback. Fails with %CLM_ERROR_INVALID_ARGUMENT above 1000. */
gboolean clm_bus_lists_check_limit (guint *limit, guint fallback, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void clm_bus_lists_handle_list (ClmBusCall *call);
void clm_bus_lists_handle_list_since (ClmBusCall *call);
void clm_bus_lists_handle_export (ClmBusCall *call);

G_END_DECLS
