/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safety 48: each module that must not be loaded has its clear error, and none of its code runs before the checks. */
#include "plugin-file.h"
#include "plugin-loader.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certloom-plugin.h"

typedef struct {
  char            *directory;
  ClmPluginLoader *loader;
} Place;

static void
copy_module (Place *place, const char *name, const char *as)
{
  g_autofree char *from = g_strdup_printf (FAKE_DIR "/%s.so", name), *to = g_strdup_printf ("%s/%s.so", place->directory, as);
  g_autofree char *data = NULL;
  gsize size;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_get_contents (from, &data, &size, &error));
  g_assert_true (g_file_set_contents (to, data, size, &error));
  g_assert_cmpint (g_chmod (to, 0644), ==, 0);
}

static void
place_init (Place *place)
{
  place->directory = g_dir_make_tmp ("certloom-XXXXXX", NULL);
  place->loader = clm_plugin_loader_new (place->directory, geteuid ());
}

static void
place_clear (Place *place)
{
  g_autoptr (GDir) directory = g_dir_open (place->directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (directory)) != NULL) {
    g_autofree char *path = g_build_filename (place->directory, name, NULL);
    g_remove (path);
  }
  g_rmdir (place->directory);
  g_free (place->directory);
  g_object_unref (place->loader);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

static void
each_kind_loads_once (void)
{
  static const char *const names[] = {"fake-ca", "fake-keys", "fake-notifier"};
  g_auto (Place) place = {0};
  const GType kinds[] = {CLM_TYPE_AUTHORITY, CLM_TYPE_KEY_STORE, CLM_TYPE_NOTIFIER};

  place_init (&place);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GError) error = NULL;
    copy_module (&place, names[i], names[i]);
    ClmPlugin *plugin = clm_plugin_loader_load (place.loader, names[i], &error);
    g_assert_no_error (error);
    g_assert_true (plugin == clm_plugin_loader_load (place.loader, names[i], &error));
    g_assert_cmpstr (clm_plugin_get_name (plugin), ==, names[i]);
    g_assert_cmpstr (clm_plugin_get_version (plugin), ==, "1");
    g_assert_nonnull (clm_plugin_get_summary (plugin));
    g_assert_true (g_str_has_prefix (clm_plugin_get_path (plugin), place.directory));
    for (guint j = 0; j < G_N_ELEMENTS (kinds); j++)
      g_assert_true ((clm_plugin_get_type_for (plugin, kinds[j]) != G_TYPE_INVALID) == (i == j));
  }
  g_auto (GStrv) available = clm_plugin_loader_list_available (place.loader);
  g_assert_cmpstrv (available, ((const char *const []) {"fake-ca", "fake-keys", "fake-notifier", NULL}));
  g_autoptr (GPtrArray) loaded = clm_plugin_loader_list_loaded (place.loader);
  g_assert_cmpuint (loaded->len, ==, 3);
  g_assert_cmpstr (clm_plugin_get_name (g_ptr_array_index (loaded, 0)), ==, "fake-ca");
}

static void
assert_refused (Place *place, const char *name, ClmError code, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_plugin_loader_load (place->loader, name, &error));
  g_assert_error (error, CLM_ERROR, (int) code);
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
  g_test_message ("%s → %s (hint: %s)", name, error->message, clm_error_get_hint (error));
}

