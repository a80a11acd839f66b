/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access.h"
#include "unit.h"

G_BEGIN_DECLS

/** ClmOrigin: where a spec comes from. */
typedef enum { CLM_ORIGIN_FILE, CLM_ORIGIN_REQUEST } ClmOrigin;

/** clm_origin_get_nick: Returns: (transfer none): "file" or "request". */
const char *clm_origin_get_nick (ClmOrigin origin);

/** ClmRenewAt: how `At=` of `[Renewal]` is meant. */
typedef enum {
  CLM_RENEW_AT_SHARE,     /* when @renew_share of the lifetime has passed */
  CLM_RENEW_AT_LEFT,      /* when @renew_left seconds are left */
  CLM_RENEW_AT_SUGGESTED  /* `ari`: when the CA suggests; @renew_share where it suggests nothing */
} ClmRenewAt;

/**
 * ClmSpec:
 *
 * What one certificate shall be. Reference-counted; immutable once made, so read the members and never write them. Any thread.
 * Lists are never %NULL; texts only where marked (nullable). Everything in it has been checked: names are well formed and in
 * their canonical spelling, spans are positive, words are known.
 */
typedef struct {
  char      *name;            /* [a-z0-9][a-z0-9._-]{0,63} */
  ClmOrigin  origin;
  char      *template_name;   /* (nullable) without the `@` */
  char      *instance;        /* (nullable) */
  char      *file;            /* (nullable): main file of ORIGIN_FILE; the template's for an instance */
  guint32    requester;       /* uid that asked; of ORIGIN_REQUEST */

  /* [Certificate] */
  gboolean   enabled;         /* FALSE: known, but nothing is done for it */
  char      *subject;         /* (nullable): RFC 4514 text */
  GStrv      dns_names;       /* lower case */
  GStrv      ip_addresses;    /* canonical */
  GStrv      uris;
  GStrv      emails;
  GStrv      usages;          /* server client email code ocsp time, or OIDs; empty: the authority decides */
  char      *profile;         /* (nullable) */
  gboolean   is_ca;
  int        path_length;     /* -1: no limit */
  gint64     validity;        /* seconds asked for; 0: the authority decides */
  GStrv      authorities;     /* in order of preference, at least one */
  GStrv      bootstrap;       /* certificates to prove oneself by, best first */
  char      *key_store;       /* (nullable): the first one configured */
  char      *key_type;        /* a CLM_KEY_TYPE_ word, or a word of the store's own */
  gboolean   rotate_key;      /* a new key for each renewal */
  gboolean   exportable;      /* the store may hand the key out: generations hold key.pem and combined.pem */
  guint      keep_generations;/* 2 to 100; 0: the daemon's default */

  /* [Renewal] */
  ClmRenewAt renew_at;
  double     renew_share;     /* (0, 1) */
  gint64     renew_left;      /* seconds */
  char      *window;          /* (nullable): maintenance windows, text of clm_calendar_windows_parse() */
  gint64     spread;          /* seconds; -1: the schedule's default */

  /* [Policy]: what an issued certificate must keep */
  gboolean   subject_from_authority; /* the CA may choose the subject; alternative names stay exact */
  guint      min_rsa_bits;    /* 2048 or more; @key_type keeps it */
  guint      min_ec_bits;     /* 256 or more; @key_type keeps it */
  gint64     max_validity;    /* seconds; 0: no limit beyond the engine's own */
  GStrv      allowed_signatures; /* e.g. "ecdsa-sha256"; empty: the engine's own list */
  char      *must_chain_to;   /* (nullable): absolute path of a PEM file with the anchors; else the authority's */

  /* [Delivery] */
  GStrv      deliveries;      /* names of recipes, in order */
  char      *probe;           /* (nullable): HOST:PORT where a TLS handshake must show the new leaf */

  ClmAccess *access;          /* [Access]; for ORIGIN_REQUEST the requester owns it */

  char      *issue_digest;    /* of what forces a new issue: names, usages, CA, key type and store, authority … (SHA-256 hex) */
  char      *digest;          /* of everything */

  /*< private >*/
  struct _ClmSpecRequest *request; /* (nullable): what was asked, for ORIGIN_REQUEST */
  gatomicrefcount  ref_count;
} ClmSpec;

