/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit-set.h"

#include <string.h>

/* One name: its main files and its drop-ins, in all layers. */
typedef struct {
  char      *name;
  GPtrArray *files;          /* (element-type ClmLayerEntry), strongest last */
  char      *dropin_folder;  /* (nullable) */
  GPtrArray *dropins;        /* (nullable) (element-type ClmLayerEntry), by file name, then layer */
} Found;

struct _ClmUnitSet {
  ClmLayers  *layers;
  char       *folder;
  char       *suffix;
  gboolean    templates;
  GHashTable *found;   /* name → Found */
};

static void
found_free (gpointer data)
{
  Found *found = data;

  g_free (found->name);
  g_ptr_array_unref (found->files);
  g_free (found->dropin_folder);
  g_clear_pointer (&found->dropins, g_ptr_array_unref);
  g_free (found);
}

void
clm_unit_set_free (ClmUnitSet *self)
{
  if (!self)
    return;
  clm_layers_unref (self->layers);
  g_free (self->folder);
  g_free (self->suffix);
  g_hash_table_unref (self->found);
  g_free (self);
}

static void
add_error (GPtrArray *errors, const char *hint, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
add_error (GPtrArray *errors, const char *hint, const char *format, ...)
{
  g_autofree char *message = NULL;
  GError *error;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  error = g_error_new_literal (CLM_ERROR, CLM_ERROR_CONFIG, message);
  if (hint)
    clm_error_set_hint (error, "%s", hint);
  g_ptr_array_add (errors, error);
}

static Found *
ensure_found (ClmUnitSet *self, const char *name)
{
  Found *found = g_hash_table_lookup (self->found, name);

  if (found)
    return found;
  found = g_new0 (Found, 1);
  found->name = g_strdup (name);
  found->files = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_layer_entry_free);
  g_hash_table_insert (self->found, found->name, found);
  return found;
}

static gboolean
is_unit_name (ClmUnitSet *self, const char *name)
{
  const char *at = strchr (name, '@');
  g_autofree char *before = at ? g_strndup (name, at - name) : NULL;

  if (!at)
    return clm_name_is_valid (name);
  return self->templates && clm_name_is_valid (before) && (!at[1] || clm_instance_name_is_valid (at + 1));
}

static char *
cut_suffix (const char *file_name, const char *suffix, const char *more)
{
  g_autofree char *whole = g_strconcat (suffix, more, NULL);

  if (!g_str_has_suffix (file_name, whole) || strlen (file_name) == strlen (whole))
    return NULL;
  return g_strndup (file_name, strlen (file_name) - strlen (whole));
}

static void
refuse_name (ClmUnitSet *self, const ClmLayerEntry *entry, const char *name, GPtrArray *errors)
{
  add_error (errors, self->templates ? "use a-z 0-9 . _ - (64 at most), NAME@ for a template, NAME@INSTANCE for one of it"
                                     : "use a-z 0-9 . _ - (64 at most) and begin with a letter or a digit",
             "%s: \"%s\" cannot be a name", entry->path, name);
}

/* Takes @entry, a file. */
static void
add_file (ClmUnitSet *self, ClmLayerEntry *entry, GPtrArray *errors)
{
  g_autoptr (ClmLayerEntry) owned = entry;
  g_autofree char *name = cut_suffix (entry->file_name, self->suffix, "");

  if (name && is_unit_name (self, name))
    g_ptr_array_add (ensure_found (self, name)->files, g_steal_pointer (&owned));
  else if (name && self->folder)
    refuse_name (self, entry, name, errors);
  else if (self->folder && !g_str_has_prefix (entry->file_name, "README")) {
    g_autofree char *hint = g_strdup_printf ("end its name with %s, or move it elsewhere", self->suffix);

    add_error (errors, hint, "%s: is no %s file", entry->path, self->suffix + 1);
  }
}

static GPtrArray *
list_dropins (ClmUnitSet *self, const char *folder, GPtrArray *errors)
{
  g_autoptr (GPtrArray) entries = clm_layers_list (self->layers, folder, errors);
  g_autoptr (GPtrArray) dropins = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_layer_entry_free);

  for (guint i = 0; i < entries->len; i++) {
    ClmLayerEntry *entry = g_ptr_array_index (entries, i);

    if (g_str_has_suffix (entry->file_name, ".conf") && !entry->is_folder)
      g_ptr_array_add (dropins, g_steal_pointer (&entries->pdata[i]));
    else if (!g_str_has_prefix (entry->file_name, "README"))
      add_error (errors, "end the name of a drop-in with .conf", "%s: is no drop-in", entry->path);
  }
  return g_steal_pointer (&dropins);
}

static void
add_folder (ClmUnitSet *self, const ClmLayerEntry *entry, GPtrArray *errors)
{
  g_autofree char *name = cut_suffix (entry->file_name, self->suffix, ".d");
  Found *found;

  if (!name || !is_unit_name (self, name)) {
    if (self->folder)
      add_error (errors, NULL, "%s: is a folder that belongs to nothing", entry->path);
    return;
  }
  found = ensure_found (self, name);
  if (found->dropins)
    return;
  found->dropin_folder = self->folder ? g_build_filename (self->folder, entry->file_name, NULL) : g_strdup (entry->file_name);
  found->dropins = list_dropins (self, found->dropin_folder, errors);
}

