/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clm-error.h"
#include "durable-file.h"

#define MODE 0711

/* With its parents, each durable in the one above: what is kept in it must not go with its name. */
static gboolean
make_directory (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  clm_autofd fd = -1;

  if (mkdir (path, MODE) < 0) {
    if (errno == EEXIST)
      return TRUE;
    if (errno != ENOENT || !make_directory (parent) || (mkdir (path, MODE) < 0 && errno != EEXIST))
      return FALSE;
  }
  fd = open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd >= 0 && fsync (fd) == 0;
}

/* Consumers pass through to the certificates that are theirs to read; they list nothing. */
static gboolean
set_mode (int fd)
{
  struct stat st;

  return fstat (fd, &st) == 0 && ((st.st_mode & 07777) == MODE || (fchmod (fd, MODE) == 0 && fsync (fd) == 0));
}

int
clm_state_lock_take (const char *state_dir,
                     GError    **error)
{
  clm_autofd fd = -1;

  if (!make_directory (state_dir)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot make “%s”: %s", state_dir, g_strerror (errno));
    return -1;
  }
  fd = clm_durable_open_root (state_dir, error);
  if (fd < 0)
    return -1;
  if (!set_mode (fd)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "“%s”: %s", state_dir, g_strerror (errno));
    return -1;
  }
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return clm_durable_steal_fd (&fd);
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "another certloomd works in “%s”", state_dir);
  if (error)
    clm_error_set_hint (*error, "stop it first, or give this one its own --state-dir");
  return -1;
}
