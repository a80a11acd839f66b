/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-provider-private.h"

#include "key.h"
#include "openssl-error.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#define PROPERTIES "provider=clm"
#define DEFAULT_DIGEST "SHA256"

/* One signature, or verification, in the making. @padding: RSA's, else 0. */
typedef struct {
  ClmProviderKey *key;
  EVP_MD         *md;
  EVP_MD_CTX     *digest;
  int             padding;
} Operation;

static void *
new_operation (void *context, const char *properties)
{
  Operation *self = g_new0 (Operation, 1);

  self->padding = RSA_PKCS1_PADDING;
  return self;
}

static void
free_operation (void *operation)
{
  Operation *self = operation;

  if (self->key)
    clm_provider_key_unref (self->key);
  EVP_MD_free (self->md);
  EVP_MD_CTX_free (self->digest);
  g_free (self);
}

static void *
dup_operation (void *operation)
{
  Operation *self = operation;
  Operation *copy = g_memdup2 (self, sizeof *self);

  if (copy->key)
    clm_provider_key_ref (copy->key);
  if (copy->md)
    EVP_MD_up_ref (copy->md);
  copy->digest = NULL;
  if (self->digest) {
    copy->digest = EVP_MD_CTX_new ();
    if (!copy->digest || EVP_MD_CTX_copy_ex (copy->digest, self->digest) != 1) {
      free_operation (copy);
      return NULL;
    }
  }
  return copy;
}

static gboolean
is_rsa (Operation *self)
{
  return EVP_PKEY_is_a (self->key->public, "RSA");
}

/* Parameters */

static gboolean
set_digest (Operation *self, const char *name)
{
  EVP_MD *md = EVP_MD_fetch (NULL, name, NULL);

  if (!md)
    return FALSE;
  EVP_MD_free (self->md);
  self->md = md;
  return TRUE;
}

static gboolean
set_padding (Operation *self, const OSSL_PARAM *param)
{
  int padding = 0;

  if (param->data_type == OSSL_PARAM_UTF8_STRING)
    padding = g_str_equal (param->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) ? RSA_PKCS1_PADDING
            : g_str_equal (param->data, OSSL_PKEY_RSA_PAD_MODE_PSS)     ? RSA_PKCS1_PSS_PADDING
                                                                       : 0;
  else if (!OSSL_PARAM_get_int (param, &padding))
    return FALSE;
  if (padding != RSA_PKCS1_PADDING && padding != RSA_PKCS1_PSS_PADDING)
    return FALSE;
  self->padding = padding;
  return TRUE;
}

/* Stores salt as long as the digest, so nothing else may be promised; "auto" leaves the choice to us. */
static gboolean
check_salt_length (Operation *self, const OSSL_PARAM *param)
{
  int length = 0;

  if (param->data_type == OSSL_PARAM_UTF8_STRING) {
    if (g_str_equal (param->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) || g_str_equal (param->data, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO))
      return TRUE;
    length = atoi (param->data);
  } else if (!OSSL_PARAM_get_int (param, &length)) {
    return FALSE;
  }
  return length == RSA_PSS_SALTLEN_DIGEST || length == RSA_PSS_SALTLEN_AUTO || (self->md && length == EVP_MD_get_size (self->md));
}

