/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <fcntl.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clm-barrier.h"

G_BEGIN_DECLS

/*
 * Files that survive a power cut and a hostile neighbour. Everything is relative to a held directory fd, one component at a
 * time, never through a symbolic link. All functions block, any thread; a failed fsync means not written. Errors are
 * %CLM_ERROR_STORAGE unless said otherwise and name the file; %CLM_ERROR_NOT_FOUND where it is not there;
 * %CLM_ERROR_INVALID_DATA where something else is planted in its place.
 *
 * @barrier: (nullable), everywhere: with one, what a function did is durable once clm_durable_wait() has said so; without one, when
 * the function returns.
 */

/** clm_autofd: an int that closes its fd, if not negative, at the end of its block. */
#define clm_autofd __attribute__ ((cleanup (clm_durable_clear_fd))) int
void clm_durable_clear_fd (int *fd);

/** clm_durable_steal_fd: Returns: *@fd, which becomes -1. */
int clm_durable_steal_fd (int *fd);

/** clm_durable_open_root: Opens the directory at @path, which the daemon's user must own and nobody else may write. Returns: an fd, or -1. */
int clm_durable_open_root (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_open_directory: Opens the directory @name in @parent, with the same demands. Returns: an fd, or -1. */
int clm_durable_open_directory (int parent, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_ensure_directory: The same; makes it first where it is not there. @mode: whatever the umask says; one that lacks some of it gets it. */
int clm_durable_ensure_directory (int parent, const char *name, mode_t mode, ClmBarrier *barrier, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_make_directory: Makes a new directory. Fails with %CLM_ERROR_EXISTS. Returns: an fd, or -1. */
int clm_durable_make_directory (int parent, const char *name, mode_t mode, ClmBarrier *barrier, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_sync_directory: @name: for the error's text. */
gboolean clm_durable_sync_directory (int fd, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_wait: Makes durable what was done under @barrier. */
gboolean clm_durable_wait (ClmBarrier *barrier, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_durable_write: Writes the new file @name. @data goes to the kernel from where it lies, no copy is made. A failure leaves
 * nothing behind. Fails with %CLM_ERROR_EXISTS.
 */
gboolean clm_durable_write (int parent, const char *name, const void *data, gsize size, mode_t mode, ClmBarrier *barrier, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_replace: Puts a file of new content in the place of @name, atomically, through "@name.new". With @barrier a crash before the wait may leave the name with less than the content. */
gboolean clm_durable_replace (int parent, const char *name, const void *data, gsize size, mode_t mode, ClmBarrier *barrier, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_rename: Gives the file @from, whose content is durable, the name @to. */
gboolean clm_durable_rename (int parent, const char *from, const char *to, ClmBarrier *barrier, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_durable_replace_link: Makes the symbolic link @name point at @target, atomically, through "@name.new", and waits for
 * @barrier. When that fails, the link is switched back to what it was, as well as the file system lets us, and the call fails.
 */
gboolean clm_durable_replace_link (int parent, const char *name, const char *target, ClmBarrier *barrier, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_read_link: Returns: (transfer full) (nullable): where the symbolic link @name points. */
char *clm_durable_read_link (int parent, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_open_file: Opens @name for reading: a regular file, ours, with one name, at most @max_size bytes. @size: (out) (optional). Returns: an fd, or -1. */
int clm_durable_open_file (int parent, const char *name, gsize max_size, gsize *size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_read: Reads such a file. Not for secrets. Returns: (transfer full) (nullable). */
GBytes *clm_durable_read (int parent, const char *name, gsize max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_hash: Computes the SHA-256 of such a file; may be a secret. Returns: (transfer full) (nullable): lower-case hex. */
char *clm_durable_hash (int parent, const char *name, gsize max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_hash_data: Computes the SHA-256 of memory; may be a secret. Fails with %CLM_ERROR_FAILED. Returns: (transfer full) (nullable): lower-case hex. */
char *clm_durable_hash_data (const void *data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_list: Returns: (transfer full) (nullable): names in the directory, sorted, without "." and "..". */
GStrv clm_durable_list (int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_remove: Removes the file or link @name; %TRUE also where there is none. Durable once @parent is synced, or waited for after clm_barrier_add(). */
gboolean clm_durable_remove (int parent, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_durable_remove_directory: Removes the empty directory @name; %TRUE also where there is none. */
gboolean clm_durable_remove_directory (int parent, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ClmSyscalls:
 *
 * What this file asks the kernel, so that tests can make each call fail, fall short, or be the last one.
 */
typedef struct {
  int     (*open_at)     (int parent, const char *name, int flags, mode_t mode);
  int     (*make_at)     (int parent, const char *name, mode_t mode);
  ssize_t (*write)       (int fd, const void *data, size_t size);
  ssize_t (*read)        (int fd, void *data, size_t size);
  int     (*sync)        (int fd);
  int     (*set_mode)    (int fd, mode_t mode);
  int     (*get_stat)    (int fd, struct stat *st);
  int     (*rename_at)   (int parent, const char *from, const char *to);
  int     (*link_at)     (const char *target, int parent, const char *name);
  ssize_t (*readlink_at) (int parent, const char *name, char *target, size_t size);
  int     (*unlink_at)   (int parent, const char *name, int flags);
  int     (*close)       (int fd);
  gboolean (*wait)       (ClmBarrier *barrier, GError **error);
} ClmSyscalls;

/** clm_durable_get_system_calls: Returns: (transfer none): the kernel's. open_at never follows a symbolic link. */
const ClmSyscalls *clm_durable_get_system_calls (void);

/** clm_durable_set_calls: For tests, before any thread. @calls: (nullable): %NULL: the kernel's again. */
void clm_durable_set_calls (const ClmSyscalls *calls);

G_END_DECLS
