/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "accounts.h"
#include "config-tree.h"
#include "configuration.h"
#include "spec-reader.h"

#define VENDOR "usr/lib/certloom/"
#define LOCAL "etc/certloom/"
#define WEB LOCAL "certificates.d/web.certificate"
#define GOOD "[Certificate]\nDNS=web.example\nAuthority=corp\nKeyStore=file\n"

static ClmSpecifiers machine = { (char *) "gw", (char *) "m1", NULL };

static ClmConfigSource
make_source (ClmLayers *layers)
{
  return (ClmConfigSource) { layers, &machine, &accounts, 0 };
}

static ClmConfig *
load (const char *root, ClmConfig *previous)
{
  g_autoptr (ClmLayers) layers = clm_layers_new (root, getuid ());
  ClmConfigSource source = make_source (layers);

  return clm_config_load (&source, previous);
}

static char *
make_tree (void)
{
  char *root = tree_new ();

  tree_write (root, VENDOR "keystores.d/file.keystore", "[KeyStore]\nPlugin=key-file\n");
  tree_write (root, VENDOR "authorities.d/corp.authority", "[Authority]\nPlugin=ca-local\nKeyStore=file\nName=Corp\n");
  tree_write (root, WEB, GOOD);
  return root;
}

static const ClmProblem *
get_problem (ClmConfig *config, guint i)
{
  GPtrArray *problems = clm_config_list_problems (config);

  g_assert_cmpuint (problems->len, >, i);
  return g_ptr_array_index (problems, i);
}

static void
test_whole (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) config = NULL;
  g_autoptr (ClmOptions) options = NULL;
  g_autoptr (GError) error = NULL;
  const ClmInstance *instance;

  tree_write (root, LOCAL "certloom.conf", "[Daemon]\nClock=rtc\nSerialNumber=SN9\n[Access]\nOperators=@plant\n");
  tree_write (root, LOCAL "certificates.d/id.certificate", "[Certificate]\nSubject=CN=%S\nAuthority=corp\n");
  tree_write (root, LOCAL "certificates.d/vpn@.certificate", "[Certificate]\nDNS=%i.example\nAuthority=corp\n[Access]\nOwner=web\n");
  tree_link (root, LOCAL "certificates.d/vpn@eth0.certificate", "vpn@.certificate");
  config = load (root, NULL);
  if (clm_config_list_problems (config)->len > 0)
    g_test_message ("%s", get_problem (config, 0)->message);
  g_assert_cmpuint (clm_config_list_problems (config)->len, ==, 0);
  g_assert_cmpint (clm_config_get_settings (config)->clock, ==, CLM_CLOCK_RTC);
  g_assert_cmpuint (clm_config_list_specs (config)->len, ==, 3);
  g_assert_cmpstr (clm_config_get_spec (config, "id")->subject, ==, "CN=SN9");
  g_assert_cmpstr (clm_config_get_spec (config, "vpn-eth0")->dns_names[0], ==, "eth0.example");
  g_assert_nonnull (clm_config_get_template (config, "vpn"));
  g_assert_nonnull (clm_config_get_template_access (config, "vpn"));
  instance = clm_config_get_instance (config, CLM_CONFIG_AUTHORITY, "corp");
  g_assert_cmpstr (instance->plugin, ==, "ca-local");
  g_assert_cmpstr (instance->key_store, ==, "file");
  options = clm_instance_make_options (instance);
  g_assert_cmpstr (clm_options_get_string (options, "Name", NULL), ==, "Corp");
  g_assert_true (clm_options_refuse_unread (options, &error));
}

static void
test_empty (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmConfig) config = load (root, NULL);

  g_assert_cmpuint (clm_config_list_problems (config)->len, ==, 0);
  g_assert_cmpuint (clm_config_list_specs (config)->len, ==, 0);
  g_assert_cmpuint (clm_config_get_settings (config)->max_per_caller, ==, 10);
}

/* A bad file disables that one thing. */
static void
test_one_bad_file (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) config = NULL;
  const ClmProblem *problem;

  tree_write (root, LOCAL "certificates.d/bad.certificate", "[Certificate]\nDNS=bad.example\nAuthority=corp\nUsage=server\n");
  config = load (root, NULL);
  g_assert_true (clm_config_has_errors (config));
  g_assert_cmpuint (clm_config_list_problems (config)->len, ==, 1);
  problem = get_problem (config, 0);
  g_assert_cmpstr (problem->name, ==, "bad");
  g_assert_true (g_str_has_suffix (problem->file, "/bad.certificate"));
  g_assert_cmpuint (problem->line, ==, 4);
  g_assert_nonnull (strstr (problem->hint, "Usages"));
  g_assert_false (problem->kept);
  g_assert_nonnull (clm_config_get_spec (config, "web"));
  g_assert_null (clm_config_get_spec (config, "bad"));
}

