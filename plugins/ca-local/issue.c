/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issue.h"

#include "der.h"

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
  g_autoptr (GBytes) own_id = clm_ca_key_id (self->spki);
  gsize outer = clm_ca_der_open (out, CLM_CA_DER_EXPLICIT (3));
  gsize body = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  gboolean empty_subject = g_bytes_get_size (self->subject_name) <= 2;

  clm_ca_extension_put_basic_constraints (out, self->is_ca, self->path_length);
  clm_ca_extension_put_key_usage (out, self->key_usage);
  if (self->usages != NULL && self->usages[0] != NULL && !clm_ca_extension_put_usages (out, self->usages, error))
    return FALSE;
  clm_ca_extension_put_key_id (out, own_id);
  if (self->authority_key_id != NULL)
    clm_ca_extension_put_authority_key_id (out, self->authority_key_id);
  if (has_names (self) && !clm_ca_extension_put_names (out, self->names, empty_subject, error))
    return FALSE;
  if (self->urls != NULL)
    clm_ca_extension_put_urls (out, self->urls);
  if (self->no_check)
    clm_ca_extension_put_no_check (out);
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
