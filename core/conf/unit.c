/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <string.h>

typedef struct {
  char       *key;
  char       *value;
  const char *file;   /* of the unit's files */
  guint       line;
} Entry;

typedef struct {
  char       *name;
  const char *file;
  guint       line;
  GPtrArray  *entries;
} Group;

struct _ClmUnit {
  char      *name;
  char      *template_name;
  char      *instance;
  GPtrArray *files;
  GPtrArray *groups;
  char      *digest;
  gatomicrefcount  ref_count;
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

static void
group_free (gpointer data)
{
  Group *group = data;

  g_free (group->name);
  g_ptr_array_unref (group->entries);
  g_free (group);
}

ClmUnit *
clm_unit_ref (ClmUnit *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_unit_unref (ClmUnit *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->name);
  g_free (self->template_name);
  g_free (self->instance);
  g_ptr_array_unref (self->files);
  g_ptr_array_unref (self->groups);
  g_free (self->digest);
  g_free (self);
}

static gboolean
is_made_of (const char *text, gboolean upper)
{
  if (!text || !(g_ascii_islower (*text) || g_ascii_isdigit (*text) || (upper && g_ascii_isupper (*text))) || strlen (text) > 64)
    return FALSE;
  for (const char *p = text; *p; p++)
    if (!(g_ascii_islower (*p) || g_ascii_isdigit (*p) || (upper && g_ascii_isupper (*p)) || strchr ("._-", *p)))
      return FALSE;
  return TRUE;
}

gboolean
clm_name_is_valid (const char *name)
{
  return is_made_of (name, FALSE);
}

gboolean
clm_instance_name_is_valid (const char *text)
{
  return is_made_of (text, TRUE);
}

static ClmUnit *
unit_new (const char *name)
{
  ClmUnit *self = g_new0 (ClmUnit, 1);
  const char *at = strchr (name, '@');

  g_atomic_ref_count_init (&self->ref_count);
  self->name = g_strdup (name);
  self->template_name = at ? g_strndup (name, at - name) : NULL;
  self->instance = at && at[1] ? g_strdup (at + 1) : NULL;
  self->files = g_ptr_array_new_with_free_func (g_free);
  self->groups = g_ptr_array_new_with_free_func (group_free);
  return self;
}

static Group *
find_group (ClmUnit *self, const char *name)
{
  for (guint i = 0; i < self->groups->len; i++) {
    Group *group = g_ptr_array_index (self->groups, i);

    if (g_str_equal (group->name, name))
      return group;
  }
  return NULL;
}

static Group *
ensure_group (ClmUnit *self, const char *name, const char *file, guint line)
{
  Group *group = find_group (self, name);

  if (group)
    return group;
  group = g_new0 (Group, 1);
  group->name = g_strdup (name);
  group->file = file;
  group->line = line;
  group->entries = g_ptr_array_new_with_free_func (entry_free);
  g_ptr_array_add (self->groups, group);
  return group;
}

static Entry *
find_entry (const Group *group, const char *key)
{
  for (guint i = 0; group && i < group->entries->len; i++) {
    Entry *entry = g_ptr_array_index (group->entries, i);

    if (g_str_equal (entry->key, key))
      return entry;
  }
  return NULL;
}

/* Takes @value. */
static void
set_entry (Group *group, const char *key, char *value, const char *file, guint line)
{
  Entry *entry = find_entry (group, key);

  if (!entry) {
    entry = g_new0 (Entry, 1);
    entry->key = g_strdup (key);
    g_ptr_array_add (group->entries, entry);
  }
  g_free (entry->value);
  entry->value = value;
  entry->file = file;
  entry->line = line;
}

static int
compare_groups (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const Group *const *) a)->name, (*(const Group *const *) b)->name);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const Entry *const *) a)->key, (*(const Entry *const *) b)->key);
}

