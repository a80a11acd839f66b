/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configuration-private.h"

#include <string.h>

static const char *const kind_nicks[] = {
  [CLM_CONFIG_DAEMON] = "daemon",
  [CLM_CONFIG_CERTIFICATE] = "certificate",
  [CLM_CONFIG_AUTHORITY] = "authority",
  [CLM_CONFIG_KEY_STORE] = "keystore",
  [CLM_CONFIG_NOTIFIER] = "notifier",
  [CLM_CONFIG_LISTENER] = "listener",
  [CLM_CONFIG_DELIVERY] = "delivery",
};
G_STATIC_ASSERT (G_N_ELEMENTS (kind_nicks) == CLM_N_CONFIG_KINDS);

const char *
clm_config_kind_get_nick (ClmConfigKind kind)
{
  g_return_val_if_fail (kind < CLM_N_CONFIG_KINDS, "");
  return kind_nicks[kind];
}

static void
problem_free (gpointer data)
{
  ClmProblem *problem = data;

  g_free (problem->name);
  g_free (problem->file);
  g_free (problem->message);
  g_free (problem->hint);
  g_free (problem);
}

static GHashTable *
index_new (GDestroyNotify free_value)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_value);
}

ClmConfig *
clm_config_new_empty (guint32 admin_uid)
{
  ClmConfig *self = g_new0 (ClmConfig, 1);

  g_atomic_ref_count_init (&self->ref_count);
  clm_settings_init (&self->settings, admin_uid);
  self->specs = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_spec_unref);
  self->spec_index = index_new (NULL);
  self->spec_units = index_new ((GDestroyNotify) clm_unit_unref);
  self->templates = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_unit_unref);
  self->template_index = index_new (NULL);
  self->template_access = index_new ((GDestroyNotify) clm_access_unref);
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++) {
    self->instances[kind] = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_instance_free);
    self->instance_index[kind] = index_new (NULL);
  }
  self->problems = g_ptr_array_new_with_free_func (problem_free);
  self->accounts = index_new (NULL);
  return self;
}

ClmConfig *
clm_config_ref (ClmConfig *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_config_unref (ClmConfig *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  clm_settings_clear (&self->settings);
  g_clear_pointer (&self->settings_unit, clm_unit_unref);
  g_hash_table_unref (self->spec_index);
  g_hash_table_unref (self->spec_units);
  g_ptr_array_unref (self->specs);
  g_hash_table_unref (self->template_index);
  g_hash_table_unref (self->template_access);
  g_ptr_array_unref (self->templates);
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++) {
    g_hash_table_unref (self->instance_index[kind]);
    g_ptr_array_unref (self->instances[kind]);
  }
  g_ptr_array_unref (self->problems);
  g_hash_table_unref (self->accounts);
  g_free (self->overrides);
  g_free (self->stamp);
  g_free (self);
}

