/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "der.h"

#include <string.h>

#define DAY (24 * 60 * 60)

gsize
clm_ca_der_encode_head (guint8 head[CLM_CA_DER_HEAD_MAX], guint8 tag, gsize size)
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
  guint8 head[CLM_CA_DER_HEAD_MAX];
  gsize used = clm_ca_der_encode_head (head, out->data[mark], size);

  if (used > 2) {
    g_byte_array_set_size (out, (guint) (out->len + used - 2));
    memmove (out->data + mark + used, out->data + mark + 2, size);
  }
  memcpy (out->data + mark, head, used);
}

void
clm_ca_der_put (GByteArray *out, guint8 tag, const void *value, gsize size)
{
  guint8 head[CLM_CA_DER_HEAD_MAX];

  g_byte_array_append (out, head, (guint) clm_ca_der_encode_head (head, tag, size));
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

/* The proleptic Gregorian calendar from days since 1970-01-01, counting years from March so that a leap day comes last; gmtime_r() and
 * snprintf() take fifty times as long, which a long CRL feels. */
static void
get_date (gint64 days, int *year, int *month, int *day)
{
  gint64 since_0000 = days + 719468;
  gint64 era = (since_0000 >= 0 ? since_0000 : since_0000 - 146096) / 146097;
  gint64 day_of_era = since_0000 - era * 146097;
  gint64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  gint64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  gint64 since_march = (5 * day_of_year + 2) / 153;

  *day = (int) (day_of_year - (153 * since_march + 2) / 5 + 1);
  *month = (int) (since_march < 10 ? since_march + 3 : since_march - 9);
  *year = (int) (year_of_era + era * 400 + (*month <= 2));
}

static guint8 *
put_two_digits (guint8 *at, int number)
{
  *at++ = (guint8) ('0' + number / 10);
  *at++ = (guint8) ('0' + number % 10);
  return at;
}

gsize
clm_ca_der_encode_time (guint8 time[CLM_CA_DER_TIME_MAX], gint64 seconds)
{
  gint64 days = (seconds >= 0 ? seconds : seconds - (DAY - 1)) / DAY;
  int second = (int) (seconds - days * DAY), year, month, day;
  guint8 *at = time + 2;

  get_date (days, &year, &month, &day);
  if (year >= 2050)
    at = put_two_digits (at, year / 100);
  at = put_two_digits (at, year % 100);
  at = put_two_digits (at, month);
  at = put_two_digits (at, day);
  at = put_two_digits (at, second / 3600);
  at = put_two_digits (at, second / 60 % 60);
  at = put_two_digits (at, second % 60);
  *at++ = 'Z';
  time[0] = year < 2050 ? CLM_CA_DER_UTC_TIME : CLM_CA_DER_GENERALIZED;
  time[1] = (guint8) (at - time - 2);
  return (gsize) (at - time);
}

void
clm_ca_der_put_time (GByteArray *out, gint64 seconds)
{
  guint8 time[CLM_CA_DER_TIME_MAX];

  clm_ca_der_put_raw (out, time, clm_ca_der_encode_time (time, seconds));
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
