/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stopped thread and the system call it is about to make. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

typedef struct {
  pid_t         thread;
  pid_t         process;
  long          number;
  unsigned long arguments[6];
} Call;

/* tracee_get_call: Returns: 0 where the thread is not stopped before a call. `process` is still the thread. */
int tracee_get_call (pid_t thread, Call *call);
/* tracee_get_process: the process that a thread belongs to */
pid_t tracee_get_process (pid_t thread);
/* tracee_skip_call: the call is not made, and returns @result. */
void tracee_skip_call (const Call *call, long result);
/* tracee_shorten_call: halves the third argument. */
void tracee_shorten_call (const Call *call);
/* tracee_get_result: Returns: 0 where the thread is not stopped behind a call. */
int tracee_get_result (pid_t thread, long *result);

/* tracee_read_memory: Returns: how much could be read. */
size_t tracee_read_memory (pid_t thread, unsigned long address, void *buffer, size_t size);
/* tracee_read_string: cut off where it is too long */
void tracee_read_string (pid_t thread, unsigned long address, char *buffer, size_t size);

/* tracee_get_path: the file of a call, from the numbers of its arguments; -1: it has no such argument. */
void tracee_get_path (const Call *call, int fd_argument, int path_argument, char *path, size_t size);
