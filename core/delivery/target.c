/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target.h"
#include "clm-error.h"
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_ATTRIBUTES (64 * 1024)
#define RANDOM_DIGITS 12

struct _ClmTarget {
  char     *path;
  char     *directory;
  char     *name;        /* within it */
  char     *temporary;   /* (nullable): beside it; after a commit, the old file */
  int       directory_fd;
  gboolean  existed;
  gboolean  committed;
  gboolean  exchanged;
  int       fd;          /* of the new file; open, so that its inode number cannot be given to another one */
};

/* What the disk did, told from what somebody did. */
static void
set_system_error (GError **error, int number, const char *verb, const char *path)
{
  gboolean is_disk = number == ENOSPC || number == EDQUOT || number == EIO || number == EROFS || number == ENOMEM || number == EMFILE ||
                     number == ENFILE;

  g_set_error (error, CLM_ERROR, is_disk ? CLM_ERROR_STORAGE : CLM_ERROR_DELIVERY, "cannot %s %s: %s", verb, path, g_strerror (number));
  if (number == ENOSPC || number == EDQUOT)
    clm_error_set_hint (error ? *error : NULL, "make room on the file system of %s", path);
  else if (number == EPERM || number == EACCES)
    clm_error_set_hint (error ? *error : NULL, "the helper must run as root, or as the owner that the recipe names");
}

static gboolean
refuse_planted (const struct stat *st, const char *path, GError **error)
{
  const char *what = S_ISLNK (st->st_mode) ? "a symlink" : !S_ISREG (st->st_mode) ? "not a regular file" : st->st_nlink != 1 ? "a file with a second hard link" : NULL;

  if (what == NULL)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "refusing to replace %s: it is %s", path, what);
  clm_error_set_hint (error ? *error : NULL, "look who put it there, then remove it");
  return FALSE;
}

