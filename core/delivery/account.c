/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "account.h"

#include <grp.h>
#include <pwd.h>

/* (uid_t) -1 means "unchanged" to chown(2), so it names nobody. */
static gboolean
parse_id (const char *word, guint32 *id)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (word, 10, 0, G_MAXUINT32 - 1, &value, NULL))
    return FALSE;
  *id = (guint32) value;
  return TRUE;
}

gboolean
clm_account_find_user (const char *word, uid_t *uid, gid_t *gid)
{
  guint32 id;
  gboolean is_number = parse_id (word, &id);
  struct passwd *entry = is_number ? getpwuid (id) : getpwnam (word);

  if (entry) {
    *uid = entry->pw_uid;
    *gid = entry->pw_gid;
    return TRUE;
  }
  if (!is_number)
    return FALSE;
  *uid = id;
  *gid = id;
  return TRUE;
}

gboolean
clm_account_find_group (const char *word, gid_t *gid)
{
  guint32 id;
  struct group *entry;

  if (parse_id (word, &id)) {
    *gid = id;
    return TRUE;
  }
  entry = getgrnam (word);
  if (entry == NULL)
    return FALSE;
  *gid = entry->gr_gid;
  return TRUE;
}
