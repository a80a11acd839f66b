/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

G_BEGIN_DECLS

/**
 * ClmOutput: where `--out` points: standard output for "-" or nothing, else a file that appears whole or not at all.
 */
typedef struct {
  const char *path;       /* (nullable): standard output */
  char       *temporary;
  int         fd;
} ClmOutput;

/** clm_output_open: @path: (nullable). @secret: the file is for its owner alone (0600), else 0644 less the umask. */
gboolean clm_output_open (ClmOutput *self, const char *path, gboolean secret, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_output_write: Writes all of it. */
gboolean clm_output_write (ClmOutput *self, const void *data, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_output_copy: Writes all that @fd gives; nothing of it stays in memory. */
gboolean clm_output_copy (ClmOutput *self, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_output_commit: Makes it durable and puts it in place. */
gboolean clm_output_commit (ClmOutput *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_output_clear: Forgets what was not committed. */
void clm_output_clear (ClmOutput *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmOutput, clm_output_clear)

G_END_DECLS
