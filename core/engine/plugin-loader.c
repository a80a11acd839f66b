/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin-loader.h"

#include <gmodule.h>
#include <string.h>
#include <unistd.h>

#include "certloom-plugin.h"
#include "plugin-file.h"

#define TYPES_MAX 16

struct _ClmPlugin {
  GObject              parent_instance;

  char                *path;
  const ClmPluginInfo *info;
  GArray              *types;     /* GType */
};

G_DEFINE_FINAL_TYPE (ClmPlugin, clm_plugin, G_TYPE_OBJECT)

struct _ClmPluginLoader {
  GObject     parent_instance;

  char       *directory;
  guint32     allowed_uid;
  GHashTable *plugins;            /* name → ClmPlugin */
};

G_DEFINE_FINAL_TYPE (ClmPluginLoader, clm_plugin_loader, G_TYPE_OBJECT)

/* Plugin */

static void
clm_plugin_finalize (GObject *object)
{
  ClmPlugin *self = CLM_PLUGIN (object);

  g_free (self->path);
  g_array_unref (self->types);
  G_OBJECT_CLASS (clm_plugin_parent_class)->finalize (object);
}

static void
clm_plugin_class_init (ClmPluginClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_plugin_finalize;
}

static void
clm_plugin_init (ClmPlugin *self)
{
  self->types = g_array_new (FALSE, FALSE, sizeof (GType));
}

const char *
clm_plugin_get_name (ClmPlugin *self)
{
  g_return_val_if_fail (CLM_IS_PLUGIN (self), NULL);
  return self->info->name;
}

const char *
clm_plugin_get_version (ClmPlugin *self)
{
  g_return_val_if_fail (CLM_IS_PLUGIN (self), NULL);
  return self->info->version;
}

const char *
clm_plugin_get_summary (ClmPlugin *self)
{
  g_return_val_if_fail (CLM_IS_PLUGIN (self), NULL);
  return self->info->summary;
}

const char *
clm_plugin_get_path (ClmPlugin *self)
{
  g_return_val_if_fail (CLM_IS_PLUGIN (self), NULL);
  return self->path;
}

GType
clm_plugin_get_type_for (ClmPlugin *self, GType kind)
{
  g_return_val_if_fail (CLM_IS_PLUGIN (self), G_TYPE_INVALID);

  for (guint i = 0; i < self->types->len; i++) {
    GType type = g_array_index (self->types, GType, i);
    if (g_type_is_a (type, kind))
      return type;
  }
  return G_TYPE_INVALID;
}

/* Loader */

static void
clm_plugin_loader_finalize (GObject *object)
{
  ClmPluginLoader *self = CLM_PLUGIN_LOADER (object);

  g_free (self->directory);
  g_hash_table_unref (self->plugins);
  G_OBJECT_CLASS (clm_plugin_loader_parent_class)->finalize (object);
}

static void
clm_plugin_loader_class_init (ClmPluginLoaderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_plugin_loader_finalize;
}

