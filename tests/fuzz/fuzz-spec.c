/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a certificate shall be: core/engine/spec*.c. Input: what it is: a certificate's file, a template (then the instance, and keys and
 * values that somebody on the bus gives), or a stored request of another time; the texts apart by NULs.
 */
#include "fuzz.h"

#include <string.h>

#include "accounts.h"
#include "calendar-window.h"
#include "certificate.h"
#include "deliver-protocol.h"
#include "spec.h"

enum { MODE_FILE, MODE_REQUEST, MODE_STORED, N_MODES };

#define MAX_OVERRIDES 6
#define STRANGER 1000

static ClmSpecifiers machine = { (char *) "gw", (char *) "m1", (char *) "SN-1" };
static const ClmSpecContext context = { &machine, &accounts, NULL };

static void
assert_names (ClmNameKind kind, GStrv names)
{
  g_assert_nonnull (names);
  for (guint i = 0; names[i] != NULL; i++)
    g_assert_true (clm_x509_check_name (kind, names[i], NULL));
}

static void
assert_words (GStrv words, gboolean (*is_good) (const char *))
{
  g_assert_nonnull (words);
  for (guint i = 0; words[i] != NULL; i++)
    g_assert_true (is_good (words[i]));
}

static gboolean
is_usage (const char *word)
{
  g_autoptr (ASN1_OBJECT) object = clm_x509_usage_to_object (word, NULL);

  return object != NULL;
}

/* "Everything in it has been checked", says spec.h. */
static void
check_spec (ClmSpec *spec)
{
  g_autoptr (X509_NAME) subject = clm_x509_name_parse (spec->subject, NULL);
  g_autoptr (ClmCalendarWindows) windows = spec->window ? clm_calendar_windows_parse (spec->window, NULL) : NULL;

  clm_fuzz_accept ();
  g_assert_true (clm_name_is_valid (spec->name));
  g_assert_nonnull (subject);
  g_assert_true (spec->window == NULL || windows != NULL);
  assert_names (CLM_NAME_DNS, spec->dns_names);
  assert_names (CLM_NAME_IP, spec->ip_addresses);
  assert_names (CLM_NAME_URI, spec->uris);
  assert_names (CLM_NAME_EMAIL, spec->emails);
  assert_words (spec->usages, is_usage);
  assert_words (spec->authorities, clm_name_is_valid);
  assert_words (spec->bootstrap, clm_name_is_valid);
  assert_words (spec->deliveries, clm_name_is_valid);
  g_assert_true (spec->authorities[0] != NULL);
  g_assert_true (spec->key_store == NULL || clm_name_is_valid (spec->key_store));
  g_assert_true (spec->key_type != NULL && *spec->key_type != '\0');
  g_assert_true (spec->path_length >= -1 && (spec->is_ca || spec->path_length == -1));
  g_assert_true (spec->validity >= 0 && spec->max_validity >= 0 && spec->spread >= -1);
  g_assert_true (spec->renew_at == CLM_RENEW_AT_LEFT ? spec->renew_left > 0 : spec->renew_share > 0 && spec->renew_share < 1);
  g_assert_true (spec->keep_generations == 0 || (spec->keep_generations >= 2 && spec->keep_generations <= 100));
  g_assert_true (spec->min_rsa_bits >= 2048 && spec->min_ec_bits >= 256);
  g_assert_true (spec->must_chain_to == NULL || *spec->must_chain_to == '/');
  g_assert_true (spec->probe == NULL || clm_deliver_address_is_valid (spec->probe));
  g_assert_true (strlen (spec->digest) == 64 && strlen (spec->issue_digest) == 64);
  g_assert_nonnull (spec->access);
}

/* What goes into the database comes back as it was. */
static void
check_stored (ClmSpec *spec)
{
  g_autofree char *text = clm_spec_serialize (spec), *text_again = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) again = clm_spec_deserialize (text, &context, &error);

  g_assert_no_error (error);
  check_spec (again);
  g_assert_cmpstr (again->name, ==, spec->name);
  g_assert_cmpstr (again->digest, ==, spec->digest);
  g_assert_cmpstr (again->issue_digest, ==, spec->issue_digest);
  g_assert_cmpuint (again->requester, ==, spec->requester);
  g_assert_cmpstr (again->template_name, ==, spec->template_name);
  g_assert_cmpstr (again->instance, ==, spec->instance);
  text_again = clm_spec_serialize (again);
  g_assert_cmpstr (text_again, ==, text);
}

static void
check_file (ClmFuzzInput *in)
{
  g_autofree char *text = clm_fuzz_take_text (in);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) raw = clm_unit_new_from_text ("web", "/etc/certloom/certificates.d/web.certificate", text, &error), unit = NULL;
  g_autoptr (ClmSpec) spec = NULL;

  unit = raw != NULL ? clm_unit_expand (raw, &machine, &error) : NULL;
  spec = unit != NULL ? clm_spec_new_from_unit (unit, &context, &error) : NULL;
  if (spec == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  check_spec (spec);
  g_assert_cmpint (spec->origin, ==, CLM_ORIGIN_FILE);
  g_assert_null (spec->request);
}

