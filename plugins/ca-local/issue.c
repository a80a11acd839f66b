/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issue.h"

#include <string.h>

#include "certificate.h"
#include "der.h"

#define OID_SUBJECT_KEY_ID     "2.5.29.14"
#define OID_KEY_USAGE          "2.5.29.15"
#define OID_ALT_NAME           "2.5.29.17"
#define OID_BASIC_CONSTRAINTS  "2.5.29.19"
#define OID_CRL_DISTRIBUTION   "2.5.29.31"
#define OID_AUTHORITY_KEY_ID   "2.5.29.35"
#define OID_EXTENDED_KEY_USAGE "2.5.29.37"
#define OID_AUTHORITY_ACCESS   "1.3.6.1.5.5.7.1.1"
#define OID_OCSP               "1.3.6.1.5.5.7.48.1"
#define OID_CA_ISSUERS         "1.3.6.1.5.5.7.48.2"
#define OID_OCSP_NO_CHECK      "1.3.6.1.5.5.7.48.1.5"

/* Two marks of one extension: the SEQUENCE and the OCTET STRING around its value. */
typedef struct { gsize outer, value; } Extension;

static Extension
open_extension (GByteArray *out, const char *oid, gboolean critical)
{
  Extension extension = { .outer = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE) };
  guint8 yes = 0xff;

  clm_ca_der_put_oid (out, oid);
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

static void
put_basic_constraints (GByteArray *out, const ClmCaTemplate *self)
{
  Extension extension = open_extension (out, OID_BASIC_CONSTRAINTS, TRUE);
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  guint8 yes = 0xff;

  if (self->is_ca)
    clm_ca_der_put (out, CLM_CA_DER_BOOLEAN, &yes, 1);
  if (self->is_ca && self->path_length >= 0)
    clm_ca_der_put_unsigned (out, CLM_CA_DER_INTEGER, (guint64) self->path_length);
  clm_ca_der_close (out, body);
  close_extension (out, extension);
}

static void
put_key_usage (GByteArray *out, guint8 bits)
{
  Extension extension = open_extension (out, OID_KEY_USAGE, TRUE);
  guint8 octets[2] = { 0, bits };

  /* DER drops trailing zero bits of a named bit list. */
  while (octets[0] < 7 && (bits & (1 << octets[0])) == 0)
    octets[0]++;
  clm_ca_der_put (out, CLM_CA_DER_BIT_STRING, octets, sizeof octets);
  close_extension (out, extension);
}

static gboolean
put_usages (GByteArray *out, const char *const *usages, GError **error)
{
  Extension extension = open_extension (out, OID_EXTENDED_KEY_USAGE, FALSE);
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

  for (guint i = 0; usages[i] != NULL; i++) {
    g_autoptr (ASN1_OBJECT) object = clm_x509_usage_to_object (usages[i], error);

    if (object == NULL)
      return FALSE;
    clm_ca_der_put (out, CLM_CA_DER_OID, OBJ_get0_data (object), OBJ_length (object));
  }
  clm_ca_der_close (out, body);
  close_extension (out, extension);
  return TRUE;
}

static void
put_key_ids (GByteArray *out, const ClmCaTemplate *self)
{
  g_autoptr (GBytes) own = clm_ca_key_id (self->spki);
  Extension extension = open_extension (out, OID_SUBJECT_KEY_ID, FALSE);
  gsize body;

  clm_ca_der_put (out, CLM_CA_DER_OCTET_STRING, g_bytes_get_data (own, NULL), g_bytes_get_size (own));
  close_extension (out, extension);
  if (self->authority_key_id == NULL)
    return;
  extension = open_extension (out, OID_AUTHORITY_KEY_ID, FALSE);
  body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put (out, CLM_CA_DER_CONTEXT (0), g_bytes_get_data (self->authority_key_id, NULL), g_bytes_get_size (self->authority_key_id));
  clm_ca_der_close (out, body);
  close_extension (out, extension);
}

static gboolean
put_name (GByteArray *out, ClmNameKind kind, const char *text, GError **error)
{
  static const guint8 tags[CLM_N_NAME_KINDS] = {
    [CLM_NAME_DNS] = CLM_CA_DER_CONTEXT (2), [CLM_NAME_IP] = CLM_CA_DER_CONTEXT (7),
    [CLM_NAME_URI] = CLM_CA_DER_CONTEXT (6), [CLM_NAME_EMAIL] = CLM_CA_DER_CONTEXT (1),
  };
  g_autoptr (GInetAddress) address = kind == CLM_NAME_IP ? g_inet_address_new_from_string (text) : NULL;

  if (kind == CLM_NAME_IP && address == NULL) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "“%s” is no address", text);
    return FALSE;
  }
  if (address != NULL)
    clm_ca_der_put (out, tags[kind], g_inet_address_to_bytes (address), g_inet_address_get_native_size (address));
  else
    clm_ca_der_put (out, tags[kind], text, strlen (text));
  return TRUE;
}

