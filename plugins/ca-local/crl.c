/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crl.h"

#include <string.h>

#include "certificate.h"
#include "der.h"
#include "openssl-error.h"

#define OID_CRL_NUMBER       "2.5.29.20"
#define OID_AUTHORITY_KEY_ID "2.5.29.35"

struct _ClmCaCrlWriter {
  GByteArray *out;
  ClmCaIssuer *issuer;
  guint64     number;
  gsize       tbs;
  gsize       list;
  guint       entries;
};

ClmCaCrlWriter *
clm_ca_crl_writer_new (const ClmCaIssuer *issuer, guint64 number, gint64 this_update, gint64 next_update)
{
  ClmCaCrlWriter *self = g_new0 (ClmCaCrlWriter, 1);

  self->out = g_byte_array_sized_new (4096);
  self->issuer = clm_ca_issuer_ref ((ClmCaIssuer *) issuer);
  self->number = number;
  self->tbs = clm_ca_der_open (self->out, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put_unsigned (self->out, CLM_CA_DER_INTEGER, 1);
  clm_ca_der_put_raw (self->out, issuer->algorithm->identifier, issuer->algorithm->identifier_size);
  clm_ca_der_put_bytes (self->out, issuer->name);
  clm_ca_der_put_time (self->out, this_update);
  clm_ca_der_put_time (self->out, next_update);
  self->list = clm_ca_der_open (self->out, CLM_CA_DER_SEQUENCE);
  return self;
}

void
clm_ca_crl_writer_free (ClmCaCrlWriter *self)
{
  g_clear_pointer (&self->out, g_byte_array_unref);
  clm_ca_issuer_unref (self->issuer);
  g_free (self);
}

/* SEQUENCE of one Extension: reasonCode, and the ENUMERATED in it last. */
static const guint8 reason_code[] = { 0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01, 0x00 };

/* CRLReason, RFC 5280 §5.3.1. */
static gboolean
is_reason (guint8 octet)
{
  return octet <= 10 && octet != 7;
}

void
clm_ca_crl_writer_add (ClmCaCrlWriter *self, const guint8 *serial, gsize size, gint64 revoked_at, int reason)
{
  guint8 octet = (guint8) reason;
  gsize entry = clm_ca_der_open (self->out, CLM_CA_DER_SEQUENCE);

  clm_ca_der_put (self->out, CLM_CA_DER_INTEGER, serial, size);
  clm_ca_der_put_time (self->out, revoked_at);
  if (reason != 0) {
    clm_ca_der_put_raw (self->out, reason_code, sizeof reason_code - 1);
    clm_ca_der_put_raw (self->out, &octet, 1);
  }
  clm_ca_der_close (self->out, entry);
  self->entries++;
}

static void
put_extension (GByteArray *out, const char *oid, GByteArray *value)
{
  gsize extension = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);

  clm_ca_der_put_oid (out, oid);
  clm_ca_der_put (out, CLM_CA_DER_OCTET_STRING, value->data, value->len);
  clm_ca_der_close (out, extension);
}

static void
put_crl_extensions (ClmCaCrlWriter *self)
{
  g_autoptr (GByteArray) key_id = g_byte_array_new (), number = g_byte_array_new ();
  GBytes *id = self->issuer->key_id;
  gsize body, outer = clm_ca_der_open (self->out, CLM_CA_DER_EXPLICIT (0));
  gsize list = clm_ca_der_open (self->out, CLM_CA_DER_SEQUENCE);

  body = clm_ca_der_open (key_id, CLM_CA_DER_SEQUENCE);
  clm_ca_der_put (key_id, CLM_CA_DER_CONTEXT (0), g_bytes_get_data (id, NULL), g_bytes_get_size (id));
  clm_ca_der_close (key_id, body);
  put_extension (self->out, OID_AUTHORITY_KEY_ID, key_id);
  clm_ca_der_put_unsigned (number, CLM_CA_DER_INTEGER, self->number);
  put_extension (self->out, OID_CRL_NUMBER, number);
  clm_ca_der_close (self->out, list);
  clm_ca_der_close (self->out, outer);
}

