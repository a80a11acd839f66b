/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-error.h"
#include "clm-host.h"
#include "clm-options.h"

G_BEGIN_DECLS

/**
 * ClmBackend:
 *
 * One configured instance of a plugin's class: common parent of #ClmAuthority, #ClmKeyStore and #ClmNotifier.
 * Construct-only properties: "name" (s), "host" (ClmHost), "options" (ClmOptions).
 *
 * Life: constructed (neither blocks nor fails) → `start` once (reads options, may fail) → work → `stop` once → last unref.
 * A failed start disables this instance and nothing else; it is tried again after the next reload.
 *
 * Rules for every `x_async`/`x_finish` pair here and in the derived classes: called in and completed in the daemon's main
 * context, never before the call returned, exactly once, soon after @cancellable is cancelled (with `G_IO_ERROR_CANCELLED`).
 * A library that blocks belongs in a worker thread. The wrappers below enforce the rules: a second completion is logged and
 * dropped, one from a foreign thread is logged and brought back to the right context.
 */
#define CLM_TYPE_BACKEND (clm_backend_get_type ())
CLM_EXTERN
G_DECLARE_DERIVABLE_TYPE (ClmBackend, clm_backend, CLM, BACKEND, GObject)

/**
 * ClmBackendClass:
 * @start_async: (nullable): Reads the options, opens what is needed. Everything left unread in the options afterwards is refused.
 *   Fails with %CLM_ERROR_CONFIG or whatever keeps it from working.
 * @start_finish: Must be implemented if @start_async is.
 * @stop_async: (nullable): Ends conversations, closes what `start` opened.
 * @stop_finish: Must be implemented if @stop_async is.
 * @describe: (nullable): Adds what an operator wants to see of this instance, as words and values without secrets
 *   (`a{sv}`), to @builder.
 */
struct _ClmBackendClass {
  GObjectClass parent_class;

  void     (*start_async)  (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*start_finish) (ClmBackend *self, GAsyncResult *result, GError **error);
  void     (*stop_async)   (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*stop_finish)  (ClmBackend *self, GAsyncResult *result, GError **error);
  void     (*describe)     (ClmBackend *self, GVariantDict *dict);

  gpointer padding[16];
};

/** clm_backend_get_name: Returns: (transfer none): the instance's name; any thread. */
CLM_EXTERN const char *clm_backend_get_name (ClmBackend *self);
/** clm_backend_get_host: Returns: (transfer none). */
CLM_EXTERN ClmHost    *clm_backend_get_host (ClmBackend *self);
/** clm_backend_get_options: Returns: (transfer none). */
CLM_EXTERN ClmOptions *clm_backend_get_options (ClmBackend *self);
/** clm_backend_is_started: Returns: %TRUE between a successful start and stop. */
CLM_EXTERN gboolean    clm_backend_is_started (ClmBackend *self);

/** clm_backend_start_async: Starts the instance and then refuses options that nobody read. */
CLM_EXTERN void     clm_backend_start_async (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean clm_backend_start_finish (ClmBackend *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_backend_stop_async: Stops it; harmless when it never started. */
CLM_EXTERN void     clm_backend_stop_async (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean clm_backend_stop_finish (ClmBackend *self, GAsyncResult *result, GError **error);
/** clm_backend_describe: Returns: (transfer full): floating `a{sv}`; empty where the class tells nothing. */
CLM_EXTERN GVariant *clm_backend_describe (ClmBackend *self);

G_END_DECLS
