/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

G_BEGIN_DECLS

/** ClmLines: labels and values below each other, the values aligned. */
typedef struct _ClmLines ClmLines;

ClmLines *clm_lines_new (void);
void      clm_lines_free (ClmLines *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmLines, clm_lines_free)

/** clm_lines_add: An empty @value adds nothing; a @label that is the last one's is not written again. */
void clm_lines_add (ClmLines *self, const char *label, const char *value);
void clm_lines_addf (ClmLines *self, const char *label, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** clm_lines_add_value: Text as it is, lists one below the other, yes and no, numbers; anything else as GVariant text. */
void clm_lines_add_value (ClmLines *self, const char *label, GVariant *value);
/** clm_lines_add_property: The same with @name out of `a{sv}`; nothing where it is not in there. */
void clm_lines_add_property (ClmLines *self, const char *label, GVariant *properties, const char *name);
/** clm_lines_add_details: Each member of an `a{sv}` that a plugin tells, sorted, in words; nothing where @details is NULL. */
void clm_lines_add_details (ClmLines *self, GVariant *details);

void clm_lines_print (ClmLines *self, ClmCli *cli);

G_END_DECLS
