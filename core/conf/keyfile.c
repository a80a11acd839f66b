/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyfile.h"

#include <string.h>

/** NAME_MAX_LENGTH: longest name of a group or key. */
#define NAME_MAX_LENGTH 64

static void
entry_free (gpointer data)
{
  ClmKeyfileEntry *entry = data;

  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

static void
group_free (gpointer data)
{
  ClmKeyfileGroup *group = data;

  g_free (group->name);
  g_ptr_array_unref (group->entries);
  g_free (group);
}

void
clm_keyfile_free (ClmKeyfile *self)
{
  if (!self)
    return;
  g_free (self->origin);
  g_ptr_array_unref (self->groups);
  g_free (self);
}

const ClmKeyfileGroup *
clm_keyfile_get_group (const ClmKeyfile *self, const char *name)
{
  for (guint i = 0; i < self->groups->len; i++) {
    const ClmKeyfileGroup *group = g_ptr_array_index (self->groups, i);

    if (g_str_equal (group->name, name))
      return group;
  }
  return NULL;
}

static void
set_error (GError **error, const ClmKeyfile *self, guint line, const char *hint, const char *format, ...) G_GNUC_PRINTF (5, 6);

static void
set_error (GError **error, const ClmKeyfile *self, guint line, const char *hint, const char *format, ...)
{
  g_autofree char *message = NULL;
  g_autoptr (GError) local = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%s:%u: %s", self->origin, line, message);
  if (hint)
    clm_error_set_hint (local, "%s", hint);
  g_propagate_error (error, g_steal_pointer (&local));
}

/* What a person may write into a group's name: words, also of files and hosts ("File key.pem"). */
static gboolean
is_group_name (const char *text)
{
  if (!g_ascii_isalnum (text[0]) || strlen (text) > NAME_MAX_LENGTH)
    return FALSE;
  for (const char *p = text; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr (" ._-", *p))
      return FALSE;
  return TRUE;
}

static gboolean
is_key_name (const char *text)
{
  if (!g_ascii_isalpha (text[0]) || strlen (text) > NAME_MAX_LENGTH)
    return FALSE;
  for (const char *p = text; *p; p++)
    if (!g_ascii_isalnum (*p) && *p != '-' && *p != '_' && *p != '.')
      return FALSE;
  return TRUE;
}

static ClmKeyfileGroup *
ensure_group (ClmKeyfile *self, const char *name, guint line)
{
  ClmKeyfileGroup *group = (ClmKeyfileGroup *) clm_keyfile_get_group (self, name);

  if (group)
    return group;
  group = g_new0 (ClmKeyfileGroup, 1);
  group->name = g_strdup (name);
  group->line = line;
  group->entries = g_ptr_array_new_with_free_func (entry_free);
  g_ptr_array_add (self->groups, group);
  return group;
}

static gboolean
parse_header (ClmKeyfile *self, char *text, guint line, ClmKeyfileGroup **group, GError **error)
{
  gsize length = strlen (text);

  if (text[length - 1] != ']') {
    set_error (error, self, line, "write the group's name between [ and ], alone on its line", "the group's header has no end");
    return FALSE;
  }
  text[length - 1] = '\0';
  if (!is_group_name (text + 1)) {
    set_error (error, self, line, NULL, "\"%s\" cannot be the name of a group", text + 1);
    return FALSE;
  }
  *group = ensure_group (self, text + 1, line);
  return TRUE;
}

static const ClmKeyfileEntry *
find_entry (const ClmKeyfileGroup *group, const char *key)
{
  for (guint i = 0; i < group->entries->len; i++) {
    const ClmKeyfileEntry *entry = g_ptr_array_index (group->entries, i);

    if (g_str_equal (entry->key, key))
      return entry;
  }
  return NULL;
}

static gboolean
check_key (ClmKeyfile *self, const char *key, guint line, ClmKeyfileGroup *group, GError **error)
{
  const ClmKeyfileEntry *earlier;

  if (!is_key_name (key)) {
    set_error (error, self, line, NULL, "\"%s\" cannot be a key", key);
    return FALSE;
  }
  if (!group) {
    set_error (error, self, line, "begin the file with a group such as [Certificate]", "%s= stands before the first group", key);
    return FALSE;
  }
  earlier = find_entry (group, key);
  if (earlier) {
    set_error (error, self, line, "keep one of the two lines", "%s= stands in line %u already", key, earlier->line);
    return FALSE;
  }
  return TRUE;
}

static gboolean
parse_entry (ClmKeyfile *self, char *text, guint line, ClmKeyfileGroup *group, GError **error)
{
  char *equals = strchr (text, '=');
  ClmKeyfileEntry *entry;

  if (!equals) {
    set_error (error, self, line, "write Key=value, [Group], or a comment that begins with #",
               "neither a group nor a key nor a comment");
    return FALSE;
  }
  *equals = '\0';
  g_strchomp (text);
  if (!check_key (self, text, line, group, error))
    return FALSE;
  entry = g_new0 (ClmKeyfileEntry, 1);
  entry->key = g_strdup (text);
  entry->value = g_strdup (g_strchug (equals + 1));
  entry->line = line;
  g_ptr_array_add (group->entries, entry);
  return TRUE;
}

/* Also the "C1" controls and the marks that turn the direction of writing: a file must mean what it shows. */
static gboolean
is_deceiving (gunichar c)
{
  return (c != '\t' && g_unichar_iscntrl (c)) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

static gboolean
check_line (ClmKeyfile *self, const char *text, gsize length, guint line, GError **error)
{
  const char *end = text + length;

  if (!g_utf8_validate_len (text, length, NULL)) {
    set_error (error, self, line, NULL, memchr (text, '\0', length) ? "holds a NUL byte" : "is not UTF-8");
    return FALSE;
  }
  for (const char *p = text; p < end; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (is_deceiving (c)) {
      set_error (error, self, line, c == '\r' ? "save the file with Unix line ends" : NULL,
                 "holds the control character U+%04X", c);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
parse_line (ClmKeyfile *self, const char *text, gsize length, guint line, ClmKeyfileGroup **group, GError **error)
{
  g_autofree char *copy = NULL;
  char *start;

  if (!check_line (self, text, length, line, error))
    return FALSE;
  copy = g_strndup (text, length);
  start = g_strstrip (copy);
  if (!*start || *start == '#' || *start == ';')
    return TRUE;
  if (*start == '[')
    return parse_header (self, start, line, group, error);
  return parse_entry (self, start, line, *group, error);
}

ClmKeyfile *
clm_keyfile_parse (const char *origin, const char *text, gsize size, GError **error)
{
  g_autoptr (ClmKeyfile) self = g_new0 (ClmKeyfile, 1);
  ClmKeyfileGroup *group = NULL;
  gsize offset = 0;

  g_return_val_if_fail (origin, NULL);
  g_return_val_if_fail (text || size == 0, NULL);

  self->origin = g_strdup (origin);
  self->groups = g_ptr_array_new_with_free_func (group_free);
  if (size > CLM_KEYFILE_MAX_SIZE) {
    set_error (error, self, 0, NULL, "larger than %u bytes", CLM_KEYFILE_MAX_SIZE);
    return NULL;
  }
  for (guint line = 1; offset < size; line++) {
    const char *end = memchr (text + offset, '\n', size - offset);
    gsize length = end ? (gsize) (end - text) - offset : size - offset;

    if (!parse_line (self, text + offset, length, line, &group, error))
      return NULL;
    offset += length + 1;
  }
  return g_steal_pointer (&self);
}
