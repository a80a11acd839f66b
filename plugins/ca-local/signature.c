/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signature.h"

#include "certificate.h"
#include "der.h"
#include "openssl-error.h"

static const guint8 ecdsa_sha256[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const guint8 ecdsa_sha384[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 };
static const guint8 ecdsa_sha512[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04 };
static const guint8 rsa_sha256[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00 };
static const guint8 ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };

static const ClmCaAlgorithm algorithms[] = {
  { "ec:P-256", CLM_SIGN_ECDSA, CLM_HASH_SHA256, ecdsa_sha256, sizeof ecdsa_sha256 },
  { "ec:P-384", CLM_SIGN_ECDSA, CLM_HASH_SHA384, ecdsa_sha384, sizeof ecdsa_sha384 },
  { "ec:P-521", CLM_SIGN_ECDSA, CLM_HASH_SHA512, ecdsa_sha512, sizeof ecdsa_sha512 },
  { "rsa:", CLM_SIGN_RSA_PKCS1, CLM_HASH_SHA256, rsa_sha256, sizeof rsa_sha256 },
  { "ed25519", CLM_SIGN_ED25519, CLM_HASH_NONE, ed25519, sizeof ed25519 },
};

const ClmCaAlgorithm *
clm_ca_algorithm_for_key_type (const char *key_type, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (algorithms); i++)
    if (g_str_has_prefix (key_type, algorithms[i].name))
      return &algorithms[i];
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "a CA key of type %s cannot be used", key_type);
  return NULL;
}

static const EVP_MD *
get_digest (ClmHash hash)
{
  switch (hash) {
  case CLM_HASH_SHA384:
    return EVP_sha384 ();
  case CLM_HASH_SHA512:
    return EVP_sha512 ();
  case CLM_HASH_NONE:
    return NULL;
  case CLM_HASH_SHA256:
  default:
    return EVP_sha256 ();
  }
}

static GBytes *
sign_tbs (ClmKey *key, const ClmCaAlgorithm *algorithm, GBytes *tbs, GCancellable *cancellable, GError **error)
{
  const EVP_MD *md = get_digest (algorithm->hash);
  gsize size;
  const guint8 *data = g_bytes_get_data (tbs, &size);
  guint8 digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size;

  if (md == NULL)
    return clm_key_sign (key, algorithm->scheme, algorithm->hash, data, size, cancellable, error);
  if (EVP_Digest (data, size, digest, &digest_size, md, NULL) != 1) {
    clm_x509_set_error (error, CLM_ERROR_FAILED, "the digest cannot be computed");
    return NULL;
  }
  return clm_key_sign (key, algorithm->scheme, algorithm->hash, digest, digest_size, cancellable, error);
}

static gboolean
verify (GBytes *spki, const ClmCaAlgorithm *algorithm, GBytes *tbs, GBytes *signature, GError **error)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_from_spki (spki, error);
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();

  if (key == NULL)
    return FALSE;
  if (EVP_DigestVerifyInit (context, NULL, get_digest (algorithm->hash), NULL, key) != 1 ||
      EVP_DigestVerify (context, g_bytes_get_data (signature, NULL), g_bytes_get_size (signature), g_bytes_get_data (tbs, NULL),
                        g_bytes_get_size (tbs)) != 1) {
    clm_x509_set_error (error, CLM_ERROR_KEY_UNAVAILABLE, "the key store made a signature that does not verify");
    return FALSE;
  }
  return TRUE;
}

GBytes *
clm_ca_sign (ClmKey *key, const ClmCaAlgorithm *algorithm, GBytes *tbs, GCancellable *cancellable, GError **error)
{
  g_autoptr (GBytes) signature = sign_tbs (key, algorithm, tbs, cancellable, error);
  GByteArray *out;
  gsize outer, bits;
  guint8 unused_bits = 0;

  if (signature == NULL || !verify (clm_key_get_spki (key), algorithm, tbs, signature, error))
    return NULL;
  out = g_byte_array_sized_new ((guint) (g_bytes_get_size (tbs) + g_bytes_get_size (signature) + 64));
  outer = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put_bytes (out, tbs);
  clm_ca_der_put_raw (out, algorithm->identifier, algorithm->identifier_size);
  bits = clm_ca_der_open (out, CLM_CA_DER_BIT_STRING);
  clm_ca_der_put_raw (out, &unused_bits, 1);
  clm_ca_der_put_bytes (out, signature);
  clm_ca_der_close (out, bits);
  clm_ca_der_close (out, outer);
  return g_byte_array_free_to_bytes (out);
}
