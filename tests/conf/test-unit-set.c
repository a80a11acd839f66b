/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-tree.h"
#include "unit-set.h"

#define FOLDER "certificates.d"
#define VENDOR "usr/lib/certloom/certificates.d/"
#define RUNTIME "run/certloom/certificates.d/"
#define LOCAL "etc/certloom/certificates.d/"

static ClmUnitSet *
scan_with (const char *root, GPtrArray *errors)
{
  g_autoptr (ClmLayers) layers = clm_layers_new (root, getuid ());

  return clm_unit_set_scan (layers, FOLDER, ".certificate", TRUE, errors);
}

static ClmUnitSet *
scan (const char *root)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  ClmUnitSet *set = scan_with (root, errors);

  g_assert_cmpuint (errors->len, ==, 0);
  return set;
}

static ClmUnit *
load (const char *root, const char *name)
{
  g_autoptr (ClmUnitSet) set = scan (root);
  g_autoptr (GError) error = NULL;
  ClmUnit *unit = clm_unit_set_load (set, name, &error);

  g_assert_no_error (error);
  return unit;
}

static void
assert_value (ClmUnit *unit, const char *key, const char *expected)
{
  g_assert_cmpstr (clm_unit_get_value (unit, "Certificate", key, NULL, NULL), ==, expected);
}

static void
test_strongest_file (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmUnit) unit = NULL;
  const char *file;
  guint line;

  tree_write (root, VENDOR "web.certificate", "[Certificate]\nDNS=vendor\nIP=1.1.1.1\n");
  tree_write (root, LOCAL "web.certificate", "[Certificate]\n\nDNS=local\n");
  unit = load (root, "web");
  assert_value (unit, "IP", NULL);
  g_assert_cmpstr (clm_unit_get_value (unit, "Certificate", "DNS", &file, &line), ==, "local");
  g_assert_true (g_str_has_suffix (file, "/" LOCAL "web.certificate"));
  g_assert_cmpuint (line, ==, 3);
}

/* By file name over all layers; a stronger layer's file replaces the weaker one's of the same name. */
static void
test_dropins (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmUnit) unit = NULL;

  tree_write (root, VENDOR "web.certificate", "[Certificate]\nA=0\nB=0\nC=0\nD=0\nE=0\n");
  tree_write (root, LOCAL "web.certificate.d/10-first.conf", "[Certificate]\nA=10\nB=10\n");
  tree_write (root, VENDOR "web.certificate.d/20-second.conf", "[Certificate]\nB=20\nC=20\n");
  tree_write (root, VENDOR "web.certificate.d/30-third.conf", "[Certificate]\nC=vendor\n");
  tree_write (root, RUNTIME "web.certificate.d/30-third.conf", "[Certificate]\nD=\n");
  tree_write (root, VENDOR "web.certificate.d/40-masked.conf", "[Certificate]\nE=40\n");
  tree_link (root, LOCAL "web.certificate.d/40-masked.conf", "/dev/null");
  unit = load (root, "web");
  assert_value (unit, "A", "10");
  assert_value (unit, "B", "20");
  assert_value (unit, "C", "20");
  assert_value (unit, "D", NULL);
  assert_value (unit, "E", "0");
}

static void
test_masks (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmUnitSet) set = NULL;
  g_autoptr (GPtrArray) names = NULL;
  g_autofree char *overrides = NULL;

  tree_write (root, VENDOR "a.certificate", "[Certificate]\n");
  tree_write (root, VENDOR "b.certificate", "[Certificate]\n");
  tree_write (root, VENDOR "c.certificate", "[Certificate]\n");
  tree_link (root, LOCAL "a.certificate", "/dev/null");
  tree_write (root, RUNTIME "b.certificate", "");
  set = scan (root);
  names = clm_unit_set_list (set);
  g_assert_cmpuint (names->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (names, 0), ==, "c");
  g_assert_false (clm_unit_set_has (set, "a"));
  overrides = clm_unit_set_format_overrides (set);
  g_assert_nonnull (strstr (overrides, "masked"));
}

