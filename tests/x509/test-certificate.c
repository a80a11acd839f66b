/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certificate.h"

#include "openssl-error.h"

#include <string.h>

static X509 *
make (gint64 not_before, gint64 not_after)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  g_autoptr (X509_NAME) name = clm_x509_name_parse ("CN=gw,O=Example", NULL);
  g_autoptr (ASN1_STRING) from = clm_x509_time_from_epoch (not_before), to = clm_x509_time_from_epoch (not_after);
  static const struct {
    int         nid;
    const char *value;
  } extensions[] = {
    { NID_subject_alt_name, "DNS:gw.example,IP:192.0.2.1,RID:1.2.3" }, { NID_ext_key_usage, "serverAuth,1.2.3.4" },
    { NID_basic_constraints, "critical,CA:TRUE,pathlen:3" },           { NID_key_usage, "keyCertSign" },
  };
  X509 *certificate = X509_new ();

  X509_set_version (certificate, X509_VERSION_3);
  ASN1_INTEGER_set (X509_get_serialNumber (certificate), 0x1abc);
  X509_set_subject_name (certificate, name);
  X509_set_issuer_name (certificate, name);
  X509_set1_notBefore (certificate, from);
  X509_set1_notAfter (certificate, to);
  X509_set_pubkey (certificate, key);
  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++) {
    g_autoptr (X509_EXTENSION) extension = X509V3_EXT_conf_nid (NULL, NULL, extensions[i].nid, extensions[i].value);
    X509_add_ext (certificate, extension, -1);
  }
  X509_sign (certificate, key, EVP_sha256 ());
  return certificate;
}

static void
test_fields (void)
{
  g_autoptr (X509) certificate = make (0, 1);
  g_autoptr (GError) error = NULL;
  g_autofree char *serial = clm_x509_get_serial (certificate), *subject = clm_x509_get_subject (certificate);
  g_autofree char *fingerprint = clm_x509_get_fingerprint (certificate);
  g_auto (GStrv) usages = clm_x509_get_usages (certificate);
  guint others;
  g_auto (GStrv) dns = clm_x509_get_names (certificate, CLM_NAME_DNS, &others, &error);
  g_auto (GStrv) ip = clm_x509_get_names (certificate, CLM_NAME_IP, NULL, &error);
  int path_length;

  g_assert_no_error (error);
  g_assert_cmpstr (serial, ==, "1abc");
  g_assert_cmpstr (subject, ==, "CN=gw,O=Example");
  g_assert_cmpuint (strlen (fingerprint), ==, 64);
  g_assert_cmpstr (usages[0], ==, "server");
  g_assert_cmpstr (usages[1], ==, "1.2.3.4");
  g_assert_cmpstr (dns[0], ==, "gw.example");
  g_assert_cmpstr (ip[0], ==, "192.0.2.1");
  g_assert_cmpuint (others, ==, 1);
  g_assert_true (clm_x509_is_ca (certificate, &path_length));
  g_assert_cmpint (path_length, ==, 3);
  g_assert_cmphex (clm_x509_get_key_usage (certificate), ==, KU_KEY_CERT_SIGN);
  g_assert_cmpstr (clm_x509_get_key_type (certificate), ==, CLM_KEY_TYPE_EC_P256);
  g_assert_true (clm_x509_is_self_signed (certificate));
}

/* Both kinds of time, leap days, and the ends */
static void
test_times (void)
{
  static const struct {
    gint64      epoch;
    const char *text;
    int         type;
  } rows[] = {
    { G_GINT64_CONSTANT (-631152000), "500101000000Z", V_ASN1_UTCTIME },
    { -1, "691231235959Z", V_ASN1_UTCTIME },
    { 0, "700101000000Z", V_ASN1_UTCTIME },
    { 951782400, "000229000000Z", V_ASN1_UTCTIME },
    { 2147483648, "380119031408Z", V_ASN1_UTCTIME },
    { G_GINT64_CONSTANT (2524607999), "491231235959Z", V_ASN1_UTCTIME },
    { G_GINT64_CONSTANT (2524608000), "20500101000000Z", V_ASN1_GENERALIZEDTIME },
    { G_GINT64_CONSTANT (4107542400), "21000301000000Z", V_ASN1_GENERALIZEDTIME },
    { G_GINT64_CONSTANT (253402300799), "99991231235959Z", V_ASN1_GENERALIZEDTIME },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (ASN1_STRING) time = clm_x509_time_from_epoch (rows[i].epoch);
    gint64 epoch;
    g_assert_cmpstr ((const char *) ASN1_STRING_get0_data (time), ==, rows[i].text);
    g_assert_cmpint (ASN1_STRING_type (time), ==, rows[i].type);
    g_assert_true (clm_x509_time_to_epoch (time, &epoch, NULL));
    g_assert_cmpint (epoch, ==, rows[i].epoch);
  }
}

static void
test_validity_to_the_end_of_time (void)
{
  g_autoptr (X509) certificate = make (1700000000, G_GINT64_CONSTANT (253402300799));
  gint64 not_before, not_after;

  g_assert_true (clm_x509_get_validity (certificate, &not_before, &not_after, NULL));
  g_assert_cmpint (not_before, ==, 1700000000);
  g_assert_cmpint (not_after, ==, G_GINT64_CONSTANT (253402300799));
}

static void
test_pem (void)
{
  g_autoptr (X509) certificate = make (0, 1);
  g_autofree char *pem = clm_x509_to_pem (certificate), *text = g_strconcat ("first\n", pem, "second\n", pem, NULL);
  g_autofree char *cut = g_strndup (pem, strlen (pem) / 2);
  g_autofree char *mixed = g_strconcat (pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", NULL);
  g_autoptr (GString) many = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) two = clm_x509_parse_pem (text, -1, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (two->len, ==, 2);
  g_assert_cmpint (X509_cmp (two->pdata[1], certificate), ==, 0);
  for (guint i = 0; i <= CLM_CHAIN_MAX; i++)
    g_string_append (many, pem);
  const char *bad[] = { "", "nothing", cut, mixed, many->str };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) refused = NULL;
    g_assert_null (clm_x509_parse_pem (bad[i], -1, &refused));
    g_assert_error (refused, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  clm_x509_init ();
  g_test_add_func ("/certificate/fields", test_fields);
  g_test_add_func ("/certificate/times", test_times);
  g_test_add_func ("/certificate/validity-to-the-end-of-time", test_validity_to_the_end_of_time);
  g_test_add_func ("/certificate/pem", test_pem);
  return g_test_run ();
}
