/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "durable-file.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clm-error.h"
#include "generation-sample.h"

typedef struct {
  char *path;
  int   fd;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->path = clm_sample_make_state ();
  f->fd = clm_durable_open_root (f->path, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  clm_durable_clear_fd (&f->fd);
  clm_sample_remove_state (f->path);
}

static void
assert_content (Fixture *f, const char *name, const char *content)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = clm_durable_read (f->fd, name, 100, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), content, strlen (content));
}

static void
test_write_makes_new_files_only (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_durable_write (f->fd, "a", "one", 3, 0640, NULL, &error));
  g_assert_no_error (error);
  assert_content (f, "a", "one");
  g_assert_false (clm_durable_write (f->fd, "a", "two", 3, 0640, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  assert_content (f, "a", "one");
  g_assert_true (clm_durable_write (f->fd, "empty", NULL, 0, 0600, NULL, NULL));
  assert_content (f, "empty", "");
}

static void
test_replace_replaces (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  struct stat st = { 0 };

  g_assert_true (clm_durable_replace (f->fd, "a", "one", 3, 0600, NULL, &error));
  g_assert_true (clm_durable_replace (f->fd, "a", "three", 5, 0644, NULL, &error));
  g_assert_no_error (error);
  assert_content (f, "a", "three");
  g_assert_cmpint (fstatat (f->fd, "a", &st, 0), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0644);
  g_assert_cmpuint (clm_sample_count (f->path, "."), ==, 1);
  /* what an interrupted one left */
  g_assert_true (clm_durable_write (f->fd, "a.new", "half", 4, 0600, NULL, &error));
  g_assert_true (clm_durable_replace (f->fd, "a", "four", 4, 0644, NULL, &error));
  assert_content (f, "a", "four");
  g_assert_cmpuint (clm_sample_count (f->path, "."), ==, 1);
}

static void
test_links_are_not_followed (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_durable_write (f->fd, "a", "one", 3, 0644, NULL, NULL));
  g_assert_cmpint (symlinkat ("a", f->fd, "link"), ==, 0);
  g_assert_cmpint (symlinkat ("nowhere", f->fd, "dangling"), ==, 0);
  g_assert_cmpint (symlinkat (".", f->fd, "directory"), ==, 0);
  g_assert_null (clm_durable_read (f->fd, "link", 100, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_false (clm_durable_write (f->fd, "dangling", "x", 1, 0600, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_cmpint (faccessat (f->fd, "nowhere", F_OK, 0), !=, 0);
  g_assert_cmpint (clm_durable_open_directory (f->fd, "directory", &error), ==, -1);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
test_size_is_limited (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_durable_write (f->fd, "a", "0123456789", 10, 0644, NULL, NULL));
  g_assert_null (clm_durable_read (f->fd, "a", 9, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_null (clm_durable_read (f->fd, "b", 9, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
}

static void
test_hash_is_sha256 (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *of_file = NULL;
  g_autofree char *of_data = clm_durable_hash_data ("abc", 3, &error);

  g_assert_cmpstr (of_data, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  g_assert_true (clm_durable_write (f->fd, "a", "abc", 3, 0600, NULL, &error));
  of_file = clm_durable_hash (f->fd, "a", 100, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (of_file, ==, of_data);
}

static void
test_directories (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  clm_autofd made = clm_durable_make_directory (f->fd, "d", 0711, NULL, &error);
  clm_autofd found = clm_durable_ensure_directory (f->fd, "d", 0711, NULL, &error);
  g_auto (GStrv) names = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (made, >=, 0);
  g_assert_cmpint (found, >=, 0);
  g_assert_cmpint (clm_durable_make_directory (f->fd, "d", 0711, NULL, &error), ==, -1);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_true (clm_durable_write (f->fd, "c", "", 0, 0600, NULL, NULL));
  names = clm_durable_list (f->fd, &error);
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  g_assert_cmpstr (names[0], ==, "c");
  g_assert_cmpstr (names[1], ==, "d");
  g_assert_false (clm_durable_remove (f->fd, "d", &error));
  g_clear_error (&error);
  g_assert_true (clm_durable_remove_directory (f->fd, "d", &error));
  g_assert_true (clm_durable_remove_directory (f->fd, "d", &error));
  g_assert_true (clm_durable_remove (f->fd, "gone", &error));
  g_assert_no_error (error);
}

static void
test_interrupted_directory_gets_its_mode (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  clm_autofd fd = -1;
  struct stat st;

  g_assert_cmpint (mkdirat (f->fd, "d", 0700), ==, 0);
  fd = clm_durable_ensure_directory (f->fd, "d", 0711, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fstat (fd, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0711);
}

static void
test_held_directory_outlives_a_swap (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  clm_autofd held = clm_durable_make_directory (f->fd, "d", 0755, NULL, &error);
  g_autofree char *from = g_build_filename (f->path, "d", NULL);
  g_autofree char *to = g_build_filename (f->path, "moved", NULL);
  g_autofree char *written = g_build_filename (to, "a", NULL);

  /* Somebody swaps the parent while we work: what we write stays in the directory that we hold. */
  g_assert_cmpint (g_rename (from, to), ==, 0);
  g_assert_cmpint (symlinkat ("/tmp", f->fd, "d"), ==, 0);
  g_assert_true (clm_durable_replace (held, "a", "one", 3, 0600, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_test (written, G_FILE_TEST_IS_REGULAR));
}

static void
test_link_switches (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  g_assert_true (clm_durable_replace_link (f->fd, "current", "gen/1", NULL, &error));
  first = clm_durable_read_link (f->fd, "current", &error);
  g_assert_true (clm_durable_replace_link (f->fd, "current", "gen/2", NULL, &error));
  second = clm_durable_read_link (f->fd, "current", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (first, ==, "gen/1");
  g_assert_cmpstr (second, ==, "gen/2");
  g_assert_cmpuint (clm_sample_count (f->path, "."), ==, 1);
  g_assert_true (clm_durable_write (f->fd, "file", "", 0, 0600, NULL, NULL));
  g_assert_false (clm_durable_replace_link (f->fd, "file", "gen/3", NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

/* --- what is not synced is not written, also where no barrier stands for many --- */

static int  fail_sync_from, n_syncs, sync_errno;
static char modes[512];

static int
sync_or_fail (int fd)
{
  if (++n_syncs < fail_sync_from)
    return fsync (fd);
  errno = sync_errno;
  return -1;
}

/* The content, then the directory: whichever fails, nothing is there afterwards. */
static void
test_failed_sync (Fixture *f, gconstpointer data)
{
  ClmSyscalls table = *clm_durable_get_system_calls ();
  static const int numbers[] = { EIO, ENOSPC };

  table.sync = sync_or_fail;
  clm_durable_set_calls (&table);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    for (fail_sync_from = 1; fail_sync_from <= 2; fail_sync_from++) {
      g_autoptr (GError) error = NULL;

      sync_errno = numbers[i];
      n_syncs = 0;
      g_assert_false (clm_durable_write (f->fd, "a", "one", 3, 0640, NULL, &error));
      g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
      g_assert_cmpint (n_syncs, ==, fail_sync_from);
      g_assert_cmpuint (clm_sample_count (f->path, "."), ==, 0);
    }
  }
  fail_sync_from = 1;
  g_assert_false (clm_durable_replace_link (f->fd, "current", "gen/1", NULL, NULL));
  g_assert_cmpuint (clm_sample_count (f->path, "."), ==, 0);
  g_assert_cmpint (clm_durable_make_directory (f->fd, "d", 0755, NULL, NULL), ==, -1);
  g_assert_cmpuint (clm_sample_count (f->path, "."), ==, 0);
  clm_durable_set_calls (NULL);
}

static int
note_mode (int fd, mode_t mode)
{
  struct stat st;

  g_assert_cmpint (fstat (fd, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  g_snprintf (modes, sizeof modes, "%o", (guint) mode);
  return fchmod (fd, mode);
}

/* Whatever the umask: closed until it is given the mode that it shall have. */
static void
test_closed_at_first (Fixture *f, gconstpointer data)
{
  ClmSyscalls table = *clm_durable_get_system_calls ();
  mode_t before = umask (0);

  table.set_mode = note_mode;
  clm_durable_set_calls (&table);
  g_assert_true (clm_durable_write (f->fd, "a", "one", 3, 0644, NULL, NULL));
  clm_durable_set_calls (NULL);
  umask (before);
  g_assert_cmpstr (modes, ==, "644");
}

static void
refuse_to_read (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_durable_read (f->fd, "file", 100, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
refuse_to_open (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (clm_durable_open_directory (f->fd, "d", &error), ==, -1);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

/* What another user owns, may write to, or has a name of. */
static void
test_others (Fixture *f, gconstpointer data)
{
  clm_autofd made = clm_durable_make_directory (f->fd, "d", 0755, NULL, NULL);

  g_assert_true (clm_durable_write (f->fd, "file", "one", 3, 0640, NULL, NULL));
  g_assert_cmpint (fchmodat (f->fd, "file", 0660, 0), ==, 0);
  refuse_to_read (f);
  g_assert_cmpint (fchmodat (f->fd, "file", 0640, 0), ==, 0);
  g_assert_cmpint (linkat (f->fd, "file", f->fd, "second", 0), ==, 0);
  refuse_to_read (f);
  g_assert_cmpint (unlinkat (f->fd, "second", 0), ==, 0);
  g_assert_cmpint (fchmod (made, 0775), ==, 0);
  refuse_to_open (f);
  g_assert_cmpint (fchmod (made, 0755), ==, 0);
  assert_content (f, "file", "one");
  if (getuid () != 0) {
    g_test_skip ("the rest needs root, to give files away");
    return;
  }
  g_assert_cmpint (fchownat (f->fd, "file", 65534, -1, 0), ==, 0);
  refuse_to_read (f);
  g_assert_cmpint (fchown (made, 65534, -1), ==, 0);
  refuse_to_open (f);
}

#define ADD(path, function) g_test_add ("/durable-file/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("write-makes-new-files-only", test_write_makes_new_files_only);
  ADD ("replace-replaces", test_replace_replaces);
  ADD ("links-are-not-followed", test_links_are_not_followed);
  ADD ("size-is-limited", test_size_is_limited);
  ADD ("hash-is-sha256", test_hash_is_sha256);
  ADD ("directories", test_directories);
  ADD ("interrupted-directory-gets-its-mode", test_interrupted_directory_gets_its_mode);
  ADD ("safety-15-held-directory-outlives-a-swap", test_held_directory_outlives_a_swap);
  ADD ("link-switches", test_link_switches);
  ADD ("safety-21-what-is-not-synced-is-not-written", test_failed_sync);
  ADD ("safety-14-what-is-of-others-is-refused", test_others);
  ADD ("closed-until-it-has-its-mode", test_closed_at_first);
  return g_test_run ();
}
