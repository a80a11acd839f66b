/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-options.h"
#include "deliver-protocol.h"

#include <sys/types.h>

G_BEGIN_DECLS

/** ClmRecipeFile: the forms in which a consumer may want a generation; the order is the one in which they are put in place. */
typedef enum {
  CLM_RECIPE_KEY,         /* Key= */
  CLM_RECIPE_COMBINED,    /* Combined=: leaf, chain, key */
  CLM_RECIPE_CHAIN,       /* Chain= */
  CLM_RECIPE_TRUST,       /* Trust= */
  CLM_RECIPE_CERTIFICATE, /* Certificate= */
  CLM_RECIPE_FULL_CHAIN,  /* FullChain=: leaf, chain */
  CLM_N_RECIPE_FILES
} ClmRecipeFile;

/** ClmCommandKind: how a consumer is told. */
typedef enum {
  CLM_COMMAND_NONE,
  CLM_COMMAND_SYSTEMD,     /* argv is systemctl's */
  CLM_COMMAND_INIT_SCRIPT,
  CLM_COMMAND_SIGNAL,
  CLM_COMMAND_RUN          /* Command= */
} ClmCommandKind;

/** ClmCommand: one thing to do. Plain data, part of a recipe. */
typedef struct {
  ClmCommandKind kind;
  GStrv          argv;      /* (nullable): absolute program and arguments */
  char          *user;      /* (nullable): run as; %NULL: as the helper */
  int            signal;
  char          *pid_file;
  gint64         timeout_s;
} ClmCommand;

/**
 * ClmRecipe:
 *
 * `NAME.delivery` as root wrote it. Immutable plain data.
 */
typedef struct {
  char           *name;
  GStrv           certificates;               /* `For=`: globs on certificate names */
  char           *paths[CLM_N_RECIPE_FILES];  /* (nullable) each: absolute, `%n` for the certificate's name */
  gboolean        has_owner, has_group;
  uid_t           owner;
  gid_t           group;
  mode_t          mode, key_mode;
  GStrv           anchors;                    /* `TrustAnchors=`: absolute paths of PEM files, or "sha256:HEX" */
  ClmCommand      action;
  ClmCommand      check_command;
  ClmDeliverCheck check;
} ClmRecipe;

/**
 * clm_recipe_new_from_options:
 * @delivery: group `[Delivery]`
 * @action: (nullable): group `[Action]`
 * @check: (nullable): group `[Check]`
 *
 * Fails with %CLM_ERROR_CONFIG. Returns: (transfer full) (nullable).
 */
ClmRecipe *clm_recipe_new_from_options (const char *name, ClmOptions *delivery, ClmOptions *action, ClmOptions *check, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void clm_recipe_free (ClmRecipe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmRecipe, clm_recipe_free)

/** clm_recipe_takes: Returns: whether `For=` allows @certificate. */
gboolean clm_recipe_takes (const ClmRecipe *self, const char *certificate);

/** clm_recipe_get_path: Returns: (transfer full) (nullable): where @file goes for @certificate; %NULL: not wanted. */
char *clm_recipe_get_path (const ClmRecipe *self, ClmRecipeFile file, const char *certificate);

/** clm_recipe_wants_key: Returns: whether one of the files holds the private key. */
gboolean clm_recipe_wants_key (const ClmRecipe *self);

G_END_DECLS
