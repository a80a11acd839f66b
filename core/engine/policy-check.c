/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-check.h"

#include "chain.h"
#include "openssl-error.h"
#include "policy-certificate.h"

#include <string.h>

#define MIN_VALIDITY 10
#define DEFAULT_MAX_VALIDITY (G_GINT64_CONSTANT (20) * 365 * 86400)
#define DEFAULT_SKEW 300

static const char *const reasons[] = {
  "chain-length", "malformed", "version", "key-mismatch", "key-type", "key-size", "key-exponent", "key-parameters",
  "signature-algorithm", "serial", "replayed", "not-yet-valid", "expired", "validity-too-short", "validity-too-long",
  "control-character", "bad-name", "subject", "names", "usages", "key-usage", "is-ca", "not-ca", "path-length",
  "bad-extension", "duplicate-extension", "unknown-critical-extension", "chain-broken", "chain-loop", "chain-untrusted", NULL
};

const char *const *
clm_policy_list_reasons (void)
{
  return reasons;
}

const char *
clm_policy_get_reason (const GError *error)
{
  if (!g_error_matches (error, CLM_ERROR, CLM_ERROR_INVALID_DATA))
    return NULL;
  for (guint i = 0; reasons[i]; i++)
    if (g_str_has_prefix (error->message, reasons[i]) && error->message[strlen (reasons[i])] == ':')
      return reasons[i];
  return NULL;
}

/* The key, and whether it is a new certificate for it */

/* Some authorities send the chain in another order: the leaf is the one with our key, and not the one we have. */
static X509 *
find_leaf (const ClmPolicyExpectation *expect, GPtrArray *certificates, GError **error)
{
  X509 *found = NULL;

  for (guint i = 0; i < certificates->len; i++) {
    X509 *certificate = certificates->pdata[i];
    g_autoptr (GBytes) der = clm_x509_to_der (certificate);
    if (!clm_x509_matches_spki (certificate, expect->spki))
      continue;
    if (!expect->previous || !g_bytes_equal (der, expect->previous))
      return certificate;
    found = certificate;
  }
  if (!found)
    clm_policy_refuse (error, "key-mismatch", "no certificate is for our key");
  return found;
}

static gboolean
check_replay (const ClmPolicyExpectation *expect, X509 *leaf, GError **error)
{
  g_autoptr (X509) previous = NULL;

  if (!expect->previous)
    return TRUE;
  previous = clm_x509_parse (expect->previous, NULL);
  if (!previous)   /* a damaged record must not keep a good certificate out */
    return TRUE;
  if (clm_x509_name_equal (X509_get_issuer_name (previous), X509_get_issuer_name (leaf)) &&
      ASN1_INTEGER_cmp (X509_get0_serialNumber (previous), X509_get0_serialNumber (leaf)) == 0)
    return clm_policy_refuse (error, "replayed", "it is the certificate already in force, or bears its serial number");
  return TRUE;
}

/* Time */

static gboolean
check_validity (const ClmPolicyExpectation *expect, X509 *leaf, gint64 now, GError **error)
{
  gint64 skew = expect->clock_skew_s > 0 ? expect->clock_skew_s : DEFAULT_SKEW;
  gint64 max = expect->max_validity_s > 0 ? expect->max_validity_s : DEFAULT_MAX_VALIDITY;
  gint64 not_before, not_after;

  if (!clm_x509_get_validity (leaf, &not_before, &not_after, NULL))
    return clm_policy_refuse (error, "malformed", "its validity cannot be read");
  if (not_before > now + skew)
    return clm_policy_refuse (error, "not-yet-valid", "it becomes valid %" G_GINT64_FORMAT " s from now", not_before - now);
  if (not_after <= now)
    return clm_policy_refuse (error, "expired", "it expired %" G_GINT64_FORMAT " s ago", now - not_after);
  if (not_after - not_before < MIN_VALIDITY || not_after - now < MIN_VALIDITY)
    return clm_policy_refuse (error, "validity-too-short", "less than %d s of validity", MIN_VALIDITY);
  if (not_after - not_before > max + 2 * skew)
    return clm_policy_refuse (error, "validity-too-long", "valid for %" G_GINT64_FORMAT " s, allowed are %" G_GINT64_FORMAT,
                              not_after - not_before, max);
  return TRUE;
}

/* Names: exactly the asked ones */

static gboolean
check_common_names (const ClmPolicyExpectation *expect, const X509_NAME *subject, GError **error)
{
  const char *const *names = expect->names.values[CLM_NAME_DNS];

  for (int at = -1; (at = X509_NAME_get_index_by_NID (subject, NID_commonName, at)) >= 0;) {
    g_autoptr (ClmOpenSSLBytes) text = NULL;
    if (ASN1_STRING_to_UTF8 (&text, X509_NAME_ENTRY_get_data (X509_NAME_get_entry (subject, at))) < 0)
      return clm_policy_refuse (error, "control-character", "a common name cannot be read");
    const char *one[] = { (const char *) text, NULL };
    gboolean asked = FALSE;
    for (guint i = 0; names && names[i] && !asked; i++) {
      const char *name[] = { names[i], NULL };
      asked = clm_x509_names_equal (CLM_NAME_DNS, name, one);
    }
    /* Old peers take a common name for a host name. */
    if (!asked && strchr (one[0], '.') && clm_x509_check_name (CLM_NAME_DNS, one[0], NULL))
      return clm_policy_refuse (error, "subject", "its common name is a host name that was not asked for");
  }
  return TRUE;
}

