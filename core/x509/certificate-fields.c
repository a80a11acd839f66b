/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certificate.h"

#include "openssl-error.h"

#include <string.h>

char *
clm_x509_serial_to_text (const ASN1_INTEGER *serial)
{
  g_autoptr (BIGNUM) number = ASN1_INTEGER_to_BN (serial, NULL);
  char *hex = number ? BN_bn2hex (number) : NULL;
  g_autofree char *lower = hex ? g_ascii_strdown (hex, -1) : g_strdup ("00");

  OPENSSL_free (hex);
  if (g_str_equal (lower, "0"))
    return g_strdup ("00");
  return g_steal_pointer (&lower);
}

char *
clm_x509_get_serial (X509 *certificate)
{
  return clm_x509_serial_to_text (X509_get0_serialNumber (certificate));
}

char *
clm_x509_get_subject (X509 *certificate)
{
  return clm_x509_name_to_text (X509_get_subject_name (certificate));
}

char *
clm_x509_get_issuer (X509 *certificate)
{
  return clm_x509_name_to_text (X509_get_issuer_name (certificate));
}

gboolean
clm_x509_get_validity (X509 *certificate, gint64 *not_before, gint64 *not_after, GError **error)
{
  return clm_x509_time_to_epoch (X509_get0_notBefore (certificate), not_before, error) &&
         clm_x509_time_to_epoch (X509_get0_notAfter (certificate), not_after, error);
}

GBytes *
clm_x509_get_spki (X509 *certificate)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_X509_PUBKEY (X509_get_X509_PUBKEY (certificate), &der);

  return g_bytes_new (der, size > 0 ? (gsize) size : 0);
}

const char *
clm_x509_get_key_type (X509 *certificate)
{
  EVP_PKEY *key = X509_get0_pubkey (certificate);

  if (key)
    return clm_x509_key_get_type (key);
  ERR_clear_error ();
  return "unknown";
}

char *
clm_x509_get_fingerprint (X509 *certificate)
{
  g_autoptr (GBytes) der = clm_x509_to_der (certificate);

  return g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, der);
}

GStrv
clm_x509_get_names (X509 *certificate, ClmNameKind kind, guint *others, GError **error)
{
  int critical = -1;
  g_autoptr (GENERAL_NAMES) names = X509_get_ext_d2i (certificate, NID_subject_alt_name, &critical, NULL);

  if (!names && critical != -1) {   /* there, but twice or malformed */
    ERR_clear_error ();
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the alternative names cannot be read");
    return NULL;
  }
  return clm_x509_names_list (names, kind, others, error);
}

GStrv
clm_x509_get_usages (X509 *certificate)
{
  g_autoptr (EXTENDED_KEY_USAGE) usages = X509_get_ext_d2i (certificate, NID_ext_key_usage, NULL, NULL);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  int n = usages ? sk_ASN1_OBJECT_num (usages) : 0;

  for (int i = 0; i < n; i++) {
    g_autofree char *word = clm_x509_usage_from_object (sk_ASN1_OBJECT_value (usages, i));
    g_strv_builder_add (list, word);
  }
  return g_strv_builder_end (list);
}

guint32
clm_x509_get_key_usage (X509 *certificate)
{
  return X509_get_key_usage (certificate);
}

gboolean
clm_x509_is_ca (X509 *certificate, int *path_length)
{
  g_autoptr (BASIC_CONSTRAINTS) constraints = X509_get_ext_d2i (certificate, NID_basic_constraints, NULL, NULL);

  if (path_length) {
    long length = constraints && constraints->pathlen ? ASN1_INTEGER_get (constraints->pathlen) : -1;
    *path_length = (int) CLAMP (length, -1, G_MAXINT);
  }
  return constraints && constraints->ca;
}

gboolean
clm_x509_is_self_signed (X509 *certificate)
{
  gboolean result = X509_self_signed (certificate, TRUE) == 1;

  ERR_clear_error ();
  return result;
}
