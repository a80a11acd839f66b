/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-bench.h"
#include "csr.h"

/* Makes a CA with the openssl command. */
static void
make_foreign_ca (Bench *bench, const char *key_options, const char *extension)
{
  G_GNUC_UNUSED g_autofree char *key = bench_openssl (bench, "openssl genpkey %s -out ca.key", key_options);
  G_GNUC_UNUSED g_autofree char *certificate =
    bench_openssl (bench, "openssl req -x509 -new -key ca.key -subj '/O=Plant/CN=Old root' -days 36500 -addext basicConstraints=critical,%s -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem", extension);
}

static char *
import_options (Bench *bench, const char *certificate, const char *key)
{
  return g_strdup_printf ("ImportCertificate=%s/%s\nImportKey=file:%s/%s\n", bench->directory, certificate, bench->directory, key);
}

static void
test_import (gconstpointer key_options)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  G_GNUC_UNUSED g_autofree char *options = import_options (bench, "ca.pem", "ca.key"), *verify = NULL, *converted = NULL;
  g_autoptr (GBytes) leaf = NULL, crl = NULL, again = NULL, anchor = NULL;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC + 10;

  clm_fake_host_set_time (bench->host, now);
  make_foreign_ca (bench, key_options, "CA:TRUE");
  bench_start (bench, options);
  leaf = bench_issue (bench, "web");
  crl = bench_crl (bench);
  g_free (bench_write (bench, "leaf.pem", "CERTIFICATE", leaf));
  g_free (bench_write (bench, "crl.pem", "X509 CRL", crl));
  verify = bench_openssl (bench, "openssl verify -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile ca.pem leaf.pem", now + 5);
  /* Files and option may go once it is in. */
  anchor = bench_anchor (bench);
  bench_restart (bench, "");
  again = bench_anchor (bench);
  g_assert_true (g_bytes_equal (anchor, again));
  g_bytes_unref (bench_issue (bench, "later"));
}

