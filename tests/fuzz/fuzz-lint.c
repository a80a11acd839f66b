/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ca-local's lint and its DER reader and writer. Input: whether a root's; a TBSCertificate. */
#include "fuzz.h"

#include <string.h>

#include "der.h"
#include "lint.h"
#include "policy-certificate.h"
#include "serial.h"
#include "signer.h"

#define MAX_DEPTH 32

const gsize clm_fuzz_head = 1;

/* What the reader takes apart the writer puts together again, byte for byte; libcrypto reads times and numbers alike. */
static void
check_element (const ClmCaDer *element)
{
  g_autoptr (GByteArray) again = g_byte_array_new ();
  guint64 number;
  gint64 seconds;

  clm_ca_der_put (again, element->tag, element->value, element->size);
  g_assert_cmpmem (again->data, again->len, element->full, element->full_size);
  g_byte_array_set_size (again, 0);
  if (element->tag == CLM_CA_DER_INTEGER && clm_ca_der_read_unsigned (element, &number)) {
    clm_ca_der_put_unsigned (again, CLM_CA_DER_INTEGER, number);
    g_assert_cmpmem (again->data, again->len, element->full, element->full_size);
  } else if (clm_ca_der_read_time (element, &seconds)) {
    clm_ca_der_put_time (again, seconds);
    g_assert_cmpmem (again->data, again->len, element->full, element->full_size);
  }
}

static void
check_elements (const guint8 *at, const guint8 *end, guint depth)
{
  ClmCaDer element;

  while (depth < MAX_DEPTH && at < end && clm_ca_der_read (&at, end, &element)) {
    g_assert_true (element.full_size >= 2 && element.value + element.size <= end && at == element.full + element.full_size);
    check_element (&element);
    if (element.tag & 0x20)
      check_elements (element.value, element.value + element.size, depth + 1);
  }
}

static ClmCaIssuer *
get_issuer (void)
{
  static ClmCaIssuer *issuer;

  if (issuer == NULL) {
    g_autoptr (GBytes) tbs = clm_fuzz_make_tbs (CLM_FUZZ_ISSUER, CLM_FUZZ_ROOT), der = clm_fuzz_sign (tbs, CLM_FUZZ_ROOT);
    g_autoptr (GError) error = NULL;
    issuer = clm_ca_issuer_new (der, &error);
    g_assert_no_error (error);
  }
  return issuer;
}

/* What may be signed must be good in the eyes of the engine, too. */
static void
check_signed (GBytes *tbs, gboolean is_root)
{
  g_autoptr (GBytes) der = clm_fuzz_sign (tbs, is_root ? CLM_FUZZ_ROOT : CLM_FUZZ_ISSUER);
  g_autoptr (GError) error = NULL;
  g_autoptr (X509) certificate = clm_x509_parse (der, &error);
  gint64 not_before, not_after;

  g_assert_no_error (error);
  g_assert_true (clm_x509_get_validity (certificate, &not_before, &not_after, &error));
  g_assert_cmpint (not_before, <, not_after);
  /* A root for another key is not signed by that one here. */
  if (is_root && EVP_PKEY_eq (X509_get0_pubkey (certificate), clm_fuzz_get_key (CLM_FUZZ_ROOT)) != 1)
    return;
  g_assert_true (clm_policy_check_certificate (certificate, &error));
  if (is_root)
    return;
  g_assert_true (clm_ca_issuer_signed (get_issuer (), certificate));
  g_assert_false (clm_x509_is_ca (certificate, NULL));   /* the issuer's path length is 0 */
  g_assert_cmpint (not_before, >=, get_issuer ()->not_before);
  g_assert_cmpint (not_after, <=, get_issuer ()->not_after);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  gboolean is_root = clm_fuzz_take_byte (&in) & 1;
  g_autoptr (GBytes) tbs = clm_fuzz_take_rest (&in);
  const guint8 *at = g_bytes_get_data (tbs, NULL);
  g_autoptr (GError) error = NULL;

  check_elements (at, at + g_bytes_get_size (tbs), 0);
  if (clm_ca_lint (tbs, is_root ? NULL : get_issuer (), &error)) {
    check_signed (tbs, is_root);
    clm_fuzz_accept ();
    return;
  }
  clm_fuzz_assert_error (error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_REJECTED);
  g_assert_true (g_str_has_prefix (error->message, "lint: "));
}

static void
seed (const char *name, guint8 is_root, GBytes *tbs)
{
  g_autoptr (GByteArray) out = g_byte_array_append (g_byte_array_new (), &is_root, 1);

  g_byte_array_append (out, g_bytes_get_data (tbs, NULL), (guint) g_bytes_get_size (tbs));
  clm_fuzz_seed (name, out->data, out->len);
}

static GBytes *
make_full (void)
{
  ClmCaUrls urls = { (char *) "http://ca.example/crl", (char *) "http://ca.example/ocsp", (char *) "http://ca.example/ca" };
  char *const dns[] = { (char *) "web.example", NULL }, *const addresses[] = { (char *) "10.0.0.1", NULL };
  char *const uris[] = { (char *) "urn:plant:1", NULL }, *const emails[] = { (char *) "a@b.example", NULL };
  char *const *const names[CLM_N_NAME_KINDS] = { dns, addresses, uris, emails };
  const char *const usages[] = { "server", "1.3.6.1.5.5.7.3.17", NULL };
  guint8 random[CLM_CA_SERIAL_SIZE] = { 1, 2, 3 };
  g_autoptr (GBytes) serial = clm_ca_serial_from_random (random), empty = g_bytes_new_static ("\x30\x00", 2);
  g_autoptr (GError) error = NULL;
  const ClmCaIssuer *issuer = get_issuer ();
  ClmCaTemplate template = {
    .serial = serial, .algorithm = issuer->algorithm, .issuer_name = issuer->name, .authority_key_id = issuer->key_id,
    .not_before = CLM_FUZZ_NOW, .not_after = CLM_FUZZ_NOW + 86400, .subject_name = empty, .spki = clm_fuzz_get_spki (CLM_FUZZ_LEAF),
    .names = names, .usages = usages, .key_usage = CLM_CA_USE_DIGITAL_SIGNATURE, .path_length = -1, .no_check = TRUE, .urls = &urls,
  };
  GBytes *tbs = clm_ca_template_encode (&template, &error);

  g_assert_no_error (error);
  return tbs;
}

void
clm_fuzz_make_seeds (void)
{
  g_autoptr (GBytes) leaf = clm_fuzz_make_tbs (CLM_FUZZ_LEAF, CLM_FUZZ_ISSUER), root = clm_fuzz_make_tbs (CLM_FUZZ_ROOT, CLM_FUZZ_ROOT);
  g_autoptr (GBytes) full = make_full ();

  seed ("leaf", 0, leaf);
  seed ("full", 0, full);
  seed ("root", 1, root);
}