static gboolean
read_fully (int fd, char *data, gsize size)
{
  gsize done = 0;

  while (done < size) {
    ssize_t n = pread (fd, data + done, size - done, (off_t) done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    done += (gsize) n;
  }
  return TRUE;
}

static int
write_fully (int fd, const char *data, gsize size)
{
  gsize done = 0;

  while (done < size) {
    ssize_t n = write (fd, data + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    done += (gsize) n;
  }
  return 0;
}

static gboolean
content_equals (int fd, off_t size, ClmSecret *content)
{
  gsize wanted;
  const char *data = clm_secret_peek (content, &wanted);
  g_autofree char *there = NULL;
  gboolean equal;

  if ((guint64) size != wanted)
    return FALSE;
  there = g_malloc (wanted + 1);
  equal = read_fully (fd, there, wanted) && memcmp (there, data, wanted) == 0;
  explicit_bzero (there, wanted);
  return equal;
}

static char *
make_prefix (const char *name)
{
  return g_strdup_printf (".%.200s.certloom-", name);
}

static char *
make_temporary_name (const char *name)
{
  g_autofree char *prefix = make_prefix (name);
  guint8 bytes[RANDOM_DIGITS / 2];

  if (getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
    return NULL;
  return g_strdup_printf ("%s%02x%02x%02x%02x%02x%02x", prefix, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
}

/* What a killed helper left behind. The recipe's lock is held, so nobody is at work on it. */
static void
remove_leftovers (ClmTarget *self)
{
  g_autofree char *prefix = make_prefix (self->name);
  int fd = openat (self->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir (fd) : NULL;
  struct stat st;

  if (dir == NULL) {
    if (fd >= 0)
      close (fd);
    return;
  }
  for (struct dirent *entry = readdir (dir); entry; entry = readdir (dir)) {
    const char *digits = entry->d_name + strlen (prefix);
    if (!g_str_has_prefix (entry->d_name, prefix) || strlen (digits) != RANDOM_DIGITS || strspn (digits, "0123456789abcdef") != RANDOM_DIGITS)
      continue;
    if (fstatat (self->directory_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR (st.st_mode))
      unlinkat (self->directory_fd, entry->d_name, 0);
  }
  closedir (dir);
}

static gboolean
attribute_is_kept (const char *name)
{
  /* made for content or program, not for the place */
  return !g_str_equal (name, "security.capability") && !g_str_equal (name, "security.ima") && !g_str_equal (name, "security.evm");
}

static int
copy_attribute (int from, int to, const char *name)
{
  g_autofree char *value = g_malloc (MAX_ATTRIBUTES);
  ssize_t size = fgetxattr (from, name, value, MAX_ATTRIBUTES);

  if (size < 0)
    return errno == ENODATA ? 0 : errno;
  return fsetxattr (to, name, value, (size_t) size, 0) == 0 || errno == ENOTSUP ? 0 : errno;
}

/* Label, ACL and the like; an attribute that says the same already need not be writable by us. */
static int
copy_attributes (int from, int to)
{
  g_autofree char *names = g_malloc (MAX_ATTRIBUTES);
  ssize_t size = flistxattr (from, names, MAX_ATTRIBUTES);

  if (size < 0)
    return errno == ENOTSUP ? 0 : errno;
  for (const char *name = names; name < names + size; name += strlen (name) + 1) {
    int number = attribute_is_kept (name) ? copy_attribute (from, to, name) : 0;
    if (number != 0)
      return number;
  }
  return 0;
}

/* Owner before mode: chown(2) may clear mode bits. ACL before mode: the mode sets its mask. */
static gboolean
dress (ClmTarget *self, int fd, int old_fd, uid_t owner, gid_t group, mode_t mode, GError **error)
{
  struct stat st;
  int number = 0;

  if (fstat (fd, &st) < 0)
    number = errno;
  else if ((st.st_uid != owner || st.st_gid != group) && fchown (fd, owner, group) < 0)
    number = errno;
  if (number != 0) {
    set_system_error (error, number, "set the owner of", self->path);
    return FALSE;
  }
  number = old_fd >= 0 ? copy_attributes (old_fd, fd) : 0;
  if (number != 0) {
    set_system_error (error, number, "keep label and ACL of", self->path);
    return FALSE;
  }
  if (fchmod (fd, mode) < 0) {
    set_system_error (error, errno, "set the mode of", self->path);
    return FALSE;
  }
  return TRUE;
}

static gboolean
write_temporary (ClmTarget *self, int fd, const ClmTargetSpec *spec, int old_fd, uid_t owner, gid_t group, GError **error)
{
  gsize size;
  const char *data = clm_secret_peek (spec->content, &size);
  int number = write_fully (fd, data, size);

  if (number != 0) {
    set_system_error (error, number, "write", self->path);
    return FALSE;
  }
  if (!dress (self, fd, old_fd, owner, group, spec->mode, error))
    return FALSE;
  if (fsync (fd) < 0) {
    set_system_error (error, errno, "make durable", self->path);
    return FALSE;
  }
  return TRUE;
}

static gboolean
make_temporary (ClmTarget *self, const ClmTargetSpec *spec, int old_fd, uid_t owner, gid_t group, GError **error)
{
  g_autofree char *name = make_temporary_name (self->name);

  self->fd = name ? openat (self->directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
  if (self->fd < 0) {
    set_system_error (error, errno, "write a new file beside", self->path);
    return FALSE;
  }
  self->temporary = g_steal_pointer (&name);
  return write_temporary (self, self->fd, spec, old_fd, owner, group, error);
}

/* The file that is there now. -1 without error: none. */
static int
open_old (ClmTarget *self, struct stat *st, GError **error)
{
  int fd = openat (self->directory_fd, self->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

  if (fd < 0 && errno == ENOENT)
    return -1;
  if (fd < 0) {
    int number = errno;
    /* a symlink or a socket cannot be opened so; say what it is */
    if (fstatat (self->directory_fd, self->name, st, AT_SYMLINK_NOFOLLOW) < 0 || refuse_planted (st, self->path, error))
      set_system_error (error, number, "read", self->path);
    return -1;
  }
  if (fstat (fd, st) == 0 && refuse_planted (st, self->path, error))
    return fd;
  close (fd);
  return -1;
}

static gboolean
prepare_beside (ClmTarget *self, const ClmTargetSpec *spec, GError **error)
{
  g_autoptr (GError) local = NULL;
  struct stat st = {0};
  int old_fd = open_old (self, &st, &local);
  uid_t owner = spec->has_owner ? spec->owner : old_fd >= 0 ? st.st_uid : geteuid ();
  gid_t group = spec->has_group ? spec->group : old_fd >= 0 ? st.st_gid : getegid ();
  gboolean done = TRUE;

  if (local) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  remove_leftovers (self);
  self->existed = old_fd >= 0;
  if (!self->existed || st.st_uid != owner || st.st_gid != group || (st.st_mode & 07777) != spec->mode ||
      !content_equals (old_fd, st.st_size, spec->content))
    done = make_temporary (self, spec, old_fd, owner, group, error);
  if (old_fd >= 0)
    close (old_fd);
  return done;
}

ClmTarget *
clm_target_prepare (const ClmTargetSpec *spec, GError **error)
{
  g_autoptr (ClmTarget) self = g_new0 (ClmTarget, 1);

  self->fd = -1;
  self->path = g_strdup (spec->path);
  self->directory = g_path_get_dirname (spec->path);
  self->name = g_path_get_basename (spec->path);
  self->directory_fd = clm_directory_open (self->directory, TRUE, error);
  if (self->directory_fd < 0 || !prepare_beside (self, spec, error))
    return NULL;
  return g_steal_pointer (&self);
}

gboolean
clm_target_is_changed (ClmTarget *self)
{
  return self->temporary != NULL;
}

static int
rename_with (ClmTarget *self, unsigned int flags)
{
  return (int) syscall (SYS_renameat2, self->directory_fd, self->temporary, self->directory_fd, self->name, flags);
}

static gboolean
is_ours_now (ClmTarget *self)
{
  struct stat ours, there;

  return fstat (self->fd, &ours) == 0 && fstatat (self->directory_fd, self->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* By exchange where the file system can, because then the old file is at hand until all files are in place. */
static gboolean
put_in_place (ClmTarget *self, GError **error)
{
  if (self->existed && rename_with (self, RENAME_EXCHANGE) == 0)
    self->exchanged = TRUE;
  else if (self->existed && errno != EINVAL && errno != ENOSYS && errno != ENOENT) {
    set_system_error (error, errno, "replace", self->path);
    return FALSE;
  } else if (renameat (self->directory_fd, self->temporary, self->directory_fd, self->name) < 0) {
    set_system_error (error, errno, "replace", self->path);
    return FALSE;
  }
  self->committed = TRUE;
  if (is_ours_now (self) && clm_directory_is_still (self->directory, self->directory_fd))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "somebody else moves files at %s while they are written", self->path);
  clm_error_set_hint (error ? *error : NULL, "look who may write to %s, and let only its consumer or root", self->directory);
  return FALSE;
}

static void
take_back (ClmTarget *self)
{
  if (!self->committed)
    return;
  if (self->exchanged)
    rename_with (self, RENAME_EXCHANGE);
  else if (!self->existed)
    unlinkat (self->directory_fd, self->name, 0);
  fsync (self->directory_fd);
  self->committed = self->exchanged = FALSE;
}

static gboolean
commit_one (ClmTarget *self, GError **error)
{
  if (self->temporary == NULL)
    return TRUE;
  if (!put_in_place (self, error))
    return FALSE;
  if (fsync (self->directory_fd) == 0)
    return TRUE;
  set_system_error (error, errno, "make durable", self->path);
  return FALSE;
}

gboolean
clm_target_commit_all (GPtrArray *targets, GError **error)
{
  for (guint i = 0; i < targets->len; i++) {
    if (commit_one (g_ptr_array_index (targets, i), error))
      continue;
    for (guint j = i + 1; j > 0; j--)
      take_back (g_ptr_array_index (targets, j - 1));
    return FALSE;
  }
  return TRUE;
}

void
clm_target_free (ClmTarget *self)
{
  if (self->temporary && (!self->committed || self->exchanged))
    unlinkat (self->directory_fd, self->temporary, 0);
  if (self->fd >= 0)
    close (self->fd);
  if (self->directory_fd >= 0)
    close (self->directory_fd);
  g_free (self->path);
  g_free (self->directory);
  g_free (self->name);
  g_free (self->temporary);
  g_free (self);
}

typedef struct {
  int      fd;
  gboolean complete;
} OwnSource;

static void
fill_own (void *data, gsize size, gpointer user_data)
{
  OwnSource *source = user_data;

  source->complete = read_fully (source->fd, data, size);
}

ClmSecret *
clm_target_read_own (const char *path, gsize max_size, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autoptr (ClmSecret) content = NULL;
  int directory_fd = clm_directory_open (directory, FALSE, NULL);
  int fd = directory_fd >= 0 ? openat (directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) : -1;
  OwnSource source = {fd, FALSE};
  struct stat st;

  if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid ()) &&
      (st.st_mode & 022) == 0 && st.st_size > 0 && (guint64) st.st_size <= max_size)
    content = clm_secret_new_sized ((gsize) st.st_size, fill_own, &source);
  if (fd >= 0)
    close (fd);
  if (directory_fd >= 0)
    close (directory_fd);
  if (content && source.complete)
    return g_steal_pointer (&content);
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s is not a small regular file that only root (or the helper's user) can write", path);
  return NULL;
}
