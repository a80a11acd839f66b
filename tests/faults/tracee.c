/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tracee.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

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

void
tracee_skip_call (const Call *call, long result)
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

void
tracee_shorten_call (const Call *call)
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

int
tracee_get_call (pid_t thread, Call *call)
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

int
tracee_get_result (pid_t thread, long *result)
{
  struct __ptrace_syscall_info info;
  if (ptrace (PTRACE_GET_SYSCALL_INFO, thread, (void *) sizeof info, &info) < 0 || info.op != PTRACE_SYSCALL_INFO_EXIT)
    return 0;
  *result = (long) info.exit.rval;
  return 1;
}

size_t
tracee_read_memory (pid_t thread, unsigned long address, void *buffer, size_t size)
{
  size_t done = 0;
  while (done < size) {
    struct iovec local = { (char *) buffer + done, size - done };
    struct iovec remote = { (void *) (address + done), size - done };
    ssize_t n = process_vm_readv (thread, &local, 1, &remote, 1, 0);
    if (n <= 0)
      break;
    done += (size_t) n;
  }
  return done;
}

/* Page by page: a string may end just before one that is not there. */
void
tracee_read_string (pid_t thread, unsigned long address, char *buffer, size_t size)
{
  size_t done = 0;
  while (done < size - 1) {
    size_t piece = 4096 - (address + done) % 4096;
    if (piece > size - 1 - done)
      piece = size - 1 - done;
    size_t n = tracee_read_memory (thread, address + done, buffer + done, piece);
    done += n;
    if (n < piece || memchr (buffer + done - n, '\0', n))
      break;
  }
  buffer[done] = '\0';
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

void
tracee_get_path (const Call *call, int fd_argument, int path_argument, char *path, size_t size)
{
  char name[PATH_MAX] = "";
  path[0] = '\0';
  if (path_argument >= 0) {
    tracee_read_string (call->thread, call->arguments[path_argument], name, sizeof name);
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

pid_t
tracee_get_process (pid_t thread)
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
