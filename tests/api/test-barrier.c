/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-barrier.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clm-error.h"

/* The kernel: the library finds these before libc's. */

static GMutex lock;
static GCond changed;
static guint n_whole, n_each;   /* calls, ever */
static gboolean gate_closed;    /* a sync of the whole stays in the kernel */
static int next_error;          /* of the next sync; 0: none */
static gboolean is_overlay;

int syncfs (int fd);

static int
end_with_error (void)
{
  int number = next_error;

  next_error = 0;
  errno = number;
  return number ? -1 : 0;
}

int
syncfs (int fd)
{
  int result;

  g_mutex_lock (&lock);
  n_whole++;
  g_cond_broadcast (&changed);
  while (gate_closed)
    g_cond_wait (&changed, &lock);
  result = end_with_error ();
  g_mutex_unlock (&lock);
  return result;
}

int
fsync (int fd)
{
  n_each++;
  return end_with_error ();
}

int
fstatfs (int fd, struct statfs *status)
{
  *status = (struct statfs) { .f_type = is_overlay ? OVERLAYFS_SUPER_MAGIC : EXT4_SUPER_MAGIC };
  return 0;
}

static void
set_gate (gboolean closed)
{
  g_mutex_lock (&lock);
  gate_closed = closed;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
}

static void
wait_for_whole (guint n)
{
  g_mutex_lock (&lock);
  while (n_whole < n)
    g_cond_wait (&changed, &lock);
  g_mutex_unlock (&lock);
}

/* A folder to write in */

static char *path;
static int directory;

static gpointer
wait_in_thread (gpointer data)
{
  GError *error = NULL;

  if (clm_barrier_wait (data, &error))
    g_assert_no_error (error);
  return error;
}