static void
expect_import_error (const char *extension, const char *key, int code, const char *part)
{
  g_autoptr (Bench) bench = bench_new (g_get_real_time () / G_USEC_PER_SEC + 10);
  g_autofree char *options = import_options (bench, "ca.pem", key), *made = NULL;
  g_autoptr (GError) error = NULL;

  make_foreign_ca (bench, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", extension);
  made = bench_openssl (bench, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key");
  g_assert_false (bench_try_start (bench, options, &error));
  g_assert_error (error, CLM_ERROR, code);
  assert_contains (error->message, part);
}

static void
test_import_refusals (void)
{
  expect_import_error ("CA:FALSE", "ca.key", CLM_ERROR_CONFIG, "CA:TRUE is missing");
  expect_import_error ("CA:TRUE", "other.key", CLM_ERROR_CONFIG, "does not belong");
  expect_import_error ("CA:TRUE", "ca.pem", CLM_ERROR_CONFIG, "ImportKey");
  expect_import_error ("CA:TRUE", "missing.key", CLM_ERROR_CONFIG, "ImportKey");
}

static void
test_import_over_another (void)
{
  g_autoptr (Bench) bench = bench_new (g_get_real_time () / G_USEC_PER_SEC + 10);
  g_autofree char *options = import_options (bench, "ca.pem", "ca.key");
  g_autoptr (GError) error = NULL;

  make_foreign_ca (bench, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "CA:TRUE");
  bench_start (bench, "");
  bench_stop (bench);
  g_assert_false (bench_try_start (bench, options, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  assert_contains (error->message, "another CA certificate already");
}

/* A subordinate CA of a corporate root: the chain leads up to that root. */
static void
test_import_subordinate (void)
{
  g_autoptr (Bench) bench = bench_new (g_get_real_time () / G_USEC_PER_SEC + 10);
  g_autofree char *options = import_options (bench, "chain.pem", "sub.key");
  g_autofree char *key = NULL, *csr = NULL, *sub = NULL, *ext = g_build_filename (bench->directory, "ext.cnf", NULL), *chain = g_build_filename (bench->directory, "chain.pem", NULL);
  g_autofree char *root_path = g_build_filename (bench->directory, "ca.pem", NULL), *sub_path = g_build_filename (bench->directory, "sub.pem", NULL), *verify = NULL;
  g_autofree char *root_pem = NULL, *sub_pem = NULL, *both = NULL;
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;

  make_foreign_ca (bench, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "CA:TRUE");
  g_assert_true (g_file_set_contents (ext, "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n", -1, NULL));
  key = bench_openssl (bench, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out sub.key");
  csr = bench_openssl (bench, "openssl req -new -key sub.key -subj '/CN=Plant sub' -out sub.csr");
  sub = bench_openssl (bench, "openssl x509 -req -in sub.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile ext.cnf -out sub.pem");
  g_assert_true (g_file_get_contents (root_path, &root_pem, NULL, NULL) && g_file_get_contents (sub_path, &sub_pem, NULL, NULL));
  both = g_strconcat (sub_pem, root_pem, NULL);
  g_assert_true (g_file_set_contents (chain, both, -1, NULL));
  bench_start (bench, options);
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  issuance = bench_enroll (bench, request, NULL);
  g_assert_cmpuint (clm_issuance_get_chain (issuance)->len, ==, 2);
  g_free (bench_write (bench, "leaf.pem", "CERTIFICATE", g_ptr_array_index (clm_issuance_get_chain (issuance), 0)));
  verify = bench_openssl (bench, "openssl verify -no_check_time -CAfile ca.pem -untrusted sub.pem leaf.pem");
}

static void
copy_file (const char *from, const char *to)
{
  g_autofree char *data = NULL;
  gsize size;

  if (!g_file_get_contents (from, &data, &size, NULL)) {
    g_remove (to);
    return;
  }
  g_assert_true (g_file_set_contents (to, data, (gssize) size, NULL));
}

/* A backup of the database comes back; the published CRL, which is newer, does not forget. */
static void
test_restored_database (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autofree char *database = bench_private (bench, "ledger.db"), *backup = g_build_filename (bench->directory, "backup.db", NULL);
  G_GNUC_UNUSED g_autofree char *revoked = NULL, *late_revoked = NULL;
  g_autoptr (GBytes) early = NULL, late = NULL, last = NULL, crl = NULL, anchor = NULL;
  guint64 number;

  bench_start (bench, "");
  early = bench_issue (bench, "early");
  bench_stop (bench);
  copy_file (database, backup);
  bench_start (bench, "");
  late = bench_issue (bench, "late");
  last = bench_issue (bench, "last");
  bench_revoke (bench, early, CLM_REVOCATION_KEY_COMPROMISE);
  bench_revoke (bench, late, CLM_REVOCATION_SUPERSEDED);
  number = bench_crl_number (bench, "root-crl-number");
  bench_stop (bench);
  copy_file (backup, database);

  bench_start (bench, "");
  crl = bench_crl (bench);
  while (bench_crl_number (bench, "root-crl-number") <= number)
    g_main_context_iteration (NULL, TRUE);
  /* It was issued after the backup, and can be revoked all the same. */
  bench_revoke (bench, last, CLM_REVOCATION_CESSATION_OF_OPERATION);
  g_assert_cmpuint (bench_crl_number (bench, "root-crl-number"), >, number + 1);
  g_bytes_unref (g_steal_pointer (&crl));
  crl = bench_crl (bench);
  anchor = bench_anchor (bench);
  g_free (bench_write (bench, "root.pem", "CERTIFICATE", anchor));
  g_free (bench_write (bench, "crl.pem", "X509 CRL", crl));
  g_free (bench_write (bench, "early.pem", "CERTIFICATE", early));
  g_free (bench_write (bench, "late.pem", "CERTIFICATE", late));
  g_free (bench_write (bench, "last.pem", "CERTIFICATE", last));
  for (guint i = 0; i < 3; i++) {
    static const char *const files[] = { "early.pem", "late.pem", "last.pem" };
    g_autofree char *text = bench_openssl_fails (bench, "openssl verify -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem %s", CA_NOW + 5, files[i]);

    assert_contains (text, "certificate revoked");
  }
}

/* The database is lost altogether. */
static void
test_lost_database (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autofree char *database = bench_private (bench, "ledger.db"), *text = NULL;
  g_autoptr (GBytes) leaf = NULL, crl = NULL, before = NULL, after = NULL;
  guint64 number;

  bench_start (bench, "");
  before = bench_anchor (bench);
  leaf = bench_issue (bench, "web");
  bench_revoke (bench, leaf, CLM_REVOCATION_KEY_COMPROMISE);
  number = bench_crl_number (bench, "root-crl-number");
  bench_stop (bench);
  g_assert_cmpint (g_remove (database), ==, 0);
  bench_start (bench, "");
  after = bench_anchor (bench);
  g_assert_true (g_bytes_equal (before, after));
  while (bench_crl_number (bench, "root-crl-number") <= number)
    g_main_context_iteration (NULL, TRUE);
  clm_await_idle ();
  crl = bench_crl (bench);
  g_free (bench_write (bench, "crl.pem", "X509 CRL", crl));
  text = bench_openssl (bench, "openssl crl -in crl.pem -noout -text");
  assert_contains (text, "Key Compromise");
}

static void
test_lost_root (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autofree char *root = bench_private (bench, "root.pem"), *database = bench_private (bench, "ledger.db");
  g_autoptr (GError) error = NULL;

  bench_start (bench, "");
  g_bytes_unref (bench_issue (bench, "web"));
  bench_stop (bench);
  {
    G_GNUC_UNUSED g_autofree char *gone = bench_openssl (bench, "sqlite3 %s 'DELETE FROM authority'", database);
  }
  g_assert_cmpint (g_remove (root), ==, 0);
  g_assert_false (bench_try_start (bench, "", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_assert_nonnull (clm_error_get_hint (error));
}

typedef struct { guint left; GHashTable *serials; } Crowd;

static void
on_crowd_issued (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Crowd *crowd = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmIssuance) issuance = clm_authority_enroll_finish (CLM_AUTHORITY (source), result, &error);

  g_assert_no_error (error);
  g_hash_table_add (crowd->serials, g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, g_ptr_array_index (clm_issuance_get_chain (issuance), 0)));
  crowd->left--;
}

static void
test_concurrent (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (bench->keys), CLM_KEY_TYPE_EC_P256, "crowd");
  g_autoptr (GHashTable) serials = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Crowd crowd = { 200, serials };
  g_autoptr (GVariantDict) dict = NULL;
  gint64 issued = 0;

  bench_start (bench, "");
  for (guint i = 0; i < 200; i++) {
    g_autofree char *name = g_strdup_printf ("c%u", i), *dns = g_strdup_printf ("c%u.plant.example", i);
    g_autoptr (ClmFakeRequest) request = clm_fake_request_new (name, key, "CN=crowd", dns);

    clm_authority_enroll_async (bench->ca, CLM_REQUEST (request), NULL, NULL, on_crowd_issued, &crowd);
  }
  while (crowd.left > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (g_hash_table_size (serials), ==, 200);
  dict = bench_describe (bench);
  g_assert_true (g_variant_dict_lookup (dict, "issued", "x", &issued));
  g_assert_cmpint (issued, ==, 200);
}

/* Ten thousand issued, a thousand of them revoked: put straight into the ledger, the list made by the authority. */
static void
test_large_inventory (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autofree char *database = bench_private (bench, "ledger.db"), *script = g_build_filename (bench->directory, "fill.sql", NULL), *done = NULL, *count = NULL, *verify = NULL;
  g_autofree char *filling = g_strdup_printf (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
    " INSERT INTO certificate (role, serial, state, name, not_before, not_after, revoked_at, reason)"
    " SELECT 0, unhex_ (i), 1, 'n' || i, %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", CASE WHEN i %% 10 = 0 THEN %" G_GINT64_FORMAT " END, CASE WHEN i %% 10 = 0 THEN i / 10 %% 6 END FROM n;",
    CA_NOW, CA_NOW + 1000000, CA_NOW + 1);
  g_auto (GStrv) parts = g_strsplit (filling, "unhex_ (i)", 2);
  g_autofree char *sql = g_strjoinv ("CAST ('A' || printf ('%016d', i) AS BLOB)", parts);
  g_autoptr (GBytes) leaf = NULL, crl = NULL, anchor = NULL;
  gint64 issued = 0;

  bench_start (bench, "");
  bench_stop (bench);
  g_assert_true (g_file_set_contents (script, sql, -1, NULL));
  done = bench_openssl (bench, "sqlite3 -bail %s '.read fill.sql'", database);
  bench_start (bench, "");
  leaf = bench_issue (bench, "one-more");
  bench_revoke (bench, leaf, CLM_REVOCATION_KEY_COMPROMISE);
  {
    g_autoptr (GVariantDict) dict = bench_describe (bench);

    g_assert_true (g_variant_dict_lookup (dict, "issued", "x", &issued));
    g_assert_cmpint (issued, ==, 10001);
  }
  crl = bench_crl (bench);
  anchor = bench_anchor (bench);
  g_free (bench_write (bench, "crl.pem", "X509 CRL", crl));
  g_free (bench_write (bench, "root.pem", "CERTIFICATE", anchor));
  g_free (bench_write (bench, "leaf.pem", "CERTIFICATE", leaf));
  count = bench_openssl (bench, "sh -c 'openssl crl -in crl.pem -noout -text -CAfile root.pem | grep -c \"Serial Number\"'");
  assert_contains (count, "1001\n");
  verify = bench_openssl_fails (bench, "openssl verify -attime %" G_GINT64_FORMAT " -crl_check -CRLfile crl.pem -CAfile root.pem leaf.pem", CA_NOW + 5);
  assert_contains (verify, "certificate revoked");
}

static void
on_signature_asked (gpointer keys)
{
  clm_memory_keys_fail_next (keys, 1, CLM_ERROR_KEY_UNAVAILABLE);
}

static GBytes *
make_csr_then_fail (ClmRequest *request, const char *password, GBytes *attributes, gpointer user_data, GCancellable *cancellable, GError **error)
{
  GBytes *csr = clm_csr_make (request, password, attributes, cancellable, error);

  on_signature_asked (user_data);
  return csr;
}

/* The key fails between journal and signature: later the ticket's serial is signed, and nothing else. */
static void
test_outage_at_signature (void)
{
  g_autoptr (Bench) bench = bench_new (CA_NOW);
  g_autoptr (ClmFakeRequest) request = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariantDict) dict = NULL;
  GBytes *ticket;
  gint64 issued = -1;

  bench_start (bench, "");
  request = bench_request (bench, "web", "CN=gw", "gw.plant.example");
  g_bytes_unref (bench_crl (bench));
  clm_fake_request_set_csr_func (request, make_csr_then_fail, bench->keys);
  g_assert_null (bench_try_enroll (bench, request, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  clm_fake_request_set_csr_func (request, NULL, NULL);
  g_assert_cmpuint (clm_fake_request_get_tickets (request)->len, ==, 1);
  ticket = g_ptr_array_index (clm_fake_request_get_tickets (request), 0);
  clm_fake_host_set_time (bench->host, CA_NOW + 20);
  issuance = bench_enroll (bench, request, ticket);
  g_assert_cmpuint (clm_fake_request_get_tickets (request)->len, ==, 1);
  dict = bench_describe (bench);
  g_assert_true (g_variant_dict_lookup (dict, "issued", "x", &issued));
  g_assert_cmpint (issued, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
  g_test_add_data_func ("/ca-local/import/ec", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", test_import);
  g_test_add_data_func ("/ca-local/import/rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", test_import);
  g_test_add_func ("/ca-local/import/subordinate", test_import_subordinate);
  g_test_add_func ("/ca-local/import/refusals", test_import_refusals);
  g_test_add_func ("/ca-local/import/never-over-another", test_import_over_another);
  g_test_add_func ("/ca-local/restored-database-forgets-no-revocation", test_restored_database);
  g_test_add_func ("/ca-local/lost-database", test_lost_database);
  g_test_add_func ("/ca-local/lost-root-is-not-replaced", test_lost_root);
  g_test_add_func ("/ca-local/large-inventory", test_large_inventory);
  g_test_add_func ("/ca-local/concurrent-enrolments", test_concurrent);
  g_test_add_func ("/ca-local/outage-at-signature", test_outage_at_signature);
  return bench_main ();
}
