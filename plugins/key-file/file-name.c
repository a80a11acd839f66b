/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "file-name.h"

#include "clm-error.h"
#include "clm-key.h"

#include <string.h>

#define SUFFIX ".pem"
#define NAME_MAX_LENGTH 255

static gboolean
is_plain (const char *id, const char *c)
{
  return g_ascii_isalnum (*c) || *c == '_' || *c == '-' || (*c == '.' && c != id);
}

char *
clm_file_name_from_id (const char *id, GError **error)
{
  g_autoptr (GString) name = g_string_new (NULL);

  for (const char *c = id; *c; c++) {
    if (is_plain (id, c))
      g_string_append_c (name, *c);
    else
      g_string_append_printf (name, "%%%02X", (guchar) *c);
  }
  g_string_append (name, SUFFIX);
  if (!*id || strlen (id) > CLM_KEY_ID_MAX || name->len > NAME_MAX_LENGTH) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "a key id must have 1 to %d bytes, fewer where they are no letters", CLM_KEY_ID_MAX);
    return NULL;
  }
  return g_strdup (name->str);
}

char *
clm_file_name_to_id (const char *name)
{
  g_autofree char *base = NULL, *id = NULL, *again = NULL;

  if (!g_str_has_suffix (name, SUFFIX))
    return NULL;
  base = g_strndup (name, strlen (name) - strlen (SUFFIX));
  id = g_uri_unescape_string (base, NULL);
  again = id ? clm_file_name_from_id (id, NULL) : NULL;
  return g_strcmp0 (again, name) == 0 ? g_steal_pointer (&id) : NULL;
}
