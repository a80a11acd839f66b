/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-error.h"
#include "openssl-auto.h"

G_BEGIN_DECLS

/** ClmNameKind: the kinds of subject alternative name (RFC 5280 §4.2.1.6) that certloom knows. */
typedef enum { CLM_NAME_DNS, CLM_NAME_IP, CLM_NAME_URI, CLM_NAME_EMAIL, CLM_N_NAME_KINDS } ClmNameKind;

/** clm_name_kind_get_nick: Returns: (transfer none): "dns", "ip", "uri" or "email". */
const char *clm_name_kind_get_nick (ClmNameKind kind);

/**
 * ClmNames:
 * @values: by #ClmNameKind, each (nullable) (array zero-terminated=1)
 *
 * Alternative names as lists of text. Plain data on the caller's stack; nothing is owned.
 */
typedef struct {
  const char *const *values[CLM_N_NAME_KINDS];
} ClmNames;

/**
 * clm_x509_check_name:
 *
 * Whether @text is a well-formed alternative name of @kind. DNS: A-label text of at most 253 bytes, labels `[A-Za-z0-9_-]{1,63}` without
 * "-" at the ends, well-formed punycode, a wildcard only as the whole leftmost label above at least two others. IP: an address. URI: with
 * a scheme, ASCII, no control characters. Email: `local@domain` in ASCII. Fails with %CLM_ERROR_INVALID_ARGUMENT; names kind and text.
 */
gboolean clm_x509_check_name (ClmNameKind kind, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_names_build: Returns: (transfer full) (nullable): the SubjectAltName value; empty for no names. Fails with %CLM_ERROR_INVALID_ARGUMENT. */
GENERAL_NAMES *clm_x509_names_build (const ClmNames *names, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_x509_names_list:
 * @names: (nullable): NULL counts as empty
 * @others: (out) (optional): how many names are of kinds that certloom does not know (directoryName, otherName …)
 *
 * Fails with %CLM_ERROR_INVALID_DATA when a value is no text of its kind: NUL, control characters, not ASCII, an address of wrong length.
 * Returns: (transfer full) (nullable): names of one kind as text; addresses in their canonical form.
 */
GStrv clm_x509_names_list (const GENERAL_NAMES *names, ClmNameKind kind, guint *others, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_x509_names_equal: whether both hold the same names of @kind, in any order, duplicates aside. DNS names and domains ignore case, addresses their spelling. */
gboolean clm_x509_names_equal (ClmNameKind kind, const char *const *a, const char *const *b);

G_END_DECLS
