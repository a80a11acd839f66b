/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "directory.h"

#include "clm-barrier.h"
#include "clm-error.h"
#include "key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

#define TEMPORARY ".new-"
#define OTHERS (S_IRWXG | S_IRWXO)

struct _ClmKeyDirectory {
  int   fd;
  char *path;   /* for messages only */
};

static gboolean
fail (GError **error, ClmError code, int saved_errno, const char *path, const char *name, const char *what)
{
  g_set_error (error, CLM_ERROR, code, "%s%s%s: %s: %s", path, name ? "/" : "", name ? name : "", what, g_strerror (saved_errno));
  return FALSE;
}

static gboolean
refuse (GError **error, ClmError code, const char *path, const char *name, const char *why)
{
  g_set_error (error, CLM_ERROR, code, "%s%s%s: %s", path, name ? "/" : "", name ? name : "", why);
  return FALSE;
}

/* The directory */

static gboolean
check_directory (const char *path, int fd, GError **error)
{
  struct stat status;

  if (fstat (fd, &status) != 0)
    return fail (error, CLM_ERROR_STORAGE, errno, path, NULL, "cannot be examined");
  if (status.st_uid != geteuid ())
    return refuse (error, CLM_ERROR_CONFIG, path, NULL, "the key directory belongs to another user");
  if (status.st_mode & OTHERS)
    return refuse (error, CLM_ERROR_CONFIG, path, NULL, "the key directory is open to others (its mode must be 0700)");
  return TRUE;
}

/* Also makes the new directory's own entry durable. */
static gboolean
make_directory (const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);

  if (mkdir (path, S_IRWXU) != 0)
    return errno == EEXIST || fail (error, CLM_ERROR_STORAGE, errno, path, NULL, "cannot be made");

  int fd = open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean synced = fd >= 0 && fsync (fd) == 0;
  int saved_errno = errno;
  g_close (fd, NULL);
  return synced || fail (error, CLM_ERROR_STORAGE, saved_errno, parent, NULL, "cannot be made durable");
}

