/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chain.h"

#include "openssl-error.h"

#define SECURITY_LEVEL 2

static gboolean
issued_by (X509 *certificate, X509 *issuer)
{
  EVP_PKEY *key = X509_get0_pubkey (issuer);
  gboolean result = key && X509_check_issued (issuer, certificate) == X509_V_OK && X509_verify (certificate, key) == 1;

  ERR_clear_error ();
  return result;
}

static gboolean
contains (GPtrArray *list, X509 *certificate)
{
  for (guint i = 0; i < list->len; i++)
    if (X509_cmp (list->pdata[i], certificate) == 0)
      return TRUE;
  return FALSE;
}

/* Prefers one that is not in the chain yet; one that is means a loop. */
static X509 *
find_issuer (GPtrArray *certificates, GPtrArray *chain, X509 *certificate)
{
  X509 *in_chain = NULL;

  for (guint i = 0; i < certificates->len; i++) {
    X509 *candidate = certificates->pdata[i];
    if (!issued_by (certificate, candidate))
      continue;
    if (!contains (chain, candidate))
      return candidate;
    in_chain = candidate;
  }
  return in_chain;
}

static gboolean
check_length (GPtrArray *certificates, GError **error)
{
  if (certificates->len >= 1 && certificates->len <= CLM_CHAIN_MAX)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "chain-length: %u certificates", certificates->len);
  return FALSE;
}

GPtrArray *
clm_x509_chain_order (GPtrArray *certificates, GError **error)
{
  g_autoptr (GPtrArray) chain = clm_x509_list_new ();
  X509 *current;

  if (!check_length (certificates, error))
    return NULL;
  current = certificates->pdata[0];
  X509_up_ref (current);
  g_ptr_array_add (chain, current);

  while (!clm_x509_is_self_signed (current) && (current = find_issuer (certificates, chain, current))) {
    if (contains (chain, current)) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "chain-loop: a certificate leads back to itself");
      return NULL;
    }
    if (clm_x509_is_self_signed (current))
      break;
    X509_up_ref (current);
    g_ptr_array_add (chain, current);
  }
  return g_steal_pointer (&chain);
}

static X509_STORE_CTX *
new_context (GPtrArray *chain, X509_STORE *store, ClmX509Stack *untrusted, gint64 now)
{
  g_autoptr (X509_STORE_CTX) context = X509_STORE_CTX_new ();

  if (!context || X509_STORE_CTX_init (context, store, chain->pdata[0], untrusted) != 1)
    return NULL;

  X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param (context);
  X509_VERIFY_PARAM_set_time (param, (time_t) now);
  X509_VERIFY_PARAM_set_auth_level (param, SECURITY_LEVEL);
  X509_VERIFY_PARAM_set_depth (param, CLM_CHAIN_MAX);
  X509_VERIFY_PARAM_set_flags (param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  return g_steal_pointer (&context);
}

static X509_STORE *
new_store (GPtrArray *anchors)
{
  X509_STORE *store = X509_STORE_new ();

  for (guint i = 0; i < anchors->len; i++)
    X509_STORE_add_cert (store, anchors->pdata[i]);
  return store;
}

/* The path that was found, without a self-signed end, which every peer has or does not trust. */
static GPtrArray *
get_path (X509_STORE_CTX *context)
{
  const STACK_OF (X509) *found = X509_STORE_CTX_get0_chain (context);
  GPtrArray *path = clm_x509_list_new ();

  for (int i = 0; i < sk_X509_num (found); i++) {
    X509 *certificate = sk_X509_value (found, i);
    if (i > 0 && clm_x509_is_self_signed (certificate))
      break;
    X509_up_ref (certificate);
    g_ptr_array_add (path, certificate);
  }
  return path;
}

/*
 * What lies between leaf and anchor must say CA:TRUE (RFC 5280 §6.1.4 (k)). libcrypto is content with a key usage for signing
 * certificates, unless it is told to be strict about much more.
 */
static gboolean
check_issuers (X509_STORE_CTX *context, GError **error)
{
  const STACK_OF (X509) *found = X509_STORE_CTX_get0_chain (context);

  for (int i = 1; i < sk_X509_num (found) - 1; i++)
    if (!clm_x509_is_ca (sk_X509_value (found, i), NULL)) {
      ERR_clear_error ();
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "chain-untrusted: certificate %d of the path: is no CA", i + 1);
      return FALSE;
    }
  return TRUE;
}

static void
set_verify_error (X509_STORE_CTX *context, GError **error)
{
  int depth = X509_STORE_CTX_get_error_depth (context);
  const char *reason = X509_verify_cert_error_string (X509_STORE_CTX_get_error (context));

  ERR_clear_error ();
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "chain-untrusted: certificate %d of the path: %s", depth + 1, reason);
}

GPtrArray *
clm_x509_chain_build (GPtrArray *certificates, GPtrArray *anchors, gint64 now, GError **error)
{
  g_autoptr (X509_STORE) store = new_store (anchors);
  g_autoptr (ClmX509Stack) untrusted = sk_X509_new_null ();
  g_autoptr (X509_STORE_CTX) context = NULL;

  if (!check_length (certificates, error))
    return NULL;
  for (guint i = 1; i < certificates->len; i++) {
    X509_up_ref (certificates->pdata[i]);
    sk_X509_push (untrusted, certificates->pdata[i]);
  }
  ERR_clear_error ();
  context = new_context (certificates, store, untrusted, now);
  if (!context) {
    clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "chain-untrusted: cannot verify");
    return NULL;
  }
  if (X509_verify_cert (context) != 1) {
    set_verify_error (context, error);
    return NULL;
  }
  return check_issuers (context, error) ? get_path (context) : NULL;
}

gboolean
clm_x509_chain_verify (GPtrArray *chain, GPtrArray *anchors, gint64 now, GError **error)
{
  g_autoptr (GPtrArray) path = clm_x509_chain_build (chain, anchors, now, error);

  return path != NULL;
}

gboolean
clm_x509_matches_spki (X509 *certificate, GBytes *spki)
{
  g_autoptr (GBytes) own = clm_x509_get_spki (certificate);
  g_autoptr (EVP_PKEY) key = NULL;

  if (g_bytes_equal (own, spki))
    return TRUE;
  /* The same key may be written in another way: RSA parameters absent instead of NULL, a compressed point. */
  key = clm_x509_key_from_spki (spki, NULL);
  return key && clm_x509_matches_key (certificate, key);
}

gboolean
clm_x509_matches_key (X509 *certificate, EVP_PKEY *key)
{
  EVP_PKEY *own = X509_get0_pubkey (certificate);
  gboolean result = own && EVP_PKEY_eq (own, key) == 1;

  ERR_clear_error ();
  return result;
}