static gboolean
check_subject (const ClmPolicyExpectation *expect, X509 *leaf, GError **error)
{
  const X509_NAME *subject = X509_get_subject_name (leaf);
  g_autoptr (X509_NAME) asked = NULL;

  if (expect->subject_from_authority)
    return check_common_names (expect, subject, error);
  asked = clm_x509_name_parse (expect->subject, error);
  if (!asked)
    return FALSE;
  if (clm_x509_name_equal (asked, subject))
    return TRUE;

  g_autofree char *text = clm_x509_name_to_text (subject);
  return clm_policy_refuse (error, "subject", "'%s' is not the asked subject '%s'", text, expect->subject ? expect->subject : "");
}

static gboolean
check_names (const ClmPolicyExpectation *expect, X509 *leaf, GError **error)
{
  for (ClmNameKind kind = 0; kind < CLM_N_NAME_KINDS; kind++) {
    g_autoptr (GError) local_error = NULL;
    guint others = 0;
    g_auto (GStrv) names = clm_x509_get_names (leaf, kind, &others, &local_error);

    if (!names)
      return clm_policy_refuse (error, "bad-name", "%s", local_error->message);
    if (others)
      return clm_policy_refuse (error, "names", "it has alternative names of a kind that was not asked for");
    for (guint i = 0; names[i]; i++)
      if (!clm_x509_check_name (kind, names[i], &local_error))
        return clm_policy_refuse (error, "bad-name", "%s", local_error->message);
    if (!clm_x509_names_equal (kind, (const char *const *) names, expect->names.values[kind])) {
      g_autofree char *text = g_strjoinv (" ", names);
      return clm_policy_refuse (error, "names", "its %s names are not the asked ones: '%s'", clm_name_kind_get_nick (kind), text);
    }
  }
  return TRUE;
}

/* Usages */

static gboolean
is_subset (const char *const *a, const char *const *b)
{
  for (guint i = 0; a[i]; i++)
    if (!g_strv_contains (b, a[i]))
      return FALSE;
  return TRUE;
}

static gboolean
check_usages (const ClmPolicyExpectation *expect, X509 *leaf, GError **error)
{
  g_auto (GStrv) usages = clm_x509_get_usages (leaf);
  const char *const *has = (const char *const *) usages;

  if (!expect->usages || !expect->usages[0])
    return TRUE;
  if (is_subset (has, expect->usages) && is_subset (expect->usages, has))
    return TRUE;

  g_autofree char *text = g_strjoinv (" ", usages);
  return clm_policy_refuse (error, "usages", "its extended key usages are not the asked ones: '%s'", text);
}

static gboolean
check_key_usage (const ClmPolicyExpectation *expect, X509 *leaf, GError **error)
{
  guint32 bits = clm_x509_get_key_usage (leaf);

  if (bits == G_MAXUINT32)
    return TRUE;
  if (expect->is_ca)
    return bits & KU_KEY_CERT_SIGN ? TRUE : clm_policy_refuse (error, "key-usage", "a CA that may not sign certificates");
  if (bits & (KU_KEY_CERT_SIGN | KU_CRL_SIGN))
    return clm_policy_refuse (error, "key-usage", "it may sign certificates or CRLs");
  if (!(bits & KU_DIGITAL_SIGNATURE))
    return clm_policy_refuse (error, "key-usage", "it may not sign, which TLS and renewal need");
  return TRUE;
}

static gboolean
check_constraints (const ClmPolicyExpectation *expect, X509 *leaf, GError **error)
{
  int length;
  gboolean is_ca = clm_x509_is_ca (leaf, &length);

  if (is_ca && !expect->is_ca)
    return clm_policy_refuse (error, "is-ca", "it is a CA certificate, which was not asked for");
  if (!is_ca && expect->is_ca)
    return clm_policy_refuse (error, "not-ca", "a CA certificate was asked for");
  if (is_ca && expect->path_length >= 0 && (length < 0 || length > expect->path_length))
    return clm_policy_refuse (error, "path-length", "its path length %d is longer than asked", length);
  return TRUE;
}

static gboolean
check_leaf (const ClmPolicyExpectation *expect, X509 *leaf, gint64 now, GError **error)
{
  return clm_policy_check_certificate (leaf, error) && check_replay (expect, leaf, error) &&
         check_validity (expect, leaf, now, error) && check_constraints (expect, leaf, error) &&
         check_subject (expect, leaf, error) && check_names (expect, leaf, error) &&
         check_usages (expect, leaf, error) && check_key_usage (expect, leaf, error);
}

