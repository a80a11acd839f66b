/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk that is full or takes no writes. Real ones: small tmpfs in a mount namespace of this process, which only root may make;
 * what a limit on the size of files can show is tested by everybody.
 */
#include "bench.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "clm-error.h"

#define DAY 86400

static gboolean may_mount;

/* The namespace */

/* Before there is any thread. A user namespace would not do: to it the folders above belong to nobody whom the daemon trusts. */
static gboolean
enter_namespace (void)
{
  return unshare (CLONE_NEWNS) == 0 && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* The disk */

/* Mounted over @below of the state folder, "" for the whole. */
static char *
mount_disk (Bench      *bench,
            const char *below)
{
  char *path = g_build_filename (bench->state, below, NULL);

  g_assert_cmpint (g_mkdir_with_parents (path, 0711), ==, 0);
  g_assert_cmpint (mount ("none", path, "tmpfs", 0, "size=1m,mode=0711"), ==, 0);
  return path;
}

static void
set_read_only (const char *disk,
               gboolean    read_only)
{
  g_assert_cmpint (mount (NULL, disk, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), NULL), ==, 0);
}

/* To the last byte. */
static void
fill (const char *disk)
{
  g_autofree char *path = g_build_filename (disk, "filler", NULL);
  static const char block[4096];
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  while (write (fd, block, sizeof block) > 0)
    ;
  g_assert_cmpint (errno, ==, ENOSPC);
  close (fd);
}

static void
make_room (const char *disk)
{
  g_autofree char *path = g_build_filename (disk, "filler", NULL);

  g_assert_cmpint (g_unlink (path), ==, 0);
}

/* No file may grow, for root neither. */
static void
set_limit (gboolean limited)
{
  struct rlimit limit;

  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  limit.rlim_cur = limited ? 0 : limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

static void
bench_start_web (Bench *bench)
{
  bench_certificate (bench, "web", "Validity=30d\n");
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
}

/* Ends it before the disk goes away below it. */
static void
finish (Bench      *bench,
        const char *disk)
{
  bench_stop (bench);
  g_assert_cmpint (umount2 (disk, MNT_DETACH), ==, 0);
}

/* Where its files are kept, while the database can be written */

static void
break_disk (const char *disk,
            const char *how)
{
  if (g_str_equal (how, "full"))
    fill (disk);
  else
    set_read_only (disk, TRUE);
}

static void
repair_disk (const char *disk,
             const char *how)
{
  if (g_str_equal (how, "full"))
    make_room (disk);
  else
    set_read_only (disk, FALSE);
}

static void
test_files (gconstpointer how)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *disk = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  g_autoptr (ClmRecord) record = NULL;

  if (!may_mount) {
    g_test_skip ("no mount namespace can be made here");
    return;
  }
  disk = mount_disk (bench, "certificates");
  bench_start_web (bench);
  before = bench_snapshot (bench, "web");
  break_disk (disk, how);
  bench_advance (bench, 20 * DAY + 3600);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "storage");
  g_assert_cmpstr (record->error, ==, "Storage");
  g_assert_nonnull (strstr (record->message, g_str_equal (how, "full") ? g_strerror (ENOSPC) : g_strerror (EROFS)));
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_RENEW);
  g_assert_cmpint (record->next_time, >, clm_manager_get_time (bench->manager));
  /* With back-off: the CA is not asked without end for what cannot be kept. */
  g_assert_cmpuint (record->attempts, >=, 2);
  g_assert_cmpuint (record->attempts, <=, 12);
  after = bench_snapshot (bench, "web");
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  /* It survives a restart, and recovers without anybody's help. */
  bench_restart (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  repair_disk (disk, how);
  bench_advance (bench, DAY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  bench_assert_no_leftovers (bench, "web");
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
  finish (bench, disk);
}

/* The first one of all, into a disk that is full from the beginning. */
static void
test_files_first (gconstpointer how)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *disk = NULL;
  g_autoptr (ClmRecord) record = NULL;

  if (!may_mount) {
    g_test_skip ("no mount namespace can be made here");
    return;
  }
  disk = mount_disk (bench, "certificates");
  break_disk (disk, how);
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "storage");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 0);
  repair_disk (disk, how);
  bench_advance (bench, DAY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  finish (bench, disk);
}

