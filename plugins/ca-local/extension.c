/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "extension.h"

#include <string.h>

#include "certificate.h"
#include "der.h"

/* OBJECT IDENTIFIER, whole. */
#define BYTES(text) text, sizeof (text) - 1
#define OID_SUBJECT_KEY_ID     BYTES ("\x06\x03\x55\x1d\x0e")
#define OID_KEY_USAGE          BYTES ("\x06\x03\x55\x1d\x0f")
#define OID_ALT_NAME           BYTES ("\x06\x03\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS  BYTES ("\x06\x03\x55\x1d\x13")
#define OID_CRL_NUMBER         BYTES ("\x06\x03\x55\x1d\x14")
#define OID_CRL_DISTRIBUTION   BYTES ("\x06\x03\x55\x1d\x1f")
#define OID_AUTHORITY_KEY_ID   BYTES ("\x06\x03\x55\x1d\x23")
#define OID_EXTENDED_KEY_USAGE BYTES ("\x06\x03\x55\x1d\x25")
#define OID_AUTHORITY_ACCESS   BYTES ("\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x01")
#define OID_OCSP               BYTES ("\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01")
#define OID_CA_ISSUERS         BYTES ("\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02")
#define OID_OCSP_NO_CHECK      BYTES ("\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x05")

static const guint8 yes = 0xff;

/* Two marks of one extension: the SEQUENCE and the OCTET STRING around its value. */
typedef struct { gsize outer, value; } Extension;

static Extension
open_extension (GByteArray *out, const char *oid, gsize size, gboolean critical)
{
  Extension extension = { .outer = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE) };

  clm_ca_der_put_raw (out, oid, size);
  if (critical)
    clm_ca_der_put (out, CLM_CA_DER_BOOLEAN, &yes, 1);
  extension.value = clm_ca_der_open (out, CLM_CA_DER_OCTET_STRING);
  return extension;
}

static void
close_extension (GByteArray *out, Extension extension)
{
  clm_ca_der_close (out, extension.value);
  clm_ca_der_close (out, extension.outer);
}

void
clm_ca_extension_put_basic_constraints (GByteArray *out, gboolean is_ca, int path_length)
{
  Extension extension = open_extension (out, OID_BASIC_CONSTRAINTS, TRUE);
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

  if (is_ca)
    clm_ca_der_put (out, CLM_CA_DER_BOOLEAN, &yes, 1);
  if (is_ca && path_length >= 0)
    clm_ca_der_put_unsigned (out, CLM_CA_DER_INTEGER, (guint64) path_length);
  clm_ca_der_close (out, body);
  close_extension (out, extension);
}

void
clm_ca_extension_put_key_usage (GByteArray *out, guint8 bits)
{
  Extension extension = open_extension (out, OID_KEY_USAGE, TRUE);
  guint8 octets[2] = { 0, bits };

  /* DER drops trailing zero bits of a named bit list. */
  while (octets[0] < 7 && (bits & (1 << octets[0])) == 0)
    octets[0]++;
  clm_ca_der_put (out, CLM_CA_DER_BIT_STRING, octets, sizeof octets);
  close_extension (out, extension);
}

void
clm_ca_extension_put_key_id (GByteArray *out, GBytes *id)
{
  Extension extension = open_extension (out, OID_SUBJECT_KEY_ID, FALSE);

  clm_ca_der_put (out, CLM_CA_DER_OCTET_STRING, g_bytes_get_data (id, NULL), g_bytes_get_size (id));
  close_extension (out, extension);
}

void
clm_ca_extension_put_authority_key_id (GByteArray *out, GBytes *id)
{
  Extension extension = open_extension (out, OID_AUTHORITY_KEY_ID, FALSE);
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

  clm_ca_der_put (out, CLM_CA_DER_CONTEXT (0), g_bytes_get_data (id, NULL), g_bytes_get_size (id));
  clm_ca_der_close (out, body);
  close_extension (out, extension);
}

void
clm_ca_extension_put_crl_number (GByteArray *out, guint64 number)
{
  Extension extension = open_extension (out, OID_CRL_NUMBER, FALSE);

  clm_ca_der_put_unsigned (out, CLM_CA_DER_INTEGER, number);
  close_extension (out, extension);
}

