/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates per CPU second of one CA, from the bytes of a CSR to those of the certificate, in memory: as ca-local makes them, as
 * OpenSSL's documented interface does, and the two or three signature operations alone. `ca-rate ROUNDS COUNT`: the ways take turns.
 */
#include "workshop.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "authority-private.h"
#include "issue.h"
#include "lint.h"
#include "order.h"
#include "serial.h"
#include "signature.h"

typedef struct {
  Bench    *bench;
  Order    *orders;
  guint     count;
  ClmKey   *key;              /* ca-local's */
  EVP_PKEY *own_key;          /* the peer's */
  X509     *own_certificate;
  double    seconds;          /* CPU of the lane */
} Rate;

static double
get_cpu (void)
{
  return get_seconds (CLOCK_THREAD_CPUTIME_ID);
}

/* ca-local */

static GBytes *
issue (Rate *rate, ClmCaLocal *ca, const Order *asked, GCancellable *cancellable, GError **error)
{
  const ClmCaIssuer *issuer = clm_ca_local_get_issuing (ca)->bundle->issuer;
  g_autoptr (ClmCaOrder) order = clm_ca_order_new (CLM_REQUEST (asked->request), error);
  const ClmCaProfile *profile = order != NULL ? clm_ca_profiles_choose (ca->settings->profiles, order, error) : NULL;
  g_autoptr (GBytes) serial = NULL, tbs = NULL;
  gint64 not_before, not_after;

  if (profile == NULL || !clm_ca_profile_admit (profile, order, error) || !clm_ca_order_check_csr (order, asked->csr, error) ||
      !clm_ca_issue_get_validity (issuer, CA_NOW, clm_ca_profile_get_lifetime (profile, order), ca->settings->backdate, &not_before, &not_after, error))
    return NULL;
  serial = clm_ca_serial_new (error);
  if (serial != NULL)
    tbs = clm_ca_issue_encode (issuer, profile, order, &ca->settings->urls, serial, not_before, not_after, error);
  if (tbs == NULL || !clm_ca_lint (tbs, issuer, error))
    return NULL;
  return clm_ca_sign (rate->key, issuer->algorithm, tbs, cancellable, error);
}

static void
issue_in_lane (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Rate *rate = data;
  double begun = get_cpu ();

  for (guint i = 0; i < rate->count; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) certificate = issue (rate, CLM_CA_LOCAL (rate->bench->ca), &rate->orders[i], cancellable, &error);

    g_assert_no_error (error);
  }
  rate->seconds = get_cpu () - begun;
  g_task_return_boolean (task, TRUE);
}

static double
measure_certloom (Rate *rate)
{
  g_autoptr (GAsyncResult) result = NULL;
  GTask *task = g_task_new (NULL, NULL, clm_await_done, &result);

  g_task_set_task_data (task, rate, NULL);
  clm_key_store_run_in_thread (rate->bench->keys, task, issue_in_lane);
  g_object_unref (task);
  clm_await (&result);
  return rate->count / rate->seconds;
}

/* OpenSSL's interface */

static void
add_extension (X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
  X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, context, nid, value);

  g_assert_nonnull (extension);
  X509_add_ext (certificate, extension, -1);
  X509_EXTENSION_free (extension);
}

static void
make_own_ca (Rate *rate)
{
  X509V3_CTX context;

  rate->own_key = EVP_EC_gen ("P-256");
  rate->own_certificate = X509_new ();
  X509_set_version (rate->own_certificate, X509_VERSION_3);
  ASN1_INTEGER_set (X509_get_serialNumber (rate->own_certificate), 1);
  X509_NAME_add_entry_by_txt (X509_get_subject_name (rate->own_certificate), "CN", MBSTRING_ASC, (const guint8 *) "Plant Root", -1, -1, 0);
  X509_set_issuer_name (rate->own_certificate, X509_get_subject_name (rate->own_certificate));
  X509_gmtime_adj (X509_getm_notBefore (rate->own_certificate), 0);
  X509_gmtime_adj (X509_getm_notAfter (rate->own_certificate), 86400L * 3650);
  X509_set_pubkey (rate->own_certificate, rate->own_key);
  X509V3_set_ctx (&context, rate->own_certificate, rate->own_certificate, NULL, NULL, 0);
  add_extension (rate->own_certificate, &context, NID_basic_constraints, "critical,CA:TRUE");
  add_extension (rate->own_certificate, &context, NID_subject_key_identifier, "hash");
  g_assert_cmpint (X509_sign (rate->own_certificate, rate->own_key, EVP_sha256 ()), >, 0);
}

static void
set_serial (X509 *certificate)
{
  guint8 random[16];
  BIGNUM *number;

  g_assert_cmpint (RAND_bytes (random, sizeof random), ==, 1);
  random[0] &= 0x7f;
  number = BN_bin2bn (random, sizeof random, NULL);
  BN_to_ASN1_INTEGER (number, X509_get_serialNumber (certificate));
  BN_free (number);
}

static void
copy_extensions (X509 *certificate, X509_REQ *request)
{
  STACK_OF (X509_EXTENSION) *asked = X509_REQ_get_extensions (request);

  for (int i = 0; i < sk_X509_EXTENSION_num (asked); i++)
    X509_add_ext (certificate, sk_X509_EXTENSION_value (asked, i), -1);
  sk_X509_EXTENSION_pop_free (asked, X509_EXTENSION_free);
}

