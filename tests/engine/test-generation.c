/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation-sample.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include "clm-error.h"
#include "generation-meta.h"

#define NOW 100000
#define ROTATIONS 1000

typedef struct {
  char               *state;
  ClmGenerationStore *store;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->state = clm_sample_make_state ();
  f->store = clm_sample_open (f->state);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  clm_generation_store_unref (f->store);
  clm_sample_remove_state (f->state);
}

static char *
path_of (Fixture *f, const char *path)
{
  return g_build_filename (f->state, "certificates", path, NULL);
}

static guint
mode_of (Fixture *f, const char *path)
{
  g_autofree char *full = path_of (f, path);
  struct stat st = { 0 };

  g_assert_cmpint (lstat (full, &st), ==, 0);
  return st.st_mode & 07777;
}

static void
assert_refused (Fixture *f, guint number, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (clm_generation_verify (f->store, "web", number, &error));
  g_assert_error (error, CLM_ERROR, code);
}

static void
test_comes_back_as_written (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmGeneration) sample = clm_sample_generation (7);
  g_autoptr (ClmGeneration) read = NULL;
  g_autoptr (ClmGeneration) meta = NULL;

  g_assert_true (clm_sample_write (f->store, 7, &error));
  read = clm_generation_read (f->store, "web", 7, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (read->leaf, sample->leaf) && g_bytes_equal (read->spki, sample->spki));
  g_assert_cmpuint (read->chain->len, ==, 2);
  g_assert_true (g_bytes_equal (read->chain->pdata[0], sample->chain->pdata[0]));
  g_assert_true (g_bytes_equal (read->chain->pdata[1], sample->chain->pdata[1]));
  g_assert_true (g_bytes_equal (read->anchors->pdata[0], sample->anchors->pdata[0]));
  meta = clm_generation_read_meta (f->store, "web", 7, &error);
  g_assert_no_error (error);
  g_assert_null (meta->leaf);
  g_assert_cmpstr (meta->key_uri, ==, sample->key_uri);
  g_assert_cmpstr (meta->authority, ==, "corp");
  g_assert_cmpstr (meta->spec_digest, ==, "0a1b");
  g_assert_cmpstr (meta->serial, ==, "00ff");
  g_assert_cmpuint (strlen (meta->fingerprint), ==, 64);
  g_assert_cmpint (meta->created, ==, 1007);
  g_assert_cmpint (meta->not_before, ==, 900);
  g_assert_cmpint (meta->not_after, ==, sample->not_after);
  g_assert_true (meta->has_key);
}

