/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-credential.h"
#include "clm-event.h"
#include "clm-secret.h"

G_BEGIN_DECLS

/**
 * ClmHost:
 *
 * The daemon as one backend sees it: narrow, and bound to that backend. Everything it keeps or opens belongs to the backend's
 * instance and to no other. Tests derive a fake. Main thread only; every `_async` completes in the caller's main context.
 */
#define CLM_TYPE_HOST (clm_host_get_type ())
CLM_EXTERN
G_DECLARE_DERIVABLE_TYPE (ClmHost, clm_host, CLM, HOST, GObject)

/** ClmHostClass: the vfuncs behind the functions below; every one must be implemented. */
struct _ClmHostClass {
  GObjectClass parent_class;

  void            (*load_state_async)      (ClmHost *self, const char *key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean        (*load_state_finish)     (ClmHost *self, GAsyncResult *result, GBytes **value, GError **error);
  void            (*save_state_async)      (ClmHost *self, const char *key, GBytes *value, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean        (*save_state_finish)     (ClmHost *self, GAsyncResult *result, GError **error);
  const char *    (*get_private_directory) (ClmHost *self, GError **error);
  void            (*open_key_async)        (ClmHost *self, const char *label, const ClmKeySpec *create, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  ClmKey *        (*open_key_finish)       (ClmHost *self, GAsyncResult *result, GError **error);
  void            (*import_key_async)      (ClmHost *self, const char *label, ClmSecret *pkcs8, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  ClmKey *        (*import_key_finish)     (ClmHost *self, GAsyncResult *result, GError **error);
  ClmCredential * (*get_credential)        (ClmHost *self, const char *certificate, GError **error);
  void            (*load_secret_async)     (ClmHost *self, const char *reference, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  ClmSecret *     (*load_secret_finish)    (ClmHost *self, GAsyncResult *result, GError **error);
  void            (*listen_async)          (ClmHost *self, const char *listener, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  GSocket *       (*listen_finish)         (ClmHost *self, GAsyncResult *result, GError **error);
  gint64          (*get_time)              (ClmHost *self);
  gboolean        (*is_clock_trusted)      (ClmHost *self);
  void            (*wait_until_async)      (ClmHost *self, gint64 time, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean        (*wait_until_finish)     (ClmHost *self, GAsyncResult *result, GError **error);
  void            (*emit_event)            (ClmHost *self, ClmEvent *event);

  gpointer padding[32];
};

/* state: small values by key, `[a-z0-9._-]{1,128}`, at most 1 MiB each */

/** clm_host_load_state_async: Reads one value. */
CLM_EXTERN void     clm_host_load_state_async (ClmHost *self, const char *key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_host_load_state_finish: @value: (out) (transfer full) (nullable): %NULL where nothing was saved. */
CLM_EXTERN gboolean clm_host_load_state_finish (ClmHost *self, GAsyncResult *result, GBytes **value, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_host_save_state_async: Writes one value; durable on completion. @value: (nullable): %NULL deletes. */
CLM_EXTERN void     clm_host_save_state_async (ClmHost *self, const char *key, GBytes *value, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean clm_host_save_state_finish (ClmHost *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_host_get_private_directory: Makes it on first use, mode 0700. Returns: (transfer none) (nullable): absolute path. */
CLM_EXTERN const char *clm_host_get_private_directory (ClmHost *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_host_open_key_async:
 * @label: the backend's own name for the key, `[a-z0-9._-]{1,64}`
 * @create: (nullable): make it like this when there is none; %NULL: fail with %CLM_ERROR_NOT_FOUND
 *
 * Opens a key that the backend owns, in the store that its `KeyStore=` option names (the first configured store without it).
 * The engine, not the backend, reads `KeyStore=`.
 */
CLM_EXTERN void    clm_host_open_key_async (ClmHost *self, const char *label, const ClmKeySpec *create, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_host_open_key_finish: Returns: (transfer full) (nullable). Fails with %CLM_ERROR_KEY_UNAVAILABLE, %CLM_ERROR_NOT_FOUND, %CLM_ERROR_CONFIG. */
CLM_EXTERN ClmKey *clm_host_open_key_finish (ClmHost *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_host_import_key_async: Brings a key into that store under @label. @pkcs8: DER PrivateKeyInfo (RFC 5208 §5), unencrypted. */
CLM_EXTERN void    clm_host_import_key_async (ClmHost *self, const char *label, ClmSecret *pkcs8, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_host_import_key_finish: Returns: (transfer full) (nullable). Fails with %CLM_ERROR_NOT_SUPPORTED where the store imports none, %CLM_ERROR_EXISTS. */
CLM_EXTERN ClmKey *clm_host_import_key_finish (ClmHost *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_host_get_credential: Returns: (transfer full) (nullable): current generation of a managed certificate that configuration grants this backend. Fails with %CLM_ERROR_NOT_FOUND. */
CLM_EXTERN ClmCredential *clm_host_get_credential (ClmHost *self, const char *certificate, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_host_load_secret_async: @reference: `file:/absolute/path` (owned by root or the daemon's user, closed to others) or `credential:NAME` (systemd credential). One trailing newline is dropped. */
CLM_EXTERN void       clm_host_load_secret_async (ClmHost *self, const char *reference, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_host_load_secret_finish: Returns: (transfer full) (nullable). Fails with %CLM_ERROR_CONFIG. */
CLM_EXTERN ClmSecret *clm_host_load_secret_finish (ClmHost *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_host_listen_async: Opens the listening socket that `listeners.d/@listener.listener` describes. */
CLM_EXTERN void     clm_host_listen_async (ClmHost *self, const char *listener, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_host_listen_finish: Returns: (transfer full) (nullable): close it as soon as it is not needed. Fails with %CLM_ERROR_CONFIG, %CLM_ERROR_BUSY. */
CLM_EXTERN GSocket *clm_host_listen_finish (ClmHost *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_host_get_time: Returns: seconds since the epoch, never before the floor the daemon knows; use this, not time(). */
CLM_EXTERN gint64   clm_host_get_time (ClmHost *self);
/** clm_host_is_clock_trusted: Returns: whether the time above may decide about expiry. */
CLM_EXTERN gboolean clm_host_is_clock_trusted (ClmHost *self);
/** clm_host_wait_until_async: Completes when the wall clock has reached @time, across suspend and clock changes; costs no wake-up before. */
CLM_EXTERN void     clm_host_wait_until_async (ClmHost *self, gint64 time, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean clm_host_wait_until_finish (ClmHost *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_host_emit_event: @event: (transfer none): goes to history and notifiers. */
CLM_EXTERN void clm_host_emit_event (ClmHost *self, ClmEvent *event);

G_END_DECLS
