/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bundles of certificates as text: core/x509/certificate.c, a generation's own PEM, ca-local's import. Input: the text. */
#include "fuzz.h"

#include <string.h>

#include "bundle.h"
#include "certificate.h"
#include "generation-meta.h"
#include "signer.h"

static void
check_bundle (const char *text, gboolean needs_root)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmCaBundle) bundle = clm_ca_bundle_new_from_pem (text, needs_root, &error);
  g_autoptr (ClmCaBundle) again = NULL;

  if (bundle == NULL) {
    clm_fuzz_assert_error (error);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    return;
  }
  g_assert_cmpuint (bundle->chain->len, >=, 1);
  g_assert_true (g_bytes_equal (bundle->chain->pdata[0], bundle->issuer->der));
  clm_fuzz_assert_text (bundle->issuer->subject);
  if (needs_root) {
    g_autoptr (X509) end = clm_x509_parse (bundle->chain->pdata[bundle->chain->len - 1], &error);
    g_assert_true (end != NULL && clm_x509_is_self_signed (end));
  }
  again = clm_ca_bundle_new_from_pem (bundle->pem, needs_root, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again->pem, ==, bundle->pem);
}

static void
check_own (GBytes *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) ders = clm_generation_pem_decode (text, &error), again = NULL;
  g_autoptr (GString) pem = g_string_new (NULL);
  g_autoptr (GBytes) bytes = NULL;

  if (ders == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  for (guint i = 0; i < ders->len; i++)
    clm_generation_pem_append (pem, ders->pdata[i]);
  bytes = g_bytes_new (pem->str, pem->len);
  again = clm_generation_pem_decode (bytes, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (again->len, ==, ders->len);
  for (guint i = 0; i < ders->len; i++)
    g_assert_true (g_bytes_equal (ders->pdata[i], again->pdata[i]));
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) certificates = clm_x509_parse_pem ((const char *) data, (gssize) size, &error), again = NULL;
  g_autofree char *text = g_strndup ((const char *) data, size), *pem = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);

  check_bundle (text, FALSE);
  check_bundle (text, TRUE);
  check_own (bytes);
  if (certificates == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  g_assert_true (certificates->len >= 1 && certificates->len <= CLM_CHAIN_MAX);
  g_assert_null (g_strstr_len ((const char *) data, (gssize) size, "-----BEGIN PRIVATE KEY-----\n-----END"));
  pem = clm_x509_list_to_pem (certificates);
  again = clm_x509_parse_pem (pem, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (again->len, ==, certificates->len);
  clm_fuzz_accept ();
  for (guint i = 0; i < again->len; i++)
    g_assert_cmpint (X509_cmp (again->pdata[i], certificates->pdata[i]), ==, 0);
}

void
clm_fuzz_make_seeds (void)
{
  g_autoptr (GBytes) tbs = clm_fuzz_make_tbs (CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT), issuer = clm_fuzz_sign (tbs, CLM_FUZZ_ROOT);
  g_autoptr (GString) pem = g_string_new (NULL);

  clm_generation_pem_append (pem, clm_fuzz_get_root ());
  clm_fuzz_seed ("root", pem->str, pem->len);
  g_string_truncate (pem, 0);
  clm_generation_pem_append (pem, issuer);
  g_string_append (pem, "# the root\n");
  clm_generation_pem_append (pem, clm_fuzz_get_root ());
  clm_fuzz_seed ("chain", pem->str, pem->len);
}
