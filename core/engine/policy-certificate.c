/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-certificate.h"

#include "openssl-error.h"

#include <string.h>

#define MAX_SERIAL_OCTETS 20
#define MIN_SECURITY_BITS 112
#define MAX_SENTENCE 400
#define MAX_EXTENSIONS 64

gboolean
clm_policy_refuse (GError **error, const char *reason, const char *format, ...)
{
  g_autofree char *sentence = NULL, *escaped = NULL;
  va_list args;

  va_start (args, format);
  sentence = g_strdup_vprintf (format, args);
  va_end (args);
  escaped = g_strescape (sentence, "\"\\");
  ERR_clear_error ();
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s: %.*s", reason, MAX_SENTENCE, escaped);
  return FALSE;
}

static gboolean
check_serial (X509 *certificate, GError **error)
{
  const ASN1_INTEGER *serial = X509_get0_serialNumber (certificate);
  g_autoptr (BIGNUM) number = ASN1_INTEGER_to_BN (serial, NULL);

  if (!number || BN_is_negative (number) || BN_is_zero (number))
    return clm_policy_refuse (error, "serial", "the serial number is not positive");
  if (BN_num_bits (number) / 8 + 1 > MAX_SERIAL_OCTETS)   /* with the sign's bit */
    return clm_policy_refuse (error, "serial", "the serial number is longer than %d octets", MAX_SERIAL_OCTETS);
  return TRUE;
}

static gboolean
check_signature_algorithm (X509 *certificate, GError **error)
{
  const X509_ALGOR *outer, *inner = X509_get0_tbs_sigalg (certificate);
  int digest, key, bits;
  guint32 flags;

  X509_get0_signature (NULL, &outer, certificate);
  if (X509_ALGOR_cmp (outer, inner) != 0)
    return clm_policy_refuse (error, "signature-algorithm", "it names two different signature algorithms");
  if (X509_get_signature_info (certificate, &digest, &key, &bits, &flags) != 1 || bits < MIN_SECURITY_BITS)
    return clm_policy_refuse (error, "signature-algorithm", "its signature algorithm is not allowed");
  if (key == NID_ED25519)
    return TRUE;
  if (digest != NID_sha256 && digest != NID_sha384 && digest != NID_sha512)
    return clm_policy_refuse (error, "signature-algorithm", "it is not signed with SHA-256, SHA-384 or SHA-512");
  if (key != NID_rsaEncryption && key != NID_rsassaPss && key != NID_X9_62_id_ecPublicKey)
    return clm_policy_refuse (error, "signature-algorithm", "it is not signed with RSA, ECDSA or Ed25519");
  return TRUE;
}

static gboolean
check_key (X509 *certificate, GError **error)
{
  EVP_PKEY *key = X509_get0_pubkey (certificate);

  if (!key)
    return clm_policy_refuse (error, "key-type", "its public key cannot be read");
  return clm_x509_key_check (key, error);   /* says the word itself */
}

static gboolean
check_text (X509 *certificate, GError **error)
{
  if (clm_x509_name_has_control (X509_get_subject_name (certificate)) || clm_x509_name_has_control (X509_get_issuer_name (certificate)))
    return clm_policy_refuse (error, "control-character", "subject or issuer holds control characters");
  return TRUE;
}

/* Extensions that libcrypto's path validation or this check gives effect to. Proxy certificates are not among them. */
static gboolean
is_known (ASN1_OBJECT *object)
{
  static const int nids[] = {
    NID_basic_constraints, NID_key_usage, NID_ext_key_usage, NID_subject_alt_name, NID_issuer_alt_name, NID_name_constraints,
    NID_certificate_policies, NID_policy_mappings, NID_policy_constraints, NID_inhibit_any_policy, NID_subject_key_identifier,
    NID_authority_key_identifier,
  };
  int nid = OBJ_obj2nid (object);

  for (guint i = 0; i < G_N_ELEMENTS (nids); i++)
    if (nids[i] == nid)
      return TRUE;
  return FALSE;
}

static gboolean
is_readable (X509 *certificate, X509_EXTENSION *extension)
{
  const X509V3_EXT_METHOD *method = X509V3_EXT_get (extension);
  gpointer value;

  if (!method || !is_known (X509_EXTENSION_get_object (extension)))
    return TRUE;
  value = X509V3_EXT_d2i (extension);
  if (!value)
    return FALSE;
  if (method->it)
    ASN1_item_free (value, ASN1_ITEM_ptr (method->it));
  else
    method->ext_free (value);
  return TRUE;
}

static gboolean
check_extension (X509 *certificate, int at, GError **error)
{
  X509_EXTENSION *extension = X509_get_ext (certificate, at);
  ASN1_OBJECT *object = X509_EXTENSION_get_object (extension);
  char oid[80];

  OBJ_obj2txt (oid, sizeof oid, object, 1);
  if (X509_get_ext_by_OBJ (certificate, object, at) >= 0)
    return clm_policy_refuse (error, "duplicate-extension", "extension %s stands twice", oid);
  if (X509_EXTENSION_get_critical (extension) && !is_known (object))
    return clm_policy_refuse (error, "unknown-critical-extension", "critical extension %s is not known", oid);
  if (!is_readable (certificate, extension))
    return clm_policy_refuse (error, "bad-extension", "extension %s is malformed", oid);
  return TRUE;
}

static gboolean
check_extensions (X509 *certificate, GError **error)
{
  int n = X509_get_ext_count (certificate);

  if (n > MAX_EXTENSIONS)
    return clm_policy_refuse (error, "bad-extension", "more than %d extensions", MAX_EXTENSIONS);
  for (int i = 0; i < n; i++)
    if (!check_extension (certificate, i, error))
      return FALSE;
  /* libcrypto's own reading: what contradicts itself, such as a path length without CA:TRUE */
  if (X509_get_extension_flags (certificate) & EXFLAG_INVALID)
    return clm_policy_refuse (error, "bad-extension", "its extensions contradict each other");
  return TRUE;
}

gboolean
clm_policy_check_certificate (X509 *certificate, GError **error)
{
  if (X509_get_version (certificate) != X509_VERSION_3)
    return clm_policy_refuse (error, "version", "it is not of version 3");
  return check_key (certificate, error) && check_signature_algorithm (certificate, error) && check_serial (certificate, error) &&
         check_text (certificate, error) && check_extensions (certificate, error);
}
