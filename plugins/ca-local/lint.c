/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lint.h"

#include <string.h>

#include "der.h"
#include "issue.h"
#include "key.h"
#include "serial.h"

/* What the walk over the extensions finds; the rules that need more than one of them come last. */
typedef struct {
  guint    seen;
  gboolean is_ca;
  gint64   path_length;
  guint8   key_usage;
  gboolean names_critical;
  GBytes  *key_id;
  GBytes  *authority_key_id;
} Extensions;

typedef gboolean (*CheckFunc) (const ClmCaDer *value, Extensions *found);

typedef struct {
  const char *name;
  const char *oid;       /* contents of the OBJECT IDENTIFIER */
  gsize       oid_size;
  int         critical;  /* -1: either */
  CheckFunc   check;
} Rule;

static gboolean
fail (GError **error, const char *word, const char *problem)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "lint: %s: %s", word, problem);
  return FALSE;
}

static gboolean
enter (const ClmCaDer *value, guint8 tag, const guint8 **at, const guint8 **end)
{
  const guint8 *begin = value->value, *behind = value->value + value->size;
  ClmCaDer body;

  if (!clm_ca_der_expect (&begin, behind, tag, &body) || begin != behind)
    return FALSE;
  *at = body.value;
  *end = body.value + body.size;
  return TRUE;
}

/* Arcs in base 128 without padding, the last one complete (X.690 §8.19). */
static gboolean
is_oid (const ClmCaDer *element)
{
  gboolean begins = TRUE;

  if (element->tag != CLM_CA_DER_OID || element->size == 0)
    return FALSE;
  for (gsize i = 0; i < element->size; i++) {
    if (begins && element->value[i] == 0x80)
      return FALSE;
    begins = element->value[i] < 0x80;
  }
  return begins;
}

/* UTF8String, PrintableString or IA5String, and nothing in it that a terminal or a log would obey. */
static gboolean
is_attribute_text (const ClmCaDer *value)
{
  if ((value->tag != 0x0c && value->tag != 0x13 && value->tag != 0x16) || value->size == 0)
    return FALSE;
  for (gsize i = 0; i < value->size; i++)
    if (value->value[i] < ' ' || value->value[i] == 0x7f || (value->tag != 0x0c && value->value[i] > 0x7f))
      return FALSE;
  return g_utf8_validate_len ((const char *) value->value, value->size, NULL);
}

/* RDNSequence, RFC 5280 §4.1.2.4. */
static gboolean
lint_name (const ClmCaDer *name)
{
  const guint8 *at = name->value, *end = at + name->size;
  ClmCaDer set, pair, type, value;

  while (at < end) {
    const guint8 *inner, *inner_end;

    if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SET, &set) || set.size == 0)
      return FALSE;
    inner = set.value;
    inner_end = inner + set.size;
    while (inner < inner_end) {
      const guint8 *part, *part_end;

      if (!clm_ca_der_expect (&inner, inner_end, CLM_CA_DER_SEQUENCE, &pair))
        return FALSE;
      part = pair.value;
      part_end = part + pair.size;
      if (!clm_ca_der_read (&part, part_end, &type) || !is_oid (&type) || !clm_ca_der_read (&part, part_end, &value) ||
          part != part_end || !is_attribute_text (&value))
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean
check_basic_constraints (const ClmCaDer *value, Extensions *found)
{
  const guint8 *at, *end;
  ClmCaDer element;
  guint64 number;

  if (!enter (value, CLM_CA_DER_SEQUENCE, &at, &end))
    return FALSE;
  if (at == end)
    return TRUE;
  /* CA:FALSE is the default and DER does not encode a default; a path length needs CA:TRUE. */
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_BOOLEAN, &element) || element.size != 1 || element.value[0] != 0xff)
    return FALSE;
  found->is_ca = TRUE;
  if (at == end)
    return TRUE;
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_INTEGER, &element) || !clm_ca_der_read_unsigned (&element, &number) || at != end || number > 100)
    return FALSE;
  found->path_length = (gint64) number;
  return TRUE;
}

