/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine.h"
#include "spec.h"

G_BEGIN_DECLS

/**
 * ClmRotationGoal: what a rotation is for.
 */
typedef enum {
  CLM_ROTATION_RENEW,    /* a new generation, or going on with one that was begun */
  CLM_ROTATION_DELIVER,  /* no new one: hand the candidate, else the current one, to consumers that lack it */
  CLM_ROTATION_ROLLBACK  /* make the previous one current and hand it out */
} ClmRotationGoal;

/** ClmRotationProgress: @step: name of the step that begins; @progress: 0 to 1. */
typedef void (*ClmRotationProgress) (const char *step, double progress, gpointer user_data);

/**
 * ClmRotationAsk: plain data, copied.
 */
typedef struct {
  ClmRotationGoal     goal;
  gboolean            rekey;     /* make a new key even where the spec keeps it */
  gboolean            force;     /* deliver also to consumers that have it */
  ClmRotationProgress progress;  /* (nullable) */
  gpointer            user_data;
} ClmRotationAsk;

/**
 * clm_rotation_run_async:
 * @spec: what the certificate shall be
 *
 * Takes one certificate through the table of steps in rotation.c, which is the life of a certificate. Begins where an interrupted
 * run ended. Every outcome is in the inventory before it completes: the record says how it stands and what comes next. At most one
 * runs for a name (#ClmAgenda sees to that).
 */
void     clm_rotation_run_async (ClmEngine *engine, ClmSpec *spec, const ClmRotationAsk *ask, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_rotation_run_finish: %TRUE also for "the CA will decide". On failure the record tells the next try. %CLM_ERROR_STORAGE: the outcome could not be written. */
gboolean clm_rotation_run_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_rotation_list_steps: Returns: (transfer none) (array zero-terminated=1): the names, in order. */
const char *const *clm_rotation_list_steps (void);

/** clm_rotation_set_probe: @probe: (nullable): called as each step begins; tests end the process there. */
void clm_rotation_set_probe (void (*probe) (const char *certificate, const char *step));

G_END_DECLS