static void
test_without_key_no_key_files (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmGeneration) generation = clm_sample_generation (1);
  g_autoptr (ClmGenerationFds) fds = NULL;

  g_ptr_array_set_size (generation->chain, 0);
  g_ptr_array_set_size (generation->anchors, 0);
  g_assert_true (clm_generation_write (f->store, generation, NULL, &error));
  g_assert_true (clm_generation_publish (f->store, "web", 1, NOW, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (clm_sample_count (f->state, "certificates/web/gen/000001"), ==, 5);
  fds = clm_generation_open_fds (f->store, "web", TRUE, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fds->key, ==, -1);
  g_assert_cmpint (fds->combined, ==, -1);
  g_assert_cmpint (fds->cert, >=, 0);
}

static void
test_modes_whatever_the_umask (Fixture *f, gconstpointer data)
{
  const mode_t masks[] = { 0, 0777 & ~0700 };

  for (guint i = 0; i < G_N_ELEMENTS (masks); i++) {
    mode_t before = umask (masks[i]);

    clm_sample_rotate (f->store, i + 1, NOW);
    umask (before);
  }
  g_assert_cmpuint (mode_of (f, "."), ==, 0711);
  g_assert_cmpuint (mode_of (f, "web/gen/000001"), ==, 0755);
  g_assert_cmpuint (mode_of (f, "web/gen/000001/key.pem"), ==, 0600);
  g_assert_cmpuint (mode_of (f, "web/gen/000002/key.pem"), ==, 0600);
  g_assert_cmpuint (mode_of (f, "web/gen/000001/combined.pem"), ==, 0600);
  g_assert_cmpuint (mode_of (f, "web/gen/000002/fullchain.pem"), ==, 0644);
  g_assert_cmpuint (mode_of (f, "web/gen/000002"), ==, 0755);
}

static void
test_publish_and_roll_back (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (clm_generation_get_current (f->store, "web", &error), ==, 0);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  clm_sample_rotate (f->store, 1, NOW);
  clm_sample_rotate (f->store, 2, NOW);
  clm_sample_assert_whole (f->store, 2);
  g_assert_true (clm_generation_publish (f->store, "web", 1, NOW, &error));
  clm_sample_assert_whole (f->store, 1);
  g_assert_true (clm_generation_publish (f->store, "web", 1, NOW, &error));
  g_assert_false (clm_generation_publish (f->store, "web", 3, NOW, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  clm_sample_assert_whole (f->store, 1);
}

static void
test_complete_ones_are_not_overwritten (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  clm_sample_rotate (f->store, 1, NOW);
  g_assert_false (clm_sample_write (f->store, 1, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  clm_sample_assert_whole (f->store, 1);
}

static void
test_foreign_keys_are_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmGeneration) generation = clm_sample_generation (1);
  g_autoptr (ClmGeneration) other = clm_sample_generation (2);

  g_clear_pointer (&generation->spki, g_bytes_unref);
  generation->spki = g_bytes_ref (other->spki);
  g_assert_false (clm_generation_write (f->store, generation, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

static void
test_names_name_no_path (Fixture *f, gconstpointer data)
{
  const char *const bad[] = { "", ".", "..", "../x", "/etc", "a/b", "A", "-a", ".a", "a b", "a\n", "\xc3\xa4",
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_cmpuint (clm_generation_get_current (f->store, bad[i], &error), ==, 0);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
    g_clear_error (&error);
    g_assert_false (clm_generation_remove_all (f->store, bad[i], &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  }
}

static void
test_removal_waits_and_keeps (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) removable = NULL;

  for (guint i = 1; i <= 4; i++)
    clm_sample_rotate (f->store, i, NOW + i);
  g_assert_false (clm_generation_remove (f->store, "web", 4, 2, NOW + 9999, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  g_clear_error (&error);
  /* 1 ceased at NOW + 2 */
  g_assert_false (clm_generation_remove (f->store, "web", 1, 2, NOW + 2 + CLM_GENERATION_GRACE_S - 1, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  g_clear_error (&error);
  removable = clm_generation_list_removable (f->store, "web", 0, NOW + 3 + CLM_GENERATION_GRACE_S, &error);
  g_assert_cmpuint (removable->len, ==, 2);
  g_assert_cmpuint (g_array_index (removable, guint, 0), ==, 1);
  g_assert_cmpuint (g_array_index (removable, guint, 1), ==, 2);
  g_clear_pointer (&removable, g_array_unref);
  removable = clm_generation_list_removable (f->store, "web", 3, NOW + 9999, &error);
  g_assert_cmpuint (removable->len, ==, 1);
  g_assert_true (clm_generation_remove (f->store, "web", 1, 2, NOW + 2 + CLM_GENERATION_GRACE_S, &error));
  g_assert_true (clm_generation_remove (f->store, "web", 1, 2, NOW, &error));
  g_assert_true (clm_generation_remove (f->store, "web", 2, 2, NOW + 9999, &error));
  g_assert_no_error (error);
  /* two are left */
  g_assert_false (clm_generation_remove (f->store, "web", 3, 0, NOW + 9999, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  clm_sample_assert_whole (f->store, 4);
}

static void
test_grace_begins_anew_when_unknown (Fixture *f, gconstpointer data)
{
  g_autofree char *mark = path_of (f, "web/gen/000001/retired");

  for (guint i = 1; i <= 3; i++)
    clm_sample_rotate (f->store, i, NOW);
  g_assert_cmpint (g_unlink (mark), ==, 0);
  g_assert_false (clm_generation_remove (f->store, "web", 1, 2, NOW + 9999, NULL));
  g_assert_false (clm_generation_remove (f->store, "web", 1, 2, NOW + 9999 + CLM_GENERATION_GRACE_S - 1, NULL));
  /* The clock was put back: the mark lies in the future. */
  g_assert_false (clm_generation_remove (f->store, "web", 1, 2, 500, NULL));
  g_assert_true (clm_generation_remove (f->store, "web", 1, 2, 500 + CLM_GENERATION_GRACE_S, NULL));
}

static void
test_untrusted_time_starts_no_grace (Fixture *f, gconstpointer data)
{
  /* Published before the clock was set: the time then says nothing about how long ago it was. */
  for (guint i = 1; i <= 3; i++)
    clm_sample_rotate (f->store, i, -1);
  g_assert_false (clm_generation_remove (f->store, "web", 1, 2, NOW, NULL));
  g_assert_false (clm_generation_remove (f->store, "web", 1, 2, NOW + CLM_GENERATION_GRACE_S - 1, NULL));
  g_assert_true (clm_generation_remove (f->store, "web", 1, 2, NOW + CLM_GENERATION_GRACE_S, NULL));
  g_assert_true (clm_generation_publish (f->store, "web", 2, -1, NULL));
  g_assert_false (clm_generation_drop (f->store, "web", 3, NULL));
}

static void
test_candidates_can_be_dropped (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  clm_sample_rotate (f->store, 1, NOW);
  clm_sample_rotate (f->store, 2, NOW);
  g_assert_true (clm_sample_write (f->store, 3, &error));
  g_assert_true (clm_generation_drop (f->store, "web", 3, &error));
  g_assert_true (clm_generation_drop (f->store, "web", 3, &error));
  g_assert_no_error (error);
  g_assert_false (clm_generation_drop (f->store, "web", 2, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  g_clear_error (&error);
  /* It was current once. */
  g_assert_true (clm_generation_publish (f->store, "web", 1, NOW, &error));
  g_assert_false (clm_generation_drop (f->store, "web", 2, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
}

static void
test_lists (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) numbers = NULL;
  g_autoptr (GArray) none = clm_generation_list (f->store, "nobody", &error);
  g_auto (GStrv) names = NULL;
  const guint odd[] = { 1000000, 2, 999999 };

  g_assert_cmpuint (none->len, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    clm_sample_rotate (f->store, odd[i], NOW);
  numbers = clm_generation_list (f->store, "web", &error);
  g_assert_cmpuint (numbers->len, ==, 3);
  g_assert_cmpuint (g_array_index (numbers, guint, 0), ==, 2);
  g_assert_cmpuint (g_array_index (numbers, guint, 2), ==, 1000000);
  names = clm_generation_store_list_names (f->store, &error);
  g_assert_cmpuint (g_strv_length (names), ==, 1);
  g_assert_cmpstr (names[0], ==, "web");
}

static void
damage (Fixture *f, const char *path, const char *content)
{
  g_autofree char *full = path_of (f, path);

  g_assert_cmpint (g_chmod (full, 0644), ==, 0);
  g_assert_true (g_file_set_contents (full, content, -1, NULL));
}

static void
test_damage_is_seen_and_left (Fixture *f, gconstpointer data)
{
  const char *const files[] = { "cert.pem", "chain.pem", "fullchain.pem", "trust.pem", "key.pem", "combined.pem", "meta" };

  clm_sample_rotate (f->store, 1, NOW);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_strdup_printf ("web/gen/%06u/%s", i + 2, files[i]);
    g_autoptr (GError) error = NULL;

    g_assert_true (clm_sample_write (f->store, i + 2, NULL));
    damage (f, path, "damaged");
    assert_refused (f, i + 2, CLM_ERROR_INVALID_DATA);
    g_assert_false (clm_generation_publish (f->store, "web", i + 2, NOW, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
    g_clear_error (&error);
    g_assert_false (clm_sample_write (f->store, i + 2, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  }
  g_assert_true (clm_generation_collect (f->store, "web", NULL, NULL));
  g_assert_cmpuint (clm_sample_count (f->state, "certificates/web/gen"), ==, 1 + G_N_ELEMENTS (files));
  clm_sample_assert_whole (f->store, 1);
}

static void
test_missing_file_is_seen (Fixture *f, gconstpointer data)
{
  g_autofree char *path = path_of (f, "web/gen/000001/chain.pem");

  clm_sample_rotate (f->store, 1, NOW);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_false (clm_generation_verify (f->store, "web", 1, NULL));
}

static GBytes *
sample_meta (const char *format)
{
  g_autoptr (ClmGeneration) generation = clm_sample_generation (1);
  g_autoptr (GHashTable) files = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *text = NULL, *body = NULL, *hash = NULL;
  char *sealed;

  generation->fingerprint = g_strdup ("ab");
  g_hash_table_insert (files, (gpointer) "cert.pem", (gpointer) "cd");
  text = clm_generation_meta_encode (generation, files, NULL);
  body = g_strndup (text, (gsize) (strstr (text, "\n[Seal]") - text));
  memcpy (strstr (body, "Format=") + 7, format, 1);
  hash = clm_durable_hash_data (body, strlen (body), NULL);
  sealed = g_strconcat (body, "\n[Seal]\nSha256=", hash, "\n", NULL);
  return g_bytes_new_take (sealed, strlen (sealed));
}

static void
test_each_bit_of_meta_counts (void)
{
  g_autoptr (GBytes) good = sample_meta ("1");
  g_autoptr (ClmGeneration) generation = clm_generation_meta_decode (good, "web", 1, NULL, NULL);
  gsize size = g_bytes_get_size (good);

  g_assert_nonnull (generation);
  for (gsize bit = 0; bit < size * 8; bit++) {
    g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (good, NULL), size);
    g_autoptr (GBytes) bad = NULL;
    g_autoptr (GError) error = NULL;

    copy[bit / 8] ^= (guint8) (1u << bit % 8);
    bad = g_bytes_new_static (copy, size);
    g_assert_null (clm_generation_meta_decode (bad, "web", 1, NULL, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  }
  for (gsize length = 0; length < size; length++) {
    g_autoptr (GBytes) bad = g_bytes_new_from_bytes (good, 0, length);

    g_assert_null (clm_generation_meta_decode (bad, "web", 1, NULL, NULL));
  }
}

static void
test_meta_of_others_is_refused (void)
{
  g_autoptr (GBytes) good = sample_meta ("1");
  g_autoptr (GBytes) newer = sample_meta ("2");
  g_autoptr (GBytes) none = sample_meta ("x");
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_generation_meta_decode (good, "mqtt", 1, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_null (clm_generation_meta_decode (good, "web", 2, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_null (clm_generation_meta_decode (newer, "web", 1, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (clm_generation_meta_decode (none, "web", 1, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
test_copied_generation_is_refused (Fixture *f, gconstpointer data)
{
  g_autofree char *from = path_of (f, "web/gen/000001");
  g_autofree char *to = path_of (f, "web/gen/000009");

  clm_sample_rotate (f->store, 1, NOW);
  g_assert_true (clm_sample_write (f->store, 2, NULL));
  g_assert_cmpint (g_rename (from, to), ==, 0);
  assert_refused (f, 9, CLM_ERROR_INVALID_DATA);
}

static void
test_planted_links_are_not_followed (Fixture *f, gconstpointer data)
{
  g_autofree char *elsewhere = g_build_filename (f->state, "elsewhere", NULL);
  g_autofree char *name = path_of (f, "mqtt");
  g_autofree char *generation = path_of (f, "web/gen/000002");
  g_autofree char *cert = path_of (f, "web/gen/000001/cert.pem");
  g_autofree char *temporary = path_of (f, "web/current.new");
  g_autoptr (GError) error = NULL;

  clm_sample_rotate (f->store, 1, NOW);
  g_assert_cmpint (g_mkdir (elsewhere, 0755), ==, 0);
  g_assert_cmpint (symlink (elsewhere, name), ==, 0);
  g_assert_cmpint (symlink (elsewhere, generation), ==, 0);
  g_assert_false (clm_sample_write (f->store, 2, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_cmpuint (clm_generation_get_current (f->store, "mqtt", &error), ==, 0);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_assert_cmpuint (clm_sample_count (f->state, "elsewhere"), ==, 0);
  g_assert_cmpint (g_unlink (generation), ==, 0);
  /* A temporary name that is in the way is replaced, not followed. */
  g_assert_cmpint (symlink (elsewhere, temporary), ==, 0);
  clm_sample_rotate (f->store, 2, NOW);
  clm_sample_assert_whole (f->store, 2);
  g_assert_cmpint (g_unlink (cert), ==, 0);
  g_assert_cmpint (symlink ("/etc/passwd", cert), ==, 0);
  assert_refused (f, 1, CLM_ERROR_INVALID_DATA);
}

static void
test_planted_files_are_refused (Fixture *f, gconstpointer data)
{
  g_autofree char *cert = path_of (f, "web/gen/000001/cert.pem");
  g_autofree char *second = path_of (f, "second");
  g_autofree char *directory = path_of (f, "web/gen/000001");

  clm_sample_rotate (f->store, 1, NOW);
  g_assert_cmpint (link (cert, second), ==, 0);
  assert_refused (f, 1, CLM_ERROR_INVALID_DATA);
  g_assert_cmpint (g_unlink (second), ==, 0);
  g_assert_cmpint (g_chmod (cert, 0666), ==, 0);
  assert_refused (f, 1, CLM_ERROR_INVALID_DATA);
  g_assert_cmpint (g_chmod (cert, 0644), ==, 0);
  g_assert_cmpint (g_chmod (directory, 0777), ==, 0);
  assert_refused (f, 1, CLM_ERROR_INVALID_DATA);
  g_assert_cmpint (g_chmod (directory, 0755), ==, 0);
  clm_sample_assert_whole (f->store, 1);
  g_assert_cmpint (g_unlink (cert), ==, 0);
  g_assert_cmpint (mkfifo (cert, 0644), ==, 0);
  assert_refused (f, 1, CLM_ERROR_INVALID_DATA);
  g_assert_cmpint (g_unlink (cert), ==, 0);
  g_assert_cmpint (g_mkdir (cert, 0755), ==, 0);
  assert_refused (f, 1, CLM_ERROR_INVALID_DATA);
}

static void
test_current_points_only_to_generations (Fixture *f, gconstpointer data)
{
  const char *const bad[] = { "gen/1", "gen/0000001", "gen/000000", "gen/000001/", "gen/../000001", "/gen/000001", "gen", "gen/-00001",
                              "gen/000001\n", "../mqtt/gen/000001", "gen/99999999999999999999" };
  g_autofree char *current = path_of (f, "web/current");
  g_autoptr (GError) error = NULL;

  clm_sample_rotate (f->store, 1, NOW);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_assert_cmpint (g_unlink (current), ==, 0);
    g_assert_cmpint (symlink (bad[i], current), ==, 0);
    g_assert_cmpuint (clm_generation_get_current (f->store, "web", &error), ==, 0);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
    g_clear_error (&error);
  }
  g_assert_cmpint (g_unlink (current), ==, 0);
  g_assert_true (g_file_set_contents (current, "gen/000001", -1, NULL));
  g_assert_cmpuint (clm_generation_get_current (f->store, "web", &error), ==, 0);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_assert_false (clm_generation_publish (f->store, "web", 1, NOW, NULL));
}

static void
test_leftovers_are_collected (Fixture *f, gconstpointer data)
{
  g_autofree char *meta = path_of (f, "web/gen/000003/meta");
  g_autofree char *temporary = path_of (f, "web/current.new");
  g_autoptr (GError) error = NULL;
  guint removed = 0;

  g_assert_true (clm_generation_collect (f->store, "web", &removed, &error));
  clm_sample_rotate (f->store, 1, NOW);
  clm_sample_rotate (f->store, 2, NOW);
  g_assert_true (clm_sample_write (f->store, 3, NULL));
  g_assert_cmpint (g_unlink (meta), ==, 0);
  g_assert_cmpint (symlink ("gen/000003", temporary), ==, 0);
  g_assert_true (clm_generation_collect (f->store, "web", &removed, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (removed, ==, 1);
  g_assert_cmpuint (clm_sample_count (f->state, "certificates/web"), ==, 2);
  g_assert_cmpuint (clm_sample_count (f->state, "certificates/web/gen"), ==, 2);
  clm_sample_assert_whole (f->store, 2);
}

static void
test_remove_all_removes_all (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  clm_sample_rotate (f->store, 1, NOW);
  clm_sample_rotate (f->store, 2, NOW);
  g_assert_true (clm_generation_remove_all (f->store, "web", &error));
  g_assert_true (clm_generation_remove_all (f->store, "web", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (clm_sample_count (f->state, "certificates"), ==, 0);
}

typedef struct {
  Fixture *fixture;
  gint     stop;
  guint    reads;
} Reader;

static gpointer
read_until_stopped (gpointer data)
{
  Reader *reader = data;
  g_autofree char *combined = path_of (reader->fixture, "web/current/combined.pem");

  while (!g_atomic_int_get (&reader->stop) || reader->reads == 0) {
    g_autoptr (GError) error = NULL;
    g_autoptr (ClmGenerationFds) fds = clm_generation_open_fds (reader->fixture->store, "web", TRUE, &error);
    g_autofree char *text = NULL;
    guint key = 0;
    g_autoptr (ClmGeneration) generation = NULL;
    g_autofree char *leaf = NULL;

    g_assert_no_error (error);
    clm_sample_assert_pair (fds);
    /* one file, opened once, through the link */
    g_assert_true (g_file_get_contents (combined, &text, NULL, NULL));
    g_assert_cmpint (sscanf (text, "-----BEGIN PRIVATE KEY-----\nkey-%u", &key), ==, 1);
    generation = clm_sample_generation (key);
    leaf = g_base64_encode (g_bytes_get_data (generation->leaf, NULL), 48);
    g_assert_nonnull (strstr (text, leaf));
    reader->reads++;
  }
  return NULL;
}

static void
test_readers_see_one_generation (Fixture *f, gconstpointer data)
{
  const ClmSyscalls calls = clm_sample_calls_without_sync ();
  Reader reader = { f };
  GThread *thread;

  clm_durable_set_calls (&calls);
  clm_sample_rotate (f->store, 1, NOW);
  thread = g_thread_new ("reader", read_until_stopped, &reader);
  for (guint i = 2; i <= ROTATIONS; i++)
    clm_sample_rotate (f->store, i, NOW);
  g_atomic_int_set (&reader.stop, 1);
  g_thread_join (thread);
  g_test_message ("%u reads during %u rotations", reader.reads, ROTATIONS);
  clm_durable_set_calls (NULL);
}

static void
test_state_of_others_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  char *state = clm_sample_make_state ();

  g_assert_cmpint (g_chmod (state, 0777), ==, 0);
  g_assert_null (clm_generation_store_open (state, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_clear_error (&error);
  clm_sample_remove_state (state);
  g_assert_null (clm_generation_store_open ("/nonexistent/state", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
}

#define ADD(path, function) g_test_add ("/generation/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("comes-back-as-written", test_comes_back_as_written);
  ADD ("without-key-no-key-files", test_without_key_no_key_files);
  ADD ("modes-whatever-the-umask", test_modes_whatever_the_umask);
  ADD ("publish-and-roll-back", test_publish_and_roll_back);
  ADD ("complete-ones-are-not-overwritten", test_complete_ones_are_not_overwritten);
  ADD ("foreign-keys-are-refused", test_foreign_keys_are_refused);
  ADD ("names-name-no-path", test_names_name_no_path);
  ADD ("removal-waits-and-keeps", test_removal_waits_and_keeps);
  ADD ("grace-begins-anew-when-unknown", test_grace_begins_anew_when_unknown);
  ADD ("untrusted-time-starts-no-grace", test_untrusted_time_starts_no_grace);
  ADD ("candidates-can-be-dropped", test_candidates_can_be_dropped);
  ADD ("lists", test_lists);
  ADD ("damage-is-seen-and-left", test_damage_is_seen_and_left);
  ADD ("missing-file-is-seen", test_missing_file_is_seen);
  g_test_add_func ("/generation/safety-22-each-bit-of-meta-counts", test_each_bit_of_meta_counts);
  g_test_add_func ("/generation/meta-of-others-is-refused", test_meta_of_others_is_refused);
  ADD ("copied-generation-is-refused", test_copied_generation_is_refused);
  ADD ("safety-14-planted-links-are-not-followed", test_planted_links_are_not_followed);
  ADD ("safety-14-planted-files-are-refused", test_planted_files_are_refused);
  ADD ("current-points-only-to-generations", test_current_points_only_to_generations);
  ADD ("leftovers-are-collected", test_leftovers_are_collected);
  ADD ("remove-all-removes-all", test_remove_all_removes_all);
  ADD ("readers-see-one-generation", test_readers_see_one_generation);
  g_test_add_func ("/generation/state-of-others-is-refused", test_state_of_others_is_refused);
  return g_test_run ();
}
