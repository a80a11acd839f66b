/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inject: runs a program and everything it starts, counts the system calls that touch given directories, and lets the Nth of them
 * go wrong.
 *
 *     inject --tree DIR… --log FILE [--at N --fault FAULT [--sticky]] -- PROGRAM ARGUMENT…
 *     inject --tree DIR… --log FILE --record FILE [--directory DIR…] [--linger MS] [--distrust] -- PROGRAM ARGUMENT…
 *
 * FAULT is `kill` (the process that makes the call), `killall` (it and all others), an errno's name, or `short` (half of a write is
 * done). The call is not carried out, except the half of a short write. It is the first from the Nth on that can fail so; with
 * `--sticky`, each of them.
 *
 * strace would do, were it not for three things: it counts by thread, so what a quieter thread does can never be reached; it knows
 * no directory trees; and it fakes a short write by not writing at all. The log has a line for each call:
 *
 *     N CLASS PID CALL PATH FAULTS
 *
 * CLASS: `w` changes something, `r` reads. FAULTS: what can go wrong with such a call, separated by commas. The line `! N …` tells
 * that a fault was made.
 *
 * With `--record`, all that changes the files is recorded instead, as record.h has it; `--directory` is one of which only its own
 * entries matter. A sync takes so many milliseconds as `--linger` says. With `--distrust` the program does not learn on what file
 * system its files are.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "record.h"
#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINGER_STEP_US 200

#define N_ELEMENTS(array) (sizeof (array) / sizeof (array)[0])

/* Faults */

enum {
  FAULT_ENOSPC = 1 << 0,
  FAULT_EIO = 1 << 1,
  FAULT_EROFS = 1 << 2,
  FAULT_EDQUOT = 1 << 3,
  FAULT_EMFILE = 1 << 4,
  FAULT_ENOMEM = 1 << 5,
  FAULT_EINTR = 1 << 6,
  FAULT_SHORT = 1 << 7,
  FAULT_KILL = 1 << 8,
  FAULT_KILLALL = 1 << 9,
};

static const struct {
  const char *name;
  unsigned    bit;
  int         number;
} faults[] = {
  { "ENOSPC", FAULT_ENOSPC, ENOSPC }, { "EIO", FAULT_EIO, EIO },          { "EROFS", FAULT_EROFS, EROFS },
  { "EDQUOT", FAULT_EDQUOT, EDQUOT }, { "EMFILE", FAULT_EMFILE, EMFILE }, { "ENOMEM", FAULT_ENOMEM, ENOMEM },
  { "EINTR", FAULT_EINTR, EINTR },    { "short", FAULT_SHORT, 0 },        { "kill", FAULT_KILL, 0 },
  { "killall", FAULT_KILLALL, 0 },
};

#define FULL (FAULT_ENOSPC | FAULT_EDQUOT)
#define ON_CREATE (FULL | FAULT_EIO | FAULT_EROFS | FAULT_ENOMEM)
#define ON_REMOVE (FAULT_EIO | FAULT_EROFS | FAULT_ENOMEM)
#define ON_OPEN (FAULT_EIO | FAULT_EMFILE | FAULT_ENOMEM | FAULT_EINTR)
#define ON_WRITE (FULL | FAULT_EIO | FAULT_EROFS | FAULT_ENOMEM | FAULT_EINTR | FAULT_SHORT)
#define ON_SYNC (FULL | FAULT_EIO | FAULT_EROFS | FAULT_EINTR)
#define ON_ATTRIBUTE (FAULT_EIO | FAULT_EROFS | FAULT_ENOMEM)
#define ON_READ (FAULT_EIO | FAULT_ENOMEM | FAULT_EINTR)

/* Calls. fd and path: numbers of the arguments that tell the file; -1: none. */

typedef enum { KIND_PLAIN, KIND_OPEN, KIND_OPEN_HOW } Kind;

