/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every call that the files of a generation make to the kernel, one after the other: it fails, falls short, or is the last one. */
#include "generation-sample.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include "clm-error.h"

#define NOW 100000

typedef enum {
  FAULT_NONE,
  FAULT_ONCE, /* the call at the point fails */
  FAULT_FOR_GOOD, /* that and all later ones that would change the disk */
  FAULT_SHORT, /* that write takes one byte */
  FAULT_DIE /* the process ends instead of the call */
} FaultKind;

static struct {
  FaultKind kind;
  guint     point;
  guint     count;
  int       number;
  gboolean  hit;
} fault;

static ClmSyscalls kernel;

/* TRUE: the call fails with errno set */
static gboolean
strikes (gboolean changes)
{
  gboolean here = ++fault.count == fault.point;

  if (here && fault.kind == FAULT_DIE)
    _exit (0);
  if ((here && fault.kind == FAULT_ONCE) || (fault.count >= fault.point && changes && fault.kind == FAULT_FOR_GOOD)) {
    fault.hit = TRUE;
    errno = fault.number;
    return TRUE;
  }
  return FALSE;
}

static int
fault_open_at (int parent, const char *name, int flags, mode_t mode)
{
  return strikes ((flags & O_CREAT) != 0) ? -1 : kernel.open_at (parent, name, flags, mode);
}

static int
fault_make_at (int parent, const char *name, mode_t mode)
{
  return strikes (TRUE) ? -1 : kernel.make_at (parent, name, mode);
}

static ssize_t
fault_write (int fd, const void *data, size_t size)
{
  if (strikes (TRUE))
    return -1;
  if (fault.kind == FAULT_SHORT && fault.count == fault.point) {
    fault.hit = TRUE;
    size = 1;
  }
  return kernel.write (fd, data, size);
}

static ssize_t
fault_read (int fd, void *data, size_t size)
{
  return strikes (FALSE) ? -1 : kernel.read (fd, data, size);
}

static int
fault_sync (int fd)
{
  return strikes (TRUE) ? -1 : kernel.sync (fd);
}

static int
fault_set_mode (int fd, mode_t mode)
{
  return strikes (TRUE) ? -1 : kernel.set_mode (fd, mode);
}

static int
fault_get_stat (int fd, struct stat *st)
{
  return strikes (FALSE) ? -1 : kernel.get_stat (fd, st);
}

static int
fault_rename_at (int parent, const char *from, const char *to)
{
  return strikes (TRUE) ? -1 : kernel.rename_at (parent, from, to);
}

static int
fault_link_at (const char *target, int parent, const char *name)
{
  return strikes (TRUE) ? -1 : kernel.link_at (target, parent, name);
}

static ssize_t
fault_readlink_at (int parent, const char *name, char *target, size_t size)
{
  return strikes (FALSE) ? -1 : kernel.readlink_at (parent, name, target, size);
}

static int
fault_unlink_at (int parent, const char *name, int flags)
{
  return strikes (fault.number == EROFS || fault.number == EIO) ? -1 : kernel.unlink_at (parent, name, flags);
}

static int
fault_close (int fd)
{
  gboolean fails = strikes (FALSE);
  int number = errno;

  kernel.close (fd);
  errno = number;
  return fails ? -1 : 0;
}

static gboolean
fault_wait (ClmBarrier *barrier, GError **error)
{
  if (!strikes (TRUE))
    return kernel.wait (barrier, error);
  g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot sync what was written: %s", g_strerror (errno));
  return FALSE;
}

static const ClmSyscalls faulty = {
  fault_open_at, fault_make_at, fault_write, fault_read, fault_sync, fault_set_mode, fault_get_stat, fault_rename_at,
  fault_link_at, fault_readlink_at, fault_unlink_at, fault_close,
  fault_wait,
};

static void
begin (FaultKind kind, guint point, int number)
{
  fault.kind = kind;
  fault.point = point;
  fault.number = number;
  fault.count = 0;
  fault.hit = FALSE;
  clm_durable_set_calls (&faulty);
}

static void
end (void)
{
  clm_durable_set_calls (&kernel);
}

typedef struct {
  char               *state;
  ClmGenerationStore *store;
} Fixture;

