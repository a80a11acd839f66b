/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "names.h"

#include <string.h>

#define NAME_MAX_LENGTH 64

static gboolean
is_plain (char c, gboolean first)
{
  return g_ascii_isalpha (c) || (!first && g_ascii_isdigit (c));
}

char *
clm_bus_names_escape (const char *name)
{
  if (*name == '\0')
    return g_strdup ("_");
  GString *element = g_string_sized_new (strlen (name) + 8);
  for (const char *c = name; *c != '\0'; c++) {
    if (is_plain (*c, c == name))
      g_string_append_c (element, *c);
    else
      g_string_append_printf (element, "_%02x", (guint8) *c);
  }
  return g_string_free (element, FALSE);
}

static char *
unescape_loosely (const char *element)
{
  g_autoptr (GString) name = g_string_sized_new (strlen (element));
  for (const char *c = element; *c != '\0'; c++) {
    if (*c != '_') {
      g_string_append_c (name, *c);
      continue;
    }
    if (!g_ascii_isxdigit (c[1]) || !g_ascii_isxdigit (c[2]))
      return NULL;
    int byte = g_ascii_xdigit_value (c[1]) * 16 + g_ascii_xdigit_value (c[2]);
    if (byte == 0)
      return NULL;
    g_string_append_c (name, (char) byte);
    c += 2;
  }
  return g_strdup (name->str);
}

char *
clm_bus_names_unescape (const char *element)
{
  if (g_str_equal (element, "_"))
    return g_strdup ("");
  g_autofree char *name = unescape_loosely (element);
  if (name == NULL || *name == '\0')
    return NULL;
  g_autofree char *canonical = clm_bus_names_escape (name);
  return g_str_equal (canonical, element) ? g_steal_pointer (&name) : NULL;
}

char *
clm_bus_names_build_path (const char *kind, const char *name)
{
  g_autofree char *element = clm_bus_names_escape (name);
  return g_strdup_printf ("%s/%s/%s", CLM_BUS_PATH, kind, element);
}

char *
clm_bus_names_build_job_path (guint64 id)
{
  return g_strdup_printf ("%s/%s/%" G_GUINT64_FORMAT, CLM_BUS_PATH, CLM_BUS_JOB, id);
}

gboolean
clm_bus_names_parse_job (const char *element, guint64 *id)
{
  g_autofree char *canonical = NULL;
  if (!g_ascii_string_to_unsigned (element, 10, 1, G_MAXUINT64, id, NULL))
    return FALSE;
  canonical = g_strdup_printf ("%" G_GUINT64_FORMAT, *id);
  return g_str_equal (canonical, element);
}

gboolean
clm_bus_names_is_valid (const char *name)
{
  gsize length = strlen (name);
  if (length == 0 || length > NAME_MAX_LENGTH || name[0] == '.' || name[0] == '_' || name[0] == '-')
    return FALSE;
  return strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}
