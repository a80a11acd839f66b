/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "durable-file.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <sys/syscall.h>
#include "clm-error.h"

#define NAME_SIZE_MAX 256
#define DIGEST_SIZE 32

/* the kernel */

static int
system_open_at (int parent, const char *name, int flags, mode_t mode)
{
  struct open_how how = {
    .flags = (guint64) (flags | O_NOFOLLOW),
    .mode = mode,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  int fd;

  /* A path names the root of our tree, which may lie behind links that its owner made. */
  if (parent == AT_FDCWD)
    return open (name, flags, mode);
  fd = (int) syscall (SYS_openat2, parent, name, &how, sizeof how);
  /* A kernel before 5.6, or a sandbox that does not know the call. Names are single components, so this is as strict. */
  if (fd < 0 && (errno == ENOSYS || errno == EPERM))
    fd = openat (parent, name, flags | O_NOFOLLOW, mode);
  return fd;
}

static int
system_rename_at (int parent, const char *from, const char *to)
{
  return renameat (parent, from, parent, to);
}

const ClmSyscalls *
clm_durable_get_system_calls (void)
{
  static const ClmSyscalls calls = {
    system_open_at, mkdirat, write, read, fsync, fchmod, fstat, system_rename_at, symlinkat, readlinkat, unlinkat, close,
    clm_barrier_wait,
  };

  return &calls;
}

static const ClmSyscalls *current_calls;

static const ClmSyscalls *
calls (void)
{
  return current_calls != NULL ? current_calls : clm_durable_get_system_calls ();
}

void
clm_durable_set_calls (const ClmSyscalls *table)
{
  current_calls = table;
}

/* fds and errors */

static void
close_fd (int fd)
{
  int saved = errno;

  /* Linux has closed it whatever it says; what mattered was said by fsync. */
  calls ()->close (fd);
  errno = saved;
}

void
clm_durable_clear_fd (int *fd)
{
  if (*fd >= 0)
    close_fd (*fd);
  *fd = -1;
}

int
clm_durable_steal_fd (int *fd)
{
  int value = *fd;

  *fd = -1;
  return value;
}

static ClmError
code_from_errno (int number)
{
  switch (number) {
  case ENOENT:
    return CLM_ERROR_NOT_FOUND;
  case EEXIST:
    return CLM_ERROR_EXISTS;
  case ELOOP:
  case ENOTDIR:
  case EISDIR:
  case EXDEV:
  case ENXIO:
    return CLM_ERROR_INVALID_DATA;
  default:
    return CLM_ERROR_STORAGE;
  }
}

static void
add_hint (int number, GError **error)
{
  if (error == NULL)
    return;
  if (number == ENOSPC || number == EDQUOT)
    clm_error_set_hint (*error, "free space or inodes on the file system that holds the state");
  else if (number == EROFS)
    clm_error_set_hint (*error, "mount the file system that holds the state writable");
  else if (number == EACCES || number == EPERM)
    clm_error_set_hint (*error, "the state directory must belong to the user that the daemon runs as");
}

/* Always FALSE */
static gboolean
fail (GError **error, const char *verb, const char *name)
{
  int number = errno;

  g_set_error (error, CLM_ERROR, code_from_errno (number), "cannot %s %s: %s", verb, name, g_strerror (number));
  add_hint (number, error);
  return FALSE;
}

/* Always FALSE */
static gboolean
distrust (GError **error, const char *name, const char *why)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s: %s", name, why);
  if (error != NULL)
    clm_error_set_hint (*error, "something other than the daemon has changed the state directory; look at it before you remove it");
  return FALSE;
}

static gboolean
is_component (const char *name)
{
  return name[0] != '\0' && strlen (name) < NAME_SIZE_MAX && strchr (name, '/') == NULL && !g_str_equal (name, ".") &&
         !g_str_equal (name, "..");
}