static const struct {
  long        number;
  const char *name;
  int         fd;
  int         path;
  Kind        kind;
  int         flags;   /* argument with the flags of an open */
  char        class;
  unsigned    faults;
} calls[] = {
#ifdef __NR_open
  { __NR_open, "open", -1, 0, KIND_OPEN, 1, 'w', ON_OPEN },
  { __NR_mkdir, "mkdir", -1, 0, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_rmdir, "rmdir", -1, 0, KIND_PLAIN, -1, 'w', ON_REMOVE },
  { __NR_rename, "rename", -1, 1, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_unlink, "unlink", -1, 0, KIND_PLAIN, -1, 'w', ON_REMOVE },
  { __NR_symlink, "symlink", -1, 1, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_link, "link", -1, 1, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_chmod, "chmod", -1, 0, KIND_PLAIN, -1, 'w', ON_ATTRIBUTE },
  { __NR_chown, "chown", -1, 0, KIND_PLAIN, -1, 'w', ON_ATTRIBUTE },
#endif
#ifdef __NR_renameat
  { __NR_renameat, "renameat", 2, 3, KIND_PLAIN, -1, 'w', ON_CREATE },
#endif
  { __NR_openat, "openat", 0, 1, KIND_OPEN, 2, 'w', ON_OPEN },
  { __NR_openat2, "openat2", 0, 1, KIND_OPEN_HOW, 2, 'w', ON_OPEN },
  { __NR_mkdirat, "mkdirat", 0, 1, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_renameat2, "renameat2", 2, 3, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_unlinkat, "unlinkat", 0, 1, KIND_PLAIN, -1, 'w', ON_REMOVE },
  { __NR_symlinkat, "symlinkat", 1, 2, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_linkat, "linkat", 2, 3, KIND_PLAIN, -1, 'w', ON_CREATE },
  { __NR_fchmodat, "fchmodat", 0, 1, KIND_PLAIN, -1, 'w', ON_ATTRIBUTE },
  { __NR_fchownat, "fchownat", 0, 1, KIND_PLAIN, -1, 'w', ON_ATTRIBUTE },
  { __NR_truncate, "truncate", -1, 0, KIND_PLAIN, -1, 'w', FAULT_EIO | FAULT_EROFS | FAULT_EINTR },
  { __NR_fchmod, "fchmod", 0, -1, KIND_PLAIN, -1, 'w', ON_ATTRIBUTE },
  { __NR_fchown, "fchown", 0, -1, KIND_PLAIN, -1, 'w', ON_ATTRIBUTE },
  { __NR_fsetxattr, "fsetxattr", 0, -1, KIND_PLAIN, -1, 'w', FULL | ON_ATTRIBUTE },
  { __NR_write, "write", 0, -1, KIND_PLAIN, -1, 'w', ON_WRITE },
  { __NR_writev, "writev", 0, -1, KIND_PLAIN, -1, 'w', ON_WRITE & ~FAULT_SHORT },
  { __NR_pwrite64, "pwrite64", 0, -1, KIND_PLAIN, -1, 'w', ON_WRITE },
  { __NR_pwritev, "pwritev", 0, -1, KIND_PLAIN, -1, 'w', ON_WRITE & ~FAULT_SHORT },
  { __NR_fsync, "fsync", 0, -1, KIND_PLAIN, -1, 'w', ON_SYNC },
  { __NR_fdatasync, "fdatasync", 0, -1, KIND_PLAIN, -1, 'w', ON_SYNC },
  { __NR_syncfs, "syncfs", 0, -1, KIND_PLAIN, -1, 'w', ON_SYNC },
  { __NR_ftruncate, "ftruncate", 0, -1, KIND_PLAIN, -1, 'w', FULL | FAULT_EIO | FAULT_EROFS | FAULT_EINTR },
  { __NR_fallocate, "fallocate", 0, -1, KIND_PLAIN, -1, 'w', FULL | FAULT_EIO | FAULT_EINTR },
  { __NR_sync_file_range, "sync_file_range", 0, -1, KIND_PLAIN, -1, 'w', ON_SYNC },
  { __NR_copy_file_range, "copy_file_range", 2, -1, KIND_PLAIN, -1, 'w', FULL | FAULT_EIO | FAULT_ENOMEM },
  { __NR_sendfile, "sendfile", 0, -1, KIND_PLAIN, -1, 'w', FULL | FAULT_EIO | FAULT_ENOMEM },
  { __NR_mmap, "mmap", 4, -1, KIND_PLAIN, -1, 'm', 0 },
  { __NR_read, "read", 0, -1, KIND_PLAIN, -1, 'r', ON_READ },
  { __NR_pread64, "pread64", 0, -1, KIND_PLAIN, -1, 'r', ON_READ },
  { __NR_getdents64, "getdents64", 0, -1, KIND_PLAIN, -1, 'r', FAULT_EIO | FAULT_ENOMEM },
#ifdef __NR_readlink
  { __NR_readlink, "readlink", -1, 0, KIND_PLAIN, -1, 'r', FAULT_EIO | FAULT_ENOMEM },
#endif
  { __NR_readlinkat, "readlinkat", 0, 1, KIND_PLAIN, -1, 'r', FAULT_EIO | FAULT_ENOMEM },
};

/* State */

static const char *trees[8];
static size_t      n_trees;
static const char *directories[8];   /* themselves, not what is in them */
static size_t      n_directories;
static FILE       *log_file;
static long        at;
static unsigned    fault;
static int         fault_number;
static const char *fault_name;
static int         sticky;
static int         distrust;
static int         made;
static long        count;
static pid_t       first;
static pid_t       processes[4096];   /* seen thread groups, for killall */
static size_t      n_processes;

