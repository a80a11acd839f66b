/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alternative-name.h"
#include "certloom-plugin.h"

G_BEGIN_DECLS

/*
 * Patterns of `AllowedNames=`: which names somebody may ask for. A pattern is one of
 *
 *   *.example.org       `*`: any run of characters within a label, `?` one of them: never `.` `/` `@` `:`
 *   .example.org        everything below, at any depth
 *   @example.org        every mailbox there
 *   10.2.0.0/16         addresses, the only kind of pattern that matches one
 *   urn:plant:pump-*    other words stand for themselves
 *
 * Pure functions; any thread.
 */

/** clm_name_pattern_check: Fails with %CLM_ERROR_INVALID_ARGUMENT for what cannot be a pattern. */
gboolean clm_name_pattern_check (const char *pattern, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_name_patterns_match: whether one of @patterns allows @name of @kind. A wildcard name is never allowed. URIs are compared as they are written, everything else without regard to case. */
gboolean clm_name_patterns_match (const char *const *patterns, ClmNameKind kind, const char *name);

/** clm_name_patterns_match_text: The same for a value in a distinguished name, which may be a name of any kind. */
gboolean clm_name_patterns_match_text (const char *const *patterns, const char *text);

G_END_DECLS
