/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configuration-private.h"

static const char *const main_groups[] = {
  [CLM_CONFIG_DAEMON] = "Daemon",
  [CLM_CONFIG_CERTIFICATE] = "Certificate",
  [CLM_CONFIG_AUTHORITY] = "Authority",
  [CLM_CONFIG_KEY_STORE] = "KeyStore",
  [CLM_CONFIG_NOTIFIER] = "Notifier",
  [CLM_CONFIG_LISTENER] = "Listener",
  [CLM_CONFIG_DELIVERY] = "Delivery",
};
G_STATIC_ASSERT (G_N_ELEMENTS (main_groups) == CLM_N_CONFIG_KINDS);

const char *
clm_instance_get_group (ClmConfigKind kind)
{
  return main_groups[kind];
}

void
clm_instance_free (ClmInstance *self)
{
  if (!self)
    return;
  g_free (self->name);
  g_free (self->plugin);
  g_free (self->key_store);
  g_strfreev (self->certificates);
  g_free (self->file);
  g_free (self->digest);
  g_clear_pointer (&self->unit, clm_unit_unref);
  g_free (self);
}

ClmInstance *
clm_instance_copy (const ClmInstance *self)
{
  ClmInstance *copy = g_new0 (ClmInstance, 1);

  copy->kind = self->kind;
  copy->name = g_strdup (self->name);
  copy->plugin = g_strdup (self->plugin);
  copy->key_store = g_strdup (self->key_store);
  copy->certificates = g_strdupv (self->certificates);
  copy->file = g_strdup (self->file);
  copy->digest = g_strdup (self->digest);
  copy->unit = clm_unit_ref (self->unit);
  return copy;
}

static gboolean
has_plugin (ClmConfigKind kind)
{
  return kind == CLM_CONFIG_AUTHORITY || kind == CLM_CONFIG_KEY_STORE || kind == CLM_CONFIG_NOTIFIER;
}

static gboolean
check_name (ClmOptions *options, const char *key, const char *name, GError **error)
{
  if (!name || clm_name_is_valid (name))
    return TRUE;
  clm_options_set_error (options, key, error, "\"%s\" cannot be a name (a-z 0-9 . _ -)", name);
  return FALSE;
}

/* What the engine itself wants to know of a backend; everything else is the plugin's. */
static gboolean
read_backend (ClmInstance *self, ClmOptions *options, GError **error)
{
  g_strfreev (self->certificates);
  self->plugin = g_strdup (clm_options_require_string (options, "Plugin", error));
  self->certificates = self->plugin ? clm_options_get_list (options, "Certificates", NULL, error) : NULL;
  if (!self->certificates)
    return FALSE;
  if (self->kind != CLM_CONFIG_KEY_STORE)
    self->key_store = g_strdup (clm_options_get_string (options, "KeyStore", NULL));
  for (guint i = 0; self->certificates[i]; i++)
    if (!check_name (options, "Certificates", self->certificates[i], error))
      return FALSE;
  return check_name (options, "Plugin", self->plugin, error) && check_name (options, "KeyStore", self->key_store, error);
}

ClmInstance *
clm_instance_new_from_unit (ClmConfigKind kind, ClmUnit *unit, GError **error)
{
  const char *const groups[] = { main_groups[kind], NULL };
  g_autoptr (ClmInstance) self = g_new0 (ClmInstance, 1);
  g_autoptr (ClmOptions) options = NULL;

  self->kind = kind;
  self->name = g_strdup (clm_unit_get_name (unit));
  self->file = g_strdup (clm_unit_get_file (unit));
  self->digest = g_strdup (clm_unit_get_digest (unit));
  self->unit = clm_unit_ref (unit);
  self->certificates = g_new0 (char *, 1);
  if (kind == CLM_CONFIG_DELIVERY)
    return g_steal_pointer (&self);
  if (!clm_unit_refuse_unknown_groups (unit, groups, error))
    return NULL;
  options = clm_unit_make_options (unit, main_groups[kind]);
  if (has_plugin (kind) && !read_backend (self, options, error))
    return NULL;
  return g_steal_pointer (&self);
}

ClmOptions *
clm_instance_make_options (const ClmInstance *self)
{
  ClmOptions *options = clm_unit_make_options (self->unit, main_groups[self->kind]);

  if (!has_plugin (self->kind))
    return options;
  clm_options_get_string (options, "Plugin", NULL);
  clm_options_get_string (options, "Certificates", NULL);
  if (self->kind != CLM_CONFIG_KEY_STORE)
    clm_options_get_string (options, "KeyStore", NULL);
  return options;
}