static void
die (const char *what)
{
  fprintf (stderr, "inject: %s: %s\n", what, strerror (errno));
  exit (125);
}

static int
is_watched (const char *path)
{
  for (size_t i = 0; i < n_trees; i++) {
    size_t n = strlen (trees[i]);
    if (strncmp (path, trees[i], n) == 0 && (path[n] == '/' || path[n] == '\0'))
      return 1;
  }
  for (size_t i = 0; i < n_directories; i++)
    if (strcmp (path, directories[i]) == 0)
      return 1;
  return 0;
}

/* What can go wrong */

static void
judge_open (const Call *call, size_t i, char *class, unsigned *possible)
{
  uint64_t flags = call->arguments[calls[i].flags];
  if (calls[i].kind == KIND_OPEN_HOW && tracee_read_memory (call->thread, call->arguments[calls[i].flags], &flags, sizeof flags) < sizeof flags)
    flags = 0;
  if (flags & O_CREAT)
    *possible |= ON_CREATE;
  else if ((flags & O_ACCMODE) != O_RDONLY)
    *possible |= FAULT_EROFS;
  *class = (flags & O_CREAT) || (flags & O_ACCMODE) != O_RDONLY ? 'w' : 'r';
}

static void
write_line (const char *prefix, const Call *call, size_t i, char class, const char *path, unsigned possible)
{
  fprintf (log_file, "%s%ld %c %d %s %s ", prefix, count, class, call->process, calls[i].name, path);
  for (size_t j = 0, n = 0; j < N_ELEMENTS (faults); j++)
    if (possible & faults[j].bit)
      fprintf (log_file, "%s%s", n++ ? "," : "", faults[j].name);
  fputc ('\n', log_file);
  fflush (log_file);
}

static void
make_fault (const Call *call)
{
  if (fault == FAULT_KILL) {
    kill (call->process, SIGKILL);
  } else if (fault == FAULT_KILLALL) {
    for (size_t i = 0; i < n_processes; i++)
      kill (processes[i], SIGKILL);
    kill (call->process, SIGKILL);
  } else if (fault == FAULT_SHORT) {
    tracee_shorten_call (call);
  } else {
    tracee_skip_call (call, -fault_number);
  }
}

static void
on_call (pid_t thread)
{
  Call call;
  char path[PATH_MAX * 2];
  size_t i;
  if (!tracee_get_call (thread, &call))
    return;
  if (call.number == __NR_prctl) {
    /* Who hides its memory also hides its descriptors from an unprivileged tracer. */
    if (call.arguments[0] == PR_SET_DUMPABLE)
      tracee_skip_call (&call, 0);
    return;
  }
  if (call.number == __NR_fstatfs) {
    if (distrust)
      tracee_skip_call (&call, -ENOSYS);
    return;
  }
  if (call.number == __NR_mmap && !record_wants (&call))
    return;
  for (i = 0; i < N_ELEMENTS (calls) && calls[i].number != call.number; i++)
    ;
  if (i == N_ELEMENTS (calls))
    return;
  tracee_get_path (&call, calls[i].fd, calls[i].path, path, sizeof path);
  if (!is_watched (path))
    return;
  unsigned possible = calls[i].faults;
  char class = calls[i].class;
  if (calls[i].kind != KIND_PLAIN)
    judge_open (&call, i, &class, &possible);
  call.process = tracee_get_process (thread);
  if (record_wants (&call) && class != 'r')
    record_call (&call, calls[i].name, path);
  if (class == 'm')
    return;
  count++;
  write_line ("", &call, i, class, path, possible);
  if (fault == 0 || count < at || (made && !sticky))
    return;
  if (!(fault & (FAULT_KILL | FAULT_KILLALL)) && !(possible & fault))
    return;
  made = 1;
  write_line ("! ", &call, i, class, path, fault);
  make_fault (&call);
}

/* Running it */

static void
install_filter (void)
{
  struct sock_filter filter[N_ELEMENTS (calls) * 2 + 16];
  static const long others[] = { __NR_prctl, __NR_fstatfs };
  unsigned short n = 0;
  filter[n++] = (struct sock_filter) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr));
  for (size_t i = 0; i < N_ELEMENTS (calls) + N_ELEMENTS (others); i++) {
    long number = i < N_ELEMENTS (calls) ? calls[i].number : others[i - N_ELEMENTS (calls)];
    if (number == __NR_mmap && !record_is_open ())
      continue;
    filter[n++] = (struct sock_filter) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (unsigned) number, 0, 1);
    filter[n++] = (struct sock_filter) BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  }
  filter[n++] = (struct sock_filter) BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = { n, filter };
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    die ("cannot filter system calls");
}

