/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-barrier.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clm-error.h"

#define GATHER_US 4000

#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/*
 * One file system: whose turn it is to sync it. The kernel tells of a failed write once for each open descriptor, so all syncs go
 * through the same one, and whoever had begun before a sync that failed was over takes the failure as its own.
 */
typedef struct {
  dev_t    device;
  int      fd;
  GMutex   lock;
  GCond    over;     /* a sync */
  GCond    arrived;  /* one more who waits */
  gboolean running;
  guint    active;   /* barriers */
  guint    waiting;  /* those of them that wait */
  guint    served;   /* by the last sync */
  guint64  begun;    /* syncs, ever */
  guint64  ended;
  guint64  failed;   /* the last one that did; 0: none */
  int      number;   /* its errno */
} Volume;

struct _ClmBarrier {
  Volume *volume;    /* NULL: each descriptor by itself */
  GArray *fds;       /* int: those */
  guint64 since;     /* the last sync of the volume that was over when this began */
};

static GMutex volumes_lock;
static GSList *volumes;   /* Volume; few, and for good */

/* Volumes */

static gboolean
kernel_tells_errors (void)
{
  struct utsname name;
  guint major = 0, minor = 0;

  return uname (&name) == 0 && sscanf (name.release, "%u.%u", &major, &minor) == 2 && (major > 5 || (major == 5 && minor >= 8));
}

static gboolean
can_sync_whole (int directory)
{
  struct statfs status;

  if (!kernel_tells_errors () || fstatfs (directory, &status) != 0)
    return FALSE;
  switch ((guint32) status.f_type) {
  case EXT4_SUPER_MAGIC:
  case XFS_SUPER_MAGIC:
  case BTRFS_SUPER_MAGIC:
  case F2FS_SUPER_MAGIC:
  case TMPFS_MAGIC:
    return TRUE;
  default:
    return FALSE;
  }
}

static Volume *
add_volume (dev_t device, int directory)
{
  int fd = can_sync_whole (directory) ? openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  Volume *volume;

  if (fd < 0)
    return NULL;
  volume = g_new0 (Volume, 1);
  volume->device = device;
  volume->fd = fd;
  g_mutex_init (&volume->lock);
  g_cond_init (&volume->over);
  g_cond_init (&volume->arrived);
  volumes = g_slist_prepend (volumes, volume);
  return volume;
}

static Volume *
get_volume (int directory)
{
  struct stat status;
  Volume *found = NULL;

  if (fstat (directory, &status) != 0)
    return NULL;
  g_mutex_lock (&volumes_lock);
  for (GSList *link = volumes; link && !found; link = link->next)
    found = ((Volume *) link->data)->device == status.st_dev ? link->data : NULL;
  if (!found)
    found = add_volume (status.st_dev, directory);
  g_mutex_unlock (&volumes_lock);
  return found;
}

static int
sync_volume (Volume *volume)
{
  int result;

  do
    result = syncfs (volume->fd);
  while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

/* Where one sync has served many, the next will too, if it waits a moment for those who are still writing. Who is alone never waits. */
static void
gather (Volume *volume)
{
  gint64 end = g_get_monotonic_time () + GATHER_US;

  if (volume->served < 2)
    return;
  while (volume->waiting < volume->active && g_cond_wait_until (&volume->arrived, &volume->lock, end))
    ;
}

/* With the lock held, which is let go meanwhile. */
static void
run_sync (Volume *volume)
{
  guint64 run;
  int number;

  volume->running = TRUE;
  gather (volume);
  run = ++volume->begun;
  volume->served = volume->waiting;
  g_mutex_unlock (&volume->lock);
  number = sync_volume (volume);
  g_mutex_lock (&volume->lock);
  volume->running = FALSE;
  volume->ended = run;
  if (number != 0) {
    volume->failed = run;
    volume->number = number;
  }
  g_cond_broadcast (&volume->over);
}

/* A sync that has begun already may miss what we wrote. Returns: 0 or an errno. */
static int
wait_for_volume (Volume *volume, guint64 *since)
{
  guint64 wanted;
  int number;

  g_mutex_lock (&volume->lock);
  wanted = volume->begun + 1;
  volume->waiting++;
  g_cond_signal (&volume->arrived);
  while (volume->ended < wanted) {
    if (volume->running)
      g_cond_wait (&volume->over, &volume->lock);
    else
      run_sync (volume);
  }
  number = volume->failed > *since ? volume->number : 0;
  *since = volume->ended;
  volume->waiting--;
  g_mutex_unlock (&volume->lock);
  return number;
}

/* Each by itself */

static void
close_fd (gpointer data)
{
  close (*(int *) data);
}

static int
sync_fd (int fd)
{
  int result;

  do
    result = fsync (fd);
  while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

/* All of them, in the order in which they were added. Returns: 0 or the first errno. */
static int
sync_each (ClmBarrier *self)
{
  int number = 0;

  for (guint i = 0; i < self->fds->len; i++) {
    int fd = g_array_index (self->fds, int, i);
    int failed = fd < 0 ? EMFILE : sync_fd (fd);

    number = number ? number : failed;
  }
  g_array_set_size (self->fds, 0);
  return number;
}

/* The barrier */

ClmBarrier *
clm_barrier_begin (int directory)
{
  ClmBarrier *self = g_new0 (ClmBarrier, 1);

  self->fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_array_set_clear_func (self->fds, close_fd);
  self->volume = get_volume (directory);
  if (self->volume) {
    g_mutex_lock (&self->volume->lock);
    self->since = self->volume->ended;
    self->volume->active++;
    g_mutex_unlock (&self->volume->lock);
  }
  return self;
}

void
clm_barrier_free (ClmBarrier *self)
{
  if (!self)
    return;
  if (self->volume) {
    g_mutex_lock (&self->volume->lock);
    self->volume->active--;
    g_cond_signal (&self->volume->arrived);
    g_mutex_unlock (&self->volume->lock);
  }
  g_array_unref (self->fds);
  g_free (self);
}

void
clm_barrier_add (ClmBarrier *self, int fd)
{
  int copy;

  g_return_if_fail (self && fd >= 0);

  if (self->volume)
    return;
  /* One that cannot be kept is one that cannot be synced: the wait fails. */
  copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  g_array_append_val (self->fds, copy);
}

gboolean
clm_barrier_wait (ClmBarrier *self, GError **error)
{
  int number;

  g_return_val_if_fail (self, FALSE);

  number = self->volume ? wait_for_volume (self->volume, &self->since) : sync_each (self);
  if (number == 0)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot sync what was written: %s", g_strerror (number));
  if (error && (number == ENOSPC || number == EDQUOT))
    clm_error_set_hint (*error, "free space on the file system that holds the state");
  return FALSE;
}
