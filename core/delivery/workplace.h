/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * ClmWorkplace:
 *
 * The helper's own directory for locks and notes between its processes (0700, on a file system that a boot empties). BLOCKING.
 */
typedef struct _ClmWorkplace ClmWorkplace;

/** clm_workplace_open: Creates @path if need be; it must belong to the caller and be open to nobody else. Fails with %CLM_ERROR_STORAGE or %CLM_ERROR_CONFIG. Returns: (transfer full) (nullable). */
ClmWorkplace *clm_workplace_open (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void          clm_workplace_free (ClmWorkplace *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmWorkplace, clm_workplace_free)

/** clm_workplace_lock: Waits for the lock @name; it ends when the descriptor is closed, also by a crash. Fails with %CLM_ERROR_STORAGE. Returns: a descriptor of the lock's own file, for reading and writing; -1 on failure. */
int      clm_workplace_lock (ClmWorkplace *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_workplace_mark: Leaves the note @name. Fails with %CLM_ERROR_STORAGE. */
gboolean clm_workplace_mark (ClmWorkplace *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean clm_workplace_is_marked (ClmWorkplace *self, const char *name);
void     clm_workplace_unmark (ClmWorkplace *self, const char *name);

/** clm_workplace_open_note: Opens the file @name for reading without taking its lock. Returns: a descriptor; -1 where there is none. */
int      clm_workplace_open_note (ClmWorkplace *self, const char *name);

G_END_DECLS
