/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "spec.h"

G_BEGIN_DECLS

/* From keys and values to the members of a ClmSpec; used by spec.c and spec-request.c only. */

/** clm_spec_read: Reads every group of @unit but `[Access]` into @spec, whose name is set. @lenient: keys that are not known are passed over (a newer version wrote them). Fails with %CLM_ERROR_CONFIG. */
gboolean clm_spec_read (ClmSpec *spec, ClmUnit *unit, gboolean lenient, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_spec_refuse_value: Sets "FILE:LINE: KEY=: …" from what a check of the value said. @reason: (transfer full). Returns: %FALSE. */
gboolean clm_spec_refuse_value (ClmOptions *options, const char *key, GError *reason, GError **error);

/** ClmSpecRules: what a template allows. Plain data. */
typedef struct {
  GStrv allowed_names;
  GStrv allowed_overrides;
} ClmSpecRules;
void clm_spec_rules_clear (ClmSpecRules *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmSpecRules, clm_spec_rules_clear)

/** clm_spec_read_access: Reads `[Access]`. @rules: (out). Returns: (transfer full) (nullable). */
ClmAccess *clm_spec_read_access (ClmUnit *unit, const ClmSpecContext *context, ClmSpecRules *rules, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_spec_find_group: Returns: (transfer none) (nullable): the group that @key belongs to, `[Access]` aside. */
const char *clm_spec_find_group (const char *key);

/** clm_spec_list_keys: Returns: (transfer none) (array zero-terminated=1): every such key. */
const char *const *clm_spec_list_keys (void);

/** clm_spec_may_override: whether a template may let its instances override @key at all. */
gboolean clm_spec_may_override (const char *key);

/** clm_spec_new_empty: Returns: (transfer full): nothing set but these. @template_name, @instance, @file: (nullable). */
ClmSpec *clm_spec_new_empty (const char *name, ClmOrigin origin, const char *template_name, const char *instance, const char *file);

/** clm_spec_seal: Sets the digests, from the members and from the digest of the unit it was read from. */
void clm_spec_seal (ClmSpec *spec, const char *unit_digest);

/** CLM_SPEC_REQUEST_ORIGIN: what messages call a caller's values. */
#define CLM_SPEC_REQUEST_ORIGIN "request"

/** ClmSpecRequest: what was asked, and the unit that came of it; the private member of a requested spec. */
typedef struct _ClmSpecRequest {
  char       *name;       /* (nullable) */
  ClmKeyfile *overrides;
  ClmUnit    *unit;       /* specifiers filled in, overrides applied */
} ClmSpecRequest;

/** clm_spec_request_free: @request: (nullable). */
void clm_spec_request_free (ClmSpecRequest *request);
/** clm_spec_request_format_overrides: Returns: (transfer full): the overrides as keyfile text, each group's name after @prefix. */
char *clm_spec_request_format_overrides (const ClmSpecRequest *request, const char *prefix);

/** clm_spec_is_root_uid: whether @uid counts as root. */
gboolean clm_spec_is_root_uid (guint32 uid, const ClmSpecContext *context);

G_END_DECLS
