/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "directory.h"
#include "clm-error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

static int
open_at_once (const char *path)
{
  struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

  return (int) syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

/* Takes over @parent. */
static int
open_part (int parent, const char *name, gboolean create)
{
  int fd = openat (parent, name, OPEN_FLAGS);

  if (fd < 0 && errno == ENOENT && create && (mkdirat (parent, name, 0755) == 0 || errno == EEXIST)) {
    fd = openat (parent, name, OPEN_FLAGS);
    /* the helper's umask is tight; a consumer must get through */
    if (fd >= 0 && (fchmod (fd, 0755) < 0 || fsync (parent) < 0)) {
      int saved = errno;
      close (fd);
      fd = -1;
      errno = saved;
    }
  }
  int saved = errno;
  close (parent);
  errno = saved;
  return fd;
}

int
clm_directory_open_by_parts (const char *path, gboolean create)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  int fd = open ("/", OPEN_FLAGS);

  for (guint i = 0; parts[i] && fd >= 0; i++)
    if (parts[i][0] != '\0')
      fd = open_part (fd, parts[i], create);
  return fd;
}

int
clm_directory_open (const char *path, gboolean create, GError **error)
{
  int fd = open_at_once (path);

  if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN || (errno == ENOENT && create)))
    fd = clm_directory_open_by_parts (path, create);
  if (fd >= 0)
    return fd;

  int saved = errno;
  if (saved == ELOOP || saved == ENOTDIR) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "the path of directory %s leads through a symlink or something that is no directory", path);
    clm_error_set_hint (error ? *error : NULL, "look who put it there; if it is meant so, write the path without the link");
  } else {
    g_set_error (error, CLM_ERROR, saved == ENOSPC || saved == EROFS || saved == EIO ? CLM_ERROR_STORAGE : CLM_ERROR_DELIVERY,
                 "cannot open directory %s: %s", path, g_strerror (saved));
  }
  return -1;
}

gboolean
clm_directory_is_still (const char *path, int fd)
{
  struct stat held, there;
  int again = open_at_once (path);
  gboolean same;

  if (again < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
    again = clm_directory_open_by_parts (path, FALSE);
  if (again < 0)
    return FALSE;
  same = fstat (fd, &held) == 0 && fstat (again, &there) == 0 && held.st_dev == there.st_dev && held.st_ino == there.st_ino;
  close (again);
  return same;
}
