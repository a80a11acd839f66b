/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "await.h"
#include "fake-request.h"
#include "subject.h"

#define ROUNDS_MAX 20

G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_CRL, X509_CRL_free)

static X509 *
parse (GBytes *der)
{
  const guchar *start = g_bytes_get_data (der, NULL), *p = start;
  X509 *certificate = d2i_X509 (NULL, &p, g_bytes_get_size (der));

  if (certificate != NULL && p != start + g_bytes_get_size (der))
    g_clear_pointer (&certificate, X509_free);
  return certificate;
}

/* Enrolls to the end: what is pending is asked for again, on the host's own clock. */
static ClmIssuance *
enroll (const Subject *self, ClmAuthority *ca, ClmRequest *request, GError **error)
{
  g_autoptr (GBytes) ticket = NULL;

  for (guint i = 0; i < ROUNDS_MAX; i++) {
    g_autoptr (GAsyncResult) result = NULL;
    clm_authority_enroll_async (ca, request, ticket, NULL, clm_await_done, &result);
    ClmIssuance *issuance = clm_authority_enroll_finish (ca, report_await (&result, "enroll"), error);
    if (issuance == NULL || !clm_issuance_is_pending (issuance))
      return issuance;
    g_clear_pointer (&ticket, g_bytes_unref);
    ticket = g_bytes_ref (clm_issuance_get_ticket (issuance));
    gint64 pause = CLAMP (clm_issuance_get_retry_after (issuance), 1, 3600);
    clm_fake_host_set_time (self->host, clm_host_get_time (CLM_HOST (self->host)) + pause);
    clm_issuance_unref (issuance);
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_BUSY, "still pending after %d rounds", ROUNDS_MAX);
  return NULL;
}

static void
examine_chain (ClmIssuance *issuance, ClmKey *key)
{
  GPtrArray *chain = clm_issuance_get_chain (issuance);
  g_autoptr (X509) leaf = parse (g_ptr_array_index (chain, 0));
  gboolean linked = leaf != NULL;

  if (!report_check (leaf != NULL, NULL, "authority: the leaf is one DER certificate"))
    return;
  guchar *spki = NULL;
  int size = i2d_PUBKEY (X509_get0_pubkey (leaf), &spki);
  g_autoptr (GBytes) public_key = g_bytes_new (spki, MAX (size, 0));
  OPENSSL_free (spki);
  report_check (g_bytes_equal (public_key, clm_key_get_spki (key)), NULL, "authority: it is for the key of the request");
  report_check (X509_check_ca (leaf) == 0, NULL, "authority: it is no CA certificate");
  for (guint i = 1; i < chain->len; i++) {
    g_autoptr (X509) child = parse (g_ptr_array_index (chain, i - 1)), issuer = parse (g_ptr_array_index (chain, i));
    linked = linked && child != NULL && issuer != NULL && X509_check_issued (issuer, child) == X509_V_OK &&
             X509_verify (child, X509_get0_pubkey (issuer)) == 1;
  }
  report_check (linked, NULL, "authority: each next certificate issued the one before");
}

static void
examine_confirm (ClmAuthority *ca, ClmIssuance *issuance)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  if (!clm_authority_can_confirm (ca))
    return;
  clm_authority_confirm_async (ca, issuance, TRUE, NULL, NULL, clm_await_done, &result);
  report_no_error (clm_authority_confirm_finish (ca, report_await (&result, "confirm"), &error), &error, "authority: takes the confirmation");
}

static void
examine_anchors (ClmAuthority *ca)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;
  gboolean ok = TRUE;

  if (!clm_authority_can_fetch_anchors (ca))
    return;
  clm_authority_fetch_anchors_async (ca, NULL, clm_await_done, &result);
  g_autoptr (GPtrArray) anchors = clm_authority_fetch_anchors_finish (ca, report_await (&result, "fetch_anchors"), &error);
  if (!report_no_error (anchors != NULL && anchors->len > 0, &error, "authority: gives its anchors"))
    return;
  for (guint i = 0; i < anchors->len; i++) {
    g_autoptr (X509) anchor = parse (g_ptr_array_index (anchors, i));
    ok = ok && anchor != NULL && X509_check_ca (anchor) != 0;
  }
  report_check (ok, NULL, "authority: each anchor is a CA certificate in DER");
}

static void
examine_suggestion (ClmAuthority *ca, GBytes *leaf)
{
  g_autoptr (GAsyncResult) result = NULL;
  ClmRenewalWindow window = {0};
  GError *error = NULL;

  if (!clm_authority_can_suggest_renewal (ca))
    return;
  clm_authority_suggest_renewal_async (ca, leaf, NULL, clm_await_done, &result);
  gboolean ok = clm_authority_suggest_renewal_finish (ca, report_await (&result, "suggest_renewal"), &window, &error);
  report_no_error ((ok && window.start <= window.end) || g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED), &error,
                   "authority: suggests a window for the renewal or says NOT_SUPPORTED");
}

