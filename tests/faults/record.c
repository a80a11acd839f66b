/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_ELEMENTS(array) (sizeof (array) / sizeof (array)[0])
#define WAITING_MAX 64

typedef enum {
  OP_OPEN, OP_MKDIR, OP_SYMLINK, OP_LINK, OP_UNLINK, OP_RMDIR, OP_RENAME, OP_WRITE, OP_TRUNCATE, OP_ALLOCATE, OP_MODE, OP_SYNC, OP_MAP, OP_NOTHING,
  OP_UNKNOWN
} Op;

/* Numbers of the arguments: fd and path of the file, fd and path of where it is moved from; -1: none. */
static const struct {
  long number;
  Op   op;
  int  fd, path, from_fd, from_path;
} calls[] = {
#ifdef __NR_open
  { __NR_open, OP_OPEN, -1, 0, -1, -1 },
  { __NR_mkdir, OP_MKDIR, -1, 0, -1, -1 },
  { __NR_rmdir, OP_RMDIR, -1, 0, -1, -1 },
  { __NR_rename, OP_RENAME, -1, 1, -1, 0 },
  { __NR_unlink, OP_UNLINK, -1, 0, -1, -1 },
  { __NR_symlink, OP_SYMLINK, -1, 1, -1, -1 },
  { __NR_link, OP_LINK, -1, 1, -1, 0 },
  { __NR_chmod, OP_MODE, -1, 0, -1, -1 },
  { __NR_chown, OP_NOTHING, -1, 0, -1, -1 },
#endif
#ifdef __NR_renameat
  { __NR_renameat, OP_RENAME, 2, 3, 0, 1 },
#endif
  { __NR_openat, OP_OPEN, 0, 1, -1, -1 },
  { __NR_openat2, OP_OPEN, 0, 1, -1, -1 },
  { __NR_mkdirat, OP_MKDIR, 0, 1, -1, -1 },
  { __NR_renameat2, OP_RENAME, 2, 3, 0, 1 },
  { __NR_unlinkat, OP_UNLINK, 0, 1, -1, -1 },
  { __NR_symlinkat, OP_SYMLINK, 1, 2, -1, -1 },
  { __NR_linkat, OP_LINK, 2, 3, 0, 1 },
  { __NR_fchmodat, OP_MODE, 0, 1, -1, -1 },
  { __NR_fchownat, OP_NOTHING, 0, 1, -1, -1 },
  { __NR_truncate, OP_TRUNCATE, -1, 0, -1, -1 },
  { __NR_fchmod, OP_MODE, 0, -1, -1, -1 },
  { __NR_fchown, OP_NOTHING, 0, -1, -1, -1 },
  { __NR_write, OP_WRITE, 0, -1, -1, -1 },
  { __NR_pwrite64, OP_WRITE, 0, -1, -1, -1 },
  { __NR_fsync, OP_SYNC, 0, -1, -1, -1 },
  { __NR_fdatasync, OP_SYNC, 0, -1, -1, -1 },
  { __NR_syncfs, OP_SYNC, 0, -1, -1, -1 },
  { __NR_ftruncate, OP_TRUNCATE, 0, -1, -1, -1 },
  { __NR_fallocate, OP_ALLOCATE, 0, -1, -1, -1 },
  { __NR_mmap, OP_MAP, 4, -1, -1, -1 },
};

/* A call, and what was true before it */
typedef struct {
  Call               call;
  Op                 op;
  const char        *name;
  char               path[PATH_MAX * 2];
  char               from[PATH_MAX * 2];
  unsigned long long file;        /* that is there already; 0: none */
  unsigned long long directory;
  unsigned long long from_directory;
  long long          offset;      /* of a write */
  unsigned long      flags;       /* of an open */
  unsigned long      id;          /* of a sync */
  long               result;
  long long          due;         /* when it is let go; 0: it is not over yet */
} Step;

static FILE         *list;
static FILE         *data;
static unsigned long n_syncs;
static long          linger;
static Step          waiting[WAITING_MAX];   /* thread 0: free */

int
record_open (const char *path)
{
  char name[PATH_MAX];
  snprintf (name, sizeof name, "%s.data", path);
  list = fopen (path, "we");
  data = fopen (name, "we");
  return list && data;
}

void
record_set_linger (long milliseconds)
{
  linger = milliseconds;
}

int
record_is_open (void)
{
  return list != NULL;
}

static size_t
find (long number)
{
  size_t i = 0;
  while (i < N_ELEMENTS (calls) && calls[i].number != number)
    i++;
  return i;
}

/* Before */

static unsigned long long
get_inode (const char *path, int follow)
{
  struct stat st;
  return (follow ? stat (path, &st) : lstat (path, &st)) == 0 ? (unsigned long long) st.st_ino : 0;
}

static unsigned long long
get_directory (const char *path)
{
  char parent[PATH_MAX * 2];
  snprintf (parent, sizeof parent, "%s", path);
  char *slash = strrchr (parent, '/');
  if (slash)
    *slash = '\0';
  return get_inode (parent, 1);
}