/* Generations 1 and 2, 2 current */
static void
set_up (Fixture *f)
{
  end ();
  f->state = clm_sample_make_state ();
  f->store = clm_sample_open (f->state);
  clm_sample_rotate (f->store, 1, NOW);
  clm_sample_rotate (f->store, 2, NOW);
}

static void
tear_down (Fixture *f)
{
  clm_generation_store_unref (f->store);
  clm_sample_remove_state (f->state);
}

/* What the engine does when it starts after whatever happened; ends with generation 3 current and nothing left over. */
static void
recover (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_generation_collect (f->store, "web", NULL, &error));
  g_assert_no_error (error);
  if (!clm_sample_write (f->store, 3, &error))
    g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_true (clm_generation_publish (f->store, "web", 3, NOW + 1, &error));
  g_assert_no_error (error);
  clm_sample_assert_whole (f->store, 3);
  g_assert_true (clm_generation_verify (f->store, "web", 2, &error));
  g_assert_cmpuint (clm_sample_count (f->state, "certificates/web"), ==, 2);
  g_assert_cmpuint (clm_sample_count (f->state, "certificates/web/gen"), ==, 3);
  g_assert_cmpuint (clm_sample_count (f->state, "certificates/web/gen/000003"), ==, 7);
}

static gboolean
rotate_to_3 (ClmGenerationStore *store, gboolean *written, GError **error)
{
  *written = clm_sample_write (store, 3, error);
  return *written && clm_generation_publish (store, "web", 3, NOW, error);
}

static gboolean
has_current (Fixture *f, guint number)
{
  return clm_generation_get_current (f->store, "web", NULL) == number;
}

/* Returns: FALSE once @point lies behind the last call */
static gboolean
fail_once_at (guint point, int number)
{
  Fixture f;
  g_autoptr (GError) error = NULL;
  gboolean written, good;

  set_up (&f);
  begin (FAULT_ONCE, point, number);
  good = rotate_to_3 (f.store, &written, &error);
  end ();
  clm_sample_assert_whole (f.store, good ? 3 : 2);
  if (!good) {
    g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
    g_assert_nonnull (strstr (error->message, "certificate web, generation 3: cannot "));
  }
  /* Nothing half-done is left, and what was written before the switch failed is still good. */
  g_assert_cmpuint (clm_sample_count (f.state, "certificates/web/gen"), ==, written ? 3 : 2);
  g_assert_cmpuint (clm_sample_count (f.state, "certificates/web"), ==, 2);
  recover (&f);
  tear_down (&f);
  return fault.hit;
}

static void
test_each_error_at_each_call (void)
{
  const int numbers[] = { ENOSPC, EIO, EROFS, EMFILE };
  guint runs = 0;

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    guint point = 1;

    while (fail_once_at (point, numbers[i]))
      point++;
    runs += point;
    g_assert_cmpuint (point, >, 60);
  }
  g_test_message ("%u runs", runs);
}

static void
test_interrupted_calls_go_on (void)
{
  for (guint point = 1;; point++) {
    Fixture f;
    g_autoptr (GError) error = NULL;
    gboolean written;

    set_up (&f);
    begin (FAULT_ONCE, point, EINTR);
    /* Linux interrupts open, read, write and fsync; where it cannot, an error is as good. */
    if (rotate_to_3 (f.store, &written, &error))
      g_assert_no_error (error);
    end ();
    g_assert_true (has_current (&f, 2) || has_current (&f, 3));
    recover (&f);
    tear_down (&f);
    if (!fault.hit)
      return;
  }
}

static void
test_short_writes_go_on (void)
{
  guint hits = 0;

  for (guint point = 1; point < 200; point++) {
    Fixture f;
    g_autoptr (GError) error = NULL;
    gboolean written;

    set_up (&f);
    begin (FAULT_SHORT, point, 0);
    g_assert_true (rotate_to_3 (f.store, &written, &error));
    end ();
    g_assert_no_error (error);
    clm_sample_assert_whole (f.store, 3);
    hits += fault.hit;
    tear_down (&f);
  }
  g_assert_cmpuint (hits, >=, 8);
}

