/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/x509/chain.c, certificate.c and certificate-fields.c. Input: flags, who signs (two bits a certificate), DER values as fuzz-policy.c has them. */
#include "fuzz.h"

#include "chain.h"
#include "signer.h"

enum { FLAG_SIGN = 1, FLAG_ROOT = 2 };

const gsize clm_fuzz_head = 2;

static void
check_fields (X509 *certificate, GBytes *der)
{
  g_autoptr (GBytes) again = clm_x509_to_der (certificate), spki = clm_x509_get_spki (certificate);
  g_autofree char *serial = clm_x509_get_serial (certificate), *fingerprint = clm_x509_get_fingerprint (certificate);
  g_autofree char *subject = clm_x509_get_subject (certificate), *issuer = clm_x509_get_issuer (certificate);
  g_auto (GStrv) usages = clm_x509_get_usages (certificate);
  gint64 not_before = 0, not_after = 0;
  int path_length;

  /* What is published is what was looked at, byte for byte. */
  g_assert_true (g_bytes_equal (again, der));
  g_assert_cmpuint (strlen (fingerprint), ==, 64);
  g_assert_cmpuint (strspn (serial + (*serial == '-'), "0123456789abcdef"), ==, strlen (serial) - (*serial == '-'));
  clm_fuzz_assert_text (subject);
  clm_fuzz_assert_text (issuer);
  for (guint i = 0; usages[i] != NULL; i++)
    clm_fuzz_assert_text (usages[i]);
  for (ClmNameKind kind = 0; kind < CLM_N_NAME_KINDS; kind++) {
    g_auto (GStrv) names = clm_x509_get_names (certificate, kind, NULL, NULL);
    for (guint i = 0; names != NULL && names[i] != NULL; i++)
      clm_fuzz_assert_text (names[i]);
  }
  if (clm_x509_get_validity (certificate, &not_before, &not_after, NULL))
    g_assert_true (not_before >= G_GINT64_CONSTANT (-62170000000) && not_after <= G_GINT64_CONSTANT (253402400000));
  g_assert_true (!clm_x509_is_ca (certificate, &path_length) || path_length >= -1);
  g_assert_nonnull (clm_x509_get_key_type (certificate));
  g_assert_true (!X509_get0_pubkey (certificate) || clm_x509_matches_spki (certificate, spki));
}

static void
check_order (GPtrArray *certificates)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) ordered = clm_x509_chain_order (certificates, &error);

  if (ordered == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  g_assert_true (ordered->len >= 1 && ordered->len <= certificates->len && ordered->pdata[0] == certificates->pdata[0]);
  for (guint i = 1; i < ordered->len; i++) {
    g_assert_cmpint (X509_verify (ordered->pdata[i - 1], X509_get0_pubkey (ordered->pdata[i])), ==, 1);
    g_assert_cmpint (X509_self_signed (ordered->pdata[i], 1), !=, 1);
    for (guint j = 0; j < i; j++)
      g_assert_cmpint (X509_cmp (ordered->pdata[i], ordered->pdata[j]), !=, 0);
  }
}

static void
check_build (GPtrArray *certificates, gboolean with_root)
{
  g_autoptr (GError) error = NULL, parsing = NULL;
  g_autoptr (GPtrArray) anchors = clm_x509_list_new (), path = NULL;
  X509 *root = clm_x509_parse (clm_fuzz_get_root (), &parsing);

  g_assert_no_error (parsing);
  g_ptr_array_add (anchors, root);
  if (!with_root) {   /* an intermediate is an anchor as well */
    X509_up_ref (certificates->pdata[certificates->len - 1]);
    g_ptr_array_add (anchors, certificates->pdata[certificates->len - 1]);
  }
  path = clm_x509_chain_build (certificates, anchors, CLM_FUZZ_NOW, &error);
  g_assert_true (clm_x509_chain_verify (certificates, anchors, CLM_FUZZ_NOW, NULL) == (path != NULL));
  if (path == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  g_assert_cmpint (X509_cmp (path->pdata[0], certificates->pdata[0]), ==, 0);
  for (guint i = 1; i < path->len; i++) {
    g_assert_cmpint (X509_verify (path->pdata[i - 1], X509_get0_pubkey (path->pdata[i])), ==, 1);
    g_assert_true (!with_root || X509_check_ca (path->pdata[i]) == 1);
  }
  clm_fuzz_accept ();
  if (with_root)
    g_assert_true (X509_verify (path->pdata[path->len - 1], clm_fuzz_get_key (CLM_FUZZ_ROOT)) == 1);
}

static void
check_pem (GPtrArray *certificates)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *pem = clm_x509_list_to_pem (certificates);
  g_autoptr (GPtrArray) again = clm_x509_parse_pem (pem, -1, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (again->len, ==, certificates->len);
  for (guint i = 0; i < again->len; i++)
    g_assert_cmpint (X509_cmp (again->pdata[i], certificates->pdata[i]), ==, 0);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  guint flags = clm_fuzz_take_byte (&in), signers = clm_fuzz_take_byte (&in);
  g_autoptr (GPtrArray) certificates = clm_x509_list_new ();
  GBytes *value;

  while (certificates->len < 6 && (value = clm_fuzz_take_der (&in)) != NULL) {
    g_autoptr (GBytes) part = value;
    g_autoptr (GBytes) der = flags & FLAG_SIGN ? clm_fuzz_sign (part, (ClmFuzzKey) (signers & 3)) : g_bytes_ref (part);
    g_autoptr (GError) error = NULL;
    X509 *certificate = clm_x509_parse (der, &error);

    signers >>= 2;
    if (certificate == NULL) {
      clm_fuzz_assert_error (error);
      continue;
    }
    check_fields (certificate, der);
    g_ptr_array_add (certificates, certificate);
  }
  if (certificates->len == 0)
    return;
  check_order (certificates);
  check_build (certificates, (flags & FLAG_ROOT) != 0);
  check_pem (certificates);
}

void
clm_fuzz_make_seeds (void)
{
  const guint8 head[] = { FLAG_SIGN | FLAG_ROOT, CLM_FUZZ_ISSUER | CLM_FUZZ_ROOT << 2 | CLM_FUZZ_ROOT << 4 };
  g_autoptr (GBytes) leaf = clm_fuzz_make_tbs (CLM_FUZZ_LEAF, CLM_FUZZ_ISSUER), issuer = clm_fuzz_make_tbs (CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT);
  g_autoptr (GBytes) root = clm_fuzz_make_tbs (CLM_FUZZ_ROOT, CLM_FUZZ_ROOT);
  GBytes *const parts[] = { leaf, issuer, root };
  g_autoptr (GByteArray) signed_here = g_byte_array_new (), whole = g_byte_array_new ();

  g_byte_array_append (signed_here, head, sizeof head);
  g_byte_array_append (whole, (const guint8 *) "\0\0", 2);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autoptr (GBytes) der = clm_fuzz_sign (parts[i], (ClmFuzzKey) (head[1] >> (2 * i) & 3));
    g_byte_array_append (signed_here, g_bytes_get_data (parts[i], NULL), (guint) g_bytes_get_size (parts[i]));
    g_byte_array_append (whole, g_bytes_get_data (der, NULL), (guint) g_bytes_get_size (der));
  }
  clm_fuzz_seed ("to-be-signed", signed_here->data, signed_here->len);
  clm_fuzz_seed ("whole", whole->data, whole->len);
}