static gboolean
put_alt_names (GByteArray *out, const ClmCaTemplate *self, gboolean critical, GError **error)
{
  Extension extension = open_extension (out, OID_ALT_NAME, critical);
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

  for (guint kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    for (guint i = 0; self->names[kind][i] != NULL; i++)
      if (!put_name (out, (ClmNameKind) kind, self->names[kind][i], error))
        return FALSE;
  clm_ca_der_close (out, body);
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
put_access (GByteArray *out, const char *method, const char *url)
{
  gsize body;

  if (url == NULL)
    return;
  body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put_oid (out, method);
  clm_ca_der_put (out, CLM_CA_DER_CONTEXT (6), url, strlen (url));
  clm_ca_der_close (out, body);
}

static void
put_urls (GByteArray *out, const ClmCaUrls *urls)
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

static gboolean
has_names (const ClmCaTemplate *self)
{
  for (guint kind = 0; self->names != NULL && kind < CLM_N_NAME_KINDS; kind++)
    if (self->names[kind][0] != NULL)
      return TRUE;
  return FALSE;
}

static gboolean
put_extensions (GByteArray *out, const ClmCaTemplate *self, GError **error)
{
  gsize outer = clm_ca_der_open (out, CLM_CA_DER_EXPLICIT (3));
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  gboolean empty_subject = g_bytes_get_size (self->subject_name) <= 2;

  put_basic_constraints (out, self);
  put_key_usage (out, self->key_usage);
  if (self->usages != NULL && self->usages[0] != NULL && !put_usages (out, self->usages, error))
    return FALSE;
  put_key_ids (out, self);
  if (has_names (self) && !put_alt_names (out, self, empty_subject, error))
    return FALSE;
  if (self->urls != NULL)
    put_urls (out, self->urls);
  if (self->no_check) {
    Extension extension = open_extension (out, OID_OCSP_NO_CHECK, FALSE);

    clm_ca_der_put_raw (out, "\x05\x00", 2);
    close_extension (out, extension);
  }
  clm_ca_der_close (out, body);
  clm_ca_der_close (out, outer);
  return TRUE;
}

GBytes *
clm_ca_template_encode (const ClmCaTemplate *self, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_sized_new (2048);
  gsize tbs = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  gsize part = clm_ca_der_open (out, CLM_CA_DER_EXPLICIT (0));

  clm_ca_der_put_unsigned (out, CLM_CA_DER_INTEGER, 2);
  clm_ca_der_close (out, part);
  clm_ca_der_put (out, CLM_CA_DER_INTEGER, g_bytes_get_data (self->serial, NULL), g_bytes_get_size (self->serial));
  clm_ca_der_put_raw (out, self->algorithm->identifier, self->algorithm->identifier_size);
  clm_ca_der_put_bytes (out, self->issuer_name);
  part = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put_time (out, self->not_before);
  clm_ca_der_put_time (out, self->not_after);
  clm_ca_der_close (out, part);
  clm_ca_der_put_bytes (out, self->subject_name);
  clm_ca_der_put_bytes (out, self->spki);
  if (!put_extensions (out, self, error))
    return NULL;
  clm_ca_der_close (out, tbs);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

gboolean
clm_ca_issue_get_validity (const ClmCaIssuer *issuer, gint64 now, gint64 lifetime, gint64 backdate,
                           gint64 *not_before, gint64 *not_after, GError **error)
{
  if (now >= issuer->not_after) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "the CA certificate “%s” has expired", issuer->subject);
    if (error != NULL)
      clm_error_set_hint (*error, "make a new CA in another authority file and move the certificates over; see certloom.ca-local(5), “When the root ends”");
    return FALSE;
  }
  if (now < issuer->not_before) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CLOCK, "the CA certificate “%s” is not valid yet", issuer->subject);
    return FALSE;
  }
  *not_before = MAX (now - MIN (backdate, MAX (lifetime / 60, 1)), issuer->not_before);
  *not_after = MIN (*not_before + lifetime, issuer->not_after);
  return TRUE;
}

/* RSA keys of servers may also be used to encipher a TLS 1.2 premaster secret; nothing else enciphers. */
static guint8
get_key_usage (const ClmCaProfile *profile, const ClmCaOrder *order)
{
  if (profile->is_ca)
    return CLM_CA_USE_CERT_SIGN | CLM_CA_USE_CRL_SIGN;
  if (g_str_has_prefix (order->key_type, "rsa:") && g_strv_contains (clm_ca_profile_get_usages (profile, order), "server"))
    return CLM_CA_USE_DIGITAL_SIGNATURE | CLM_CA_USE_KEY_ENCIPHERMENT;
  return CLM_CA_USE_DIGITAL_SIGNATURE;
}

GBytes *
clm_ca_issue_encode (const ClmCaIssuer *issuer, const ClmCaProfile *profile, const ClmCaOrder *order, const ClmCaUrls *urls,
                     GBytes *serial, gint64 not_before, gint64 not_after, GError **error)
{
  ClmCaTemplate template = {
    .serial = serial, .algorithm = issuer->algorithm, .issuer_name = issuer->name, .authority_key_id = issuer->key_id,
    .not_before = not_before, .not_after = not_after, .subject_name = order->subject_name, .spki = order->spki,
    .names = (char *const *const *) order->names, .usages = clm_ca_profile_get_usages (profile, order),
    .key_usage = get_key_usage (profile, order), .is_ca = profile->is_ca, .path_length = order->path_length,
    .no_check = profile->no_check, .urls = urls,
  };

  return clm_ca_template_encode (&template, error);
}