static void
test_templates (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmSpecifiers) specifiers = clm_specifiers_new ("gw", "m", NULL);
  g_autoptr (ClmUnit) raw = NULL;
  g_autoptr (ClmUnit) unit = NULL;
  g_autoptr (ClmUnit) from_memory = NULL;
  g_autoptr (ClmUnit) template_unit = NULL;
  g_autoptr (GError) error = NULL;

  tree_write (root, VENDOR "vpn@.certificate", "[Certificate]\nDNS=%i.%H.example\nA=template\nB=template\n");
  tree_write (root, LOCAL "vpn@.certificate.d/10-all.conf", "[Certificate]\nA=all\nB=all\n");
  tree_write (root, LOCAL "vpn@eth0.certificate.d/10-all.conf", "[Certificate]\nB=mine\n");
  tree_link (root, LOCAL "vpn@eth0.certificate", "vpn@.certificate");
  raw = load (root, "vpn@eth0");
  g_assert_cmpstr (clm_unit_get_template_name (raw), ==, "vpn");
  g_assert_cmpstr (clm_unit_get_instance (raw), ==, "eth0");
  unit = clm_unit_expand (raw, specifiers, &error);
  g_assert_no_error (error);
  assert_value (unit, "DNS", "eth0.gw.example");
  /* The instance's drop-in replaces the template's of the same name. */
  assert_value (unit, "A", "template");
  assert_value (unit, "B", "mine");

  template_unit = load (root, "vpn@");
  g_assert_true (clm_unit_is_template (template_unit));
  from_memory = clm_unit_instantiate (template_unit, "x1");
  g_assert_cmpstr (clm_unit_get_name (from_memory), ==, "vpn@x1");
  assert_value (from_memory, "A", "all");
}

typedef struct {
  const char *name;
  const char *path;
  const char *target;   /* (nullable): a link */
  const char *message;
} BadName;

static const BadName bad_names[] = {
  { "upper-case", LOCAL "Web.certificate", NULL, "\"Web\" cannot be a name" },
  { "dash-first", LOCAL "-web.certificate", NULL, "\"-web\" cannot be a name" },
  { "blank", LOCAL "a b.certificate", NULL, "\"a b\" cannot be a name" },
  { "not-ascii", LOCAL "wäb.certificate", NULL, "cannot be a name" },
  { "bad-instance", LOCAL "vpn@a b.certificate", NULL, "cannot be a name" },
  { "wrong-suffix", LOCAL "web.certificat", NULL, "is no certificate file" },
  { "dropin-suffix", LOCAL "ok.certificate.d/10.txt", NULL, "is no drop-in" },
  { "orphan", LOCAL "lost.certificate.d/10.conf", NULL, "there is no lost.certificate" },
  { "folder", LOCAL "things/x", NULL, "belongs to nothing" },
};

static void
test_bad_name (gconstpointer data)
{
  const BadName *row = data;
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (ClmUnitSet) set = NULL;

  tree_write (root, LOCAL "ok.certificate", "[Certificate]\n");
  tree_write (root, LOCAL "README", "read me\n");
  tree_write (root, row->path, "[Certificate]\n");
  set = scan_with (root, errors);
  g_assert_cmpuint (errors->len, ==, 1);
  g_assert_nonnull (strstr (((GError *) g_ptr_array_index (errors, 0))->message, row->message));
  g_assert_true (clm_unit_set_has (set, "ok"));
}