static unsigned long long
get_inode_of_fd (pid_t thread, int fd)
{
  char link[64];
  snprintf (link, sizeof link, "/proc/%d/fd/%d", thread, fd);
  return get_inode (link, 1);
}

/* Where the next write() of a descriptor goes */
static long long
get_position (pid_t thread, int fd)
{
  char name[64], line[128];
  long long position = 0;
  unsigned long flags = 0;
  struct stat st;
  snprintf (name, sizeof name, "/proc/%d/fdinfo/%d", thread, fd);
  FILE *file = fopen (name, "re");
  if (!file)
    return -1;
  while (fgets (line, sizeof line, file))
    if (sscanf (line, "pos: %lld", &position) != 1)
      (void) sscanf (line, "flags: %lo", &flags);
  fclose (file);
  snprintf (name, sizeof name, "/proc/%d/fd/%d", thread, fd);
  return (flags & O_APPEND) && stat (name, &st) == 0 ? (long long) st.st_size : position;
}

static unsigned long
get_flags (const Call *call)
{
  uint64_t flags = 0;
  if (call->number != __NR_openat2)
    return call->arguments[call->number == __NR_openat ? 2 : 1];
  return tracee_read_memory (call->thread, call->arguments[2], &flags, sizeof flags) == sizeof flags ? flags : 0;
}

static void
look_before (Step *step, size_t i)
{
  const Call *call = &step->call;
  if (calls[i].path >= 0) {
    step->directory = get_directory (step->path);
    step->file = get_inode (step->path, 0);
  } else {
    step->file = get_inode_of_fd (call->thread, (int) call->arguments[calls[i].fd]);
  }
  if (calls[i].from_path >= 0) {
    tracee_get_path (call, calls[i].from_fd, calls[i].from_path, step->from, sizeof step->from);
    step->from_directory = get_directory (step->from);
  }
  if (step->op == OP_OPEN)
    step->flags = get_flags (call);
  if (call->number == __NR_write)
    step->offset = get_position (call->thread, (int) call->arguments[0]);
  else if (call->number == __NR_pwrite64)
    step->offset = (long long) call->arguments[3];
  if (call->number == __NR_unlinkat && (call->arguments[2] & AT_REMOVEDIR))
    step->op = OP_RMDIR;
  if (step->op == OP_RENAME && call->number == __NR_renameat2)
    step->flags = call->arguments[4];
}

/* After */

static const char *
base (const char *path)
{
  const char *slash = strrchr (path, '/');
  return slash ? slash + 1 : path;
}

