/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * ClmCaller:
 *
 * Who asks, as the bus daemon knows it: user and groups, never a process id (a pid can be used again by another program).
 * Plain data; any thread. A caller is only believed where @valid is set; a zero-initialised one may do nothing, although its
 * uid reads 0.
 */
typedef struct {
  guint32   uid;
  GArray   *gids;   /* (nullable) (element-type guint32) */
  gboolean  valid;
} ClmCaller;

/** clm_caller_new: @gids: (nullable) (array length=n_gids). Returns: (transfer full): a caller whose credentials are known. */
ClmCaller *clm_caller_new (guint32 uid, const guint32 *gids, gsize n_gids);
/** clm_caller_new_unknown: Returns: (transfer full): a caller whose credentials could not be read; may do nothing. */
ClmCaller *clm_caller_new_unknown (void);
ClmCaller *clm_caller_copy (const ClmCaller *self);
void       clm_caller_free (ClmCaller *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCaller, clm_caller_free)

/** ClmVerb: what can be done. The table in access.c says which role may. */
typedef enum {
  CLM_VERB_LIST,      /* the daemon's public state; lists then hold only what the caller may read */
  CLM_VERB_READ,      /* one certificate: its state, chain, history */
  CLM_VERB_USE,       /* its key material: clm_manager_open_credential() with the key */
  CLM_VERB_REQUEST,   /* of a template: make an instance of it */
  CLM_VERB_RENEW,
  CLM_VERB_DELIVER,
  CLM_VERB_ROLLBACK,
  CLM_VERB_HOLD,
  CLM_VERB_REVOKE,
  CLM_VERB_REMOVE,
  CLM_VERB_RELOAD,    /* the daemon's configuration */
  CLM_VERB_ADMIN,     /* everything else on the daemon: whole specs, keys of a store, CAs */
  CLM_N_VERBS
} ClmVerb;

/** clm_verb_get_nick: Returns: (transfer none): "renew"; the word that denials show. Any thread. */
const char *clm_verb_get_nick (ClmVerb verb);

/** ClmRole: what a caller is to one certificate; a later one includes the earlier, except that only an owner uses keys. */
typedef enum {
  CLM_ROLE_NOBODY,    /* credentials unknown */
  CLM_ROLE_STRANGER,
  CLM_ROLE_READER,
  CLM_ROLE_OPERATOR,
  CLM_ROLE_OWNER,
  CLM_ROLE_ROOT,      /* uid 0, or the daemon's own user where the source of the configuration says so */
  CLM_N_ROLES
} ClmRole;

const char *clm_role_get_nick (ClmRole role);

/** clm_role_may: The table, verb by role; everything that it does not name is denied. */
gboolean clm_role_may (ClmRole role, ClmVerb verb);

/**
 * ClmAccountResolver:
 * @find_user: turns a user's name into an id; FALSE where there is none
 * @find_group: the same for a group
 *
 * How account names become ids. Tests pass their own; clm_account_resolver_system() asks the C library. Names are resolved when
 * configuration is loaded, never while a call is authorised.
 */
typedef struct {
  gboolean (*find_user)  (const char *name, guint32 *uid, gpointer user_data);
  gboolean (*find_group) (const char *name, guint32 *gid, gpointer user_data);
  gpointer   user_data;
} ClmAccountResolver;

/** clm_account_resolver_system: Returns: (transfer none): the accounts of this machine (getpwnam_r, getgrnam_r). */
const ClmAccountResolver *clm_account_resolver_system (void);

/**
 * ClmAccess:
 *
 * Who may do what with one certificate, or with what a template makes. Reference-counted and immutable; any thread.
 */
typedef struct _ClmAccess ClmAccess;

/** clm_access_new: @admin_uid: who besides uid 0 counts as root; 0: nobody. Returns: (transfer full): names nobody, so only root may. */
ClmAccess *clm_access_new (guint32 admin_uid);

/**
 * clm_access_new_from_options:
 * @options: group `[Access]`: `Owner=`, `Readers=`, `Operators=`, lists of users (`web`, `33`) and groups (`@tls`, `@114`)
 * @base: (nullable): lists that count in addition, and the admin's uid
 *
 * Fails with %CLM_ERROR_CONFIG and file, line and key for a name that no account has. Returns: (transfer full) (nullable).
 */
ClmAccess *clm_access_new_from_options (ClmOptions *options, const ClmAccountResolver *resolver, ClmAccess *base, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_access_new_for_owner: What a requested instance has: @uid is its one owner; readers and operators are those of @self. Returns: (transfer full). */
ClmAccess *clm_access_new_for_owner (ClmAccess *self, guint32 uid);

ClmAccess *clm_access_ref (ClmAccess *self);
void       clm_access_unref (ClmAccess *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmAccess, clm_access_unref)

/** clm_access_get_role: @self: (nullable): %NULL where there is no such certificate; everybody but root is then a stranger. @caller: (nullable): as one whose credentials are unknown. */
ClmRole clm_access_get_role (ClmAccess *self, const ClmCaller *caller);

/**
 * clm_access_check:
 * @self: (nullable): as in clm_access_get_role()
 *
 * Fails with %CLM_ERROR_ACCESS_DENIED in words that depend on @verb alone, so that a stranger does not learn what exists.
 */
gboolean clm_access_check (ClmAccess *self, const ClmCaller *caller, ClmVerb verb, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_access_get_admin_uid: Returns: who besides uid 0 counts as root; 0: nobody. */
guint32 clm_access_get_admin_uid (ClmAccess *self);

G_END_DECLS
