/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-secret.h"

#include <sys/types.h>

G_BEGIN_DECLS

/**
 * ClmTarget:
 *
 * One file of a consumer on its way to new content. First everything is prepared beside the old files (content, owner, mode, label, all made
 * durable), where a full disk hurts nobody; then all files of a delivery are put in place by rename, one after the other, and taken
 * back if one of them cannot be. All work is relative to a directory that is held open, so nobody can swap it.
 */
typedef struct _ClmTarget ClmTarget;

/** ClmTargetSpec: plain data on the caller's stack. */
typedef struct {
  const char *path;      /* absolute and plain */
  ClmSecret  *content;
  gboolean    has_owner, has_group; /* else as the old file, else the helper's own */
  uid_t       owner;
  gid_t       group;
  mode_t      mode;
} ClmTargetSpec;

/**
 * clm_target_prepare:
 *
 * Writes the new content beside the target, unless content, owner and mode are there already. A missing directory is created
 * (0755). Refuses a target that is a symlink, has a second hard link, or is not a regular file, and a path that leads through a
 * symlink. Takes over extended attributes (label, ACL) of the old file.
 * Fails with %CLM_ERROR_DELIVERY for what somebody must look at, %CLM_ERROR_STORAGE for disk errors; the old file is untouched.
 * Returns: (transfer full) (nullable).
 */
ClmTarget *clm_target_prepare (const ClmTargetSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_target_is_changed: Returns: whether there is something to put in place. */
gboolean clm_target_is_changed (ClmTarget *self);

/** clm_target_commit_all: @targets: (element-type ClmTarget): in this order. Durable when it returns. On failure all are as before, as far as the disk lets us. */
gboolean clm_target_commit_all (GPtrArray *targets, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_target_free: Removes what was prepared and not put in place, and the old content after it was replaced. */
void clm_target_free (ClmTarget *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmTarget, clm_target_free)

/** clm_target_read_own: Reads a small file that belongs to root or to the helper's own user, is writable by nobody else, and is reached through no symlink. Fails with %CLM_ERROR_CONFIG. Returns: (transfer full) (nullable). */
ClmSecret *clm_target_read_own (const char *path, gsize max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
