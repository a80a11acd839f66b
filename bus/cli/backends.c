/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "backends.h"

#include <glib/gi18n.h>

#include "date.h"
#include "error.h"
#include "json.h"
#include "lines.h"
#include "suggest.h"
#include "table.h"

static const char *
get_state_label (const char *word)
{
  static const struct { const char *word, *label; } states[] = {
    { "started", N_("started") }, { "starting", N_("starting") }, { "failed", N_("failed") },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++) {
    if (g_str_equal (states[i].word, word))
      return _(states[i].label);
  }
  return word;
}

static char *
dup_cell (GVariant *properties, const char *name)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (properties, name, NULL);
  if (value == NULL)
    return g_strdup ("");
  if (g_str_equal (name, "State") && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_strdup (get_state_label (g_variant_get_string (value, NULL)));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_strdup (g_variant_get_boolean (value) ? _("yes") : _("no"));
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL) : g_variant_print (value, FALSE);
}

typedef struct {
  ClmTable          *table;
  const char *const *properties;
  JsonBuilder       *builder;
} Listing;

static void
add_properties (JsonBuilder *builder, GVariant *properties)
{
  GVariantIter iter;
  const char *name;
  GVariant *child;
  json_builder_begin_object (builder);
  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &child)) {
    g_autoptr (GVariant) value = child;
    g_autofree char *snake = clm_json_dup_snake (name);
    if (clm_date_is_time (name, value)) {
      clm_json_add_time (builder, snake, g_variant_get_int64 (value));
      continue;
    }
    json_builder_set_member_name (builder, snake);
    if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
      add_properties (builder, value);
    else
      clm_json_add_value (builder, value);
  }
  json_builder_end_object (builder);
}

static gboolean
add_json (gpointer name, gpointer properties, gpointer user_data)
{
  add_properties (((Listing *) user_data)->builder, properties);
  return FALSE;
}

static gboolean
add_row (gpointer name, gpointer properties, gpointer user_data)
{
  Listing *self = user_data;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  for (gsize i = 0; self->properties[i] != NULL; i++) {
    g_autofree char *cell = dup_cell (properties, self->properties[i]);
    g_strv_builder_add (builder, cell);
  }
  g_auto (GStrv) cells = g_strv_builder_end (builder);
  clm_table_add_row (self->table, (const char *const *) cells);
  return FALSE;
}

static void
print_json (GTree *objects, const char *member)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  Listing self = { .builder = builder };
  json_builder_set_member_name (builder, member);
  json_builder_begin_array (builder);
  g_tree_foreach (objects, add_json, &self);
  json_builder_end_array (builder);
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

gboolean
clm_backends_print (ClmCli *cli, const char *kind, const char *const *properties, const char *const *titles, const char *member,
                    GError **error)
{
  g_autoptr (GTree) objects = clm_bus_list_objects (cli, kind, error);
  if (objects == NULL)
    return FALSE;
  if (cli->json) {
    print_json (objects, member);
    return TRUE;
  }
  g_autoptr (ClmTable) table = clm_table_new ();
  Listing self = { .table = table, .properties = properties };
  for (gsize i = 0; titles[i] != NULL; i++)
    clm_table_add_column (table, titles[i], titles[i + 1] == NULL ? CLM_COLUMN_CUT : CLM_COLUMN_LEFT, 0);
  g_tree_foreach (objects, add_row, &self);
  g_autofree char *text = clm_table_to_string (table, &cli->terminal, !cli->no_legend);
  if (*text == '\0')
    clm_cli_say (cli, _("Nothing that you may see; who administers certloom sees all."));
  clm_cli_print (cli, text);
  return TRUE;
}

static gboolean
add_name (gpointer name, gpointer properties, gpointer user_data)
{
  g_strv_builder_add (user_data, name);
  return FALSE;
}

GStrv
clm_backends_list_names (ClmCli *cli, const char *kind, GError **error)
{
  g_autoptr (GTree) objects = clm_bus_list_objects (cli, kind, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  if (objects == NULL)
    return NULL;
  g_tree_foreach (objects, add_name, builder);
  return g_strv_builder_end (builder);
}

GVariant *
clm_backends_get (ClmCli *cli, const char *kind, const char *name, GError **error)
{
  g_autoptr (GTree) objects = clm_bus_list_objects (cli, kind, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  if (objects == NULL)
    return NULL;
  GVariant *properties = g_tree_lookup (objects, name);
  if (properties != NULL)
    return g_variant_ref (properties);
  g_tree_foreach (objects, add_name, builder);
  g_auto (GStrv) names = g_strv_builder_end (builder);
  g_autofree char *hint = clm_suggest_format (name, (const char *const *) names);
  if (hint == NULL)
    hint = names[0] != NULL ? g_strjoinv (", ", names) : g_strdup (_("who administers certloom sees all"));
  clm_cli_error_set (error, CLM_EXIT_NOT_FOUND, CLM_ERROR_NAME ("NotFound"), hint, _("nothing named “%s” that you may see"), name);
  return NULL;
}

void
clm_backends_show (ClmCli *cli, GVariant *properties, const char *member)
{
  static const struct { const char *property, *label; } known[] = {
    { "Plugin", N_("Plugin") }, { "Version", N_("Version") }, { "Summary", N_("Summary") },
    { "Loaded", N_("Loaded") }, { "Error", N_("Error") },
  };
  const char *name, *state;
  if (cli->json) {
    g_autoptr (JsonBuilder) builder = clm_json_new ();
    json_builder_set_member_name (builder, member);
    add_properties (builder, properties);
    g_autofree char *text = clm_json_end (builder, TRUE);
    fputs (text, stdout);
    return;
  }
  g_autoptr (ClmLines) lines = clm_lines_new ();
  g_autoptr (GVariant) details = g_variant_lookup_value (properties, "Details", G_VARIANT_TYPE_VARDICT);
  if (g_variant_lookup (properties, "Name", "&s", &name))
    clm_lines_add (lines, _("Name"), name);
  if (g_variant_lookup (properties, "State", "&s", &state))
    clm_lines_add (lines, _("State"), get_state_label (state));
  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    clm_lines_add_property (lines, _(known[i].label), properties, known[i].property);
  clm_lines_add_details (lines, details);
  clm_lines_print (lines, cli);
}
