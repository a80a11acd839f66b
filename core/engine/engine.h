/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clock.h"
#include "config.h"
#include "deliverer.h"
#include "events.h"
#include "generation.h"
#include "inventory.h"
#include "timers.h"

G_BEGIN_DECLS

typedef struct _ClmRegistry ClmRegistry;

/**
 * ClmEngine:
 *
 * The services that the parts of the engine share. Made, filled and taken apart by the manager; everybody else borrows it and
 * keeps no member across a main-loop turn but through it. Main thread only.
 */
typedef struct {
  char               *state_dir;
  GBytes             *seed;         /* of this machine: spreads and jitters stay the same over restarts */
  ClmConfig          *config;       /* in force */
  ClmClock           *clock;
  ClmTimers          *timers;
  ClmInventory       *inventory;
  ClmGenerationStore *generations;
  ClmEvents          *events;
  ClmRegistry        *registry;
  ClmDeliverer       *deliverer;
} ClmEngine;

G_END_DECLS
