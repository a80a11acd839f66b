/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

/** NO_ID: the id that stands for "none" in the kernel's calls; never somebody. */
#define NO_ID ((guint32) -1)

/** Party: users and groups of one key. */
typedef struct {
  GArray *uids;   /* (element-type guint32) */
  GArray *gids;
} Party;

struct _ClmAccess {
  Party     owner;
  Party     operators;
  Party     readers;
  guint32   admin_uid;
  gatomicrefcount ref_count;
};

static const char *const verb_nicks[] = {
  [CLM_VERB_LIST] = "list",
  [CLM_VERB_READ] = "read",
  [CLM_VERB_USE] = "use",
  [CLM_VERB_REQUEST] = "request",
  [CLM_VERB_RENEW] = "renew",
  [CLM_VERB_DELIVER] = "deliver",
  [CLM_VERB_ROLLBACK] = "rollback",
  [CLM_VERB_HOLD] = "hold",
  [CLM_VERB_REVOKE] = "revoke",
  [CLM_VERB_REMOVE] = "remove",
  [CLM_VERB_RELOAD] = "reload",
  [CLM_VERB_ADMIN] = "administer",
};
G_STATIC_ASSERT (G_N_ELEMENTS (verb_nicks) == CLM_N_VERBS);

static const char *const role_nicks[] = {
  [CLM_ROLE_NOBODY] = "nobody",
  [CLM_ROLE_STRANGER] = "stranger",
  [CLM_ROLE_READER] = "reader",
  [CLM_ROLE_OPERATOR] = "operator",
  [CLM_ROLE_OWNER] = "owner",
  [CLM_ROLE_ROOT] = "root",
};
G_STATIC_ASSERT (G_N_ELEMENTS (role_nicks) == CLM_N_ROLES);

/* The table. The least role that may; a verb without a line here is nobody's, because 0 is no role that anyone can have. */
static const ClmRole least_role[CLM_N_VERBS] = {
  [CLM_VERB_LIST] = CLM_ROLE_STRANGER,
  [CLM_VERB_READ] = CLM_ROLE_READER,
  [CLM_VERB_RENEW] = CLM_ROLE_OPERATOR,
  [CLM_VERB_DELIVER] = CLM_ROLE_OPERATOR,
  [CLM_VERB_ROLLBACK] = CLM_ROLE_OPERATOR,
  [CLM_VERB_HOLD] = CLM_ROLE_OPERATOR,
  [CLM_VERB_USE] = CLM_ROLE_OWNER,
  [CLM_VERB_REQUEST] = CLM_ROLE_OWNER,
  [CLM_VERB_REVOKE] = CLM_ROLE_OWNER,
  [CLM_VERB_REMOVE] = CLM_ROLE_OWNER,
  [CLM_VERB_RELOAD] = CLM_ROLE_ROOT,
  [CLM_VERB_ADMIN] = CLM_ROLE_ROOT,
};

const char *
clm_verb_get_nick (ClmVerb verb)
{
  g_return_val_if_fail (verb < CLM_N_VERBS, "");
  return verb_nicks[verb];
}

const char *
clm_role_get_nick (ClmRole role)
{
  g_return_val_if_fail (role < CLM_N_ROLES, "");
  return role_nicks[role];
}

gboolean
clm_role_may (ClmRole role, ClmVerb verb)
{
  if (role <= CLM_ROLE_NOBODY || role >= CLM_N_ROLES || verb >= CLM_N_VERBS)
    return FALSE;
  return least_role[verb] != CLM_ROLE_NOBODY && role >= least_role[verb];
}

ClmCaller *
clm_caller_new (guint32 uid, const guint32 *gids, gsize n_gids)
{
  ClmCaller *self = g_new0 (ClmCaller, 1);

  self->uid = uid;
  self->gids = g_array_new (FALSE, FALSE, sizeof (guint32));
  if (n_gids > 0)
    g_array_append_vals (self->gids, gids, n_gids);
  self->valid = TRUE;
  return self;
}

ClmCaller *
clm_caller_new_unknown (void)
{
  ClmCaller *self = g_new0 (ClmCaller, 1);

  self->uid = NO_ID;
  return self;
}

ClmCaller *
clm_caller_copy (const ClmCaller *self)
{
  ClmCaller *copy = g_new0 (ClmCaller, 1);

  *copy = *self;
  copy->gids = self->gids ? g_array_copy (self->gids) : NULL;
  return copy;
}

void
clm_caller_free (ClmCaller *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->gids, g_array_unref);
  g_free (self);
}

static gboolean
find_system_user (const char *name, guint32 *uid, gpointer user_data)
{
  char buffer[16384];
  struct passwd entry, *found = NULL;

  if (getpwnam_r (name, &entry, buffer, sizeof buffer, &found) != 0 || !found)
    return FALSE;
  *uid = found->pw_uid;
  return TRUE;
}

static gboolean
find_system_group (const char *name, guint32 *gid, gpointer user_data)
{
  g_autofree char *buffer = NULL;
  struct group entry, *found = NULL;
  int result = ERANGE;

  /* A group's list of members has no limit of its own. */
  for (gsize size = 16384; result == ERANGE && size <= 16 * 1024 * 1024; size *= 4) {
    buffer = g_realloc (buffer, size);
    result = getgrnam_r (name, &entry, buffer, size, &found);
  }
  if (result != 0 || !found)
    return FALSE;
  *gid = found->gr_gid;
  return TRUE;
}

