/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "record.h"
#include "schedule.h"
#include "spec.h"

G_BEGIN_DECLS

/**
 * ClmPlanContext: what a plan is made from besides record and spec. Plain data.
 */
typedef struct {
  gint64         now;      /* clm_clock_get_time() */
  gboolean       trusted;  /* whether time alone may decide about expiry */
  guint64        seed;     /* clm_schedule_seed() */
} ClmPlanContext;

/*
 * What happens next to one certificate: sets state, next action, next time and alarm of a record. Pure; the schedule has the
 * arithmetic, this file the meaning.
 */

/** clm_plan_ready: The current generation is in order: renew it when it is due. */
void clm_plan_ready (ClmRecord *record, ClmSpec *spec, const ClmPlanContext *context);
/** clm_plan_failed: @spec: (nullable): %NULL where nothing describes the certificate. @action failed with @error: notes it and tries again with back-off, or waits for the operator. Counts the attempt. */
void clm_plan_failed (ClmRecord *record, ClmSpec *spec, const ClmPlanContext *context, ClmAction action, const GError *error);
/** clm_plan_pending: The CA will decide: ask again after @suggested_s (-1: it named none). @polls: how often it has said so before. */
void clm_plan_pending (ClmRecord *record, const ClmPlanContext *context, guint polls, gint64 suggested_s);
/** clm_plan_idle: Nothing happens by itself: held, revoked, disabled. @state: %CLM_STATE_HELD or %CLM_STATE_REVOKED. */
void clm_plan_idle (ClmRecord *record, ClmState state, const char *reason, const char *message);

/**
 * clm_plan_raise_alarm:
 * @level: (out): reached now
 *
 * Notes in the record what expiry alarm is reached, turns it expired where the end has come, and sets when the next one is due.
 * Returns: %TRUE where the level rose and somebody must be told.
 */
gboolean clm_plan_raise_alarm (ClmRecord *record, const ClmPlanContext *context, ClmExpiryAlarm *level);

/** clm_plan_is_due: Whether the next action's time has come. */
gboolean clm_plan_is_due (const ClmRecord *record, gint64 now);

G_END_DECLS
