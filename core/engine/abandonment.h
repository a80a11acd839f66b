/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

/** clm_abandonment_put_key: Into the @change that takes @intent out of the inventory: the key that was made for it stays named, until the next retirement has destroyed it. */
void clm_abandonment_put_key (ClmChange *change, const ClmIntent *intent, gint64 now);
/** clm_abandonment_run: Gives up what an intent, already out of the inventory, had begun: tells the authority. Nobody waits; what fails is logged. */
void clm_abandonment_run (ClmEngine *engine, const ClmIntent *intent);

G_END_DECLS
