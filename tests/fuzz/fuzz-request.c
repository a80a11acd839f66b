/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/x509/request.c, and ca-local's order, which must get exactly what it ordered. Input: flags; a PKCS#10 request, or what of one is to be signed. */
#include "fuzz.h"

#include <string.h>

#include "der.h"
#include "order.h"
#include "request.h"
#include "signer.h"

enum { FLAG_SIGN = 1, FLAG_CA = 2 };

const gsize clm_fuzz_head = 1;

static GStrv
make_list (const char *word)
{
  const char *words[] = { word, NULL };

  return g_strdupv ((char **) words);
}

static GBytes *
make_subject (void)
{
  g_autoptr (X509_NAME) name = clm_x509_name_parse ("CN=Leaf", NULL);
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_X509_NAME (name, &der);

  return g_bytes_new (der, (gsize) size);
}

/* What the order is for does not come out of the input. */
static ClmCaOrder *
make_order (gboolean is_ca)
{
  ClmCaOrder *order = g_atomic_rc_box_new0 (ClmCaOrder);

  order->certificate = g_strdup ("leaf");
  order->subject = g_strdup ("CN=Leaf");
  order->subject_name = make_subject ();
  order->subject_parts = make_list ("CN=Leaf");
  order->names[CLM_NAME_DNS] = make_list ("web.example");
  for (guint kind = CLM_NAME_DNS + 1; kind < CLM_N_NAME_KINDS; kind++)
    order->names[kind] = make_list (NULL);
  order->usages = make_list ("server");
  order->is_ca = is_ca;
  order->path_length = is_ca ? 0 : -1;
  order->spki = g_bytes_ref (clm_fuzz_get_spki (CLM_FUZZ_LEAF));
  order->key_type = "ed25519";
  return order;
}

static void
check_fields (X509_REQ *request, GBytes *der)
{
  g_autoptr (GBytes) again = clm_x509_request_to_der (request), spki = clm_x509_request_get_spki (request);
  g_autoptr (EVP_PKEY) key = clm_x509_request_get_key (request);
  g_autofree char *subject = clm_x509_request_get_subject (request), *password = clm_x509_request_get_challenge_password (request);
  g_auto (GStrv) usages = clm_x509_request_get_usages (request);
  int path_length;

  g_assert_true (g_bytes_equal (again, der));
  g_assert_true (key != NULL && g_bytes_get_size (spki) > 0);
  g_assert_cmpint (X509_REQ_verify (request, key), ==, 1);
  g_assert_cmpint (EVP_PKEY_get_security_bits (key), >=, 112);
  clm_fuzz_assert_text (subject);
  g_assert_true (password == NULL || g_utf8_validate (password, -1, NULL));
  for (guint i = 0; usages[i] != NULL; i++)
    clm_fuzz_assert_text (usages[i]);
  g_assert_true (clm_x509_request_wants_ca (request, &path_length) || path_length >= -1);
}

