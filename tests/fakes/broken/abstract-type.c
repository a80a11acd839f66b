/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offers the base class itself. */
#include "certloom-plugin.h"

CLM_DEFINE_PLUGIN ("abstract-type", "1", "Offers the base class", clm_notifier_get_type)
