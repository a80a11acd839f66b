/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CLM_BUS_NAME "org.certloom.Certloom1"
#define CLM_BUS_PATH "/org/certloom/Certloom1"

/* The kinds of object below CLM_BUS_PATH, as they stand in a path. */
#define CLM_BUS_CERTIFICATE "certificate"
#define CLM_BUS_JOB         "job"
#define CLM_BUS_AUTHORITY   "authority"
#define CLM_BUS_KEY_STORE   "keystore"
#define CLM_BUS_NOTIFIER    "notifier"
#define CLM_BUS_PLUGIN      "plugin"

/**
 * clm_bus_names_escape: Returns: (transfer full): @name as one path element, as sd_bus_path_encode() of systemd does it: letters
 * and digits stay, a leading digit and every other byte become `_` and two hex digits, nothing becomes `_`.
 */
char *clm_bus_names_escape (const char *name);

/** clm_bus_names_unescape: Returns: (transfer full) (nullable): what @element was made from; %NULL for anything that clm_bus_names_escape() would have written otherwise, so that one thing has one path. */
char *clm_bus_names_unescape (const char *element);

/** clm_bus_names_build_path: Returns: (transfer full): path of the @kind named @name. */
char *clm_bus_names_build_path (const char *kind, const char *name);

/** clm_bus_names_build_job_path: Returns: (transfer full): path of job @id. */
char *clm_bus_names_build_job_path (guint64 id);

/** clm_bus_names_parse_job: @id: (out). Parses the last element of a job's path; %FALSE for anything but a plain decimal number. */
gboolean clm_bus_names_parse_job (const char *element, guint64 *id);

/** clm_bus_names_is_valid: whether @name is one that configuration could give: `[a-z0-9][a-z0-9._-]{0,63}`. */
gboolean clm_bus_names_is_valid (const char *name);

G_END_DECLS
