/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "keyfile.h"
#include "specifiers.h"

G_BEGIN_DECLS

/**
 * ClmUnit:
 *
 * One thing's configuration: its main file (of the strongest layer that has one) and its drop-ins, merged; each key remembers
 * file and line. Reference-counted and immutable; any thread.
 */
typedef struct _ClmUnit ClmUnit;

ClmUnit *clm_unit_ref (ClmUnit *self);
void     clm_unit_unref (ClmUnit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmUnit, clm_unit_unref)

/** clm_unit_new_from_text: For tests and for text from elsewhere. @name: as a file name without suffix ("web", "vpn@eth0", "vpn@"). Returns: (transfer full) (nullable). */
ClmUnit *clm_unit_new_from_text (const char *name, const char *origin, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_unit_get_name: Returns: (transfer none): file name without suffix: "web", "vpn@" (a template), "vpn@eth0" (an instance). */
const char *clm_unit_get_name (ClmUnit *self);
/** clm_unit_get_template_name: Returns: (transfer none) (nullable): "vpn" for a template or an instance. */
const char *clm_unit_get_template_name (ClmUnit *self);
/** clm_unit_get_instance: Returns: (transfer none) (nullable): "eth0"; %NULL for a template. */
const char *clm_unit_get_instance (ClmUnit *self);
gboolean    clm_unit_is_template (ClmUnit *self);
/** clm_unit_get_file: Returns: (transfer none): path of the main file. */
const char *clm_unit_get_file (ClmUnit *self);
/** clm_unit_get_digest: Returns: (transfer none): SHA-256 hex of groups, keys and values in force; files and lines do not count. */
const char *clm_unit_get_digest (ClmUnit *self);
/** clm_unit_list_files: Returns: (transfer none) (element-type utf8): main file and drop-ins, weakest first. */
GPtrArray  *clm_unit_list_files (ClmUnit *self);

/** clm_unit_list_groups: Returns: (transfer container) (element-type utf8): names, in order of appearance. */
GPtrArray  *clm_unit_list_groups (ClmUnit *self);
/** clm_unit_has_group: whether `[group]` is there, even without keys. */
gboolean    clm_unit_has_group (ClmUnit *self, const char *group);
/** clm_unit_get_value: @file: (out) (optional) (transfer none): @line: (out) (optional): where it stands. Returns: (transfer none) (nullable): the value as it stands in the file, or %NULL where it is absent or was taken back. */
const char *clm_unit_get_value (ClmUnit *self, const char *group, const char *key, const char **file, guint *line);
/** clm_unit_make_options: Returns: (transfer full): the keys of @group (none where it is absent), nothing read yet. */
ClmOptions *clm_unit_make_options (ClmUnit *self, const char *group);

/**
 * clm_unit_refuse_unknown_groups:
 * @known: (array zero-terminated=1): `File *` stands for every group that begins with "File "
 *
 * Fails with %CLM_ERROR_CONFIG, file, line, and the nearest known group as hint.
 */
gboolean clm_unit_refuse_unknown_groups (ClmUnit *self, const char *const *known, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_unit_expand: Fills in the specifiers of every value; `%i` with the unit's instance. Fails with %CLM_ERROR_CONFIG, file and line. Returns: (transfer full) (nullable). */
ClmUnit *clm_unit_expand (ClmUnit *self, const ClmSpecifiers *specifiers, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_unit_instantiate: @self: a template. Returns: (transfer full): its instance named @instance, specifiers not yet filled in. */
ClmUnit *clm_unit_instantiate (ClmUnit *self, const char *instance);

/** clm_unit_override: Returns: (transfer full): @self with what @keyfile says on top of it. */
ClmUnit *clm_unit_override (ClmUnit *self, const ClmKeyfile *keyfile);

/** clm_unit_to_text: Returns: (transfer full): what is in force, as keyfile text; with @origins `# FILE:LINE` above each key. */
char *clm_unit_to_text (ClmUnit *self, gboolean origins);

/** clm_name_is_valid: whether @name can be the name of a certificate, authority, delivery …: `[a-z0-9][a-z0-9._-]{0,63}`. @name: (nullable). */
gboolean clm_name_is_valid (const char *name);
/** clm_instance_name_is_valid: whether @text can be the instance of a template: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`. @text: (nullable). */
gboolean clm_instance_name_is_valid (const char *text);

/*< for unit-set.c >*/

/** clm_unit_new_merged: @keyfiles: (transfer none) (element-type ClmKeyfile): main file, then drop-ins. Returns: (transfer full). */
ClmUnit *clm_unit_new_merged (const char *name, GPtrArray *keyfiles);

G_END_DECLS