static gboolean
check_key_usage (const ClmCaDer *value, Extensions *found)
{
  const guint8 *at, *end;

  if (!enter (value, CLM_CA_DER_BIT_STRING, &at, &end) || end - at != 2 || at[0] > 7 || at[1] == 0)
    return FALSE;
  if ((at[1] & ((1 << at[0]) - 1)) != 0 || (at[1] & (1 << at[0])) == 0)
    return FALSE;
  found->key_usage = at[1];
  return TRUE;
}

static gboolean
check_usages (const ClmCaDer *value, Extensions *found)
{
  static const guint8 any[] = { 0x55, 0x1d, 0x25, 0x00 };
  const guint8 *at, *end;
  ClmCaDer oid;

  if (!enter (value, CLM_CA_DER_SEQUENCE, &at, &end) || at == end)
    return FALSE;
  while (at < end) {
    if (!clm_ca_der_read (&at, end, &oid) || !is_oid (&oid))
      return FALSE;
    if (oid.size == sizeof any && memcmp (oid.value, any, sizeof any) == 0)
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_key_id (const ClmCaDer *value, Extensions *found)
{
  const guint8 *at, *end;

  if (!enter (value, CLM_CA_DER_OCTET_STRING, &at, &end) || at == end)
    return FALSE;
  found->key_id = g_bytes_new (at, (gsize) (end - at));
  return TRUE;
}

static gboolean
check_authority_key_id (const ClmCaDer *value, Extensions *found)
{
  const guint8 *at, *end;
  ClmCaDer id;

  if (!enter (value, CLM_CA_DER_SEQUENCE, &at, &end) || !clm_ca_der_expect (&at, end, CLM_CA_DER_CONTEXT (0), &id) || at != end)
    return FALSE;
  found->authority_key_id = g_bytes_new (id.value, id.size);
  return TRUE;
}

static gboolean
is_text (const ClmCaDer *name)
{
  for (gsize i = 0; i < name->size; i++)
    if (name->value[i] <= ' ' || name->value[i] > '~')
      return FALSE;
  return name->size > 0;
}

static gboolean
check_names (const ClmCaDer *value, Extensions *found)
{
  const guint8 *at, *end;
  ClmCaDer name;

  if (!enter (value, CLM_CA_DER_SEQUENCE, &at, &end) || at == end)
    return FALSE;
  while (at < end) {
    if (!clm_ca_der_read (&at, end, &name))
      return FALSE;
    if (name.tag == CLM_CA_DER_CONTEXT (7) ? name.size != 4 && name.size != 16
        : (name.tag != CLM_CA_DER_CONTEXT (1) && name.tag != CLM_CA_DER_CONTEXT (2) && name.tag != CLM_CA_DER_CONTEXT (6)) || !is_text (&name))
      return FALSE;
  }
  return TRUE;
}

/* One element of @tag in @value and nothing else. */
static gboolean
unwrap (const ClmCaDer *value, guint8 tag, ClmCaDer *element)
{
  const guint8 *at = value->value, *end = at + value->size;

  return clm_ca_der_expect (&at, end, tag, element) && at == end;
}

/* DistributionPoints that have a URL as their fullName, RFC 5280 §4.2.1.13; others are never given. */
static gboolean
check_crl_points (const ClmCaDer *value, Extensions *found)
{
  const guint8 *at, *end;
  ClmCaDer point, name, full_name, url;

  if (!enter (value, CLM_CA_DER_SEQUENCE, &at, &end) || at == end)
    return FALSE;
  while (at < end)
    if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &point) || !unwrap (&point, CLM_CA_DER_EXPLICIT (0), &name) ||
        !unwrap (&name, CLM_CA_DER_EXPLICIT (0), &full_name) || !unwrap (&full_name, CLM_CA_DER_CONTEXT (6), &url) || !is_text (&url))
      return FALSE;
  return TRUE;
}

