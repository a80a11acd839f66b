/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "openssl-memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void *
allocate (size_t size, const char *file, int line)
{
  return malloc (size);
}

static void
wipe (void *block, const char *file, int line)
{
  if (!block)
    return;
  explicit_bzero (block, malloc_usable_size (block));
  free (block);
}

/* realloc() would leave the bytes where they were. */
static void *
resize (void *block, size_t size, const char *file, int line)
{
  size_t held = block ? malloc_usable_size (block) : 0;
  void *larger;

  if (block && size > 0 && size <= held)
    return block;
  larger = size > 0 ? malloc (size) : NULL;
  if (size > 0 && !larger)
    return NULL;
  if (larger && block)
    memcpy (larger, block, MIN (held, size));
  wipe (block, file, line);
  return larger;
}

/*
 * libcrypto 3.0 frees encoded private keys on their way through its decoders and encoders without wiping them, whatever its secure
 * heap is for.
 */
void
clm_x509_wipe_freed_memory (void)
{
  CRYPTO_set_mem_functions (allocate, resize, wipe);
}