/* As `openssl ca` with copy_extensions=copy does it: reads, verifies, fills in, signs; no lint, no check of its own signature. */
static int
issue_by_interface (Rate *rate, GBytes *csr)
{
  const guint8 *cursor = g_bytes_get_data (csr, NULL);
  X509_REQ *request = d2i_X509_REQ (NULL, &cursor, (long) g_bytes_get_size (csr));
  X509 *certificate = X509_new ();
  guint8 *der = NULL;
  X509V3_CTX context;
  int size;

  g_assert_cmpint (X509_REQ_verify (request, X509_REQ_get0_pubkey (request)), ==, 1);
  X509_set_version (certificate, X509_VERSION_3);
  set_serial (certificate);
  X509_set_issuer_name (certificate, X509_get_subject_name (rate->own_certificate));
  X509_set_subject_name (certificate, X509_REQ_get_subject_name (request));
  X509_gmtime_adj (X509_getm_notBefore (certificate), 0);
  X509_gmtime_adj (X509_getm_notAfter (certificate), 86400L * 90);
  X509_set_pubkey (certificate, X509_REQ_get0_pubkey (request));
  X509V3_set_ctx (&context, rate->own_certificate, certificate, request, NULL, 0);
  add_extension (certificate, &context, NID_basic_constraints, "critical,CA:FALSE");
  add_extension (certificate, &context, NID_key_usage, "critical,digitalSignature");
  add_extension (certificate, &context, NID_ext_key_usage, "serverAuth");
  add_extension (certificate, &context, NID_subject_key_identifier, "hash");
  add_extension (certificate, &context, NID_authority_key_identifier, "keyid");
  copy_extensions (certificate, request);
  g_assert_cmpint (X509_sign (certificate, rate->own_key, EVP_sha256 ()), >, 0);
  size = i2d_X509 (certificate, &der);
  OPENSSL_free (der);
  X509_free (certificate);
  X509_REQ_free (request);
  return size;
}

static double
measure_interface (Rate *rate)
{
  double begun = get_cpu ();

  for (guint i = 0; i < rate->count; i++)
    g_assert_cmpint (issue_by_interface (rate, rate->orders[i].csr), >, 0);
  return rate->count / (get_cpu () - begun);
}

/* Signature operations alone */

/* Each signature is made and @verifications times verified, over a digest: what no CA can do without. */
static double
measure_operations (Rate *rate, guint verifications)
{
  g_autofree guint8 (*signatures)[80] = g_malloc (rate->count * sizeof *signatures);
  g_autofree size_t *sizes = g_new (size_t, rate->count);
  guint8 digest[32] = { 1 };
  EVP_PKEY_CTX *signing = EVP_PKEY_CTX_new (rate->own_key, NULL);
  EVP_PKEY_CTX *verifying = EVP_PKEY_CTX_new (rate->own_key, NULL);
  double begun;

  g_assert_cmpint (EVP_PKEY_sign_init (signing), ==, 1);
  g_assert_cmpint (EVP_PKEY_verify_init (verifying), ==, 1);
  begun = get_cpu ();
  for (guint i = 0; i < rate->count; i++) {
    digest[1] = (guint8) i;
    sizes[i] = sizeof signatures[i];
    g_assert_cmpint (EVP_PKEY_sign (signing, signatures[i], &sizes[i], digest, sizeof digest), ==, 1);
    for (guint j = 0; j < verifications; j++)
      g_assert_cmpint (EVP_PKEY_verify (verifying, signatures[i], sizes[i], digest, sizeof digest), ==, 1);
  }
  begun = get_cpu () - begun;
  EVP_PKEY_CTX_free (signing);
  EVP_PKEY_CTX_free (verifying);
  return rate->count / begun;
}

/* Start and end */

static ClmKey *
open_key (Bench *bench)
{
  ClmCaLocal *ca = CLM_CA_LOCAL (bench->ca);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  ClmKey *key;

  clm_ca_local_open_key_async (ca, clm_ca_local_get_issuing (ca)->role, NULL, NULL, clm_await_done, &result);
  key = clm_ca_local_open_key_finish (ca, clm_await (&result), &error);
  g_assert_no_error (error);
  return key;
}

int
main (int argc, char **argv)
{
  int rounds = argc == 3 ? atoi (argv[1]) : 0;
  g_autoptr (Bench) bench = NULL;
  Rate rate = { .count = argc == 3 ? (guint) atoi (argv[2]) : 0 };

  if (rounds < 1 || rate.count < 1)
    return 2;
  bench = bench_new (CA_NOW);
  bench_start (bench, WORKSHOP_OPTIONS);
  rate.bench = bench;
  rate.orders = make_orders (bench, rate.count);
  rate.key = open_key (bench);
  make_own_ca (&rate);
  for (int i = 0; i < rounds; i++) {
    printf ("{\"certloom\": %.1f, ", measure_certloom (&rate));
    printf ("\"interface\": %.1f, ", measure_interface (&rate));
    printf ("\"verify+sign\": %.1f, \"verify+sign+verify\": %.1f}\n", measure_operations (&rate, 1), measure_operations (&rate, 2));
  }
  X509_free (rate.own_certificate);
  EVP_PKEY_free (rate.own_key);
  g_object_unref (rate.key);
  free_orders (rate.orders, rate.count);
  return 0;
}
