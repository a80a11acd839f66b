/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signature.h"

#include <string.h>

#include "der.h"
#include "key.h"
#include "openssl-error.h"
#include "verifier.h"

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

const ClmCaAlgorithm *
clm_ca_algorithm_find (const guint8 *identifier, gsize size)
{
  for (guint i = 0; i < G_N_ELEMENTS (algorithms); i++)
    if (size == algorithms[i].identifier_size && memcmp (identifier, algorithms[i].identifier, size) == 0)
      return &algorithms[i];
  return NULL;
}

/* Fetched once for the process: looking it up costs more than hashing a certificate. */
static const EVP_MD *
get_md (ClmHash hash)
{
  static const char *const names[] = { [CLM_HASH_SHA256] = "SHA256", [CLM_HASH_SHA384] = "SHA384", [CLM_HASH_SHA512] = "SHA512" };
  static EVP_MD *fetched[G_N_ELEMENTS (names)];

  if (g_atomic_pointer_get (&fetched[hash]) == NULL) {
    EVP_MD *md = EVP_MD_fetch (NULL, names[hash], "provider=default");

    if (!g_atomic_pointer_compare_and_exchange (&fetched[hash], NULL, md))
      EVP_MD_free (md);
  }
  return g_atomic_pointer_get (&fetched[hash]);
}

gboolean
clm_ca_digest (const ClmCaAlgorithm *algorithm, const guint8 *data, gsize size, ClmCaDigest *digest, GError **error)
{
  const EVP_MD *md = get_md (algorithm->hash);
  unsigned int digest_size = 0;

  if (md == NULL || EVP_Digest (data, size, digest->octets, &digest_size, md, NULL) != 1) {
    clm_x509_set_error (error, CLM_ERROR_FAILED, "the digest cannot be computed");
    return FALSE;
  }
  digest->size = digest_size;
  return TRUE;
}

static gboolean
verify_message (GBytes *spki, const ClmCaAlgorithm *algorithm, const guint8 *data, gsize size, GBytes *signature)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_from_spki (spki, NULL);
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  const EVP_MD *md = algorithm->hash != CLM_HASH_NONE ? get_md (algorithm->hash) : NULL;

  return key != NULL && EVP_DigestVerifyInit (context, NULL, md, NULL, key) == 1 &&
         EVP_DigestVerify (context, g_bytes_get_data (signature, NULL), g_bytes_get_size (signature), data, size) == 1;
}

static GBytes *
refuse (GBytes *signature, GError **error)
{
  g_bytes_unref (signature);
  clm_x509_set_error (error, CLM_ERROR_KEY_UNAVAILABLE, "the key store made a signature that does not verify");
  return NULL;
}

GBytes *
clm_ca_make_signature (ClmKey *key, const ClmCaAlgorithm *algorithm, const guint8 *data, gsize size, GCancellable *cancellable, GError **error)
{
  gboolean has_digest = algorithm->hash != CLM_HASH_NONE;
  ClmCaDigest digest;
  GBytes *signature;

  if (has_digest && !clm_ca_digest (algorithm, data, size, &digest, error))
    return NULL;
  signature = clm_key_sign (key, algorithm->scheme, algorithm->hash, has_digest ? digest.octets : data, has_digest ? digest.size : size,
                            cancellable, error);
  if (signature == NULL)
    return NULL;
  if (algorithm->scheme == CLM_SIGN_ECDSA ? clm_ca_verifier_check (clm_ca_verifier_of (key), &digest, signature)
                                          : verify_message (clm_key_get_spki (key), algorithm, data, size, signature))
    return signature;
  return refuse (signature, error);
}

void
clm_ca_put_signature (GByteArray *out, const ClmCaAlgorithm *algorithm, GBytes *signature)
{
  guint8 unused_bits = 0;
  gsize bits;

  clm_ca_der_put_raw (out, algorithm->identifier, algorithm->identifier_size);
  bits = clm_ca_der_open (out, CLM_CA_DER_BIT_STRING);
  clm_ca_der_put_raw (out, &unused_bits, 1);
  clm_ca_der_put_bytes (out, signature);
  clm_ca_der_close (out, bits);
}

GBytes *
clm_ca_sign (ClmKey *key, const ClmCaAlgorithm *algorithm, GBytes *tbs, GCancellable *cancellable, GError **error)
{
  gsize size, outer;
  const guint8 *data = g_bytes_get_data (tbs, &size);
  g_autoptr (GBytes) signature = clm_ca_make_signature (key, algorithm, data, size, cancellable, error);
  GByteArray *out;

  if (signature == NULL)
    return NULL;
  out = g_byte_array_sized_new ((guint) (size + g_bytes_get_size (signature) + 64));
  outer = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put_bytes (out, tbs);
  clm_ca_put_signature (out, algorithm, signature);
  clm_ca_der_close (out, outer);
  return g_byte_array_free_to_bytes (out);
}
