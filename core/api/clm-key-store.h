/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-backend.h"
#include "clm-key.h"

G_BEGIN_DECLS

/** ClmKeyInfo: one row of a store's list. */
typedef struct {
  char *id;
  char *label;      /* as given to create or import; NULL where the store keeps none */
  char *key_type;
  gpointer padding[4];
} ClmKeyInfo;

/** clm_key_info_new: Copies the texts. @label: (nullable). Returns: (transfer full), for clm_key_info_free(). */
CLM_EXTERN ClmKeyInfo *clm_key_info_new (const char *id, const char *label, const char *key_type);
CLM_EXTERN void        clm_key_info_free (ClmKeyInfo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmKeyInfo, clm_key_info_free)

/**
 * ClmKeyStore:
 *
 * A place where private keys live and are used. What a store can do besides is told by the interfaces of
 * clm-key-capabilities.h: `CLM_IS_KEY_EXPORTER (store)` is the test.
 *
 * @get_public_key and @sign, and the blocking operations of the interfaces, are called in worker threads, several at once up to
 * @lane_width; they never touch a main context and honour the cancellable. Everything else follows the rules of #ClmBackend.
 */
#define CLM_TYPE_KEY_STORE (clm_key_store_get_type ())
CLM_EXTERN
G_DECLARE_DERIVABLE_TYPE (ClmKeyStore, clm_key_store, CLM, KEY_STORE, ClmBackend)

/**
 * ClmKeyStoreClass:
 * @lane_width: how many blocking calls the store serves at once; 1 unless the class says more.
 * @key_types: (array zero-terminated=1) (nullable): the types @create makes, best first.
 * @create_async: Makes a key under @label. Durable on completion. A key already there under the label (a crash came between
 *   making and noting it) is returned if it fits @spec, else %CLM_ERROR_EXISTS.
 * @create_finish: Returns: (transfer full): the id. Fails with %CLM_ERROR_NOT_SUPPORTED, %CLM_ERROR_KEY_UNAVAILABLE, %CLM_ERROR_STORAGE.
 * @get_public_key: BLOCKING. Returns: (transfer full): DER SubjectPublicKeyInfo. Fails with %CLM_ERROR_NOT_FOUND, %CLM_ERROR_KEY_UNAVAILABLE.
 * @sign: BLOCKING. See clm_key_sign(). Returns: (transfer full).
 * @destroy_async: Destroys a key for good. Destroying what is not there succeeds.
 * @list_async: Lists all keys of this instance.
 * @list_finish: Returns: (transfer full) (element-type ClmKeyInfo).
 */
struct _ClmKeyStoreClass {
  ClmBackendClass parent_class;

  guint              lane_width;
  const char *const *key_types;

  void        (*create_async)   (ClmKeyStore *self, const ClmKeySpec *spec, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  char *      (*create_finish)  (ClmKeyStore *self, GAsyncResult *result, GError **error);
  GBytes *    (*get_public_key) (ClmKeyStore *self, const char *id, GCancellable *cancellable, GError **error);
  GBytes *    (*sign)           (ClmKeyStore *self, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size, GCancellable *cancellable, GError **error);
  void        (*destroy_async)  (ClmKeyStore *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean    (*destroy_finish) (ClmKeyStore *self, GAsyncResult *result, GError **error);
  void        (*list_async)     (ClmKeyStore *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  GPtrArray * (*list_finish)    (ClmKeyStore *self, GAsyncResult *result, GError **error);

  gpointer padding[24];
};

/** clm_key_store_get_key_types: Returns: (transfer none) (array zero-terminated=1): never %NULL. */
CLM_EXTERN const char *const *clm_key_store_get_key_types (ClmKeyStore *self);

/**
 * clm_key_store_run_in_thread:
 * @task: completes in its own context as usual
 * @func: blocking work that uses keys of this store
 *
 * Like g_task_run_in_thread(), but in the store's own lane of at most `lane_width` threads, so that a slow token delays
 * nobody but its own users. Whoever signs (CSR, certificate, CRL, CMS, JWS) does it in here.
 */
CLM_EXTERN void clm_key_store_run_in_thread (ClmKeyStore *self, GTask *task, GTaskThreadFunc func);

/** clm_key_store_create_async and the pairs below it: The operations that #ClmKeyStoreClass describes, each ended exactly once, in the main context of the call. */
CLM_EXTERN void       clm_key_store_create_async (ClmKeyStore *self, const ClmKeySpec *spec, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN char      *clm_key_store_create_finish (ClmKeyStore *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_key_store_get_public_key: BLOCKING, asserted as in clm_key_sign(). */
CLM_EXTERN GBytes    *clm_key_store_get_public_key (ClmKeyStore *self, const char *id, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_key_store_sign: BLOCKING, asserted as in clm_key_sign(). */
CLM_EXTERN GBytes    *clm_key_store_sign (ClmKeyStore *self, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_key_store_open_async: Makes a #ClmKey of an id: reads the public half in the store's lane. */
CLM_EXTERN void       clm_key_store_open_async (ClmKeyStore *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN ClmKey    *clm_key_store_open_finish (ClmKeyStore *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void       clm_key_store_destroy_async (ClmKeyStore *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN gboolean   clm_key_store_destroy_finish (ClmKeyStore *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN void       clm_key_store_list_async (ClmKeyStore *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN GPtrArray *clm_key_store_list_finish (ClmKeyStore *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