static int
set_params (void *operation, const OSSL_PARAM params[])
{
  Operation *self = operation;
  const OSSL_PARAM *param;

  if (!params)
    return 1;
  if ((param = OSSL_PARAM_locate_const (params, OSSL_SIGNATURE_PARAM_DIGEST)) &&
      (param->data_type != OSSL_PARAM_UTF8_STRING || !set_digest (self, param->data)))
    return 0;
  if ((param = OSSL_PARAM_locate_const (params, OSSL_SIGNATURE_PARAM_PAD_MODE)) && !set_padding (self, param))
    return 0;
  if ((param = OSSL_PARAM_locate_const (params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) && !check_salt_length (self, param))
    return 0;
  if ((param = OSSL_PARAM_locate_const (params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST)) &&
      (!self->md || param->data_type != OSSL_PARAM_UTF8_STRING || !EVP_MD_is_a (self->md, param->data)))
    return 0;
  return 1;
}

static const OSSL_PARAM *
settable_params (void *operation, void *context)
{
  static const OSSL_PARAM params[] = {
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
    OSSL_PARAM_END,
  };

  return params;
}

/* AlgorithmIdentifier, which X509_sign() and the like write beside the signature */

static X509_ALGOR *
new_digest_algorithm (const EVP_MD *md)
{
  X509_ALGOR *algorithm = X509_ALGOR_new ();

  X509_ALGOR_set0 (algorithm, OBJ_nid2obj (EVP_MD_get_type (md)), V_ASN1_NULL, NULL);
  return algorithm;
}

static ASN1_STRING *
pack_mask_generator (const EVP_MD *md)
{
  g_autoptr (X509_ALGOR) digest = new_digest_algorithm (md);

  return ASN1_item_pack (digest, ASN1_ITEM_rptr (X509_ALGOR), NULL);
}

/* RSASSA-PSS-params, RFC 4055 §3.1 */
static ASN1_STRING *
pack_pss_params (const EVP_MD *md)
{
  g_autoptr (RSA_PSS_PARAMS) params = RSA_PSS_PARAMS_new ();

  params->hashAlgorithm = new_digest_algorithm (md);
  params->maskGenAlgorithm = X509_ALGOR_new ();
  X509_ALGOR_set0 (params->maskGenAlgorithm, OBJ_nid2obj (NID_mgf1), V_ASN1_SEQUENCE, pack_mask_generator (md));
  params->saltLength = ASN1_INTEGER_new ();
  ASN1_INTEGER_set (params->saltLength, EVP_MD_get_size (md));
  return ASN1_item_pack (params, ASN1_ITEM_rptr (RSA_PSS_PARAMS), NULL);
}

static X509_ALGOR *
new_signature_algorithm (Operation *self)
{
  g_autoptr (X509_ALGOR) algorithm = X509_ALGOR_new ();
  int key_nid = EVP_PKEY_get_base_id (self->key->public), nid;

  if (EVP_PKEY_is_a (self->key->public, "ED25519")) {
    X509_ALGOR_set0 (algorithm, OBJ_nid2obj (NID_ED25519), V_ASN1_UNDEF, NULL);
    return g_steal_pointer (&algorithm);
  }
  if (!self->md)
    return NULL;
  if (is_rsa (self) && self->padding == RSA_PKCS1_PSS_PADDING) {
    X509_ALGOR_set0 (algorithm, OBJ_nid2obj (NID_rsassaPss), V_ASN1_SEQUENCE, pack_pss_params (self->md));
    return g_steal_pointer (&algorithm);
  }
  if (!OBJ_find_sigid_by_algs (&nid, EVP_MD_get_type (self->md), key_nid))
    return NULL;
  X509_ALGOR_set0 (algorithm, OBJ_nid2obj (nid), is_rsa (self) ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
  return g_steal_pointer (&algorithm);
}

static gboolean
get_algorithm_id (Operation *self, OSSL_PARAM *param)
{
  g_autoptr (X509_ALGOR) algorithm = self->key ? new_signature_algorithm (self) : NULL;
  g_autoptr (ClmOpenSSLBytes) der = NULL;

  if (!algorithm)
    return FALSE;
  int size = i2d_X509_ALGOR (algorithm, &der);
  return size > 0 && OSSL_PARAM_set_octet_string (param, der, (size_t) size);
}

static gboolean
get_padding (Operation *self, OSSL_PARAM *param)
{
  if (param->data_type == OSSL_PARAM_INTEGER)
    return OSSL_PARAM_set_int (param, self->padding);
  return OSSL_PARAM_set_utf8_string (param, self->padding == RSA_PKCS1_PSS_PADDING ? OSSL_PKEY_RSA_PAD_MODE_PSS : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
}

static gboolean
get_salt_length (OSSL_PARAM *param)
{
  if (param->data_type == OSSL_PARAM_INTEGER)
    return OSSL_PARAM_set_int (param, RSA_PSS_SALTLEN_DIGEST);
  return OSSL_PARAM_set_utf8_string (param, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
}

static int
get_params (void *operation, OSSL_PARAM params[])
{
  Operation *self = operation;
  const char *digest = self->md ? EVP_MD_get0_name (self->md) : "";
  OSSL_PARAM *param;

  if ((param = OSSL_PARAM_locate (params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID)) && !get_algorithm_id (self, param))
    return 0;
  if ((param = OSSL_PARAM_locate (params, OSSL_SIGNATURE_PARAM_PAD_MODE)) && !get_padding (self, param))
    return 0;
  if ((param = OSSL_PARAM_locate (params, OSSL_SIGNATURE_PARAM_DIGEST)) && !OSSL_PARAM_set_utf8_string (param, digest))
    return 0;
  if ((param = OSSL_PARAM_locate (params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST)) && !OSSL_PARAM_set_utf8_string (param, digest))
    return 0;
  if ((param = OSSL_PARAM_locate (params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) && !get_salt_length (param))
    return 0;
  return 1;
}

static const OSSL_PARAM *
gettable_params (void *operation, void *context)
{
  static const OSSL_PARAM params[] = {
    OSSL_PARAM_octet_string (OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string (OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
    OSSL_PARAM_END,
  };

  return params;
}

/* Signing */

static int
init (void *operation, void *key, const OSSL_PARAM params[])
{
  Operation *self = operation;

  if (key) {   /* NULL: the same key again */
    if (self->key)
      clm_provider_key_unref (self->key);
    self->key = clm_provider_key_ref (key);
  }
  return self->key && set_params (self, params);
}

static ClmHash
get_hash (Operation *self)
{
  if (!self->md)
    return CLM_HASH_NONE;
  return EVP_MD_is_a (self->md, "SHA256")   ? CLM_HASH_SHA256
         : EVP_MD_is_a (self->md, "SHA384") ? CLM_HASH_SHA384
         : EVP_MD_is_a (self->md, "SHA512") ? CLM_HASH_SHA512
                                            : CLM_HASH_NONE;
}

static ClmSignScheme
get_scheme (Operation *self)
{
  if (EVP_PKEY_is_a (self->key->public, "ED25519"))
    return CLM_SIGN_ED25519;
  if (!is_rsa (self))
    return CLM_SIGN_ECDSA;
  return self->padding == RSA_PKCS1_PSS_PADDING ? CLM_SIGN_RSA_PSS : CLM_SIGN_RSA_PKCS1;
}

static GBytes *
ask_store (Operation *self, const guint8 *data, gsize size, GError **error)
{
  ClmSignScheme scheme = get_scheme (self);
  ClmHash hash = get_hash (self);

  if (scheme != CLM_SIGN_ED25519 && (hash == CLM_HASH_NONE || size != clm_hash_size (hash))) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "key stores sign digests of SHA-256, SHA-384 and SHA-512 only");
    return NULL;
  }
  return clm_key_sign (self->key->key, scheme, scheme == CLM_SIGN_ED25519 ? CLM_HASH_NONE : hash, data, size,
                       g_cancellable_get_current (), error);
}

static int
sign (void *operation, unsigned char *signature, size_t *length, size_t max, const unsigned char *data, size_t size)
{
  Operation *self = operation;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) made = NULL;

  if (!signature) {
    *length = (size_t) EVP_PKEY_get_size (self->key->public);
    return 1;
  }
  made = ask_store (self, data, size, &error);
  if (made && g_bytes_get_size (made) > max)
    g_set_error (&error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the key store made a signature of wrong length");
  if (error) {
    g_prefix_error (&error, "key %s: ", clm_key_get_uri (self->key->key));
    clm_x509_raise_error (error);
    return 0;
  }
  *length = g_bytes_get_size (made);
  memcpy (signature, g_bytes_get_data (made, NULL), *length);
  return 1;
}

static int
digest_init (void *operation, const char *name, void *key, const OSSL_PARAM params[])
{
  Operation *self = operation;

  if (!init (self, key, params))
    return 0;
  if (name && *name ? !set_digest (self, name) : !self->md && !set_digest (self, DEFAULT_DIGEST))
    return 0;
  if (!self->digest)
    self->digest = EVP_MD_CTX_new ();
  return self->digest && EVP_DigestInit_ex2 (self->digest, self->md, NULL);
}

static int
digest_update (void *operation, const unsigned char *data, size_t size)
{
  Operation *self = operation;

  return self->digest && EVP_DigestUpdate (self->digest, data, size);
}

static int
digest_sign_final (void *operation, unsigned char *signature, size_t *length, size_t max)
{
  Operation *self = operation;
  guint8 digest[EVP_MAX_MD_SIZE];
  guint size;

  if (!signature)
    return sign (self, NULL, length, 0, NULL, 0);
  return self->digest && EVP_DigestFinal_ex (self->digest, digest, &size) && sign (self, signature, length, max, digest, size);
}

/* Ed25519 takes no digest. */
static int
message_init (void *operation, const char *name, void *key, const OSSL_PARAM params[])
{
  return !(name && *name) && init (operation, key, params);
}

/* Verifying needs no secret: the default provider does it. */

static int
verify (void *operation, const unsigned char *signature, size_t length, const unsigned char *data, size_t size)
{
  Operation *self = operation;
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey (NULL, self->key->public, NULL);

  if (!context || EVP_PKEY_verify_init (context) <= 0)
    return 0;
  if (self->md && EVP_PKEY_CTX_set_signature_md (context, self->md) <= 0)
    return 0;
  if (is_rsa (self) && EVP_PKEY_CTX_set_rsa_padding (context, self->padding) <= 0)
    return 0;
  return EVP_PKEY_verify (context, signature, length, data, size) == 1;
}

static int
digest_verify_final (void *operation, const unsigned char *signature, size_t length)
{
  Operation *self = operation;
  guint8 digest[EVP_MAX_MD_SIZE];
  guint size;

  return self->digest && EVP_DigestFinal_ex (self->digest, digest, &size) && verify (self, signature, length, digest, size);
}

static int
message_verify (void *operation, const unsigned char *signature, size_t length, const unsigned char *data, size_t size)
{
  Operation *self = operation;
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();

  return context && EVP_DigestVerifyInit (context, NULL, NULL, NULL, self->key->public) == 1 &&
         EVP_DigestVerify (context, signature, length, data, size) == 1;
}

#define COMMON                                                                            \
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_NEWCTX, new_operation),                      \
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_FREECTX, free_operation),                    \
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DUPCTX, dup_operation),                      \
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),                 \
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable_params)

static const OSSL_DISPATCH digest_functions[] = {
  COMMON,
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable_params),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_SIGN_INIT, init),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_SIGN, sign),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_init),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_VERIFY_INIT, init),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_VERIFY, verify),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_init),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digest_update),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digest_verify_final),
  CLM_PROVIDER_END,
};

static const OSSL_DISPATCH message_functions[] = {
  COMMON,
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, message_init),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, message_init),
  CLM_PROVIDER_FUNCTION (OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, message_verify),
  CLM_PROVIDER_END,
};

const OSSL_ALGORITHM clm_provider_signatures[] = {
  { "ECDSA", PROPERTIES, digest_functions, NULL },
  { "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, digest_functions, NULL },
  { "ED25519:1.3.101.112", PROPERTIES, message_functions, NULL },
  { NULL, NULL, NULL, NULL },
};