static const ClmLayerEntry *
get_winner (const Found *found)
{
  return found->files->len > 0 ? g_ptr_array_index (found->files, found->files->len - 1) : NULL;
}

/* certloom.conf may consist of drop-ins only. */
static gboolean
is_there (ClmUnitSet *self, const Found *found)
{
  const ClmLayerEntry *winner = get_winner (found);

  if (!winner)
    return !self->folder && found->dropins && found->dropins->len > 0;
  return !winner->is_mask;
}

/* A drop-in folder is also there for a template's instances that exist in the database only. */
static void
report_orphans (ClmUnitSet *self, GPtrArray *errors)
{
  GHashTableIter iter;
  Found *found;

  g_hash_table_iter_init (&iter, self->found);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &found))
    if (self->folder && found->files->len == 0 && found->dropins && found->dropins->len > 0 && !strchr (found->name, '@')) {
      const ClmLayerEntry *first = g_ptr_array_index (found->dropins, 0);

      add_error (errors, NULL, "%s: there is no %s%s that it could extend", first->path, found->name, self->suffix);
    }
}

ClmUnitSet *
clm_unit_set_scan (ClmLayers *layers, const char *folder, const char *suffix, gboolean templates, GPtrArray *errors)
{
  ClmUnitSet *self = g_new0 (ClmUnitSet, 1);
  g_autoptr (GPtrArray) entries = clm_layers_list (layers, folder, errors);

  self->layers = clm_layers_ref (layers);
  self->folder = g_strdup (folder);
  self->suffix = g_strdup (suffix);
  self->templates = templates;
  self->found = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, found_free);
  for (guint i = 0; i < entries->len; i++) {
    ClmLayerEntry *entry = g_ptr_array_index (entries, i);

    if (entry->is_folder)
      add_folder (self, entry, errors);
    else
      add_file (self, g_steal_pointer (&entries->pdata[i]), errors);
  }
  report_orphans (self, errors);
  return self;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
list_all (ClmUnitSet *self)
{
  GPtrArray *names = g_ptr_array_sized_new (g_hash_table_size (self->found));
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->found);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, name);
  g_ptr_array_sort (names, compare_names);
  return names;
}

GPtrArray *
clm_unit_set_list (ClmUnitSet *self)
{
  g_autoptr (GPtrArray) all = list_all (self);
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < all->len; i++)
    if (is_there (self, g_hash_table_lookup (self->found, g_ptr_array_index (all, i))))
      g_ptr_array_add (names, g_ptr_array_index (all, i));
  return names;
}

gboolean
clm_unit_set_has (ClmUnitSet *self, const char *name)
{
  const Found *found = g_hash_table_lookup (self->found, name);

  return found && is_there (self, found);
}

const char *
clm_unit_set_get_path (ClmUnitSet *self, const char *name)
{
  const Found *found = g_hash_table_lookup (self->found, name);
  const ClmLayerEntry *winner = found && is_there (self, found) ? get_winner (found) : NULL;

  return winner ? winner->path : NULL;
}

static gboolean
read_file (ClmUnitSet *self, const char *folder, const ClmLayerEntry *entry, GPtrArray *keyfiles, GError **error)
{
  g_autoptr (GBytes) bytes = clm_layers_read (self->layers, folder, entry, error);
  ClmKeyfile *keyfile;
  gconstpointer text;
  gsize size;

  if (!bytes)
    return FALSE;
  text = g_bytes_get_data (bytes, &size);
  keyfile = clm_keyfile_parse (entry->path, text, size, error);
  if (!keyfile)
    return FALSE;
  g_ptr_array_add (keyfiles, keyfile);
  return TRUE;
}

static const Found *
find_template (ClmUnitSet *self, const char *name)
{
  const char *at = strchr (name, '@');
  g_autofree char *template_name = at && at[1] ? g_strndup (name, at + 1 - name) : NULL;

  return template_name ? g_hash_table_lookup (self->found, template_name) : NULL;
}

/* The one link that is allowed besides a mask: an instance to its template. It is understood, not followed. */
static const ClmLayerEntry *
resolve_link (ClmUnitSet *self, const char *name, const ClmLayerEntry *entry, GError **error)
{
  const Found *template_found = find_template (self, name);
  g_autofree char *base = g_path_get_basename (entry->link_target);
  g_autofree char *wanted = g_strdup (name);
  g_autofree char *wanted_base = NULL;
  char *at = strchr (wanted, '@');

  if (at && at[1]) {
    at[1] = '\0';
    wanted_base = g_strconcat (wanted, self->suffix, NULL);
  }
  if (!wanted_base || !g_str_equal (base, wanted_base)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s: is a symbolic link to %s", entry->path, entry->link_target);
    if (error)
      clm_error_set_hint (*error, "copy the file; only NAME@INSTANCE may be a link, to its template NAME@, and a mask, to /dev/null");
    return NULL;
  }
  if (!template_found || !is_there (self, template_found)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s: there is no template %s", entry->path, wanted_base);
    return NULL;
  }
  return get_winner (template_found);
}

