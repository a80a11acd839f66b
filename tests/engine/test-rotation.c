/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <string.h>

#include <glib/gstdio.h>
#include <openssl/x509.h>

#include "await.h"
#include "certificate.h"
#include "clm-error.h"
#include "mint.h"
#include "policy-check.h"
#include "rotation.h"

#define DAY 86400

/* The plain life */

static void
test_issue (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_READY);
  g_assert_cmpstr (record->alt_names, ==, "DNS:web.example");
  g_assert_cmpstr (record->authority, ==, "fake");
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_RENEW);
  g_assert_cmpint (record->next_time, >, BENCH_NOW + 55 * DAY);
  g_assert_cmpint (record->next_time, <, BENCH_NOW + 65 * DAY);
  g_assert_cmpint (record->delivery_state, ==, CLM_DELIVERY_NONE);
  g_assert_cmpuint (record->attempts, ==, 0);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "confirm yes"), ==, 1);
  g_assert_cmpuint (bench_count_keys (bench), ==, 1);
  g_assert_cmpuint (bench_count_history (bench, "web", "issued"), ==, 1);
  g_assert_cmpuint (bench_count_history (bench, "web", "added"), ==, 1);
  bench_assert_no_leftovers (bench, "web");
}

static void
test_renews_by_itself (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_certificate (bench, "web", "Validity=30d\n");
  bench_start (bench);
  bench_advance (bench, 100 * DAY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 6);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 6);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  /* Two generations are kept, and their keys; whatever else there was is gone. */
  g_assert_cmpuint (bench_count_keys (bench), <=, 3);
  g_assert_cmpuint (bench_count_events (bench, "renewed web"), ==, 5);
  g_assert_cmpuint (bench_count_events (bench, "expiring"), ==, 0);
}

static void
test_ninety_seconds (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_certificate (bench, "web", "Validity=90s\n");
  bench_start (bench);
  bench_advance (bench, 3600);
  g_assert_cmpuint (bench_count_events (bench, "expired"), ==, 0);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  /* A CA that is away for half of the lifetime is no reason to expire. */
  bench_say (bench, "unreachable");
  bench_advance (bench, 75);
  bench_say (bench, "issue");
  bench_advance (bench, 12);
  g_assert_cmpuint (bench_count_events (bench, "expired"), ==, 0);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

static void
test_rekey (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) first = NULL;
  g_autoptr (ClmRecord) second = NULL;
  g_autoptr (ClmRecord) third = NULL;
  g_autoptr (GError) error = NULL;

  bench_certificate (bench, "web", "RotateKey=never\n");
  bench_start (bench);
  bench_settle (bench);
  first = bench_record (bench, "web");
  bench_renew (bench, "web");
  second = bench_record (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  g_assert_cmpstr (first->key_uri, ==, second->key_uri);
  g_assert_cmpstr (first->serial, !=, second->serial);
  g_assert_cmpuint (bench_count_keys (bench), ==, 1);
  /* A failed try without rekey leaves an intent for the old key; it must not decide. */
  bench_say (bench, "unreachable");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_UNREACHABLE);
  g_clear_error (&error);
  bench_say (bench, "issue");
  error = bench_try_renew (bench, "web", TRUE);
  g_assert_no_error (error);
  third = bench_record (bench, "web");
  /* The number that was given up is not used again, because its key's label is not. */
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 4);
  g_assert_cmpstr (third->key_uri, !=, second->key_uri);
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
}

static void
test_rotates_key (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) first = NULL;
  g_autoptr (ClmRecord) second = NULL;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  first = bench_record (bench, "web");
  bench_renew (bench, "web");
  second = bench_record (bench, "web");
  g_assert_cmpstr (first->key_uri, !=, second->key_uri);
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
}

/* Asking for a key while a renewal without one is under way gets a key all the same. */
static void
test_rekey_does_not_join (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  const char *names[] = { "web", NULL };
  g_autoptr (ClmRecord) before = NULL;
  g_autoptr (ClmRecord) after = NULL;
  g_autoptr (GError) error = NULL;
  ClmJob *plain, *rekey;

  bench_certificate (bench, "web", "RotateKey=never\n");
  bench_start (bench);
  bench_settle (bench);
  before = bench_record (bench, "web");
  plain = clm_manager_renew (bench->manager, NULL, names, FALSE, NULL);
  rekey = clm_manager_renew (bench->manager, NULL, names, TRUE, NULL);
  g_assert_true (plain != rekey);
  error = bench_run (bench, rekey);
  g_assert_no_error (error);
  after = bench_record (bench, "web");
  g_assert_cmpstr (before->key_uri, !=, after->key_uri);
}

