/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-provider.h"

#include "key-provider-private.h"
#include "openssl-error.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/provider.h>
#include <string.h>

#define NAME "clm"
#define PROPERTIES "provider=" NAME
#define SCHEME "clm-key"

/* A provider is one per process, so this is too. */
static struct {
  GRWLock          lock;
  ClmKeyLookupFunc lookup;
  gpointer         user_data;
  gboolean         loaded;
} provider;

static ClmKey *
look_up (const char *uri, GError **error)
{
  ClmKeyLookupFunc lookup;
  gpointer user_data;

  g_rw_lock_reader_lock (&provider.lock);
  lookup = provider.lookup;
  user_data = provider.user_data;
  g_rw_lock_reader_unlock (&provider.lock);
  return lookup (uri, user_data, error);
}

/* STORE loader: one key per URI */

static void *
loader_open (void *context, const char *uri)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmKey) key = look_up (uri, &error);
  ClmProviderKey **slot;

  if (key) {
    g_autoptr (ClmProviderKey) ours = clm_provider_key_new (key, &error);
    if (ours) {
      slot = g_new (ClmProviderKey *, 1);
      *slot = g_steal_pointer (&ours);
      return slot;
    }
  }
  clm_x509_raise_error (error);
  return NULL;
}

/* libcrypto takes the key out of the slot through the KEYMGMT's `load`. */
static int
loader_load (void *loader, OSSL_CALLBACK *callback, void *data, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_data)
{
  ClmProviderKey **slot = loader;
  int type = OSSL_OBJECT_PKEY;

  if (!*slot)
    return 0;
  g_autoptr (ClmProviderKey) key = *slot;
  *slot = NULL;
  ClmProviderKey *reference = clm_provider_key_ref (key);
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_int (OSSL_OBJECT_PARAM_TYPE, &type),
    OSSL_PARAM_construct_utf8_string (OSSL_OBJECT_PARAM_DATA_TYPE, (char *) clm_provider_key_get_algorithm (key), 0),
    OSSL_PARAM_construct_octet_string (OSSL_OBJECT_PARAM_REFERENCE, &reference, sizeof reference),
    OSSL_PARAM_construct_end (),
  };
  int result = callback (params, data);
  if (reference)   /* nobody took it */
    clm_provider_key_unref (reference);
  return result;
}

static int
loader_eof (void *loader)
{
  ClmProviderKey **slot = loader;

  return *slot == NULL;
}

static int
loader_close (void *loader)
{
  ClmProviderKey **slot = loader;

  g_clear_pointer (slot, clm_provider_key_unref);
  g_free (slot);
  return 1;
}

/* Called with the property query; without it libcrypto 3.0 crashes. */
static int
loader_set_params (void *loader, const OSSL_PARAM params[])
{
  return 1;
}

static const OSSL_PARAM *
loader_settable_params (void *context)
{
  static const OSSL_PARAM params[] = {
    OSSL_PARAM_utf8_string (OSSL_STORE_PARAM_PROPERTIES, NULL, 0),
    OSSL_PARAM_END,
  };

  return params;
}

static const OSSL_DISPATCH loader_functions[] = {
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_STORE_OPEN, loader_open),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_STORE_SET_CTX_PARAMS, loader_set_params),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, loader_settable_params),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_STORE_LOAD, loader_load),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_STORE_EOF, loader_eof),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_STORE_CLOSE, loader_close),
  CLM_PROVIDER_END,
};

static const OSSL_ALGORITHM loaders[] = {
  { SCHEME, PROPERTIES, loader_functions, "keys of certloom's key stores" },
  { NULL, NULL, NULL, NULL },
};

/* The provider */

static const OSSL_ALGORITHM *
query_operation (void *context, int operation, int *no_cache)
{
  *no_cache = 0;
  switch (operation) {
  case OSSL_OP_STORE: return loaders;
  case OSSL_OP_KEYMGMT: return clm_provider_key_managers;
  case OSSL_OP_SIGNATURE: return clm_provider_signatures;
  default: return NULL;
  }
}

static int
init_provider (const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context)
{
  static const OSSL_DISPATCH functions[] = {
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_PROVIDER_QUERY_OPERATION, query_operation),
    CLM_PROVIDER_END,
  };

  *out = functions;
  *context = (void *) handle;
  return 1;
}

/* "default" first and by name: adding any provider ends its implicit loading. The property keeps every key that is not ours
 * away from ours, whatever the order. */
static gboolean
load_provider (GError **error)
{
  static OSSL_PROVIDER *volatile loaded[2];   /* kept for the life of the process, where a leak checker sees them */

  clm_x509_init ();
  ERR_clear_error ();
  if ((loaded[0] = OSSL_PROVIDER_load (NULL, "default")) && OSSL_PROVIDER_add_builtin (NULL, NAME, init_provider) &&
      (loaded[1] = OSSL_PROVIDER_load (NULL, NAME)) && EVP_set_default_properties (NULL, "?provider!=" NAME))
    return TRUE;
  clm_x509_set_error (error, CLM_ERROR_FAILED, "cannot add the key provider to OpenSSL");
  return FALSE;
}

gboolean
clm_key_provider_init (ClmKeyLookupFunc lookup, gpointer user_data, GError **error)
{
  g_return_val_if_fail (lookup != NULL, FALSE);

  g_rw_lock_writer_lock (&provider.lock);
  provider.lookup = lookup;
  provider.user_data = user_data;
  gboolean loaded = provider.loaded;
  provider.loaded = TRUE;
  g_rw_lock_writer_unlock (&provider.lock);
  return loaded || load_provider (error);
}
