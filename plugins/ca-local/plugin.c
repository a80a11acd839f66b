/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "certloom-plugin.h"
#include "authority.h"

CLM_DEFINE_PLUGIN ("ca-local", CLM_VERSION, "A private CA on this machine", clm_ca_local_get_type)