/* The CA takes its time */

static void
test_pending (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;

  bench_say (bench, "pending");
  bench_authority (bench, "fake", "Control=@ROOT@/control\nRetryAfter=600\n");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_PENDING);
  g_assert_cmpstr (record->reason, ==, "authority-pending");
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_POLL);
  g_assert_cmpint (record->next_time, ==, BENCH_NOW + 600);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll web new"), ==, 1);
  bench_advance (bench, 600);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll web ticket-1"), ==, 1);
  bench_restart (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  bench_say (bench, "issue");
  bench_advance (bench, 601);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll web ticket-2"), ==, 1);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  g_assert_cmpuint (bench_count_events (bench, "pending web"), ==, 1);
  g_assert_cmpuint (bench_count_keys (bench), ==, 1);
}

static void
test_ticket_lost_once (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;

  bench_say (bench, "ticket-lost");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  /* Afresh once in a run, then with back-off. */
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpint (record->next_time, >=, BENCH_NOW + 60);
  bench_say (bench, "issue");
  bench_advance (bench, 120);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
}

static void
test_rejected (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;

  bench_say (bench, "reject");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_advance (bench, 3600);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "authority-refused");
  g_assert_cmpstr (record->error, ==, "Rejected");
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
  g_assert_cmpuint (bench_count_events (bench, "enroll-failed web"), ==, 1);
  bench_advance (bench, DAY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), >=, 2);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), <=, 4);
}

static void
check_retry_after (const char *seconds,
                   gint64      least,
                   gint64      most)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;
  g_autofree char *option = g_strdup_printf ("Control=@ROOT@/control\nRetryAfter=%s\n", seconds);

  bench_say (bench, "unreachable");
  bench_authority (bench, "fake", option);
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpint (record->next_time, >=, BENCH_NOW + least);
  g_assert_cmpint (record->next_time, <=, BENCH_NOW + most);
  g_assert_cmpuint (bench_count_events (bench, "authority-unreachable fake"), ==, 1);
  bench_say (bench, "issue");
  bench_advance (bench, most);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  g_assert_cmpuint (bench_count_events (bench, "authority-recovered fake"), ==, 1);
}

static void
test_retry_after_is_clamped (void)
{
  check_retry_after ("0", 60, 70);
  check_retry_after ("315360000", DAY, DAY);
  check_retry_after ("300", 300, 330);
}

static void
test_second_authority (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;

  bench_say (bench, "unreachable");
  bench_authority (bench, "spare", "");
  bench_write (bench, "certificates.d/web.certificate",
               "[Certificate]\nSubject=CN=web\nDNS=web.example\nUsages=server\nAuthority=fake spare\n");
  bench_start (bench);
  bench_advance (bench, 200);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  record = bench_record (bench, "web");
  g_assert_cmpstr (record->authority, ==, "spare");
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
  g_assert_cmpuint (bench_count_ledger (bench, "spare", "enroll"), ==, 1);
}

/* "No" from one CA is not "no" from the next. */
static void
test_second_authority_after_rejection (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_say (bench, "reject");
  bench_authority (bench, "spare", "");
  bench_write (bench, "certificates.d/web.certificate",
               "[Certificate]\nSubject=CN=web\nDNS=web.example\nUsages=server\nAuthority=fake spare\n");
  bench_start (bench);
  bench_advance (bench, 200);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
}

/* What must not be published (29) */

static const struct { const char *flaw, *reason; } flaw_reasons[] = {
  { "wrong-key", "key-mismatch" },
  { "other-names", "names" },
  { "extra-name", "names" },
  { "wildcard-name", "names" },
  { "nul-name", "bad-name" },
  { "other-subject", "subject" },
  { "ca-true", "is-ca" },
  { "missing-usage", "usages" },
  { "extra-usage", "usages" },
  { "expired", "expired" },
  { "not-yet-valid", "not-yet-valid" },
  { "validity-100y", "validity-too-long" },
  { "validity-10s", "validity-too-short" },
  { "version-1", "version" },
  { "negative-serial", "serial" },
  { "zero-serial", "serial" },
  { "long-serial", "serial" },
  { "sha1", "signature-algorithm" },
  { "critical-extension", "unknown-critical-extension" },
  { "duplicate-extension", "duplicate-extension" },
  { "self-signed", "key-mismatch" },
  { "wrong-signature", "chain-untrusted" },
  { "missing-intermediate", "chain-untrusted" },
  { "looped", "chain-length" },
  { "crossed", "chain-loop" },
  { "unrelated-root", "chain-untrusted" },
  { "garbage", "malformed" },
  /* Its key is the one before. */
  { "replayed", "key-mismatch" },
};

