/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/** clm_wait_list_words: Returns: (transfer full): what `wait --for` takes. */
GStrv clm_wait_list_words (void);
