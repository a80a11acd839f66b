/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "keyfile.h"
#include "layers.h"
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

/** clm_unit_to_text: Returns: (transfer full): what is in force, as keyfile text; with @origins `# FILE:LINE` above each key. */
char *clm_unit_to_text (ClmUnit *self, gboolean origins);

/** clm_instance_name_is_valid: whether @text can be the instance of a template: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`. */
gboolean clm_instance_name_is_valid (const char *text);

/**
 * ClmUnitSet:
 *
 * All units of one folder, found but not read: names, drop-ins, masks, links. Plain data; any thread.
 */
typedef struct _ClmUnitSet ClmUnitSet;

/**
 * clm_unit_set_scan:
 * @folder: (nullable): "certificates.d"; %NULL: the layers themselves (for `certloom.conf`)
 * @suffix: ".certificate"
 * @templates: whether `NAME@` and `NAME@INSTANCE` are allowed
 * @errors: (element-type GError): receives what is wrong with single files and folders
 *
 * BLOCKING. Returns: (transfer full).
 */
ClmUnitSet *clm_unit_set_scan (ClmLayers *layers, const char *folder, const char *suffix, gboolean templates, GPtrArray *errors);
void        clm_unit_set_free (ClmUnitSet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmUnitSet, clm_unit_set_free)

/** clm_unit_set_list: Returns: (transfer container) (element-type utf8): names ("web", "vpn@", "vpn@eth0") that are there and not masked, sorted. */
GPtrArray  *clm_unit_set_list (ClmUnitSet *self);
/** clm_unit_set_has: whether clm_unit_set_list() has @name. */
gboolean    clm_unit_set_has (ClmUnitSet *self, const char *name);
/** clm_unit_set_get_path: Returns: (transfer none) (nullable): main file of @name. */
const char *clm_unit_set_get_path (ClmUnitSet *self, const char *name);

/**
 * clm_unit_set_load:
 *
 * Reads main file and drop-ins of @name and merges them: a later layer's main file replaces an earlier one's as a whole; drop-ins
 * then apply in the order of their file names, a later layer's replacing an earlier one's of the same name; an empty value takes
 * back what was said before. An instance that is a link takes the template's file, and both drop-in folders apply. Specifiers are not filled in. BLOCKING.
 * Fails with %CLM_ERROR_CONFIG, %CLM_ERROR_NOT_FOUND. Returns: (transfer full) (nullable).
 */
ClmUnit    *clm_unit_set_load (ClmUnitSet *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_unit_set_add_stamps: Adds whatever clm_unit_set_load() would read to @checksum. Returns: when the newest of it changed, µs since the epoch. */
gint64      clm_unit_set_add_stamps (ClmUnitSet *self, GChecksum *checksum);

/** clm_unit_set_format_overrides: Returns: (transfer full): one line for each file that replaces, masks or extends another; "" without any. */
char       *clm_unit_set_format_overrides (ClmUnitSet *self);

G_END_DECLS
