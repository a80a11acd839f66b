/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe.h"

G_BEGIN_DECLS

/*
 * Where recipes lie: `deliveries.d/NAME.delivery` of the packages' presets (`/usr/share/certloom`), the vendor (`/usr/lib/certloom`)
 * and the administrator (`/etc/certloom`), later wins; never of `/run`. Drop-ins and masks as everywhere. `Preset=` names another recipe
 * whose settings hold where a recipe has none of its own; the files, the way of telling the consumer and the check are each taken
 * over or replaced as a whole. Read anew at each call. BLOCKING.
 */

/**
 * clm_cookbook_load:
 * @config_root: (nullable): in front of all folders; files may then belong to the helper's own user too
 *
 * Fails with %CLM_ERROR_NOT_FOUND, or with %CLM_ERROR_CONFIG, file, line and key. Returns: (transfer full) (nullable).
 */
ClmRecipe *clm_cookbook_load (const char *config_root, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_cookbook_list: Returns: (transfer full): names of all recipes that are not masked, sorted; whether they are valid is not looked at. */
GStrv clm_cookbook_list (const char *config_root);

G_END_DECLS