gboolean
clm_ca_usages_put (GByteArray *out, const char *const *usages, GError **error)
{
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

  for (guint i = 0; usages[i] != NULL; i++) {
    g_autoptr (ASN1_OBJECT) object = clm_x509_usage_to_object (usages[i], error);

    if (object == NULL)
      return FALSE;
    clm_ca_der_put (out, CLM_CA_DER_OID, OBJ_get0_data (object), OBJ_length (object));
  }
  clm_ca_der_close (out, body);
  return TRUE;
}

gboolean
clm_ca_extension_put_usages (GByteArray *out, const char *const *usages, GError **error)
{
  Extension extension = open_extension (out, OID_EXTENDED_KEY_USAGE, FALSE);

  if (!clm_ca_usages_put (out, usages, error))
    return FALSE;
  close_extension (out, extension);
  return TRUE;
}

static gboolean
put_address (GByteArray *out, const char *text, GError **error)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  if (address == NULL) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "“%s” is no address", text);
    return FALSE;
  }
  clm_ca_der_put (out, CLM_CA_DER_CONTEXT (7), g_inet_address_to_bytes (address), g_inet_address_get_native_size (address));
  return TRUE;
}

gboolean
clm_ca_names_put (GByteArray *out, char *const *const *names, GError **error)
{
  static const guint8 tags[CLM_N_NAME_KINDS] = {
    [CLM_NAME_DNS] = CLM_CA_DER_CONTEXT (2), [CLM_NAME_URI] = CLM_CA_DER_CONTEXT (6), [CLM_NAME_EMAIL] = CLM_CA_DER_CONTEXT (1),
  };
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

  for (guint kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    for (guint i = 0; names[kind][i] != NULL; i++)
      if (kind != CLM_NAME_IP)
        clm_ca_der_put (out, tags[kind], names[kind][i], strlen (names[kind][i]));
      else if (!put_address (out, names[kind][i], error))
        return FALSE;
  clm_ca_der_close (out, body);
  return TRUE;
}

gboolean
clm_ca_extension_put_names (GByteArray *out, char *const *const *names, gboolean critical, GError **error)
{
  Extension extension = open_extension (out, OID_ALT_NAME, critical);

  if (!clm_ca_names_put (out, names, error))
    return FALSE;
  close_extension (out, extension);
  return TRUE;
}

/* DistributionPoint with fullName, RFC 5280 §4.2.1.13. */
static void
put_crl_url (GByteArray *out, const char *url)
{
  static const guint8 wrappers[] = { CLM_CA_DER_SEQUENCE, CLM_CA_DER_SEQUENCE, CLM_CA_DER_EXPLICIT (0), CLM_CA_DER_EXPLICIT (0) };
  Extension extension = open_extension (out, OID_CRL_DISTRIBUTION, FALSE);
  gsize marks[G_N_ELEMENTS (wrappers)];

  for (guint i = 0; i < G_N_ELEMENTS (wrappers); i++)
    marks[i] = clm_ca_der_open (out, wrappers[i]);
  clm_ca_der_put (out, CLM_CA_DER_CONTEXT (6), url, strlen (url));
  for (guint i = G_N_ELEMENTS (wrappers); i > 0; i--)
    clm_ca_der_close (out, marks[i - 1]);
  close_extension (out, extension);
}

static void
put_access (GByteArray *out, const char *method, gsize size, const char *url)
{
  gsize body;

  if (url == NULL)
    return;
  body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put_raw (out, method, size);
  clm_ca_der_put (out, CLM_CA_DER_CONTEXT (6), url, strlen (url));
  clm_ca_der_close (out, body);
}

void
clm_ca_extension_put_urls (GByteArray *out, const ClmCaUrls *urls)
{
  if (urls->crl != NULL)
    put_crl_url (out, urls->crl);
  if (urls->ocsp != NULL || urls->issuer != NULL) {
    Extension extension = open_extension (out, OID_AUTHORITY_ACCESS, FALSE);
    gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

    put_access (out, OID_OCSP, urls->ocsp);
    put_access (out, OID_CA_ISSUERS, urls->issuer);
    clm_ca_der_close (out, body);
    close_extension (out, extension);
  }
}

void
clm_ca_extension_put_no_check (GByteArray *out)
{
  Extension extension = open_extension (out, OID_OCSP_NO_CHECK, FALSE);

  clm_ca_der_put_raw (out, "\x05\x00", 2);
  close_extension (out, extension);
}
