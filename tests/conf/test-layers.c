/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-tree.h"
#include "layers.h"

#define WEB "etc/certloom/certificates.d/web.certificate"

static GPtrArray *
errors_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
}

static GPtrArray *
list (const char *root, guint32 owner, GPtrArray *errors)
{
  g_autoptr (ClmLayers) layers = clm_layers_new (root, owner);

  return clm_layers_list (layers, "certificates.d", errors);
}

/* Reads the first file that is listed. */
static GBytes *
read_first (const char *root, guint32 owner, GError **error)
{
  g_autoptr (ClmLayers) layers = clm_layers_new (root, owner);
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = clm_layers_list (layers, "certificates.d", errors);

  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_cmpuint (entries->len, >, 0);
  return clm_layers_read (layers, "certificates.d", g_ptr_array_index (entries, 0), error);
}

static void
test_order (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = NULL;
  const char *const expected[] = { "a.certificate", "b.certificate", "b.certificate", "b.certificate" };

  tree_write (root, "etc/certloom/certificates.d/b.certificate", "x");
  tree_write (root, "usr/lib/certloom/certificates.d/b.certificate", "x");
  tree_write (root, "run/certloom/certificates.d/b.certificate", "x");
  tree_write (root, "etc/certloom/certificates.d/a.certificate", "x");
  tree_write (root, "etc/certloom/certificates.d/.hidden", "x");
  tree_write (root, "etc/certloom/certificates.d/a.certificate~", "x");
  tree_write (root, "etc/certloom/certificates.d/a.certificate.dpkg-old", "x");
  entries = list (root, getuid (), errors);
  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_cmpuint (entries->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < entries->len; i++)
    g_assert_cmpstr (((ClmLayerEntry *) g_ptr_array_index (entries, i))->file_name, ==, expected[i]);
  for (guint i = 1; i < 4; i++)
    g_assert_cmpuint (((ClmLayerEntry *) g_ptr_array_index (entries, i))->layer, ==, i - 1);
}

static void
test_absent (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = list (root, getuid (), errors);
  g_autoptr (GPtrArray) none = NULL;

  g_assert_cmpuint (entries->len, ==, 0);
  g_assert_cmpuint (errors->len, ==, 0);
  none = list ("/nonexistent/root", getuid (), errors);
  g_assert_cmpuint (errors->len, ==, 3);
}

static void
test_read (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  tree_write (root, WEB, "[Certificate]\n");
  bytes = read_first (root, getuid (), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 14);
}

static void
assert_refused_folder (const char *root, const char *folder)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = list (root, getuid (), errors);
  g_autofree char *path = tree_path (root, folder);

  g_assert_cmpuint (entries->len, ==, 0);
  g_assert_cmpuint (errors->len, >=, 1);
  g_assert_true (g_str_has_prefix (((GError *) g_ptr_array_index (errors, 0))->message, path));
  g_assert_nonnull (clm_error_get_hint (g_ptr_array_index (errors, 0)));
}

static void
test_writable_folder (void)
{
  const char *const folders[] = { "etc", "etc/certloom", "etc/certloom/certificates.d" };
  const mode_t modes[] = { 0777, 0775, 0757 };

  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    for (guint j = 0; j < G_N_ELEMENTS (modes); j++) {
      g_autoptr (Tree) root = tree_new ();

      tree_write (root, WEB, "[Certificate]\n");
      tree_chmod (root, folders[i], modes[j]);
      assert_refused_folder (root, folders[i]);
    }
}

/* /tmp may lie above a layer; a layer itself is never open to others, sticky or not. */
static void
test_sticky (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = NULL;

  tree_write (root, WEB, "[Certificate]\n");
  tree_chmod (root, "etc", 01777);
  entries = list (root, getuid (), errors);
  g_assert_cmpuint (entries->len, ==, 1);
  tree_chmod (root, "etc", 0755);
  tree_chmod (root, "etc/certloom/certificates.d", 01777);
  assert_refused_folder (root, "etc/certloom/certificates.d");
}

