/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include "der.h"
#include "openssl-error.h"

#include <string.h>

#define MIN_SECURITY_BITS 112

static gboolean
refuse (GError **error, const char *why)
{
  ERR_clear_error ();
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "certificate request: %s", why);
  return FALSE;
}

static gboolean
check_attributes (X509_REQ *request, GError **error)
{
  for (int i = 0; i < X509_REQ_get_attr_count (request); i++) {
    X509_ATTRIBUTE *attribute = X509_REQ_get_attr (request, i);
    ASN1_OBJECT *object = X509_ATTRIBUTE_get0_object (attribute);

    if (X509_REQ_get_attr_by_OBJ (request, object, i) >= 0)
      return refuse (error, "an attribute stands twice");
    if (X509_ATTRIBUTE_count (attribute) != 1)
      return refuse (error, "an attribute has not exactly one value");
  }
  return TRUE;
}

static gboolean
check_extensions (X509_REQ *request, GError **error)
{
  g_autoptr (ClmExtensionStack) extensions = NULL;
  gboolean asked = X509_REQ_get_attr_by_NID (request, NID_ext_req, -1) >= 0;

  extensions = X509_REQ_get_extensions (request);
  if (asked && !extensions)
    return refuse (error, "the extensions cannot be read");
  for (int i = 0; i < X509v3_get_ext_count (extensions); i++) {
    ASN1_OBJECT *object = X509_EXTENSION_get_object (X509v3_get_ext (extensions, i));
    if (X509v3_get_ext_by_OBJ (extensions, object, i) >= 0)
      return refuse (error, "an extension stands twice");
  }
  return TRUE;
}

static gboolean
has_strong_signature (X509_REQ *request)
{
  int digest = NID_undef, key = NID_undef;

  if (!OBJ_find_sigid_algs (X509_REQ_get_signature_nid (request), &digest, &key))
    return FALSE;
  if (digest == NID_undef)   /* Ed25519 and PSS name theirs elsewhere; verification looks at it */
    return TRUE;

  const EVP_MD *md = EVP_get_digestbynid (digest);
  return md && EVP_MD_get_size (md) * 4 >= MIN_SECURITY_BITS && digest != NID_sha1;
}

static gboolean
check_request (X509_REQ *request, GError **error)
{
  EVP_PKEY *key = X509_REQ_get0_pubkey (request);

  if (X509_REQ_get_version (request) != X509_REQ_VERSION_1)
    return refuse (error, "unknown version");
  if (!key)
    return refuse (error, "the public key cannot be read");
  if (!clm_x509_key_check (key, error))
    return FALSE;
  if (!has_strong_signature (request))
    return refuse (error, "the signature algorithm is not allowed");
  if (X509_REQ_verify (request, key) != 1)
    return refuse (error, "the signature does not prove possession of the key");
  return check_attributes (request, error) && check_extensions (request, error);
}

X509_REQ *
clm_x509_request_parse (GBytes *der, GError **error)
{
  g_autoptr (X509_REQ) request = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (der, &size);

  if (!clm_x509_der_check ("certificate request", data, size, CLM_REQUEST_MAX_SIZE, error))
    return NULL;

  ERR_clear_error ();
  request = d2i_X509_REQ (NULL, &data, (long) size);
  if (!request) {
    clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "certificate request is malformed");
    return NULL;
  }
  return check_request (request, error) ? g_steal_pointer (&request) : NULL;
}

GBytes *
clm_x509_request_to_der (X509_REQ *request)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_X509_REQ (request, &der);

  return g_bytes_new (der, size > 0 ? (gsize) size : 0);
}

char *
clm_x509_request_get_subject (X509_REQ *request)
{
  return clm_x509_name_to_text (X509_REQ_get_subject_name (request));
}

EVP_PKEY *
clm_x509_request_get_key (X509_REQ *request)
{
  return X509_REQ_get_pubkey (request);
}

GBytes *
clm_x509_request_get_spki (X509_REQ *request)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_X509_PUBKEY (X509_REQ_get_X509_PUBKEY (request), &der);

  return g_bytes_new (der, size > 0 ? (gsize) size : 0);
}

static gpointer
get_extension (X509_REQ *request, int nid, int *critical)
{
  g_autoptr (ClmExtensionStack) extensions = X509_REQ_get_extensions (request);

  return X509V3_get_d2i (extensions, nid, critical, NULL);
}

GStrv
clm_x509_request_get_names (X509_REQ *request, ClmNameKind kind, guint *others, GError **error)
{
  int critical = -1;
  g_autoptr (GENERAL_NAMES) names = get_extension (request, NID_subject_alt_name, &critical);

  if (!names && critical != -1) {
    refuse (error, "the alternative names cannot be read");
    return NULL;
  }
  return clm_x509_names_list (names, kind, others, error);
}

GStrv
clm_x509_request_get_usages (X509_REQ *request)
{
  g_autoptr (EXTENDED_KEY_USAGE) usages = get_extension (request, NID_ext_key_usage, NULL);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  int n = usages ? sk_ASN1_OBJECT_num (usages) : 0;

  for (int i = 0; i < n; i++) {
    g_autofree char *word = clm_x509_usage_from_object (sk_ASN1_OBJECT_value (usages, i));
    g_strv_builder_add (list, word);
  }
  return g_strv_builder_end (list);
}

gboolean
clm_x509_request_wants_ca (X509_REQ *request, int *path_length)
{
  g_autoptr (BASIC_CONSTRAINTS) constraints = get_extension (request, NID_basic_constraints, NULL);

  if (path_length) {
    long length = constraints && constraints->pathlen ? ASN1_INTEGER_get (constraints->pathlen) : -1;
    *path_length = (int) CLAMP (length, -1, G_MAXINT);
  }
  return constraints && constraints->ca;
}

char *
clm_x509_request_get_challenge_password (X509_REQ *request)
{
  g_autoptr (ClmOpenSSLBytes) text = NULL;
  int at = X509_REQ_get_attr_by_NID (request, NID_pkcs9_challengePassword, -1);
  X509_ATTRIBUTE *attribute = at < 0 ? NULL : X509_REQ_get_attr (request, at);
  const ASN1_TYPE *value = attribute ? X509_ATTRIBUTE_get0_type (attribute, 0) : NULL;

  if (!value || value->type == V_ASN1_OBJECT || value->type == V_ASN1_BOOLEAN || value->type == V_ASN1_NULL)
    return NULL;
  int size = ASN1_STRING_to_UTF8 (&text, value->value.asn1_string);
  ERR_clear_error ();
  if (size < 0 || !g_utf8_validate ((char *) text, size, NULL))
    return NULL;
  return g_strndup ((char *) text, (gsize) size);
}
