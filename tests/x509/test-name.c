/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "name.h"

#include <string.h>

static void
test_round_trip (void)
{
  static const struct {
    const char *text, *back;
  } rows[] = {
    { "CN=gw-17,OU=Line 3,O=Example,C=DE", NULL },
    { "CN=a+serialNumber=7,O=b", NULL },
    { "cn = gw , o=Example Ltd ", "CN=gw,O=Example Ltd" },
    { "CN=a\\, b \\+ c\\\\", "CN=a\\, b \\+ c\\\\" },
    { "CN=J\\c3\\bcrgen", "CN=Jürgen" },
    { "CN=Grüße", NULL },
    { "UID=7,DC=example,DC=com", NULL },
    { "emailAddress=a@example.com", NULL },
    { "2.5.4.46=x", "dnQualifier=x" },
    { "", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (X509_NAME) name = clm_x509_name_parse (rows[i].text, &error);
    g_assert_no_error (error);
    g_autofree char *text = clm_x509_name_to_text (name);
    g_assert_cmpstr (text, ==, rows[i].back ? rows[i].back : rows[i].text);
    g_assert_false (clm_x509_name_has_control (name));
  }
}

static void
test_order (void)
{
  g_autoptr (X509_NAME) name = clm_x509_name_parse ("CN=gw,O=Example", NULL);
  g_autoptr (X509_NAME) same = clm_x509_name_parse ("CN=GW,O=example", NULL), swapped = clm_x509_name_parse ("O=Example,CN=gw", NULL);
  X509_NAME_ENTRY *first = X509_NAME_get_entry (name, 0);

  g_assert_cmpint (OBJ_obj2nid (X509_NAME_ENTRY_get_object (first)), ==, NID_organizationName);
  g_assert_true (clm_x509_name_equal (name, same));
  g_assert_false (clm_x509_name_equal (name, swapped));
}

static void
test_refused (void)
{
  static const char *const rows[] = {
    "gw", "CN", "CN=", "=x", "CN=a,", ",CN=a", "CN=a,,O=b", "CN=a;O=b", "CN=\"a\"", "CN=#0403", "CN=a\\", "CN=a\\0", "CN=a\\00b", "CN=a\nb",
    "CN=\\ff", "XY=a", "commonName=a", "C=DEU", "C=D", "serialNumber=a_b", "DC=ä", "9.9.9.9.=x",
    "CN=12345678901234567890123456789012345678901234567890123456789012345",
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_test_message ("%s", rows[i]);
    g_autoptr (X509_NAME) name = clm_x509_name_parse (rows[i], &error);
    g_assert_null (name);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
    g_assert_null (strchr (error->message, '\n'));
  }
}

static void
test_forms (void)
{
  static const struct {
    ClmNameKind kind;
    const char *text;
    gboolean    good;
  } rows[] = {
    { CLM_NAME_DNS, "gw", TRUE },
    { CLM_NAME_DNS, "gw-1.example.com", TRUE },
    { CLM_NAME_DNS, "*.example.com", TRUE },
    { CLM_NAME_DNS, "xn--bcher-kva.example", TRUE },
    { CLM_NAME_DNS, "_srv.example.com", TRUE },
    { CLM_NAME_DNS, "*.com", FALSE },
    { CLM_NAME_DNS, "*", FALSE },
    { CLM_NAME_DNS, "a*.example.com", FALSE },
    { CLM_NAME_DNS, "a.*.example.com", FALSE },
    { CLM_NAME_DNS, "", FALSE },
    { CLM_NAME_DNS, "a..b", FALSE },
    { CLM_NAME_DNS, "a.", FALSE },
    { CLM_NAME_DNS, "-a.example", FALSE },
    { CLM_NAME_DNS, "bücher.example", FALSE },
    { CLM_NAME_DNS, "a b", FALSE },
    { CLM_NAME_DNS, "192.0.2.1", FALSE },
    { CLM_NAME_DNS, "xn--99999999999999.example", FALSE },
    { CLM_NAME_DNS, "1234567890123456789012345678901234567890123456789012345678901234.example", FALSE },
    { CLM_NAME_IP, "192.0.2.1", TRUE },
    { CLM_NAME_IP, "2001:db8::1", TRUE },
    { CLM_NAME_IP, "192.0.2", FALSE },
    { CLM_NAME_IP, "fe80::1%eth0", FALSE },
    { CLM_NAME_IP, "192.0.2.1/24", FALSE },
    { CLM_NAME_URI, "urn:uuid:00000000-0000-0000-0000-000000000001", TRUE },
    { CLM_NAME_URI, "https://example.com/a", TRUE },
    { CLM_NAME_URI, "example.com", FALSE },
    { CLM_NAME_URI, "https://a b", FALSE },
    { CLM_NAME_EMAIL, "gw@example.com", TRUE },
    { CLM_NAME_EMAIL, "example.com", FALSE },
    { CLM_NAME_EMAIL, "a@b@c", FALSE },
    { CLM_NAME_EMAIL, "@example.com", FALSE },
    { CLM_NAME_EMAIL, "a@*.example.com", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_test_message ("%s", rows[i].text);
    g_assert_true (clm_x509_check_name (rows[i].kind, rows[i].text, NULL) == rows[i].good);
  }
}

static void
test_build_and_list (void)
{
  static const char *const dns[] = { "b.example", "a.example", NULL }, *const ip[] = { "2001:db8:0:0::1", "192.0.2.1", NULL };
  ClmNames names = { .values = { dns, ip } };
  g_autoptr (GError) error = NULL;
  g_autoptr (GENERAL_NAMES) built = clm_x509_names_build (&names, &error);
  guint others;

  g_assert_no_error (error);
  g_auto (GStrv) dns_again = clm_x509_names_list (built, CLM_NAME_DNS, &others, &error);
  g_auto (GStrv) ip_again = clm_x509_names_list (built, CLM_NAME_IP, NULL, &error);
  g_auto (GStrv) none = clm_x509_names_list (built, CLM_NAME_URI, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (others, ==, 0);
  g_assert_true (g_strv_equal ((const char *const *) dns_again, dns));
  g_assert_cmpstr (ip_again[0], ==, "2001:db8::1");
  g_assert_cmpuint (g_strv_length (none), ==, 0);
}

static void
test_compare (void)
{
  static const char *const a[] = { "GW.example", "b.example", NULL }, *const b[] = { "b.example", "gw.EXAMPLE", "gw.example", NULL };
  static const char *const mail_a[] = { "Gw@Example.com", NULL }, *const mail_b[] = { "Gw@example.com", NULL }, *const mail_c[] = { "gw@example.com", NULL };

  g_assert_true (clm_x509_names_equal (CLM_NAME_DNS, a, b));
  g_assert_false (clm_x509_names_equal (CLM_NAME_URI, a, b));
  g_assert_true (clm_x509_names_equal (CLM_NAME_DNS, NULL, NULL));
  g_assert_false (clm_x509_names_equal (CLM_NAME_DNS, a, NULL));
  g_assert_true (clm_x509_names_equal (CLM_NAME_EMAIL, mail_a, mail_b));
  g_assert_false (clm_x509_names_equal (CLM_NAME_EMAIL, mail_a, mail_c));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/name/round-trip", test_round_trip);
  g_test_add_func ("/name/order-and-comparison", test_order);
  g_test_add_func ("/name/refused", test_refused);
  g_test_add_func ("/name/alternative/forms", test_forms);
  g_test_add_func ("/name/alternative/build-and-list", test_build_and_list);
  g_test_add_func ("/name/alternative/compare", test_compare);
  return g_test_run ();
}