/* Neither order nor place counts; NUL ends each word, because no word can hold one. */
static void
update_digest (ClmUnit *self)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GPtrArray) groups = g_ptr_array_copy (self->groups, NULL, NULL);

  g_ptr_array_set_free_func (groups, NULL);
  g_ptr_array_sort (groups, compare_groups);
  for (guint i = 0; i < groups->len; i++) {
    const Group *group = g_ptr_array_index (groups, i);
    g_autoptr (GPtrArray) entries = g_ptr_array_copy (group->entries, NULL, NULL);

    g_ptr_array_set_free_func (entries, NULL);
    g_ptr_array_sort (entries, compare_entries);
    g_checksum_update (checksum, (const guchar *) "[", 1);
    g_checksum_update (checksum, (const guchar *) group->name, strlen (group->name) + 1);
    for (guint j = 0; j < entries->len; j++) {
      const Entry *entry = g_ptr_array_index (entries, j);

      if (!*entry->value)
        continue;
      g_checksum_update (checksum, (const guchar *) entry->key, strlen (entry->key) + 1);
      g_checksum_update (checksum, (const guchar *) entry->value, strlen (entry->value) + 1);
    }
  }
  g_free (self->digest);
  self->digest = g_strdup (g_checksum_get_string (checksum));
}

static void
merge (ClmUnit *self, const ClmKeyfile *keyfile)
{
  const char *file;

  g_ptr_array_add (self->files, g_strdup (keyfile->origin));
  file = g_ptr_array_index (self->files, self->files->len - 1);
  for (guint i = 0; i < keyfile->groups->len; i++) {
    const ClmKeyfileGroup *source = g_ptr_array_index (keyfile->groups, i);
    Group *group = ensure_group (self, source->name, file, source->line);

    for (guint j = 0; j < source->entries->len; j++) {
      const ClmKeyfileEntry *entry = g_ptr_array_index (source->entries, j);

      set_entry (group, entry->key, g_strdup (entry->value), file, entry->line);
    }
  }
}

ClmUnit *
clm_unit_new_merged (const char *name, GPtrArray *keyfiles)
{
  ClmUnit *self = unit_new (name);

  for (guint i = 0; i < keyfiles->len; i++)
    merge (self, g_ptr_array_index (keyfiles, i));
  update_digest (self);
  return self;
}

ClmUnit *
clm_unit_new_from_text (const char *name, const char *origin, const char *text, GError **error)
{
  g_autoptr (ClmKeyfile) keyfile = clm_keyfile_parse (origin, text, strlen (text), error);
  ClmUnit *self;

  if (!keyfile)
    return NULL;
  self = unit_new (name);
  merge (self, keyfile);
  update_digest (self);
  return self;
}

const char *
clm_unit_get_name (ClmUnit *self)
{
  return self->name;
}

const char *
clm_unit_get_template_name (ClmUnit *self)
{
  return self->template_name;
}

const char *
clm_unit_get_instance (ClmUnit *self)
{
  return self->instance;
}

gboolean
clm_unit_is_template (ClmUnit *self)
{
  return self->template_name && !self->instance;
}

const char *
clm_unit_get_file (ClmUnit *self)
{
  return self->files->len > 0 ? g_ptr_array_index (self->files, 0) : self->name;
}

const char *
clm_unit_get_digest (ClmUnit *self)
{
  return self->digest;
}

GPtrArray *
clm_unit_list_files (ClmUnit *self)
{
  return self->files;
}

GPtrArray *
clm_unit_list_groups (ClmUnit *self)
{
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < self->groups->len; i++)
    g_ptr_array_add (names, ((Group *) g_ptr_array_index (self->groups, i))->name);
  return names;
}

gboolean
clm_unit_has_group (ClmUnit *self, const char *group)
{
  return find_group (self, group) != NULL;
}

const char *
clm_unit_get_value (ClmUnit *self, const char *group, const char *key, const char **file, guint *line)
{
  const Entry *entry = find_entry (find_group (self, group), key);

  if (!entry || !*entry->value)
    return NULL;
  if (file)
    *file = entry->file;
  if (line)
    *line = entry->line;
  return entry->value;
}

ClmOptions *
clm_unit_make_options (ClmUnit *self, const char *group)
{
  ClmOptions *options = clm_options_new (clm_unit_get_file (self));
  const Group *source = find_group (self, group);

  for (guint i = 0; source && i < source->entries->len; i++) {
    const Entry *entry = g_ptr_array_index (source->entries, i);

    clm_options_set (options, entry->key, entry->value, entry->file, entry->line);
  }
  return options;
}

static gboolean
is_known_group (const char *name, const char *const *known)
{
  for (guint i = 0; known[i]; i++) {
    if (g_str_equal (name, known[i]))
      return TRUE;
    if (g_str_has_suffix (known[i], " *") && strncmp (name, known[i], strlen (known[i]) - 1) == 0)
      return TRUE;
  }
  return FALSE;
}