static DIR *
open_entries (ClmKeyDirectory *self)
{
  int fd = openat (self->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = fd >= 0 ? fdopendir (fd) : NULL;

  if (!entries && fd >= 0)
    g_close (fd, NULL);
  return entries;
}

static void
remove_leftovers (ClmKeyDirectory *self)
{
  DIR *entries = open_entries (self);
  struct dirent *entry;

  if (!entries)
    return;
  while ((entry = readdir (entries)))
    if (g_str_has_prefix (entry->d_name, TEMPORARY))
      unlinkat (self->fd, entry->d_name, 0);
  closedir (entries);
}

ClmKeyDirectory *
clm_key_directory_open (const char *path, gboolean create, GError **error)
{
  g_autoptr (ClmKeyDirectory) self = g_atomic_rc_box_new0 (ClmKeyDirectory);

  self->fd = -1;
  self->path = g_strdup (path);
  if (create && !make_directory (path, error))
    return NULL;
  self->fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (self->fd < 0) {
    int saved_errno = errno;
    gboolean config = saved_errno == ENOENT || saved_errno == ENOTDIR || saved_errno == ELOOP;
    fail (error, config ? CLM_ERROR_CONFIG : CLM_ERROR_STORAGE, saved_errno, path, NULL, "cannot be opened");
    return NULL;
  }
  if (!check_directory (path, self->fd, error))
    return NULL;
  remove_leftovers (self);
  return g_steal_pointer (&self);
}

ClmKeyDirectory *
clm_key_directory_ref (ClmKeyDirectory *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  ClmKeyDirectory *self = data;

  if (self->fd >= 0)
    g_close (self->fd, NULL);
  g_free (self->path);
}

void
clm_key_directory_unref (ClmKeyDirectory *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

/* Reading */

static gboolean
check_file (ClmKeyDirectory *self, const char *name, const struct stat *status, GError **error)
{
  const char *why = !S_ISREG (status->st_mode)         ? "it is no regular file"
                    : status->st_uid != geteuid ()     ? "the key file belongs to another user"
                    : status->st_mode & OTHERS         ? "the key file is open to others (its mode must be 0600)"
                    : status->st_nlink != 1            ? "the key file has a second name"
                    : status->st_size == 0             ? "the key file is empty"
                    : status->st_size > CLM_PRIVATE_KEY_MAX_SIZE ? "the key file is too large"
                                                       : NULL;

  return !why || refuse (error, CLM_ERROR_KEY_UNAVAILABLE, self->path, name, why);
}

int
clm_key_directory_open_file (ClmKeyDirectory *self, const char *name, struct stat *status, GError **error)
{
  /* O_NONBLOCK: a FIFO in its place must not hold the lane */
  int fd = openat (self->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0) {
    int saved_errno = errno;
    fail (error, saved_errno == ENOENT ? CLM_ERROR_NOT_FOUND : CLM_ERROR_KEY_UNAVAILABLE, saved_errno, self->path, name, "cannot be opened");
    return -1;
  }
  if (fstat (fd, status) != 0) {
    fail (error, CLM_ERROR_KEY_UNAVAILABLE, errno, self->path, name, "cannot be examined");
    g_close (fd, NULL);
    return -1;
  }
  if (!check_file (self, name, status, error)) {
    g_close (fd, NULL);
    return -1;
  }
  return fd;
}

ClmSecret *
clm_key_directory_read (ClmKeyDirectory *self, const char *name, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  struct stat status;
  int fd = clm_key_directory_open_file (self, name, &status, error);
  ClmSecret *secret;

  if (fd < 0)
    return NULL;
  secret = clm_secret_new_from_fd (fd, CLM_PRIVATE_KEY_MAX_SIZE, &local_error);
  g_close (fd, NULL);
  if (!secret)
    refuse (error, CLM_ERROR_KEY_UNAVAILABLE, self->path, name, local_error->message);
  return secret;
}

/* Writing */

static gboolean
write_all (int fd, const char *data, gsize size)
{
  while (size) {
    gssize written = write (fd, data, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      errno = written == 0 ? ENOSPC : errno;
      return FALSE;
    }
    data += written;
    size -= (gsize) written;
  }
  return TRUE;
}

static gboolean
fill (int fd, ClmSecret *const *texts, guint n)
{
  for (guint i = 0; i < n; i++) {
    gsize size;
    const char *data = clm_secret_peek (texts[i], &size);
    if (!write_all (fd, data, size))
      return FALSE;
  }
  return TRUE;
}

/* link() for file systems without RENAME_NOREPLACE; an interruption between the two leaves a second name, which the next start removes. */
static gboolean
publish (ClmKeyDirectory *self, const char *temporary, const char *name)
{
  if (renameat2 (self->fd, temporary, self->fd, name, RENAME_NOREPLACE) == 0)
    return TRUE;
  if (errno != EINVAL && errno != ENOSYS)
    return FALSE;
  return linkat (self->fd, temporary, self->fd, name, 0) == 0 && unlinkat (self->fd, temporary, 0) == 0;
}

static gboolean
write_temporary (ClmKeyDirectory *self, const char *temporary, ClmSecret *const *texts, guint n, ClmBarrier *barrier)
{
  int fd = openat (self->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);

  if (fd < 0)
    return FALSE;
  gboolean written = fill (fd, texts, n);
  int saved_errno = errno;
  clm_barrier_add (barrier, fd);
  if (close (fd) != 0 && written) {   /* NFS reports the full disk here */
    saved_errno = errno;
    written = FALSE;
  }
  errno = saved_errno;
  return written;
}

/* The content is durable before it has its name, and the name before anybody hears of it. A failed sync is never repeated on the
 * same file: the kernel may have dropped the pages. */
static gboolean
write_new (ClmKeyDirectory *self, const char *temporary, const char *name, ClmSecret *const *texts, guint n, gboolean *named, GError **error)
{
  g_autoptr (ClmBarrier) barrier = clm_barrier_begin (self->fd);

  if (!write_temporary (self, temporary, texts, n, barrier))
    return fail (error, CLM_ERROR_STORAGE, errno, self->path, name, "cannot be written");
  if (!clm_barrier_wait (barrier, error))
    return FALSE;
  if (!publish (self, temporary, name))
    return fail (error, errno == EEXIST ? CLM_ERROR_EXISTS : CLM_ERROR_STORAGE, errno, self->path, name, "cannot be made");
  *named = TRUE;
  clm_barrier_add (barrier, self->fd);
  return clm_barrier_wait (barrier, error);
}

gboolean
clm_key_directory_write_new (ClmKeyDirectory *self, const char *name, ClmSecret *const *texts, guint n, GError **error)
{
  g_autofree char *temporary = g_strdup_printf (TEMPORARY "%08x%08x", g_random_int (), g_random_int ());
  gboolean named = FALSE;

  if (write_new (self, temporary, name, texts, n, &named, error))
    return TRUE;
  /* Not durable is not made; nobody has its id yet. */
  unlinkat (self->fd, named ? name : temporary, 0);
  return FALSE;
}

gboolean
clm_key_directory_remove (ClmKeyDirectory *self, const char *name, GError **error)
{
  g_autoptr (ClmBarrier) barrier = clm_barrier_begin (self->fd);

  if (unlinkat (self->fd, name, 0) != 0 && errno != ENOENT)
    return fail (error, CLM_ERROR_STORAGE, errno, self->path, name, "cannot be removed");
  clm_barrier_add (barrier, self->fd);
  return clm_barrier_wait (barrier, error);
}

GStrv
clm_key_directory_list (ClmKeyDirectory *self, GError **error)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  DIR *entries = open_entries (self);
  struct dirent *entry;

  if (!entries) {
    fail (error, CLM_ERROR_STORAGE, errno, self->path, NULL, "cannot be listed");
    return NULL;
  }
  while ((entry = readdir (entries)))
    if (entry->d_name[0] != '.')
      g_strv_builder_add (names, entry->d_name);
  closedir (entries);
  return g_strv_builder_end (names);
}