/* A stranger gets nothing but what the template allows. */
static void
check_bounds (ClmSpec *spec)
{
  for (guint i = 0; spec->dns_names[i] != NULL; i++)
    if (!g_str_equal (spec->dns_names[i], "fixed.example"))
      g_assert_true (g_str_has_suffix (spec->dns_names[i], ".plant.example") && !strchr (spec->dns_names[i], '*'));
  g_assert_cmpuint (g_strv_length (spec->ip_addresses) + g_strv_length (spec->uris) + g_strv_length (spec->emails), ==, 0);
  g_assert_false (spec->is_ca);
  g_assert_true (spec->enabled && spec->must_chain_to == NULL && spec->exportable);
  g_assert_cmpstr (spec->authorities[0], ==, "corp");
  g_assert_cmpuint (spec->requester, ==, STRANGER);
  g_assert_true (g_str_has_prefix (spec->name, "vpn-"));
}

static void
check_request (ClmFuzzInput *in)
{
  static const char own[] = "[Certificate]\nDNS=fixed.example %i.plant.example\nAuthority=corp\n[Access]\nOwner=bob\nAllowedNames=.plant.example\n";
  gboolean as_root = clm_fuzz_take_byte (in) & 1;
  g_autofree char *template_text = clm_fuzz_take_text (in), *name = clm_fuzz_take_utf8 (in), *instance = clm_fuzz_take_utf8 (in);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) unit = clm_unit_new_from_text ("vpn@", "/etc/certloom/certificates.d/vpn@.certificate", *template_text ? template_text : own, &error);
  g_autoptr (ClmOptions) options = clm_options_new ("request");
  g_autoptr (ClmCaller) caller = clm_caller_new (as_root ? 0 : STRANGER, NULL, 0);
  g_autoptr (ClmSpec) spec = NULL, rebased = NULL;

  if (unit == NULL || !clm_spec_check_template (unit, &context, &error)) {
    clm_fuzz_assert_error (error);
    return;
  }
  for (guint i = 0; i < MAX_OVERRIDES && in->left > 0; i++) {
    g_autofree char *key = clm_fuzz_take_utf8 (in), *value = clm_fuzz_take_utf8 (in);
    clm_options_set (options, key, value, NULL, 0);
  }
  spec = clm_spec_new_from_request (*name ? name : NULL, unit, instance, options, caller, &context, &error);
  if (spec == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  check_spec (spec);
  if (!as_root && !*template_text)
    check_bounds (spec);
  check_stored (spec);
  rebased = clm_spec_rebase (spec, unit, &context, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (rebased->digest, ==, spec->digest);
}

static void
check_stored_text (ClmFuzzInput *in)
{
  g_autofree char *text = clm_fuzz_take_text (in);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = clm_spec_deserialize (text, &context, &error);

  if (spec == NULL) {
    clm_fuzz_assert_error (error);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
    return;
  }
  check_spec (spec);
  check_stored (spec);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  static void (*const modes[N_MODES]) (ClmFuzzInput *) = { check_file, check_request, check_stored_text };
  ClmFuzzInput in = { data, size };

  modes[clm_fuzz_take_byte (&in) % N_MODES] (&in);
}

void
clm_fuzz_make_seeds (void)
{
  static const char file[] =
    "\000[Certificate]\nSubject=CN=%S,O=Example\nDNS=%H.plant.example *.a.example\nIP=10.0.0.1 FD00::0001\nURI=urn:plant:gw\nEmail=ops@plant.example\n"
    "Usages=server client 1.3.6.1.5.5.7.3.17\nProfile=device\nValidity=90d\nAuthority=corp spare\nBootstrap=factory\nKeyStore=tpm\nKeyType=rsa:3072\n"
    "RotateKey=never\nExportable=no\nKeepGenerations=5\n[Renewal]\nAt=30d\nWindow=Sun 02:00-05:00 local\nSpread=12h\n[Policy]\nMinRsaBits=3072\n"
    "MaxValidity=1y\nAllowedSignatures=ecdsa-sha256\nMustChainTo=/etc/ssl/root.pem\n[Delivery]\nDeliver=nginx mosquitto\nProbe=[::1]:443\n[Access]\nOwner=web\n";
  static const char ca[] = "\000[Certificate]\nSubject=CN=Sub CA\nAuthority=corp\nCA=yes\nPathLength=0\nEnabled=no\nRotateKey=always\n[Renewal]\nAt=66%\n";
  static const char request[] = "\001\000\000vpn-eth0\000eth0\000DNS\000a.plant.example b.plant.example\000Subject\000CN=x.plant.example";
  static const char by_root[] = "\001\001[Certificate]\nDNS=%i.example\nAuthority=corp\n[Access]\nAllowedNames=*.example\nAllowedOverrides=DNS Validity\n\000\000eth0\000Validity\00010d";
  static const char stored[] =
    "\002[Request]\nCertificate=vpn-eth0\nTemplate=vpn\nInstance=eth0\nUid=1000\n\n[Override Certificate]\nDNS=a.plant.example\n\n"
    "[Certificate]\nDNS=a.plant.example\nAuthority=corp\n";

  clm_fuzz_seed ("file", file, sizeof file - 1);
  clm_fuzz_seed ("ca", ca, sizeof ca - 1);
  clm_fuzz_seed ("request", request, sizeof request - 1);
  clm_fuzz_seed ("request-by-root", by_root, sizeof by_root - 1);
  clm_fuzz_seed ("stored", stored, sizeof stored - 1);
}
