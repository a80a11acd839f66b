/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "configuration.h"

G_BEGIN_DECLS

/* Shared by the configuration-*.c files only. */

struct _ClmConfig {
  ClmSettings  settings;
  ClmUnit     *settings_unit;                     /* (nullable) */
  GPtrArray   *specs;                             /* (element-type ClmSpec), by name */
  GHashTable  *spec_index;                        /* name → ClmSpec */
  GHashTable  *spec_units;                        /* name → ClmUnit, specifiers filled in */
  GPtrArray   *templates;                         /* (element-type ClmUnit), by name */
  GHashTable  *template_index;                    /* name without @ → ClmUnit */
  GHashTable  *template_access;                   /* name without @ → ClmAccess */
  GPtrArray   *instances[CLM_N_CONFIG_KINDS];     /* (element-type ClmInstance), by name */
  GHashTable  *instance_index[CLM_N_CONFIG_KINDS];
  GPtrArray   *problems;                          /* (element-type ClmProblem) */
  char        *overrides;                         /* text */
  char        *stamp;                             /* of all files and of what they were filled in with */
  gboolean     settled;                           /* FALSE: something was written while it was read */
  GHashTable  *accounts;                          /* "name" or "@name" → id + 1, 0: no such account */
  gatomicrefcount ref_count;
};

ClmConfig *clm_config_new_empty (guint32 admin_uid);

/** clm_config_add_problem: @reason: not taken; file and line are read from its message. */
void clm_config_add_problem (ClmConfig *self, ClmConfigKind kind, const char *name, gboolean is_error, gboolean kept, const GError *reason);

/** clm_config_add_spec: @unit: (nullable). */
void clm_config_add_spec (ClmConfig *self, ClmSpec *spec, ClmUnit *unit);
void clm_config_add_template (ClmConfig *self, ClmUnit *unit, ClmAccess *access);
/** clm_config_add_instance: @instance: (transfer full). */
void clm_config_add_instance (ClmConfig *self, ClmInstance *instance);
/** clm_config_sort: Brings the lists into the order of their names. */
void clm_config_sort (ClmConfig *self);

ClmInstance *clm_instance_copy (const ClmInstance *self);
void         clm_instance_free (ClmInstance *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmInstance, clm_instance_free)

/** clm_instance_new_from_unit: @unit: specifiers filled in. Returns: (transfer full) (nullable). */
ClmInstance *clm_instance_new_from_unit (ClmConfigKind kind, ClmUnit *unit, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_instance_get_group: Returns: (transfer none): name of the main group. */
const char *clm_instance_get_group (ClmConfigKind kind);

/** clm_settings_init: The built-in values. */
void clm_settings_init (ClmSettings *self, guint32 admin_uid);
void clm_settings_clear (ClmSettings *self);
void clm_settings_copy (ClmSettings *self, const ClmSettings *other);
/** clm_settings_read: On failure @self is as it was. */
gboolean clm_settings_read (ClmSettings *self, ClmUnit *unit, const ClmAccountResolver *resolver, guint32 admin_uid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
