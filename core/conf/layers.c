/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "layers.h"
#include "keyfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** MAX_LINKS: symbolic links that may lie on the way to a layer. */
#define MAX_LINKS 16

struct _ClmLayers {
  char      *root;     /* absolute */
  GStrv      folders;  /* relative to root, weakest first */
  GPtrArray *paths;    /* whole paths of the same */
  guint32    owner;
  gatomicrefcount  ref_count;
};

typedef int Fd;

static void
close_fd (Fd fd)
{
  close (fd);
}

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (Fd, close_fd, -1)

static int
steal_fd (Fd *fd)
{
  int value = *fd;

  *fd = -1;
  return value;
}

ClmLayers *
clm_layers_new_for_folders (const char *root, const char *const *folders, guint32 owner)
{
  ClmLayers *self = g_new0 (ClmLayers, 1);

  g_return_val_if_fail (g_path_is_absolute (root), NULL);

  g_atomic_ref_count_init (&self->ref_count);
  self->root = g_canonicalize_filename (root, "/");
  self->folders = g_strdupv ((GStrv) folders);
  self->owner = owner;
  self->paths = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; self->folders[i]; i++)
    g_ptr_array_add (self->paths, g_build_filename (self->root, self->folders[i], NULL));
  return self;
}

ClmLayers *
clm_layers_new (const char *root, guint32 owner)
{
  const char *const installed[] = { CLM_VENDORDIR, CLM_RUNCONFDIR, CLM_CONFDIR, NULL };
  const char *const prefixed[] = { "usr/lib/certloom", "run/certloom", "etc/certloom", NULL };

  return clm_layers_new_for_folders (root ? root : "/", root ? prefixed : installed, owner);
}

ClmLayers *
clm_layers_new_without_runtime (const char *root, guint32 owner)
{
  const char *const installed[] = { CLM_VENDORDIR, CLM_CONFDIR, NULL };
  const char *const prefixed[] = { "usr/lib/certloom", "etc/certloom", NULL };

  return clm_layers_new_for_folders (root ? root : "/", root ? prefixed : installed, owner);
}

ClmLayers *
clm_layers_ref (ClmLayers *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_layers_unref (ClmLayers *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->root);
  g_strfreev (self->folders);
  g_ptr_array_unref (self->paths);
  g_free (self);
}

guint
clm_layers_get_count (ClmLayers *self)
{
  return self->paths->len;
}

const char *
clm_layers_get_path (ClmLayers *self, guint layer)
{
  return layer < self->paths->len ? g_ptr_array_index (self->paths, layer) : NULL;
}

void
clm_layer_entry_free (ClmLayerEntry *self)
{
  if (!self)
    return;
  g_free (self->file_name);
  g_free (self->path);
  g_free (self->link_target);
  g_free (self->stamp);
  g_free (self);
}

static void
set_refusal (GError **error, const char *path, const char *hint, const char *format, ...) G_GNUC_PRINTF (4, 5);

static void
set_refusal (GError **error, const char *path, const char *hint, const char *format, ...)
{
  g_autofree char *message = NULL;
  g_autoptr (GError) local = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%s: %s", path, message);
  if (hint)
    clm_error_set_hint (local, "%s", hint);
  g_propagate_error (error, g_steal_pointer (&local));
}

static gboolean
is_trusted_owner (ClmLayers *self, const struct stat *info)
{
  return info->st_uid == 0 || info->st_uid == self->owner;
}

/* In a sticky folder nobody can replace what another one owns, so /tmp may lie above a layer, but not be one. */
static gboolean
check_trust (ClmLayers *self, const struct stat *info, const char *path, gboolean is_above, GError **error)
{
  if (!is_trusted_owner (self, info)) {
    g_autofree char *hint = g_strdup_printf ("chown %u: %s", self->owner, path);

    set_refusal (error, path, hint, "belongs to user %u, who could change it", info->st_uid);
    return FALSE;
  }
  if ((info->st_mode & 022) && !S_ISLNK (info->st_mode) && !(is_above && (info->st_mode & S_ISVTX))) {
    g_autofree char *hint = g_strdup_printf ("chmod go-w %s", path);

    set_refusal (error, path, hint, "can be written by others than its owner (mode %04o)", info->st_mode & 07777);
    return FALSE;
  }
  return TRUE;
}

