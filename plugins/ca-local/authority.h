/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-authority.h"

G_BEGIN_DECLS

/** ClmCaLocal: the private CA; see README.md. */
#define CLM_TYPE_CA_LOCAL (clm_ca_local_get_type ())
G_DECLARE_FINAL_TYPE (ClmCaLocal, clm_ca_local, CLM, CA_LOCAL, ClmAuthority)

G_END_DECLS
