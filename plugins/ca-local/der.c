/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Writes tag and length to @head; returns how many bytes that took. */
static gsize
encode_head (guint8 *head, guint8 tag, gsize size)
{
  gsize used = 0;
  int octets = 0;

  head[used++] = tag;
  if (size < 0x80) {
    head[used++] = (guint8) size;
    return used;
  }
  for (gsize rest = size; rest > 0; rest >>= 8)
    octets++;
  head[used++] = (guint8) (0x80 | octets);
  for (int i = octets - 1; i >= 0; i--)
    head[used++] = (guint8) (size >> (8 * i));
  return used;
}

gsize
clm_ca_der_open (GByteArray *out, guint8 tag)
{
  gsize mark = out->len;
  guint8 head[2] = { tag, 0 };

  g_byte_array_append (out, head, sizeof head);
  return mark;
}

void
clm_ca_der_close (GByteArray *out, gsize mark)
{
  gsize size = out->len - mark - 2;
  guint8 head[16];
  gsize used = encode_head (head, out->data[mark], size);

  if (used > 2) {
    g_byte_array_set_size (out, (guint) (out->len + used - 2));
    memmove (out->data + mark + used, out->data + mark + 2, size);
  }
  memcpy (out->data + mark, head, used);
}

void
clm_ca_der_put (GByteArray *out, guint8 tag, const void *value, gsize size)
{
  guint8 head[16];

  g_byte_array_append (out, head, (guint) encode_head (head, tag, size));
  if (size > 0)
    g_byte_array_append (out, value, (guint) size);
}

void
clm_ca_der_put_raw (GByteArray *out, const void *der, gsize size)
{
  if (size > 0)
    g_byte_array_append (out, der, (guint) size);
}

void
clm_ca_der_put_bytes (GByteArray *out, GBytes *der)
{
  gsize size;
  const void *data = g_bytes_get_data (der, &size);

  clm_ca_der_put_raw (out, data, size);
}

void
clm_ca_der_put_unsigned (GByteArray *out, guint8 tag, guint64 value)
{
  guint8 octets[9] = { 0 };
  gsize first = 0;

  for (int i = 0; i < 8; i++)
    octets[1 + i] = (guint8) (value >> (56 - 8 * i));
  while (first < 8 && octets[first] == 0 && octets[first + 1] < 0x80)
    first++;
  clm_ca_der_put (out, tag, octets + first, sizeof octets - first);
}

void
clm_ca_der_put_time (GByteArray *out, gint64 seconds)
{
  time_t when = (time_t) seconds;
  struct tm tm;
  char text[64];
  int size;

  gmtime_r (&when, &tm);
  if (tm.tm_year + 1900 < 2050)
    size = snprintf (text, sizeof text, "%02d%02d%02d%02d%02d%02dZ", tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday,
                     tm.tm_hour, tm.tm_min, tm.tm_sec);
  else
    size = snprintf (text, sizeof text, "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                     tm.tm_hour, tm.tm_min, tm.tm_sec);
  clm_ca_der_put (out, tm.tm_year + 1900 < 2050 ? CLM_CA_DER_UTC_TIME : CLM_CA_DER_GENERALIZED, text, (gsize) size);
}

static void
put_base128 (GByteArray *out, guint64 value)
{
  guint8 octets[10];
  guint used = 0;

  do {
    octets[used++] = (guint8) (value & 0x7f);
    value >>= 7;
  } while (value > 0);
  while (used-- > 0) {
    guint8 octet = (guint8) (octets[used] | (used > 0 ? 0x80 : 0));

    g_byte_array_append (out, &octet, 1);
  }
}

gboolean
clm_ca_der_put_oid (GByteArray *out, const char *text)
{
  g_auto (GStrv) arcs = g_strsplit (text, ".", 32);
  g_autoptr (GByteArray) body = g_byte_array_new ();
  guint64 first = 0, arc;

  if (g_strv_length (arcs) < 2)
    return FALSE;
  for (guint i = 0; arcs[i] != NULL; i++) {
    if (!g_ascii_string_to_unsigned (arcs[i], 10, 0, G_MAXUINT32, &arc, NULL))
      return FALSE;
    if (i == 0) {
      first = arc;
      continue;
    }
    if (i == 1 && (first > 2 || (first < 2 && arc > 39)))
      return FALSE;
    put_base128 (body, i == 1 ? first * 40 + arc : arc);
  }
  clm_ca_der_put (out, CLM_CA_DER_OID, body->data, body->len);
  return TRUE;
}

gboolean
clm_ca_der_read (const guint8 **cursor, const guint8 *end, ClmCaDer *element)
{
  const guint8 *at = *cursor;
  gsize size;

  if (end - at < 2 || (at[0] & 0x1f) == 0x1f)
    return FALSE;
  element->tag = at[0];
  element->full = at;
  size = at[1];
  at += 2;
  if (size >= 0x80) {
    gsize octets = size & 0x7f;

    if (octets == 0 || octets > 4 || (gsize) (end - at) < octets || at[0] == 0)
      return FALSE;
    for (size = 0; octets > 0; octets--)
      size = size << 8 | *at++;
    if (size < 0x80)
      return FALSE;
  }
  if ((gsize) (end - at) < size)
    return FALSE;
  element->value = at;
  element->size = size;
  element->full_size = (gsize) (at + size - element->full);
  *cursor = at + size;
  return TRUE;
}

gboolean
clm_ca_der_expect (const guint8 **cursor, const guint8 *end, guint8 tag, ClmCaDer *element)
{
  return clm_ca_der_read (cursor, end, element) && element->tag == tag;
}

static gboolean
read_digits (const guint8 *text, guint digits, int *value)
{
  *value = 0;
  for (guint i = 0; i < digits; i++) {
    if (!g_ascii_isdigit (text[i]))
      return FALSE;
    *value = *value * 10 + (text[i] - '0');
  }
  return TRUE;
}

gboolean
clm_ca_der_read_time (const ClmCaDer *element, gint64 *seconds)
{
  gboolean utc = element->tag == CLM_CA_DER_UTC_TIME;
  guint year_digits = utc ? 2 : 4;
  const guint8 *text = element->value;
  int year, part[5];
  g_autoptr (GDateTime) time = NULL;

  if ((!utc && element->tag != CLM_CA_DER_GENERALIZED) || element->size != year_digits + 11 || text[element->size - 1] != 'Z')
    return FALSE;
  if (!read_digits (text, year_digits, &year))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (part); i++)
    if (!read_digits (text + year_digits + 2 * i, 2, &part[i]))
      return FALSE;
  if (utc)
    year += year < 50 ? 2000 : 1900;
  else if (year < 2050)
    return FALSE;
  time = g_date_time_new_utc (year, part[0], part[1], part[2], part[3], part[4]);
  if (time == NULL)
    return FALSE;
  *seconds = g_date_time_to_unix (time);
  return TRUE;
}

gboolean
clm_ca_der_read_unsigned (const ClmCaDer *element, guint64 *value)
{
  const guint8 *octets = element->value;

  if (element->size == 0 || element->size > 8 || octets[0] >= 0x80)
    return FALSE;
  if (element->size > 1 && octets[0] == 0 && octets[1] < 0x80)
    return FALSE;
  *value = 0;
  for (gsize i = 0; i < element->size; i++)
    *value = *value << 8 | octets[i];
  return TRUE;
}