static void
clm_plugin_loader_init (ClmPluginLoader *self)
{
  self->plugins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

ClmPluginLoader *
clm_plugin_loader_new (const char *directory, guint32 allowed_uid)
{
  g_return_val_if_fail (directory != NULL && g_path_is_absolute (directory), NULL);

  ClmPluginLoader *self = g_object_new (CLM_TYPE_PLUGIN_LOADER, NULL);
  self->directory = g_strdup (directory);
  self->allowed_uid = allowed_uid;
  return self;
}

const char *
clm_plugin_loader_get_directory (ClmPluginLoader *self)
{
  g_return_val_if_fail (CLM_IS_PLUGIN_LOADER (self), NULL);
  return self->directory;
}

static gboolean
is_name (const char *name)
{
  gsize length = strlen (name);

  return length >= 1 && length <= 32 && *name != '-' && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GStrv
clm_plugin_loader_list_available (ClmPluginLoader *self)
{
  g_return_val_if_fail (CLM_IS_PLUGIN_LOADER (self), NULL);

  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) directory = g_dir_open (self->directory, 0, NULL);
  const char *file;
  while (directory != NULL && (file = g_dir_read_name (directory)) != NULL) {
    if (!g_str_has_suffix (file, ".so"))
      continue;
    g_autofree char *name = g_strndup (file, strlen (file) - strlen (".so"));
    if (is_name (name))
      g_ptr_array_add (names, g_steal_pointer (&name));
  }
  g_ptr_array_sort (names, compare_strings);
  g_ptr_array_add (names, NULL);
  return (GStrv) g_ptr_array_steal (names, NULL);
}

static int
compare_plugins (gconstpointer a, gconstpointer b)
{
  ClmPlugin *first = *(ClmPlugin *const *) a, *second = *(ClmPlugin *const *) b;

  return strcmp (clm_plugin_get_name (first), clm_plugin_get_name (second));
}

GPtrArray *
clm_plugin_loader_list_loaded (ClmPluginLoader *self)
{
  g_return_val_if_fail (CLM_IS_PLUGIN_LOADER (self), NULL);

  GPtrArray *plugins = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer plugin;
  g_hash_table_iter_init (&iter, self->plugins);
  while (g_hash_table_iter_next (&iter, NULL, &plugin))
    g_ptr_array_add (plugins, plugin);
  g_ptr_array_sort (plugins, compare_plugins);
  return plugins;
}

/* The checks, in the order they are made */

static void
add_missing_hint (ClmPluginLoader *self, const char *name, GError *error)
{
  g_auto (GStrv) names = clm_plugin_loader_list_available (self);
  const char *nearest = clm_word_nearest (name, (const char *const *) names);

  if (error == NULL || !g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_FOUND))
    return;
  if (nearest != NULL)
    clm_error_set_hint (error, "did you mean Plugin=%s?", nearest);
  else
    clm_error_set_hint (error, "install the package that holds %s.so in %s", name, self->directory);
}

static gboolean
check_versions (const char *name, guint abi, guint api, GError **error)
{
  if (abi != CLM_PLUGIN_ABI) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "plugin %s was built for ABI %u, this certloom has ABI %u", name, abi,
                 CLM_PLUGIN_ABI);
    if (error != NULL)
      clm_error_set_hint (*error, "install the build of %s for certloom-plugin-%u", name, CLM_PLUGIN_ABI);
    return FALSE;
  }
  if (api > CLM_PLUGIN_API) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "plugin %s needs API %u, this certloom offers API %u", name, api,
                 CLM_PLUGIN_API);
    if (error != NULL)
      clm_error_set_hint (*error, "update certloom, or install an older %s", name);
    return FALSE;
  }
  return TRUE;
}

static gboolean
peek_versions (int fd, const char *name, GError **error)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new_from_fd (fd, FALSE, error);
  guint abi = 0, api = 0;

  if (file == NULL) {
    g_prefix_error (error, "plugin %s: ", name);
    return FALSE;
  }
  switch (clm_plugin_file_peek ((const guint8 *) g_mapped_file_get_contents (file), g_mapped_file_get_length (file), &abi, &api)) {
    case CLM_PLUGIN_PEEK_FOUND:
      return check_versions (name, abi, api, error);
    case CLM_PLUGIN_PEEK_ABSENT:
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s.so is not a certloom plugin: it exports no clm_plugin_info", name);
      return FALSE;
    case CLM_PLUGIN_PEEK_UNKNOWN:
    default:
      return TRUE;   /* the dynamic linker tells what is wrong with it, or the symbol is read once it is mapped */
  }
}

static gboolean
check_before_loading (ClmPluginLoader *self, const char *name, const char *path, GError **error)
{
  if (!clm_plugin_file_check_place (self->directory, self->allowed_uid, error))
    return FALSE;
  int fd = clm_plugin_file_open (path, self->allowed_uid, error);
  if (fd < 0)
    return FALSE;
  gboolean ok = peek_versions (fd, name, error);
  close (fd);
  return ok;
}

/* By path, not by descriptor: nobody but root and our own user can change what the path means, which was checked, and debuggers
 * and the module's own $ORIGIN need the name. */
