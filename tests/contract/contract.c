/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certloom-contract: examines one plugin, whoever wrote it, against the contract in core/api.
 *
 *   certloom-contract [--quick] MODULE.so [Key=value …]
 *
 * The pairs are what an instance's file would say. Prints the Test Anything Protocol; exit status 0 when everything holds, 1 when
 * something does not, 2 when it was called wrongly. Nothing of an installed certloom is touched: state, keys and clock are its own.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "key-provider.h"
#include "openssl-error.h"
#include "plugin-loader.h"
#include "subject.h"

#define NOW G_GINT64_CONSTANT (1790000000)

/* Exported symbols: only the one; names of the linker and the sanitizers begin with an underscore. */
static void
examine_symbols (const char *path)
{
  const char *const argv[] = {"nm", "-D", "--defined-only", "--format=posix", path, NULL};
  G_GNUC_UNUSED g_autofree char *output = NULL, *others = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) names = g_string_new (NULL);

  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, NULL, &error)) {
    report_skip (error->message, "module: exports clm_plugin_info and nothing else");
    return;
  }
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    lines[i][strcspn (lines[i], " ")] = '\0';
    if (*lines[i] != '\0' && *lines[i] != '_' && !g_str_equal (lines[i], "clm_plugin_info"))
      g_string_append_printf (names, " %s", lines[i]);
  }
  g_autofree char *why = g_strdup_printf ("it exports%s; build it with -fvisibility=hidden", names->str);
  report_check (names->len == 0, why, "module: exports clm_plugin_info and nothing else");
}

static ClmKey *
look_up_key (const char *uri, gpointer keys, GError **error)
{
  g_autofree char *store = NULL, *id = NULL;

  if (!clm_key_uri_parse (uri, &store, &id, error))
    return NULL;
  g_autoptr (GBytes) spki = clm_key_store_get_public_key (keys, id, NULL, error);
  return spki != NULL ? clm_key_new (keys, id, spki) : NULL;
}

static void
examine_class (Subject *subject, ClmPlugin *plugin, GType kind, const char *name, void (*examine) (const Subject *))
{
  subject->type = clm_plugin_get_type_for (plugin, kind);
  if (subject->type == G_TYPE_INVALID)
    return;
  subject->name = name;
  subject->host = clm_fake_host_new (NOW);
  clm_fake_host_set_key_store (subject->host, subject->keys);
  examine_backend (subject);
  examine (subject);
  g_clear_object (&subject->host);
}

static void
examine_plugin (ClmPlugin *plugin, const char *const *options, gboolean quick)
{
  g_autoptr (ClmKeyStore) keys = clm_memory_keys_new ("contract");
  g_autoptr (GError) error = NULL;
  Subject subject = {.options = options, .quick = quick, .keys = keys};

  examine_class (&subject, plugin, CLM_TYPE_KEY_STORE, "key store", examine_keys);
  /* Only an authority signs with keys that come from its host. */
  if (clm_plugin_get_type_for (plugin, CLM_TYPE_AUTHORITY) != G_TYPE_INVALID && !clm_key_provider_init (look_up_key, keys, &error))
    g_printerr ("%s\n", error->message);
  examine_class (&subject, plugin, CLM_TYPE_AUTHORITY, "authority", examine_authority);
  examine_class (&subject, plugin, CLM_TYPE_NOTIFIER, "notifier", examine_notifier);
}

static int
run (const char *module, const char *const *options, gboolean quick)
{
  g_autofree char *path = g_canonicalize_filename (module, NULL), *directory = g_path_get_dirname (path), *file = g_path_get_basename (path);
  g_autoptr (ClmPluginLoader) loader = clm_plugin_loader_new (directory, geteuid ());
  GError *error = NULL;

  report_start ();
  *strrchr (file, '.') = '\0';
  ClmPlugin *plugin = clm_plugin_loader_load (loader, file, &error);
  if (report_no_error (plugin != NULL, &error, "module: passes every check of the loader")) {
    examine_symbols (path);
    examine_plugin (plugin, options, quick);
  }
  return report_end ();
}

int
main (int argc, char *argv[])
{
  gboolean quick = argc > 1 && g_str_equal (argv[1], "--quick");
  int first = quick ? 2 : 1;

  for (int i = first + 1; i < argc; i++) {
    if (strchr (argv[i], '=') == NULL || *argv[i] == '=') {
      g_printerr ("\"%s\" is no Key=value\n", argv[i]);
      return 2;
    }
  }
  if (argc <= first || !g_str_has_suffix (argv[first], ".so")) {
    g_printerr ("usage: %s [--quick] MODULE.so [Key=value …]\n", argv[0]);
    return 2;
  }
  clm_x509_init ();
  return run (argv[first], (const char *const *) argv + first + 1, quick);
}
