/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clm-error.h"

#define MAX_SPARE 32

struct _ClmSecret {
  gatomicrefcount ref_count;
  guint8         *data;
  gsize           size;
  gsize           mapped;
};

G_DEFINE_BOXED_TYPE (ClmSecret, clm_secret, clm_secret_ref, clm_secret_unref)

static gsize
round_to_pages (gsize size)
{
  gsize page = sysconf (_SC_PAGESIZE);

  return (size + page - 1) / page * page;
}

/*
 * Mappings of their own, never an allocator's: freeing a secret cannot leave a copy in its lists. Single pages, which is what nearly
 * every secret takes, are kept, wiped, for the next one: mapping, locking and unmapping cost more than what a secret is used for.
 */
static GMutex spare_lock;
static gpointer spare[MAX_SPARE];
static guint n_spare;

static gpointer
take_spare (void)
{
  gpointer page = NULL;

  g_mutex_lock (&spare_lock);
  if (n_spare > 0)
    page = spare[--n_spare];
  g_mutex_unlock (&spare_lock);
  return page;
}

static gboolean
give_spare (gpointer page)
{
  gboolean kept = FALSE;

  g_mutex_lock (&spare_lock);
  if (n_spare < MAX_SPARE) {
    spare[n_spare++] = page;
    kept = TRUE;
  }
  g_mutex_unlock (&spare_lock);
  return kept;
}

static gpointer
map_pages (gsize mapped)
{
  void *data = mmap (NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  g_assert (data != MAP_FAILED);  /* out of memory ends the process, as in g_malloc() */
  madvise (data, mapped, MADV_DONTDUMP);
  /* Refused by a low RLIMIT_MEMLOCK; a gateway without swap loses nothing by it. */
  if (mlock (data, mapped) != 0)
    g_debug ("a secret is not locked in memory: %s", g_strerror (errno));
  return data;
}

static ClmSecret *
secret_map (gsize capacity)
{
  ClmSecret *self = g_new0 (ClmSecret, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->mapped = round_to_pages (capacity + 1);
  if (self->mapped == round_to_pages (1))
    self->data = take_spare ();
  if (!self->data)
    self->data = map_pages (self->mapped);
  return self;
}

static void
secret_unmap (ClmSecret *self)
{
  explicit_bzero (self->data, self->mapped);
  if (self->mapped != round_to_pages (1) || !give_spare (self->data))
    munmap (self->data, self->mapped);
}

static void
secret_shrink (ClmSecret *self, gsize size)
{
  gsize needed = round_to_pages (size + 1);

  self->size = size;
  if (needed == self->mapped)
    return;
  explicit_bzero (self->data + needed, self->mapped - needed);
  munmap (self->data + needed, self->mapped - needed);
  self->mapped = needed;
}

ClmSecret *
clm_secret_new (const void *data, gsize size)
{
  g_return_val_if_fail (data != NULL || size == 0, NULL);

  ClmSecret *self = secret_map (size);
  if (size > 0)
    memcpy (self->data, data, size);
  self->size = size;
  return self;
}

ClmSecret *
clm_secret_new_sized (gsize size, void (*fill) (void *data, gsize size, gpointer user_data), gpointer user_data)
{
  g_return_val_if_fail (fill != NULL, NULL);

  ClmSecret *self = secret_map (size);
  self->size = size;
  fill (self->data, size, user_data);
  self->data[size] = 0;
  return self;
}

static gssize
read_all (int fd, guint8 *data, gsize capacity)
{
  gsize got = 0;

  while (got < capacity) {
    ssize_t n = read (fd, data + got, capacity - got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    got += n;
  }
  return got;
}

/* A file says how long it is; one that grows meanwhile is refused like one that is too long. */
static gsize
guess_size (int fd, gsize max_size)
{
  struct stat status;
  off_t offset = lseek (fd, 0, SEEK_CUR);

  if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode) || status.st_size == 0 || offset < 0 || offset > status.st_size)
    return max_size;
  return MIN (max_size, (gsize) (status.st_size - offset));
}

ClmSecret *
clm_secret_new_from_fd (int fd, gsize max_size, GError **error)
{
  g_return_val_if_fail (max_size < G_MAXSSIZE - 65536, NULL);

  gsize capacity = guess_size (fd, max_size) + 1;
  g_autoptr (ClmSecret) self = secret_map (capacity);
  gssize size = read_all (fd, self->data, capacity);
  if (size < 0) {
    int code = errno;
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "cannot read the secret: %s", g_strerror (code));
    return NULL;
  }
  if ((gsize) size == capacity) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the secret is longer than %" G_GSIZE_FORMAT " bytes", capacity - 1);
    return NULL;
  }
  secret_shrink (self, size);
  return g_steal_pointer (&self);
}

ClmSecret *
clm_secret_ref (ClmSecret *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_secret_unref (ClmSecret *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  secret_unmap (self);
  g_free (self);
}

const void *
clm_secret_peek (ClmSecret *self, gsize *size)
{
  g_return_val_if_fail (self != NULL, NULL);

  if (size != NULL)
    *size = self->size;
  return self->data;
}

gboolean
clm_secret_equal (ClmSecret *a, ClmSecret *b)
{
  g_return_val_if_fail (a != NULL && b != NULL, FALSE);

  if (a->size != b->size)
    return FALSE;
  volatile guint8 difference = 0;
  for (gsize i = 0; i < a->size; i++)
    difference |= a->data[i] ^ b->data[i];
  return difference == 0;
}
