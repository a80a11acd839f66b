/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module as the daemon has it: beside another copy of the database library, whose type names must not clash with its own. */
#include <glib-object.h>

static GType module_type;
#define BENCH_TYPE module_type

#include "ca-bench.h"

#include <gmodule.h>

#include "writer.h"

static void
test_module (void)
{
  GModule *module = g_module_open (MODULE, G_MODULE_BIND_LOCAL);
  const ClmPluginInfo *info;
  gpointer symbol;
  g_autoptr (Bench) bench = NULL;
  g_autoptr (GBytes) certificate = NULL;

  g_assert_nonnull (module);
  g_assert_true (g_module_symbol (module, "clm_plugin_info", &symbol));
  g_module_make_resident (module);
  info = symbol;
  g_assert_cmpuint (info->abi, ==, CLM_PLUGIN_ABI);
  g_assert_cmpstr (info->name, ==, "ca-local");
  g_type_ensure (CLM_TYPE_SQL_WRITER);
  module_type = info->types[0] ();
  g_assert_true (g_type_is_a (module_type, CLM_TYPE_AUTHORITY));
  g_assert_null (info->types[1]);

  bench = bench_new (CA_NOW);
  bench_start (bench, "");
  certificate = bench_issue (bench, "web");
  bench_revoke (bench, certificate, CLM_REVOCATION_SUPERSEDED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ca-local/module-beside-another-database-library", test_module);
  return bench_main ();
}
