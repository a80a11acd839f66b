/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of all kinds: distinguished and alternative ones, what may be asked for, path elements of the bus, files of keys. Input: three texts behind each other. */
#include "fuzz.h"

#include <string.h>

#include "file-name.h"
#include "name-patterns.h"
#include "name.h"
#include "names.h"
#include "pattern.h"
#include "request-spec.h"
#include "unit.h"

static void
check_distinguished (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (X509_NAME) name = clm_x509_name_parse (text, &error), same = NULL, again = NULL;
  g_autofree char *shown = NULL;
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  const guint8 *at;
  int size;

  if (name == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  g_assert_false (clm_x509_name_has_control (name));
  shown = clm_x509_name_to_text (name);
  clm_fuzz_assert_text (shown);
  size = i2d_X509_NAME (name, &der);
  at = der;
  same = d2i_X509_NAME (NULL, &at, size);
  g_assert_true (same != NULL && clm_x509_name_equal (name, same));
  /* An OID that libcrypto has a word for is shown by it, and is not read by it. */
  again = clm_x509_name_parse (shown, NULL);
  if (again != NULL)
    g_assert_true (clm_x509_name_equal (name, again));
  else
    g_assert_true (strpbrk (text, "0123456789") != NULL && strchr (text, '.') != NULL);
}

static void
check_alternative (const char *text)
{
  for (ClmNameKind kind = 0; kind < CLM_N_NAME_KINDS; kind++) {
    const char *const list[] = { text, NULL };
    ClmNames names = { { NULL } };
    g_autoptr (GError) error = NULL;
    g_autoptr (GENERAL_NAMES) built = NULL;
    g_auto (GStrv) back = NULL;

    names.values[kind] = list;
    if (!clm_x509_check_name (kind, text, &error)) {
      clm_fuzz_assert_error (error);
      g_assert_null (clm_x509_names_build (&names, NULL));
      continue;
    }
    clm_fuzz_assert_text (text);
    built = clm_x509_names_build (&names, &error);
    g_assert_no_error (error);
    back = clm_x509_names_list (built, kind, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (g_strv_length (back), ==, 1);
    g_assert_true (clm_x509_names_equal (kind, list, (const char *const *) back));
    g_assert_true (clm_x509_check_name (kind, back[0], NULL));
    if (kind == CLM_NAME_DNS)
      g_assert_cmpuint (strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*"), ==, strlen (text));
  }
}

/* Whoever may ask below a domain may ask for nothing that does not end in it. */
static void
check_allowed (const char *pattern, const char *name)
{
  const char *const own[] = { pattern, NULL }, *const below[] = { ".plant.example", NULL }, *const label[] = { "*.plant.example", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *lower = g_ascii_strdown (name, -1);

  if (clm_name_pattern_check (pattern, &error)) {
    clm_fuzz_assert_text (pattern);
    for (ClmNameKind kind = 0; kind < CLM_N_NAME_KINDS; kind++)
      g_assert_false (clm_name_patterns_match (own, kind, name) && strchr (name, '*'));
    clm_name_patterns_match_text (own, name);
  } else
    clm_fuzz_assert_error (error);
  if (clm_name_patterns_match (below, CLM_NAME_DNS, name))
    g_assert_true (g_str_has_suffix (lower, ".plant.example") && !strchr (name, '*'));
  if (clm_name_patterns_match (label, CLM_NAME_DNS, name))
    g_assert_true (g_str_has_suffix (lower, ".plant.example") && strchr (name, '.') + strlen (".plant.example") == name + strlen (name));
  g_clear_error (&error);
  if (!clm_ca_pattern_check (pattern, &error))
    clm_fuzz_assert_error (error);
  for (ClmCaNameKind kind = CLM_CA_NAME_DNS; kind <= CLM_CA_NAME_SUBJECT; kind++)
    clm_ca_pattern_matches (pattern, kind, name);
  if (clm_ca_pattern_matches ("*.plant.example", CLM_CA_NAME_DNS, name))
    g_assert_true (g_str_has_suffix (lower, ".plant.example"));
}

static void
check_bus_names (const char *text)
{
  g_autofree char *element = clm_bus_names_escape (text), *back = clm_bus_names_unescape (element), *path = NULL, *other = NULL;
  guint64 id;

  g_assert_cmpstr (back, ==, text);
  path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, text);
  g_assert_true (g_variant_is_object_path (path));
  g_assert_true (clm_bus_names_is_valid (text) == clm_name_is_valid (text));
  g_assert_true (clm_bus_request_check_name (text, NULL) == clm_name_is_valid (text));
  g_assert_true (clm_bus_request_check_instance (text, NULL) == (*text == '\0' || clm_instance_name_is_valid (text)));
  /* One thing has one path. */
  other = clm_bus_names_unescape (text);
  if (other != NULL) {
    g_autofree char *again = clm_bus_names_escape (other);
    g_assert_cmpstr (again, ==, text);
  }
  if (clm_bus_names_parse_job (text, &id)) {
    g_autofree char *job = clm_bus_names_build_job_path (id);
    g_assert_true (g_str_has_suffix (job, text));
  }
}

static void
check_file_name (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = clm_file_name_from_id (text, &error), *back = NULL, *id = NULL;

  if (name == NULL)
    clm_fuzz_assert_error (error);
  else {
    g_assert_true (*name != '.' && strchr (name, '/') == NULL && strlen (name) <= 255 && g_str_is_ascii (name));
    back = clm_file_name_to_id (name);
    g_assert_cmpstr (back, ==, text);
  }
  id = clm_file_name_to_id (text);
  if (id != NULL) {
    g_autofree char *again = clm_file_name_from_id (id, NULL);
    g_assert_cmpstr (again, ==, text);
  }
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  g_autofree char *text = clm_fuzz_take_text (&in), *pattern = clm_fuzz_take_line (&in), *name = clm_fuzz_take_utf8 (&in);

  check_distinguished (text);
  clm_fuzz_accept ();   /* each text is something to one of them */
  check_alternative (text);
  check_bus_names (text);
  check_file_name (text);
  check_allowed (pattern, name);
}

void
clm_fuzz_make_seeds (void)
{
  static const char *const texts[][4] = {
    { "subject", "CN=gw-17+serialNumber=5,O=Ex\\, ample,2.5.4.9=x", "*.plant.example", "pump.plant.example" },
    { "dns", "*.xn--mnchen-3ya.example", ".plant.example", "a.b.plant.example" },
    { "address", "fd00::1", "10.2.0.0/16", "10.2.3.4" },
    { "uri", "spiffe://plant/pump", "urn:plant:pump-*", "urn:plant:pump-1" },
    { "mail", "ops@plant.example", "@plant.example", "a@plant.example" },
    { "element", "_31a_2eb", "subject:CN=*,O=Plant", "CN=x\nO=Plant" },
    { "file", "%2Ea.pem", "ip:10.0.0.0/8", "10.1.1.1" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GByteArray) out = g_byte_array_new ();
    for (guint j = 1; j < 4; j++)
      g_byte_array_append (out, (const guint8 *) texts[i][j], (guint) strlen (texts[i][j]) + 1);
    clm_fuzz_seed (texts[i][0], out->data, out->len);
  }
}