static void
assert_kept (const char *root, ClmConfig *before, const char *what)
{
  g_autoptr (ClmConfig) after = load (root, before);
  g_autoptr (GPtrArray) changes = clm_config_diff (before, after);

  g_test_message ("%s", what);
  g_assert_true (clm_config_has_errors (after));
  g_assert_cmpuint (changes->len, ==, 0);
  g_assert_nonnull (clm_config_get_spec (after, "web"));
  g_assert_nonnull (clm_config_get_instance (after, CLM_CONFIG_AUTHORITY, "corp"));
}

/* Whatever goes wrong with what was good: it goes on as it was, also after several bad reloads, and also where the folder
 * or the file could not even be found any more. */
static void
test_keeps_last_good (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) before = NULL;
  g_autoptr (ClmConfig) once = NULL;
  g_autoptr (ClmConfig) repaired = NULL;

  tree_write (root, LOCAL "certloom.conf", "[Daemon]\nMaxConcurrent=7\n");
  before = load (root, NULL);
  g_assert_false (clm_config_has_errors (before));

  tree_write (root, WEB, "[Certificate]\nDNS=\x01\n");
  assert_kept (root, before, "damaged certificate");
  once = load (root, before);
  assert_kept (root, once, "damaged certificate, twice");
  g_assert_true (get_problem (once, 0)->kept);

  tree_chmod (root, WEB, 0666);
  assert_kept (root, before, "file open to others");
  tree_write (root, WEB, GOOD);
  tree_chmod (root, LOCAL "certificates.d", 0777);
  assert_kept (root, before, "folder open to others");
  tree_chmod (root, LOCAL "certificates.d", 0755);
  tree_chmod (root, "usr", 0777);
  assert_kept (root, before, "layer open to others");
  tree_chmod (root, "usr", 0755);
  tree_write (root, LOCAL "authorities.d/corp.authority", "[Authority]\nPlugin=\n");
  assert_kept (root, before, "authority without plugin");
  tree_delete (root, LOCAL "authorities.d/corp.authority");
  tree_write (root, LOCAL "certloom.conf", "[Daemon]\nMaxConcurent=9\n");
  assert_kept (root, before, "certloom.conf with a typing error");
  tree_write (root, LOCAL "certloom.conf", "[Daemon]\nMaxConcurrent=7\n");

  repaired = load (root, once);
  if (clm_config_list_problems (repaired)->len > 0)
    g_test_message ("%s", get_problem (repaired, 0)->message);
  g_assert_false (clm_config_has_errors (repaired));
  g_assert_cmpuint (clm_config_get_settings (repaired)->max_concurrent, ==, 7);
}

static void
test_removed_is_removed (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) before = load (root, NULL);
  g_autoptr (ClmConfig) after = NULL;
  g_autoptr (GPtrArray) changes = NULL;
  const ClmConfigChange *change;

  tree_delete (root, WEB);
  after = load (root, before);
  changes = clm_config_diff (before, after);
  g_assert_cmpuint (changes->len, ==, 1);
  change = g_ptr_array_index (changes, 0);
  g_assert_cmpint (change->change, ==, CLM_CHANGE_REMOVED);
  g_assert_cmpstr (change->name, ==, "web");
}

static void
test_diff (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) before = load (root, NULL);
  g_autoptr (ClmConfig) after = NULL;
  g_autoptr (GPtrArray) first = clm_config_diff (NULL, before);
  g_autoptr (GPtrArray) changes = NULL;
  const ClmConfigChange *change;

  g_assert_cmpuint (first->len, ==, 3);
  tree_write (root, LOCAL "certificates.d/web.certificate.d/10.conf", "[Renewal]\nAt=50%\n");
  tree_write (root, LOCAL "certificates.d/new.certificate", GOOD "Usages=server\n");
  tree_write (root, LOCAL "keystores.d/file.keystore", "# another place, same meaning\n[KeyStore]\nPlugin=key-file\n");
  tree_write (root, LOCAL "authorities.d/corp.authority", "[Authority]\nPlugin=ca-local\nName=Other\n");
  after = load (root, before);
  changes = clm_config_diff (before, after);
  g_assert_cmpuint (changes->len, ==, 3);
  change = g_ptr_array_index (changes, 0);
  g_assert_cmpstr (change->name, ==, "new");
  g_assert_cmpint (change->change, ==, CLM_CHANGE_ADDED);
  change = g_ptr_array_index (changes, 1);
  g_assert_cmpstr (change->name, ==, "web");
  g_assert_cmpint (change->change, ==, CLM_CHANGE_CHANGED);
  g_assert_false (change->reissue);
  change = g_ptr_array_index (changes, 2);
  g_assert_cmpint (change->kind, ==, CLM_CONFIG_AUTHORITY);
}

