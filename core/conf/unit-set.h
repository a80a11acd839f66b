/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "layers.h"
#include "unit.h"

G_BEGIN_DECLS

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

/** clm_unit_set_add_stamps: Adds what tells whether clm_unit_set_load() would read the same to @checksum. Returns: the time from which on a further change is sure to show in the file system's stamps, µs since the epoch. */
gint64      clm_unit_set_add_stamps (ClmUnitSet *self, GChecksum *checksum);

/** clm_unit_set_format_overrides: Returns: (transfer full): one line for each file that replaces, masks or extends another; "" without any. */
char       *clm_unit_set_format_overrides (ClmUnitSet *self);

G_END_DECLS