static void
test_writable_file (void)
{
  const mode_t modes[] = { 0666, 0664, 0646 };

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++) {
    g_autoptr (Tree) root = tree_new ();
    g_autoptr (GError) error = NULL;

    tree_write (root, WEB, "[Certificate]\n");
    tree_chmod (root, WEB, modes[i]);
    g_assert_null (read_first (root, getuid (), &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    g_assert_nonnull (strstr (error->message, "can be written by others"));
    g_assert_true (g_str_has_prefix (clm_error_get_hint (error), "chmod go-w /"));
  }
}

/* As another user everything here has the wrong owner; as root a file is given away. */
static void
test_wrong_owner (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = NULL;
  g_autofree char *path = tree_path (root, WEB);
  g_autoptr (GError) error = NULL;

  tree_write (root, WEB, "[Certificate]\n");
  if (getuid () != 0) {
    entries = list (root, 0, errors);
    g_assert_cmpuint (entries->len, ==, 0);
    g_assert_nonnull (strstr (((GError *) g_ptr_array_index (errors, 0))->message, "belongs to user"));
    return;
  }
  g_assert_cmpint (chown (path, 12345, 0), ==, 0);
  g_assert_null (read_first (root, 0, &error));
  g_assert_nonnull (strstr (error->message, "belongs to user 12345"));
  g_clear_error (&error);
  g_bytes_unref (read_first (root, 12345, &error));
  g_assert_no_error (error);
}

static void
test_links (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GError) error = NULL;

  tree_write (root, "secret", "x");
  tree_link (root, WEB, "../../../secret");
  g_assert_null (read_first (root, getuid (), &error));
  g_assert_nonnull (strstr (error->message, "is a symbolic link"));
}

/* What lies on the way to a layer may be a link of root's; what lies in it may not. */
static void
test_linked_folders (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (Tree) other = tree_new ();
  g_autoptr (Tree) loop = tree_new ();

  tree_write (root, "data/conf/certificates.d/web.certificate", "[Certificate]\n");
  tree_link (root, "etc/certloom", "../data/conf");
  entries = list (root, getuid (), errors);
  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_cmpuint (entries->len, ==, 1);
  g_clear_pointer (&entries, g_ptr_array_unref);

  tree_write (other, "data/web.certificate", "[Certificate]\n");
  tree_link (other, "etc/certloom/certificates.d", "/data");
  entries = list (other, getuid (), errors);
  g_assert_cmpuint (entries->len, ==, 0);
  g_assert_cmpuint (errors->len, ==, 1);
  g_clear_pointer (&entries, g_ptr_array_unref);

  tree_link (loop, "etc/certloom", "certloom");
  entries = list (loop, getuid (), errors);
  g_assert_cmpuint (errors->len, ==, 2);
}

/* ".." in a link never leads out of the root that was given. */
static void
test_link_stays_inside (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (GPtrArray) entries = NULL;

  tree_write (root, "inside/certificates.d/web.certificate", "[Certificate]\n");
  tree_link (root, "etc/certloom", "../../../../../inside");
  entries = list (root, getuid (), errors);
  g_assert_cmpuint (entries->len, ==, 1);
}

static void
test_odd_files (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autofree char *path = tree_path (root, WEB);
  g_autoptr (GError) error = NULL;
  g_autofree char *large = g_strnfill (1024 * 1024 + 1, '\n');

  tree_write (root, "etc/certloom/certificates.d/z", "x");
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (read_first (root, getuid (), &error));
  g_assert_nonnull (strstr (error->message, "is not a regular file"));
  g_clear_error (&error);
  tree_delete (root, WEB);

  tree_write (root, WEB, large);
  g_assert_null (read_first (root, getuid (), &error));
  g_assert_nonnull (strstr (error->message, "larger than"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/layers/by-name-then-strength", test_order);
  g_test_add_func ("/layers/absent-folder-is-no-error-absent-root-is", test_absent);
  g_test_add_func ("/layers/read", test_read);
  g_test_add_func ("/layers/refuses/folder-writable-by-others", test_writable_folder);
  g_test_add_func ("/layers/sticky-only-above", test_sticky);
  g_test_add_func ("/layers/refuses/file-writable-by-others", test_writable_file);
  g_test_add_func ("/layers/refuses/wrong-owner", test_wrong_owner);
  g_test_add_func ("/layers/refuses/link", test_links);
  g_test_add_func ("/layers/links-only-above", test_linked_folders);
  g_test_add_func ("/layers/link-stays-inside-the-root", test_link_stays_inside);
  g_test_add_func ("/layers/refuses/odd-files", test_odd_files);
  return g_test_run ();
}
