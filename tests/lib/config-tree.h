/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <ftw.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own for each test, with the three layers in it. Removed by tree_remove(). */

static inline char *
tree_new (void)
{
  g_autoptr (GError) error = NULL;
  char *root = g_dir_make_tmp ("certloom-conf-XXXXXX", &error);

  g_assert_no_error (error);
  return root;
}

static inline char *
tree_path (const char *root, const char *path)
{
  return g_build_filename (root, path, NULL);
}

/* The folders that are missing are made with mode 0755, the file with 0644, whatever the umask. */
static inline void
tree_write (const char *root, const char *path, const char *text)
{
  g_autofree char *whole = tree_path (root, path);
  g_autofree char *folder = g_path_get_dirname (whole);
  g_autoptr (GError) error = NULL;
  mode_t mask = umask (022);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_file_set_contents_full (whole, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error);
  g_assert_no_error (error);
  g_assert_cmpint (chmod (whole, 0644), ==, 0);
  umask (mask);
}

static inline void
tree_link (const char *root, const char *path, const char *target)
{
  g_autofree char *whole = tree_path (root, path);
  g_autofree char *folder = g_path_get_dirname (whole);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_cmpint (symlink (target, whole), ==, 0);
}

static inline void
tree_chmod (const char *root, const char *path, mode_t mode)
{
  g_autofree char *whole = tree_path (root, path);

  g_assert_cmpint (chmod (whole, mode), ==, 0);
}

static inline void
tree_delete (const char *root, const char *path)
{
  g_autofree char *whole = tree_path (root, path);

  g_assert_cmpint (g_remove (whole), ==, 0);
}

static inline int
tree_remove_one (const char *path, const struct stat *info, int flag, struct FTW *walk)
{
  return remove (path);
}

static inline void
tree_remove (char *root)
{
  nftw (root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
  g_free (root);
}

typedef char Tree;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Tree, tree_remove)
