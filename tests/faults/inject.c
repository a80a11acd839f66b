/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inject: runs a program and everything it starts, counts the system calls that touch given directories, and lets the Nth of them
 * go wrong.
 *
 *     inject --tree DIR… --log FILE [--at N --fault FAULT [--sticky]] -- PROGRAM ARGUMENT…
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
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <elf.h>
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
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

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
static FILE       *log_file;
static long        at;
static unsigned    fault;
static int         fault_number;
static const char *fault_name;
static int         sticky;
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

/* A thread that made a call */

typedef struct {
  pid_t         thread;
  pid_t         process;
  long          number;
  unsigned long arguments[6];
} Call;

#if defined __x86_64__
typedef struct user_regs_struct Registers;
#elif defined __aarch64__
typedef struct user_pt_regs Registers;
#else
#error "tell how to skip a system call here"
#endif

static void
get_registers (pid_t thread, Registers *registers)
{
  struct iovec iov = { registers, sizeof *registers };
  (void) ptrace (PTRACE_GETREGSET, thread, (void *) NT_PRSTATUS, &iov);
}

static void
set_registers (pid_t thread, Registers *registers)
{
  struct iovec iov = { registers, sizeof *registers };
  (void) ptrace (PTRACE_SETREGSET, thread, (void *) NT_PRSTATUS, &iov);
}

static void
skip_call (const Call *call, long result)
{
  Registers registers;
  get_registers (call->thread, &registers);
#if defined __x86_64__
  registers.orig_rax = (unsigned long) -1L;
  registers.rax = (unsigned long) result;
  set_registers (call->thread, &registers);
#else
  int none = -1;
  struct iovec iov = { &none, sizeof none };
  (void) ptrace (PTRACE_SETREGSET, call->thread, (void *) NT_ARM_SYSTEM_CALL, &iov);
  registers.regs[0] = (unsigned long) result;
  set_registers (call->thread, &registers);
#endif
}

static void
shorten_call (const Call *call)
{
  Registers registers;
  unsigned long size = (call->arguments[2] + 1) / 2;
  get_registers (call->thread, &registers);
#if defined __x86_64__
  registers.rdx = size;
#else
  registers.regs[2] = size;
#endif
  set_registers (call->thread, &registers);
}

static int
get_call (pid_t thread, Call *call)
{
  struct __ptrace_syscall_info info;
  if (ptrace (PTRACE_GET_SYSCALL_INFO, thread, (void *) sizeof info, &info) < 0 || info.op != PTRACE_SYSCALL_INFO_SECCOMP)
    return 0;
  call->thread = thread;
  call->process = thread;
  call->number = (long) info.seccomp.nr;
  for (int i = 0; i < 6; i++)
    call->arguments[i] = (unsigned long) info.seccomp.args[i];
  return 1;
}

static size_t
read_memory (pid_t thread, unsigned long address, void *buffer, size_t size)
{
  size_t done = 0;
  while (done < size) {
    /* Page by page: a string may end just before one that is not there. */
    size_t piece = 4096 - (address + done) % 4096;
    if (piece > size - done)
      piece = size - done;
    struct iovec local = { (char *) buffer + done, piece };
    struct iovec remote = { (void *) (address + done), piece };
    ssize_t n = process_vm_readv (thread, &local, 1, &remote, 1, 0);
    if (n <= 0)
      break;
    done += (size_t) n;
    if (memchr ((char *) buffer + done - n, '\0', (size_t) n) && size > 64)
      break;
  }
  return done;
}

/* Where a call goes */

static void
read_link (char *buffer, size_t size, pid_t thread, const char *what, int fd)
{
  char link[64];
  if (fd < 0)
    snprintf (link, sizeof link, "/proc/%d/%s", thread, what);
  else
    snprintf (link, sizeof link, "/proc/%d/%s/%d", thread, what, fd);
  ssize_t n = readlink (link, buffer, size - 1);
  buffer[n > 0 ? n : 0] = '\0';
}

