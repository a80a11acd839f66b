/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bundle.h"

#include "certificate.h"
#include "chain.h"

/* The root among @certificates that issued the end of @chain, or NULL. */
static X509 *
find_root (GPtrArray *certificates, X509 *end)
{
  if (clm_x509_is_self_signed (end))
    return end;
  for (guint i = 0; i < certificates->len; i++) {
    X509 *candidate = g_ptr_array_index (certificates, i);

    if (clm_x509_is_self_signed (candidate) && X509_check_issued (candidate, end) == X509_V_OK &&
        X509_verify (end, X509_get0_pubkey (candidate)) == 1)
      return candidate;
  }
  return NULL;
}

static GPtrArray *
order_chain (GPtrArray *certificates, gboolean needs_root, GError **error)
{
  g_autoptr (GPtrArray) ordered = clm_x509_chain_order (certificates, error);
  X509 *end, *root;

  if (ordered == NULL)
    return NULL;
  end = g_ptr_array_index (ordered, ordered->len - 1);
  root = find_root (certificates, end);
  if (root == NULL && needs_root) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_CONFIG, "the CA certificates do not lead up to a self-signed root");
    if (error != NULL)
      clm_error_set_hint (*error, "put the CA certificate first into the file, then its issuers up to and with the root");
    return NULL;
  }
  if (root != NULL && root != end) {
    X509_up_ref (root);
    g_ptr_array_add (ordered, root);
  }
  return g_steal_pointer (&ordered);
}

static ClmCaBundle *
new_bundle (GPtrArray *certificates, GError **error)
{
  g_autoptr (ClmCaBundle) self = g_atomic_rc_box_new0 (ClmCaBundle);

  self->chain = clm_x509_list_to_der (certificates);
  self->pem = clm_x509_list_to_pem (certificates);
  self->issuer = clm_ca_issuer_new (g_ptr_array_index (self->chain, 0), error);
  return self->issuer != NULL ? g_steal_pointer (&self) : NULL;
}

ClmCaBundle *
clm_ca_bundle_new_from_pem (const char *pem, gboolean needs_root, GError **error)
{
  g_autoptr (GPtrArray) certificates = clm_x509_parse_pem (pem, -1, error);
  g_autoptr (GPtrArray) chain = certificates != NULL ? order_chain (certificates, needs_root, error) : NULL;

  ClmCaBundle *self = chain != NULL ? new_bundle (chain, error) : NULL;

  if (self == NULL && error != NULL)
    (*error)->code = CLM_ERROR_CONFIG;
  return self;
}

ClmCaBundle *
clm_ca_bundle_new_from_der (GBytes *der, GError **error)
{
  g_autoptr (GPtrArray) ders = g_ptr_array_new ();
  g_autoptr (GPtrArray) certificates = NULL;

  g_ptr_array_add (ders, der);
  certificates = clm_x509_parse_list (ders, error);
  return certificates != NULL ? new_bundle (certificates, error) : NULL;
}

ClmCaBundle *
clm_ca_bundle_ref (ClmCaBundle *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear_bundle (gpointer data)
{
  ClmCaBundle *self = data;

  g_clear_pointer (&self->issuer, clm_ca_issuer_unref);
  g_clear_pointer (&self->chain, g_ptr_array_unref);
  g_free (self->pem);
}

void
clm_ca_bundle_unref (ClmCaBundle *self)
{
  g_atomic_rc_box_release_full (self, clear_bundle);
}

static gboolean
fail_storage (GError **error, GError *failure)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "%s", failure->message);
  g_error_free (failure);
  return FALSE;
}

gboolean
clm_ca_file_load (const char *path, GBytes **contents, GError **error)
{
  GError *failure = NULL;
  char *data;
  gsize size;

  *contents = NULL;
  if (g_file_get_contents (path, &data, &size, &failure)) {
    *contents = g_bytes_new_take (data, size);
    return TRUE;
  }
  if (!g_error_matches (failure, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return fail_storage (error, failure);
  g_error_free (failure);
  return TRUE;
}

gboolean
clm_ca_file_save (const char *path, const void *data, gsize size, GError **error)
{
  GError *failure = NULL;

  if (g_file_set_contents_full (path, data, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, &failure))
    return TRUE;
  return fail_storage (error, failure);
}
