/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

static gboolean
fail (ClmOutput *self, int code, GError **error)
{
  return clm_cli_error_set_system (error, _("look at the folder: is it there, may you write to it, is there room?"), _("cannot write %s: %s"), self->path != NULL ? self->path : _("standard output"),
                                   g_strerror (code));
}

gboolean
clm_output_open (ClmOutput *self, const char *path, gboolean secret, GError **error)
{
  *self = (ClmOutput) { .fd = STDOUT_FILENO };
  if (path == NULL || g_str_equal (path, "-")) {
    fflush (stdout);
    return TRUE;
  }
  self->path = path;
  self->temporary = g_strconcat (path, ".XXXXXX", NULL);
  self->fd = g_mkstemp_full (self->temporary, O_WRONLY | O_CLOEXEC, 0600);
  if (self->fd < 0)
    return fail (self, errno, error);
  if (!secret) {
    mode_t mask = umask (0);
    umask (mask);
    if (fchmod (self->fd, 0644 & ~mask) != 0)
      return fail (self, errno, error);
  }
  return TRUE;
}

gboolean
clm_output_write (ClmOutput *self, const void *data, gsize length, GError **error)
{
  const char *rest = data;
  while (length > 0) {
    gssize written = write (self->fd, rest, length);
    if (written < 0 && errno != EINTR)
      return fail (self, errno, error);
    rest += MAX (written, 0);
    length -= (gsize) MAX (written, 0);
  }
  return TRUE;
}

gboolean
clm_output_copy (ClmOutput *self, int fd, GError **error)
{
  char buffer[4096];
  gboolean good = TRUE;
  gssize length;
  /* The descriptor may share its place with others; pread asks nobody where that is. */
  for (off_t offset = 0; good; offset += length) {
    length = pread (fd, buffer, sizeof buffer, offset);
    if (length == 0)
      break;
    good = length < 0 ? fail (self, errno, error) : clm_output_write (self, buffer, (gsize) length, error);
  }
  explicit_bzero (buffer, sizeof buffer);
  return good;
}

gboolean
clm_output_commit (ClmOutput *self, GError **error)
{
  if (self->path == NULL)
    return TRUE;
  if (fsync (self->fd) != 0 || g_rename (self->temporary, self->path) != 0)
    return fail (self, errno, error);
  g_clear_pointer (&self->temporary, g_free);
  return TRUE;
}

void
clm_output_clear (ClmOutput *self)
{
  if (self->path != NULL && self->fd >= 0)
    close (self->fd);
  if (self->temporary != NULL && self->fd >= 0)
    g_unlink (self->temporary);
  g_clear_pointer (&self->temporary, g_free);
}
