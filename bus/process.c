/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "process.h"

#include <errno.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void
clm_process_harden (void)
{
  struct rlimit no_core = { 0, 0 };
  umask (077);
  if (chdir ("/") != 0)
    g_warning ("cannot change to /: %s", g_strerror (errno));
  if (setrlimit (RLIMIT_CORE, &no_core) != 0)
    g_warning ("cannot switch core dumps off: %s", g_strerror (errno));
#ifndef __SANITIZE_ADDRESS__  /* the leak checker must read its own memory through /proc */
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    g_warning ("cannot hide memory from others: %s", g_strerror (errno));
#endif
}

/* Threads come in bursts, and making them anew for each costs more than what they do; an arena for each would cost memory for good. */
void
clm_process_tune (void)
{
#ifdef M_ARENA_MAX
  mallopt (M_ARENA_MAX, 2);
#endif
  g_thread_pool_set_max_unused_threads (16);
}

char *
clm_process_make_absolute (const char *path)
{
  return path != NULL ? g_canonicalize_filename (path, NULL) : NULL;
}
