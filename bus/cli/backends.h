/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus.h"

G_BEGIN_DECLS

/*
 * What authorities, key stores and plugins have in common: they are few, have a name, and tell of themselves in properties.
 */

/** clm_backends_print: Lists the objects of @kind ("Authority") in the columns @properties, under @titles (both NULL-terminated, translated). @member: what --json calls the list. */
gboolean clm_backends_print (ClmCli *cli, const char *kind, const char *const *properties, const char *const *titles, const char *member,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_backends_get: Returns: (transfer full) (nullable): properties of one. Fails with NotFound and the name that is near. */
GVariant *clm_backends_get (ClmCli *cli, const char *kind, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_backends_show: Prints one whole. @member: what --json calls it. */
void clm_backends_show (ClmCli *cli, GVariant *properties, const char *member);

/** clm_backends_list_names: Returns: (transfer full) (nullable). */
GStrv clm_backends_list_names (ClmCli *cli, const char *kind, GError **error);

G_END_DECLS