static const ClmPluginInfo *
open_module (const char *name, const char *path, GError **error)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer symbol = NULL;

  if (module == NULL) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "cannot load plugin %s: %s", name, g_module_error ());
    if (error != NULL)
      clm_error_set_hint (*error, "install what %s needs, or install it again", path);
    return NULL;
  }
  g_module_make_resident (module);   /* code that ran once is never unmapped: it may have left types and handlers behind */
  if (!g_module_symbol (module, "clm_plugin_info", &symbol) || symbol == NULL) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s.so is not a certloom plugin: it exports no clm_plugin_info", name);
    return NULL;
  }
  return symbol;
}

static gboolean
check_info (const ClmPluginInfo *info, const char *name, GError **error)
{
  if (!check_versions (name, info->abi, info->api, error))
    return FALSE;
  if (info->name == NULL || info->version == NULL || info->summary == NULL || info->types == NULL ||
      !g_utf8_validate (info->version, -1, NULL) || !g_utf8_validate (info->summary, -1, NULL)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "plugin %s does not say what it is: clm_plugin_info has gaps", name);
    return FALSE;
  }
  if (!g_str_equal (info->name, name)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s.so holds a plugin of another name", name);
    if (error != NULL && is_name (info->name))
      clm_error_set_hint (*error, "name the file %s.so", info->name);
    return FALSE;
  }
  return TRUE;
}

static GType
kind_of (GType type)
{
  const GType kinds[] = {CLM_TYPE_AUTHORITY, CLM_TYPE_KEY_STORE, CLM_TYPE_NOTIFIER};

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (type != kinds[i] && g_type_is_a (type, kinds[i]))
      return kinds[i];
  return G_TYPE_INVALID;
}

static gboolean
add_type (ClmPlugin *self, const char *name, GType type, GError **error)
{
  GType kind = type != G_TYPE_INVALID ? kind_of (type) : G_TYPE_INVALID;
  const char *fault = NULL;

  if (type == G_TYPE_INVALID)
    fault = "could not register one of its types";
  else if (kind == G_TYPE_INVALID || G_TYPE_IS_ABSTRACT (type))
    fault = "holds a type that is neither an authority nor a key store nor a notifier";
  else if (clm_plugin_get_type_for (self, kind) != G_TYPE_INVALID)
    fault = "holds two types of the same kind";
  if (fault != NULL) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "plugin %s %s", name, fault);
    return FALSE;
  }
  g_array_append_val (self->types, type);
  return TRUE;
}

static ClmPlugin *
make_plugin (const ClmPluginInfo *info, const char *name, const char *path, GError **error)
{
  g_autoptr (ClmPlugin) plugin = g_object_new (CLM_TYPE_PLUGIN, NULL);

  plugin->info = info;
  plugin->path = g_strdup (path);
  for (guint i = 0; i < TYPES_MAX && info->types[i] != NULL; i++)
    if (!add_type (plugin, name, info->types[i] (), error))
      return NULL;
  if (plugin->types->len == 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "plugin %s holds nothing: its list of types is empty", name);
    return NULL;
  }
  return g_steal_pointer (&plugin);
}

ClmPlugin *
clm_plugin_loader_load (ClmPluginLoader *self, const char *name, GError **error)
{
  g_return_val_if_fail (CLM_IS_PLUGIN_LOADER (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  ClmPlugin *loaded = g_hash_table_lookup (self->plugins, name);
  if (loaded != NULL)
    return loaded;
  if (!is_name (name)) {
    g_autofree char *shown = g_strescape (name, NULL);
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "\"%.64s\" cannot be the name of a plugin", shown);
    if (error != NULL)
      clm_error_set_hint (*error, "write the module's file name without .so: lower-case letters, digits and -");
    return NULL;
  }

  g_autofree char *path = g_strdup_printf ("%s/%s.so", self->directory, name);
  if (!check_before_loading (self, name, path, error)) {
    add_missing_hint (self, name, error != NULL ? *error : NULL);
    return NULL;
  }
  const ClmPluginInfo *info = open_module (name, path, error);
  if (info == NULL || !check_info (info, name, error))
    return NULL;
  ClmPlugin *plugin = make_plugin (info, name, path, error);
  if (plugin == NULL)
    return NULL;
  g_debug ("[plugin %s] loaded %s, version %s", name, path, info->version);
  g_hash_table_insert (self->plugins, g_strdup (name), plugin);
  return plugin;
}
