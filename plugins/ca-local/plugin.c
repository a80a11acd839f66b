/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certloom-plugin.h"

#include "authority.h"

#define VERSION G_STRINGIFY (CLM_VERSION_MAJOR) "." G_STRINGIFY (CLM_VERSION_MINOR) "." G_STRINGIFY (CLM_VERSION_MICRO)

CLM_DEFINE_PLUGIN ("ca-local", VERSION, "A private CA on this machine", clm_ca_local_get_type)