static void
test_references (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) config = NULL;
  const ClmProblem *problem;

  tree_write (root, WEB, "[Certificate]\nDNS=web.example\nAuthority=corpp\nKeyStore=file\n[Delivery]\nDeliver=nginx\n");
  config = load (root, NULL);
  g_assert_false (clm_config_has_errors (config));
  g_assert_cmpuint (clm_config_list_problems (config)->len, ==, 2);
  problem = get_problem (config, 0);
  g_assert_cmpuint (problem->line, ==, 3);
  g_assert_cmpstr (problem->hint, ==, "did you mean corp?");
  g_assert_cmpuint (get_problem (config, 1)->line, ==, 6);
  g_assert_nonnull (clm_config_get_spec (config, "web"));
}

static void
test_same_name_twice (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) config = NULL;

  tree_write (root, LOCAL "certificates.d/vpn@.certificate", "[Certificate]\nDNS=%i.example\nAuthority=corp\n");
  tree_link (root, LOCAL "certificates.d/vpn@eth0.certificate", "vpn@.certificate");
  tree_write (root, LOCAL "certificates.d/vpn-eth0.certificate", GOOD);
  config = load (root, NULL);
  g_assert_cmpuint (clm_config_list_problems (config)->len, ==, 1);
  g_assert_cmpstr (clm_config_get_spec (config, "vpn-eth0")->dns_names[0], ==, "web.example");
}

static void
test_unchanged (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmLayers) layers = clm_layers_new (root, getuid ());
  ClmConfigSource source = make_source (layers);
  ClmSpecifiers renamed = { (char *) "other", (char *) "m1", NULL };
  g_autoptr (ClmConfig) config = NULL;

  /* Right after writing it may say "changed"; it must come to rest by itself. */
  do {
    g_clear_pointer (&config, clm_config_unref);
    config = clm_config_load (&source, NULL);
  } while (!clm_config_is_current (config, &source));
  source.specifiers = &renamed;
  g_assert_false (clm_config_is_current (config, &source));
  source.specifiers = &machine;
  g_assert_true (clm_config_is_current (config, &source));
  tree_write (root, LOCAL "certificates.d/web.certificate.d/10.conf", "[Renewal]\nAt=50%\n");
  g_assert_false (clm_config_is_current (config, &source));
  tree_delete (root, LOCAL "certificates.d/web.certificate.d/10.conf");
  g_assert_true (clm_config_is_current (config, &source));
  tree_chmod (root, WEB, 0666);
  g_assert_false (clm_config_is_current (config, &source));
}

static gboolean
find_moving (const char *name, guint32 *id, gpointer user_data)
{
  *id = *(guint32 *) user_data;
  return *id != 0;
}

/* An account made after the file was read counts at the next reload, although no file changed. */
static void
test_account_appears (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmLayers) layers = clm_layers_new (root, getuid ());
  guint32 id = 77;
  ClmAccountResolver resolver = { find_moving, find_moving, &id };
  ClmConfigSource source = { layers, &machine, &resolver, 0 };
  g_autoptr (ClmConfig) config = NULL;

  tree_write (root, WEB, GOOD "[Access]\nOwner=somebody\n");
  do {
    g_clear_pointer (&config, clm_config_unref);
    config = clm_config_load (&source, NULL);
  } while (!clm_config_is_current (config, &source));
  id = 78;
  g_assert_false (clm_config_is_current (config, &source));
}

static void
test_texts (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) config = NULL;
  g_autofree char *effective = NULL;
  g_autofree char *filtered = NULL;
  g_autofree char *problems = NULL;
  g_autofree char *overrides = NULL;

  tree_write (root, VENDOR "certificates.d/web.certificate", GOOD);
  tree_write (root, LOCAL "certificates.d/web.certificate.d/10.conf", "[Renewal]\nAt=50%\n");
  tree_write (root, LOCAL "certificates.d/bad.certificate", "[Certificat]\n");
  config = load (root, NULL);
  effective = clm_config_format_effective (config, NULL);
  g_assert_nonnull (strstr (effective, "web.certificate:2\nDNS=web.example\n"));
  g_assert_nonnull (strstr (effective, "10.conf:2\nAt=50%\n"));
  g_assert_nonnull (strstr (effective, "### authority corp"));
  filtered = clm_config_format_effective (config, "w*");
  g_assert_null (strstr (filtered, "corp\n["));
  problems = clm_config_format_problems (config);
  g_assert_nonnull (strstr (problems, "bad.certificate:1: unknown group [Certificat]"));
  g_assert_nonnull (strstr (problems, "what to do: did you mean [Certificate]?"));
  overrides = clm_config_format_overrides (config);
  g_assert_nonnull (strstr (overrides, "overridden "));
  g_assert_nonnull (strstr (overrides, "extended "));
}

