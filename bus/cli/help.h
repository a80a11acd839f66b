/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verb.h"

G_BEGIN_DECLS

/** clm_help_format: Returns: (transfer full): what there is to say of @verb (nullable), of the verbs that begin with @noun (nullable), or of the command. */
char *clm_help_format (const ClmVerb *verb, const char *noun);

G_END_DECLS