static unsigned
get_mode (const char *path)
{
  struct stat st;
  return lstat (path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void
write_made (const char *what, const Step *step)
{
  fprintf (list, "%s\t%llu\t%s\t%llu\t%o\n", what, step->directory, base (step->path), get_inode (step->path, 0), get_mode (step->path));
}

static void
write_opened (const Step *step)
{
  if ((step->flags & O_CREAT) && !step->file)
    write_made ("create", step);
  else if (step->flags & O_TRUNC)
    fprintf (list, "truncate\t%llu\t0\n", step->file);
  if ((step->flags & O_TMPFILE) == O_TMPFILE)
    fprintf (list, "unknown\t%s\t%s\n", "O_TMPFILE", step->path);
}

static void
write_symlink (const Step *step)
{
  char target[PATH_MAX];
  ssize_t n = readlink (step->path, target, sizeof target - 1);
  target[n > 0 ? n : 0] = '\0';
  fprintf (list, "symlink\t%llu\t%s\t%llu\t%s\n", step->directory, base (step->path), get_inode (step->path, 0), target);
}

static void
write_data (const Step *step, size_t size)
{
  char *buffer = malloc (size + 1);
  size_t done = buffer ? tracee_read_memory (step->call.thread, step->call.arguments[1], buffer, size) : 0;
  if (done == size && step->offset >= 0)
    fprintf (list, "write\t%llu\t%lld\t%zu\t%ld\n", step->file, step->offset, size, ftell (data));
  else
    fprintf (list, "unknown\t%s\t%s\n", step->name, step->path);
  fwrite (buffer, 1, done, data);
  fflush (data);
  free (buffer);
}

static void
write_mode (const Step *step)
{
  char link[64];
  struct stat st;
  unsigned long long file = step->file;
  snprintf (link, sizeof link, "/proc/%d/fd/%d", step->call.thread, (int) step->call.arguments[0]);
  if (stat (step->call.number == __NR_fchmod ? link : step->path, &st) == 0)
    fprintf (list, "mode\t%llu\t%o\n", file, (unsigned) st.st_mode & 07777);
}

/* Without flags it makes the file longer. */
static void
write_allocated (const Step *step)
{
  char link[64];
  struct stat st;
  snprintf (link, sizeof link, "/proc/%d/fd/%d", step->call.thread, (int) step->call.arguments[0]);
  if (step->call.arguments[1] == 0 && stat (link, &st) == 0)
    fprintf (list, "truncate\t%llu\t%lld\n", step->file, (long long) st.st_size);
  else if (step->call.arguments[1] != FALLOC_FL_KEEP_SIZE)
    fprintf (list, "unknown\t%s\t%s\n", step->name, step->path);
}

static void
write_step (const Step *step, long result)
{
  switch (step->op) {
  case OP_OPEN:
    write_opened (step);
    break;
  case OP_MKDIR:
    write_made ("mkdir", step);
    break;
  case OP_SYMLINK:
    write_symlink (step);
    break;
  case OP_LINK:
    fprintf (list, "link\t%llu\t%s\t%llu\n", step->directory, base (step->path), get_inode (step->path, 0));
    break;
  case OP_UNLINK:
  case OP_RMDIR:
    fprintf (list, "%s\t%llu\t%s\t%llu\n", step->op == OP_RMDIR ? "rmdir" : "unlink", step->directory, base (step->path), step->file);
    break;
  case OP_RENAME:
    fprintf (list, "%s\t%llu\t%s\t%llu\t%s\n", step->flags & RENAME_EXCHANGE ? "exchange" : "rename", step->from_directory,
             base (step->from), step->directory, base (step->path));
    break;
  case OP_WRITE:
    write_data (step, (size_t) result);
    break;
  case OP_TRUNCATE:
    fprintf (list, "truncate\t%llu\t%lu\n", step->file, step->call.arguments[1]);
    break;
  case OP_ALLOCATE:
    write_allocated (step);
    break;
  case OP_MODE:
    write_mode (step);
    break;
  case OP_MAP:
    fprintf (list, "map\t%llu\t%s\n", step->file, step->path);
    break;
  case OP_UNKNOWN:
    fprintf (list, "unknown\t%s\t%s\n", step->name, step->path);
    break;
  case OP_SYNC:
    fprintf (list, "end\t%lu\n", step->id);
    break;
  case OP_NOTHING:
    break;
  }
  fflush (list);
}

/* Following */

static int
is_harmless_map (const Call *call)
{
  return call->number == __NR_mmap && (!(call->arguments[3] & MAP_SHARED) || !(call->arguments[2] & PROT_WRITE));
}

int
record_wants (const Call *call)
{
  return list && !is_harmless_map (call);
}

static void
follow (const Step *step)
{
  int status;
  long result;
  if (ptrace (PTRACE_SYSCALL, step->call.thread, NULL, NULL) < 0 || waitpid (step->call.thread, &status, __WALL) < 0)
    return;
  if (!WIFSTOPPED (status) || !tracee_get_result (step->call.thread, &result))
    fprintf (list, "unknown\t%s\t%s\n", step->name, step->path);
  else if (result >= 0 || step->op == OP_MAP)
    write_step (step, result);
}

static int
begin_sync (Step *step)
{
  size_t i = 0;
  while (i < WAITING_MAX && waiting[i].call.thread)
    i++;
  if (i == WAITING_MAX)
    return 0;
  step->id = ++n_syncs;
  waiting[i] = *step;
  fprintf (list, "begin\t%lu\t%s\t%llu\n", step->id, step->name, step->file);
  fflush (list);
  return 1;
}

int
record_call (const Call *call, const char *name, const char *path)
{
  size_t i = find (call->number);
  Step step = { .call = *call, .op = i < N_ELEMENTS (calls) ? calls[i].op : OP_UNKNOWN, .name = name };
  snprintf (step.path, sizeof step.path, "%s", path);
  if (i < N_ELEMENTS (calls))
    look_before (&step, i);
  if (step.op == OP_SYNC)
    return begin_sync (&step);
  follow (&step);
  return 0;
}

static Step *
get_waiting (pid_t thread)
{
  for (size_t i = 0; i < WAITING_MAX; i++)
    if (waiting[i].call.thread == thread)
      return &waiting[i];
  return NULL;
}

int
record_is_waiting (pid_t thread)
{
  return list && get_waiting (thread) != NULL;
}

static long long
get_time (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void
record_finish (pid_t thread)
{
  Step *step = get_waiting (thread);
  if (!step)
    return;
  if (!tracee_get_result (thread, &step->result))
    step->result = -1;
  step->due = get_time () + linger;
}

int
record_is_lingering (void)
{
  for (size_t i = 0; i < WAITING_MAX; i++)
    if (waiting[i].due)
      return 1;
  return 0;
}

void
record_release (void)
{
  long long now = get_time ();
  for (size_t i = 0; i < WAITING_MAX; i++) {
    Step *step = &waiting[i];
    if (!step->due || step->due > now)
      continue;
    if (step->result >= 0)
      write_step (step, step->result);
    ptrace (PTRACE_CONT, step->call.thread, NULL, NULL);
    step->due = 0;
    step->call.thread = 0;
  }
}