static void
test_disk_fails_for_good (void)
{
  const int numbers[] = { ENOSPC, EIO, EROFS };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    for (guint point = 1;; point++) {
      Fixture f;
      g_autoptr (GError) error = NULL;
      gboolean written, good;

      set_up (&f);
      begin (FAULT_FOR_GOOD, point, numbers[i]);
      good = rotate_to_3 (f.store, &written, &error);
      end ();
      /* Where even the way back fails, the new one is current, and whole. */
      clm_sample_assert_whole (f.store, has_current (&f, 3) ? 3 : 2);
      g_assert_true (!good || has_current (&f, 3));
      recover (&f);
      tear_down (&f);
      if (!fault.hit)
        break;
    }
}

static void
rotate_in_child (ClmGenerationStore *store)
{
  gboolean written;

  if (!rotate_to_3 (store, &written, NULL))
    _exit (2);
}

static void
roll_back_in_child (ClmGenerationStore *store)
{
  if (!clm_generation_publish (store, "web", 1, NOW, NULL))
    _exit (2);
}

static void
remove_in_child (ClmGenerationStore *store)
{
  if (!clm_generation_remove (store, "web", 1, 2, NOW + 3600, NULL))
    _exit (2);
}

static void
remove_all_in_child (ClmGenerationStore *store)
{
  if (!clm_generation_remove_all (store, "web", NULL))
    _exit (2);
}

/* Returns: TRUE when the child died at the point, FALSE when it came to its end */
static gboolean
die_at (Fixture *f, guint point, void (*work) (ClmGenerationStore *))
{
  int status;
  pid_t child = fork ();

  if (child == 0) {
    begin (FAULT_DIE, point, 0);
    work (f->store);
    _exit (1);
  }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), !=, 2);
  clm_generation_store_unref (f->store);
  f->store = clm_sample_open (f->state);
  return WEXITSTATUS (status) == 0;
}

static void
test_killed_while_rotating (void)
{
  gboolean died = TRUE;
  guint point;

  for (point = 1; died; point++) {
    Fixture f;

    set_up (&f);
    died = die_at (&f, point, rotate_in_child);
    clm_sample_assert_whole (f.store, has_current (&f, 3) ? 3 : 2);
    recover (&f);
    tear_down (&f);
  }
  g_test_message ("%u points", point);
  g_assert_cmpuint (point, >, 60);
}

static void
test_killed_while_rolling_back (void)
{
  gboolean died = TRUE;

  for (guint point = 1; died; point++) {
    Fixture f;

    set_up (&f);
    died = die_at (&f, point, roll_back_in_child);
    clm_sample_assert_whole (f.store, has_current (&f, 1) ? 1 : 2);
    /* Whatever happened, the one that may still be in use is not removed. */
    g_assert_false (clm_generation_remove (f.store, "web", 1, 2, NOW, NULL));
    g_assert_false (clm_generation_remove (f.store, "web", 2, 2, NOW, NULL));
    g_assert_false (clm_generation_drop (f.store, "web", has_current (&f, 1) ? 2 : 1, NULL));
    recover (&f);
    tear_down (&f);
  }
}

