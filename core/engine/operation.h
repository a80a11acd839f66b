/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-authority.h"
#include "engine.h"
#include "rotation.h"

G_BEGIN_DECLS

/** ClmOperationKind: what can be done to one certificate; each kind is one word of clm_operation_get_nick(). */
typedef enum {
  CLM_OPERATION_RENEW,
  CLM_OPERATION_DELIVER,
  CLM_OPERATION_ROLLBACK,
  CLM_OPERATION_REVOKE,
  CLM_OPERATION_REMOVE,
  CLM_N_OPERATIONS
} ClmOperationKind;

/* Why a record is what it is while its removal is under way: what was asked outlives a crash. */
#define CLM_OPERATION_REMOVING "removing"
#define CLM_OPERATION_REMOVING_KEEP_KEY "removing-keep-key"

/** ClmOperation: plain data, copied. */
typedef struct {
  ClmOperationKind    kind;
  gboolean            rekey;     /* renew */
  gboolean            force;     /* deliver */
  ClmRevocationReason reason;    /* revoke */
  gboolean            keep_key;  /* remove */
} ClmOperation;

/** clm_operation_get_nick: Returns: (transfer none): "renew", "deliver", "rollback", "revoke", "remove". */
const char *clm_operation_get_nick (ClmOperationKind kind);

/**
 * clm_operation_run_async:
 * @spec: (nullable): what the certificate shall be; %NULL where nothing describes it any more, which is enough to remove or revoke it
 * @progress: (nullable)
 *
 * Does one thing to one certificate. When it completes, the inventory has the outcome. One at a time for each name.
 */
void     clm_operation_run_async (ClmEngine *engine, const char *name, ClmSpec *spec, const ClmOperation *operation,
                                  ClmRotationProgress progress, gpointer progress_data,
                                  GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_operation_run_finish (GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
