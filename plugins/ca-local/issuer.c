/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issuer.h"

#include "certificate.h"
#include "der.h"
#include "openssl-error.h"

GBytes *
clm_ca_key_id (GBytes *spki)
{
  gsize size;
  const guint8 *at = g_bytes_get_data (spki, &size), *end = at + size;
  ClmCaDer outer, algorithm, bits;
  guint8 digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;

  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &outer))
    return g_bytes_new (NULL, 0);
  at = outer.value;
  if (!clm_ca_der_read (&at, end, &algorithm) || !clm_ca_der_expect (&at, end, CLM_CA_DER_BIT_STRING, &bits) || bits.size < 2 ||
      EVP_Digest (bits.value + 1, bits.size - 1, digest, &digest_size, EVP_sha1 (), NULL) != 1)
    return g_bytes_new (NULL, 0);
  return g_bytes_new (digest, digest_size);
}

static GBytes *
copy_key_id (X509 *certificate, GBytes *spki)
{
  const ASN1_OCTET_STRING *id = X509_get0_subject_key_id (certificate);

  return id != NULL && ASN1_STRING_length (id) > 0
           ? g_bytes_new (ASN1_STRING_get0_data (id), (gsize) ASN1_STRING_length (id)) : clm_ca_key_id (spki);
}

static GBytes *
copy_name (const X509_NAME *name)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_X509_NAME (name, &der);

  return g_bytes_new (der, size > 0 ? (gsize) size : 0);
}

static GBytes *
copy_serial (X509 *certificate)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_ASN1_INTEGER (X509_get_serialNumber (certificate), &der);
  const guint8 *at = der;
  ClmCaDer element;

  if (size <= 0 || !clm_ca_der_read (&at, der + size, &element))
    return g_bytes_new (NULL, 0);
  return g_bytes_new (element.value, element.size);
}

/* What is wrong with @certificate as a CA's, or NULL. */
static const char *
find_flaw (X509 *certificate, int *path_length)
{
  guint32 usage = clm_x509_get_key_usage (certificate);

  if (!clm_x509_is_ca (certificate, path_length))
    return "it is not a CA's (CA:TRUE is missing)";
  if (usage != G_MAXUINT32 && (usage & KU_KEY_CERT_SIGN) == 0)
    return "its key usage does not allow signing certificates";
  if (usage != G_MAXUINT32 && (usage & KU_CRL_SIGN) == 0)
    return "its key usage does not allow signing revocation lists";
  if (X509_NAME_entry_count (X509_get_subject_name (certificate)) == 0)
    return "it has no subject";
  return NULL;
}

static gboolean
check_certificate (X509 *certificate, int *path_length, GError **error)
{
  const char *flaw = find_flaw (certificate, path_length);
  EVP_PKEY *key = X509_get0_pubkey (certificate);
  g_autoptr (GError) problem = NULL;

  if (flaw == NULL && key == NULL)
    flaw = "its key cannot be read";
  if (flaw == NULL && !clm_x509_key_check (key, &problem))
    flaw = problem->message;
  if (flaw == NULL)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "the CA certificate cannot be used: %s", flaw);
  return FALSE;
}

ClmCaIssuer *
clm_ca_issuer_new (GBytes *der, GError **error)
{
  g_autoptr (X509) certificate = clm_x509_parse (der, error);
  g_autoptr (ClmCaIssuer) self = NULL;
  int path_length = -1;

  if (certificate == NULL || !check_certificate (certificate, &path_length, error))
    return NULL;
  self = g_atomic_rc_box_new0 (ClmCaIssuer);
  self->algorithm = clm_ca_algorithm_for_key_type (clm_x509_get_key_type (certificate), error);
  if (self->algorithm == NULL || !clm_x509_get_validity (certificate, &self->not_before, &self->not_after, error))
    return NULL;
  self->der = g_bytes_ref (der);
  self->path_length = path_length;
  self->name = copy_name (X509_get_subject_name (certificate));
  self->subject = clm_x509_get_subject (certificate);
  self->spki = clm_x509_get_spki (certificate);
  self->key_id = copy_key_id (certificate, self->spki);
  self->serial = copy_serial (certificate);
  self->fingerprint = clm_x509_get_fingerprint (certificate);
  self->self_signed = clm_x509_is_self_signed (certificate);
  return g_steal_pointer (&self);
}

ClmCaIssuer *
clm_ca_issuer_ref (ClmCaIssuer *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear_issuer (gpointer data)
{
  ClmCaIssuer *self = data;

  g_clear_pointer (&self->der, g_bytes_unref);
  g_clear_pointer (&self->name, g_bytes_unref);
  g_clear_pointer (&self->spki, g_bytes_unref);
  g_clear_pointer (&self->key_id, g_bytes_unref);
  g_clear_pointer (&self->serial, g_bytes_unref);
  g_free (self->subject);
  g_free (self->fingerprint);
}

void
clm_ca_issuer_unref (ClmCaIssuer *self)
{
  g_atomic_rc_box_release_full (self, clear_issuer);
}

gboolean
clm_ca_issuer_signed (const ClmCaIssuer *self, X509 *certificate)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_from_spki (self->spki, NULL);
  g_autoptr (GBytes) name = copy_name (X509_get_issuer_name (certificate));
  gboolean verified;

  if (key == NULL || !g_bytes_equal (name, self->name))
    return FALSE;
  verified = X509_verify (certificate, key) == 1;
  if (!verified)
    clm_x509_set_error (NULL, CLM_ERROR_FAILED, "not ours");
  return verified;
}
