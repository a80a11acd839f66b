/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access.h"

/* A machine with the users web (33) and bob (1000) and the groups tls (114) and plant (2000). */

static inline gboolean
accounts_find (const char *const *names, const guint32 *ids, const char *name, guint32 *id)
{
  for (guint i = 0; names[i]; i++)
    if (g_str_equal (names[i], name)) {
      *id = ids[i];
      return TRUE;
    }
  return FALSE;
}

static inline gboolean
accounts_find_user (const char *name, guint32 *uid, gpointer user_data)
{
  const char *const names[] = { "web", "bob", NULL };
  const guint32 ids[] = { 33, 1000 };

  return accounts_find (names, ids, name, uid);
}

static inline gboolean
accounts_find_group (const char *name, guint32 *gid, gpointer user_data)
{
  const char *const names[] = { "tls", "plant", NULL };
  const guint32 ids[] = { 114, 2000 };

  return accounts_find (names, ids, name, gid);
}

static const ClmAccountResolver accounts = { accounts_find_user, accounts_find_group, NULL };
