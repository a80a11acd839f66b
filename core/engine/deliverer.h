/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deliver-protocol.h"

G_BEGIN_DECLS

/**
 * ClmDeliverer:
 *
 * The daemon's side of root's hand: asks `certloom-deliver` to hand a generation to a consumer. Recipes are known to the helper
 * only; what the daemon needs of one (check, order, what to do on failure) comes with each answer. A few requests run at once, the
 * others wait their turn; nothing is open while nothing is asked. Main thread only.
 *
 * Every call fails with the helper's own error (%CLM_ERROR_DELIVERY, %CLM_ERROR_CONFIG, %CLM_ERROR_NOT_FOUND, %CLM_ERROR_STORAGE …), with
 * its hint; with %CLM_ERROR_DELIVERY where the helper cannot be reached; with `G_IO_ERROR_CANCELLED`. A request that was cancelled after it
 * was sent may still be carried out: deliver again.
 */
#define CLM_TYPE_DELIVERER (clm_deliverer_get_type ())
G_DECLARE_FINAL_TYPE (ClmDeliverer, clm_deliverer, CLM, DELIVERER, GObject)

/** clm_deliverer_new: @socket_path: where the helper listens; %NULL: %CLM_DELIVER_SOCKET. Returns: (transfer full). */
ClmDeliverer *clm_deliverer_new (const char *socket_path);

/**
 * clm_deliverer_new_child:
 * @executable: path of `certloom-deliver`
 * @config_root: (nullable): `--config-root` for it
 * @runtime_dir: (nullable): `--runtime-dir` for it (locks)
 *
 * Starts the helper as a child on a socket pair whenever something is to be done: where the daemon already is the right user
 * (tests, quick start). Returns: (transfer full).
 */
ClmDeliverer *clm_deliverer_new_child (const char *executable, const char *config_root, const char *runtime_dir);

/** ClmDeliverInput: what is handed over. Descriptors are duplicated by the call and stay the caller's; -1: absent. */
typedef struct {
  guint64  generation;
  int      leaf;     /* PEM; one certificate */
  int      chain;    /* PEM; -1 where the leaf is signed by a root directly */
  int      key;      /* PEM; -1 where it is not exportable: recipes that want it then fail with %CLM_ERROR_NOT_SUPPORTED */
  int      anchors;  /* PEM; -1 unless there is a trust bundle */
  gboolean force;    /* act even where no file changed: needed when the TLS check of an earlier try failed, of which the helper does not know */
} ClmDeliverInput;

#define CLM_DELIVER_INPUT_INIT {0, -1, -1, -1, -1, FALSE}

/** ClmDeliverResult: plain data. */
typedef struct {
  gboolean        changed;  /* a file was replaced */
  gboolean        acted;    /* the consumer was told */
  char           *output;   /* of its action; "" */
  ClmDeliverCheck check;    /* what is left to the daemon: `check.kind == CLM_DELIVER_CHECK_TLS` */
} ClmDeliverResult;

void clm_deliver_result_free (ClmDeliverResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmDeliverResult, clm_deliver_result_free)

/**
 * clm_deliverer_deliver_async:
 * @delivery: the recipe
 * @certificate: name of the certificate
 *
 * Writes the files, runs the action and the recipe's own command check. Idempotent: what is there already is neither written nor
 * acted on again, unless an earlier try did not get through its action and check. Rolling back is this same call with the older generation.
 */
void              clm_deliverer_deliver_async (ClmDeliverer *self, const char *delivery, const char *certificate, const ClmDeliverInput *input,
                                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
ClmDeliverResult *clm_deliverer_deliver_finish (ClmDeliverer *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_deliverer_describe_async: @certificate: (nullable): also whether the recipe takes it, else %CLM_ERROR_ACCESS_DENIED. */
void              clm_deliverer_describe_async (ClmDeliverer *self, const char *delivery, const char *certificate, GCancellable *cancellable,
                                                GAsyncReadyCallback callback, gpointer user_data);
/** clm_deliverer_describe_finish: Returns: (transfer full): only its check is set. */
ClmDeliverResult *clm_deliverer_describe_finish (ClmDeliverer *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_deliverer_list_async: Names of all recipes, sorted. */
void              clm_deliverer_list_async (ClmDeliverer *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GStrv             clm_deliverer_list_finish (ClmDeliverer *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
