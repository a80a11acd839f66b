/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-host.h"

#include "clm-error.h"
#include "guard.h"

#define KEY_MAX 128
#define LABEL_MAX 64
#define VALUE_MAX (1024 * 1024)

G_DEFINE_ABSTRACT_TYPE (ClmHost, clm_host, G_TYPE_OBJECT)

static void
clm_host_class_init (ClmHostClass *klass)
{
}

static void
clm_host_init (ClmHost *self)
{
}

static GError *
check_key (const char *key)
{
  if (clm_guard_is_word (key, KEY_MAX))
    return NULL;
  return g_error_new (CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "\"%.200s\" is not a key of state ([a-z0-9._-], up to %d)", key, KEY_MAX);
}

static GError *
check_value (GBytes *value)
{
  if (value == NULL || g_bytes_get_size (value) <= VALUE_MAX)
    return NULL;
  return g_error_new (CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "a value of state holds at most %d bytes", VALUE_MAX);
}

static GError *
check_label (const char *label)
{
  if (clm_guard_is_word (label, LABEL_MAX))
    return NULL;
  return g_error_new (CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "\"%.200s\" is not a key label ([a-z0-9._-], up to %d)", label, LABEL_MAX);
}

void
clm_host_load_state_async (ClmHost *self, const char *key,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_HOST (self));
  g_return_if_fail (key != NULL);

  GError *refusal = check_key (key);
  if (refusal != NULL) {
    clm_guard_refuse (self, refusal, clm_host_load_state_async, cancellable, callback, user_data);
    return;
  }

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "load state", klass->load_state_async != NULL && klass->load_state_finish != NULL,
                                   clm_host_load_state_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->load_state_async (self, key, cancellable, clm_guard_complete, call);
}

gboolean
clm_host_load_state_finish (ClmHost *self, GAsyncResult *result, GBytes **value, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_host_load_state_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_HOST_GET_CLASS (self)->load_state_finish (self, inner, value, &failure);
  return clm_guard_settle (self, "load state", ok, failure, error);
}

void
clm_host_save_state_async (ClmHost *self, const char *key, GBytes *value,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_HOST (self));
  g_return_if_fail (key != NULL);

  GError *refusal = check_key (key);
  if (refusal == NULL)
    refusal = check_value (value);
  if (refusal != NULL) {
    clm_guard_refuse (self, refusal, clm_host_save_state_async, cancellable, callback, user_data);
    return;
  }

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "save state", klass->save_state_async != NULL && klass->save_state_finish != NULL,
                                   clm_host_save_state_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->save_state_async (self, key, value, cancellable, clm_guard_complete, call);
}

gboolean
clm_host_save_state_finish (ClmHost *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_host_save_state_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_HOST_GET_CLASS (self)->save_state_finish (self, inner, &failure);
  return clm_guard_settle (self, "save state", ok, failure, error);
}

void
clm_host_open_key_async (ClmHost *self, const char *label, const ClmKeySpec *create,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_HOST (self));
  g_return_if_fail (label != NULL);

  GError *refusal = check_label (label);
  if (refusal != NULL) {
    clm_guard_refuse (self, refusal, clm_host_open_key_async, cancellable, callback, user_data);
    return;
  }

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "open a key", klass->open_key_async != NULL && klass->open_key_finish != NULL,
                                   clm_host_open_key_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->open_key_async (self, label, create, cancellable, clm_guard_complete, call);
}

ClmKey *
clm_host_open_key_finish (ClmHost *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_host_open_key_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  ClmKey *value = CLM_HOST_GET_CLASS (self)->open_key_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "open a key", value != NULL, failure, error))
    g_clear_pointer (&value, g_object_unref);
  return value;
}

void
clm_host_import_key_async (ClmHost *self, const char *label, ClmSecret *pkcs8,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_HOST (self));
  g_return_if_fail (label != NULL);
  g_return_if_fail (pkcs8 != NULL);

  GError *refusal = check_label (label);
  if (refusal != NULL) {
    clm_guard_refuse (self, refusal, clm_host_import_key_async, cancellable, callback, user_data);
    return;
  }

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "import a key", klass->import_key_async != NULL && klass->import_key_finish != NULL,
                                   clm_host_import_key_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->import_key_async (self, label, pkcs8, cancellable, clm_guard_complete, call);
}

