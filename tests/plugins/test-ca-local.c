/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-bench.h"

/* Root, chain and leaf as files for `openssl verify`. */
static void
write_chain (Bench *bench, ClmIssuance *issuance)
{
  GPtrArray *chain = clm_issuance_get_chain (issuance);
  g_autoptr (GBytes) anchor = bench_anchor (bench), crl = bench_crl (bench);
  G_GNUC_UNUSED g_autofree char *root = bench_write (bench, "root.pem", "CERTIFICATE", anchor);
  G_GNUC_UNUSED g_autofree char *leaf = bench_write (bench, "leaf.pem", "CERTIFICATE", g_ptr_array_index (chain, 0));
  G_GNUC_UNUSED g_autofree char *crl_path = bench_write (bench, "crl.pem", "X509 CRL", crl);

  if (chain->len > 1)
    g_free (bench_write (bench, "middle.pem", "CERTIFICATE", g_ptr_array_index (chain, 1)));
}

static void
test_issue (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autofree char *verify = NULL, *text = NULL, *purpose = NULL, *root_text = NULL;

  bench_start (bench, "CrlUrl=http://pki.plant.example/ca.crl\nOcspUrl=http://ocsp.plant.example/\nIssuerUrl=http://pki.plant.example/ca.cer\n");
  request = bench_request (bench, "web", "CN=gw-17,O=Plant", "gw-17.plant.example www.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  g_assert_cmpuint (clm_issuance_get_chain (issuance)->len, ==, 1);
  write_chain (bench, issuance);

  verify = bench_openssl (bench, "openssl verify -x509_strict -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem -purpose sslserver leaf.pem", CA_NOW + 5);
  purpose = bench_openssl (bench, "openssl x509 -in leaf.pem -noout -purpose");
  assert_contains (purpose, "SSL server : Yes");
  assert_contains (purpose, "SSL client : No");
  assert_contains (purpose, "SSL server CA : No");
  text = bench_openssl (bench, "openssl x509 -in leaf.pem -noout -text -nameopt RFC2253");
  assert_contains (text, "Version: 3");
  assert_contains (text, "Subject: CN=gw-17,O=Plant");
  assert_contains (text, "Issuer: CN=plant root CA");
  assert_contains (text, "DNS:gw-17.plant.example, DNS:www.plant.example");
  assert_contains (text, "X509v3 Basic Constraints: critical\n                CA:FALSE");
  assert_contains (text, "X509v3 Key Usage: critical\n                Digital Signature\n");
  assert_contains (text, "TLS Web Server Authentication\n");
  assert_contains (text, "URI:http://pki.plant.example/ca.crl");
  assert_contains (text, "OCSP - URI:http://ocsp.plant.example/");
  assert_contains (text, "CA Issuers - URI:http://pki.plant.example/ca.cer");
  root_text = bench_openssl (bench, "openssl x509 -in root.pem -noout -text");
  assert_contains (root_text, "CA:TRUE");
  assert_contains (root_text, "Certificate Sign, CRL Sign");
}

static void
test_events (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (GBytes) certificate = NULL;
  g_autofree char *pem = NULL, *serial = NULL, *expected = NULL;
  ClmEvent *event;

  bench_start (bench, "");
  certificate = bench_issue (bench, "web");
  event = clm_fake_host_find_event (bench->host, CLM_EVENT_CA_SIGNED);
  g_assert_nonnull (event);
  g_assert_cmpstr (clm_event_get_subject (event), ==, "plant");
  g_assert_cmpstr (clm_event_get_field (event, "certificate"), ==, "web");
  g_assert_cmpstr (clm_event_get_field (event, "profile"), ==, "server");
  pem = bench_write (bench, "leaf.pem", "CERTIFICATE", certificate);
  serial = bench_openssl (bench, "openssl x509 -in leaf.pem -noout -serial");
  expected = g_strdup_printf ("serial=%s\n", clm_event_get_field (event, "serial"));
  g_assert_cmpstr (serial, ==, expected);
  g_bytes_unref (bench_crl (bench));
  g_assert_nonnull (clm_fake_host_find_event (bench->host, CLM_EVENT_CRL_PUBLISHED));
}

static void
test_intermediate (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GVariantDict) dict = NULL;
  g_autoptr (GPtrArray) crls = NULL;
  g_autofree char *verify = NULL, *root_crl = NULL, *text = NULL;
  g_autofree char *subject = NULL;

  bench_start (bench, "Intermediate=yes\nSubject=CN=Plant root\nIntermediateSubject=CN=Plant issuing\nKeyType=ec:P-384\nIntermediateKeyType=rsa:2048\n");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  g_assert_cmpuint (clm_issuance_get_chain (issuance)->len, ==, 2);
  write_chain (bench, issuance);
  /* Who checks the whole chain needs both lists, and gets them. */
  crls = bench_crls (bench);
  g_assert_cmpuint (crls->len, ==, 2);
  root_crl = bench_write (bench, "root-crl.pem", "X509 CRL", crls->pdata[1]);
  verify = bench_openssl (bench, "openssl verify -x509_strict -attime %" G_GINT64_FORMAT " -crl_check_all -CRLfile crl.pem -CRLfile root-crl.pem -CAfile root.pem -untrusted middle.pem leaf.pem", CA_NOW + 5);
  text = bench_openssl (bench, "openssl x509 -in middle.pem -noout -text");
  assert_contains (text, "CA:TRUE, pathlen:0");
  assert_contains (text, "ecdsa-with-SHA384");
  dict = bench_describe (bench);
  g_assert_true (g_variant_dict_lookup (dict, "intermediate-subject", "s", &subject));
  g_assert_cmpstr (subject, ==, "CN=Plant issuing");
}

