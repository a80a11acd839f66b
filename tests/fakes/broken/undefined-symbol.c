/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls what nothing defines, although its API number fits. */
#include "certloom-plugin.h"

GType clm_type_that_nothing_defines (void);

CLM_DEFINE_PLUGIN ("undefined-symbol", "1", "Was built against something else", clm_type_that_nothing_defines)
