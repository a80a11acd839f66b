/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-authority.h"

ClmDemands *
clm_demands_new (void)
{
  return g_new0 (ClmDemands, 1);
}

void
clm_demands_free (ClmDemands *self)
{
  if (self == NULL)
    return;
  g_strfreev (self->key_types);
  g_clear_pointer (&self->extra_attributes, g_bytes_unref);
  g_free (self);
}
