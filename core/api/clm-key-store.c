/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-key-store.h"

#include <string.h>

#include "guard.h"
#include "lane.h"

typedef struct {
  ClmLane *lane;
} ClmKeyStorePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (ClmKeyStore, clm_key_store, CLM_TYPE_BACKEND)

ClmKeyInfo *
clm_key_info_new (const char *id, const char *label, const char *key_type)
{
  g_return_val_if_fail (id != NULL, NULL);

  ClmKeyInfo *self = g_new0 (ClmKeyInfo, 1);
  self->id = g_strdup (id);
  self->label = g_strdup (label);
  self->key_type = g_strdup (key_type);
  return self;
}

void
clm_key_info_free (ClmKeyInfo *self)
{
  if (self == NULL)
    return;
  g_free (self->id);
  g_free (self->label);
  g_free (self->key_type);
  g_free (self);
}

static void
clm_key_store_constructed (GObject *object)
{
  ClmKeyStorePrivate *priv = clm_key_store_get_instance_private (CLM_KEY_STORE (object));

  G_OBJECT_CLASS (clm_key_store_parent_class)->constructed (object);
  priv->lane = clm_lane_new (CLM_KEY_STORE_GET_CLASS (object)->lane_width);
}

static void
clm_key_store_finalize (GObject *object)
{
  ClmKeyStorePrivate *priv = clm_key_store_get_instance_private (CLM_KEY_STORE (object));

  clm_lane_free (priv->lane);
  G_OBJECT_CLASS (clm_key_store_parent_class)->finalize (object);
}

static void
clm_key_store_class_init (ClmKeyStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = clm_key_store_constructed;
  G_OBJECT_CLASS (klass)->finalize = clm_key_store_finalize;
  klass->lane_width = 1;
}

static void
clm_key_store_init (ClmKeyStore *self)
{
}

ClmLane *
clm_lane_of (ClmKeyStore *store)
{
  ClmKeyStorePrivate *priv = clm_key_store_get_instance_private (store);

  return priv->lane;
}

const char *const *
clm_key_store_get_key_types (ClmKeyStore *self)
{
  static const char *const none[] = {NULL};

  g_return_val_if_fail (CLM_IS_KEY_STORE (self), none);

  const char *const *types = CLM_KEY_STORE_GET_CLASS (self)->key_types;
  return types != NULL ? types : none;
}

void
clm_key_store_run_in_thread (ClmKeyStore *self, GTask *task, GTaskThreadFunc func)
{
  g_return_if_fail (CLM_IS_KEY_STORE (self));
  g_return_if_fail (G_IS_TASK (task));
  g_return_if_fail (func != NULL);

  clm_lane_run (clm_lane_of (self), self, task, func);
}

GBytes *
clm_key_store_get_public_key (ClmKeyStore *self, const char *id, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_STORE (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  ClmKeyStoreClass *klass = CLM_KEY_STORE_GET_CLASS (self);
  GError *failure = NULL;
  if (!clm_lane_enter (self, "read a public key", klass->get_public_key != NULL, cancellable, error))
    return NULL;
  GBytes *value = klass->get_public_key (self, id, cancellable, &failure);
  clm_lane_leave (self);
  if (!clm_guard_settle (self, "read a public key", value != NULL, failure, error))
    g_clear_pointer (&value, g_bytes_unref);
  return value;
}

static gboolean
check_digest (ClmSignScheme scheme, ClmHash hash, gsize size, GError **error)
{
  gboolean right = scheme == CLM_SIGN_ED25519 ? hash == CLM_HASH_NONE : hash != CLM_HASH_NONE && size == clm_hash_size (hash);

  if (!right)
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "%" G_GSIZE_FORMAT " bytes are not a digest of the named kind", size);
  return right;
}

GBytes *
clm_key_store_sign (ClmKeyStore *self, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size,
                    GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_STORE (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);
  g_return_val_if_fail (data != NULL || size == 0, NULL);

  ClmKeyStoreClass *klass = CLM_KEY_STORE_GET_CLASS (self);
  GError *failure = NULL;
  if (!check_digest (scheme, hash, size, error) || !clm_lane_enter (self, "sign", klass->sign != NULL, cancellable, error))
    return NULL;
  GBytes *value = klass->sign (self, id, scheme, hash, data, size, cancellable, &failure);
  clm_lane_leave (self);
  if (!clm_guard_settle (self, "sign", value != NULL, failure, error))
    g_clear_pointer (&value, g_bytes_unref);
  return value;
}

static void
open_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  GBytes *spki = clm_key_store_get_public_key (source, data, cancellable, &error);

  if (spki != NULL)
    g_task_return_pointer (task, spki, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

void
clm_key_store_open_async (ClmKeyStore *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_KEY_STORE (self));
  g_return_if_fail (id != NULL);

  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_key_store_open_async);
  if (*id == '\0' || strlen (id) > CLM_KEY_ID_MAX) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "a key id holds 1 to %d bytes", CLM_KEY_ID_MAX);
    return;
  }
  g_task_set_task_data (task, g_strdup (id), g_free);
  clm_key_store_run_in_thread (self, task, open_in_thread);
}

ClmKey *
clm_key_store_open_finish (ClmKeyStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_STORE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  g_autoptr (GBytes) spki = g_task_propagate_pointer (G_TASK (result), error);
  return spki != NULL ? clm_key_new (self, g_task_get_task_data (G_TASK (result)), spki) : NULL;
}

void
clm_key_store_create_async (ClmKeyStore *self, const ClmKeySpec *spec, const char *label,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_KEY_STORE (self));
  g_return_if_fail (spec != NULL && spec->key_type != NULL);
  g_return_if_fail (label != NULL && *label != '\0');

  ClmKeyStoreClass *klass = CLM_KEY_STORE_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "create a key", klass->create_async != NULL && klass->create_finish != NULL,
                                   clm_key_store_create_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->create_async (self, spec, label, cancellable, clm_guard_complete, call);
}

char *
clm_key_store_create_finish (ClmKeyStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_STORE (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_key_store_create_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  char *value = CLM_KEY_STORE_GET_CLASS (self)->create_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "create a key", value != NULL, failure, error))
    g_clear_pointer (&value, g_free);
  return value;
}

void
clm_key_store_destroy_async (ClmKeyStore *self, const char *id,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_KEY_STORE (self));
  g_return_if_fail (id != NULL);

  ClmKeyStoreClass *klass = CLM_KEY_STORE_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "destroy a key", klass->destroy_async != NULL && klass->destroy_finish != NULL,
                                   clm_key_store_destroy_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->destroy_async (self, id, cancellable, clm_guard_complete, call);
}

gboolean
clm_key_store_destroy_finish (ClmKeyStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_STORE (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_key_store_destroy_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_KEY_STORE_GET_CLASS (self)->destroy_finish (self, inner, &failure);
  return clm_guard_settle (self, "destroy a key", ok, failure, error);
}

void
clm_key_store_list_async (ClmKeyStore *self,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_KEY_STORE (self));

  ClmKeyStoreClass *klass = CLM_KEY_STORE_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "list keys", klass->list_async != NULL && klass->list_finish != NULL,
                                   clm_key_store_list_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->list_async (self, cancellable, clm_guard_complete, call);
}

GPtrArray *
clm_key_store_list_finish (ClmKeyStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_STORE (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_key_store_list_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  GPtrArray *value = CLM_KEY_STORE_GET_CLASS (self)->list_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "list keys", value != NULL, failure, error))
    g_clear_pointer (&value, g_ptr_array_unref);
  return value;
}
