/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/engine/policy-check.c. Input: what is expected (flags), who signs (two bits a certificate), and DER values: certificates, or what is to be signed. */
#include "fuzz.h"

#include "certificate.h"
#include "policy-check.h"
#include "signer.h"

enum { FLAG_SIGN = 1, FLAG_ANCHORS = 2, FLAG_CA = 4, FLAG_ANY_SUBJECT = 8, FLAG_USAGES = 16, FLAG_REPLAY = 32, FLAG_NO_NAMES = 64 };

#define SKEW 300
#define YEARS_20 (G_GINT64_CONSTANT (20) * 365 * 86400)

const gsize clm_fuzz_head = 2;

static ClmFuzzKey
get_own_key (guint flags)
{
  return flags & FLAG_CA ? CLM_FUZZ_ISSUER : CLM_FUZZ_LEAF;
}

static GPtrArray *
take_chain (ClmFuzzInput *in, gboolean sign, guint signers)
{
  GPtrArray *chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GBytes *der;

  while (chain->len < 6 && (der = clm_fuzz_take_der (in)) != NULL) {
    g_ptr_array_add (chain, sign ? clm_fuzz_sign (der, (ClmFuzzKey) (signers & 3)) : g_bytes_ref (der));
    g_bytes_unref (der);
    signers >>= 2;
  }
  return chain;
}

/* By the book and with libcrypto alone, not with the code that is tested. */
static void
assert_names (X509 *leaf, gboolean none)
{
  g_autoptr (GENERAL_NAMES) names = X509_get_ext_d2i (leaf, NID_subject_alt_name, NULL, NULL);

  g_assert_true (none == (sk_GENERAL_NAME_num (names) <= 0));
  for (int i = 0; i < sk_GENERAL_NAME_num (names); i++) {
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value (sk_GENERAL_NAME_value (names, i), &type);
    g_assert_cmpint (type, ==, GEN_DNS);
    g_assert_cmpint (ASN1_STRING_length (value), ==, 11);
    g_assert_cmpint (g_ascii_strncasecmp ((const char *) ASN1_STRING_get0_data (value), "web.example", 11), ==, 0);
  }
}

static void
assert_leaf (X509 *leaf, guint flags)
{
  ASN1_TIME *soon = ASN1_TIME_set (NULL, CLM_FUZZ_NOW + SKEW), *now = ASN1_TIME_set (NULL, CLM_FUZZ_NOW);
  int days, seconds;

  g_assert_cmpint (EVP_PKEY_eq (X509_get0_pubkey (leaf), clm_fuzz_get_key (get_own_key (flags))), ==, 1);
  g_assert_cmpint (X509_get_version (leaf), ==, X509_VERSION_3);
  g_assert_cmpint (ASN1_TIME_compare (X509_get0_notBefore (leaf), soon), <=, 0);
  g_assert_cmpint (ASN1_TIME_compare (X509_get0_notAfter (leaf), now), >, 0);
  g_assert_cmpint (ASN1_TIME_diff (&days, &seconds, X509_get0_notBefore (leaf), X509_get0_notAfter (leaf)), ==, 1);
  g_assert_cmpint ((gint64) days * 86400 + seconds, <=, YEARS_20 + 2 * SKEW);
  g_assert_true ((X509_check_ca (leaf) == 1) == ((flags & FLAG_CA) != 0));
  if (!(flags & FLAG_CA) && X509_get_key_usage (leaf) != UINT32_MAX)
    g_assert_cmpuint (X509_get_key_usage (leaf) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN), ==, 0);
  if (flags & FLAG_USAGES)
    g_assert_cmpuint (X509_get_extended_key_usage (leaf), ==, XKU_SSL_SERVER | XKU_SSL_CLIENT);
  assert_names (leaf, (flags & FLAG_NO_NAMES) != 0);
  ASN1_TIME_free (soon);
  ASN1_TIME_free (now);
}

