/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

/** clm_abandonment_run: Gives up what an intent, already out of the inventory, had begun: tells the authority, destroys the key that was made for it. Nobody waits; what fails is logged. */
void clm_abandonment_run (ClmEngine *engine, const char *name, const ClmIntent *intent);

G_END_DECLS
