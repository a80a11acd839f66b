/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key.h"

#include "curve-key.h"
#include "der.h"
#include "openssl-error.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>
#include <sys/random.h>

#define PROVIDER "clm"
#define MIN_RSA_BITS 2048
#define MAX_RSA_BITS 8192
#define MIN_RSA_EXPONENT_BITS 17   /* 65537 */
#define MAX_NAME 64

/* The key's home must be our provider: anything else would be a file that happens to bear the URI's name. */
static gboolean
is_ours (EVP_PKEY *key)
{
  const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider (key);

  return provider && g_str_equal (OSSL_PROVIDER_get0_name (provider), PROVIDER);
}

static EVP_PKEY *
load_key (OSSL_STORE_CTX *store)
{
  while (!OSSL_STORE_eof (store)) {
    g_autoptr (OSSL_STORE_INFO) info = OSSL_STORE_load (store);

    if (!info)
      return NULL;
    if (OSSL_STORE_INFO_get_type (info) == OSSL_STORE_INFO_PKEY)
      return OSSL_STORE_INFO_get1_PKEY (info);
  }
  return NULL;
}

EVP_PKEY *
clm_x509_open_key (const char *uri, GError **error)
{
  g_autofree char *store_name = NULL, *id = NULL;
  g_autoptr (OSSL_STORE_CTX) store = NULL;
  g_autoptr (EVP_PKEY) key = NULL;

  if (!clm_key_uri_parse (uri, &store_name, &id, error))
    return NULL;

  clm_x509_init ();
  ERR_clear_error ();
  store = OSSL_STORE_open_ex (uri, NULL, "provider=" PROVIDER, NULL, NULL, NULL, NULL, NULL);
  if (store)
    key = load_key (store);
  if (!key) {
    clm_x509_set_error (error, CLM_ERROR_KEY_UNAVAILABLE, "cannot open key %s", uri);
    return NULL;
  }
  if (!is_ours (key)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "key %s does not come from the daemon's key stores", uri);
    return NULL;
  }
  return g_steal_pointer (&key);
}

const EVP_MD *
clm_x509_get_digest (EVP_PKEY *key)
{
  if (EVP_PKEY_is_a (key, "ED25519"))
    return NULL;
  if (EVP_PKEY_is_a (key, "EC") && EVP_PKEY_get_bits (key) == 384)
    return EVP_sha384 ();
  return EVP_sha256 ();
}

EVP_PKEY *
clm_x509_key_from_spki (GBytes *spki, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (spki, &size);
  g_autoptr (EVP_PKEY) key = NULL;

  if (!clm_x509_der_check ("public key", data, size, CLM_PUBLIC_KEY_MAX_SIZE, error))
    return NULL;

  ERR_clear_error ();
  key = clm_x509_curve_key_from_spki (data, size);
  if (!key)
    key = d2i_PUBKEY_ex (NULL, &data, (long) size, NULL, "?provider=default");
  if (!key) {
    clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "public key cannot be read");
    return NULL;
  }
  return g_steal_pointer (&key);
}

GBytes *
clm_x509_key_to_spki (EVP_PKEY *key, GError **error)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;

  ERR_clear_error ();
  int size = i2d_PUBKEY (key, &der);
  if (size <= 0) {
    clm_x509_set_error (error, CLM_ERROR_FAILED, "public key cannot be written");
    return NULL;
  }
  return g_bytes_new (der, size);
}

/* P-256 and so on: the names of FIPS 186, which are what people know */
static const char *
get_curve (EVP_PKEY *key, char *name, gsize size)
{
  if (EVP_PKEY_get_group_name (key, name, size, NULL) != 1)
    return NULL;
  const char *nist = EC_curve_nid2nist (OBJ_txt2nid (name));
  return nist ? nist : name;
}

const char *
clm_x509_key_get_type (EVP_PKEY *key)
{
  char name[MAX_NAME], word[MAX_NAME + 16];

  if (EVP_PKEY_is_a (key, "EC")) {
    const char *curve = get_curve (key, name, sizeof name);
    g_snprintf (word, sizeof word, "ec:%s", curve ? curve : "unnamed");
  } else if (EVP_PKEY_is_a (key, "RSA")) {
    g_snprintf (word, sizeof word, "rsa:%d", EVP_PKEY_get_bits (key));
  } else if (EVP_PKEY_is_a (key, "RSA-PSS")) {
    g_snprintf (word, sizeof word, "rsa-pss:%d", EVP_PKEY_get_bits (key));
  } else if (EVP_PKEY_is_a (key, "ED25519")) {
    return CLM_KEY_TYPE_ED25519;
  } else {
    return "unknown";
  }
  return g_intern_string (word);
}

static gboolean
refuse (const char *word, const char *text, GError **error)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s: %s", word, text);
  return FALSE;
}