static void
get_path (const Call *call, int fd_argument, int path_argument, char *path, size_t size)
{
  char name[PATH_MAX] = "";
  path[0] = '\0';
  if (path_argument >= 0) {
    size_t n = read_memory (call->thread, call->arguments[path_argument], name, sizeof name - 1);
    name[n] = '\0';
    if (name[0] == '/') {
      snprintf (path, size, "%s", name);
      return;
    }
  }
  if (fd_argument < 0 || (path_argument >= 0 && (int) call->arguments[fd_argument] == AT_FDCWD))
    read_link (path, size, call->thread, "cwd", -1);
  else
    read_link (path, size, call->thread, "fd", (int) call->arguments[fd_argument]);
  size_t used = strlen (path);
  if (path_argument >= 0 && used > 0)
    snprintf (path + used, size - used, "/%s", name);
}

static int
is_watched (const char *path)
{
  for (size_t i = 0; i < n_trees; i++) {
    size_t n = strlen (trees[i]);
    if (strncmp (path, trees[i], n) == 0 && (path[n] == '/' || path[n] == '\0'))
      return 1;
  }
  return 0;
}

/* What can go wrong */

static void
judge_open (const Call *call, size_t i, char *class, unsigned *possible)
{
  uint64_t flags = call->arguments[calls[i].flags];
  if (calls[i].kind == KIND_OPEN_HOW && read_memory (call->thread, call->arguments[calls[i].flags], &flags, sizeof flags) < sizeof flags)
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

static pid_t
get_process (pid_t thread)
{
  char name[64], line[256];
  pid_t process = thread;
  snprintf (name, sizeof name, "/proc/%d/status", thread);
  FILE *file = fopen (name, "re");
  if (!file)
    return thread;
  while (fgets (line, sizeof line, file) && sscanf (line, "Tgid: %d", &process) != 1)
    ;
  fclose (file);
  return process;
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
    shorten_call (call);
  } else {
    skip_call (call, -fault_number);
  }
}

static void
on_call (pid_t thread)
{
  Call call;
  char path[PATH_MAX * 2];
  size_t i;
  if (!get_call (thread, &call))
    return;
  if (call.number == __NR_prctl) {
    /* Who hides its memory also hides its descriptors from an unprivileged tracer. */
    if (call.arguments[0] == PR_SET_DUMPABLE)
      skip_call (&call, 0);
    return;
  }
  for (i = 0; i < N_ELEMENTS (calls) && calls[i].number != call.number; i++)
    ;
  if (i == N_ELEMENTS (calls))
    return;
  get_path (&call, calls[i].fd, calls[i].path, path, sizeof path);
  if (!is_watched (path))
    return;
  unsigned possible = calls[i].faults;
  char class = calls[i].class;
  if (calls[i].kind != KIND_PLAIN)
    judge_open (&call, i, &class, &possible);
  call.process = get_process (thread);
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
  struct sock_filter filter[N_ELEMENTS (calls) * 2 + 8];
  unsigned short n = 0;
  filter[n++] = (struct sock_filter) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr));
  for (size_t i = 0; i <= N_ELEMENTS (calls); i++) {
    unsigned number = (unsigned) (i < N_ELEMENTS (calls) ? calls[i].number : __NR_prctl);
    filter[n++] = (struct sock_filter) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
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
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP;
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
  if (event == PTRACE_EVENT_SECCOMP)
    on_call (thread);
  else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK)
    note_process (thread);
  /* A new thread begins with a stop of its own; real stops are of no use here. */
  int deliver = event == 0 && signal_number != SIGSTOP && signal_number != SIGTRAP ? signal_number : 0;
  ptrace (PTRACE_CONT, thread, NULL, (void *) (long) deliver);
}

static int
follow (void)
{
  int status, result = 0;
  pid_t thread;
  while ((thread = waitpid (-1, &status, __WALL)) > 0 || errno == EINTR) {
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
    i++;
    if (strcmp (argv[i - 1], "--tree") == 0 && n_trees < N_ELEMENTS (trees))
      trees[n_trees++] = value;
    else if (strcmp (argv[i - 1], "--log") == 0)
      log_file = fopen (value, "we");
    else if (strcmp (argv[i - 1], "--at") == 0)
      at = atol (value);
    else if (strcmp (argv[i - 1], "--fault") == 0)
      fault_name = value;
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
    fprintf (stderr, "usage: inject --tree DIR… --log FILE [--at N --fault FAULT [--sticky]] -- PROGRAM ARGUMENT…\n");
    return 125;
  }
  struct sigaction action = { .sa_handler = on_term };
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGHUP, &action, NULL);
  start (argv + program);
  return follow ();
}