static gboolean
revoke_leaf (ClmAuthority *ca, GBytes *leaf, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_authority_revoke_async (ca, leaf, CLM_REVOCATION_SUPERSEDED, NULL, clm_await_done, &result);
  return clm_authority_revoke_finish (ca, report_await (&result, "revoke"), error);
}

static void
examine_revocation (ClmAuthority *ca, GBytes *leaf)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  if (clm_authority_can_revoke (ca)) {
    report_no_error (revoke_leaf (ca, leaf, &error), &error, "authority: revokes");
    report_no_error (revoke_leaf (ca, leaf, &error), &error, "authority: revoking again succeeds");
  }
  if (!clm_authority_can_fetch_crls (ca))
    return;
  clm_authority_fetch_crls_async (ca, NULL, clm_await_done, &result);
  g_autoptr (GPtrArray) crls = clm_authority_fetch_crls_finish (ca, report_await (&result, "fetch_crls"), &error);
  if (!report_no_error (crls != NULL, &error, "authority: gives its CRLs") ||
      !report_check (crls->len > 0, NULL, "authority: there is at least one"))
    return;
  GBytes *der = crls->pdata[0];
  const guchar *p = g_bytes_get_data (der, NULL);
  g_autoptr (X509_CRL) crl = d2i_X509_CRL (NULL, &p, g_bytes_get_size (der));
  g_autoptr (X509) certificate = parse (leaf);
  X509_REVOKED *entry;
  report_check (crl != NULL && p == (const guchar *) g_bytes_get_data (der, NULL) + g_bytes_get_size (der), NULL, "authority: it is one DER CertificateList");
  if (crl != NULL && clm_authority_can_revoke (ca))
    report_check (X509_CRL_get0_by_cert (crl, &entry, certificate) == 1, NULL, "authority: it lists what was revoked");
}

/* Whatever comes of these, it comes once. */
static void
examine_interruptions (const Subject *self, ClmAuthority *ca, ClmRequest *request)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) stale = g_bytes_new_static ("contract: no such ticket", 24);
  g_autoptr (GAsyncResult) cancelled = NULL, lost = NULL;
  GError *error = NULL;

  clm_authority_enroll_async (ca, request, NULL, cancellable, clm_await_done, &cancelled);
  g_cancellable_cancel (cancellable);
  g_autoptr (ClmIssuance) first = clm_authority_enroll_finish (ca, report_await (&cancelled, "a cancelled enroll"), &error);
  report_check (first != NULL || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED), error != NULL ? error->message : NULL,
                "authority: a cancelled enroll succeeds or says CANCELLED");
  g_clear_error (&error);
  clm_authority_enroll_async (ca, request, stale, NULL, clm_await_done, &lost);
  g_autoptr (ClmIssuance) second = clm_authority_enroll_finish (ca, report_await (&lost, "enroll with a stale ticket"), &error);
  report_check (second != NULL || error->domain == CLM_ERROR, error != NULL ? error->message : NULL,
                "authority: an unknown ticket is TICKET_LOST, another typed error, or taken");
  g_clear_error (&error);
}

static void
examine_enrolment (const Subject *self, ClmAuthority *ca)
{
  g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (self->keys), CLM_KEY_TYPE_EC_P256, "contract");
  g_autoptr (ClmFakeRequest) request = clm_fake_request_new ("contract", key, "CN=gateway.example.org", "gateway.example.org");
  GError *error = NULL;
  g_autoptr (ClmIssuance) issuance = enroll (self, ca, CLM_REQUEST (request), &error);

  if (issuance == NULL && g_error_matches (error, CLM_ERROR, CLM_ERROR_UNREACHABLE)) {
    report_skip (error->message, "authority: enrols");
    g_clear_error (&error);
    return;
  }
  if (!report_no_error (issuance != NULL, &error, "authority: enrols"))
    return;
  GBytes *leaf = g_ptr_array_index (clm_issuance_get_chain (issuance), 0);
  examine_chain (issuance, key);
  examine_confirm (ca, issuance);
  examine_anchors (ca);
  examine_suggestion (ca, leaf);
  examine_revocation (ca, leaf);
  examine_interruptions (self, ca, CLM_REQUEST (request));
}

void
examine_authority (const Subject *self)
{
  GError *error = NULL;
  ClmAuthority *ca = subject_start (self, FALSE, NULL, &error);

  if (!report_no_error (ca != NULL, &error, "authority: it starts"))
    return;
  g_autofree char *identity = clm_authority_get_identity (ca), *again = clm_authority_get_identity (ca);
  report_check (*identity != '\0' && g_str_equal (identity, again), NULL, "authority: it has an identity that stays");
  examine_enrolment (self, ca);
  subject_stop (ca);
  clm_await_idle ();
  report_manners ("authority");
}