const ClmAccountResolver *
clm_account_resolver_system (void)
{
  static const ClmAccountResolver resolver = { find_system_user, find_system_group, NULL };

  return &resolver;
}

static void
party_init (Party *party)
{
  party->uids = g_array_new (FALSE, FALSE, sizeof (guint32));
  party->gids = g_array_new (FALSE, FALSE, sizeof (guint32));
}

static void
party_add (Party *party, const Party *other)
{
  g_array_append_vals (party->uids, other->uids->data, other->uids->len);
  g_array_append_vals (party->gids, other->gids->data, other->gids->len);
}

static void
party_clear (Party *party)
{
  g_array_unref (party->uids);
  g_array_unref (party->gids);
}

static gboolean
has_id (const GArray *ids, guint32 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, guint32, i) == id)
      return TRUE;
  return FALSE;
}

static gboolean
party_has (const Party *party, const ClmCaller *caller)
{
  if (has_id (party->uids, caller->uid))
    return TRUE;
  for (guint i = 0; caller->gids && i < caller->gids->len; i++)
    if (has_id (party->gids, g_array_index (caller->gids, guint32, i)))
      return TRUE;
  return FALSE;
}

ClmAccess *
clm_access_new (guint32 admin_uid)
{
  ClmAccess *self = g_new0 (ClmAccess, 1);

  g_atomic_ref_count_init (&self->ref_count);
  party_init (&self->owner);
  party_init (&self->operators);
  party_init (&self->readers);
  self->admin_uid = admin_uid;
  return self;
}

ClmAccess *
clm_access_ref (ClmAccess *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_access_unref (ClmAccess *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  party_clear (&self->owner);
  party_clear (&self->operators);
  party_clear (&self->readers);
  g_free (self);
}

static gboolean
parse_id (const char *text, guint32 *id)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, 0, NO_ID - 1, &value, NULL))
    return FALSE;
  *id = value;
  return TRUE;
}

static gboolean
add_word (Party *party, const char *word, const ClmAccountResolver *resolver)
{
  gboolean is_group = *word == '@';
  const char *name = is_group ? word + 1 : word;
  guint32 id;

  if (!*name)
    return FALSE;
  if (!parse_id (name, &id) && !(is_group ? resolver->find_group : resolver->find_user) (name, &id, resolver->user_data))
    return FALSE;
  if (id == NO_ID)
    return FALSE;
  g_array_append_val (is_group ? party->gids : party->uids, id);
  return TRUE;
}

static gboolean
read_party (Party *party, ClmOptions *options, const char *key, const ClmAccountResolver *resolver, GError **error)
{
  g_auto (GStrv) words = clm_options_get_list (options, key, NULL, error);

  if (!words)
    return FALSE;
  for (guint i = 0; words[i]; i++) {
    g_autoptr (GError) local = NULL;

    if (add_word (party, words[i], resolver))
      continue;
    clm_options_set_error (options, key, &local, "this machine has no %s \"%s\"", *words[i] == '@' ? "group" : "user",
                           *words[i] == '@' ? words[i] + 1 : words[i]);
    clm_error_set_hint (local, "make the account first, or write its number; a group begins with @");
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  return TRUE;
}

ClmAccess *
clm_access_new_from_options (ClmOptions *options, const ClmAccountResolver *resolver, ClmAccess *base, GError **error)
{
  g_autoptr (ClmAccess) self = clm_access_new (base ? base->admin_uid : 0);

  if (!read_party (&self->owner, options, "Owner", resolver, error) ||
      !read_party (&self->operators, options, "Operators", resolver, error) ||
      !read_party (&self->readers, options, "Readers", resolver, error))
    return NULL;
  if (base) {
    party_add (&self->owner, &base->owner);
    party_add (&self->operators, &base->operators);
    party_add (&self->readers, &base->readers);
  }
  return g_steal_pointer (&self);
}

ClmAccess *
clm_access_new_for_owner (ClmAccess *self, guint32 uid)
{
  ClmAccess *access = clm_access_new (self->admin_uid);

  if (uid != NO_ID)
    g_array_append_val (access->owner.uids, uid);
  party_add (&access->operators, &self->operators);
  party_add (&access->readers, &self->readers);
  return access;
}

guint32
clm_access_get_admin_uid (ClmAccess *self)
{
  return self->admin_uid;
}

ClmRole
clm_access_get_role (ClmAccess *self, const ClmCaller *caller)
{
  if (!caller || !caller->valid || caller->uid == NO_ID)
    return CLM_ROLE_NOBODY;
  if (caller->uid == 0 || (self && self->admin_uid != 0 && caller->uid == self->admin_uid))
    return CLM_ROLE_ROOT;
  if (!self)
    return CLM_ROLE_STRANGER;
  if (party_has (&self->owner, caller))
    return CLM_ROLE_OWNER;
  if (party_has (&self->operators, caller))
    return CLM_ROLE_OPERATOR;
  if (party_has (&self->readers, caller))
    return CLM_ROLE_READER;
  return CLM_ROLE_STRANGER;
}

gboolean
clm_access_check (ClmAccess *self, const ClmCaller *caller, ClmVerb verb, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (clm_role_may (clm_access_get_role (self, caller), verb))
    return TRUE;
  local = g_error_new (CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "access denied: you may not %s this",
                       verb < CLM_N_VERBS ? verb_nicks[verb] : "do");
  clm_error_set_hint (local, "ask as root, or let the administrator name you in group [Access] of the certificate");
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}