/* This first: of what kind a file system is, is asked until it is one that is synced as a whole. */
static void
each_by_itself_where_the_whole_is_no_good (void)
{
  g_autoptr (ClmBarrier) barrier = NULL;
  g_autoptr (GError) error = NULL;
  int file = openat (directory, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  is_overlay = TRUE;
  barrier = clm_barrier_begin (directory);
  clm_barrier_add (barrier, file);
  close (file);
  clm_barrier_add (barrier, directory);
  g_assert_cmpuint (n_each, ==, 0);
  g_assert_true (clm_barrier_wait (barrier, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_each, ==, 2);
  g_assert_true (clm_barrier_wait (barrier, &error));
  g_assert_cmpuint (n_each, ==, 2);
  clm_barrier_add (barrier, directory);
  next_error = EIO;
  g_assert_false (clm_barrier_wait (barrier, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_assert_cmpuint (n_whole, ==, 0);
  is_overlay = FALSE;
}

typedef struct {
  ClmBarrier *barrier;
  GThread    *thread;
  int         id;        /* of the thread for the kernel; 0: not begun */
} Waiter;

static gpointer
wait_as (gpointer data)
{
  Waiter *waiter = data;

  g_atomic_int_set (&waiter->id, gettid ());
  return wait_in_thread (waiter->barrier);
}

static gboolean
is_asleep (Waiter *waiter)
{
  g_autofree char *status = g_strdup_printf ("/proc/self/task/%d/status", g_atomic_int_get (&waiter->id));
  g_autofree char *text = NULL;

  return g_file_get_contents (status, &text, NULL, NULL) && strstr (text, "\nState:\tS") != NULL;
}

/* Each by itself, too: one that fails, or could not even be kept, is a failure of the barrier, whatever comes after it. */
static void
one_of_them_fails (void)
{
  g_autoptr (GError) error = NULL, other = NULL;
  g_autoptr (ClmBarrier) barrier = NULL, full = NULL;
  struct rlimit before, none = { 0, 0 };

  is_overlay = TRUE;
  barrier = clm_barrier_begin (directory);
  clm_barrier_add (barrier, directory);
  clm_barrier_add (barrier, directory);
  next_error = EIO;
  g_assert_false (clm_barrier_wait (barrier, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);

  full = clm_barrier_begin (directory);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  none.rlim_max = before.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  clm_barrier_add (full, directory);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_false (clm_barrier_wait (full, &other));
  g_assert_error (other, CLM_ERROR, CLM_ERROR_STORAGE);
  is_overlay = FALSE;
}

/* Who comes while one sync is under way waits for the next, which serves all of them. */
static void
who_waits_shares_one_sync (void)
{
  Waiter waiters[16] = { 0 };
  guint before = n_whole;

  set_gate (TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++) {
    waiters[i].barrier = clm_barrier_begin (directory);
    waiters[i].thread = g_thread_new ("waits", wait_as, &waiters[i]);
    wait_for_whole (before + 1);
    while (!is_asleep (&waiters[i]))
      g_thread_yield ();
  }
  set_gate (FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++) {
    g_assert_null (g_thread_join (waiters[i].thread));
    clm_barrier_free (waiters[i].barrier);
  }
  g_assert_cmpuint (n_whole - before, ==, 2);
}

/* A sync that was under way may have missed what was written since, so it is not enough. */
static void
a_sync_under_way_is_not_enough (void)
{
  g_autoptr (ClmBarrier) first = clm_barrier_begin (directory);
  g_autoptr (ClmBarrier) second = NULL;
  GThread *one, *two;
  guint before = n_whole;

  set_gate (TRUE);
  one = g_thread_new ("first", wait_in_thread, first);
  wait_for_whole (before + 1);
  second = clm_barrier_begin (directory);
  two = g_thread_new ("second", wait_in_thread, second);
  set_gate (FALSE);
  g_assert_null (g_thread_join (one));
  g_assert_null (g_thread_join (two));
  g_assert_cmpuint (n_whole - before, ==, 2);
}

/* The kernel tells a failure once. It is that of everybody who had begun by then, also of who waits later; not of who begins later. */
static void
a_failure_is_of_all_who_had_begun (void)
{
  g_autoptr (ClmBarrier) early = clm_barrier_begin (directory);
  g_autoptr (ClmBarrier) unlucky = clm_barrier_begin (directory);
  g_autoptr (ClmBarrier) late = NULL;
  g_autoptr (GError) error = NULL;

  next_error = EIO;
  g_assert_false (clm_barrier_wait (unlucky, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_clear_error (&error);
  late = clm_barrier_begin (directory);
  g_assert_false (clm_barrier_wait (early, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_clear_error (&error);
  g_assert_true (clm_barrier_wait (late, &error));
  g_assert_no_error (error);
  /* What comes after the failure is judged by itself. */
  g_assert_true (clm_barrier_wait (early, &error));
  g_assert_no_error (error);
}

static void
interrupted_is_tried_again (void)
{
  g_autoptr (ClmBarrier) barrier = clm_barrier_begin (directory);
  g_autoptr (GError) error = NULL;

  next_error = EINTR;
  g_assert_true (clm_barrier_wait (barrier, &error));
  g_assert_no_error (error);
}

static void
a_full_disk_has_its_hint (void)
{
  g_autoptr (ClmBarrier) barrier = clm_barrier_begin (directory);
  g_autoptr (GError) error = NULL;

  next_error = ENOSPC;
  g_assert_false (clm_barrier_wait (barrier, &error));
  g_assert_nonnull (clm_error_get_hint (error));
}

int
main (int argc, char **argv)
{
  g_autofree char *file = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  path = g_dir_make_tmp ("certloom-barrier-XXXXXX", NULL);
  directory = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_test_add_func ("/barrier/each-by-itself-where-the-whole-is-no-good", each_by_itself_where_the_whole_is_no_good);
  g_test_add_func ("/barrier/safety-21-one-of-them-fails", one_of_them_fails);
  g_test_add_func ("/barrier/who-waits-shares-one-sync", who_waits_shares_one_sync);
  g_test_add_func ("/barrier/a-sync-under-way-is-not-enough", a_sync_under_way_is_not_enough);
  g_test_add_func ("/barrier/safety-21-a-failure-is-of-all-who-had-begun", a_failure_is_of_all_who_had_begun);
  g_test_add_func ("/barrier/interrupted-is-tried-again", interrupted_is_tried_again);
  g_test_add_func ("/barrier/a-full-disk-has-its-hint", a_full_disk_has_its_hint);
  status = g_test_run ();
  file = g_build_filename (path, "file", NULL);
  g_unlink (file);
  close (directory);
  g_rmdir (path);
  g_free (path);
  return status;
}