static const char *
get_reason (const char *flaw)
{
  for (guint i = 0; i < G_N_ELEMENTS (flaw_reasons); i++) {
    if (g_str_equal (flaw_reasons[i].flaw, flaw))
      return flaw_reasons[i].reason;
  }
  g_error ("the flaw %s has no reason here", flaw);
}

static void
refuse_flaw (Bench      *bench,
             const char *flaw,
             const char *reason)
{
  g_autofree char *outcome = g_strdup_printf ("issue %s", flaw);
  g_autofree char *refusal = g_strdup_printf ("confirm %s", reason);
  g_autofree char *prefix = g_strdup_printf ("%s: ", reason);
  g_autofree char *before = bench_snapshot (bench, "web");
  g_autofree char *after = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecord) record = NULL;
  guint refusals = bench_count_ledger (bench, "fake", refusal);
  guint events = bench_count_events (bench, "policy-rejected web");

  bench_say (bench, outcome);
  error = bench_try_renew (bench, "web", FALSE);
  g_test_message ("%s: %s", flaw, error ? error->message : "passed");
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_assert_cmpstr (clm_policy_get_reason (error), ==, reason);
  after = bench_snapshot (bench, "web");
  g_assert_cmpstr (before, ==, after);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "policy");
  g_assert_true (g_str_has_prefix (record->message, prefix));
  g_assert_cmpuint (record->generation, ==, 1);
  g_assert_cmpint (record->next_time, >, clm_manager_get_time (bench->manager));
  g_assert_cmpuint (bench_count_ledger (bench, "fake", refusal), ==, refusals + 1);
  g_assert_cmpuint (bench_count_events (bench, "policy-rejected web"), ==, events + 1);
}

static void
test_flaws (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  const char *const *flaws = clm_mint_list_flaws ();

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  refuse_flaw (bench, "replayed", get_reason ("replayed"));
  for (guint i = 0; flaws[i]; i++) {
    /* That can be put right, and is: see below. */
    if (!g_str_equal (flaws[i], "wrong-order"))
      refuse_flaw (bench, flaws[i], get_reason (flaws[i]));
  }
  /* One key waits for the next try, however many failed. */
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
  bench_say (bench, "issue");
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  bench_assert_no_leftovers (bench, "web");
}

/* The same certificate for the same key: nothing but its serial number tells that it is the old one. */
static void
test_replayed (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_certificate (bench, "web", "RotateKey=never\n");
  bench_start (bench);
  bench_settle (bench);
  refuse_flaw (bench, "replayed", "replayed");
  bench_say (bench, "issue");
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
}

/* It has nothing in force yet that could stay. */
static void
test_first_one_flawed (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;

  bench_say (bench, "issue ca-true");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "policy");
  g_assert_true (g_str_has_prefix (record->message, "is-ca: "));
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 0);
  bench_say (bench, "issue");
  bench_advance (bench, 3600);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
}

static void
test_chain_is_put_in_order (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_say (bench, "issue wrong-order");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  bench_assert_published (bench, "web");
}

/* Keys */

static void
test_key_store_outage (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  bench_write (bench, "keystores.d/file.keystore", "[KeyStore]\nPlugin=fake-keys\n");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  /* The store goes away: its configuration breaks. */
  bench_unlink (bench, "keystores.d/file.keystore");
  error = bench_reload (bench);
  g_clear_error (&error);
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_nonnull (error);
  g_clear_error (&error);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  bench_write (bench, "keystores.d/file.keystore", "[KeyStore]\nPlugin=fake-keys\n");
  error = bench_reload (bench);
  g_assert_no_error (error);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
}

/* What an operator does */

