/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The key store of ../lib/memory-keys.c as a module. */
#include "memory-keys.h"

CLM_DEFINE_PLUGIN ("fake-keys", "1", "Keys in memory, for tests", clm_memory_keys_get_type)