static void
check_obeys (X509_REQ *request, const ClmCaOrder *order)
{
  g_autoptr (ClmExtensionStack) extensions = X509_REQ_get_extensions (request);
  g_autoptr (GENERAL_NAMES) names = X509V3_get_d2i (extensions, NID_subject_alt_name, NULL, NULL);
  int path_length;

  g_assert_cmpint (EVP_PKEY_eq (X509_REQ_get0_pubkey (request), clm_fuzz_get_key (CLM_FUZZ_LEAF)), ==, 1);
  g_assert_cmpint (X509_NAME_entry_count (X509_REQ_get_subject_name (request)), ==, 1);
  g_assert_cmpint (sk_GENERAL_NAME_num (names), >=, 1);
  for (int i = 0; i < sk_GENERAL_NAME_num (names); i++) {
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value (sk_GENERAL_NAME_value (names, i), &type);
    g_assert_cmpint (type, ==, GEN_DNS);
    g_assert_cmpint (ASN1_STRING_length (value), ==, 11);
    g_assert_cmpint (g_ascii_strncasecmp ((const char *) ASN1_STRING_get0_data (value), "web.example", 11), ==, 0);
  }
  if (clm_x509_request_wants_ca (request, &path_length))
    g_assert_true (order->is_ca && path_length == order->path_length);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  guint flags = clm_fuzz_take_byte (&in);
  g_autoptr (GBytes) rest = clm_fuzz_take_rest (&in);
  g_autoptr (GBytes) der = flags & FLAG_SIGN ? clm_fuzz_sign (rest, CLM_FUZZ_LEAF) : g_bytes_ref (rest);
  g_autoptr (ClmCaOrder) order = make_order ((flags & FLAG_CA) != 0);
  g_autoptr (GError) error = NULL, refusal = NULL;
  g_autoptr (X509_REQ) request = clm_x509_request_parse (der, &error);

  if (request != NULL)
    check_fields (request, der);
  else
    clm_fuzz_assert_error (error);
  if (clm_ca_order_check_csr (order, der, &refusal)) {
    g_assert_nonnull (request);
    check_obeys (request, order);
    clm_fuzz_accept ();
    return;
  }
  clm_fuzz_assert_error (refusal);
  g_assert_error (refusal, CLM_ERROR, CLM_ERROR_REJECTED);
}

static void
append (GByteArray *out, const char *hex)
{
  for (; hex[0] != '\0'; hex += 2)
    g_byte_array_append (out, (guint8[]) { (guint8) (g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1])) }, 1);
}

static GBytes *
make_info (gboolean with_ca)
{
  static const char names[] = "301606" "03551d11" "040f300d820b7765622e6578616d706c65";
  static const char usages[] = "301306" "03551d25" "040c300a06082b06010505070301";
  static const char ca[] = "301206" "03551d13" "0101ff" "040830060101ff020100";
  GByteArray *out = g_byte_array_new ();
  g_autoptr (GBytes) subject = make_subject ();
  gsize info = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE), attributes, attribute, set, list;

  append (out, "020100");
  clm_ca_der_put_bytes (out, subject);
  clm_ca_der_put_bytes (out, clm_fuzz_get_spki (CLM_FUZZ_LEAF));
  attributes = clm_ca_der_open (out, CLM_CA_DER_EXPLICIT (0));
  append (out, "3018" "06092a864886f70d010907" "310b0c097061737320776f7264");
  attribute = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  append (out, "06092a864886f70d01090e");
  set = clm_ca_der_open (out, CLM_CA_DER_SET);
  list = clm_ca_der_open (out, CLM_CA_DER_SEQUENCE);
  append (out, names);
  append (out, usages);
  if (with_ca)
    append (out, ca);
  clm_ca_der_close (out, list);
  clm_ca_der_close (out, set);
  clm_ca_der_close (out, attribute);
  clm_ca_der_close (out, attributes);
  clm_ca_der_close (out, info);
  return g_byte_array_free_to_bytes (out);
}

static void
seed (const char *name, guint8 flags, GBytes *der)
{
  g_autoptr (GByteArray) out = g_byte_array_append (g_byte_array_new (), &flags, 1);

  g_byte_array_append (out, g_bytes_get_data (der, NULL), (guint) g_bytes_get_size (der));
  clm_fuzz_seed (name, out->data, out->len);
}

void
clm_fuzz_make_seeds (void)
{
  g_autoptr (GBytes) info = make_info (FALSE), ca = make_info (TRUE), whole = clm_fuzz_sign (info, CLM_FUZZ_LEAF);
  g_autoptr (ClmCaOrder) order = make_order (FALSE);
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_ca_order_check_csr (order, whole, &error));
  seed ("to-be-signed", FLAG_SIGN, info);
  seed ("ca", FLAG_SIGN | FLAG_CA, ca);
  seed ("whole", 0, whole);
}