/* The key of a renewal that the CA cannot serve yet is not orphaned: it waits beside the one in use, and the next try takes it. */
static void
test_key_waits (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) before = NULL, after = NULL;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  before = bench_record (bench, "web");
  bench_say (bench, "unreachable");
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GError) error = bench_try_renew (bench, "web", TRUE);

    g_assert_error (error, CLM_ERROR, CLM_ERROR_UNREACHABLE);
    g_assert_cmpuint (bench_count_keys (bench), ==, 2);
    g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  }
  bench_say (bench, "issue");
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
  after = bench_record (bench, "web");
  g_assert_cmpstr (after->key_uri, !=, before->key_uri);
}

static void
test_hold (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (GError) error = NULL;

  bench_certificate (bench, "web", "Validity=30d\n");
  bench_start (bench);
  bench_settle (bench);
  g_assert_true (bench_hold (bench, "web", TRUE, &error));
  g_assert_no_error (error);
  bench_assert_reason (bench, "web", CLM_STATE_HELD, "held");
  bench_advance (bench, 25 * DAY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
  g_assert_cmpuint (bench_count_events (bench, "expiring web"), >=, 1);
  /* What is asked for is done, and it stays held. */
  bench_renew (bench, "web");
  bench_assert_reason (bench, "web", CLM_STATE_HELD, "held");
  bench_advance (bench, 25 * DAY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  /* Also where it fails. */
  bench_say (bench, "unreachable");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_nonnull (error);
  g_clear_error (&error);
  bench_advance (bench, DAY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 3);
  bench_assert_state (bench, "web", CLM_STATE_HELD);
  bench_restart (bench);
  bench_settle (bench);
  bench_assert_state (bench, "web", CLM_STATE_HELD);
  bench_say (bench, "issue");
  g_assert_true (bench_hold (bench, "web", FALSE, &error));
  bench_settle (bench);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 4);
}

static gboolean
crl_has (GBytes     *der,
         const char *serial)
{
  gsize size;
  const guchar *p = g_bytes_get_data (der, &size);
  X509_CRL *crl = d2i_X509_CRL (NULL, &p, (long) size);
  BIGNUM *number = NULL;
  ASN1_INTEGER *wanted;
  X509_REVOKED *entry;
  gboolean found;

  g_assert_nonnull (crl);
  g_assert_true (BN_hex2bn (&number, serial));
  wanted = BN_to_ASN1_INTEGER (number, NULL);
  found = X509_CRL_get0_by_serial (crl, &entry, wanted) == 1;
  ASN1_INTEGER_free (wanted);
  BN_free (number);
  X509_CRL_free (crl);
  return found;
}

static void
test_revoke (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) der = NULL;
  g_autoptr (ClmRecord) record = NULL;

  bench_write (bench, "authorities.d/plant.authority", "[Authority]\nPlugin=ca-local\nSubject=CN=Plant\n");
  bench_write (bench, "certificates.d/web.certificate",
               "[Certificate]\nSubject=CN=web\nDNS=web.example\nUsages=server\nAuthority=plant\nProfile=server\n");
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  record = bench_record (bench, "web");
  error = bench_run (bench, clm_manager_revoke (bench->manager, NULL, "web", CLM_REVOCATION_SUPERSEDED, NULL));
  g_assert_no_error (error);
  bench_assert_reason (bench, "web", CLM_STATE_REVOKED, "superseded");
  while (!der || !crl_has (der, record->serial)) {
    g_clear_pointer (&der, g_bytes_unref);
    g_main_context_iteration (NULL, TRUE);
    der = clm_manager_get_crl (bench->manager, "plant", NULL);
  }
  bench_restart (bench);
  bench_settle (bench);
  bench_assert_state (bench, "web", CLM_STATE_REVOKED);
  bench_renew (bench, "web");
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  /* There is nothing to go back to: the one before is revoked. */
  error = bench_run (bench, clm_manager_rollback (bench->manager, NULL, "web", NULL));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
}

