/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "backends.h"
#include "error.h"
#include "json.h"
#include "table.h"

#define KEY_TYPE "(sss)"

static GVariant *
list_keys (ClmCli *cli, const char *store, GError **error)
{
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_KEY_STORE, store);
  g_autoptr (GVariant) answer = clm_bus_call (cli, path, CLM_INTERFACE ("KeyStore"), "ListKeys", clm_bus_only_options (NULL),
                                              "(a" KEY_TYPE ")", error);
  return answer != NULL ? g_variant_get_child_value (answer, 0) : NULL;
}

static void
add_json (JsonBuilder *builder, const char *store, GVariant *keys)
{
  const char *id, *label, *type;
  for (gsize i = 0; i < g_variant_n_children (keys); i++) {
    g_variant_get_child (keys, i, "(&s&s&s)", &id, &label, &type);
    json_builder_begin_object (builder);
    clm_json_add_string (builder, "key_store", store);
    clm_json_add_string (builder, "id", id);
    clm_json_add_string (builder, "label", label);
    clm_json_add_string (builder, "type", type);
    json_builder_end_object (builder);
  }
}

static void
add_rows (ClmTable *table, const char *store, GVariant *keys)
{
  const char *id, *label, *type;
  for (gsize i = 0; i < g_variant_n_children (keys); i++) {
    g_variant_get_child (keys, i, "(&s&s&s)", &id, &label, &type);
    const char *cells[] = { store, type, id, label, NULL };
    clm_table_add_row (table, cells);
  }
}

static ClmTable *
make_table (void)
{
  ClmTable *table = clm_table_new ();
  clm_table_add_column (table, _("KEY STORE"), CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, _("TYPE"), CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, _("KEY"), CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, _("LABEL"), CLM_COLUMN_CUT, 1);
  return table;
}

/* A store that cannot be used does not hide the keys of the others. */
static guint
collect (ClmCli *cli, char **stores, ClmTable *table, JsonBuilder *builder, GError **error)
{
  guint failed = 0;
  for (gsize i = 0; stores[i] != NULL; i++) {
    g_autoptr (GError) local = NULL;
    g_autoptr (GVariant) keys = list_keys (cli, stores[i], &local);
    if (keys != NULL) {
      add_rows (table, stores[i], keys);
      add_json (builder, stores[i], keys);
      continue;
    }
    if (failed++ == 0)
      clm_cli_error_set (error, stores[1] != NULL ? CLM_EXIT_PARTLY : (ClmExit) local->code, clm_cli_error_get_name (local),
                         clm_cli_error_get_hint (local), "%s: %s", stores[i], local->message);
  }
  return failed;
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  g_auto (GStrv) all = NULL;
  if (arguments[0] != NULL) {
    g_autoptr (GVariant) store = clm_backends_get (cli, "KeyStore", arguments[0], error);
    if (store == NULL)
      return CLM_EXIT_FAILED;
  } else {
    all = clm_backends_list_names (cli, "KeyStore", error);
    if (all == NULL)
      return CLM_EXIT_FAILED;
  }
  g_autoptr (ClmTable) table = make_table ();
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  json_builder_set_member_name (builder, "keys");
  json_builder_begin_array (builder);
  guint failed = collect (cli, all != NULL ? all : arguments, table, builder, error);
  json_builder_end_array (builder);
  if (cli->json && failed > 0)
    return CLM_EXIT_FAILED;   /* one document: the error */
  g_autofree char *text = cli->json ? clm_json_end (builder, TRUE) : clm_table_to_string (table, &cli->terminal, !cli->no_legend);
  if (*text == '\0' && failed == 0)
    clm_cli_say (cli, _("No keys that you may see."));
  clm_cli_print (cli, text);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_key_list = {
  "key list", "[STORE]", N_("List the private keys in the key stores; none is read"), 0, 1, CLM_ARGUMENT_KEY_STORE, FALSE, NULL, run,
};
