/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does not say what it is. */
#include "certloom-plugin.h"

CLM_DEFINE_PLUGIN ("no-summary", "1", NULL, g_cancellable_get_type)
