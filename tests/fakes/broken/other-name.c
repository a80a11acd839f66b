/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Its file has another name than the plugin in it. */
#include "certloom-plugin.h"

CLM_DEFINE_PLUGIN ("another-name", "1", "Lies in a file of another name", g_cancellable_get_type)
