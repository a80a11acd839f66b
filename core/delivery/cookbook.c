/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cookbook.h"
#include "clm-error.h"
#include "config.h"
#include "unit-set.h"

#include <string.h>
#include <unistd.h>

#define FOLDER "deliveries.d"
#define SUFFIX ".delivery"
#define MAX_PRESETS 4

/* Keys that are inherited as a whole or not at all: one of them in a recipe replaces all of the preset's. */
static const char *const file_keys[] = {"Key", "Combined", "Chain", "Trust", "Certificate", "FullChain", NULL};
static const char *const action_keys[] = {"Systemd", "InitScript", "Signal", "PidFile", "Command", "User", NULL};
static const char *const check_keys[] = {"Tls", "ServerName", "Command", "User", NULL};
static const struct {
  const char        *name;
  const char *const *whole;
} groups[] = {{"Delivery", file_keys}, {"Action", action_keys}, {"Check", check_keys}};
static const char *const group_names[] = {"Delivery", "Action", "Check", NULL};

static ClmLayers *
make_layers (const char *config_root)
{
  const char *const installed[] = {&(CLM_DATADIR "/certloom")[1], &CLM_VENDORDIR[1], &CLM_CONFDIR[1], NULL};
  const char *const below_root[] = {"usr/share/certloom", "usr/lib/certloom", "etc/certloom", NULL};

  if (config_root)
    return clm_layers_new_for_folders (config_root, below_root, geteuid ());
  return clm_layers_new_for_folders ("/", installed, 0);
}

/* A recipe that was refused is not found; say which file was, and why. */
static void
add_refusals (GError **error, GPtrArray *refusals)
{
  if (error == NULL || refusals->len == 0)
    return;
  const GError *first = g_ptr_array_index (refusals, 0);
  g_autofree char *message = g_strdup_printf ("%s; refused: %s", (*error)->message, first->message);
  const char *hint = clm_error_get_hint (first);
  g_clear_error (error);
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_CONFIG, message);
  if (hint)
    clm_error_set_hint (*error, "%s", hint);
}

static ClmUnit *
load_unit (ClmUnitSet *set, const char *name, GPtrArray *refusals, GError **error)
{
  g_autoptr (ClmUnit) unit = NULL;

  if (!clm_unit_set_has (set, name)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no delivery \"%s\"", name);
    clm_error_set_hint (error ? *error : NULL, "write " CLM_CONFDIR "/" FOLDER "/%s" SUFFIX ", or name another one in Deliver=", name);
    add_refusals (error, refusals);
    return NULL;
  }
  unit = clm_unit_set_load (set, name, error);
  if (unit == NULL || !clm_unit_refuse_unknown_groups (unit, group_names, error))
    return NULL;
  return g_steal_pointer (&unit);
}

/* The recipe, the preset it names, the preset's preset … */
static GPtrArray *
load_line (ClmUnitSet *set, const char *name, GPtrArray *refusals, GError **error)
{
  g_autoptr (GPtrArray) line = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_unit_unref);
  const char *next = name;

  while (next) {
    ClmUnit *unit;
    if (line->len > MAX_PRESETS) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "delivery \"%s\": Preset= leads in a circle or too far", name);
      return NULL;
    }
    unit = load_unit (set, next, refusals, error);
    if (unit == NULL) {
      if (line->len > 0)
        g_prefix_error (error, "Preset=: ");
      return NULL;
    }
    g_ptr_array_add (line, unit);
    next = clm_unit_get_value (unit, "Delivery", "Preset", NULL, NULL);
  }
  return g_steal_pointer (&line);
}

static gboolean
has_one_of (ClmUnit *unit, const char *group, const char *const *keys)
{
  for (guint i = 0; keys[i]; i++)
    if (clm_unit_get_value (unit, group, keys[i], NULL, NULL))
      return TRUE;
  return FALSE;
}

static void
inherit (ClmOptions *into, ClmUnit *preset, const char *group, const char *const *whole, gboolean with_whole)
{
  g_autoptr (ClmOptions) offered = clm_unit_make_options (preset, group);
  g_autoptr (GPtrArray) keys = clm_options_list_keys (offered);

  for (guint i = 0; i < keys->len; i++) {
    const char *key = g_ptr_array_index (keys, i);
    const char *file = NULL, *value;
    guint number = 0;
    if (clm_options_has (into, key) || (!with_whole && g_strv_contains (whole, key)))
      continue;
    value = clm_unit_get_value (preset, group, key, &file, &number);
    if (value)
      clm_options_set (into, key, value, file, number);
  }
}

static ClmOptions *
merge_group (GPtrArray *line, guint group)
{
  const char *name = groups[group].name;
  ClmOptions *options = clm_unit_make_options (g_ptr_array_index (line, 0), name);
  gboolean with_whole = !has_one_of (g_ptr_array_index (line, 0), name, groups[group].whole);

  for (guint i = 1; i < line->len; i++) {
    ClmUnit *preset = g_ptr_array_index (line, i);
    inherit (options, preset, name, groups[group].whole, with_whole);
    with_whole = with_whole && !has_one_of (preset, name, groups[group].whole);
  }
  (void) clm_options_get_string (options, "Preset", NULL);
  return options;
}

ClmRecipe *
clm_cookbook_load (const char *config_root, const char *name, GError **error)
{
  g_autoptr (ClmLayers) layers = make_layers (config_root);
  g_autoptr (GPtrArray) refusals = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (ClmUnitSet) set = clm_unit_set_scan (layers, FOLDER, SUFFIX, FALSE, refusals);
  g_autoptr (GPtrArray) line = load_line (set, name, refusals, error);
  g_autoptr (ClmOptions) delivery = NULL, action = NULL, check = NULL;

  if (line == NULL)
    return NULL;
  delivery = merge_group (line, 0);
  action = merge_group (line, 1);
  check = merge_group (line, 2);
  return clm_recipe_new_from_options (name, delivery, action, check, error);
}

GStrv
clm_cookbook_list (const char *config_root)
{
  g_autoptr (ClmLayers) layers = make_layers (config_root);
  g_autoptr (GPtrArray) refusals = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (ClmUnitSet) set = clm_unit_set_scan (layers, FOLDER, SUFFIX, FALSE, refusals);
  g_autoptr (GPtrArray) names = clm_unit_set_list (set);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < names->len; i++)
    if (clm_deliver_name_is_valid (g_ptr_array_index (names, i)))
      g_strv_builder_add (builder, g_ptr_array_index (names, i));
  return g_strv_builder_end (builder);
}
