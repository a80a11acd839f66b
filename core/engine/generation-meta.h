/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "generation.h"

G_BEGIN_DECLS

/*
 * The text that a generation keeps about itself: a keyfile of the groups `[Generation]` (its fields), `[Files]` (the SHA-256 of
 * each file) and, always last, `[Seal]` (the SHA-256 of all the text before it). `Format=` is 1. A later format may add
 * groups and keys, but keeps the seal: so damage and a newer version are told apart. Pure, any thread.
 */

#define CLM_GENERATION_META_FORMAT 1

/** clm_generation_meta_encode: @files: (element-type utf8 utf8): file name → SHA-256 in hex. Returns: (transfer full) (nullable): the text. */
char *clm_generation_meta_encode (const ClmGeneration *generation, GHashTable *files, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_generation_meta_decode:
 * @name: what it must say it belongs to
 * @number: likewise
 * @files: (out) (transfer full) (optional) (element-type utf8 utf8): file name → SHA-256 in hex
 *
 * Fails with %CLM_ERROR_INVALID_DATA where the text is damaged or another generation's, %CLM_ERROR_NOT_SUPPORTED where it is
 * of a later format. Returns: (transfer full) (nullable): without leaf, chain and anchors.
 */
ClmGeneration *clm_generation_meta_decode (GBytes *text, const char *name, guint number, GHashTable **files, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_generation_pem_append: Appends one certificate as PEM (RFC 7468 §5). */
void clm_generation_pem_append (GString *pem, GBytes *der);

/** clm_generation_pem_decode: Reads back what clm_generation_pem_append() wrote. Fails with %CLM_ERROR_INVALID_DATA. Returns: (transfer full) (nullable) (element-type GBytes): DER. */
GPtrArray *clm_generation_pem_decode (GBytes *pem, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
