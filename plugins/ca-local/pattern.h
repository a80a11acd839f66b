/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmCaNameKind: what a pattern is about. Words before the colon: `dns:`, `ip:`, `uri:`, `email:`, `subject:`; a pattern without
 * one of them is a DNS pattern, or an address where it reads as one.
 */
typedef enum { CLM_CA_NAME_DNS, CLM_CA_NAME_IP, CLM_CA_NAME_URI, CLM_CA_NAME_EMAIL, CLM_CA_NAME_SUBJECT } ClmCaNameKind;

/**
 * clm_ca_pattern_check: whether @pattern can be understood. Fails with %CLM_ERROR_CONFIG.
 */
gboolean clm_ca_pattern_check (const char *pattern, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_ca_pattern_matches:
 * @kind: what @name is
 * @name: a DNS name, address, URI, or mail address; for %CLM_CA_NAME_SUBJECT one distinguished name's attributes "CN=x" in the
 *   order of RFC 4514 text, joined by newlines
 *
 * `*` stands for any characters: in a DNS pattern also for several labels (`*.plant.example` is everything below
 * plant.example, not that name itself; upper and lower case are the same), in a mail address not for `@`, in a subject only inside
 * one attribute. `ip:` patterns are addresses or prefixes (`10.1.0.0/16`).
 */
gboolean clm_ca_pattern_matches (const char *pattern, ClmCaNameKind kind, const char *name);

/** clm_ca_patterns_match: whether any of @patterns matches. */
gboolean clm_ca_patterns_match (const char *const *patterns, ClmCaNameKind kind, const char *name);
/** clm_ca_patterns_have: whether any of @patterns is about @kind. */
gboolean clm_ca_patterns_have (const char *const *patterns, ClmCaNameKind kind);

G_END_DECLS
