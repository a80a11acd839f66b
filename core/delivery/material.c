/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "material.h"
#include "chain.h"
#include "clm-error.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kind_words[CLM_N_DELIVER_FILES] = {"leaf", "chain", "key", "anchors"};

void
clm_material_clear (ClmMaterial *self)
{
  g_clear_pointer (&self->leaf, g_ptr_array_unref);
  g_clear_pointer (&self->chain, g_ptr_array_unref);
  g_clear_pointer (&self->anchors, g_ptr_array_unref);
  g_clear_pointer (&self->key, EVP_PKEY_free);
}

typedef struct {
  int      fd;
  gboolean complete;
} Source;

/* From the start, wherever the sender's offset stands; a file that shrinks meanwhile is not complete. */
static void
fill_from_fd (void *data, gsize size, gpointer user_data)
{
  Source *source = user_data;
  gsize done = 0;

  while (done < size) {
    ssize_t n = pread (source->fd, (char *) data + done, size - done, (off_t) done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    done += (gsize) n;
  }
  source->complete = TRUE;
}

static gboolean
may_be_empty (ClmDeliverFile kind)
{
  return kind == CLM_DELIVER_CHAIN || kind == CLM_DELIVER_ANCHORS;
}

static ClmSecret *
copy_fd (int fd, ClmDeliverFile kind, GError **error)
{
  const char *what = kind_words[kind];
  g_autoptr (ClmSecret) copy = NULL;
  struct stat st;
  int flags = fcntl (fd, F_GETFL);
  Source source = {fd, FALSE};

  if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the %s is not a regular file opened for reading", what);
    return NULL;
  }
  if (st.st_size < (may_be_empty (kind) ? 0 : 1) || st.st_size > CLM_DELIVER_MAX_FILE) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the %s has %" G_GINT64_FORMAT " bytes, allowed are 1 to %d", what,
                 (gint64) st.st_size, CLM_DELIVER_MAX_FILE);
    return NULL;
  }
  copy = clm_secret_new_sized ((gsize) st.st_size, fill_from_fd, &source);
  if (!source.complete) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the %s could not be read to its end", what);
    return NULL;
  }
  return g_steal_pointer (&copy);
}

static GPtrArray *
parse_certificates (ClmSecret *pem, const char *what, GError **error)
{
  gsize size;
  const char *text = clm_secret_peek (pem, &size);
  GPtrArray *list = clm_x509_parse_pem (text, (gssize) size, error);

  if (list == NULL)
    g_prefix_error (error, "the %s: ", what);
  return list;
}

static gboolean
read_one (ClmMaterial *self, ClmDeliverFile kind, int fd, GError **error)
{
  g_autoptr (ClmSecret) copy = copy_fd (fd, kind, error);
  gsize size;
  GPtrArray **list = kind == CLM_DELIVER_LEAF ? &self->leaf : kind == CLM_DELIVER_CHAIN ? &self->chain : &self->anchors;

  if (copy == NULL)
    return FALSE;
  if (kind == CLM_DELIVER_KEY) {
    self->key = clm_x509_key_from_pem (copy, error);
    if (self->key == NULL)
      g_prefix_error (error, "the key: ");
    return self->key != NULL;
  }
  clm_secret_peek (copy, &size);
  if (size == 0)
    return TRUE;
  *list = parse_certificates (copy, kind_words[kind], error);
  return *list != NULL;
}