static void
test_bad_links (void)
{
  const struct {
    const char *name, *target, *message;
  } rows[] = {
    { "web", "/etc/passwd", "is a symbolic link to /etc/passwd" },
    { "web", "ok.certificate", "is a symbolic link to ok.certificate" },
    { "vpn@a", "other@.certificate", "is a symbolic link to" },
    { "vpn@a", "vpn@.certificate", "there is no template vpn@.certificate" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (Tree) root = tree_new ();
    g_autofree char *path = g_strconcat (LOCAL, rows[i].name, ".certificate", NULL);
    g_autoptr (ClmUnitSet) set = NULL;
    g_autoptr (GError) error = NULL;

    tree_write (root, VENDOR "web.certificate", "[Certificate]\n");
    tree_link (root, path, rows[i].target);
    set = scan (root);
    /* A refused file never uncovers the weaker one below. */
    g_assert_null (clm_unit_set_load (set, rows[i].name, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    g_assert_nonnull (strstr (error->message, rows[i].message));
  }
}

static void
test_digest (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) a = clm_unit_new_from_text ("a", "/a", "[A]\nK=1\nL=2\n[B]\nM=3\n", &error);
  g_autoptr (ClmUnit) same = clm_unit_new_from_text ("b", "/b", "# c\n[B]\nM=3\n[A]\nL=2\nN=\n\nK=1\n", &error);
  g_autoptr (ClmUnit) other = clm_unit_new_from_text ("c", "/c", "[A]\nK=1\nL=2\n[B]\nM=4\n", &error);
  g_autoptr (ClmUnit) moved = clm_unit_new_from_text ("d", "/d", "[A]\nK=1\n[B]\nL=2\nM=3\n", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (clm_unit_get_digest (a), ==, clm_unit_get_digest (same));
  g_assert_cmpstr (clm_unit_get_digest (a), !=, clm_unit_get_digest (other));
  g_assert_cmpstr (clm_unit_get_digest (a), !=, clm_unit_get_digest (moved));
}

static void
test_unknown_group (void)
{
  const char *const known[] = { "Certificate", "File *", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) unit = clm_unit_new_from_text ("a", "/a", "[Certificate]\n\n[Certifcate]\nK=1\n", &error);
  g_autoptr (ClmUnit) good = clm_unit_new_from_text ("a", "/a", "[File key.pem]\n", &error);

  g_assert_no_error (error);
  g_assert_false (clm_unit_refuse_unknown_groups (unit, known, &error));
  g_assert_cmpstr (error->message, ==, "/a:3: unknown group [Certifcate]");
  g_assert_cmpstr (clm_error_get_hint (error), ==, "did you mean [Certificate]?");
  g_clear_error (&error);
  g_assert_true (clm_unit_refuse_unknown_groups (good, known, &error));
}

static void
test_main_file_of_dropins_only (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmLayers) layers = clm_layers_new (root, getuid ());
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (ClmUnitSet) set = NULL;
  g_autoptr (ClmUnit) unit = NULL;
  g_autoptr (GError) error = NULL;

  tree_write (root, "etc/certloom/certloom.conf.d/10.conf", "[Daemon]\nClock=rtc\n");
  set = clm_unit_set_scan (layers, NULL, ".conf", FALSE, errors);
  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_true (clm_unit_set_has (set, "certloom"));
  unit = clm_unit_set_load (set, "certloom", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (clm_unit_get_value (unit, "Daemon", "Clock", NULL, NULL), ==, "rtc");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unit/strongest-file-replaces-as-a-whole", test_strongest_file);
  g_test_add_func ("/unit/drop-ins-by-name-over-layers", test_dropins);
  g_test_add_func ("/unit/masks", test_masks);
  g_test_add_func ("/unit/templates", test_templates);
  for (guint i = 0; i < G_N_ELEMENTS (bad_names); i++) {
    g_autofree char *path = g_strconcat ("/unit/refuses-name/", bad_names[i].name, NULL);

    g_test_add_data_func (path, &bad_names[i], test_bad_name);
  }
  g_test_add_func ("/unit/refuses-links", test_bad_links);
  g_test_add_func ("/unit/digest-is-of-meaning", test_digest);
  g_test_add_func ("/unit/unknown-group-names-the-nearest", test_unknown_group);
  g_test_add_func ("/unit/main-file-may-be-drop-ins-only", test_main_file_of_dropins_only);
  return g_test_run ();
}