static void
test_killed_while_removing (void)
{
  gboolean died = TRUE;

  for (guint point = 1; died; point++) {
    Fixture f;
    g_autoptr (GError) error = NULL;

    set_up (&f);
    clm_sample_rotate (f.store, 3, NOW);
    died = die_at (&f, point, remove_in_child);
    clm_sample_assert_whole (f.store, 3);
    g_assert_true (clm_generation_collect (f.store, "web", NULL, &error));
    g_assert_no_error (error);
    g_assert_true (clm_generation_remove (f.store, "web", 1, 2, NOW + 3600, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (clm_sample_count (f.state, "certificates/web/gen"), ==, 2);
    tear_down (&f);
  }
}

static void
test_killed_while_removing_all (void)
{
  gboolean died = TRUE;

  for (guint point = 1; died; point++) {
    Fixture f;
    g_autoptr (GError) error = NULL;

    set_up (&f);
    died = die_at (&f, point, remove_all_in_child);
    g_assert_true (clm_generation_remove_all (f.store, "web", &error));
    g_assert_no_error (error);
    g_assert_cmpuint (clm_sample_count (f.state, "certificates"), ==, 0);
    tear_down (&f);
  }
}

static void
test_removal_errors_lose_nothing (void)
{
  for (guint point = 1;; point++) {
    Fixture f;
    g_autoptr (GError) error = NULL;

    set_up (&f);
    clm_sample_rotate (f.store, 3, NOW);
    begin (FAULT_ONCE, point, EIO);
    (void) !clm_generation_remove (f.store, "web", 1, 2, NOW + 3600, NULL);
    end ();
    clm_sample_assert_whole (f.store, 3);
    g_assert_true (clm_generation_verify (f.store, "web", 2, NULL));
    g_assert_true (clm_generation_remove (f.store, "web", 1, 2, NOW + 3600, &error));
    g_assert_no_error (error);
    tear_down (&f);
    if (!fault.hit)
      return;
  }
}

/* What would not survive a power cut: inodes of files and directories with changes since their last sync */
static GHashTable *unsynced_files, *unsynced_directories;
static gboolean whole;   /* whether the file system is of a kind that is synced as a whole */
static guint switches;

static gint64 *
inode_of (int fd)
{
  struct stat st = { 0 };
  gint64 inode;

  g_assert_cmpint (fstat (fd, &st), ==, 0);
  inode = (gint64) st.st_ino;
  return g_memdup2 (&inode, sizeof inode);
}

static void
note_change (int directory)
{
  g_hash_table_add (unsynced_directories, inode_of (directory));
}

/* These three stand in for the C library's, for the barrier too. */

int
fsync (int fd)
{
  g_autofree gint64 *inode = unsynced_files ? inode_of (fd) : NULL;

  if (inode != NULL && !g_hash_table_remove (unsynced_files, inode))
    g_hash_table_remove (unsynced_directories, inode);
  return 0;
}

int
syncfs (int fd)
{
  if (unsynced_files != NULL) {
    g_hash_table_remove_all (unsynced_files);
    g_hash_table_remove_all (unsynced_directories);
  }
  return 0;
}

int
fstatfs (int fd, struct statfs *status)
{
  *status = (struct statfs) { .f_type = whole ? EXT4_SUPER_MAGIC : OVERLAYFS_SUPER_MAGIC };
  return 0;
}

static int
traced_open_at (int parent, const char *name, int flags, mode_t mode)
{
  int fd = kernel.open_at (parent, name, flags, mode);

  if (fd < 0 || (flags & O_CREAT) == 0)
    return fd;
  note_change (parent);
  /* A mark may be lost: the generation is then only kept for longer. */
  if (!g_str_has_prefix (name, "retired"))
    g_hash_table_add (unsynced_files, inode_of (fd));
  return fd;
}

static int
traced_make_at (int parent, const char *name, mode_t mode)
{
  note_change (parent);
  return kernel.make_at (parent, name, mode);
}

static int
traced_rename_at (int parent, const char *from, const char *to)
{
  /* All that readers will find is on the disk before it has the name by which they find it. */
  if (g_str_equal (to, "meta") || g_str_equal (to, "current"))
    g_assert_cmpuint (g_hash_table_size (unsynced_files), ==, 0);
  if (g_str_equal (to, "meta"))
    g_assert_cmpuint (g_hash_table_size (unsynced_directories), ==, 0);
  switches += g_str_equal (to, "current");
  note_change (parent);
  return kernel.rename_at (parent, from, to);
}

static int
traced_link_at (const char *target, int parent, const char *name)
{
  note_change (parent);
  return kernel.link_at (target, parent, name);
}

static void
test_all_is_synced (gconstpointer data)
{
  ClmSyscalls traced = kernel;
  char *state = clm_sample_make_state ();
  ClmGenerationStore *store;

  whole = GPOINTER_TO_INT (data);
  switches = 0;
  traced.open_at = traced_open_at;
  traced.make_at = traced_make_at;
  traced.rename_at = traced_rename_at;
  traced.link_at = traced_link_at;
  traced.sync = fsync;
  unsynced_files = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  unsynced_directories = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  clm_durable_set_calls (&traced);
  store = clm_sample_open (state);
  for (guint i = 1; i <= 3; i++) {
    clm_sample_rotate (store, i, NOW);
    g_assert_cmpuint (g_hash_table_size (unsynced_directories), ==, 0);
  }
  g_assert_true (clm_generation_publish (store, "web", 1, NOW, NULL));
  g_assert_cmpuint (switches, ==, 4);
  g_assert_cmpuint (g_hash_table_size (unsynced_files), ==, 0);
  g_assert_cmpuint (g_hash_table_size (unsynced_directories), ==, 0);
  end ();
  clm_generation_store_unref (store);
  clm_sample_remove_state (state);
  g_clear_pointer (&unsynced_files, g_hash_table_unref);
  g_clear_pointer (&unsynced_directories, g_hash_table_unref);
}

/* The switch may reach the disk before the name of `meta` does. */
static void
test_meta_without_its_name (void)
{
  Fixture f;
  g_autoptr (GError) error = NULL;
  g_autofree char *meta = NULL, *without = NULL;

  set_up (&f);
  meta = g_build_filename (f.state, "certificates/web/gen/000002/meta", NULL);
  without = g_strconcat (meta, ".new", NULL);
  g_assert_cmpint (rename (meta, without), ==, 0);
  g_assert_true (clm_generation_collect (f.store, "web", NULL, &error));
  g_assert_no_error (error);
  clm_sample_assert_whole (f.store, 2);
  tear_down (&f);
}

/* What was never switched to, and is not whole, is a leftover whatever its `meta.new` says. */
static void
test_meta_of_a_torn_generation (void)
{
  Fixture f;
  g_autoptr (GError) error = NULL;
  g_autofree char *meta = NULL, *without = NULL, *chain = NULL;
  guint removed = 0;

  set_up (&f);
  g_assert_true (clm_sample_write (f.store, 3, &error));
  meta = g_build_filename (f.state, "certificates/web/gen/000003/meta", NULL);
  without = g_strconcat (meta, ".new", NULL);
  chain = g_build_filename (f.state, "certificates/web/gen/000003/cert.pem", NULL);
  g_assert_cmpint (rename (meta, without), ==, 0);
  g_assert_cmpint (truncate (chain, 10), ==, 0);
  g_assert_true (clm_generation_collect (f.store, "web", &removed, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (removed, ==, 1);
  clm_sample_assert_whole (f.store, 2);
  tear_down (&f);
}

static GLogWriterOutput
say_nothing (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  return G_LOG_WRITER_HANDLED;
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Hundreds of failures that are meant; a warning among them is one too. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  g_log_set_writer_func (say_nothing, NULL, NULL);
  kernel = clm_sample_calls_without_sync ();
  /* This one first: the kind of a file system that is synced as a whole is remembered. */
  g_test_add_data_func ("/generation-faults/all-is-synced-before-the-switch-each-by-itself", GINT_TO_POINTER (FALSE), test_all_is_synced);
  g_test_add_data_func ("/generation-faults/all-is-synced-before-the-switch-as-a-whole", GINT_TO_POINTER (TRUE), test_all_is_synced);
  g_test_add_func ("/generation-faults/meta-without-its-name-is-adopted", test_meta_without_its_name);
  g_test_add_func ("/generation-faults/meta-of-a-torn-generation-is-not", test_meta_of_a_torn_generation);
  g_test_add_func ("/generation-faults/safety-16-each-error-at-each-call", test_each_error_at_each_call);
  g_test_add_func ("/generation-faults/safety-17-interrupted-calls-go-on", test_interrupted_calls_go_on);
  g_test_add_func ("/generation-faults/safety-17-short-writes-go-on", test_short_writes_go_on);
  g_test_add_func ("/generation-faults/safety-21-disk-fails-for-good", test_disk_fails_for_good);
  g_test_add_func ("/generation-faults/safety-18-killed-while-rotating", test_killed_while_rotating);
  g_test_add_func ("/generation-faults/killed-while-rolling-back", test_killed_while_rolling_back);
  g_test_add_func ("/generation-faults/killed-while-removing", test_killed_while_removing);
  g_test_add_func ("/generation-faults/killed-while-removing-all", test_killed_while_removing_all);
  g_test_add_func ("/generation-faults/removal-errors-lose-nothing", test_removal_errors_lose_nothing);
  return g_test_run ();
}