static void
set_system_error (GError **error, const char *path)
{
  set_refusal (error, path, errno == EACCES ? "the daemon's user must be able to read it" : NULL, "%s", g_strerror (errno));
}

static GPtrArray *
split_path (const char *path)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) words = g_strsplit (path, "/", -1);

  for (guint i = 0; words[i]; i++)
    if (*words[i])
      g_ptr_array_add (parts, g_strdup (words[i]));
  return g_steal_pointer (&parts);
}

static char *
join_path (ClmLayers *self, GPtrArray *parts, guint n_parts)
{
  g_autoptr (GString) path = g_string_new (self->root);

  for (guint i = 0; i < n_parts; i++) {
    if (path->str[path->len - 1] != '/')
      g_string_append_c (path, '/');
    g_string_append (path, g_ptr_array_index (parts, i));
  }
  return g_string_free (g_steal_pointer (&path), FALSE);
}

/* Puts a link's target in the place of part @at. What stands before it holds no links, so ".." can be resolved as text. */
static GPtrArray *
follow_link (GPtrArray *parts, guint at, const char *target)
{
  g_autoptr (GString) path = g_string_new (NULL);
  g_autofree char *canonical = NULL;

  for (guint i = 0; i < at && !g_path_is_absolute (target); i++)
    g_string_append_printf (path, "/%s", (char *) g_ptr_array_index (parts, i));
  g_string_append_printf (path, "/%s", target);
  for (guint i = at + 1; i < parts->len; i++)
    g_string_append_printf (path, "/%s", (char *) g_ptr_array_index (parts, i));
  canonical = g_canonicalize_filename (path->str, "/");
  return split_path (canonical);
}

static char *
read_link (int parent, const char *name)
{
  char target[4096];
  ssize_t length = readlinkat (parent, name, target, sizeof target - 1);

  if (length < 0 || (gsize) length >= sizeof target - 1)
    return NULL;
  return g_strndup (target, length);
}

/* Takes a folder just opened, or says why not. -1 without an error: there is nothing of that name. */
static int
check_opened (ClmLayers *self, int opened, const char *path, gboolean is_above, GError **error)
{
  g_auto (Fd) fd = opened;
  struct stat info;

  if (fd < 0) {
    if (errno == ENOTDIR || errno == ELOOP)
      set_refusal (error, path, NULL, "is not a folder");
    else if (errno != ENOENT)
      set_system_error (error, path);
    return -1;
  }
  if (fstat (fd, &info) < 0) {
    set_system_error (error, path);
    return -1;
  }
  if (!check_trust (self, &info, path, is_above, error))
    return -1;
  return steal_fd (&fd);
}

/* One step down, never through a link. Folders on the way need only be passable, not readable. */
static int
open_step (ClmLayers *self, int parent, const char *name, const char *path, gboolean is_above, GError **error)
{
  int fd = openat (parent, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | (is_above ? O_PATH : O_RDONLY));

  return check_opened (self, fd, path, is_above, error);
}

static int
open_root (ClmLayers *self, GError **error)
{
  g_autoptr (GError) local = NULL;
  int fd = check_opened (self, open (self->root, O_DIRECTORY | O_CLOEXEC | O_PATH), self->root, TRUE, &local);

  if (fd < 0 && !local)
    set_refusal (&local, self->root, NULL, "there is no such folder");
  if (local)
    g_propagate_error (error, g_steal_pointer (&local));
  return fd;
}

