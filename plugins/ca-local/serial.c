/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "serial.h"

#include <string.h>
#include <openssl/rand.h>

#include "clm-error.h"

GBytes *
clm_ca_serial_from_random (const guint8 random[CLM_CA_SERIAL_SIZE])
{
  guint8 octets[CLM_CA_SERIAL_SIZE];

  memcpy (octets, random, sizeof octets);
  /* Never zero and never above 0x7f: one length, no sign octet, nothing to shorten. */
  octets[0] = (guint8) ((octets[0] & 0x3f) | 0x40);
  return g_bytes_new (octets, sizeof octets);
}

/* Asked for by the dozen: each question to the generator costs a system call. @random: (out). */
static gboolean
take_random (guint8 random[CLM_CA_SERIAL_SIZE])
{
  static GMutex lock;
  static guint8 store[64][CLM_CA_SERIAL_SIZE];
  static guint left;
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  if (left == 0 && RAND_bytes (store[0], sizeof store) != 1)
    return FALSE;
  left = left == 0 ? G_N_ELEMENTS (store) - 1 : left - 1;
  memcpy (random, store[left], CLM_CA_SERIAL_SIZE);
  return TRUE;
}

GBytes *
clm_ca_serial_new (GError **error)
{
  guint8 random[CLM_CA_SERIAL_SIZE];

  if (!take_random (random)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_FAILED, "the random number generator gives nothing");
    return NULL;
  }
  return clm_ca_serial_from_random (random);
}

char *
clm_ca_serial_to_text (GBytes *serial)
{
  gsize size;
  const guint8 *octets = g_bytes_get_data (serial, &size);
  GString *text = g_string_sized_new (2 * size);

  for (gsize i = 0; i < size; i++)
    if (i > 0 || octets[i] != 0 || size == 1)
      g_string_append_printf (text, "%02X", octets[i]);
  return g_string_free (text, FALSE);
}

gboolean
clm_ca_serial_is_valid (const guint8 *octets, gsize size)
{
  if (size == 0 || size > CLM_CA_SERIAL_MAX || octets[0] >= 0x80)
    return FALSE;
  if (octets[0] == 0)
    return size > 1 && octets[1] >= 0x80;
  return TRUE;
}