static void
remove_one (gboolean keep_key)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *folder = g_build_filename (bench->state, "certificates", "web", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecord) gone = NULL;
  g_autoptr (GPtrArray) rows = NULL;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  bench_renew (bench, "web");
  g_assert_null (clm_manager_remove (bench->manager, NULL, "web", keep_key, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  g_clear_error (&error);
  bench_unlink (bench, "certificates.d/web.certificate");
  error = bench_reload (bench);
  g_assert_no_error (error);
  bench_assert_state (bench, "web", CLM_STATE_WAITING);
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
  error = bench_run (bench, clm_manager_remove (bench->manager, NULL, "web", keep_key, NULL));
  g_assert_no_error (error);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
  gone = clm_manager_get_record (bench->manager, "web", &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  rows = clm_manager_get_generations (bench->manager, "web", NULL);
  g_assert_cmpuint (rows->len, ==, 0);
  g_assert_cmpuint (bench_count_keys (bench), ==, keep_key ? 2 : 0);
  g_assert_cmpuint (bench_count_history (bench, "web", "removed"), ==, 1);
}

static void
test_remove (void)
{
  remove_one (FALSE);
  remove_one (TRUE);
}

static void
test_rollback (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  error = bench_run (bench, clm_manager_rollback (bench->manager, NULL, "web", NULL));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  g_clear_error (&error);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  bench_renew (bench, "web");
  error = bench_run (bench, clm_manager_rollback (bench->manager, NULL, "web", NULL));
  g_assert_no_error (error);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  record = bench_record (bench, "web");
  g_assert_true (record->held);
  g_assert_cmpint (record->state, ==, CLM_STATE_HELD);
  g_assert_cmpstr (record->reason, ==, "rolled-back");
  bench_restart (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  bench_assert_state (bench, "web", CLM_STATE_HELD);
  g_assert_true (bench_hold (bench, "web", FALSE, NULL));
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 3);
}

static void
test_request_and_remove (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autofree char *name = NULL;
  g_autofree char *again = NULL;
  g_autoptr (GError) error = NULL;
  ClmCaller *root = clm_caller_new (0, NULL, 0);

  bench_write (bench, "certificates.d/dev@.certificate",
               "[Certificate]\nSubject=CN=%%i\nDNS=%%i.example\nUsages=server\nAuthority=fake\n");
  bench_start (bench);
  error = bench_run (bench, clm_manager_request (bench->manager, root, NULL, "dev", "cam1", NULL, &name, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (name, ==, "dev-cam1");
  g_assert_cmpuint (bench_assert_published (bench, name), ==, 1);
  g_assert_null (clm_manager_request (bench->manager, root, NULL, "dev", "cam1", NULL, &again, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  g_clear_error (&error);
  bench_restart (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, name), ==, 1);
  error = bench_run (bench, clm_manager_remove (bench->manager, root, name, FALSE, NULL));
  g_assert_no_error (error);
  g_assert_cmpuint (bench_count_keys (bench), ==, 0);
  clm_caller_free (root);
}

/* Many at once */

static void
test_single_flight (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  const char *names[] = { "web", NULL };
  ClmJob *first, *second, *third;
  g_autoptr (GError) error = NULL;

  bench_authority (bench, "fake", "DelayMs=30\n");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  first = clm_manager_renew (bench->manager, NULL, names, FALSE, NULL);
  second = clm_manager_renew (bench->manager, NULL, names, FALSE, NULL);
  g_main_context_iteration (NULL, TRUE);
  third = clm_manager_renew (bench->manager, NULL, names, FALSE, NULL);
  g_assert_true (first == second && second == third);
  error = bench_run (bench, first);
  g_assert_no_error (error);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
}

static guint in_flight, most_in_flight;

static void
count_flights (const char *certificate,
               const char *step)
{
  if (g_str_equal (step, "choose"))
    in_flight++;
  else if (g_str_equal (step, "finish"))
    in_flight--;
  most_in_flight = MAX (most_in_flight, in_flight);
}

#define MANY 500

static void
test_many (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  gint64 begin;

  bench_write (bench, "certloom.conf", "[Daemon]\nClock=ntp\nMaxConcurrent=5\n");
  bench_write (bench, "keystores.d/file.keystore", "[KeyStore]\nPlugin=fake-keys\n");
  for (guint i = 0; i < MANY; i++) {
    g_autofree char *name = g_strdup_printf ("c%04u", i);

    bench_certificate (bench, name, "");
  }
  in_flight = most_in_flight = 0;
  clm_rotation_set_probe (count_flights);
  begin = g_get_monotonic_time ();
  bench_start (bench);
  bench_settle (bench);
  clm_rotation_set_probe (NULL);
  g_test_message ("%u certificates in %.1f s", MANY, (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC);
  g_assert_cmpuint (most_in_flight, ==, 5);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, MANY);
  g_assert_cmpuint (clm_manager_get_count (bench->manager, CLM_STATE_READY), ==, MANY);
}

static gboolean
on_nothing (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* An idle daemon sleeps. */
static void
test_idle_sleeps (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  g_autoptr (GError) reloaded = NULL;
  g_autoptr (GError) renewed = NULL;
  gint64 end;
  guint turns = 0;

  bench_certificate (bench, "web", "");
  bench_certificate (bench, "off", "Enabled=no\n");
  bench_certificate (bench, "bad", "");
  bench_start (bench);
  bench_settle (bench);
  bench_unlink (bench, "certificates.d/bad.certificate");
  bench_say (bench, "unreachable");
  reloaded = bench_reload (bench);
  renewed = bench_try_renew (bench, "web", FALSE);
  g_assert_nonnull (renewed);
  bench_settle (bench);
  end = g_get_monotonic_time () + G_USEC_PER_SEC;
  while (g_get_monotonic_time () < end) {
    guint id = g_timeout_add ((guint) MAX ((end - g_get_monotonic_time ()) / 1000, 1), on_nothing, NULL);

    g_main_context_iteration (NULL, TRUE);
    g_source_remove (id);
    turns++;
  }
  g_assert_cmpuint (turns, <=, 5);
}

/* Cancelling and stopping */

static void
test_cancel (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  const char *names[] = { "web", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecord) record = NULL;
  ClmJob *job;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  bench_say (bench, "hang");
  job = clm_manager_renew (bench->manager, NULL, names, FALSE, NULL);
  while (bench_count_ledger (bench, "fake", "enroll") < 2)
    g_main_context_iteration (NULL, TRUE);
  g_cancellable_cancel (clm_job_get_cancellable (job));
  error = bench_run (bench, job);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  /* It was not due: it stays as it was, and is renewed when it is. */
  record = bench_record (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_READY);
  g_assert_cmpint (record->next_action, ==, CLM_ACTION_RENEW);
  bench_say (bench, "issue");
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 2);
  g_assert_cmpuint (bench_count_keys (bench), ==, 2);
}

/* There is nothing in force that it could stay with: it says why it stands still, and goes on by itself. */
static void
test_cancel_first_one (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  const char *names[] = { "web", NULL };
  g_autoptr (GError) error = NULL;
  ClmJob *job;

  bench_say (bench, "hang");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  while (bench_count_ledger (bench, "fake", "enroll") < 1)
    g_main_context_iteration (NULL, TRUE);
  job = clm_manager_renew (bench->manager, NULL, names, FALSE, NULL);
  g_cancellable_cancel (clm_job_get_cancellable (job));
  error = bench_run (bench, job);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  bench_assert_reason (bench, "web", CLM_STATE_FAILING, "cancelled");
  g_assert_cmpuint (bench_count_events (bench, "enroll-failed"), ==, 0);
  bench_say (bench, "issue");
  bench_advance (bench, 3600);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  g_assert_cmpuint (bench_count_keys (bench), ==, 1);
}

/* What was revoked and is handed out again stays revoked. */
static void
test_revoked_stays_so (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (GError) error = NULL;

  bench_certificate (bench, "web", "Validity=30d\n");
  bench_start (bench);
  bench_settle (bench);
  error = bench_run (bench, clm_manager_revoke (bench->manager, NULL, "web", CLM_REVOCATION_KEY_COMPROMISE, NULL));
  g_assert_no_error (error);
  bench_assert_reason (bench, "web", CLM_STATE_REVOKED, "key-compromise");
  error = bench_run (bench, clm_manager_deliver (bench->manager, NULL, "web", NULL));
  g_assert_no_error (error);
  bench_assert_state (bench, "web", CLM_STATE_REVOKED);
  bench_advance (bench, 40 * DAY);
  bench_assert_state (bench, "web", CLM_STATE_REVOKED);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
}

static void
test_cancel_before_it_begins (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  const char *names[] = { "web", NULL };
  g_autoptr (GError) error = NULL;
  ClmJob *job;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  job = clm_manager_renew (bench->manager, NULL, names, FALSE, NULL);
  g_cancellable_cancel (clm_job_get_cancellable (job));
  error = bench_run (bench, job);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 1);
}

static void
test_stop_in_flight (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  guint keys;

  bench_say (bench, "hang");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  while (bench_count_ledger (bench, "fake", "enroll") < 1)
    g_main_context_iteration (NULL, TRUE);
  bench_stop (bench);
  bench_say (bench, "issue");
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpuint (bench_assert_published (bench, "web"), ==, 1);
  keys = bench_count_keys (bench);
  g_assert_cmpuint (keys, ==, 1);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

static void
test_stop_with_jobs_waiting (void)
{
  g_autoptr (Bench) bench = bench_new (FALSE);
  const char *names[] = { "web", "mail", NULL };
  ClmJob *job;

  bench_certificate (bench, "web", "");
  bench_certificate (bench, "mail", "");
  bench_start (bench);
  bench_settle (bench);
  bench_say (bench, "hang");
  job = g_object_ref (clm_manager_renew (bench->manager, NULL, names, FALSE, NULL));
  bench_stop (bench);
  g_assert_true (clm_job_is_completed (job));
  g_assert_nonnull (clm_job_get_error (job));
  g_object_unref (job);
}

/* After the CA's answer */

/* The CA says no to our confirmation: what it took back is not used, and the next try is a new one. */
static void
test_spec_changes_while_pending (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecord) record = NULL;

  bench_say (bench, "pending");
  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  bench_write (bench, "certificates.d/web.certificate",
               "[Certificate]\nSubject=CN=web\nDNS=www.example\nUsages=server\nAuthority=fake\n");
  bench_say (bench, "issue");
  error = bench_reload (bench);
  g_assert_no_error (error);
  bench_advance (bench, 60);
  record = bench_record (bench, "web");
  g_assert_cmpstr (record->alt_names, ==, "DNS:www.example");
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "abandon ticket-1"), ==, 1);
  g_assert_cmpuint (bench_count_keys (bench), ==, 1);
}

/* Time */

static void
test_expiry_alarms (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_certificate (bench, "web", "Validity=90d\n");
  bench_start (bench);
  bench_settle (bench);
  bench_say (bench, "unreachable");
  bench_advance (bench, 59 * DAY);
  g_assert_cmpuint (bench_count_events (bench, "expiring"), ==, 0);
  bench_advance (bench, 91 * DAY - 59 * DAY);
  g_assert_cmpuint (bench_count_events (bench, "expiring web"), ==, 2);
  g_assert_cmpuint (bench_count_events (bench, "expired web"), ==, 1);
  bench_assert_state (bench, "web", CLM_STATE_EXPIRED);
  bench_advance (bench, 5 * DAY);
  g_assert_cmpuint (bench_count_events (bench, "expiring web"), ==, 2);
  g_assert_cmpuint (bench_count_events (bench, "expired web"), ==, 1);
  bench_assert_state (bench, "web", CLM_STATE_EXPIRED);
  bench_say (bench, "issue");
  bench_advance (bench, DAY);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

static void
test_suspend (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);

  bench_certificate (bench, "web", "Validity=10d\n");
  bench_start (bench);
  bench_settle (bench);
  clm_virtual_clock_suspend (bench->time, 20 * DAY);
  bench_settle (bench);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 2);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

/* Nothing vouches for the clock, which shows 1970 (39). */
static void
test_clock_unset (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  gint64 real;

  bench_certificate (bench, "old", "Validity=30d\n");
  bench_start (bench);
  bench_settle (bench);
  bench_renew (bench, "old");
  bench_renew (bench, "old");
  real = clm_manager_get_time (bench->manager);
  bench_stop (bench);
  clm_virtual_clock_free (bench->time);
  bench->time = clm_virtual_clock_new (1000);
  clm_virtual_clock_set_synchronised (bench->time, FALSE);
  bench_certificate (bench, "new", "Validity=30d\n");
  bench_say (bench, "unreachable");
  bench_forget_events (bench);
  bench_start (bench);
  bench_settle (bench);
  g_assert_cmpstr (clm_manager_get_clock_state (bench->manager), ==, "unset");
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll new"), ==, 1);
  bench_advance (bench, 400);
  /* Retries are spans: they need no date. */
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll new"), >=, 3);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll old"), ==, 3);
  bench_advance (bench, 40 * DAY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll old"), ==, 3);
  g_assert_cmpuint (bench_count_events (bench, "expir"), ==, 0);
  g_assert_cmpuint (bench_count_events (bench, "key-destroyed"), ==, 0);
  /* Somebody sets it, and vouches. */
  clm_virtual_clock_set_synchronised (bench->time, TRUE);
  clm_virtual_clock_set (bench->time, real + DAY);
  bench_settle (bench);
  g_assert_cmpstr (clm_manager_get_clock_state (bench->manager), ==, "trusted");
  bench_assert_state (bench, "old", CLM_STATE_READY);
  bench_say (bench, "issue");
  bench_advance (bench, DAY);
  bench_assert_state (bench, "new", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll old"), ==, 3);
}

static void
test_clock_jumps (void)
{
  g_autoptr (Bench) bench = bench_new (TRUE);
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  bench_certificate (bench, "web", "");
  bench_start (bench);
  bench_settle (bench);
  bench_say (bench, "unreachable");
  error = bench_try_renew (bench, "web", FALSE);
  g_assert_nonnull (error);
  /* A retry is a span: it moves with the clock. */
  clm_virtual_clock_set (bench->time, BENCH_NOW - DAY);
  bench_settle (bench);
  record = bench_record (bench, "web");
  g_assert_cmpint (record->next_time, >, BENCH_NOW - DAY);
  g_assert_cmpint (record->next_time, <, BENCH_NOW - DAY + 3600);
  bench_say (bench, "issue");
  bench_advance (bench, 3600);
  bench_assert_state (bench, "web", CLM_STATE_READY);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 3);
  clm_virtual_clock_set (bench->time, BENCH_NOW + 80 * DAY);
  bench_settle (bench);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "enroll"), ==, 4);
  bench_assert_state (bench, "web", CLM_STATE_READY);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rotation/issue", test_issue);
  g_test_add_func ("/rotation/renews-by-itself", test_renews_by_itself);
  g_test_add_func ("/rotation/ninety-seconds", test_ninety_seconds);
  g_test_add_func ("/rotation/rekey", test_rekey);
  g_test_add_func ("/rotation/rotates-key", test_rotates_key);
  g_test_add_func ("/rotation/rekey-does-not-join", test_rekey_does_not_join);
  g_test_add_func ("/rotation/pending", test_pending);
  g_test_add_func ("/rotation/ticket-lost-once", test_ticket_lost_once);
  g_test_add_func ("/rotation/rejected", test_rejected);
  g_test_add_func ("/rotation/safety-31-retry-after-is-clamped", test_retry_after_is_clamped);
  g_test_add_func ("/rotation/safety-32-second-authority", test_second_authority);
  g_test_add_func ("/rotation/second-authority-after-rejection", test_second_authority_after_rejection);
  g_test_add_func ("/rotation/safety-29-flaws", test_flaws);
  g_test_add_func ("/rotation/safety-29-replayed", test_replayed);
  g_test_add_func ("/rotation/first-one-flawed", test_first_one_flawed);
  g_test_add_func ("/rotation/chain-is-put-in-order", test_chain_is_put_in_order);
  g_test_add_func ("/rotation/key-store-outage", test_key_store_outage);
  g_test_add_func ("/rotation/safety-19-a-new-key-waits-for-its-certificate", test_key_waits);
  g_test_add_func ("/rotation/hold", test_hold);
  g_test_add_func ("/rotation/revoke", test_revoke);
  g_test_add_func ("/rotation/remove", test_remove);
  g_test_add_func ("/rotation/rollback", test_rollback);
  g_test_add_func ("/rotation/request-and-remove", test_request_and_remove);
  g_test_add_func ("/rotation/safety-52-single-flight", test_single_flight);
  g_test_add_func ("/rotation/many", test_many);
  g_test_add_func ("/rotation/idle-sleeps", test_idle_sleeps);
  g_test_add_func ("/rotation/cancel", test_cancel);
  g_test_add_func ("/rotation/cancel-first-one", test_cancel_first_one);
  g_test_add_func ("/rotation/revoked-stays-so", test_revoked_stays_so);
  g_test_add_func ("/rotation/cancel-before-it-begins", test_cancel_before_it_begins);
  g_test_add_func ("/rotation/stop-in-flight", test_stop_in_flight);
  g_test_add_func ("/rotation/stop-with-jobs-waiting", test_stop_with_jobs_waiting);
  g_test_add_func ("/rotation/spec-changes-while-pending", test_spec_changes_while_pending);
  g_test_add_func ("/rotation/safety-32-expiry-alarms", test_expiry_alarms);
  g_test_add_func ("/rotation/safety-41-suspend", test_suspend);
  g_test_add_func ("/rotation/safety-39-clock-unset", test_clock_unset);
  g_test_add_func ("/rotation/safety-39-clock-jumps", test_clock_jumps);
  return g_test_run ();
}
