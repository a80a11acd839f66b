/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * ClmMemoryKeys:
 *
 * A key store in memory, for tests; also the class of the module `fake-keys`. Makes and uses every `CLM_KEY_TYPE_`, exports what
 * is exportable, imports. Ids hold characters that a URI must encode.
 *
 * Options: `Control=` absolute path of a file that is read before each operation: "unavailable", "busy", "config", "unreachable" make
 * them fail with the error of that name, "slow" makes each last until the file changes or the call is cancelled, anything else or no
 * file lets them work. "create busy" says it of one operation only: create, get-public-key, sign, destroy, list, export, import.
 * `FailFirst=` how many operations fail at first.
 */
#define CLM_TYPE_MEMORY_KEYS (clm_memory_keys_get_type ())
G_DECLARE_FINAL_TYPE (ClmMemoryKeys, clm_memory_keys, CLM, MEMORY_KEYS, ClmKeyStore)

/** clm_memory_keys_new: a store named @name without options, ready for use. */
ClmKeyStore *clm_memory_keys_new (const char *name);
/** clm_memory_keys_fail_next: The next @count operations fail with @code. */
void         clm_memory_keys_fail_next (ClmMemoryKeys *self, guint count, ClmError code);
/** clm_memory_keys_make: Makes a key at once. Returns: (transfer full). */
ClmKey      *clm_memory_keys_make (ClmMemoryKeys *self, const char *key_type, const char *label);
/** clm_memory_keys_count: Returns: number of keys in it. */
guint        clm_memory_keys_count (ClmMemoryKeys *self);

G_END_DECLS