static void
assert_path (GPtrArray *ders, GPtrArray *received, guint flags)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) path = clm_x509_parse_list (ders, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (path->len, >=, 1);
  assert_leaf (path->pdata[0], flags);
  for (guint i = 0; i < path->len; i++) {
    g_assert_true (g_ptr_array_find_with_equal_func (received, ders->pdata[i], g_bytes_equal, NULL) || (flags & FLAG_ANCHORS));
    if (i > 0) {
      g_assert_cmpint (X509_verify (path->pdata[i - 1], X509_get0_pubkey (path->pdata[i])), ==, 1);
      g_assert_cmpint (X509_check_ca (path->pdata[i]), ==, 1);
    }
  }
  if (flags & FLAG_ANCHORS) {
    X509 *end = path->pdata[path->len - 1];
    g_assert_true (X509_verify (end, clm_fuzz_get_key (CLM_FUZZ_ROOT)) == 1 || EVP_PKEY_eq (X509_get0_pubkey (end), clm_fuzz_get_key (CLM_FUZZ_ROOT)) == 1);
  }
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  static const char *const names[] = { "web.example", NULL }, *const usages[] = { "client", "server", NULL };
  ClmFuzzInput in = { data, size };
  guint flags = clm_fuzz_take_byte (&in), signers = clm_fuzz_take_byte (&in);
  g_autoptr (GPtrArray) chain = take_chain (&in, (flags & FLAG_SIGN) != 0, signers);
  g_autoptr (GPtrArray) anchors = g_ptr_array_new (), path = NULL;
  g_autoptr (GError) error = NULL;
  ClmPolicyExpectation expect = {
    .spki = clm_fuzz_get_spki (get_own_key (flags)), .subject = "CN=Leaf", .subject_from_authority = (flags & FLAG_ANY_SUBJECT) != 0,
    .names.values[CLM_NAME_DNS] = flags & FLAG_NO_NAMES ? NULL : names, .usages = flags & FLAG_USAGES ? usages : NULL,
    .is_ca = (flags & FLAG_CA) != 0, .path_length = -1, .anchors = flags & FLAG_ANCHORS ? anchors : NULL,
    .previous = flags & FLAG_REPLAY && chain->len > 1 ? chain->pdata[1] : NULL,
  };

  g_ptr_array_add (anchors, clm_fuzz_get_root ());
  path = clm_policy_check (&expect, chain, CLM_FUZZ_NOW, &error);
  if (path != NULL) {
    g_assert_no_error (error);
    assert_path (path, chain, flags);
    clm_fuzz_accept ();
    return;
  }
  clm_fuzz_assert_error (error);
  g_assert_nonnull (clm_policy_get_reason (error));
}

static void
seed (const char *name, guint flags, guint signers, ClmFuzzKey one, ClmFuzzKey two, ClmFuzzKey three, guint n)
{
  const ClmFuzzKey subjects[] = { one, two, three }, issuers[CLM_FUZZ_N_KEYS] = { CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT, CLM_FUZZ_ROOT, CLM_FUZZ_STRANGER };
  g_autoptr (GByteArray) out = g_byte_array_new ();

  g_byte_array_append (out, (guint8[]) { (guint8) flags, (guint8) signers }, 2);
  for (guint i = 0; i < n; i++) {
    g_autoptr (GBytes) tbs = clm_fuzz_make_tbs (subjects[i], n == 1 ? CLM_FUZZ_ROOT : issuers[subjects[i]]);
    g_autoptr (GBytes) der = flags & FLAG_SIGN ? g_bytes_ref (tbs) : clm_fuzz_sign (tbs, (ClmFuzzKey) (signers >> (2 * i) & 3));
    g_byte_array_append (out, g_bytes_get_data (der, NULL), (guint) g_bytes_get_size (der));
  }
  clm_fuzz_seed (name, out->data, out->len);
}

void
clm_fuzz_make_seeds (void)
{
  const guint signers = CLM_FUZZ_ISSUER | CLM_FUZZ_ROOT << 2 | CLM_FUZZ_ROOT << 4;

  seed ("whole", FLAG_ANCHORS, signers, CLM_FUZZ_LEAF, CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT, 3);
  seed ("to-be-signed", FLAG_SIGN | FLAG_ANCHORS | FLAG_USAGES, signers, CLM_FUZZ_LEAF, CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT, 3);
  seed ("no-anchors", FLAG_SIGN, signers, CLM_FUZZ_LEAF, CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT, 2);
  seed ("any-subject", FLAG_SIGN | FLAG_ANCHORS | FLAG_ANY_SUBJECT, CLM_FUZZ_ROOT, CLM_FUZZ_LEAF, CLM_FUZZ_LEAF, CLM_FUZZ_LEAF, 1);
  seed ("refused-replay", FLAG_SIGN | FLAG_REPLAY, CLM_FUZZ_ISSUER | CLM_FUZZ_ISSUER << 2, CLM_FUZZ_LEAF, CLM_FUZZ_LEAF, CLM_FUZZ_ISSUER, 2);
  seed ("ca", FLAG_SIGN | FLAG_ANCHORS | FLAG_CA | FLAG_NO_NAMES | FLAG_ANY_SUBJECT, CLM_FUZZ_ROOT, CLM_FUZZ_ISSUER, CLM_FUZZ_LEAF, CLM_FUZZ_LEAF, 1);
}
