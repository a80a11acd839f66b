/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-fuzz-NOUN CORPUS: the target over its seeds, each of them whole and cut short at up to CUTS places; as GTest cases.
 * test-fuzz-NOUN --write-seeds FOLDER: only writes the seeds that are made, for libFuzzer to begin with.
 */
#include "fuzz.h"

#include <glib/gstdio.h>

#define CUTS 48

/* @is_made: the target made it and knows what becomes of it */
typedef struct {
  char    *name;
  GBytes  *data;
  gboolean is_made;
} Seed;

static GPtrArray *seeds;
static gboolean accepted;

static void
seed_free (gpointer data)
{
  Seed *seed = data;

  g_free (seed->name);
  g_bytes_unref (seed->data);
  g_free (seed);
}

void
clm_fuzz_accept (void)
{
  accepted = TRUE;
}

static void
add_seed (const char *name, const void *data, gsize size, gboolean is_made)
{
  Seed *seed = g_new0 (Seed, 1);

  seed->name = g_strdup (name);
  seed->data = g_bytes_new (data, size);
  seed->is_made = is_made;
  g_ptr_array_add (seeds, seed);
}

void
clm_fuzz_seed (const char *name, const void *data, gsize size)
{
  add_seed (name, data, size, TRUE);
}

static void
read_corpus (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    g_autofree char *data = NULL;
    g_autoptr (GError) error = NULL;
    gsize size;

    g_file_get_contents (file, &data, &size, &error);
    g_assert_no_error (error);
    add_seed (name, data, size, FALSE);
  }
}

static void
write_seeds (const char *path)
{
  g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
  for (guint i = 0; i < seeds->len; i++) {
    const Seed *seed = seeds->pdata[i];
    g_autofree char *file = g_build_filename (path, seed->name, NULL);
    g_autoptr (GError) error = NULL;

    g_file_set_contents (file, g_bytes_get_data (seed->data, NULL), (gssize) g_bytes_get_size (seed->data), &error);
    g_assert_no_error (error);
  }
}

/* From memory of just that size, so that a sanitizer sees one byte too far. */
static void
run_prefix (GBytes *data, gsize size)
{
  g_autofree guint8 *copy = g_malloc (MAX (size, 1));

  if (size > 0)
    memcpy (copy, g_bytes_get_data (data, NULL), size);
  clm_fuzz_one (copy, size);
}

static void
test_seed (gconstpointer user_data)
{
  const Seed *seed = user_data;
  gsize size = g_bytes_get_size (seed->data);
  gsize step = MAX (size / CUTS, 1);

  accepted = FALSE;
  run_prefix (seed->data, size);
  if (seed->is_made)
    g_assert_true (accepted == !g_str_has_prefix (seed->name, "refused-"));
  for (gsize cut = 0; cut < size; cut += step)
    run_prefix (seed->data, cut);
}

int
main (int argc, char **argv)
{
  seeds = g_ptr_array_new_with_free_func (seed_free);
  if (argc == 3 && g_str_equal (argv[1], "--write-seeds")) {
    clm_fuzz_make_seeds ();
    write_seeds (argv[2]);
    return 0;
  }
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  clm_fuzz_make_seeds ();
  read_corpus (argv[1]);
  g_assert_cmpuint (seeds->len, >, 0);
  for (guint i = 0; i < seeds->len; i++) {
    g_autofree char *path = g_strdup_printf ("/fuzz/%s", ((Seed *) seeds->pdata[i])->name);
    g_test_add_data_func (path, seeds->pdata[i], test_seed);
  }
  return g_test_run ();
}
