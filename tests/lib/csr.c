/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "csr.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_REQ, X509_REQ_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)

typedef struct {
  ClmSignScheme scheme;
  ClmHash       hash;
  const EVP_MD *digest;
  int           algorithm;
} Way;

static gboolean
choose_way (EVP_PKEY *key, Way *way)
{
  int type = EVP_PKEY_get_base_id (key);

  if (type == EVP_PKEY_ED25519)
    *way = (Way) {CLM_SIGN_ED25519, CLM_HASH_NONE, NULL, NID_ED25519};
  else if (type == EVP_PKEY_RSA)
    *way = (Way) {CLM_SIGN_RSA_PKCS1, CLM_HASH_SHA256, EVP_sha256 (), NID_sha256WithRSAEncryption};
  else if (type == EVP_PKEY_EC && EVP_PKEY_get_bits (key) > 256)
    *way = (Way) {CLM_SIGN_ECDSA, CLM_HASH_SHA384, EVP_sha384 (), NID_ecdsa_with_SHA384};
  else if (type == EVP_PKEY_EC)
    *way = (Way) {CLM_SIGN_ECDSA, CLM_HASH_SHA256, EVP_sha256 (), NID_ecdsa_with_SHA256};
  else
    return FALSE;
  return TRUE;
}

static gboolean
set_subject (X509_REQ *csr, const char *subject)
{
  X509_NAME *name = X509_REQ_get_subject_name (csr);
  g_auto (GStrv) parts = g_strsplit (subject != NULL ? subject : "", ",", -1);

  /* RFC 4514 text begins with the most specific part, the encoding ends with it. */
  for (guint i = g_strv_length (parts); i > 0; i--) {
    char *equals = strchr (g_strstrip (parts[i - 1]), '=');
    if (equals == NULL)
      return FALSE;
    *equals = '\0';
    if (X509_NAME_add_entry_by_txt (name, parts[i - 1], MBSTRING_UTF8, (guchar *) equals + 1, -1, -1, 0) != 1)
      return FALSE;
  }
  return TRUE;
}

static gboolean
add_names (X509_REQ *csr, ClmRequest *request)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *const *dns = clm_request_get_dns_names (request);
  const char *const *ip = clm_request_get_ip_addresses (request);

  for (guint i = 0; dns[i] != NULL; i++)
    g_string_append_printf (text, "%sDNS:%s", text->len > 0 ? "," : "", dns[i]);
  for (guint i = 0; ip[i] != NULL; i++)
    g_string_append_printf (text, "%sIP:%s", text->len > 0 ? "," : "", ip[i]);
  if (text->len == 0)
    return TRUE;

  X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, NULL, NID_subject_alt_name, text->str);
  if (extension == NULL)
    return FALSE;
  STACK_OF (X509_EXTENSION) *list = sk_X509_EXTENSION_new_null ();
  sk_X509_EXTENSION_push (list, extension);
  gboolean ok = X509_REQ_add_extensions (csr, list) == 1;
  sk_X509_EXTENSION_pop_free (list, X509_EXTENSION_free);
  return ok;
}

static gboolean
add_attributes (X509_REQ *csr, const char *challenge_password, GBytes *extra)
{
  if (challenge_password != NULL &&
      X509_REQ_add1_attr_by_NID (csr, NID_pkcs9_challengePassword, MBSTRING_UTF8, (const guchar *) challenge_password, -1) != 1)
    return FALSE;
  if (extra == NULL)
    return TRUE;

  gsize size;
  const guchar *der = g_bytes_get_data (extra, &size);
  long length;
  int tag, class;
  if (ASN1_get_object (&der, &length, &tag, &class, size) & 0x80 || tag != V_ASN1_SET)
    return FALSE;
  const guchar *end = der + length;
  while (der < end) {
    X509_ATTRIBUTE *attribute = d2i_X509_ATTRIBUTE (NULL, &der, end - der);
    gboolean ok = attribute != NULL && X509_REQ_add1_attr (csr, attribute) == 1;
    X509_ATTRIBUTE_free (attribute);
    if (!ok)
      return FALSE;
  }
  return TRUE;
}

static GBytes *
sign_body (X509_REQ *csr, ClmKey *key, const Way *way, GCancellable *cancellable, GError **error)
{
  guchar *body = NULL, digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  GBytes *signature;

  int size = i2d_re_X509_REQ_tbs (csr, &body);
  if (way->digest == NULL) {
    signature = clm_key_sign (key, way->scheme, way->hash, body, size, cancellable, error);
  } else {
    EVP_Digest (body, size, digest, &digest_size, way->digest, NULL);
    signature = clm_key_sign (key, way->scheme, way->hash, digest, digest_size, cancellable, error);
  }
  OPENSSL_free (body);
  return signature;
}

static GBytes *
finish (X509_REQ *csr, GBytes *signature, const Way *way)
{
  ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new ();
  guchar *der = NULL;

  ASN1_STRING_set (bits, g_bytes_get_data (signature, NULL), g_bytes_get_size (signature));
  bits->flags = (bits->flags & ~0x0f) | ASN1_STRING_FLAG_BITS_LEFT;   /* no unused bits */
  X509_REQ_set0_signature (csr, bits);
  int size = i2d_X509_REQ (csr, &der);
  GBytes *bytes = g_bytes_new (der, size);
  OPENSSL_free (der);
  return bytes;
}

GBytes *
clm_csr_make (ClmRequest *request, const char *challenge_password, GBytes *extra_attributes, GCancellable *cancellable, GError **error)
{
  ClmKey *key = clm_request_get_key (request);
  const guchar *spki = g_bytes_get_data (clm_key_get_spki (key), NULL);
  g_autoptr (EVP_PKEY) public_key = d2i_PUBKEY (NULL, &spki, g_bytes_get_size (clm_key_get_spki (key)));
  g_autoptr (X509_REQ) csr = X509_REQ_new ();
  Way way;

  if (public_key == NULL || !choose_way (public_key, &way) || X509_REQ_set_pubkey (csr, public_key) != 1 ||
      !set_subject (csr, clm_request_get_subject (request)) || !add_names (csr, request) ||
      !add_attributes (csr, challenge_password, extra_attributes)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "cannot make a CSR for %s", clm_request_get_certificate (request));
    return NULL;
  }
  X509_ALGOR *algorithm = X509_ALGOR_new ();
  X509_ALGOR_set0 (algorithm, OBJ_nid2obj (way.algorithm), way.scheme == CLM_SIGN_RSA_PKCS1 ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
  X509_REQ_set1_signature_algo (csr, algorithm);
  X509_ALGOR_free (algorithm);
  g_autoptr (GBytes) signature = sign_body (csr, key, &way, cancellable, error);
  return signature != NULL ? finish (csr, signature, &way) : NULL;
}
