/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configuration-private.h"

#include <string.h>

void
clm_config_change_free (ClmConfigChange *self)
{
  if (!self)
    return;
  g_free (self->name);
  g_free (self);
}

static ClmConfigChange *
add_change (GPtrArray *changes, ClmConfigKind kind, ClmConfigChangeKind change, const char *name)
{
  ClmConfigChange *self = g_new0 (ClmConfigChange, 1);

  self->kind = kind;
  self->change = change;
  self->name = g_strdup (name);
  g_ptr_array_add (changes, self);
  return self;
}

static const char *
get_settings_digest (ClmConfig *self)
{
  return self && self->settings_unit ? clm_unit_get_digest (self->settings_unit) : NULL;
}

static void
diff_specs (ClmConfig *old, ClmConfig *new_config, GPtrArray *changes)
{
  for (guint i = 0; i < new_config->specs->len; i++) {
    const ClmSpec *spec = g_ptr_array_index (new_config->specs, i);
    const ClmSpec *before = old ? clm_config_get_spec (old, spec->name) : NULL;

    if (!before)
      add_change (changes, CLM_CONFIG_CERTIFICATE, CLM_CHANGE_ADDED, spec->name);
    else if (!g_str_equal (before->digest, spec->digest))
      add_change (changes, CLM_CONFIG_CERTIFICATE, CLM_CHANGE_CHANGED, spec->name)->reissue =
        !g_str_equal (before->issue_digest, spec->issue_digest);
  }
  for (guint i = 0; old && i < old->specs->len; i++) {
    const ClmSpec *spec = g_ptr_array_index (old->specs, i);

    if (!clm_config_get_spec (new_config, spec->name))
      add_change (changes, CLM_CONFIG_CERTIFICATE, CLM_CHANGE_REMOVED, spec->name);
  }
}

static void
diff_templates (ClmConfig *old, ClmConfig *new_config, GPtrArray *changes)
{
  for (guint i = 0; i < new_config->templates->len; i++) {
    ClmUnit *unit = g_ptr_array_index (new_config->templates, i);
    const char *name = clm_unit_get_template_name (unit);
    ClmUnit *before = old ? clm_config_get_template (old, name) : NULL;

    if (!before)
      add_change (changes, CLM_CONFIG_CERTIFICATE, CLM_CHANGE_ADDED, name)->is_template = TRUE;
    else if (!g_str_equal (clm_unit_get_digest (before), clm_unit_get_digest (unit)))
      add_change (changes, CLM_CONFIG_CERTIFICATE, CLM_CHANGE_CHANGED, name)->is_template = TRUE;
  }
  for (guint i = 0; old && i < old->templates->len; i++) {
    const char *name = clm_unit_get_template_name (g_ptr_array_index (old->templates, i));

    if (!clm_config_get_template (new_config, name))
      add_change (changes, CLM_CONFIG_CERTIFICATE, CLM_CHANGE_REMOVED, name)->is_template = TRUE;
  }
}

static void
diff_instances (ClmConfig *old, ClmConfig *new_config, ClmConfigKind kind, GPtrArray *changes)
{
  for (guint i = 0; i < new_config->instances[kind]->len; i++) {
    const ClmInstance *instance = g_ptr_array_index (new_config->instances[kind], i);
    const ClmInstance *before = old ? clm_config_get_instance (old, kind, instance->name) : NULL;

    if (!before)
      add_change (changes, kind, CLM_CHANGE_ADDED, instance->name);
    else if (!g_str_equal (before->digest, instance->digest))
      add_change (changes, kind, CLM_CHANGE_CHANGED, instance->name);
  }
  for (guint i = 0; old && i < old->instances[kind]->len; i++) {
    const ClmInstance *instance = g_ptr_array_index (old->instances[kind], i);

    if (!clm_config_get_instance (new_config, kind, instance->name))
      add_change (changes, kind, CLM_CHANGE_REMOVED, instance->name);
  }
}

static int
compare_changes (gconstpointer a, gconstpointer b)
{
  const ClmConfigChange *first = *(const ClmConfigChange *const *) a, *second = *(const ClmConfigChange *const *) b;

  if (first->kind != second->kind)
    return first->kind < second->kind ? -1 : 1;
  if (first->is_template != second->is_template)
    return first->is_template ? -1 : 1;
  return strcmp (first->name, second->name);
}

GPtrArray *
clm_config_diff (ClmConfig *old, ClmConfig *new_config)
{
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_config_change_free);

  if (g_strcmp0 (get_settings_digest (old), get_settings_digest (new_config)) != 0)
    add_change (changes, CLM_CONFIG_DAEMON, CLM_CHANGE_CHANGED, "");
  diff_templates (old, new_config, changes);
  diff_specs (old, new_config, changes);
  for (guint kind = CLM_CONFIG_AUTHORITY; kind < CLM_N_CONFIG_KINDS; kind++)
    diff_instances (old, new_config, kind, changes);
  g_ptr_array_sort (changes, compare_changes);
  return g_steal_pointer (&changes);
}

char *
clm_config_format_problems (ClmConfig *self)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < self->problems->len; i++) {
    const ClmProblem *problem = g_ptr_array_index (self->problems, i);

    g_string_append_printf (text, "%s: %s\n", problem->is_error ? "error" : "warning", problem->message);
    if (problem->hint)
      g_string_append_printf (text, "  what to do: %s\n", problem->hint);
    if (problem->kept)
      g_string_append (text, "  its last good description stays in force\n");
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
append_unit (GString *text, ClmConfigKind kind, const char *name, ClmUnit *unit, const char *pattern)
{
  g_autofree char *content = NULL;

  if (!unit || (pattern && !g_pattern_match_simple (pattern, name)))
    return;
  content = clm_unit_to_text (unit, TRUE);
  g_string_append_printf (text, "%s### %s %s\n%s", text->len > 0 ? "\n" : "", clm_config_kind_get_nick (kind), name, content);
}

char *
clm_config_format_effective (ClmConfig *self, const char *pattern)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!pattern)
    append_unit (text, CLM_CONFIG_DAEMON, "certloom.conf", self->settings_unit, NULL);
  for (guint i = 0; i < self->templates->len; i++) {
    ClmUnit *unit = g_ptr_array_index (self->templates, i);

    append_unit (text, CLM_CONFIG_CERTIFICATE, clm_unit_get_name (unit), unit, pattern);
  }
  for (guint i = 0; i < self->specs->len; i++) {
    const ClmSpec *spec = g_ptr_array_index (self->specs, i);

    append_unit (text, CLM_CONFIG_CERTIFICATE, spec->name, g_hash_table_lookup (self->spec_units, spec->name), pattern);
  }
  for (guint kind = CLM_CONFIG_AUTHORITY; kind < CLM_N_CONFIG_KINDS; kind++)
    for (guint i = 0; i < self->instances[kind]->len; i++) {
      const ClmInstance *instance = g_ptr_array_index (self->instances[kind], i);

      append_unit (text, kind, instance->name, instance->unit, pattern);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
clm_config_format_overrides (ClmConfig *self)
{
  return g_strdup (self->overrides ? self->overrides : "");
}
