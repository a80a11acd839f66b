/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "order-csr.h"

#include <string.h>

#include "certificate.h"
#include "curve-key.h"
#include "der.h"
#include "extension.h"
#include "request.h"
#include "signature.h"

/* Contents of the OBJECT IDENTIFIERs. */
#define OID_EXTENSION_REQUEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"

/* The parts of CertificationRequest (RFC 2986 §4), in the bytes that were read. */
typedef struct {
  ClmCaDer signed_part;
  ClmCaDer subject;
  ClmCaDer spki;
  ClmCaDer attributes;
  ClmCaDer algorithm;
  ClmCaDer signature;
} Csr;

/* The usual form */

static gboolean
is_equal (const guint8 *data, gsize size, GBytes *bytes)
{
  return size == g_bytes_get_size (bytes) && memcmp (data, g_bytes_get_data (bytes, NULL), size) == 0;
}

static gboolean
is_oid (const ClmCaDer *element, const char *oid, gsize size)
{
  return element->tag == CLM_CA_DER_OID && element->size == size && memcmp (element->value, oid, size) == 0;
}

/* Reads the one element that @outer holds. */
static gboolean
enter (const ClmCaDer *outer, guint8 tag, ClmCaDer *inner)
{
  const guint8 *at = outer->value, *end = at + outer->size;

  return clm_ca_der_expect (&at, end, tag, inner) && at == end;
}

static gboolean
read_csr (const guint8 *data, gsize size, Csr *csr)
{
  const guint8 *at = data, *end = data + size;
  ClmCaDer outer, version;

  if (size > CLM_REQUEST_MAX_SIZE || !clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &outer) || at != end)
    return FALSE;
  at = outer.value;
  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &csr->signed_part) ||
      !clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &csr->algorithm) ||
      !clm_ca_der_expect (&at, end, CLM_CA_DER_BIT_STRING, &csr->signature) || at != end ||
      csr->signature.size < 2 || csr->signature.value[0] != 0)
    return FALSE;
  at = csr->signed_part.value;
  end = at + csr->signed_part.size;
  return clm_ca_der_expect (&at, end, CLM_CA_DER_INTEGER, &version) && version.size == 1 && version.value[0] == 0 &&
         clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &csr->subject) &&
         clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &csr->spki) &&
         clm_ca_der_expect (&at, end, CLM_CA_DER_EXPLICIT (0), &csr->attributes) && at == end;
}

/* No attribute, or the extension request (RFC 2985 §5.4.2) alone. @list: empty without one. */
static gboolean
find_extensions (const ClmCaDer *attributes, ClmCaDer *list)
{
  ClmCaDer attribute, type, values;
  const guint8 *at, *end;

  *list = *attributes;
  if (attributes->size == 0)
    return TRUE;
  if (!enter (attributes, CLM_CA_DER_SEQUENCE, &attribute))
    return FALSE;
  at = attribute.value;
  end = at + attribute.size;
  return clm_ca_der_expect (&at, end, CLM_CA_DER_OID, &type) && is_oid (&type, OID_EXTENSION_REQUEST, sizeof OID_EXTENSION_REQUEST - 1) &&
         clm_ca_der_expect (&at, end, CLM_CA_DER_SET, &values) && at == end && enter (&values, CLM_CA_DER_SEQUENCE, list) && list->size > 0;
}

static gboolean
has_ordered_names (const ClmCaDer *value, const ClmCaOrder *order)
{
  g_autoptr (GByteArray) ours = g_byte_array_sized_new (256);

  return clm_ca_names_put (ours, (char *const *const *) order->names, NULL) && value->size == ours->len &&
         memcmp (value->value, ours->data, ours->len) == 0;
}

static gboolean
has_ordered_usages (const ClmCaDer *value, const ClmCaOrder *order)
{
  g_autoptr (GByteArray) ours = g_byte_array_sized_new (128);

  return order->usages[0] != NULL && clm_ca_usages_put (ours, (const char *const *) order->usages, NULL) && value->size == ours->len &&
         memcmp (value->value, ours->data, ours->len) == 0;
}