static gboolean
check_rsa (EVP_PKEY *key, GError **error)
{
  g_autoptr (BIGNUM) exponent = NULL;
  g_autoptr (BIGNUM) modulus = NULL;
  int bits = EVP_PKEY_get_bits (key);

  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
    return refuse ("key-size", "an RSA key must have 2048 to 8192 bits", error);
  if (!EVP_PKEY_get_bn_param (key, OSSL_PKEY_PARAM_RSA_E, &exponent) || !EVP_PKEY_get_bn_param (key, OSSL_PKEY_PARAM_RSA_N, &modulus))
    return refuse ("key-type", "the RSA key cannot be read", error);
  if (BN_num_bits (exponent) < MIN_RSA_EXPONENT_BITS || BN_num_bits (exponent) > 256 || !BN_is_odd (exponent))
    return refuse ("key-exponent", "the RSA exponent must be odd and at least 65537", error);
  if (!BN_is_odd (modulus))
    return refuse ("key-parameters", "the RSA modulus is even", error);
  return TRUE;
}

static gboolean
check_ec (EVP_PKEY *key, GError **error)
{
  static const char *const curves[] = { "P-256", "P-384", "P-521", NULL };
  g_autoptr (EVP_PKEY_CTX) context = NULL;
  char name[MAX_NAME];
  int is_explicit = 0;

  if (EVP_PKEY_get_int_param (key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) && is_explicit)
    return refuse ("key-parameters", "the curve is given by explicit parameters, not by name", error);

  const char *curve = get_curve (key, name, sizeof name);
  if (!curve || !g_strv_contains (curves, curve))
    return refuse ("key-type", "the curve is none of P-256, P-384, P-521", error);

  context = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  if (!context || EVP_PKEY_public_check_quick (context) != 1) {
    ERR_clear_error ();
    return refuse ("key-parameters", "the public point is not on its curve", error);
  }
  return TRUE;
}

gboolean
clm_x509_key_check (EVP_PKEY *key, GError **error)
{
  if (EVP_PKEY_is_a (key, "RSA") || EVP_PKEY_is_a (key, "RSA-PSS"))
    return check_rsa (key, error);
  if (EVP_PKEY_is_a (key, "EC"))
    return check_ec (key, error);
  if (EVP_PKEY_is_a (key, "ED25519"))
    return TRUE;
  return refuse ("key-type", "the key is none of RSA, EC, Ed25519", error);
}

const char *
clm_x509_spki_check (GBytes *spki, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (spki, &size);
  const char *key_type = clm_x509_curve_key_check (data, size);
  g_autoptr (EVP_PKEY) key = NULL;

  if (key_type)
    return key_type;
  key = clm_x509_key_from_spki (spki, error);
  return key && clm_x509_key_check (key, error) ? clm_x509_key_get_type (key) : NULL;
}

/* First boot: the pool may not be ready, and a key made before is guessable. */
static gboolean
wait_for_randomness (GError **error)
{
  guint8 byte;

  while (getrandom (&byte, 1, 0) != 1) {
    if (errno == EINTR)
      continue;
    g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "the kernel gives no random numbers: %s", g_strerror (errno));
    return FALSE;
  }
  return TRUE;
}

static EVP_PKEY *
generate (const char *algorithm, const char *curve, guint bits)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name (NULL, algorithm, "provider=default");
  EVP_PKEY *key = NULL;

  if (!context || EVP_PKEY_keygen_init (context) <= 0)
    return NULL;
  if (curve && EVP_PKEY_CTX_set_group_name (context, curve) <= 0)
    return NULL;
  if (bits && EVP_PKEY_CTX_set_rsa_keygen_bits (context, (int) bits) <= 0)
    return NULL;
  return EVP_PKEY_generate (context, &key) > 0 ? key : NULL;
}

EVP_PKEY *
clm_x509_key_generate (const char *key_type, GError **error)
{
  static const struct {
    const char *word, *algorithm, *curve;
    guint bits;
  } types[] = {
    { CLM_KEY_TYPE_EC_P256, "EC", "P-256", 0 },
    { CLM_KEY_TYPE_EC_P384, "EC", "P-384", 0 },
    { CLM_KEY_TYPE_RSA_2048, "RSA", NULL, 2048 },
    { CLM_KEY_TYPE_RSA_3072, "RSA", NULL, 3072 },
    { CLM_KEY_TYPE_RSA_4096, "RSA", NULL, 4096 },
    { CLM_KEY_TYPE_ED25519, "ED25519", NULL, 0 },
  };

  clm_x509_init ();
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    if (!g_str_equal (types[i].word, key_type))
      continue;
    if (!wait_for_randomness (error))
      return NULL;
    ERR_clear_error ();
    EVP_PKEY *key = generate (types[i].algorithm, types[i].curve, types[i].bits);
    if (!key)
      clm_x509_set_error (error, CLM_ERROR_FAILED, "cannot make a key of type %s", key_type);
    return key;
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "key type '%s' is not known", key_type);
  return NULL;
}