/* Walks from the root to a layer. @link: (out): set where a link was met, as the parts to begin anew with. */
static int
walk (ClmLayers *self, GPtrArray *parts, GPtrArray **link, GError **error)
{
  g_auto (Fd) fd = open_root (self, error);

  for (guint i = 0; fd >= 0 && i < parts->len; i++) {
    const char *name = g_ptr_array_index (parts, i);
    g_autofree char *path = join_path (self, parts, i + 1);
    g_autofree char *target = read_link (fd, name);
    int next = -1;

    if (target) {
      *link = follow_link (parts, i, target);
      return -1;
    }
    next = open_step (self, fd, name, path, i + 1 < parts->len, error);
    close (fd);
    fd = next;
  }
  return steal_fd (&fd);
}

static int
open_layer (ClmLayers *self, guint layer, GError **error)
{
  g_autoptr (GPtrArray) parts = split_path (self->folders[layer]);

  for (guint i = 0; i <= MAX_LINKS; i++) {
    g_autoptr (GPtrArray) link = NULL;
    int fd = walk (self, parts, &link, error);

    if (!link)
      return fd;
    g_ptr_array_unref (parts);
    parts = g_steal_pointer (&link);
  }
  set_refusal (error, clm_layers_get_path (self, layer), NULL, "too many symbolic links on the way");
  return -1;
}

/* -1 without an error: there is no such folder. */
static int
open_folder (ClmLayers *self, guint layer, const char *folder, GError **error)
{
  g_auto (Fd) fd = open_layer (self, layer, error);
  g_autoptr (GPtrArray) parts = split_path (folder ? folder : "");
  g_autoptr (GString) path = g_string_new (clm_layers_get_path (self, layer));

  for (guint i = 0; fd >= 0 && i < parts->len; i++) {
    const char *name = g_ptr_array_index (parts, i);
    int next;

    g_string_append_printf (path, "/%s", name);
    next = open_step (self, fd, name, path->str, FALSE, error);
    close (fd);
    fd = next;
  }
  return steal_fd (&fd);
}

static gboolean
is_passed_over (const char *name)
{
  const char *const endings[] = { "~", ".bak", ".orig", ".swp", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-tmp", ".dpkg-bak",
                                  ".ucf-old", ".ucf-new", ".ucf-dist", ".rpmnew", ".rpmsave", ".rpmorig", ".apk-new", "-opkg", NULL };

  if (*name == '.' || *name == '#')
    return TRUE;
  for (guint i = 0; endings[i]; i++)
    if (g_str_has_suffix (name, endings[i]))
      return TRUE;
  return FALSE;
}

static char *
make_stamp (const struct stat *info)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ".%ld:%" G_GINT64_FORMAT
                          ".%ld:%o:%u", (guint64) info->st_dev, (guint64) info->st_ino, (gint64) info->st_size,
                          (gint64) info->st_mtim.tv_sec, info->st_mtim.tv_nsec, (gint64) info->st_ctim.tv_sec, info->st_ctim.tv_nsec,
                          (guint) info->st_mode, (guint) info->st_uid);
}

