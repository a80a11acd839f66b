/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target.h"

#include "clm-error.h"
#include "directory.h"
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  char *folder;
  char *path;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = sample_folder ();
  fixture->path = g_build_filename (fixture->folder, "dir", "web.pem", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  sample_remove_folder (fixture->folder);
  g_free (fixture->folder);
  g_free (fixture->path);
}

static ClmTarget *
prepare (const char *path, const char *text, GError **error)
{
  g_autoptr (ClmSecret) content = clm_secret_new (text, strlen (text));
  ClmTargetSpec spec = {.path = path, .content = content, .mode = 0640};

  return clm_target_prepare (&spec, error);
}

static GPtrArray *
new_targets (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) clm_target_free);
}

static void
put (const char *path, const char *text)
{
  g_autoptr (GPtrArray) targets = new_targets ();
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (targets, prepare (path, text, &error));
  g_assert_no_error (error);
  g_assert_true (clm_target_commit_all (targets, &error));
  g_assert_no_error (error);
}

static void
assert_there (Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *there = sample_read (fixture->folder, name);

  g_assert_cmpstr (there, ==, text);
}

static void
test_prepare_touches_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (ClmTarget) target = NULL;
  g_autoptr (GError) error = NULL;

  put (fixture->path, "old");
  target = prepare (fixture->path, "new", &error);
  g_assert_no_error (error);
  g_assert_true (clm_target_is_changed (target));
  assert_there (fixture, "dir/web.pem", "old");
  g_assert_cmpuint (sample_count (fixture->folder, "dir"), ==, 2);
  g_clear_pointer (&target, clm_target_free);
  g_assert_cmpuint (sample_count (fixture->folder, "dir"), ==, 1);
}

static void
test_same_content_is_unchanged (Fixture *fixture, gconstpointer data)
{
  g_autoptr (ClmTarget) target = NULL;
  g_autoptr (GError) error = NULL;

  put (fixture->path, "text");
  target = prepare (fixture->path, "text", &error);
  g_assert_no_error (error);
  g_assert_false (clm_target_is_changed (target));
}