/* AccessDescriptions with a URL, RFC 5280 §4.2.2.1. */
static gboolean
check_access (const ClmCaDer *value, Extensions *found)
{
  const guint8 *at, *end;
  ClmCaDer description, method, url;

  if (!enter (value, CLM_CA_DER_SEQUENCE, &at, &end) || at == end)
    return FALSE;
  while (at < end) {
    const guint8 *part, *part_end;

    if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &description))
      return FALSE;
    part = description.value;
    part_end = part + description.size;
    if (!clm_ca_der_read (&part, part_end, &method) || !is_oid (&method) || !clm_ca_der_expect (&part, part_end, CLM_CA_DER_CONTEXT (6), &url) ||
        part != part_end || !is_text (&url))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_null (const ClmCaDer *value, Extensions *found)
{
  return value->size == 2 && value->value[0] == 0x05 && value->value[1] == 0x00;
}

enum {
  RULE_BASIC_CONSTRAINTS, RULE_KEY_USAGE, RULE_EXTENDED_KEY_USAGE, RULE_KEY_ID, RULE_AUTHORITY_KEY_ID, RULE_ALT_NAMES, RULE_CRL_POINTS, RULE_ACCESS, RULE_NO_CHECK
};

static const Rule rules[] = {
  [RULE_BASIC_CONSTRAINTS] = { "basic constraints", "\x55\x1d\x13", 3, TRUE, check_basic_constraints },
  [RULE_KEY_USAGE] = { "key usage", "\x55\x1d\x0f", 3, TRUE, check_key_usage },
  [RULE_EXTENDED_KEY_USAGE] = { "extended key usage", "\x55\x1d\x25", 3, FALSE, check_usages },
  [RULE_KEY_ID] = { "subject key identifier", "\x55\x1d\x0e", 3, FALSE, check_key_id },
  [RULE_AUTHORITY_KEY_ID] = { "authority key identifier", "\x55\x1d\x23", 3, FALSE, check_authority_key_id },
  [RULE_ALT_NAMES] = { "alternative names", "\x55\x1d\x11", 3, -1, check_names },
  [RULE_CRL_POINTS] = { "CRL distribution points", "\x55\x1d\x1f", 3, FALSE, check_crl_points },
  [RULE_ACCESS] = { "authority information access", "\x2b\x06\x01\x05\x05\x07\x01\x01", 8, FALSE, check_access },
  [RULE_NO_CHECK] = { "OCSP no-check", "\x2b\x06\x01\x05\x05\x07\x30\x01\x05", 9, FALSE, check_null },
};

static gboolean
lint_extension (const ClmCaDer *extension, Extensions *found, GError **error)
{
  const guint8 *at = extension->value, *end = extension->value + extension->size;
  gboolean critical = FALSE;
  ClmCaDer oid, value;

  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_OID, &oid) || !clm_ca_der_read (&at, end, &value))
    return fail (error, "extension", "malformed");
  if (value.tag == CLM_CA_DER_BOOLEAN) {
    critical = value.size == 1 && value.value[0] == 0xff;
    if (!critical || !clm_ca_der_read (&at, end, &value))
      return fail (error, "extension", "malformed criticality");
  }
  if (value.tag != CLM_CA_DER_OCTET_STRING || at != end)
    return fail (error, "extension", "malformed value");
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    if (rules[i].oid_size != oid.size || memcmp (rules[i].oid, oid.value, oid.size) != 0)
      continue;
    if (found->seen & (1u << i))
      return fail (error, rules[i].name, "appears twice");
    found->seen |= 1u << i;
    if (rules[i].critical >= 0 && rules[i].critical != critical)
      return fail (error, rules[i].name, critical ? "must not be critical" : "must be critical");
    if (i == RULE_ALT_NAMES)
      found->names_critical = critical;
    return rules[i].check (&value, found) || fail (error, rules[i].name, "malformed");
  }
  return fail (error, "extension", "of a kind this CA does not give");
}