/**
 * ClmSpecContext: what surrounds a spec while it is made. All members are borrowed for the call.
 */
typedef struct {
  const ClmSpecifiers      *specifiers;
  const ClmAccountResolver *resolver;
  ClmAccess                *access;   /* (nullable): the daemon's own lists, which count for every certificate */
} ClmSpecContext;

/** clm_spec_list_groups: Returns: (transfer none) (array zero-terminated=1): the groups a certificate file may have. */
const char *const *clm_spec_list_groups (void);

/**
 * clm_spec_new_from_unit:
 * @unit: a certificate file with its drop-ins; specifiers are already filled in
 *
 * Fails with %CLM_ERROR_CONFIG and file, line, key and hint. Returns: (transfer full) (nullable).
 */
ClmSpec *clm_spec_new_from_unit (ClmUnit *unit, const ClmSpecContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_spec_check_template:
 * @unit: a template
 *
 * Checks what can be checked before there is an instance: groups, keys, `[Access]`, `AllowedNames=`, `AllowedOverrides=`.
 */
gboolean clm_spec_check_template (ClmUnit *unit, const ClmSpecContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_spec_load_template_access: Returns: (transfer full) (nullable): who may do what with a template; %CLM_VERB_REQUEST is for its owners. */
ClmAccess *clm_spec_load_template_access (ClmUnit *unit, const ClmSpecContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_spec_make_name: Returns: (transfer full): the name of an instance that was given none: `TEMPLATE-INSTANCE` in lower case. */
char *clm_spec_make_name (const char *template_name, const char *instance);

/**
 * clm_spec_new_from_request:
 * @name: (nullable): %NULL: as clm_spec_make_name() says
 * @template_unit: (nullable): %NULL: @overrides are the whole spec; only root may (checked here again)
 * @instance: (nullable): needed with a template, refused without
 * @overrides: (nullable): keys of `[Certificate]`, `[Renewal]`, `[Policy]`, `[Delivery]` and their values as in a file; `%` in them is a per cent sign and nothing else
 * @caller: who asks
 *
 * Unless @caller is root: only keys that the template's `AllowedOverrides=` lists may be overridden (without it `Subject`, `DNS`,
 * `IP`, `URI`, `Email`), and each name that the caller has a say in (by an override or through `%i`) must match the template's
 * `AllowedNames=`; without it there are none. `CA=`, `PathLength=`, `Enabled=`, `MustChainTo=` and `[Access]` are never
 * overridden with a template. A name of the caller's own must begin with `TEMPLATE-`, and wildcards are for files. Fails with %CLM_ERROR_INVALID_ARGUMENT, %CLM_ERROR_ACCESS_DENIED. Returns: (transfer full) (nullable).
 */
ClmSpec *clm_spec_new_from_request (const char *name, ClmUnit *template_unit, const char *instance, ClmOptions *overrides,
                                    const ClmCaller *caller, const ClmSpecContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_spec_rebase: Makes a requested spec anew from what was asked, after its template changed. Fails as clm_spec_new_from_request() does. @template_unit: (nullable): as then. Returns: (transfer full) (nullable). */
ClmSpec *clm_spec_rebase (ClmSpec *self, ClmUnit *template_unit, const ClmSpecContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_spec_serialize: Returns: (transfer full): keyfile text for a database row of a ORIGIN_REQUEST spec: what was asked and what came of it. */
char *clm_spec_serialize (ClmSpec *self);

/** clm_spec_deserialize: Reads clm_spec_serialize()'s text; keys that a newer version wrote are passed over. Fails with %CLM_ERROR_INVALID_DATA. Returns: (transfer full) (nullable). */
ClmSpec *clm_spec_deserialize (const char *text, const ClmSpecContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

ClmSpec *clm_spec_ref (ClmSpec *self);
void     clm_spec_unref (ClmSpec *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmSpec, clm_spec_unref)

G_END_DECLS
