/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "pem.h"

#include <string.h>

#define LINE_LENGTH 64

GBytes *
clm_pem_decode_first (const char *pem, gsize length)
{
  g_autofree char *text = g_strndup (pem, length);
  char *begin = strstr (text, "-----BEGIN ");
  char *content = begin != NULL ? strchr (begin, '\n') : NULL;
  char *end = content != NULL ? strstr (content, "-----END ") : NULL;
  gsize size;
  if (end == NULL)
    return NULL;
  *end = '\0';
  guchar *bytes = g_base64_decode (content, &size);
  return g_bytes_new_take (bytes, size);
}

char *
clm_pem_encode (const char *label, gconstpointer data, gsize length)
{
  g_autofree char *text = g_base64_encode (data, length);
  g_autoptr (GString) pem = g_string_new (NULL);
  gsize size = strlen (text);
  g_string_append_printf (pem, "-----BEGIN %s-----\n", label);
  for (gsize i = 0; i < size; i += LINE_LENGTH)
    g_string_append_printf (pem, "%.*s\n", LINE_LENGTH, text + i);
  g_string_append_printf (pem, "-----END %s-----\n", label);
  return g_string_free (g_steal_pointer (&pem), FALSE);
}
