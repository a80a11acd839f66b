/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec-reader.h"

#include "name-patterns.h"

void
clm_spec_rules_clear (ClmSpecRules *self)
{
  g_clear_pointer (&self->allowed_names, g_strfreev);
  g_clear_pointer (&self->allowed_overrides, g_strfreev);
}

static gboolean
read_allowed_names (ClmOptions *options, ClmSpecRules *rules, GError **error)
{
  rules->allowed_names = clm_options_get_list (options, "AllowedNames", NULL, error);
  if (!rules->allowed_names)
    return FALSE;
  for (guint i = 0; rules->allowed_names[i]; i++) {
    g_autoptr (GError) reason = NULL;

    if (!clm_name_pattern_check (rules->allowed_names[i], &reason))
      return clm_spec_refuse_value (options, "AllowedNames", g_steal_pointer (&reason), error);
  }
  return TRUE;
}

static gboolean
read_allowed_overrides (ClmOptions *options, ClmSpecRules *rules, GError **error)
{
  rules->allowed_overrides = clm_options_get_list (options, "AllowedOverrides", "Subject DNS IP URI Email", error);
  if (!rules->allowed_overrides)
    return FALSE;
  if (g_str_equal (*rules->allowed_overrides, "none"))
    g_clear_pointer (&rules->allowed_overrides[0], g_free);
  for (guint i = 0; rules->allowed_overrides[i]; i++) {
    const char *key = rules->allowed_overrides[i];
    g_autoptr (GError) local = NULL;
    const char *nearest;

    if (clm_spec_may_override (key))
      continue;
    if (clm_spec_find_group (key)) {
      clm_options_set_error (options, "AllowedOverrides", error, "%s= is never overridden", key);
      return FALSE;
    }
    clm_options_set_error (options, "AllowedOverrides", &local, "there is no key \"%s\"", key);
    nearest = clm_word_nearest (key, clm_spec_list_keys ());
    if (nearest)
      clm_error_set_hint (local, "did you mean %s?", nearest);
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  return TRUE;
}

ClmAccess *
clm_spec_read_access (ClmUnit *unit, const ClmSpecContext *context, ClmSpecRules *rules, GError **error)
{
  g_autoptr (ClmOptions) options = clm_unit_make_options (unit, "Access");
  g_autoptr (ClmAccess) access = clm_access_new_from_options (options, context->resolver, context->access, error);

  if (!access || !read_allowed_names (options, rules, error) || !read_allowed_overrides (options, rules, error) ||
      !clm_options_refuse_unread (options, error))
    return NULL;
  return g_steal_pointer (&access);
}
