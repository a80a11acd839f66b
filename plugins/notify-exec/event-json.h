/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/** event_to_json: Returns: (transfer full): @event as one JSON object and a line break; the members are listed in README.md. */
char *event_to_json (ClmEvent *event);

G_END_DECLS