GBytes *
clm_ca_crl_writer_end (ClmCaCrlWriter *self)
{
  /* An empty revokedCertificates must be absent, RFC 5280 §5.1.2.6. */
  if (self->entries == 0)
    g_byte_array_set_size (self->out, (guint) self->list);
  else
    clm_ca_der_close (self->out, self->list);
  put_crl_extensions (self);
  clm_ca_der_close (self->out, self->tbs);
  return g_byte_array_free_to_bytes (g_steal_pointer (&self->out));
}

static gboolean
read_entry (const ClmCaDer *entry, ClmCaCrlEntryFunc func, gpointer user_data)
{
  const guint8 *at = entry->value, *end = at + entry->size;
  ClmCaDer serial, time, extensions;
  gint64 revoked_at;
  int reason = 0;

  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_INTEGER, &serial) || !clm_ca_der_read (&at, end, &time) ||
      !clm_ca_der_read_time (&time, &revoked_at))
    return FALSE;
  /* Only our own CRLs are read, so the reason stands where we put it; a foreign entry counts as "unspecified". */
  if (at < end && clm_ca_der_read (&at, end, &extensions) && extensions.full_size == sizeof reason_code &&
      memcmp (extensions.full, reason_code, sizeof reason_code - 1) == 0 && is_reason (extensions.full[sizeof reason_code - 1]))
    reason = extensions.full[sizeof reason_code - 1];
  if (func != NULL)
    func (serial.value, serial.size, revoked_at, reason, user_data);
  return TRUE;
}

/* The entries, between nextUpdate and the extensions. */
static gboolean
read_entries (const guint8 *at, const guint8 *end, ClmCaCrlEntryFunc func, gpointer user_data)
{
  ClmCaDer skipped, list, entry;

  for (guint i = 0; i < 5; i++)
    if (!clm_ca_der_read (&at, end, &skipped))
      return FALSE;
  if (at == end || *at == CLM_CA_DER_EXPLICIT (0))
    return TRUE;
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &list))
    return FALSE;
  at = list.value;
  end = list.value + list.size;
  while (at < end)
    if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &entry) || !read_entry (&entry, func, user_data))
      return FALSE;
  return TRUE;
}

static gboolean
read_info (X509_CRL *crl, ClmCaCrlInfo *info, GError **error)
{
  g_autoptr (ASN1_INTEGER) number = X509_CRL_get_ext_d2i (crl, NID_crl_number, NULL, NULL);

  /* Without the version, in front of the rest, the entries stand elsewhere; ours are all of version 2. */
  if (X509_CRL_get_version (crl) != X509_CRL_VERSION_2) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the revocation list is not of version 2");
    return FALSE;
  }
  if (number == NULL || ASN1_INTEGER_get_uint64 (&info->number, number) != 1)
    info->number = 0;
  if (X509_CRL_get0_nextUpdate (crl) == NULL) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the revocation list has no end");
    return FALSE;
  }
  return clm_x509_time_to_epoch (X509_CRL_get0_lastUpdate (crl), &info->this_update, error) &&
         clm_x509_time_to_epoch (X509_CRL_get0_nextUpdate (crl), &info->next_update, error);
}

gboolean
clm_ca_crl_read (GBytes *der, const ClmCaIssuer *issuer, ClmCaCrlInfo *info, ClmCaCrlEntryFunc entry, gpointer user_data, GError **error)
{
  gsize size = g_bytes_get_size (der);
  const guint8 *at = size > 0 ? g_bytes_get_data (der, NULL) : (const guint8 *) "", *end = at + size, *begin = at;
  g_autoptr (X509_CRL) crl = d2i_X509_CRL (NULL, &at, (long) size);
  g_autoptr (EVP_PKEY) key = clm_x509_key_from_spki (issuer->spki, error);
  ClmCaDer outer, tbs;

  if (key == NULL)
    return FALSE;
  if (crl == NULL || at != end || X509_CRL_verify (crl, key) != 1) {
    clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "it is no revocation list of “%s”", issuer->subject);
    return FALSE;
  }
  if (!read_info (crl, info, error))
    return FALSE;
  if (!clm_ca_der_expect (&begin, end, CLM_CA_DER_SEQUENCE, &outer) || (begin = outer.value, !clm_ca_der_expect (&begin, end, CLM_CA_DER_SEQUENCE, &tbs)) ||
      !read_entries (tbs.value, tbs.value + tbs.size, entry, user_data)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the revocation list is malformed");
    return FALSE;
  }
  return TRUE;
}