/* Where nothing can be written, not even why */

static void
check_paused (Bench *bench)
{
  g_autoptr (ClmRecord) record = NULL;
  guint before;

  bench_advance (bench, 20 * DAY + 60);
  g_assert_cmpuint (bench_count_events (bench, "storage-failed"), >=, 1);
  record = bench_record (bench, "web");
  g_assert_cmpuint (record->generation, ==, 1);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  /* One round in half a minute, not one after the other. */
  before = bench_count_events (bench, "storage-failed");
  bench_advance (bench, 300);
  g_assert_cmpuint (bench_count_events (bench, "storage-failed"), >=, before + 5);
  g_assert_cmpuint (bench_count_events (bench, "storage-failed"), <=, before + 15);
  /* What cannot be noted is not begun: no key, no certificate. */
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "issued"), ==, 1);
  g_assert_cmpuint (bench_count_keys (bench), ==, 1);
}

static void
check_recovery (Bench *bench)
{
  bench_advance (bench, 60);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "issued"), ==, 2);
  bench_assert_no_leftovers (bench, "web");
  bench_restart (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 3);
}

static void
test_full_state (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *disk = NULL;

  if (!may_mount) {
    g_test_skip ("no mount namespace can be made here");
    return;
  }
  disk = mount_disk (bench, "");
  bench_start_web (bench);
  fill (disk);
  check_paused (bench);
  make_room (disk);
  check_recovery (bench);
  finish (bench, disk);
}

static void
test_limited_state (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_start_web (bench);
  set_limit (TRUE);
  check_paused (bench);
  set_limit (FALSE);
  check_recovery (bench);
}

/* Who asks is told; and the next who asks gets what he asks for. */
static void
test_asked (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (GError) error = NULL;

  bench_start_web (bench);
  set_limit (TRUE);
  error = bench_try_renew (bench, "web", FALSE);
  set_limit (FALSE);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
}

/* A removal that the disk does not let through is gone on with, and remembers what was asked. */
static void
test_removal (gconstpointer data)
{
  gboolean keep_key = data != NULL;
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *disk = NULL;
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  if (!may_mount) {
    g_test_skip ("no mount namespace can be made here");
    return;
  }
  disk = mount_disk (bench, "certificates");
  bench_start_web (bench);
  bench_unlink (bench, "certificates.d/web.certificate");
  error = bench_reload (bench);
  g_assert_no_error (error);
  set_read_only (disk, TRUE);
  error = bench_run (bench, clm_manager_remove (bench->manager, NULL, "web", keep_key, NULL));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  bench_restart (bench);
  bench_settle (bench);
  record = bench_record (bench, "web");
  g_assert_cmpstr (record->reason, ==, keep_key ? "removing-keep-key" : "removing");
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_REMOVE);
  set_read_only (disk, FALSE);
  bench_advance (bench, 2 * 3600);
  g_assert_null (clm_manager_get_record (bench->manager, "web", NULL));
  g_assert_cmpuint (bench_count_keys (bench), ==, keep_key ? 1 : 0);
  finish (bench, disk);
}

int
main (int   argc,
      char *argv[])
{
  may_mount = enter_namespace ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/storage/files/full", "full", test_files);
  g_test_add_data_func ("/storage/files/read-only", "read-only", test_files);
  g_test_add_data_func ("/storage/first/full", "full", test_files_first);
  g_test_add_data_func ("/storage/first/read-only", "read-only", test_files_first);
  g_test_add_func ("/storage/safety-24-full-state", test_full_state);
  g_test_add_func ("/storage/safety-24-limited-state", test_limited_state);
  g_test_add_func ("/storage/asked", test_asked);
  g_test_add_data_func ("/storage/removal/with-key", NULL, test_removal);
  g_test_add_data_func ("/storage/removal/keep-key", "keep", test_removal);
  return g_test_run ();
}