static void
test_key_types (gconstpointer key_type)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autofree char *options = g_strdup_printf ("KeyType=%s\n", (const char *) key_type), *verify = NULL;

  bench_start (bench, options);
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  write_chain (bench, issuance);
  verify = bench_openssl (bench, "openssl verify -x509_strict -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem leaf.pem", CA_NOW + 5);
}

static void
test_empty_subject (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autofree char *text = NULL, *verify = NULL;

  bench_start (bench, "");
  request = bench_request (bench, "web", NULL, "gw.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  write_chain (bench, issuance);
  text = bench_openssl (bench, "openssl x509 -in leaf.pem -noout -text");
  assert_contains (text, "X509v3 Subject Alternative Name: critical");
  verify = bench_openssl (bench, "openssl verify -x509_strict -attime %" G_GINT64_FORMAT " -CAfile root.pem leaf.pem", CA_NOW + 5);
}

/* Ninety seconds of life must not be spent on the past. */
static void
test_short_life (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autofree char *early = NULL, *late = NULL, *after = NULL;

  bench_start (bench, "Profile.server.Lifetime=90s\n");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  write_chain (bench, issuance);
  early = bench_openssl (bench, "openssl verify -attime %" G_GINT64_FORMAT " -CAfile root.pem leaf.pem", CA_NOW);
  late = bench_openssl (bench, "openssl verify -attime %" G_GINT64_FORMAT " -CAfile root.pem leaf.pem", CA_NOW + 88);
  after = bench_openssl_fails (bench, "openssl verify -attime %" G_GINT64_FORMAT " -CAfile root.pem leaf.pem", CA_NOW + 91);
}

static void
test_never_beyond_issuer (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL, late = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL, *root = NULL;

  bench_start (bench, "Lifetime=1h\n");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  write_chain (bench, issuance);
  text = bench_openssl (bench, "openssl x509 -in leaf.pem -noout -enddate");
  root = bench_openssl (bench, "openssl x509 -in root.pem -noout -enddate");
  g_assert_cmpstr (text, ==, root);

  clm_fake_host_set_time (bench->host, CA_NOW + 3601);
  clm_await_idle ();
  late = bench_request (bench, "late", "CN=late", "late.plant.example");
  g_assert_null (bench_try_enroll (bench, late, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_nonnull (clm_error_get_hint (error));
  g_assert_nonnull (clm_fake_host_find_event (bench->host, CLM_EVENT_EXPIRED));
}

static void
test_revoke (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (GBytes) good = NULL, bad = NULL, crl = NULL, again = NULL, anchor = NULL;
  g_autofree char *root = NULL, *a = NULL, *b = NULL, *list = NULL, *fine = NULL, *revoked = NULL, *text = NULL;
  guint64 before;

  bench_start (bench, "");
  good = bench_issue (bench, "good");
  bad = bench_issue (bench, "bad");
  before = bench_crl_number (bench, "root-crl-number");
  bench_revoke (bench, bad, CLM_REVOCATION_KEY_COMPROMISE);
  g_assert_cmpuint (bench_crl_number (bench, "root-crl-number"), ==, before + 1);

  anchor = bench_anchor (bench);
  crl = bench_crl (bench);
  root = bench_write (bench, "root.pem", "CERTIFICATE", anchor);
  a = bench_write (bench, "good.pem", "CERTIFICATE", good);
  b = bench_write (bench, "bad.pem", "CERTIFICATE", bad);
  list = bench_write (bench, "crl.pem", "X509 CRL", crl);
  fine = bench_openssl (bench, "openssl verify -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem good.pem", CA_NOW + 5);
  revoked = bench_openssl_fails (bench, "openssl verify -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem bad.pem", CA_NOW + 5);
  assert_contains (revoked, "certificate revoked");
  text = bench_openssl (bench, "openssl crl -in crl.pem -noout -text -CAfile root.pem");
  assert_contains (text, "verify OK");
  assert_contains (text, "Version 2");
  assert_contains (text, "Key Compromise");
  assert_contains (text, "X509v3 Authority Key Identifier");

  /* Revoking again, for whatever reason, changes nothing. */
  bench_revoke (bench, bad, CLM_REVOCATION_SUPERSEDED);
  again = bench_crl (bench);
  g_assert_true (g_bytes_equal (crl, again));
}

static void
test_revoke_foreign (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW), other = bench_new (CA_NOW);
  g_autoptr (GBytes) foreign = NULL, own = NULL, garbage = g_bytes_new_static ("\x30\x03\x02\x01\x01", 5);
  g_autoptr (GError) error = NULL;

  bench_start (bench, "");
  bench_start (other, "");
  foreign = bench_issue (other, "web");
  g_assert_false (bench_try_revoke (bench, foreign, CLM_REVOCATION_UNSPECIFIED, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  own = bench_anchor (bench);
  g_assert_false (bench_try_revoke (bench, own, CLM_REVOCATION_UNSPECIFIED, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_REJECTED);
  g_clear_error (&error);
  g_assert_false (bench_try_revoke (bench, garbage, CLM_REVOCATION_UNSPECIFIED, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
on_crl_changed (ClmAuthority *ca, guint *count)
{
  (*count)++;
}

static void
test_crl_refresh (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (GBytes) first = NULL, second = NULL;
  guint64 number;
  guint changes = 0;

  bench_start (bench, "CrlLifetime=1d\n");
  first = bench_crl (bench);
  number = bench_crl_number (bench, "root-crl-number");
  g_signal_connect (bench->ca, "crl-changed", G_CALLBACK (on_crl_changed), &changes);
  /* Made anew when half of its life is over, not before. */
  clm_fake_host_set_time (bench->host, CA_NOW + 11 * 60 * 60);
  clm_await_idle ();
  g_assert_cmpuint (bench_crl_number (bench, "root-crl-number"), ==, number);
  clm_fake_host_set_time (bench->host, CA_NOW + 12 * 60 * 60);
  while (changes == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (bench_crl_number (bench, "root-crl-number"), ==, number + 1);
  second = bench_crl (bench);
  g_assert_false (g_bytes_equal (first, second));
}

/* An expired certificate stays for one list more, then goes. */
static void
test_crl_prune (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  G_GNUC_UNUSED g_autoptr (GBytes) brief = NULL, other = NULL, crl = NULL;
  guint changes = 0;
  const char *expected[] = { "1", "2", "1" };

  bench_start (bench, "CrlLifetime=1d\nProfile.client.Lifetime=1h\n");
  g_signal_connect (bench->ca, "crl-changed", G_CALLBACK (on_crl_changed), &changes);
  {
    g_autoptr (ClmFakeRequest) request = bench_request (bench, "brief", "CN=brief", "brief.plant.example");
    g_autoptr (ClmFakeRequest) asked = g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", "brief", "key", clm_request_get_key (CLM_REQUEST (request)),
                                                     "subject", "CN=brief", "validity", G_GINT64_CONSTANT (3600), NULL);
    g_autoptr (ClmIssuance) issuance = bench_enroll (bench, asked, NULL);

    brief = g_bytes_ref (g_ptr_array_index (clm_issuance_get_chain (issuance), 0));
  }
  bench_revoke (bench, brief, CLM_REVOCATION_SUPERSEDED);
  g_assert_cmpstr (clm_event_get_field (clm_fake_host_find_event (bench->host, CLM_EVENT_CRL_PUBLISHED), "entries"), ==, expected[0]);
  clm_fake_host_set_time (bench->host, CA_NOW + 2 * 60 * 60);
  other = bench_issue (bench, "other");
  bench_revoke (bench, other, CLM_REVOCATION_SUPERSEDED);
  g_assert_cmpstr (clm_event_get_field (clm_fake_host_find_event (bench->host, CLM_EVENT_CRL_PUBLISHED), "entries"), ==, expected[1]);
  changes = 0;
  clm_fake_host_set_time (bench->host, CA_NOW + 14 * 60 * 60 + 60);
  while (changes == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (clm_event_get_field (clm_fake_host_find_event (bench->host, CLM_EVENT_CRL_PUBLISHED), "entries"), ==, expected[2]);
}

static void
test_confirm (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GAsyncResult) yes = NULL, no = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *revoked = NULL;

  bench_start (bench, "");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  clm_authority_confirm_async (bench->ca, issuance, TRUE, NULL, NULL, clm_await_done, &yes);
  g_assert_true (clm_authority_confirm_finish (bench->ca, clm_await (&yes), &error));
  g_assert_no_error (error);
  clm_authority_confirm_async (bench->ca, issuance, FALSE, "names differ", NULL, clm_await_done, &no);
  g_assert_true (clm_authority_confirm_finish (bench->ca, clm_await (&no), &error));
  g_assert_no_error (error);
  write_chain (bench, issuance);
  revoked = bench_openssl_fails (bench, "openssl verify -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem leaf.pem", CA_NOW + 5);
  assert_contains (revoked, "certificate revoked");
}

static void
test_ticket_gives_same_certificate (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL, other = NULL;
  g_autoptr (ClmIssuance) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) nonsense = g_bytes_new_static ("nonsense", 8);
  GBytes *ticket;

  bench_start (bench, "");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  first = bench_enroll (bench, request, NULL);
  ticket = g_ptr_array_index (clm_fake_request_get_tickets (request), 0);
  bench_restart (bench, "");
  second = bench_enroll (bench, request, ticket);
  g_assert_true (g_bytes_equal (g_ptr_array_index (clm_issuance_get_chain (first), 0), g_ptr_array_index (clm_issuance_get_chain (second), 0)));

  /* Another request does not get it, nor does nonsense get anything. */
  other = bench_request (bench, "other", "CN=gw", "gw.plant.example");
  g_assert_null (bench_try_enroll (bench, other, ticket, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_TICKET_LOST);
  g_clear_error (&error);
  g_assert_null (bench_try_enroll (bench, other, nonsense, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_TICKET_LOST);
  g_clear_error (&error);

  /* What is revoked is not handed out again. */
  bench_revoke (bench, g_ptr_array_index (clm_issuance_get_chain (first), 0), CLM_REVOCATION_SUPERSEDED);
  g_assert_null (bench_try_enroll (bench, request, ticket, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_TICKET_LOST);
}

static void
test_outage (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) certificate = NULL, anchor = NULL, same = NULL;
  GBytes *ticket;

  bench_start (bench, "");
  certificate = bench_issue (bench, "first");
  anchor = bench_anchor (bench);
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  bench_stop (bench);
  {
    ClmFakeHost *fresh = clm_fake_host_restart (bench->host);

    g_object_unref (bench->host);
    bench->host = fresh;
  }
  clm_fake_host_set_key_store (bench->host, NULL);
  bench_start (bench, "");
  g_assert_nonnull (clm_fake_host_find_event (bench->host, CLM_EVENT_KEY_UNAVAILABLE));
  g_assert_null (bench_try_enroll (bench, request, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  g_clear_error (&error);
  same = bench_anchor (bench);
  g_assert_true (g_bytes_equal (anchor, same));
  /* A revocation is recorded, says that its list is missing, and comes out when the key is back. */
  g_assert_false (bench_try_revoke (bench, certificate, CLM_REVOCATION_KEY_COMPROMISE, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  g_clear_error (&error);
  clm_fake_host_set_key_store (bench->host, bench->keys);
  issuance = bench_enroll (bench, request, NULL);
  ticket = g_ptr_array_index (clm_fake_request_get_tickets (request), 0);
  g_assert_nonnull (ticket);
  bench_revoke (bench, certificate, CLM_REVOCATION_KEY_COMPROMISE);
  write_chain (bench, issuance);
  g_free (bench_write (bench, "first.pem", "CERTIFICATE", certificate));
  {
    g_autofree char *revoked = bench_openssl_fails (bench, "openssl verify -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem first.pem", CA_NOW + 5);

    assert_contains (revoked, "certificate revoked");
  }
}

static gboolean
has_file (Bench *bench, const char *file)
{
  g_autofree char *path = bench_private (bench, file);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* Nothing there and no key: the start passes, and the CA is made when the store is back. */
static void
test_first_start_without_key (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (GBytes) certificate = NULL;

  clm_fake_host_set_key_store (bench->host, NULL);
  bench_start (bench, "");
  g_assert_false (has_file (bench, "root.pem"));
  clm_fake_host_set_key_store (bench->host, bench->keys);
  certificate = bench_issue (bench, "web");
  g_assert_true (has_file (bench, "root.pem"));
}

static void
test_clock (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GError) error = NULL;

  clm_fake_host_set_clock_trusted (bench->host, FALSE);
  bench_start (bench, "");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  g_assert_null (bench_try_enroll (bench, request, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CLOCK);
  g_assert_false (has_file (bench, "root.pem"));
  clm_fake_host_set_clock_trusted (bench->host, TRUE);
  issuance = bench_enroll (bench, request, NULL);
}

static void
test_restart_keeps_root (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (GBytes) first = NULL, second = NULL, third = NULL, certificate = NULL;
  g_autofree char *root = NULL;
  G_GNUC_UNUSED g_autoptr (GError) error = NULL;

  bench_start (bench, "Intermediate=yes\n");
  first = bench_anchor (bench);
  certificate = bench_issue (bench, "web");
  bench_restart (bench, "Intermediate=yes\n");
  second = bench_anchor (bench);
  g_assert_true (g_bytes_equal (first, second));
  /* The database holds a copy of a file that got lost. */
  root = bench_private (bench, "root.pem");
  g_assert_cmpint (g_remove (root), ==, 0);
  bench_restart (bench, "Intermediate=yes\n");
  third = bench_anchor (bench);
  g_assert_true (g_bytes_equal (first, third));
  g_assert_true (has_file (bench, "root.pem"));
}

/* A damaged root is not replaced behind everybody's back. */
static void
test_damaged_root (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autofree char *root = NULL;
  g_autoptr (GError) error = NULL;

  bench_start (bench, "");
  root = bench_private (bench, "root.pem");
  bench_stop (bench);
  g_assert_true (g_file_set_contents (root, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", -1, NULL));
  g_assert_false (bench_try_start (bench, "", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_nonnull (clm_error_get_hint (error));
}

static void
test_renew_intermediate (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (GBytes) before = NULL, after = NULL;
  g_autoptr (ClmFakeRequest) request = NULL, later = NULL;
  g_autoptr (ClmIssuance) first = NULL, second = NULL;
  g_autofree char *spki_before = NULL, *spki_after = NULL, *old = NULL;
  gint64 end = 0, start_end = 0;

  bench_start (bench, "Intermediate=yes\nIntermediateLifetime=300d\nProfile.server.Lifetime=90d\n");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  first = bench_enroll (bench, request, NULL);
  {
    g_autoptr (GVariantDict) dict = bench_describe (bench);

    g_assert_true (g_variant_dict_lookup (dict, "intermediate-not-after", "x", &start_end));
  }
  clm_fake_host_set_time (bench->host, CA_NOW + 201 * 24 * 60 * 60);
  do {
    g_autoptr (GVariantDict) dict = NULL;

    g_main_context_iteration (NULL, TRUE);
    dict = bench_describe (bench);
    g_assert_true (g_variant_dict_lookup (dict, "intermediate-not-after", "x", &end));
  } while (end == start_end);
  later = bench_request (bench, "later", "CN=later", "later.plant.example");
  second = bench_enroll (bench, later, NULL);
  before = g_bytes_ref (g_ptr_array_index (clm_issuance_get_chain (first), 1));
  after = g_bytes_ref (g_ptr_array_index (clm_issuance_get_chain (second), 1));
  g_assert_false (g_bytes_equal (before, after));
  write_chain (bench, second);
  g_free (bench_write (bench, "before.pem", "CERTIFICATE", before));
  g_free (bench_write (bench, "first.pem", "CERTIFICATE", g_ptr_array_index (clm_issuance_get_chain (first), 0)));
  spki_before = bench_openssl (bench, "openssl x509 -in before.pem -noout -pubkey");
  spki_after = bench_openssl (bench, "openssl x509 -in middle.pem -noout -pubkey");
  g_assert_cmpstr (spki_before, ==, spki_after);
  /* What the old one issued chains to the new one too. */
  old = bench_openssl (bench, "openssl verify -no_check_time -CAfile root.pem -untrusted middle.pem first.pem");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Outages are told by warnings, and are what is tested. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
  g_test_add_func ("/ca-local/issued-certificate-verifies", test_issue);
  g_test_add_func ("/ca-local/events", test_events);
  g_test_add_func ("/ca-local/intermediate-chain-verifies", test_intermediate);
  g_test_add_data_func ("/ca-local/root-key/ec-p384", CLM_KEY_TYPE_EC_P384, test_key_types);
  g_test_add_data_func ("/ca-local/root-key/rsa-2048", CLM_KEY_TYPE_RSA_2048, test_key_types);
  g_test_add_data_func ("/ca-local/root-key/ed25519", CLM_KEY_TYPE_ED25519, test_key_types);
  g_test_add_func ("/ca-local/empty-subject-has-critical-names", test_empty_subject);
  g_test_add_func ("/ca-local/short-life-is-usable", test_short_life);
  g_test_add_func ("/ca-local/never-beyond-the-issuer", test_never_beyond_issuer);
  g_test_add_func ("/ca-local/revoke", test_revoke);
  g_test_add_func ("/ca-local/revoke-foreign-is-refused", test_revoke_foreign);
  g_test_add_func ("/ca-local/crl-is-refreshed-at-half-life", test_crl_refresh);
  g_test_add_func ("/ca-local/crl-drops-expired-one-list-later", test_crl_prune);
  g_test_add_func ("/ca-local/refused-certificate-is-revoked", test_confirm);
  g_test_add_func ("/ca-local/ticket-gives-same-certificate", test_ticket_gives_same_certificate);
  g_test_add_func ("/ca-local/outage-at-start-passes", test_outage);
  g_test_add_func ("/ca-local/first-start-without-key", test_first_start_without_key);
  g_test_add_func ("/ca-local/untrusted-clock-issues-nothing", test_clock);
  g_test_add_func ("/ca-local/restart-keeps-root", test_restart_keeps_root);
  g_test_add_func ("/ca-local/damaged-root-is-not-replaced", test_damaged_root);
  g_test_add_func ("/ca-local/intermediate-is-renewed-with-its-key", test_renew_intermediate);
  return bench_main ();
}