gboolean
clm_material_read (ClmMaterial *self, const ClmDeliverFile *kinds, const int *fds, guint n, gboolean with_anchors, GError **error)
{
  memset (self, 0, sizeof *self);
  for (guint i = 0; i < n; i++)
    if ((kinds[i] != CLM_DELIVER_ANCHORS || with_anchors) && !read_one (self, kinds[i], fds[i], error))
      return FALSE;
  if (self->leaf == NULL || self->leaf->len != 1) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the request brings not exactly one leaf certificate");
    return FALSE;
  }
  if (self->key && !clm_x509_matches_key (g_ptr_array_index (self->leaf, 0), self->key)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the key does not belong to the certificate");
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_pinned (const char *path, GHashTable *digests, GError **error)
{
  g_autoptr (ClmSecret) pem = clm_target_read_own (path, CLM_DELIVER_MAX_FILE, error);
  g_autoptr (GPtrArray) list = NULL;

  if (pem)
    list = parse_certificates (pem, path, error);
  for (guint i = 0; list && i < list->len; i++)
    g_hash_table_add (digests, clm_x509_get_fingerprint (g_ptr_array_index (list, i)));
  if (list == NULL && error && *error) {
    g_autofree char *message = g_strdup ((*error)->message);
    g_clear_error (error);
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "TrustAnchors=: %s", message);
  }
  return list != NULL;
}

gboolean
clm_material_check_anchors (const ClmMaterial *self, const char *const *pinned, GError **error)
{
  g_autoptr (GHashTable) digests = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; pinned[i]; i++) {
    if (g_str_has_prefix (pinned[i], "sha256:"))
      g_hash_table_add (digests, g_strdup (pinned[i] + 7));
    else if (!read_pinned (pinned[i], digests, error))
      return FALSE;
  }
  for (guint i = 0; self->anchors && i < self->anchors->len; i++) {
    g_autofree char *digest = clm_x509_get_fingerprint (g_ptr_array_index (self->anchors, i));
    if (g_hash_table_contains (digests, digest))
      continue;
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "trust anchor sha256:%s is not pinned by the recipe", digest);
    clm_error_set_hint (error ? *error : NULL, "if that CA is to be trusted by this consumer, add it to TrustAnchors=");
    return FALSE;
  }
  return TRUE;
}

static void
append_list (GString *out, GPtrArray *list)
{
  g_autofree char *pem = list && list->len > 0 ? clm_x509_list_to_pem (list) : NULL;

  if (pem)
    g_string_append (out, pem);
}

typedef struct {
  GString   *public_part;
  ClmSecret *key;
} Parts;

static void
fill_from_parts (void *data, gsize size, gpointer user_data)
{
  Parts *parts = user_data;
  gsize key_size = 0;
  const void *key = parts->key ? clm_secret_peek (parts->key, &key_size) : NULL;

  memcpy (data, parts->public_part->str, parts->public_part->len);
  if (key)
    memcpy ((char *) data + parts->public_part->len, key, key_size);
}

static ClmSecret *
export_key (const ClmMaterial *self, GError **error)
{
  if (self->key)
    return clm_x509_key_to_pem (self->key, error);
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "the recipe wants the private key, which its key store does not export");
  clm_error_set_hint (error ? *error : NULL, "use a key store that exports (key-file), or a recipe without Key= and Combined=");
  return NULL;
}

ClmSecret *
clm_material_compose (const ClmMaterial *self, ClmRecipeFile file, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (ClmSecret) key = NULL;
  gsize key_size = 0;

  if (file == CLM_RECIPE_KEY || file == CLM_RECIPE_COMBINED) {
    key = export_key (self, error);
    if (key == NULL)
      return NULL;
    clm_secret_peek (key, &key_size);
  }
  if (file == CLM_RECIPE_TRUST && (self->anchors == NULL || self->anchors->len == 0)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the recipe wants trust anchors and none came");
    return NULL;
  }
  if (file == CLM_RECIPE_CERTIFICATE || file == CLM_RECIPE_FULL_CHAIN || file == CLM_RECIPE_COMBINED)
    append_list (out, self->leaf);
  if (file == CLM_RECIPE_CHAIN || file == CLM_RECIPE_FULL_CHAIN || file == CLM_RECIPE_COMBINED)
    append_list (out, self->chain);
  if (file == CLM_RECIPE_TRUST)
    append_list (out, self->anchors);
  Parts parts = {out, key};
  return clm_secret_new_sized (out->len + key_size, fill_from_parts, &parts);
}