static int
open_at (int parent, const char *name, int flags, mode_t mode)
{
  int fd;

  do
    fd = calls ()->open_at (parent, name, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

/* Now, or with the others that @barrier stands for. */
static gboolean
sync_fd (int fd, ClmBarrier *barrier)
{
  int result;

  if (barrier != NULL) {
    clm_barrier_add (barrier, fd);
    return TRUE;
  }
  do
    result = calls ()->sync (fd);
  while (result < 0 && errno == EINTR);
  return result == 0;
}

gboolean
clm_durable_wait (ClmBarrier *barrier, GError **error)
{
  return calls ()->wait (barrier, error);
}

/* directories */

static gboolean
check_directory (int fd, const char *name, GError **error)
{
  struct stat st;

  if (calls ()->get_stat (fd, &st) < 0)
    return fail (error, "examine", name);
  if (!S_ISDIR (st.st_mode))
    return distrust (error, name, "not a directory");
  if (st.st_uid != geteuid ())
    return distrust (error, name, "belongs to another user");
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return distrust (error, name, "others may write to it");
  return TRUE;
}

static int
open_directory (int parent, const char *name, GError **error)
{
  clm_autofd fd = open_at (parent, name, O_RDONLY | O_DIRECTORY, 0);

  if (fd < 0)
    fail (error, "open", name);
  else if (check_directory (fd, name, error))
    return clm_durable_steal_fd (&fd);
  return -1;
}

int
clm_durable_open_root (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, -1);

  return open_directory (AT_FDCWD, path, error);
}

int
clm_durable_open_directory (int parent, const char *name, GError **error)
{
  g_return_val_if_fail (is_component (name), -1);

  return open_directory (parent, name, error);
}

int
clm_durable_make_directory (int parent, const char *name, mode_t mode, ClmBarrier *barrier, GError **error)
{
  clm_autofd fd = -1;

  g_return_val_if_fail (is_component (name), -1);

  if (calls ()->make_at (parent, name, mode) < 0) {
    fail (error, "make directory", name);
    return -1;
  }
  fd = open_directory (parent, name, error);
  if (fd >= 0 && (calls ()->set_mode (fd, mode) == 0 || fail (error, "set the mode of", name)) &&
      (sync_fd (parent, barrier) || fail (error, "sync the directory of", name)))
    return clm_durable_steal_fd (&fd);
  calls ()->unlink_at (parent, name, AT_REMOVEDIR);
  return -1;
}

/* Whoever made it may have been interrupted before it had its mode, and nobody else would ever give it that. */
static gboolean
widen (int fd, const char *name, mode_t mode, ClmBarrier *barrier, GError **error)
{
  struct stat st;

  if (calls ()->get_stat (fd, &st) < 0)
    return fail (error, "examine", name);
  if ((mode & ~st.st_mode) == 0)
    return TRUE;
  return (calls ()->set_mode (fd, mode) == 0 || fail (error, "set the mode of", name)) &&
         (sync_fd (fd, barrier) || fail (error, "sync", name));
}

int
clm_durable_ensure_directory (int parent, const char *name, mode_t mode, ClmBarrier *barrier, GError **error)
{
  g_autoptr (GError) local = NULL;
  clm_autofd fd = clm_durable_open_directory (parent, name, &local);

  if (fd >= 0)
    return widen (fd, name, mode, barrier, error) ? clm_durable_steal_fd (&fd) : -1;
  if (!g_error_matches (local, CLM_ERROR, CLM_ERROR_NOT_FOUND)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return -1;
  }
  return clm_durable_make_directory (parent, name, mode, barrier, error);
}

gboolean
clm_durable_sync_directory (int fd, const char *name, GError **error)
{
  return sync_fd (fd, NULL) || fail (error, "sync the directory of", name);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GStrv
clm_durable_list (int fd, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  int copy = open_at (fd, ".", O_RDONLY | O_DIRECTORY, 0);
  DIR *directory = copy >= 0 ? fdopendir (copy) : NULL;
  const struct dirent *entry;

  if (directory == NULL) {
    fail (error, "list", "directory");
    clm_durable_clear_fd (&copy);
    return NULL;
  }
  while ((errno = 0, entry = readdir (directory)) != NULL)
    if (!g_str_equal (entry->d_name, ".") && !g_str_equal (entry->d_name, ".."))
      g_ptr_array_add (names, g_strdup (entry->d_name));
  if (errno != 0) {
    fail (error, "list", "directory");
    closedir (directory);
    return NULL;
  }
  closedir (directory);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

/* writing */

static gboolean
write_all (int fd, const guint8 *data, gsize size)
{
  while (size > 0) {
    ssize_t n = calls ()->write (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n == 0 ? ENOSPC : errno;
      return FALSE;
    }
    data += n;
    size -= (gsize) n;
  }
  return TRUE;
}

static gboolean
fill_file (int fd, const char *name, const void *data, gsize size, mode_t mode, ClmBarrier *barrier, GError **error)
{
  if (calls ()->set_mode (fd, mode) < 0)
    return fail (error, "set the mode of", name);
  if (!write_all (fd, data, size))
    return fail (error, "write", name);
  return sync_fd (fd, barrier) || fail (error, "sync", name);
}

gboolean
clm_durable_write (int parent, const char *name, const void *data, gsize size, mode_t mode, ClmBarrier *barrier, GError **error)
{
  clm_autofd fd = -1;

  g_return_val_if_fail (is_component (name) && (data != NULL || size == 0), FALSE);

  /* Closed to others until it has its mode: a secret must not be readable even for a moment. */
  fd = open_at (parent, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0)
    return fail (error, "make", name);
  if (fill_file (fd, name, data, size, mode, barrier, error) &&
      (sync_fd (parent, barrier) || fail (error, "sync the directory of", name)))
    return TRUE;
  calls ()->unlink_at (parent, name, 0);
  return FALSE;
}

static char *
temporary_name (const char *name)
{
  return g_strconcat (name, ".new", NULL);
}

gboolean
clm_durable_replace (int parent, const char *name, const void *data, gsize size, mode_t mode, ClmBarrier *barrier, GError **error)
{
  g_autofree char *temporary = temporary_name (name);

  if (!clm_durable_remove (parent, temporary, error) || !clm_durable_write (parent, temporary, data, size, mode, barrier, error))
    return FALSE;
  if (clm_durable_rename (parent, temporary, name, barrier, error))
    return TRUE;
  calls ()->unlink_at (parent, temporary, 0);
  return FALSE;
}

gboolean
clm_durable_rename (int parent, const char *from, const char *to, ClmBarrier *barrier, GError **error)
{
  g_return_val_if_fail (is_component (from) && is_component (to), FALSE);

  if (calls ()->rename_at (parent, from, to) < 0)
    return fail (error, "put in place", to);
  return sync_fd (parent, barrier) || fail (error, "sync the directory of", to);
}

/* Makes the link, not durably */
static gboolean
switch_link (int parent, const char *name, const char *target, GError **error)
{
  g_autofree char *temporary = temporary_name (name);

  if (!clm_durable_remove (parent, temporary, error))
    return FALSE;
  if (calls ()->link_at (target, parent, temporary) < 0)
    return fail (error, "make", temporary);
  if (calls ()->rename_at (parent, temporary, name) == 0)
    return TRUE;
  fail (error, "put in place", name);
  calls ()->unlink_at (parent, temporary, 0);
  return FALSE;
}

static void
switch_back (int parent, const char *name, const char *before)
{
  if (before == NULL)
    calls ()->unlink_at (parent, name, 0);
  else if (!switch_link (parent, name, before, NULL))
    g_warning ("cannot switch %s back to %s", name, before);
  sync_fd (parent, NULL);
}

gboolean
clm_durable_replace_link (int parent, const char *name, const char *target, ClmBarrier *barrier, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *before = NULL;

  g_return_val_if_fail (is_component (name) && target != NULL, FALSE);

  before = clm_durable_read_link (parent, name, &local);
  if (before == NULL && !g_error_matches (local, CLM_ERROR, CLM_ERROR_NOT_FOUND)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (!switch_link (parent, name, target, error))
    return FALSE;
  if ((sync_fd (parent, barrier) || fail (error, "sync the directory of", name)) && (barrier == NULL || clm_durable_wait (barrier, error)))
    return TRUE;
  switch_back (parent, name, before);
  return FALSE;
}

/* reading */

char *
clm_durable_read_link (int parent, const char *name, GError **error)
{
  char target[NAME_SIZE_MAX];
  ssize_t n;

  g_return_val_if_fail (is_component (name), NULL);

  n = calls ()->readlink_at (parent, name, target, sizeof target);
  if (n < 0 && errno == EINVAL) {
    distrust (error, name, "not a symbolic link");
    return NULL;
  }
  if (n < 0) {
    fail (error, "read the link", name);
    return NULL;
  }
  if (n == sizeof target || memchr (target, '\0', (gsize) n) != NULL) {
    distrust (error, name, "points to no place of ours");
    return NULL;
  }
  return g_strndup (target, (gsize) n);
}

static gboolean
check_file (int fd, const char *name, gsize max_size, gsize *size, GError **error)
{
  struct stat st;

  if (calls ()->get_stat (fd, &st) < 0)
    return fail (error, "examine", name);
  if (!S_ISREG (st.st_mode))
    return distrust (error, name, "not a regular file");
  if (st.st_uid != geteuid ())
    return distrust (error, name, "belongs to another user");
  if (st.st_nlink != 1)
    return distrust (error, name, "has a second name");
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return distrust (error, name, "others may write to it");
  if (st.st_size < 0 || (guint64) st.st_size > max_size)
    return distrust (error, name, "too large");
  if (size != NULL)
    *size = (gsize) st.st_size;
  return TRUE;
}

int
clm_durable_open_file (int parent, const char *name, gsize max_size, gsize *size, GError **error)
{
  clm_autofd fd = -1;

  g_return_val_if_fail (is_component (name), -1);

  /* O_NONBLOCK: a planted FIFO must not hold us up. */
  fd = open_at (parent, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0)
    fail (error, "open", name);
  else if (check_file (fd, name, max_size, size, error))
    return clm_durable_steal_fd (&fd);
  return -1;
}

static ssize_t
read_some (int fd, void *data, gsize size)
{
  ssize_t n;

  do
    n = calls ()->read (fd, data, size);
  while (n < 0 && errno == EINTR);
  return n;
}

GBytes *
clm_durable_read (int parent, const char *name, gsize max_size, GError **error)
{
  gsize size = 0, used = 0;
  clm_autofd fd = clm_durable_open_file (parent, name, max_size, &size, error);
  g_autofree guint8 *data = NULL;
  ssize_t n = 1;

  if (fd < 0)
    return NULL;
  data = g_malloc (size + 1);
  while (used < size && (n = read_some (fd, data + used, size - used)) > 0)
    used += (gsize) n;
  if (n < 0) {
    fail (error, "read", name);
    return NULL;
  }
  if (used < size) {
    distrust (error, name, "became shorter while it was read");
    return NULL;
  }
  data[size] = '\0';
  return g_bytes_new_take (g_steal_pointer (&data), size);
}

static char *
to_hex (const guint8 digest[DIGEST_SIZE])
{
  GString *hex = g_string_sized_new (2 * DIGEST_SIZE);

  for (guint i = 0; i < DIGEST_SIZE; i++)
    g_string_append_printf (hex, "%02x", digest[i]);
  return g_string_free (hex, FALSE);
}

/* Hashing is OpenSSL's here and not GChecksum's, which leaves a piece of what it read in freed memory. */
char *
clm_durable_hash_data (const void *data, gsize size, GError **error)
{
  guint8 digest[DIGEST_SIZE] = { 0 };

  if (EVP_Digest (data, size, digest, NULL, EVP_sha256 (), NULL) == 1)
    return to_hex (digest);
  g_set_error (error, CLM_ERROR, CLM_ERROR_FAILED, "cannot compute a SHA-256");
  return NULL;
}

char *
clm_durable_hash (int parent, const char *name, gsize max_size, GError **error)
{
  clm_autofd fd = clm_durable_open_file (parent, name, max_size, NULL, error);
  EVP_MD_CTX *context;
  guint8 digest[DIGEST_SIZE] = { 0 };
  guint8 block[4096];
  gboolean good;
  ssize_t n = 0;

  if (fd < 0)
    return NULL;
  context = EVP_MD_CTX_new ();
  good = context != NULL && EVP_DigestInit_ex (context, EVP_sha256 (), NULL) == 1;
  while (good && (n = read_some (fd, block, sizeof block)) > 0)
    good = EVP_DigestUpdate (context, block, (size_t) n) == 1;
  if (n < 0)
    fail (error, "read", name);
  explicit_bzero (block, sizeof block);
  good = good && EVP_DigestFinal_ex (context, digest, NULL) == 1;
  EVP_MD_CTX_free (context);
  if (n < 0)
    return NULL;
  if (good)
    return to_hex (digest);
  g_set_error (error, CLM_ERROR, CLM_ERROR_FAILED, "cannot compute the SHA-256 of %s", name);
  return NULL;
}

/* removing */

static gboolean
unlink_name (int parent, const char *name, int flags, GError **error)
{
  g_return_val_if_fail (is_component (name), FALSE);

  return calls ()->unlink_at (parent, name, flags) == 0 || errno == ENOENT || fail (error, "remove", name);
}

gboolean
clm_durable_remove (int parent, const char *name, GError **error)
{
  return unlink_name (parent, name, 0, error);
}

gboolean
clm_durable_remove_directory (int parent, const char *name, GError **error)
{
  return unlink_name (parent, name, AT_REMOVEDIR, error);
}
