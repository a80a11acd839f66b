/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The target for libFuzzer, which brings main(). */
#include "fuzz.h"

#include <signal.h>
#include <stdlib.h>

int LLVMFuzzerInitialize (int *argc, char ***argv);
int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* Seeds come from files here. */
void
clm_fuzz_seed (const char *name, const void *data, gsize size)
{
}

static void
on_trap (int number)
{
  abort ();
}

/* GLib ends a program after a critical by a trap, which libFuzzer does not know; it would not keep the input. */
int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  signal (SIGTRAP, on_trap);
  return 0;
}

void
clm_fuzz_accept (void)
{
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  clm_fuzz_one (data, size);
  return 0;
}
