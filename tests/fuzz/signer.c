/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signer.h"

#include <string.h>

#include "der.h"
#include "key.h"
#include "name.h"

#define DAY 86400

static const char *const subjects[CLM_FUZZ_N_KEYS] = { "CN=Leaf", "CN=Issuer", "CN=Root", "CN=Stranger" };

EVP_PKEY *
clm_fuzz_get_key (ClmFuzzKey key)
{
  static EVP_PKEY *keys[CLM_FUZZ_N_KEYS];
  guint8 seed[32];

  if (keys[key] == NULL) {
    memset (seed, 'a' + (int) key, sizeof seed);
    keys[key] = EVP_PKEY_new_raw_private_key (EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    g_assert_nonnull (keys[key]);
  }
  return keys[key];
}

GBytes *
clm_fuzz_get_spki (ClmFuzzKey key)
{
  static GBytes *spkis[CLM_FUZZ_N_KEYS];

  if (spkis[key] == NULL)
    spkis[key] = clm_x509_key_to_spki (clm_fuzz_get_key (key), NULL);
  return spkis[key];
}

GBytes *
clm_fuzz_sign (GBytes *tbs, ClmFuzzKey key)
{
  const ClmCaAlgorithm *algorithm = clm_ca_algorithm_for_key_type ("ed25519", NULL);
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  GByteArray *out = g_byte_array_new ();
  gsize size, mark = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  const guint8 *data = g_bytes_get_data (tbs, &size);
  guint8 signature[1 + 64] = { 0 };
  size_t length = 64;

  g_assert_true (EVP_DigestSignInit (context, NULL, NULL, NULL, clm_fuzz_get_key (key)) == 1);
  g_assert_true (EVP_DigestSign (context, signature + 1, &length, data != NULL ? data : signature, size) == 1);
  clm_ca_der_put_bytes (out, tbs);
  clm_ca_der_put_raw (out, algorithm->identifier, algorithm->identifier_size);
  clm_ca_der_put (out, CLM_CA_DER_BIT_STRING, signature, sizeof signature);
  clm_ca_der_close (out, mark);
  return g_byte_array_free_to_bytes (out);
}

static GBytes *
make_name (const char *text)
{
  g_autoptr (X509_NAME) name = clm_x509_name_parse (text, NULL);
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_X509_NAME (name, &der);

  g_assert_cmpint (size, >, 0);
  return g_bytes_new (der, (gsize) size);
}

GBytes *
clm_fuzz_make_tbs (ClmFuzzKey subject, ClmFuzzKey issuer)
{
  static const guint8 serial[17] = { 0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
  char *const dns[] = { (char *) "web.example", NULL }, *const none[] = { NULL };
  char *const *const names[CLM_N_NAME_KINDS] = { dns, none, none, none };
  const char *const usages[] = { "server", "client", NULL };
  gboolean is_ca = subject == CLM_FUZZ_ISSUER || subject == CLM_FUZZ_ROOT;
  g_autoptr (GBytes) number = g_bytes_new (serial, sizeof serial);
  g_autoptr (GBytes) issuer_name = make_name (subjects[issuer]), subject_name = make_name (subjects[subject]);
  g_autoptr (GBytes) issuer_id = clm_ca_key_id (clm_fuzz_get_spki (issuer));
  g_autoptr (GError) error = NULL;
  ClmCaTemplate template = {
    .serial = number, .algorithm = clm_ca_algorithm_for_key_type ("ed25519", NULL), .issuer_name = issuer_name,
    .authority_key_id = issuer_id, .not_before = CLM_FUZZ_NOW - (is_ca ? 30 : 1) * DAY, .not_after = CLM_FUZZ_NOW + (is_ca ? 3650 : 90) * DAY,
    .subject_name = subject_name, .spki = clm_fuzz_get_spki (subject), .names = is_ca ? NULL : names, .usages = is_ca ? NULL : usages,
    .key_usage = is_ca ? CLM_CA_USE_CERT_SIGN | CLM_CA_USE_CRL_SIGN : CLM_CA_USE_DIGITAL_SIGNATURE, .is_ca = is_ca,
    .path_length = subject == CLM_FUZZ_ISSUER ? 0 : -1,
  };
  GBytes *tbs = clm_ca_template_encode (&template, &error);

  g_assert_no_error (error);
  return tbs;
}

GBytes *
clm_fuzz_get_root (void)
{
  static GBytes *root;

  if (root == NULL) {
    g_autoptr (GBytes) tbs = clm_fuzz_make_tbs (CLM_FUZZ_ROOT, CLM_FUZZ_ROOT);
    root = clm_fuzz_sign (tbs, CLM_FUZZ_ROOT);
  }
  return root;
}