gboolean
clm_unit_refuse_unknown_groups (ClmUnit *self, const char *const *known, GError **error)
{
  for (guint i = 0; i < self->groups->len; i++) {
    const Group *group = g_ptr_array_index (self->groups, i);
    g_autoptr (GError) local = NULL;
    const char *nearest;

    if (is_known_group (group->name, known))
      continue;
    nearest = clm_word_nearest (group->name, known);
    local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%s:%u: unknown group [%s]", group->file, group->line, group->name);
    if (nearest)
      clm_error_set_hint (local, "did you mean [%s]?", nearest);
    else {
      g_autofree char *list = g_strjoinv ("], [", (GStrv) known);

      clm_error_set_hint (local, "the groups are [%s]", list);
    }
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  return TRUE;
}

static ClmUnit *
copy_frame (ClmUnit *self, const char *name)
{
  ClmUnit *copy = unit_new (name);

  for (guint i = 0; i < self->files->len; i++)
    g_ptr_array_add (copy->files, g_strdup (g_ptr_array_index (self->files, i)));
  return copy;
}

/* The copy's own text of one of the original's files. */
static const char *
map_file (ClmUnit *self, ClmUnit *copy, const char *file)
{
  for (guint i = 0; i < self->files->len; i++)
    if (g_ptr_array_index (self->files, i) == file)
      return g_ptr_array_index (copy->files, i);
  return NULL;
}

static gboolean
copy_group (ClmUnit *self, const Group *source, ClmUnit *copy, gboolean expand, const ClmSpecifiers *specifiers, GError **error)
{
  Group *group = ensure_group (copy, source->name, map_file (self, copy, source->file), source->line);

  for (guint i = 0; i < source->entries->len; i++) {
    const Entry *entry = g_ptr_array_index (source->entries, i);
    char *value = expand ? clm_specifiers_expand (specifiers, entry->value, self->instance, error) : g_strdup (entry->value);

    if (!value) {
      g_prefix_error (error, "%s:%u: %s=: ", entry->file, entry->line, entry->key);
      return FALSE;
    }
    set_entry (group, entry->key, value, map_file (self, copy, entry->file), entry->line);
  }
  return TRUE;
}

ClmUnit *
clm_unit_expand (ClmUnit *self, const ClmSpecifiers *specifiers, GError **error)
{
  g_autoptr (ClmUnit) copy = copy_frame (self, self->name);

  for (guint i = 0; i < self->groups->len; i++)
    if (!copy_group (self, g_ptr_array_index (self->groups, i), copy, TRUE, specifiers, error))
      return NULL;
  update_digest (copy);
  return g_steal_pointer (&copy);
}

ClmUnit *
clm_unit_instantiate (ClmUnit *self, const char *instance)
{
  g_autofree char *name = g_strdup_printf ("%s@%s", self->template_name, instance);
  ClmUnit *copy = copy_frame (self, name);

  g_return_val_if_fail (clm_unit_is_template (self), copy);

  for (guint i = 0; i < self->groups->len; i++)
    copy_group (self, g_ptr_array_index (self->groups, i), copy, FALSE, NULL, NULL);
  update_digest (copy);
  return copy;
}

ClmUnit *
clm_unit_override (ClmUnit *self, const ClmKeyfile *keyfile)
{
  ClmUnit *copy = copy_frame (self, self->name);

  for (guint i = 0; i < self->groups->len; i++)
    copy_group (self, g_ptr_array_index (self->groups, i), copy, FALSE, NULL, NULL);
  merge (copy, keyfile);
  update_digest (copy);
  return copy;
}

char *
clm_unit_to_text (ClmUnit *self, gboolean origins)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < self->groups->len; i++) {
    const Group *group = g_ptr_array_index (self->groups, i);

    g_string_append_printf (text, "%s[%s]\n", i > 0 ? "\n" : "", group->name);
    for (guint j = 0; j < group->entries->len; j++) {
      const Entry *entry = g_ptr_array_index (group->entries, j);

      if (!*entry->value)
        continue;
      if (origins)
        g_string_append_printf (text, "# %s:%u\n", entry->file, entry->line);
      g_string_append_printf (text, "%s=%s\n", entry->key, entry->value);
    }
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}
