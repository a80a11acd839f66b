/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Its get_type fails. */
#include "certloom-plugin.h"

static GType
get_type (void)
{
  return G_TYPE_INVALID;
}

CLM_DEFINE_PLUGIN ("invalid-type", "1", "Fails to register its type", get_type)
