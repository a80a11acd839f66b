/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certificate.h"
#include "deliver-protocol.h"
#include "recipe.h"

G_BEGIN_DECLS

/**
 * ClmMaterial: what the daemon handed over, copied first and then parsed, so that nothing of it can change under us. Plain data.
 */
typedef struct {
  GPtrArray *leaf;    /* (element-type X509): one */
  GPtrArray *chain;   /* (element-type X509): issuers; may be empty */
  GPtrArray *anchors; /* (element-type X509): may be empty */
  EVP_PKEY  *key;     /* (nullable) */
} ClmMaterial;

void clm_material_clear (ClmMaterial *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmMaterial, clm_material_clear)

/**
 * clm_material_read:
 * @kinds: what each of @fds is
 * @fds: (array length=n): stay the caller's
 * @with_anchors: whether the recipe wants them; else they are not looked at
 *
 * Accepts regular files (and memfds) opened for reading, of 1 to %CLM_DELIVER_MAX_FILE bytes; anything that could block, have no end
 * or be something else than bytes is refused unread. An empty chain or
 * bundle counts as none. The key must belong to the leaf.
 * Fails with %CLM_ERROR_INVALID_DATA.
 */
gboolean clm_material_read (ClmMaterial *self, const ClmDeliverFile *kinds, const int *fds, guint n, gboolean with_anchors, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_material_check_anchors:
 *
 * Whether every anchor handed over is one that the recipe pins. Fails with %CLM_ERROR_REJECTED, or %CLM_ERROR_CONFIG when a file of
 * pinned anchors cannot be read, or is not root's (the caller's own).
 */
gboolean clm_material_check_anchors (const ClmMaterial *self, const char *const *pinned, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_material_compose: @file: which form. Fails with %CLM_ERROR_NOT_SUPPORTED where it needs a key and none came, %CLM_ERROR_INVALID_DATA where it needs anchors.
 * Returns: (transfer full) (nullable): the PEM text. */
ClmSecret *clm_material_compose (const ClmMaterial *self, ClmRecipeFile file, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
