/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** clm_x509_wipe_freed_memory: From now on libcrypto's memory is wiped when it is freed. Before libcrypto's first allocation; later it does nothing. */
void clm_x509_wipe_freed_memory (void);

G_END_DECLS
