/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Its type is none of the known classes. */
#include "certloom-plugin.h"

CLM_DEFINE_PLUGIN ("not-a-backend", "1", "Offers a cancellable", g_cancellable_get_type)