static gboolean
lint_ca (const Extensions *found, const ClmCaIssuer *issuer, GError **error)
{
  if (found->is_ca != ((found->key_usage & CLM_CA_USE_CERT_SIGN) != 0))
    return fail (error, "key usage", "signing of certificates and the CA flag belong together");
  if (!found->is_ca && (found->key_usage & CLM_CA_USE_CRL_SIGN) != 0)
    return fail (error, "key usage", "only a CA signs revocation lists");
  if (!found->is_ca || issuer == NULL || issuer->path_length < 0)
    return TRUE;
  if (issuer->path_length == 0)
    return fail (error, "path length", "the issuer may not certify CAs");
  if (found->path_length < 0 || found->path_length >= issuer->path_length)
    return fail (error, "path length", "must be below the issuer's");
  return TRUE;
}

static gboolean
lint_key_ids (const Extensions *found, const ClmCaIssuer *issuer, GBytes *spki, GError **error)
{
  g_autoptr (GBytes) own = clm_ca_key_id (spki);

  if (found->key_id == NULL || !g_bytes_equal (found->key_id, own))
    return fail (error, "subject key identifier", "does not fit the key");
  if (issuer != NULL && (found->authority_key_id == NULL || !g_bytes_equal (found->authority_key_id, issuer->key_id)))
    return fail (error, "authority key identifier", "does not fit the issuer");
  return TRUE;
}

static gboolean
lint_extensions (const ClmCaDer *wrapper, const ClmCaIssuer *issuer, GBytes *spki, gboolean empty_subject, GError **error)
{
  Extensions found = { .path_length = -1 };
  g_autoptr (GBytes) key_id = NULL, authority_key_id = NULL;
  const guint8 *at, *end;
  ClmCaDer extension;
  gboolean fine = TRUE;

  if (!enter (wrapper, CLM_CA_DER_SEQUENCE, &at, &end))
    return fail (error, "extensions", "malformed");
  while (fine && at < end)
    fine = clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &extension) ? lint_extension (&extension, &found, error)
                                                                         : fail (error, "extensions", "malformed");
  key_id = found.key_id;
  authority_key_id = found.authority_key_id;
  if (!fine)
    return FALSE;
  if (!(found.seen & (1u << RULE_BASIC_CONSTRAINTS)) || !(found.seen & (1u << RULE_KEY_USAGE)))
    return fail (error, "extensions", "basic constraints or key usage is missing");
  if (empty_subject && (!(found.seen & (1u << RULE_ALT_NAMES)) || !found.names_critical))
    return fail (error, "subject", "without one the alternative names must be there and critical");
  if (empty_subject && found.is_ca)
    return fail (error, "subject", "a CA needs one");
  if (!empty_subject && found.names_critical)
    return fail (error, "alternative names", "must not be critical beside a subject");
  return lint_ca (&found, issuer, error) && lint_key_ids (&found, issuer, spki, error);
}

static gboolean
lint_validity (const ClmCaDer *validity, const ClmCaIssuer *issuer, GError **error)
{
  const guint8 *at = validity->value, *end = at + validity->size;
  ClmCaDer from, to;
  gint64 not_before, not_after;

  if (!clm_ca_der_read (&at, end, &from) || !clm_ca_der_read (&at, end, &to) || at != end ||
      !clm_ca_der_read_time (&from, &not_before) || !clm_ca_der_read_time (&to, &not_after))
    return fail (error, "validity", "malformed");
  if (not_before >= not_after)
    return fail (error, "validity", "ends before it begins");
  if (issuer != NULL && (not_before < issuer->not_before || not_after > issuer->not_after))
    return fail (error, "validity", "goes beyond the issuer's");
  return TRUE;
}