static void
each_broken_module_has_its_error (void)
{
  static const struct { const char *name; ClmError code; const char *words; } broken[] = {
    {"wrong-abi", CLM_ERROR_NOT_SUPPORTED, "was built for ABI 2, this certloom has ABI 1"},
    {"newer-api", CLM_ERROR_NOT_SUPPORTED, "needs API 1, this certloom offers API 0"},
    {"no-symbol", CLM_ERROR_INVALID_DATA, "exports no clm_plugin_info"},
    {"undefined-symbol", CLM_ERROR_INVALID_DATA, "clm_type_that_nothing_defines"},
    {"not-a-backend", CLM_ERROR_INVALID_DATA, "neither an authority nor a key store nor a notifier"},
    {"abstract-type", CLM_ERROR_INVALID_DATA, "neither an authority nor a key store nor a notifier"},
    {"invalid-type", CLM_ERROR_INVALID_DATA, "could not register one of its types"},
    {"no-types", CLM_ERROR_INVALID_DATA, "holds nothing"},
    {"no-summary", CLM_ERROR_INVALID_DATA, "clm_plugin_info has gaps"},
    {"other-name", CLM_ERROR_INVALID_DATA, "other-name.so holds a plugin of another name"},
    {"two-of-a-kind", CLM_ERROR_INVALID_DATA, "two types of the same kind"},
  };
  g_auto (Place) place = {0};

  place_init (&place);
  g_unsetenv ("CERTLOOM_TEST_CODE_RAN");
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++) {
    copy_module (&place, broken[i].name, broken[i].name);
    assert_refused (&place, broken[i].name, broken[i].code, broken[i].words);
    if (i < 3)
      g_assert_null (g_getenv ("CERTLOOM_TEST_CODE_RAN"));
  }
  g_autoptr (GPtrArray) loaded = clm_plugin_loader_list_loaded (place.loader);
  g_assert_cmpuint (loaded->len, ==, 0);
}

static void
names_are_checked_before_the_disk (void)
{
  static const char *const names[] = {"", "../fake-ca", "fake-ca.so", "Fake", "-x", "a b", "x/y", "abcdefghijklmnopqrstuvwxyz0123456"};
  g_auto (Place) place = {0};

  place_init (&place);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    assert_refused (&place, names[i], CLM_ERROR_INVALID_ARGUMENT, "cannot be the name of a plugin");
}