/* "FILE:LINE: …" or "FILE: …", as every refusal begins. */
static void
locate (ClmProblem *problem)
{
  g_autoptr (GRegex) regex = g_regex_new ("^(/[^:]*):(?:([0-9]+):)? ", 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_autofree char *line = NULL;

  if (!g_regex_match (regex, problem->message, 0, &match)) {
    problem->file = g_strdup ("");
    return;
  }
  problem->file = g_match_info_fetch (match, 1);
  line = g_match_info_fetch (match, 2);
  problem->line = line ? (guint) g_ascii_strtoull (line, NULL, 10) : 0;
}

void
clm_config_add_problem (ClmConfig *self, ClmConfigKind kind, const char *name, gboolean is_error, gboolean kept, const GError *reason)
{
  ClmProblem *problem = g_new0 (ClmProblem, 1);

  problem->kind = kind;
  problem->name = g_strdup (name);
  problem->is_error = is_error;
  problem->kept = kept;
  problem->message = g_strdup (reason->message);
  problem->hint = g_strdup (clm_error_get_hint (reason));
  locate (problem);
  g_ptr_array_add (self->problems, problem);
}

void
clm_config_add_spec (ClmConfig *self, ClmSpec *spec, ClmUnit *unit)
{
  g_ptr_array_add (self->specs, clm_spec_ref (spec));
  g_hash_table_insert (self->spec_index, g_strdup (spec->name), spec);
  if (unit)
    g_hash_table_insert (self->spec_units, g_strdup (spec->name), clm_unit_ref (unit));
}

void
clm_config_add_template (ClmConfig *self, ClmUnit *unit, ClmAccess *access)
{
  const char *name = clm_unit_get_template_name (unit);

  g_ptr_array_add (self->templates, clm_unit_ref (unit));
  g_hash_table_insert (self->template_index, g_strdup (name), unit);
  g_hash_table_insert (self->template_access, g_strdup (name), clm_access_ref (access));
}

void
clm_config_add_instance (ClmConfig *self, ClmInstance *instance)
{
  g_ptr_array_add (self->instances[instance->kind], instance);
  g_hash_table_insert (self->instance_index[instance->kind], g_strdup (instance->name), instance);
}

static int
compare_specs (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const ClmSpec *const *) a)->name, (*(const ClmSpec *const *) b)->name);
}

static int
compare_units (gconstpointer a, gconstpointer b)
{
  return strcmp (clm_unit_get_name (*(ClmUnit *const *) a), clm_unit_get_name (*(ClmUnit *const *) b));
}

static int
compare_instances (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const ClmInstance *const *) a)->name, (*(const ClmInstance *const *) b)->name);
}

static int
compare_problems (gconstpointer a, gconstpointer b)
{
  const ClmProblem *first = *(const ClmProblem *const *) a, *second = *(const ClmProblem *const *) b;
  int order;

  if (first->is_error != second->is_error)
    return first->is_error ? -1 : 1;
  order = strcmp (first->file, second->file);
  if (order == 0)
    order = (first->line > second->line) - (first->line < second->line);
  return order ? order : strcmp (first->message, second->message);
}

void
clm_config_sort (ClmConfig *self)
{
  g_ptr_array_sort (self->specs, compare_specs);
  g_ptr_array_sort (self->templates, compare_units);
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++)
    g_ptr_array_sort (self->instances[kind], compare_instances);
  g_ptr_array_sort (self->problems, compare_problems);
}

const ClmSettings *
clm_config_get_settings (ClmConfig *self)
{
  return &self->settings;
}

ClmSpec *
clm_config_get_spec (ClmConfig *self, const char *name)
{
  return g_hash_table_lookup (self->spec_index, name);
}

GPtrArray *
clm_config_list_specs (ClmConfig *self)
{
  return self->specs;
}

ClmUnit *
clm_config_get_template (ClmConfig *self, const char *name)
{
  return g_hash_table_lookup (self->template_index, name);
}

ClmAccess *
clm_config_get_template_access (ClmConfig *self, const char *name)
{
  return g_hash_table_lookup (self->template_access, name);
}

GPtrArray *
clm_config_list_templates (ClmConfig *self)
{
  return self->templates;
}

const ClmInstance *
clm_config_get_instance (ClmConfig *self, ClmConfigKind kind, const char *name)
{
  g_return_val_if_fail (kind < CLM_N_CONFIG_KINDS, NULL);
  return g_hash_table_lookup (self->instance_index[kind], name);
}

GPtrArray *
clm_config_list_instances (ClmConfig *self, ClmConfigKind kind)
{
  g_return_val_if_fail (kind < CLM_N_CONFIG_KINDS, NULL);
  return self->instances[kind];
}

GPtrArray *
clm_config_list_problems (ClmConfig *self)
{
  return self->problems;
}

gboolean
clm_config_has_errors (ClmConfig *self)
{
  for (guint i = 0; i < self->problems->len; i++)
    if (((ClmProblem *) g_ptr_array_index (self->problems, i))->is_error)
      return TRUE;
  return FALSE;
}