/* The path */

static GPtrArray *
put_first (GPtrArray *certificates, X509 *leaf)
{
  GPtrArray *list = clm_x509_list_new ();

  X509_up_ref (leaf);
  g_ptr_array_add (list, leaf);
  for (guint i = 0; i < certificates->len; i++) {
    if (certificates->pdata[i] == leaf)
      continue;
    X509_up_ref (certificates->pdata[i]);
    g_ptr_array_add (list, certificates->pdata[i]);
  }
  return list;
}

/* Without configured anchors the path must at least hold together: its own end is the anchor. */
static GPtrArray *
get_anchors (const ClmPolicyExpectation *expect, GPtrArray *ordered, GError **error)
{
  g_autoptr (GPtrArray) anchors = clm_x509_list_new ();

  if (expect->anchors && expect->anchors->len) {
    for (guint i = 0; i < expect->anchors->len; i++) {
      X509 *anchor = clm_x509_parse (expect->anchors->pdata[i], NULL);
      if (!anchor) {
        g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "trust anchor %u cannot be read", i + 1);
        return NULL;
      }
      g_ptr_array_add (anchors, anchor);
    }
    return g_steal_pointer (&anchors);
  }
  X509 *end = ordered->pdata[ordered->len - 1];
  X509_up_ref (end);
  g_ptr_array_add (anchors, end);
  return g_steal_pointer (&anchors);
}

static gboolean
check_issuers (GPtrArray *path, GError **error)
{
  for (guint i = 1; i < path->len; i++) {
    if (!clm_policy_check_certificate (path->pdata[i], error))
      return FALSE;
    if (!clm_x509_is_ca (path->pdata[i], NULL))
      return clm_policy_refuse (error, "not-ca", "an issuer of it is no CA");
  }
  return TRUE;
}

/* Without anchors a bare leaf is all there is to check; but where more came along, it must have to do with it. */
static gboolean
check_whole (const ClmPolicyExpectation *expect, GPtrArray *certificates, GPtrArray *ordered, GError **error)
{
  gboolean has_anchors = expect->anchors && expect->anchors->len;

  if (has_anchors || certificates->len == 1 || ordered->len > 1)
    return TRUE;
  /* A root that issued the leaf itself is left out of the order. */
  for (guint i = 1; i < certificates->len; i++) {
    X509 *candidate = certificates->pdata[i];
    EVP_PKEY *key = X509_get0_pubkey (candidate);
    if (key && X509_check_issued (candidate, ordered->pdata[0]) == X509_V_OK && X509_verify (ordered->pdata[0], key) == 1)
      return TRUE;
  }
  ERR_clear_error ();
  return clm_policy_refuse (error, "chain-broken", "none of the other certificates issued it");
}

/* A certificate that begins within the skew is valid by the authority's clock; the path is looked at by that clock, too. */
static gint64
get_path_time (GPtrArray *certificates, gint64 now)
{
  gint64 not_before, not_after;

  return clm_x509_get_validity (certificates->pdata[0], &not_before, &not_after, NULL) ? MAX (now, not_before) : now;
}

static GPtrArray *
find_path (const ClmPolicyExpectation *expect, GPtrArray *certificates, gint64 now, GError **error)
{
  g_autoptr (GPtrArray) ordered = clm_x509_chain_order (certificates, error);
  g_autoptr (GPtrArray) anchors = NULL;

  if (!ordered || !check_whole (expect, certificates, ordered, error))
    return NULL;
  anchors = get_anchors (expect, ordered, error);
  if (!anchors)
    return NULL;
  return clm_x509_chain_build (certificates, anchors, get_path_time (certificates, now), error);
}

static GPtrArray *
parse_chain (GPtrArray *chain, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  GPtrArray *certificates;

  if (!chain->len || chain->len > CLM_CHAIN_MAX) {
    clm_policy_refuse (error, "chain-length", "%u certificates, allowed are 1 to %d", chain->len, CLM_CHAIN_MAX);
    return NULL;
  }
  certificates = clm_x509_parse_list (chain, &local_error);
  if (!certificates)
    clm_policy_refuse (error, "malformed", "%s", local_error->message);
  return certificates;
}

GPtrArray *
clm_policy_check (const ClmPolicyExpectation *expect, GPtrArray *chain, gint64 now, GError **error)
{
  g_autoptr (GPtrArray) received = NULL, certificates = NULL, path = NULL;
  g_autoptr (GError) local_error = NULL;
  X509 *leaf;

  g_return_val_if_fail (expect != NULL && expect->spki != NULL && chain != NULL, NULL);

  received = parse_chain (chain, &local_error);
  leaf = received ? find_leaf (expect, received, &local_error) : NULL;
  if (leaf && check_leaf (expect, leaf, now, &local_error)) {
    certificates = put_first (received, leaf);
    path = find_path (expect, certificates, now, &local_error);
  }
  if (path && check_issuers (path, &local_error))
    return clm_x509_list_to_der (path);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}
