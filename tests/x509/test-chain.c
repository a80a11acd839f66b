/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chain.h"

#include "mint.h"
#include "openssl-error.h"
#include "request.h"

#define NOW G_GINT64_CONSTANT (1800000000)

static EVP_PKEY *key;
static ClmMint *mint;

static GBytes *
make_request (const EVP_MD *digest)
{
  g_autoptr (X509_REQ) request = X509_REQ_new ();
  g_autoptr (X509_NAME) name = clm_x509_name_parse ("CN=gw", NULL);

  X509_REQ_set_subject_name (request, name);
  X509_REQ_set_pubkey (request, key);
  g_assert_cmpint (X509_REQ_sign (request, key, digest), >, 0);
  return clm_x509_request_to_der (request);
}

static GPtrArray *
make_chain (void)
{
  static const char *const usages[] = { NULL };
  g_autoptr (GBytes) csr = make_request (EVP_sha256 ());
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) ders = clm_mint_issue (mint, csr, usages, NOW - 10, 1000, NULL, &error);

  g_assert_no_error (error);
  GPtrArray *chain = clm_x509_parse_list (ders, &error);
  g_assert_no_error (error);
  return chain;
}

static GPtrArray *
get_anchors (void)
{
  GPtrArray *anchors = clm_x509_list_new ();

  g_ptr_array_add (anchors, clm_x509_parse (clm_mint_get_root (mint), NULL));
  return anchors;
}

/* The time is the argument, never the clock. */
static void
test_verify_at (void)
{
  static const struct {
    gint64   at;
    gboolean good;
  } rows[] = { { NOW - 11, FALSE }, { NOW - 10, TRUE }, { NOW, TRUE }, { NOW + 985, TRUE }, { NOW + 1000, FALSE } };
  g_autoptr (GPtrArray) chain = make_chain (), anchors = get_anchors ();

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_true (clm_x509_chain_verify (chain, anchors, rows[i].at, &error) == rows[i].good);
    if (!rows[i].good)
      g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  }
}

static void
test_needs_its_anchor (void)
{
  g_autoptr (GPtrArray) chain = make_chain (), none = clm_x509_list_new (), anchors = get_anchors ();

  g_assert_false (clm_x509_chain_verify (chain, none, NOW, NULL));
  g_ptr_array_set_size (chain, 1);
  g_assert_false (clm_x509_chain_verify (chain, anchors, NOW, NULL));
}

static void
test_order (void)
{
  g_autoptr (GPtrArray) chain = make_chain (), anchors = get_anchors (), ordered = NULL;
  g_autoptr (GError) error = NULL;

  X509_up_ref (anchors->pdata[0]);
  g_ptr_array_insert (chain, 1, anchors->pdata[0]);   /* leaf, root, intermediate */
  ordered = clm_x509_chain_order (chain, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ordered->len, ==, 2);
  g_assert_true (ordered->pdata[0] == chain->pdata[0] && ordered->pdata[1] == chain->pdata[2]);
}

static void
test_matches (void)
{
  g_autoptr (GPtrArray) chain = make_chain ();
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, NULL);

  g_assert_true (clm_x509_matches_key (chain->pdata[0], key));
  g_assert_true (clm_x509_matches_spki (chain->pdata[0], spki));
  g_assert_false (clm_x509_matches_key (chain->pdata[1], key));
  g_assert_false (clm_x509_matches_spki (chain->pdata[1], spki));
}

static void
test_request (void)
{
  g_autoptr (GBytes) good = make_request (EVP_sha256 ()), weak = make_request (EVP_sha1 ());
  g_autoptr (GError) error = NULL;
  g_autoptr (X509_REQ) parsed = clm_x509_request_parse (good, &error);
  gsize size;
  const guint8 *data = g_bytes_get_data (good, &size);

  g_assert_no_error (error);
  g_assert_nonnull (parsed);
  g_assert_null (clm_x509_request_parse (weak, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  for (gsize bit = 0; bit < size * 8; bit += 3) {   /* no flipped bit proves possession */
    g_autofree guint8 *flipped = g_memdup2 (data, size);
    flipped[bit / 8] ^= (guint8) (1 << bit % 8);
    g_autoptr (GBytes) der = g_bytes_new (flipped, size);
    g_autoptr (X509_REQ) request = clm_x509_request_parse (der, NULL);
    g_assert_null (request);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  clm_x509_init ();
  key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  mint = clm_mint_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/chain/verify-at-the-given-time", test_verify_at);
  g_test_add_func ("/chain/needs-its-anchor", test_needs_its_anchor);
  g_test_add_func ("/chain/order", test_order);
  g_test_add_func ("/chain/matches", test_matches);
  g_test_add_func ("/request/proof-of-possession", test_request);
  int result = g_test_run ();
  clm_mint_free (mint);
  EVP_PKEY_free (key);
  return result;
}