static gboolean
is_no_ca (const ClmCaDer *value, const ClmCaOrder *order)
{
  return value->size == 2 && memcmp (value->value, "\x30\x00", 2) == 0;
}

/* What the profile decides alone. */
static gboolean
is_anything (const ClmCaDer *value, const ClmCaOrder *order)
{
  return TRUE;
}

enum { RULE_NAMES, RULE_USAGES, RULE_CONSTRAINTS, RULE_KEY_USAGE, RULE_KEY_ID };

static const struct {
  const char *oid;
  gboolean  (*fits) (const ClmCaDer *value, const ClmCaOrder *order);
} rules[] = {
  [RULE_NAMES] = { "\x55\x1d\x11", has_ordered_names },
  [RULE_USAGES] = { "\x55\x1d\x25", has_ordered_usages },
  [RULE_CONSTRAINTS] = { "\x55\x1d\x13", is_no_ca },
  [RULE_KEY_USAGE] = { "\x55\x1d\x0f", is_anything },
  [RULE_KEY_ID] = { "\x55\x1d\x0e", is_anything },
};

static gboolean
fits_extension (const ClmCaDer *extension, const ClmCaOrder *order, guint *seen)
{
  const guint8 *at = extension->value, *end = at + extension->size;
  ClmCaDer oid, value;

  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_OID, &oid) || !clm_ca_der_read (&at, end, &value))
    return FALSE;
  if (value.tag == CLM_CA_DER_BOOLEAN && (value.size != 1 || value.value[0] != 0xff || !clm_ca_der_read (&at, end, &value)))
    return FALSE;
  if (value.tag != CLM_CA_DER_OCTET_STRING || at != end)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    if (!is_oid (&oid, rules[i].oid, 3))
      continue;
    if (*seen & (1u << i))
      return FALSE;
    *seen |= 1u << i;
    return rules[i].fits (&value, order);
  }
  return FALSE;
}

static gboolean
fits_extensions (const ClmCaDer *attributes, const ClmCaOrder *order)
{
  ClmCaDer list, extension;
  const guint8 *at, *end;
  guint seen = 0;

  if (!find_extensions (attributes, &list))
    return FALSE;
  at = list.value;
  end = at + list.size;
  while (at < end)
    if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &extension) || !fits_extension (&extension, order, &seen))
      return FALSE;
  return (seen & (1u << RULE_NAMES)) != 0 || !clm_ca_order_has_names (order);
}

static gboolean
is_signed (const Csr *csr)
{
  const ClmCaAlgorithm *algorithm = clm_ca_algorithm_find (csr->algorithm.full, csr->algorithm.full_size);
  ClmCaDigest digest;

  return algorithm != NULL && algorithm->scheme == CLM_SIGN_ECDSA &&
         clm_ca_digest (algorithm, csr->signed_part.full, csr->signed_part.full_size, &digest, NULL) &&
         clm_x509_curve_key_verify (csr->spki.full, csr->spki.full_size, digest.octets, digest.size,
                                    csr->signature.value + 1, csr->signature.size - 1);
}

/* The signature comes last: it costs more than all the rest. */
gboolean
clm_ca_csr_is_as_ordered (GBytes *csr, const ClmCaOrder *order)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (csr, &size);
  Csr parts;

  return read_csr (data, size, &parts) && is_equal (parts.spki.full, parts.spki.full_size, order->spki) &&
         is_equal (parts.subject.full, parts.subject.full_size, order->subject_name) &&
         fits_extensions (&parts.attributes, order) && is_signed (&parts);
}

/* Every form */

/* The refusals of this file all say REJECTED: the same order would be refused again. */
static gboolean
refuse (GError **error)
{
  if (error != NULL && *error != NULL)
    (*error)->code = CLM_ERROR_REJECTED;
  return FALSE;
}

