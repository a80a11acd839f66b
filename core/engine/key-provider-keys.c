/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-provider-private.h"

#include "clm-error.h"
#include "key.h"

#include <openssl/core_names.h>

#define PROPERTIES "provider=clm"

ClmProviderKey *
clm_provider_key_new (ClmKey *key, GError **error)
{
  g_autoptr (EVP_PKEY) public = clm_x509_key_from_spki (clm_key_get_spki (key), error);
  g_autoptr (ClmProviderKey) self = NULL;

  if (!public)
    return NULL;

  self = g_new0 (ClmProviderKey, 1);
  g_atomic_ref_count_init (&self->references);
  self->key = g_object_ref (key);
  self->public = g_steal_pointer (&public);
  if (!clm_provider_key_get_algorithm (self)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "key %s: keys of type %s cannot be used",
                 clm_key_get_uri (key), clm_x509_key_get_type (self->public));
    return NULL;
  }
  return g_steal_pointer (&self);
}

ClmProviderKey *
clm_provider_key_ref (ClmProviderKey *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
clm_provider_key_unref (ClmProviderKey *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_object_unref (self->key);
  EVP_PKEY_free (self->public);
  g_free (self);
}

const char *
clm_provider_key_get_algorithm (ClmProviderKey *self)
{
  static const char *const algorithms[] = { "EC", "RSA", "ED25519" };

  for (guint i = 0; i < G_N_ELEMENTS (algorithms); i++)
    if (EVP_PKEY_is_a (self->public, algorithms[i]))
      return algorithms[i];
  return NULL;
}

/* KEYMGMT. Every question about the key is one about its public half, so the default provider answers it. */

static void *
load (const void *reference, size_t size)
{
  ClmProviderKey **slot = (ClmProviderKey **) reference;
  ClmProviderKey *self;

  if (size != sizeof self)
    return NULL;
  self = *slot;
  *slot = NULL;   /* says: taken */
  return self;
}

static void
unref (void *key)
{
  if (key)
    clm_provider_key_unref (key);
}

static void *
duplicate (const void *key, int selection)
{
  return clm_provider_key_ref ((ClmProviderKey *) key);
}

static int
has (const void *key, int selection)
{
  return key != NULL;
}

static int
match (const void *a, const void *b, int selection)
{
  return EVP_PKEY_eq (((const ClmProviderKey *) a)->public, ((const ClmProviderKey *) b)->public) == 1;
}

static int
validate (const void *key, int selection, int type)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey (NULL, ((const ClmProviderKey *) key)->public, NULL);

  return context && EVP_PKEY_public_check (context) == 1;
}

/* A request that includes the private part must fail as a whole: libcrypto tries the default provider's SIGNATURE first and
 * would sign with a public-only copy; the failure makes it come to us. */
static int
export (void *key, int selection, OSSL_CALLBACK *callback, void *data)
{
  OSSL_PARAM *params = NULL;

  if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
    return 0;
  if (EVP_PKEY_todata (((ClmProviderKey *) key)->public, EVP_PKEY_PUBLIC_KEY, &params) != 1)
    return 0;
  int result = callback (params, data);
  OSSL_PARAM_free (params);
  return result;
}

static const OSSL_PARAM *
export_types (int selection)
{
  static const OSSL_PARAM types[] = {
    OSSL_PARAM_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
    OSSL_PARAM_octet_string (OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
    OSSL_PARAM_BN (OSSL_PKEY_PARAM_RSA_N, NULL, 0),
    OSSL_PARAM_BN (OSSL_PKEY_PARAM_RSA_E, NULL, 0),
    OSSL_PARAM_END,
  };

  return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : types;
}

static int
get_params (void *key, OSSL_PARAM params[])
{
  return EVP_PKEY_get_params (((ClmProviderKey *) key)->public, params);
}

static const OSSL_PARAM *
gettable_params (void *context)
{
  static const OSSL_PARAM params[] = {
    OSSL_PARAM_int (OSSL_PKEY_PARAM_BITS, NULL),
    OSSL_PARAM_int (OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
    OSSL_PARAM_int (OSSL_PKEY_PARAM_MAX_SIZE, NULL),
    OSSL_PARAM_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
    OSSL_PARAM_octet_string (OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
    OSSL_PARAM_octet_string (OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
    OSSL_PARAM_int (OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, NULL),
    OSSL_PARAM_BN (OSSL_PKEY_PARAM_RSA_N, NULL, 0),
    OSSL_PARAM_BN (OSSL_PKEY_PARAM_RSA_E, NULL, 0),
    OSSL_PARAM_END,
  };

  return params;
}

static const char *
query_ec (int operation)
{
  return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *
query_rsa (int operation)
{
  return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *
query_ed25519 (int operation)
{
  return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

#define KEY_MANAGER(name, query)                                                  \
  static const OSSL_DISPATCH name[] = {                                           \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_LOAD, load),                         \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_FREE, unref),                        \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_DUP, duplicate),                           \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_HAS, has),                           \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_MATCH, match),                       \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_VALIDATE, validate),                 \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_EXPORT, export),                     \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_EXPORT_TYPES, export_types),         \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),             \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_params),   \
    CLM_PROVIDER_FUNCTION (OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, query),        \
    CLM_PROVIDER_END,                                                             \
  }

KEY_MANAGER (ec_functions, query_ec);
KEY_MANAGER (rsa_functions, query_rsa);
KEY_MANAGER (ed25519_functions, query_ed25519);

const OSSL_ALGORITHM clm_provider_key_managers[] = {
  { "EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, ec_functions, NULL },
  { "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, rsa_functions, NULL },
  { "ED25519:1.3.101.112", PROPERTIES, ed25519_functions, NULL },
  { NULL, NULL, NULL, NULL },
};
