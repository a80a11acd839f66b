/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/** CLM_KEYFILE_MAX_SIZE: largest file that is read, in bytes. */
#define CLM_KEYFILE_MAX_SIZE (1024 * 1024)

/** ClmKeyfileEntry: one line `Key=value`. */
typedef struct {
  char  *key;
  char  *value;   /* without the white space around it; "" takes back what an earlier layer said */
  guint  line;    /* from 1 */
} ClmKeyfileEntry;

/** ClmKeyfileGroup: one `[Group]`; groups of the same name in one file are one. */
typedef struct {
  char      *name;
  guint      line;     /* of its first header */
  GPtrArray *entries;  /* (element-type ClmKeyfileEntry), in order */
} ClmKeyfileGroup;

/**
 * ClmKeyfile:
 *
 * The text of one configuration file: groups, `Key=value`, comments that begin a line with `#` or `;`. Stricter than GKeyFile and
 * unlike it knowing its lines: UTF-8 without control characters, no continuation lines, no key twice in a group. Plain data; any
 * thread.
 */
typedef struct {
  char      *origin;   /* what messages call the file */
  GPtrArray *groups;   /* (element-type ClmKeyfileGroup), in order */
} ClmKeyfile;

/**
 * clm_keyfile_parse:
 * @origin: what messages call the file, usually its path
 * @text: (array length=size): need not end with NUL
 *
 * Fails with %CLM_ERROR_CONFIG, "ORIGIN:LINE: …", at the first wrong line. Returns: (transfer full) (nullable).
 */
ClmKeyfile *clm_keyfile_parse (const char *origin, const char *text, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void        clm_keyfile_free (ClmKeyfile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmKeyfile, clm_keyfile_free)

/** clm_keyfile_get_group: Returns: (transfer none) (nullable). */
const ClmKeyfileGroup *clm_keyfile_get_group (const ClmKeyfile *self, const char *name);

G_END_DECLS
