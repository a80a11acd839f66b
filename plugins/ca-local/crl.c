/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crl.h"

#include <string.h>

#include "certificate.h"
#include "der.h"
#include "extension.h"
#include "openssl-error.h"

/* Heads of the list, the signed part and the whole, beside the issuer's name. */
#define FRONT_ROOM 128
/* Extensions, and a signature of up to 8192 bits. */
#define BACK_ROOM 2048

struct _ClmCaCrlWriter {
  ClmCaIssuer *issuer;
  GByteArray *front;     /* what stands before the entries */
  GByteArray *out;
  gsize       room;      /* left before the entries */
  gsize       begin;     /* of the signed part, once it has ended */
  guint64     number;
  guint       entries;
};

ClmCaCrlWriter *
clm_ca_crl_writer_new (const ClmCaIssuer *issuer, guint64 number, gint64 this_update, gint64 next_update)
{
  ClmCaCrlWriter *self = g_new0 (ClmCaCrlWriter, 1);

  self->issuer = clm_ca_issuer_ref ((ClmCaIssuer *) issuer);
  self->number = number;
  self->front = g_byte_array_new ();
  clm_ca_der_put_unsigned (self->front, CLM_CA_DER_INTEGER, 1);
  clm_ca_der_put_raw (self->front, issuer->algorithm->identifier, issuer->algorithm->identifier_size);
  clm_ca_der_put_bytes (self->front, issuer->name);
  clm_ca_der_put_time (self->front, this_update);
  clm_ca_der_put_time (self->front, next_update);
  self->room = self->front->len + FRONT_ROOM;
  self->out = g_byte_array_new ();
  g_byte_array_set_size (self->out, (guint) self->room);
  return self;
}

void
clm_ca_crl_writer_free (ClmCaCrlWriter *self)
{
  g_byte_array_unref (self->front);
  g_byte_array_unref (self->out);
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
  guint8 tail[CLM_CA_DER_TIME_MAX + sizeof reason_code], head[2 * CLM_CA_DER_HEAD_MAX], serial_head[CLM_CA_DER_HEAD_MAX];
  gsize tail_size = clm_ca_der_encode_time (tail, revoked_at);
  gsize serial_head_size = clm_ca_der_encode_head (serial_head, CLM_CA_DER_INTEGER, size), head_size;

  if (reason != 0) {
    memcpy (tail + tail_size, reason_code, sizeof reason_code);
    tail_size += sizeof reason_code;
    tail[tail_size - 1] = (guint8) reason;
  }
  head_size = clm_ca_der_encode_head (head, CLM_CA_DER_SEQUENCE, serial_head_size + size + tail_size);
  memcpy (head + head_size, serial_head, serial_head_size);
  g_byte_array_append (self->out, head, (guint) (head_size + serial_head_size));
  clm_ca_der_put_raw (self->out, serial, size);
  g_byte_array_append (self->out, tail, (guint) tail_size);
  self->entries++;
}

static void
put_crl_extensions (ClmCaCrlWriter *self)
{
  gsize outer = clm_ca_der_open (self->out, CLM_CA_DER_EXPLICIT (0));
  gsize list = clm_ca_der_open (self->out, CLM_CA_DER_SEQUENCE);

  clm_ca_extension_put_authority_key_id (self->out, self->issuer->key_id);
  clm_ca_extension_put_crl_number (self->out, self->number);
  clm_ca_der_close (self->out, list);
  clm_ca_der_close (self->out, outer);
}

/* Puts @data in front of what there is, which begins at @begin. Returns: where that begins now. */
static gsize
prepend (ClmCaCrlWriter *self, gsize begin, const guint8 *data, gsize size)
{
  memcpy (self->out->data + begin - size, data, size);
  return begin - size;
}

static gsize
prepend_head (ClmCaCrlWriter *self, gsize begin, gsize end)
{
  guint8 head[CLM_CA_DER_HEAD_MAX];

  return prepend (self, begin, head, clm_ca_der_encode_head (head, CLM_CA_DER_SEQUENCE, end - begin));
}

static GBytes *
share (ClmCaCrlWriter *self, gsize begin)
{
  return g_bytes_new_with_free_func (self->out->data + begin, self->out->len - begin, (GDestroyNotify) g_byte_array_unref, g_byte_array_ref (self->out));
}

GBytes *
clm_ca_crl_writer_end (ClmCaCrlWriter *self)
{
  gsize begin = self->room;

  /* An empty revokedCertificates must be absent, RFC 5280 §5.1.2.6. */
  if (self->entries > 0)
    begin = prepend_head (self, begin, self->out->len);
  begin = prepend (self, begin, self->front->data, self->front->len);
  put_crl_extensions (self);
  self->begin = prepend_head (self, begin, self->out->len);
  /* From here on the buffer is shared and must stay where it is. */
  g_byte_array_set_size (self->out, self->out->len + BACK_ROOM);
  g_byte_array_set_size (self->out, self->out->len - BACK_ROOM);
  return share (self, self->begin);
}

GBytes *
clm_ca_crl_writer_seal (ClmCaCrlWriter *self, GBytes *signature)
{
  g_return_val_if_fail (self->begin > 0 && g_bytes_get_size (signature) < BACK_ROOM / 2, NULL);

  clm_ca_put_signature (self->out, self->issuer->algorithm, signature);
  return share (self, prepend_head (self, self->begin, self->out->len));
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