/* What is read for one file name. */
typedef struct {
  const char          *folder;
  const ClmLayerEntry *entry;
} Dropin;

/* @merged: file name → Dropin. A later call wins, and so does a later layer. */
static void
collect_dropins (const Found *found, GTree *merged)
{
  for (guint i = 0; found && found->dropins && i < found->dropins->len; i++) {
    Dropin *dropin = g_new0 (Dropin, 1);

    dropin->folder = found->dropin_folder;
    dropin->entry = g_ptr_array_index (found->dropins, i);
    g_tree_replace (merged, dropin->entry->file_name, dropin);
  }
}

static int
compare_text (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

static gboolean
read_dropins (ClmUnitSet *self, const Found *found, GPtrArray *keyfiles, GError **error)
{
  g_autoptr (GTree) merged = g_tree_new_full (compare_text, NULL, NULL, g_free);

  collect_dropins (find_template (self, found->name), merged);
  collect_dropins (found, merged);
  for (GTreeNode *node = g_tree_node_first (merged); node; node = g_tree_node_next (node)) {
    const Dropin *dropin = g_tree_node_value (node);

    if (!dropin->entry->is_mask && !read_file (self, dropin->folder, dropin->entry, keyfiles, error))
      return FALSE;
  }
  return TRUE;
}

ClmUnit *
clm_unit_set_load (ClmUnitSet *self, const char *name, GError **error)
{
  const Found *found = g_hash_table_lookup (self->found, name);
  g_autoptr (GPtrArray) keyfiles = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_keyfile_free);
  const ClmLayerEntry *entry;

  if (!found || !is_there (self, found)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "there is no %s%s", name, self->suffix);
    return NULL;
  }
  entry = get_winner (found);
  if (entry && entry->link_target) {
    entry = resolve_link (self, name, entry, error);
    if (!entry)
      return NULL;
  }
  if (entry && !read_file (self, self->folder, entry, keyfiles, error))
    return NULL;
  if (!read_dropins (self, found, keyfiles, error))
    return NULL;
  return clm_unit_new_merged (name, keyfiles);
}

/* Two changes within one tick of the file system's clock look like one; where it knows whole seconds only, within that long. */
static gint64
get_settled (const ClmLayerEntry *entry)
{
  return entry->changed + (entry->changed % G_USEC_PER_SEC == 0 ? 2 * G_USEC_PER_SEC : G_USEC_PER_SEC / 20);
}

static gint64
add_entry_stamps (GPtrArray *entries, GChecksum *checksum)
{
  gint64 newest = 0;

  for (guint i = 0; entries && i < entries->len; i++) {
    const ClmLayerEntry *entry = g_ptr_array_index (entries, i);

    g_checksum_update (checksum, (const guchar *) entry->path, strlen (entry->path) + 1);
    g_checksum_update (checksum, (const guchar *) entry->stamp, strlen (entry->stamp) + 1);
    newest = MAX (newest, get_settled (entry));
  }
  return newest;
}

gint64
clm_unit_set_add_stamps (ClmUnitSet *self, GChecksum *checksum)
{
  g_autoptr (GPtrArray) names = list_all (self);
  gint64 newest = 0;

  for (guint i = 0; i < names->len; i++) {
    const Found *found = g_hash_table_lookup (self->found, g_ptr_array_index (names, i));

    newest = MAX (newest, add_entry_stamps (found->files, checksum));
    newest = MAX (newest, add_entry_stamps (found->dropins, checksum));
  }
  return newest;
}

static void
format_replaced (GPtrArray *entries, GString *text)
{
  for (guint i = 1; entries && i < entries->len; i++) {
    const ClmLayerEntry *weaker = g_ptr_array_index (entries, i - 1);
    const ClmLayerEntry *stronger = g_ptr_array_index (entries, i);

    if (g_str_equal (weaker->file_name, stronger->file_name))
      g_string_append_printf (text, "%-10s %s by %s\n", stronger->is_mask ? "masked" : "overridden", weaker->path, stronger->path);
  }
}

static void
format_extended (ClmUnitSet *self, const Found *found, GString *text)
{
  for (guint i = 0; found->dropins && is_there (self, found) && i < found->dropins->len; i++) {
    const ClmLayerEntry *dropin = g_ptr_array_index (found->dropins, i);
    const ClmLayerEntry *next = i + 1 < found->dropins->len ? g_ptr_array_index (found->dropins, i + 1) : NULL;

    if (!dropin->is_mask && !(next && g_str_equal (next->file_name, dropin->file_name)))
      g_string_append_printf (text, "%-10s %s by %s\n", "extended", get_winner (found) ? get_winner (found)->path : found->name, dropin->path);
  }
}

char *
clm_unit_set_format_overrides (ClmUnitSet *self)
{
  g_autoptr (GPtrArray) names = list_all (self);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < names->len; i++) {
    const Found *found = g_hash_table_lookup (self->found, g_ptr_array_index (names, i));

    format_replaced (found->files, text);
    format_replaced (found->dropins, text);
    format_extended (self, found, text);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}