static gboolean
lint_key (const ClmCaDer *spki, GBytes **bytes, GError **error)
{
  g_autoptr (GError) problem = NULL;

  *bytes = g_bytes_new (spki->full, spki->full_size);
  return clm_x509_spki_check (*bytes, &problem) != NULL || fail (error, "key", problem->message);
}

static gboolean
is_algorithm (const ClmCaDer *found, const ClmCaAlgorithm *expected)
{
  return found->full_size == expected->identifier_size && memcmp (found->full, expected->identifier, found->full_size) == 0;
}

/* A root signs itself. */
static gboolean
lint_own_algorithm (const ClmCaDer *algorithm, GBytes *spki, GError **error)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_from_spki (spki, NULL);
  const ClmCaAlgorithm *own = key != NULL ? clm_ca_algorithm_for_key_type (clm_x509_key_get_type (key), NULL) : NULL;

  return (own != NULL && is_algorithm (algorithm, own)) || fail (error, "algorithm", "is not its key's");
}

static gboolean
lint_head (const guint8 **at, const guint8 *end, const ClmCaIssuer *issuer, ClmCaDer *algorithm, ClmCaDer *issuer_name, GError **error)
{
  ClmCaDer version, serial;

  if (!clm_ca_der_expect (at, end, CLM_CA_DER_EXPLICIT (0), &version) || version.size != 3 || memcmp (version.value, "\x02\x01\x02", 3) != 0)
    return fail (error, "version", "is not 3");
  if (!clm_ca_der_expect (at, end, CLM_CA_DER_INTEGER, &serial) || !clm_ca_serial_is_valid (serial.value, serial.size))
    return fail (error, "serial", "is not a positive number of at most 20 octets");
  if (serial.size < 16)
    return fail (error, "serial", "holds fewer than 128 bits");
  if (!clm_ca_der_expect (at, end, CLM_CA_DER_SEQUENCE, algorithm) || (issuer != NULL && !is_algorithm (algorithm, issuer->algorithm)))
    return fail (error, "algorithm", "is not the issuer's");
  if (!clm_ca_der_expect (at, end, CLM_CA_DER_SEQUENCE, issuer_name) || issuer_name->size == 0)
    return fail (error, "issuer", "is missing");
  if (issuer != NULL && (issuer_name->full_size != g_bytes_get_size (issuer->name) ||
                         memcmp (issuer_name->full, g_bytes_get_data (issuer->name, NULL), issuer_name->full_size) != 0))
    return fail (error, "issuer", "is not the issuer's subject");
  return TRUE;
}

gboolean
clm_ca_lint (GBytes *tbs, const ClmCaIssuer *issuer, GError **error)
{
  gsize size;
  const guint8 *at = g_bytes_get_data (tbs, &size), *end = at + size;
  ClmCaDer outer, algorithm, issuer_name, validity, subject, spki, wrapper;
  g_autoptr (GBytes) key = NULL;

  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &outer) || at != end)
    return fail (error, "certificate", "malformed");
  at = outer.value;
  if (!lint_head (&at, end, issuer, &algorithm, &issuer_name, error))
    return FALSE;
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &validity))
    return fail (error, "validity", "is missing");
  if (!lint_validity (&validity, issuer, error))
    return FALSE;
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &subject))
    return fail (error, "subject", "is missing");
  if (!lint_name (&subject))
    return fail (error, "subject", "malformed");
  if (issuer == NULL && (subject.full_size != issuer_name.full_size || memcmp (subject.full, issuer_name.full, subject.full_size) != 0))
    return fail (error, "subject", "a root's is its issuer's");
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &spki))
    return fail (error, "key", "is missing");
  if (!lint_key (&spki, &key, error) || (issuer == NULL && !lint_own_algorithm (&algorithm, key, error)))
    return FALSE;
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_EXPLICIT (3), &wrapper) || at != end)
    return fail (error, "extensions", "are missing, or something follows them");
  return lint_extensions (&wrapper, issuer, key, subject.size == 0, error);
}
