/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-options.h"

#include <string.h>

#include "clm-error.h"

typedef struct {
  char *key;
  char *value;
  char *file;
  guint line;
  gboolean read;
} Entry;

struct _ClmOptions {
  GObject    parent_instance;

  char      *origin;
  GPtrArray *entries;   /* Entry, in the order they were set */
  GPtrArray *asked;     /* every key a getter has asked for: the known ones */
};

G_DEFINE_FINAL_TYPE (ClmOptions, clm_options, G_TYPE_OBJECT)

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->key);
  g_free (entry->value);
  g_free (entry->file);
  g_free (entry);
}

static void
clm_options_finalize (GObject *object)
{
  ClmOptions *self = CLM_OPTIONS (object);

  g_free (self->origin);
  g_ptr_array_unref (self->entries);
  g_ptr_array_unref (self->asked);
  G_OBJECT_CLASS (clm_options_parent_class)->finalize (object);
}

static void
clm_options_class_init (ClmOptionsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_options_finalize;
}

static void
clm_options_init (ClmOptions *self)
{
  self->entries = g_ptr_array_new_with_free_func (entry_free);
  self->asked = g_ptr_array_new_with_free_func (g_free);
}

static Entry *
find_entry (ClmOptions *self, const char *key)
{
  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);
    if (g_str_equal (entry->key, key))
      return entry;
  }
  return NULL;
}

/* Marks the key as known and read. */
static const char *
read_value (ClmOptions *self, const char *key)
{
  Entry *entry = find_entry (self, key);

  if (!g_ptr_array_find_with_equal_func (self->asked, key, g_str_equal, NULL))
    g_ptr_array_add (self->asked, g_strdup (key));
  if (entry == NULL)
    return NULL;
  entry->read = TRUE;
  return *entry->value != '\0' ? entry->value : NULL;
}

ClmOptions *
clm_options_new (const char *origin)
{
  g_return_val_if_fail (origin != NULL, NULL);

  ClmOptions *self = g_object_new (CLM_TYPE_OPTIONS, NULL);
  self->origin = g_strdup (origin);
  return self;
}

ClmOptions *
clm_options_new_from_text (const char *origin, const char *text)
{
  g_return_val_if_fail (text != NULL, NULL);

  ClmOptions *self = clm_options_new (origin);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    char *line = g_strstrip (lines[i]);
    char *equals = strchr (line, '=');
    if (*line == '\0' || *line == '#')
      continue;
    g_assert (equals != NULL && equals != line);
    *equals = '\0';
    clm_options_set (self, g_strchomp (line), g_strchug (equals + 1), NULL, i + 1);
  }
  return self;
}

void
clm_options_set (ClmOptions *self, const char *key, const char *value, const char *file, guint line)
{
  g_return_if_fail (CLM_IS_OPTIONS (self));
  g_return_if_fail (key != NULL && value != NULL);

  Entry *entry = find_entry (self, key);
  if (entry == NULL) {
    entry = g_new0 (Entry, 1);
    entry->key = g_strdup (key);
    g_ptr_array_add (self->entries, entry);
  }
  g_free (entry->value);
  g_free (entry->file);
  entry->value = g_strdup (value);
  entry->file = g_strdup (file);
  entry->line = line;
  entry->read = FALSE;
}

gboolean
clm_options_has (ClmOptions *self, const char *key)
{
  g_return_val_if_fail (CLM_IS_OPTIONS (self), FALSE);
  return find_entry (self, key) != NULL;
}

GPtrArray *
clm_options_list_keys (ClmOptions *self)
{
  g_return_val_if_fail (CLM_IS_OPTIONS (self), NULL);

  GPtrArray *keys = g_ptr_array_new ();
  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);
    g_ptr_array_add (keys, entry->key);
  }
  return keys;
}

static char *
locate (ClmOptions *self, const char *key)
{
  Entry *entry = find_entry (self, key);
  const char *file = entry != NULL && entry->file != NULL ? entry->file : self->origin;

  if (entry == NULL || entry->line == 0)
    return g_strdup (file);
  return g_strdup_printf ("%s:%u", file, entry->line);
}

void
clm_options_set_error (ClmOptions *self, const char *key, GError **error, const char *format, ...)
{
  va_list args;

  g_return_if_fail (CLM_IS_OPTIONS (self));

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *place = locate (self, key);
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s: %s=: %s", place, key, message);
}

gboolean
clm_options_refuse_unread (ClmOptions *self, GError **error)
{
  g_return_val_if_fail (CLM_IS_OPTIONS (self), FALSE);

  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);
    if (entry->read)
      continue;
    g_autoptr (GPtrArray) known = g_ptr_array_copy (self->asked, (GCopyFunc) g_strdup, NULL);
    g_ptr_array_set_free_func (known, g_free);
    g_ptr_array_add (known, NULL);
    const char *nearest = clm_word_nearest (entry->key, (const char *const *) known->pdata);
    g_autofree char *place = locate (self, entry->key);
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s: %s=: unknown key%s%s%s", place, entry->key,
                 nearest != NULL ? ", did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "=" : "");
    if (error != NULL && nearest != NULL)
      clm_error_set_hint (*error, "write %s= instead of %s= in %s", nearest, entry->key, place);
    else if (error != NULL)
      clm_error_set_hint (*error, "remove %s= from %s", entry->key, place);
    return FALSE;
  }
  return TRUE;
}

