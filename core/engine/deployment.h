/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine.h"
#include "spec.h"

G_BEGIN_DECLS

/** ClmDeploymentProgress: told before each consumer: @delivery, how many of how many. */
typedef void (*ClmDeploymentProgress) (const char *delivery, guint n, guint of, gpointer user_data);

/**
 * ClmDeploymentResult: plain data.
 */
typedef struct {
  GPtrArray *deliveries;    /* ClmDeliveryRecord: how each consumer that was tried stands now */
  GError    *error;         /* (nullable): the first failure */
  gboolean   wants_rollback;/* the failed recipe wants the previous generation back */
  guint      acted;         /* consumers that were given something new */
} ClmDeploymentResult;

void clm_deployment_result_free (ClmDeploymentResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmDeploymentResult, clm_deployment_result_free)

/** ClmDeploymentMode: @CLM_DEPLOYMENT_FORCE: also to consumers that have it, acting even where no file changes; @CLM_DEPLOYMENT_RESTORE: to all that may have another, acting even where no file changes, and on to the next after a failure. */
typedef enum {
  CLM_DEPLOYMENT_PLAIN,
  CLM_DEPLOYMENT_FORCE,
  CLM_DEPLOYMENT_RESTORE
} ClmDeploymentMode;

/**
 * clm_deployment_run_async:
 * @number: the generation to hand out
 *
 * Hands one generation to the certificate's consumers, in the order of its spec, and checks each. A consumer that has this
 * generation is left alone. A failure whose recipe wants the previous generation back ends the round; after any other the next
 * consumer has its turn. Nothing is written to the inventory here: the caller does, with what comes back.
 */
void clm_deployment_run_async (ClmEngine *engine, ClmSpec *spec, guint64 number, ClmDeploymentMode mode,
                               ClmDeploymentProgress progress, gpointer progress_data,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_deployment_run_finish: Returns: (transfer full) (nullable): %NULL only where it could not begin (the generation cannot be read) or was cancelled. */
ClmDeploymentResult *clm_deployment_run_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