static gboolean
check_csr_subject (const ClmCaOrder *order, X509_REQ *csr, GError **error)
{
  const guint8 *at = g_bytes_get_data (order->subject_name, NULL);
  g_autoptr (X509_NAME) ours = d2i_X509_NAME (NULL, &at, (long) g_bytes_get_size (order->subject_name));
  g_autofree char *theirs = NULL;

  if (ours != NULL && clm_x509_name_equal (ours, X509_REQ_get_subject_name (csr)))
    return TRUE;
  theirs = clm_x509_request_get_subject (csr);
  g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request asks for subject “%s” instead of “%s”", theirs,
               order->subject ? order->subject : "");
  return FALSE;
}

static gboolean
check_csr_names (const ClmCaOrder *order, X509_REQ *csr, GError **error)
{
  guint others = 0;

  for (guint kind = 0; kind < CLM_N_NAME_KINDS; kind++) {
    g_auto (GStrv) names = clm_x509_request_get_names (csr, (ClmNameKind) kind, &others, error);

    if (names == NULL)
      return refuse (error);
    if (clm_x509_names_equal ((ClmNameKind) kind, (const char *const *) names, (const char *const *) order->names[kind]))
      continue;
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request asks for other %s names than those ordered",
                 clm_name_kind_get_nick ((ClmNameKind) kind));
    return FALSE;
  }
  if (others > 0) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request asks for alternative names of a kind that was not ordered");
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_csr_usages (const ClmCaOrder *order, X509_REQ *csr, GError **error)
{
  g_auto (GStrv) usages = clm_x509_request_get_usages (csr);

  for (guint i = 0; usages[i] != NULL; i++) {
    if (g_strv_contains ((const char *const *) order->usages, usages[i]))
      continue;
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request asks for usage “%s”, which was not ordered", usages[i]);
    return FALSE;
  }
  /* A CSR that names usages at all must name all of them. */
  if (usages[0] != NULL && g_strv_length (usages) != g_strv_length (order->usages)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request does not ask for every usage that was ordered");
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_csr_ca (const ClmCaOrder *order, X509_REQ *csr, GError **error)
{
  int path_length = -1;
  gboolean wants_ca = clm_x509_request_wants_ca (csr, &path_length);

  if (wants_ca && !order->is_ca) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request asks for a CA certificate, which was not ordered");
    return FALSE;
  }
  if (wants_ca && path_length != order->path_length) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request asks for path length %d instead of %d", path_length, order->path_length);
    return FALSE;
  }
  return TRUE;
}

/* The extensions that the checks above have looked at, and key usage, which the profile decides alone. */
static gboolean
check_csr_extensions (X509_REQ *csr, GError **error)
{
  static const int known[] = { NID_subject_alt_name, NID_ext_key_usage, NID_basic_constraints, NID_key_usage, NID_subject_key_identifier };
  g_autoptr (ClmExtensionStack) extensions = X509_REQ_get_extensions (csr);

  for (int i = 0; i < sk_X509_EXTENSION_num (extensions); i++) {
    int nid = OBJ_obj2nid (X509_EXTENSION_get_object (sk_X509_EXTENSION_value (extensions, i)));
    gboolean is_known = FALSE;

    for (guint j = 0; j < G_N_ELEMENTS (known); j++)
      is_known |= nid == known[j];
    if (!is_known) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request asks for extension %s, which this CA does not give",
                   nid == NID_undef ? "(unknown)" : OBJ_nid2sn (nid));
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
clm_ca_csr_check (GBytes *csr, const ClmCaOrder *order, GError **error)
{
  g_autoptr (X509_REQ) request = clm_x509_request_parse (csr, error);
  g_autoptr (GBytes) spki = NULL;

  if (request == NULL)
    return refuse (error);
  spki = clm_x509_request_get_spki (request);
  if (spki == NULL || !g_bytes_equal (spki, order->spki)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request is for another key than the ordered one");
    return FALSE;
  }
  return check_csr_subject (order, request, error) && check_csr_names (order, request, error) &&
         check_csr_usages (order, request, error) && check_csr_ca (order, request, error) && check_csr_extensions (request, error);
}
