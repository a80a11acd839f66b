/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clock.h"
#include "configuration.h"
#include "deliverer.h"
#include "events.h"
#include "generation.h"
#include "inventory.h"
#include "plan.h"
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
  char               *machine_id;   /* seeds spreads and jitters, so that they stay the same over restarts */
  gboolean            stopping;     /* what runs is to end as it is; the next start goes on */
  ClmConfig          *config;       /* in force */
  ClmClock           *clock;
  ClmTimers          *timers;
  ClmInventory       *inventory;
  ClmGenerationStore *generations;
  ClmEvents          *events;
  ClmRegistry        *registry;
  ClmDeliverer       *deliverer;
  GHashTable         *unreachable;  /* names of authorities that did not answer last time */
} ClmEngine;

/** clm_engine_plan_context: Returns: what a plan for @name is made from, now. */
ClmPlanContext clm_engine_plan_context (ClmEngine *self, const char *name);

/** clm_engine_mark_key_error: @error: what a key store answered. That it is away or busy means that the key is not available; it says nothing of the CA. */
void clm_engine_mark_key_error (GError *error);

/** clm_engine_note_reachability: @authority: (nullable): %NULL does nothing. @error: (nullable): what talking to it ended with. Tells when that changes. */
void clm_engine_note_reachability (ClmEngine *self, const char *authority, const GError *error);

G_END_DECLS
