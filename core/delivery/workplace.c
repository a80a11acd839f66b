/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workplace.h"
#include "clm-error.h"
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct _ClmWorkplace {
  char *path;
  int   fd;
};

ClmWorkplace *
clm_workplace_open (const char *path, GError **error)
{
  g_autoptr (ClmWorkplace) self = g_new0 (ClmWorkplace, 1);
  g_autofree char *parent = g_path_get_dirname (path);
  struct stat st;

  self->path = g_strdup (path);
  self->fd = -1;
  int parent_fd = clm_directory_open (parent, TRUE, error);
  if (parent_fd < 0)
    return NULL;
  close (parent_fd);
  if (mkdir (path, 0700) < 0 && errno != EEXIST) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot create %s: %s", path, g_strerror (errno));
    return NULL;
  }
  self->fd = clm_directory_open (path, FALSE, error);
  if (self->fd < 0)
    return NULL;
  if (fstat (self->fd, &st) < 0 || st.st_uid != geteuid () || (st.st_mode & 077) != 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s does not belong to the helper alone (mode 0700)", path);
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
clm_workplace_free (ClmWorkplace *self)
{
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->path);
  g_free (self);
}

int
clm_workplace_lock (ClmWorkplace *self, const char *name, GError **error)
{
  int fd = openat (self->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  int result = fd < 0 ? -1 : 0;

  while (fd >= 0 && (result = flock (fd, LOCK_EX)) < 0 && errno == EINTR)
    continue;
  if (result == 0)
    return fd;
  g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot lock %s/%s: %s", self->path, name, g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}

gboolean
clm_workplace_mark (ClmWorkplace *self, const char *name, GError **error)
{
  int fd = openat (self->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot write %s/%s: %s", self->path, name, g_strerror (errno));
    return FALSE;
  }
  close (fd);
  return TRUE;
}

gboolean
clm_workplace_is_marked (ClmWorkplace *self, const char *name)
{
  return faccessat (self->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void
clm_workplace_unmark (ClmWorkplace *self, const char *name)
{
  unlinkat (self->fd, name, 0);
}

int
clm_workplace_open_note (ClmWorkplace *self, const char *name)
{
  return openat (self->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}