/* The second of three cannot be put in place: the first is as before, whether it was there or not. */
static void
test_all_or_nothing (Fixture *fixture, gconstpointer data)
{
  g_autofree char *second = g_build_filename (fixture->folder, "gone", "b", NULL);
  g_autofree char *gone = g_build_filename (fixture->folder, "gone", NULL);
  g_autofree char *moved = g_build_filename (fixture->folder, "moved", NULL);
  g_autofree char *third = g_build_filename (fixture->folder, "dir", "c", NULL);
  g_autoptr (GPtrArray) targets = new_targets ();
  g_autoptr (GError) error = NULL;

  if (data)
    put (fixture->path, "old");
  g_ptr_array_add (targets, prepare (fixture->path, "new", &error));
  g_ptr_array_add (targets, prepare (second, "new", &error));
  g_ptr_array_add (targets, prepare (third, "new", &error));
  g_assert_no_error (error);
  /* the parent is swapped between preparation and rename */
  g_assert_cmpint (rename (gone, moved), ==, 0);
  g_assert_cmpint (mkdir (gone, 0755), ==, 0);
  g_assert_false (clm_target_commit_all (targets, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (error->message, "somebody else moves files"));
  g_clear_pointer (&targets, g_ptr_array_unref);
  assert_there (fixture, "dir/web.pem", data);
  assert_there (fixture, "gone/b", NULL);
  g_assert_cmpuint (sample_count (fixture->folder, "gone"), ==, 0);
  g_assert_cmpuint (sample_count (fixture->folder, "moved"), ==, 0);
  g_assert_cmpuint (sample_count (fixture->folder, "dir"), ==, data ? 1 : 0);
}

/* The parent becomes a symlink to somewhere else between preparation and rename: nothing arrives there. */
static void
test_parent_becomes_symlink (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = g_build_filename (fixture->folder, "dir", NULL);
  g_autofree char *away = g_build_filename (fixture->folder, "away", NULL);
  g_autofree char *bait = g_build_filename (fixture->folder, "bait", NULL);
  g_autoptr (GPtrArray) targets = new_targets ();
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (targets, prepare (fixture->path, "new", &error));
  g_assert_no_error (error);
  g_assert_cmpint (mkdir (bait, 0755), ==, 0);
  g_assert_cmpint (rename (dir, away), ==, 0);
  g_assert_cmpint (symlink (bait, dir), ==, 0);
  g_assert_false (clm_target_commit_all (targets, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_cmpuint (sample_count (fixture->folder, "bait"), ==, 0);
  g_assert_null (prepare (fixture->path, "new", NULL));
}

static void
test_temporary_is_replaced (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) targets = new_targets ();
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_build_filename (fixture->folder, "dir", NULL);
  g_autofree char *planted = NULL;
  GDir *entries;

  g_ptr_array_add (targets, prepare (fixture->path, "new", &error));
  g_assert_no_error (error);
  entries = g_dir_open (dir, 0, NULL);
  planted = g_build_filename (dir, g_dir_read_name (entries), NULL);
  g_dir_close (entries);
  g_assert_cmpint (unlink (planted), ==, 0);
  g_assert_cmpint (symlink ("/etc/passwd", planted), ==, 0);
  g_assert_false (clm_target_commit_all (targets, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_clear_pointer (&targets, g_ptr_array_unref);
  g_assert_cmpuint (sample_count (fixture->folder, "dir"), ==, 0);
}

/* In a child, because a limit cannot be taken back: no room to write in. */
static void
fail_for_size (const char *path)
{
  struct rlimit none = {0, 0};
  g_autoptr (ClmTarget) target = NULL;
  g_autoptr (GError) error = NULL;

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &none);
  target = prepare (path, "new", &error);
  _exit (target == NULL && error && error->domain == CLM_ERROR ? 0 : 1);
}

static void
test_cannot_write (Fixture *fixture, gconstpointer data)
{
  int status = -1;
  pid_t pid;

  put (fixture->path, "old");
  pid = fork ();
  if (pid == 0)
    fail_for_size (fixture->path);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  assert_there (fixture, "dir/web.pem", "old");
  g_assert_cmpuint (sample_count (fixture->folder, "dir"), ==, 1);
}

static void
write_text (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_TRUNC | O_CLOEXEC);

  if (fd < 0 || write (fd, text, strlen (text)) < 0)
    _exit (77);
  close (fd);
}

/* A real file system that is full, in a mount namespace of a child. */
static void
fail_on_full_disk (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "disk", "web.pem", NULL);
  g_autofree char *disk = g_build_filename (folder, "disk", NULL);
  g_autofree char *big = g_strnfill (60000, 'x');
  g_autofree char *map = g_strdup_printf ("0 %u 1", (guint) geteuid ());
  g_autofree char *group_map = g_strdup_printf ("0 %u 1", (guint) getegid ());
  gboolean was_root = geteuid () == 0;
  g_autoptr (GError) error = NULL;

  if (unshare (was_root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) < 0)
    _exit (77);
  if (!was_root) {
    write_text ("/proc/self/setgroups", "deny");
    write_text ("/proc/self/uid_map", map);
    write_text ("/proc/self/gid_map", group_map);
  }
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mkdir (disk, 0755) < 0 || mount ("none", disk, "tmpfs", 0, "size=16k") < 0)
    _exit (77);
  put (path, "old");
  g_assert_null (prepare (path, big, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_assert_nonnull (strstr (error->message, "web.pem"));
  g_assert_nonnull (strstr (clm_error_get_hint (error), "make room"));
  g_autofree char *there = sample_read (folder, "disk/web.pem");
  g_assert_cmpstr (there, ==, "old");
  g_assert_cmpuint (sample_count (folder, "disk"), ==, 1);
  _exit (0);
}

static void
test_full_disk (Fixture *fixture, gconstpointer data)
{
  int status = -1;
  pid_t pid = fork ();

  if (pid == 0)
    fail_on_full_disk (fixture->folder);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  if (WEXITSTATUS (status) == 77)
    g_test_skip ("no right to mount a small file system");
  else
    g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

/* Kernels without openat2(2) walk; they find and refuse the same. */
static void
test_walk (Fixture *fixture, gconstpointer data)
{
  g_autofree char *deep = g_build_filename (fixture->folder, "a", "b", "c", NULL);
  g_autofree char *link_path = g_build_filename (fixture->folder, "link", NULL);
  g_autofree char *through = g_build_filename (link_path, "b", NULL);
  int fd;

  g_assert_cmpint (clm_directory_open_by_parts (deep, FALSE), ==, -1);
  fd = clm_directory_open_by_parts (deep, TRUE);
  g_assert_cmpint (fd, >=, 0);
  g_assert_true (clm_directory_is_still (deep, fd));
  close (fd);
  g_assert_cmpint (symlink ("a", link_path), ==, 0);
  g_assert_cmpint (clm_directory_open_by_parts (through, FALSE), ==, -1);
  g_assert_true (errno == ELOOP || errno == ENOTDIR);
}

static void
test_read_own (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "file", NULL);
  g_autofree char *link_path = g_build_filename (fixture->folder, "link", NULL);
  g_autoptr (ClmSecret) content = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  sample_write (fixture->folder, "file", "text");
  g_assert_cmpint (symlink (path, link_path), ==, 0);
  content = clm_target_read_own (path, 4, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (clm_secret_peek (content, &size), 4, "text", 4);
  g_assert_null (clm_target_read_own (path, 3, NULL));
  g_assert_null (clm_target_read_own (link_path, 4, NULL));
  g_assert_cmpint (chmod (path, 0664), ==, 0);
  g_assert_null (clm_target_read_own (path, 4, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
}

#define ADD(path, function, data) g_test_add (path, Fixture, data, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/target/prepare-touches-nothing", test_prepare_touches_nothing, NULL);
  ADD ("/target/same-content-is-unchanged", test_same_content_is_unchanged, NULL);
  ADD ("/target/all-or-nothing", test_all_or_nothing, "old");
  ADD ("/target/all-or-nothing-new", test_all_or_nothing, NULL);
  ADD ("/target/safety-15-parent-becomes-symlink", test_parent_becomes_symlink, NULL);
  ADD ("/target/temporary-is-replaced", test_temporary_is_replaced, NULL);
  ADD ("/target/cannot-write", test_cannot_write, NULL);
  ADD ("/target/full-disk", test_full_disk, NULL);
  ADD ("/target/walk-without-openat2", test_walk, NULL);
  ADD ("/target/read-own", test_read_own, NULL);
  return g_test_run ();
}