static void
start (char **arguments)
{
  first = fork ();
  if (first < 0)
    die ("cannot fork");
  if (first == 0) {
    if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) < 0)
      die ("cannot be traced");
    raise (SIGSTOP);
    install_filter ();
    execvp (arguments[0], arguments);
    die (arguments[0]);
  }
  int status;
  if (waitpid (first, &status, __WALL) < 0 || !WIFSTOPPED (status))
    die ("the program did not start");
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP |
                 PTRACE_O_TRACESYSGOOD;
  if (ptrace (PTRACE_SETOPTIONS, first, NULL, (void *) options) < 0)
    die ("cannot trace");
  processes[n_processes++] = first;
  fprintf (log_file, "pid %d\n", first);
  fflush (log_file);
  ptrace (PTRACE_CONT, first, NULL, NULL);
}

static void
note_process (pid_t thread)
{
  unsigned long process = 0;
  if (ptrace (PTRACE_GETEVENTMSG, thread, NULL, &process) == 0 && n_processes < N_ELEMENTS (processes))
    processes[n_processes++] = (pid_t) process;
}

static void
on_stop (pid_t thread, int status)
{
  int event = status >> 16;
  int signal_number = WSTOPSIG (status);
  if (signal_number == (SIGTRAP | 0x80)) {
    record_finish (thread);
    return;
  }
  if (event == PTRACE_EVENT_SECCOMP)
    on_call (thread);
  else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK)
    note_process (thread);
  /* A new thread begins with a stop of its own; real stops are of no use here. */
  int deliver = event == 0 && signal_number != SIGSTOP && signal_number != SIGTRAP ? signal_number : 0;
  ptrace (record_is_waiting (thread) ? PTRACE_SYSCALL : PTRACE_CONT, thread, NULL, (void *) (long) deliver);
}

static int
follow (void)
{
  int status, result = 0;
  pid_t thread;
  while ((thread = waitpid (-1, &status, __WALL | (record_is_lingering () ? WNOHANG : 0))) >= 0 || errno == EINTR) {
    record_release ();
    if (thread == 0)
      usleep (LINGER_STEP_US);
    if (thread <= 0)
      continue;
    if (WIFSTOPPED (status)) {
      on_stop (thread, status);
    } else if (thread == first) {
      result = status;
      fprintf (log_file, "exit %d %d\n", WIFEXITED (status) ? WEXITSTATUS (status) : -1, WIFSIGNALED (status) ? WTERMSIG (status) : 0);
      fflush (log_file);
    }
  }
  return WIFSIGNALED (result) ? 128 + WTERMSIG (result) : WEXITSTATUS (result);
}

static void
on_term (int number)
{
  kill (first, number);
}

static int
parse (int argc, char **argv)
{
  int i;
  for (i = 1; i < argc && strcmp (argv[i], "--") != 0; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp (argv[i], "--sticky") == 0) {
      sticky = 1;
      continue;
    }
    if (strcmp (argv[i], "--distrust") == 0) {
      distrust = 1;
      continue;
    }
    i++;
    if (strcmp (argv[i - 1], "--tree") == 0 && n_trees < N_ELEMENTS (trees))
      trees[n_trees++] = value;
    else if (strcmp (argv[i - 1], "--directory") == 0 && n_directories < N_ELEMENTS (directories))
      directories[n_directories++] = value;
    else if (strcmp (argv[i - 1], "--linger") == 0)
      record_set_linger (atol (value));
    else if (strcmp (argv[i - 1], "--log") == 0)
      log_file = fopen (value, "we");
    else if (strcmp (argv[i - 1], "--at") == 0)
      at = atol (value);
    else if (strcmp (argv[i - 1], "--fault") == 0)
      fault_name = value;
    else if (strcmp (argv[i - 1], "--record") == 0 && record_open (value))
      continue;
    else
      return -1;
  }
  return i + 1 < argc ? i + 1 : -1;
}

static int
choose_fault (void)
{
  for (size_t i = 0; fault_name && i < N_ELEMENTS (faults); i++) {
    if (strcmp (faults[i].name, fault_name) == 0) {
      fault = faults[i].bit;
      fault_number = faults[i].number;
    }
  }
  return !fault_name || fault != 0;
}

int
main (int argc, char **argv)
{
  int program = parse (argc, argv);
  if (program < 0 || !choose_fault () || n_trees == 0 || !log_file) {
    fprintf (stderr, "usage: inject --tree DIR… --log FILE [--at N --fault FAULT [--sticky]] [--record FILE [--directory DIR…] [--linger MS] [--distrust]] -- PROGRAM ARGUMENT…\n");
    return 125;
  }
  struct sigaction action = { .sa_handler = on_term };
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGHUP, &action, NULL);
  start (argv + program);
  return follow ();
}