const char *
clm_options_get_string (ClmOptions *self, const char *key, const char *fallback)
{
  g_return_val_if_fail (CLM_IS_OPTIONS (self), fallback);

  const char *value = read_value (self, key);
  return value != NULL ? value : fallback;
}

const char *
clm_options_require_string (ClmOptions *self, const char *key, GError **error)
{
  g_return_val_if_fail (CLM_IS_OPTIONS (self), NULL);

  const char *value = read_value (self, key);
  if (value == NULL) {
    clm_options_set_error (self, key, error, "must be set");
    if (error != NULL)
      clm_error_set_hint (*error, "set %s= in %s", key, self->origin);
  }
  return value;
}

gboolean
clm_options_get_boolean (ClmOptions *self, const char *key, gboolean fallback, gboolean *value, GError **error)
{
  static const char *const yes[] = {"yes", "true", "on", "1", NULL};
  static const char *const no[] = {"no", "false", "off", "0", NULL};

  g_return_val_if_fail (CLM_IS_OPTIONS (self), FALSE);

  const char *text = read_value (self, key);
  if (text == NULL)
    *value = fallback;
  else if (g_strv_contains (yes, text))
    *value = TRUE;
  else if (g_strv_contains (no, text))
    *value = FALSE;
  else {
    clm_options_set_error (self, key, error, "\"%s\" is neither yes nor no", text);
    return FALSE;
  }
  return TRUE;
}

gboolean
clm_options_get_int (ClmOptions *self, const char *key, gint64 fallback, gint64 min, gint64 max, gint64 *value, GError **error)
{
  g_autoptr (GError) local = NULL;

  g_return_val_if_fail (CLM_IS_OPTIONS (self), FALSE);

  const char *text = read_value (self, key);
  if (text == NULL) {
    *value = fallback;
    return TRUE;
  }
  if (!g_ascii_string_to_signed (text, 10, min, max, value, &local)) {
    clm_options_set_error (self, key, error, "\"%s\" is not a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, text, min, max);
    return FALSE;
  }
  return TRUE;
}

gboolean
clm_options_get_span (ClmOptions *self, const char *key, gint64 fallback, gint64 *value, GError **error)
{
  g_autoptr (GError) local = NULL;

  g_return_val_if_fail (CLM_IS_OPTIONS (self), FALSE);

  const char *text = read_value (self, key);
  if (text == NULL) {
    *value = fallback;
    return TRUE;
  }
  if (!clm_span_parse (text, value, &local)) {
    clm_options_set_error (self, key, error, "%s", local->message);
    return FALSE;
  }
  return TRUE;
}

gboolean
clm_options_get_share (ClmOptions *self, const char *key, double fallback, double *value, GError **error)
{
  char *end = NULL;

  g_return_val_if_fail (CLM_IS_OPTIONS (self), FALSE);

  const char *text = read_value (self, key);
  if (text == NULL) {
    *value = fallback;
    return TRUE;
  }
  double share = g_ascii_isdigit (*text) ? g_ascii_strtod (text, &end) : 0;
  gsize digits = strspn (text, "0123456789.");
  if (end != text + digits || !g_str_equal (end, "%") || share <= 0 || share >= 100) {
    clm_options_set_error (self, key, error, "\"%s\" is not a share above 0%% and below 100%%", text);
    return FALSE;
  }
  *value = share / 100;
  return TRUE;
}

static GStrv
split_words (const char *text)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  g_autoptr (GString) word = g_string_new (NULL);
  gboolean open = FALSE, any = FALSE;

  for (const char *p = text; *p != '\0'; p++) {
    if (*p == '"') {
      open = !open;
      any = TRUE;
    } else if (open && *p == '\\' && (p[1] == '"' || p[1] == '\\')) {
      g_string_append_c (word, *++p);
    } else if (!open && g_ascii_isspace (*p)) {
      if (any)
        g_strv_builder_add (words, word->str);
      g_string_truncate (word, 0);
      any = FALSE;
    } else {
      g_string_append_c (word, *p);
      any = TRUE;
    }
  }
  if (any)
    g_strv_builder_add (words, word->str);
  return open ? NULL : g_strv_builder_end (words);
}

GStrv
clm_options_get_list (ClmOptions *self, const char *key, const char *fallback, GError **error)
{
  g_return_val_if_fail (CLM_IS_OPTIONS (self), NULL);

  const char *text = read_value (self, key);
  if (text == NULL)
    text = fallback != NULL ? fallback : "";
  GStrv words = split_words (text);
  if (words == NULL)
    clm_options_set_error (self, key, error, "a quotation mark is not closed");
  return words;
}

gboolean
clm_options_get_choice (ClmOptions *self, const char *key, const char *const *choices, guint fallback, guint *value, GError **error)
{
  g_return_val_if_fail (CLM_IS_OPTIONS (self), FALSE);

  const char *text = read_value (self, key);
  if (text == NULL) {
    *value = fallback;
    return TRUE;
  }
  for (guint i = 0; choices[i] != NULL; i++) {
    if (g_str_equal (choices[i], text)) {
      *value = i;
      return TRUE;
    }
  }
  g_autofree char *all = g_strjoinv (", ", (GStrv) choices);
  clm_options_set_error (self, key, error, "\"%s\" is none of %s", text, all);
  return FALSE;
}