ClmKey *
clm_host_import_key_finish (ClmHost *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_host_import_key_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  ClmKey *value = CLM_HOST_GET_CLASS (self)->import_key_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "import a key", value != NULL, failure, error))
    g_clear_pointer (&value, g_object_unref);
  return value;
}

void
clm_host_load_secret_async (ClmHost *self, const char *reference,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_HOST (self));
  g_return_if_fail (reference != NULL);

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "load a secret", klass->load_secret_async != NULL && klass->load_secret_finish != NULL,
                                   clm_host_load_secret_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->load_secret_async (self, reference, cancellable, clm_guard_complete, call);
}

ClmSecret *
clm_host_load_secret_finish (ClmHost *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_host_load_secret_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  ClmSecret *value = CLM_HOST_GET_CLASS (self)->load_secret_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "load a secret", value != NULL, failure, error))
    g_clear_pointer (&value, clm_secret_unref);
  return value;
}

void
clm_host_listen_async (ClmHost *self, const char *listener,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_HOST (self));
  g_return_if_fail (listener != NULL);

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "listen", klass->listen_async != NULL && klass->listen_finish != NULL,
                                   clm_host_listen_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->listen_async (self, listener, cancellable, clm_guard_complete, call);
}

GSocket *
clm_host_listen_finish (ClmHost *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_host_listen_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  GSocket *value = CLM_HOST_GET_CLASS (self)->listen_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "listen", value != NULL, failure, error))
    g_clear_pointer (&value, g_object_unref);
  return value;
}

void
clm_host_wait_until_async (ClmHost *self, gint64 time,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_HOST (self));

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "wait", klass->wait_until_async != NULL && klass->wait_until_finish != NULL,
                                   clm_host_wait_until_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->wait_until_async (self, time, cancellable, clm_guard_complete, call);
}

gboolean
clm_host_wait_until_finish (ClmHost *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_host_wait_until_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_HOST_GET_CLASS (self)->wait_until_finish (self, inner, &failure);
  return clm_guard_settle (self, "wait", ok, failure, error);
}

const char *
clm_host_get_private_directory (ClmHost *self, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), NULL);

  GError *failure = NULL;
  if (CLM_HOST_GET_CLASS (self)->get_private_directory == NULL) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "this host has no private directory");
    return NULL;
  }
  const char *path = CLM_HOST_GET_CLASS (self)->get_private_directory (self, &failure);
  return clm_guard_settle (self, "get a private directory", path != NULL, failure, error) ? path : NULL;
}

ClmCredential *
clm_host_get_credential (ClmHost *self, const char *certificate, GError **error)
{
  g_return_val_if_fail (CLM_IS_HOST (self), NULL);
  g_return_val_if_fail (certificate != NULL, NULL);

  GError *failure = NULL;
  if (CLM_HOST_GET_CLASS (self)->get_credential == NULL) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "this host has no credentials");
    return NULL;
  }
  ClmCredential *credential = CLM_HOST_GET_CLASS (self)->get_credential (self, certificate, &failure);
  if (!clm_guard_settle (self, "get a credential", credential != NULL, failure, error))
    g_clear_pointer (&credential, clm_credential_unref);
  return credential;
}

gint64
clm_host_get_time (ClmHost *self)
{
  g_return_val_if_fail (CLM_IS_HOST (self), 0);
  g_return_val_if_fail (CLM_HOST_GET_CLASS (self)->get_time != NULL, 0);

  return CLM_HOST_GET_CLASS (self)->get_time (self);
}

gboolean
clm_host_is_clock_trusted (ClmHost *self)
{
  g_return_val_if_fail (CLM_IS_HOST (self), FALSE);

  ClmHostClass *klass = CLM_HOST_GET_CLASS (self);
  return klass->is_clock_trusted != NULL && klass->is_clock_trusted (self);
}

void
clm_host_emit_event (ClmHost *self, ClmEvent *event)
{
  g_return_if_fail (CLM_IS_HOST (self));
  g_return_if_fail (event != NULL);

  if (CLM_HOST_GET_CLASS (self)->emit_event != NULL)
    CLM_HOST_GET_CLASS (self)->emit_event (self, event);
}