static void
test_bad_settings (void)
{
  const char *const texts[] = {
    "[Daemon]\nClok=rtc\n", "[Daemon]\nClock=gps\n", "[Daemon]\nMaxConcurrent=0\n", "[Daemon]\nKeepGenerations=1\n",
    "[Access]\nOwner=web\n", "[Access]\nReaders=nobody-here\n", "[Deamon]\n", "[Daemon]\nMaxConcurrent=99999999999999999999\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (Tree) root = make_tree ();
    g_autoptr (ClmConfig) config = NULL;

    tree_write (root, LOCAL "certloom.conf", texts[i]);
    config = load (root, NULL);
    g_assert_true (clm_config_has_errors (config));
    g_assert_cmpint (get_problem (config, 0)->kind, ==, CLM_CONFIG_DAEMON);
    g_assert_cmpuint (get_problem (config, 0)->line, >, 0);
    g_assert_cmpuint (clm_config_get_settings (config)->max_concurrent, ==, 64);
    g_assert_nonnull (clm_config_get_spec (config, "web"));
  }
}

static void
copy_example (const char *root, const char *path)
{
  g_autofree char *source = g_test_build_filename (G_TEST_DIST, "..", "examples/config", path, NULL);
  g_autofree char *target = g_build_filename (LOCAL, path, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (source, &text, NULL, &error);
  g_assert_no_error (error);
  tree_write (root, target, text);
}

static gboolean
find_anybody (const char *name, guint32 *id, gpointer user_data)
{
  *id = 1;
  return TRUE;
}

static void
test_examples (void)
{
  const char *const paths[] = { "certloom.conf", "authorities.d/plant.authority", "keystores.d/file.keystore",
                                "certificates.d/web-ui.certificate", "certificates.d/sensor@.certificate" };
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmLayers) layers = clm_layers_new (root, getuid ());
  ClmAccountResolver resolver = { find_anybody, find_anybody, NULL };
  ClmConfigSource source = { layers, &machine, &resolver, 0 };
  g_autoptr (ClmConfig) config = NULL;
  g_autofree char *problems = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    copy_example (root, paths[i]);
  config = clm_config_load (&source, NULL);
  problems = clm_config_format_problems (config);
  g_assert_cmpstr (problems, ==, "");
  g_assert_nonnull (clm_config_get_spec (config, "web-ui"));
  g_assert_nonnull (clm_config_get_template (config, "sensor"));
}

static void
test_manual (void)
{
  const char *const *keys = clm_spec_list_keys ();
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "bus/man/certloom.certificate.5.rst", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; keys[i]; i++) {
    g_autofree char *wanted = g_strdup_printf ("``%s=``", keys[i]);

    g_test_message ("%s", wanted);
    g_assert_nonnull (strstr (text, wanted));
  }
}

static void
test_many (void)
{
  g_autoptr (Tree) root = make_tree ();
  g_autoptr (ClmConfig) config = NULL;

  for (guint i = 0; i < 10000; i++) {
    g_autofree char *path = g_strdup_printf ("%s/" LOCAL "certificates.d/c%05u.certificate", root, i);
    FILE *file = fopen (path, "w");

    g_assert_nonnull (file);
    fputs (GOOD, file);
    fclose (file);
    g_assert_cmpint (chmod (path, 0644), ==, 0);
  }
  config = load (root, NULL);
  g_assert_cmpuint (clm_config_list_specs (config)->len, ==, 10001);
  g_assert_cmpuint (clm_config_list_problems (config)->len, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/configuration/whole", test_whole);
  g_test_add_func ("/configuration/empty", test_empty);
  g_test_add_func ("/configuration/safety-53-bad-file-disables-one-thing", test_one_bad_file);
  g_test_add_func ("/configuration/safety-53-reload-keeps-last-good", test_keeps_last_good);
  g_test_add_func ("/configuration/removed-is-removed", test_removed_is_removed);
  g_test_add_func ("/configuration/diff", test_diff);
  g_test_add_func ("/configuration/missing-reference-is-a-warning", test_references);
  g_test_add_func ("/configuration/same-name-twice", test_same_name_twice);
  g_test_add_func ("/configuration/unchanged-is-seen", test_unchanged);
  g_test_add_func ("/configuration/account-appears", test_account_appears);
  g_test_add_func ("/configuration/texts", test_texts);
  g_test_add_func ("/configuration/bad-settings", test_bad_settings);
  g_test_add_func ("/configuration/examples-are-right", test_examples);
  g_test_add_func ("/configuration/every-key-is-in-the-manual", test_manual);
  g_test_add_func ("/configuration/safety-53-ten-thousand-files", test_many);
  return g_test_run ();
}
