/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/** clm_account_find_user: @word: a name or a number. @uid: (out). @gid: (out): its primary group; for a number that no user has, the same number. Returns: whether there is one. */
gboolean clm_account_find_user (const char *word, uid_t *uid, gid_t *gid);

/** clm_account_find_group: @word: a name or a number. @gid: (out). Returns: whether there is one. */
gboolean clm_account_find_group (const char *word, gid_t *gid);

G_END_DECLS