static ClmLayerEntry *
make_entry (int fd, const char *name, const char *folder_path, guint layer)
{
  g_autoptr (ClmLayerEntry) entry = NULL;
  struct stat info;

  if (fstatat (fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
    return NULL;
  entry = g_new0 (ClmLayerEntry, 1);
  entry->file_name = g_strdup (name);
  entry->path = g_build_filename (folder_path, name, NULL);
  entry->layer = layer;
  entry->is_folder = S_ISDIR (info.st_mode);
  if (S_ISLNK (info.st_mode))
    entry->link_target = read_link (fd, name);
  entry->is_mask = g_strcmp0 (entry->link_target, "/dev/null") == 0 || (S_ISREG (info.st_mode) && info.st_size == 0);
  entry->stamp = make_stamp (&info);
  entry->changed = (gint64) info.st_ctim.tv_sec * G_USEC_PER_SEC + info.st_ctim.tv_nsec / 1000;
  return g_steal_pointer (&entry);
}

static void
list_layer (ClmLayers *self, guint layer, const char *folder, GPtrArray *entries, GPtrArray *errors)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (clm_layers_get_path (self, layer), folder, NULL);
  g_auto (Fd) fd = open_folder (self, layer, folder, &error);
  DIR *directory = fd >= 0 ? fdopendir (fd) : NULL;
  struct dirent *item;

  if (error)
    g_ptr_array_add (errors, g_steal_pointer (&error));
  if (!directory)
    return;
  steal_fd (&fd);
  while ((item = readdir (directory))) {
    ClmLayerEntry *entry = is_passed_over (item->d_name) ? NULL : make_entry (dirfd (directory), item->d_name, path, layer);

    if (entry)
      g_ptr_array_add (entries, entry);
  }
  closedir (directory);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const ClmLayerEntry *first = *(const ClmLayerEntry *const *) a, *second = *(const ClmLayerEntry *const *) b;
  int order = strcmp (first->file_name, second->file_name);

  return order ? order : (first->layer > second->layer) - (first->layer < second->layer);
}

GPtrArray *
clm_layers_list (ClmLayers *self, const char *folder, GPtrArray *errors)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_layer_entry_free);

  for (guint layer = 0; layer < self->paths->len; layer++)
    list_layer (self, layer, folder, entries, errors);
  g_ptr_array_sort (entries, compare_entries);
  return g_steal_pointer (&entries);
}

static gboolean
check_file (ClmLayers *self, const struct stat *info, const char *path, GError **error)
{
  if (!S_ISREG (info->st_mode)) {
    set_refusal (error, path, NULL, "is not a regular file");
    return FALSE;
  }
  if (!check_trust (self, info, path, FALSE, error))
    return FALSE;
  if (info->st_size > CLM_KEYFILE_MAX_SIZE) {
    set_refusal (error, path, NULL, "larger than %u bytes", CLM_KEYFILE_MAX_SIZE);
    return FALSE;
  }
  return TRUE;
}

/* Reads one byte more than is there, so that a file that grows meanwhile shows. */
static gssize
read_whole (int fd, char *buffer, gsize size)
{
  gsize done = 0;

  while (done < size) {
    ssize_t n = read (fd, buffer + done, size - done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    done += n;
  }
  return done;
}

static GBytes *
read_checked (int fd, const struct stat *before, const char *path, GError **error)
{
  g_autofree char *buffer = g_malloc (before->st_size + 1);
  gssize size = read_whole (fd, buffer, before->st_size + 1);
  g_autofree char *stamp = make_stamp (before);
  g_autofree char *stamp_after = NULL;
  struct stat after;

  if (size < 0 || fstat (fd, &after) < 0) {
    set_system_error (error, path);
    return NULL;
  }
  stamp_after = make_stamp (&after);
  if (size != before->st_size || !g_str_equal (stamp, stamp_after)) {
    set_refusal (error, path, "reload once more", "was changed while it was read");
    return NULL;
  }
  return g_bytes_new_take (g_steal_pointer (&buffer), size);
}

GBytes *
clm_layers_read (ClmLayers *self, const char *folder, const ClmLayerEntry *entry, GError **error)
{
  g_auto (Fd) parent = -1;
  g_auto (Fd) fd = -1;
  struct stat info;
  g_autoptr (GError) local = NULL;

  parent = open_folder (self, entry->layer, folder, &local);
  if (local) {
    g_propagate_error (error, g_steal_pointer (&local));
    return NULL;
  }
  errno = ENOENT;
  if (parent >= 0)
    fd = openat (parent, entry->file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 && errno == ELOOP) {
    set_refusal (error, entry->path, "copy the file instead", "is a symbolic link");
    return NULL;
  }
  if (fd < 0 || fstat (fd, &info) < 0) {
    set_system_error (error, entry->path);
    return NULL;
  }
  if (!check_file (self, &info, entry->path, error))
    return NULL;
  return read_checked (fd, &info, entry->path, error);
}