static void
a_missing_one_names_its_neighbour (void)
{
  g_auto (Place) place = {0};
  g_autoptr (GError) error = NULL;

  place_init (&place);
  copy_module (&place, "fake-keys", "fake-keys");
  g_assert_null (clm_plugin_loader_load (place.loader, "fake-kyes", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_assert_cmpstr (clm_error_get_hint (error), ==, "did you mean Plugin=fake-keys?");
  g_clear_error (&error);
  g_autoptr (ClmPluginLoader) nowhere = clm_plugin_loader_new ("/nonexistent/plugins", geteuid ());
  g_assert_null (clm_plugin_loader_load (nowhere, "fake-keys", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_auto (GStrv) none = clm_plugin_loader_list_available (nowhere);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
}

static char *
module_path (Place *place, const char *name)
{
  return g_strdup_printf ("%s/%s.so", place->directory, name);
}

static void
what_others_could_write_is_refused (void)
{
  g_auto (Place) place = {0};

  place_init (&place);
  copy_module (&place, "double-completion", "double-completion");
  g_autofree char *path = module_path (&place, "double-completion");
  g_chmod (path, 0666);
  assert_refused (&place, "double-completion", CLM_ERROR_ACCESS_DENIED, "is writable by others");
  g_chmod (path, 0664);
  assert_refused (&place, "double-completion", CLM_ERROR_ACCESS_DENIED, "is writable by others");
  g_chmod (path, 0644);
  g_chmod (place.directory, 0777);
  assert_refused (&place, "double-completion", CLM_ERROR_ACCESS_DENIED, "is writable by others");
  g_chmod (place.directory, 01777);
  assert_refused (&place, "double-completion", CLM_ERROR_ACCESS_DENIED, "is writable by others");
  g_chmod (place.directory, 0700);
}

static void
a_parent_that_others_could_write_is_refused (void)
{
  g_auto (Place) place = {0};
  g_autoptr (GError) error = NULL;

  place_init (&place);
  g_autofree char *below = g_build_filename (place.directory, "plugins", NULL);
  g_mkdir (below, 0755);
  g_chmod (place.directory, 0777);
  g_assert_false (clm_plugin_file_check_place (below, geteuid (), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
  g_assert_nonnull (strstr (error->message, place.directory));
  g_clear_error (&error);
  g_chmod (place.directory, 0755);
  g_assert_true (clm_plugin_file_check_place (below, geteuid (), &error));
  g_rmdir (below);
}

static void
only_regular_files_of_the_right_owner (void)
{
  g_auto (Place) place = {0};

  place_init (&place);
  g_autofree char *link = module_path (&place, "link"), *fifo = module_path (&place, "fifo"), *folder = module_path (&place, "folder"),
                  *text = module_path (&place, "text"), *empty = module_path (&place, "empty");
  g_assert_cmpint (symlink (FAKE_DIR "/fake-ca.so", link), ==, 0);
  assert_refused (&place, "link", CLM_ERROR_ACCESS_DENIED, "is a symbolic link");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  assert_refused (&place, "fifo", CLM_ERROR_ACCESS_DENIED, "is not a regular file");
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  assert_refused (&place, "folder", CLM_ERROR_ACCESS_DENIED, "is not a regular file");
  g_assert_true (g_file_set_contents (text, "#!/bin/sh\n", -1, NULL));
  assert_refused (&place, "text", CLM_ERROR_INVALID_DATA, "cannot load plugin text");
  g_assert_true (g_file_set_contents (empty, "", 0, NULL));
  assert_refused (&place, "empty", CLM_ERROR_INVALID_DATA, "cannot load plugin empty");
  if (geteuid () != 0) {
    g_autoptr (ClmPluginLoader) strict = clm_plugin_loader_new (place.directory, 0);
    g_autoptr (GError) error = NULL;
    g_assert_null (clm_plugin_loader_load (strict, "text", &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
    return;
  }
  g_assert_cmpint (chown (text, 4321, -1), ==, 0);
  assert_refused (&place, "text", CLM_ERROR_ACCESS_DENIED, "belongs neither to root nor to the daemon's user");
}

/* A cut or damaged file never makes the reader look outside of it (run under the sanitizers). */
static void
damaged_images_are_read_safely (void)
{
  g_autofree char *data = NULL;
  gsize size;
  guint abi = 0, api = 0;

  g_assert_true (g_file_get_contents (FAKE_DIR "/wrong-abi.so", &data, &size, NULL));
  g_assert_cmpint (clm_plugin_file_peek ((guint8 *) data, size, &abi, &api), ==, CLM_PLUGIN_PEEK_FOUND);
  g_assert_cmpuint (abi, ==, CLM_PLUGIN_ABI + 1);
  g_assert_cmpuint (api, ==, CLM_PLUGIN_API);
  for (gsize cut = 0; cut < size; cut += cut < 4096 ? 1 : 97) {
    g_autofree guint8 *copy = g_memdup2 (data, cut);
    g_assert_cmpint (clm_plugin_file_peek (copy, cut, &abi, &api), !=, CLM_PLUGIN_PEEK_FOUND + 1);
  }
  g_autoptr (GRand) rand = g_rand_new_with_seed (48);
  g_autofree guint8 *copy = g_memdup2 (data, size);
  for (guint i = 0; i < 20000; i++) {
    gsize at = g_rand_int_range (rand, 0, i % 2 == 0 ? 2048 : (gint32) size);
    guint8 old = copy[at];
    copy[at] = g_rand_int (rand);
    clm_plugin_file_peek (copy, size, &abi, &api);
    copy[at] = i % 16 == 15 ? copy[at] : old;
  }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin-loader/each-kind-loads-once", each_kind_loads_once);
  g_test_add_func ("/plugin-loader/safety-48-each-broken-module-has-its-error", each_broken_module_has_its_error);
  g_test_add_func ("/plugin-loader/names-are-checked-before-the-disk", names_are_checked_before_the_disk);
  g_test_add_func ("/plugin-loader/a-missing-one-names-its-neighbour", a_missing_one_names_its_neighbour);
  g_test_add_func ("/plugin-loader/safety-48-what-others-could-write-is-refused", what_others_could_write_is_refused);
  g_test_add_func ("/plugin-loader/a-parent-that-others-could-write-is-refused", a_parent_that_others_could_write_is_refused);
  g_test_add_func ("/plugin-loader/only-regular-files-of-the-right-owner", only_regular_files_of_the_right_owner);
  g_test_add_func ("/plugin-file/damaged-images-are-read-safely", damaged_images_are_read_safely);
  return g_test_run ();
}
