/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "enrollment.h"
#include "registry.h"
#include "rotation.h"

G_BEGIN_DECLS

/*
 * Inside of the rotation, for rotation*.c only. Each step is one function that ends in exactly one of clm_rotation_next(),
 * clm_rotation_jump(), clm_rotation_fail() or clm_rotation_end(), at once or in a callback. The table is in rotation.c.
 */

typedef struct _ClmRotation ClmRotation;

typedef enum {
  CLM_STEP_CHOOSE,
  CLM_STEP_PREPARE,
  CLM_STEP_INTEND,
  CLM_STEP_KEY,
  CLM_STEP_ENROLL,
  CLM_STEP_ANCHORS,
  CLM_STEP_CHECK,
  CLM_STEP_STAGE,
  CLM_STEP_CONFIRM,
  CLM_STEP_SWITCH,
  CLM_STEP_RECORD,
  CLM_STEP_DELIVER,
  CLM_STEP_ADOPT,
  CLM_STEP_RESTORE,
  CLM_STEP_RETIRE,
  CLM_STEP_SUGGEST,
  CLM_STEP_FINISH,
  CLM_N_STEPS
} ClmRotationStep;

struct _ClmRotation {
  GTask          *task;
  ClmEngine      *engine;
  ClmSpec        *spec;
  ClmRotationAsk  ask;
  ClmRotationStep step;
  ClmRecord      *record;
  ClmIntent      *intent;        /* (nullable) */
  ClmAuthority   *authority;     /* (nullable) */
  ClmKeyStore    *key_store;     /* (nullable) */
  ClmKey         *key;           /* (nullable) */
  ClmCredential  *current;       /* (nullable) */
  ClmDemands     *demands;       /* (nullable) */
  ClmEnrollment  *enrollment;    /* (nullable) */
  ClmIssuance    *issuance;      /* (nullable) */
  GPtrArray      *anchors;       /* (nullable) GBytes */
  GPtrArray      *chain;         /* (nullable) GBytes, checked */
  ClmGeneration  *generation;    /* (nullable): to be, or just made current */
  GPtrArray      *rows;          /* ClmGenerationRow, newest first */
  ClmIntent      *stale;         /* (nullable): of another spec, to be given up */
  gboolean        had_generation;
  gboolean        is_current;    /* the generation that was being published is the one the link names */
  ClmDeploymentResult *deployment; /* (nullable): of the last round */
  gboolean        rolling_back;  /* the switch goes to an older generation */
  gboolean        dropped;       /* what was staged is gone: the CA took it back */
  gboolean        taking_over;   /* the link is not what the record says: the link wins */
  gboolean        restoring;     /* the switch goes back for the sake of a consumer */
  gboolean        switched_back; /* restoring took a switch: the candidate had been current */
  gboolean        started_afresh;/* the one extra issuance after a lost ticket */
  guint64         delivering;
  gint64          now;           /* as the present blocking work began */
  gint64          retired;       /* when what is current ceases to be; -1: not known */
  GError         *outcome;       /* (nullable): what the rotation ends with, once that is written */
  GPtrArray      *events;        /* ClmEvent: written with the next change, told afterwards */
};

typedef void     (*ClmRotationFunc) (ClmRotation *self);
typedef gboolean (*ClmRotationBlockingFunc) (ClmRotation *self, GError **error);

/* rotation.c */

/** clm_rotation_next: Goes on with the step after this one. */
void clm_rotation_next (ClmRotation *self);
/** clm_rotation_jump: Goes on with @step. */
void clm_rotation_jump (ClmRotation *self, ClmRotationStep step);

/* rotation-flow.c: what all steps share */

GCancellable  *clm_rotation_get_cancellable (ClmRotation *self);
ClmPlanContext clm_rotation_plan_context (ClmRotation *self);
/** clm_rotation_end: The rotation is over. @error: (transfer full) (nullable). */
void           clm_rotation_end (ClmRotation *self, GError *error);
/** clm_rotation_fail: The record says why and when next, then the rotation is over. @error: (transfer full). */
void           clm_rotation_fail (ClmRotation *self, GError *error);
/** clm_rotation_plan_healthy: The record is well, and says when it is renewed; or is held, switched off or for another spec, and says that. */
void           clm_rotation_plan_healthy (ClmRotation *self);
/** clm_rotation_plan_failed: The record says why, and when it is tried again. A renewal that is due before does not wait. */
void           clm_rotation_plan_failed (ClmRotation *self, ClmAction action, const GError *error);
/** clm_rotation_get_action: Returns: what is to be done again after a failure here. */
ClmAction      clm_rotation_get_action (ClmRotation *self);
/** clm_rotation_add_event: Collects an event: it is written in one transaction with what it tells of, and told afterwards. Returns: (transfer none): for more fields. */
ClmEvent      *clm_rotation_add_event (ClmRotation *self, ClmEventKind kind, const char *text);
/** clm_rotation_begin_change: Returns: (transfer full): record and collected events. */
ClmChange     *clm_rotation_begin_change (ClmRotation *self);
/** clm_rotation_write: Writes @change and calls @done, or ends with what kept it from being written. @change: (transfer full). */
void           clm_rotation_write (ClmRotation *self, ClmChange *change, ClmRotationFunc done);
/** clm_rotation_run_blocking: Runs @func in a worker, while nothing else touches the rotation; then @done, or the rotation fails. */
void           clm_rotation_run_blocking (ClmRotation *self, ClmRotationBlockingFunc func, ClmRotationFunc done);

/* rotation-publish.c */

/** clm_rotation_publish: Blocking. Switches to self->generation. */
gboolean clm_rotation_publish (ClmRotation *self, GError **error);
gboolean clm_rotation_has_deliveries (ClmRotation *self);
/** clm_rotation_put_rows: Adds the rows of self->generation, now current, and of the one that was. */
void     clm_rotation_put_rows (ClmRotation *self, ClmChange *change);

/* rotation-deliver.c */

/** clm_rotation_find_previous: Blocking part only. Returns: (transfer none) (nullable): the generation to go back to: made before the one being delivered, still valid. */
ClmGenerationRow *clm_rotation_find_previous (ClmRotation *self);
/** clm_rotation_read_previous: Blocking. Reads it, or where its files are gone the one before. Fails with %CLM_ERROR_CONFLICT where none is left. Returns: (transfer full) (nullable). */
ClmGeneration    *clm_rotation_read_previous (ClmRotation *self, GError **error);

/* Steps */

void clm_rotation_step_choose (ClmRotation *self);
void clm_rotation_step_prepare (ClmRotation *self);
void clm_rotation_step_intend (ClmRotation *self);
void clm_rotation_step_key (ClmRotation *self);
void clm_rotation_step_enroll (ClmRotation *self);
void clm_rotation_step_anchors (ClmRotation *self);
void clm_rotation_step_check (ClmRotation *self);
void clm_rotation_step_journal (ClmRotation *self);
void clm_rotation_step_stage (ClmRotation *self);
void clm_rotation_step_confirm (ClmRotation *self);
void clm_rotation_step_switch (ClmRotation *self);
void clm_rotation_step_record (ClmRotation *self);
void clm_rotation_step_deliver (ClmRotation *self);
void clm_rotation_step_adopt (ClmRotation *self);
void clm_rotation_step_restore (ClmRotation *self);
void clm_rotation_step_retire (ClmRotation *self);
void clm_rotation_step_suggest (ClmRotation *self);
void clm_rotation_step_finish (ClmRotation *self);

G_END_DECLS
