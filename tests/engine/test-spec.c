/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "accounts.h"
#include "spec.h"

#include <string.h>

static ClmSpecifiers machine = { (char *) "gw", (char *) "m1", (char *) "SN-1" };
static const ClmSpecContext context = { &machine, &accounts, NULL };

static ClmUnit *
make_unit (const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) raw = clm_unit_new_from_text (name, "/etc/certloom/certificates.d/x", text, &error);
  ClmUnit *unit;

  g_assert_no_error (error);
  if (clm_unit_is_template (raw))
    return g_steal_pointer (&raw);
  unit = clm_unit_expand (raw, &machine, &error);
  g_assert_no_error (error);
  return unit;
}

static ClmSpec *
make_spec (const char *text)
{
  g_autoptr (ClmUnit) unit = make_unit ("web", text);
  g_autoptr (GError) error = NULL;
  ClmSpec *spec = clm_spec_new_from_unit (unit, &context, &error);

  g_assert_no_error (error);
  return spec;
}

static void
test_defaults (void)
{
  g_autoptr (ClmSpec) spec = make_spec ("[Certificate]\nDNS=Web.Example web.example\nAuthority=corp\n");

  g_assert_cmpstr (spec->name, ==, "web");
  g_assert_cmpint (spec->origin, ==, CLM_ORIGIN_FILE);
  g_assert_true (spec->enabled);
  g_assert_cmpuint (g_strv_length (spec->dns_names), ==, 1);
  g_assert_cmpstr (spec->dns_names[0], ==, "web.example");
  g_assert_cmpuint (g_strv_length (spec->uris) + g_strv_length (spec->usages) + g_strv_length (spec->deliveries), ==, 0);
  g_assert_null (spec->subject);
  g_assert_cmpstr (spec->key_type, ==, CLM_KEY_TYPE_EC_P256);
  g_assert_true (spec->rotate_key);
  g_assert_true (spec->exportable);
  g_assert_cmpint (spec->path_length, ==, -1);
  g_assert_cmpint (spec->renew_at, ==, CLM_RENEW_AT_SHARE);
  g_assert_cmpfloat_with_epsilon (spec->renew_share, 2.0 / 3, 1e-9);
  g_assert_cmpint (spec->spread, ==, -1);
  g_assert_cmpuint (spec->min_rsa_bits, ==, 2048);
}

static void
test_everything (void)
{
  g_autoptr (ClmSpec) spec = make_spec (
    "[Certificate]\nEnabled=no\nSubject=CN=%S,O=Example\nDNS=%H.plant.example *.a.example\nIP=10.0.0.1 FD00::0001\n"
    "URI=urn:plant:gw spiffe://x/y\nEmail=ops@plant.example\nUsages=server client 1.3.6.1.5.5.7.3.17\nProfile=device\n"
    "Validity=90d\nAuthority=corp spare\nBootstrap=factory\nKeyStore=tpm\nKeyType=rsa:3072\nRotateKey=never\nExportable=no\n"
    "KeepGenerations=5\n[Renewal]\nAt=30d\nWindow=Sun 02:00-05:00 local\nSpread=12h\n[Policy]\nMinRsaBits=3072\nMaxValidity=1y\n"
    "AllowedSignatures=ecdsa-sha256\nMustChainTo=/etc/ssl/root.pem\n[Delivery]\nDeliver=nginx mosquitto\nProbe=[::1]:443\n"
    "[Access]\nOwner=web\n");

  g_assert_false (spec->enabled);
  g_assert_cmpstr (spec->subject, ==, "CN=SN-1,O=Example");
  g_assert_cmpstr (spec->dns_names[0], ==, "gw.plant.example");
  g_assert_cmpstr (spec->ip_addresses[1], ==, "fd00::1");
  g_assert_cmpint (spec->validity, ==, 90 * 86400);
  g_assert_cmpstr (spec->authorities[1], ==, "spare");
  g_assert_cmpint (spec->renew_at, ==, CLM_RENEW_AT_LEFT);
  g_assert_cmpint (spec->renew_left, ==, 30 * 86400);
  g_assert_cmpint (spec->spread, ==, 12 * 3600);
  g_assert_cmpstr (spec->window, ==, "Sun 02:00-05:00 local");
  g_assert_cmpuint (spec->keep_generations, ==, 5);
  g_assert_cmpstr (spec->deliveries[1], ==, "mosquitto");
}

#define GOOD "[Certificate]\nDNS=a.example\nAuthority=corp\n"

typedef struct {
  const char *name;
  const char *text;
  const char *message;   /* what must be in it; the line is part of it */
  const char *hint;      /* (nullable): what must be in the hint */
} Refusal;

static const Refusal refusals[] = {
  { "unknown-key", GOOD "DnS=b.example\n", "x:4: ", "DNS" },
  { "unknown-key-elsewhere", GOOD "[Renewal]\nSprad=1h\n", "x:5: ", "Spread" },
  { "key-of-another-group", GOOD "[Renewal]\nDNS=b.example\n", "x:5: ", NULL },
  { "unknown-group", GOOD "[Renewl]\nAt=50%\n", "x:4: unknown group [Renewl]", "[Renewal]" },
  { "no-authority", "[Certificate]\nDNS=a.example\n", "Authority=: is missing", "authorities.d" },
  { "authority-path", "[Certificate]\nDNS=a.example\nAuthority=../x\n", "x:3: Authority=", NULL },
  { "authority-twice", "[Certificate]\nDNS=a.example\nAuthority=a b a\n", "stands there twice", NULL },
  { "no-name", "[Certificate]\nAuthority=corp\n", "has no name", "SubjectFromAuthority" },
  { "dns-label", "[Certificate]\nDNS=a..b\nAuthority=corp\n", "x:2: DNS=", NULL },
  { "dns-inner-wildcard", "[Certificate]\nDNS=a.*.example\nAuthority=corp\n", "x:2: DNS=", NULL },
  { "dns-long-label", "[Certificate]\nDNS=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example\nAuthority=corp\n", "x:2: DNS=", NULL },
  { "ip", "[Certificate]\nIP=10.0.0.300\nAuthority=corp\n", "x:2: IP=", NULL },
  { "uri-without-scheme", "[Certificate]\nURI=//host/path\nAuthority=corp\n", "x:2: URI=", NULL },
  { "email", "[Certificate]\nEmail=nobody\nAuthority=corp\n", "x:2: Email=", NULL },
  { "subject-attribute", "[Certificate]\nSubject=XYZ=a\nAuthority=corp\n", "x:2: Subject=", NULL },
  { "subject-syntax", "[Certificate]\nSubject=CN\nAuthority=corp\n", "x:2: Subject=", NULL },
  { "usage", GOOD "Usages=servr\n", "x:4: Usages=: unknown word \"servr\"", "server" },
  { "usage-oid", GOOD "Usages=1.2.x\n", "x:4: Usages=", NULL },
  { "profile", GOOD "Profile=a;b\n", "x:4: Profile=", NULL },
  { "boolean", GOOD "Enabled=maybe\n", "x:4: Enabled=", NULL },
  { "path-length", GOOD "PathLength=1\n", "x:4: PathLength=", NULL },
  { "validity-bare", GOOD "Validity=90\n", "x:4: Validity=", NULL },
  { "validity-short", GOOD "Validity=1s\n", "x:4: Validity=", NULL },
  { "key-type", GOOD "KeyType=rsa:1024\n", "x:4: KeyType=", "rsa:2048" },
  { "curve", GOOD "KeyType=ec:P-192\n", "x:4: KeyType=", NULL },
  { "two-stores", GOOD "KeyStore=a b\n", "x:4: KeyStore=", NULL },
  { "rotate", GOOD "RotateKey=sometimes\n", "x:4: RotateKey=", NULL },
  { "keep", GOOD "KeepGenerations=1\n", "x:4: KeepGenerations=", NULL },
  { "at-zero", GOOD "[Renewal]\nAt=0\n", "x:5: At=", NULL },
  { "at-zero-share", GOOD "[Renewal]\nAt=0%\n", "x:5: At=", NULL },
  { "at-whole", GOOD "[Renewal]\nAt=100%\n", "x:5: At=", NULL },
  { "at-longer-than-life", GOOD "Validity=1h\n[Renewal]\nAt=2h\n", "x:6: At=", NULL },
  { "at-word", GOOD "[Renewal]\nAt=soon\n", "x:5: At=", "At=66%" },
  { "window", GOOD "[Renewal]\nWindow=someday\n", "x:5: Window=", NULL },
  { "spread", GOOD "[Renewal]\nSpread=400d\n", "x:5: Spread=", NULL },
  { "max-validity", GOOD "Validity=90d\n[Policy]\nMaxValidity=30d\n", "x:6: MaxValidity=", NULL },
  { "weak-for-policy", GOOD "KeyType=rsa:2048\n[Policy]\nMinRsaBits=3072\n", "x:4: KeyType=: policy wants 3072 bits", NULL },
  { "signature", GOOD "[Policy]\nAllowedSignatures=sha1\n", "x:5: AllowedSignatures=", NULL },
  { "anchors-relative", GOOD "[Policy]\nMustChainTo=root.pem\n", "x:5: MustChainTo=", NULL },
  { "anchors-dots", GOOD "[Policy]\nMustChainTo=/etc/../x\n", "x:5: MustChainTo=", NULL },
  { "deliver-path", GOOD "[Delivery]\nDeliver=/etc/x\n", "x:5: Deliver=", NULL },
  { "probe", GOOD "[Delivery]\nProbe=host\n", "x:5: Probe=", NULL },
  { "probe-port", GOOD "[Delivery]\nProbe=host:0\n", "x:5: Probe=", NULL },
  { "owner", GOOD "[Access]\nOwner=nobody-here\n", "x:5: Owner=", "account" },
  { "allowed-names", GOOD "[Access]\nAllowedNames=a**b\n", "x:5: AllowedNames=", NULL },
  { "allowed-overrides", GOOD "[Access]\nAllowedOverrides=CA\n", "x:5: AllowedOverrides=: CA= is never overridden", NULL },
  { "allowed-override-typo", GOOD "[Access]\nAllowedOverrides=Validty\n", "x:5: AllowedOverrides=", "Validity" },
};

static void
test_refusal (gconstpointer data)
{
  const Refusal *refusal = data;
  g_autoptr (ClmUnit) unit = make_unit ("web", refusal->text);
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_spec_new_from_unit (unit, &context, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_test_message ("%s | %s", error->message, clm_error_get_hint (error));
  g_assert_nonnull (strstr (error->message, refusal->message));
  if (refusal->hint)
    g_assert_nonnull (strstr (clm_error_get_hint (error), refusal->hint));
}

typedef struct {
  const char *change;
  gboolean    reissue;
} DigestRow;

static const DigestRow digest_rows[] = {
  { "DNS=b.example\n", TRUE },
  { "IP=10.0.0.1\n", TRUE },
  { "Usages=server\n", TRUE },
  { "KeyType=ec:P-384\n", TRUE },
  { "KeyStore=tpm\n", TRUE },
  { "Validity=30d\n", TRUE },
  { "Authority=other corp\n", TRUE },
  { "Authority=corp other\n", FALSE },
  { "Enabled=no\n", FALSE },
  { "RotateKey=never\n", FALSE },
  { "KeepGenerations=7\n", FALSE },
  { "[Renewal]\nAt=50%\n", FALSE },
  { "[Delivery]\nDeliver=nginx\n", FALSE },
  { "[Access]\nOwner=web\n", FALSE },
};

static void
test_digests (void)
{
  const char *base_text = "[Certificate]\nDNS=a.example\nAuthority=corp\n";
  g_autoptr (ClmSpec) base = make_spec (base_text);

  for (guint i = 0; i < G_N_ELEMENTS (digest_rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *change = *digest_rows[i].change == '[' ? g_strdup (digest_rows[i].change)
                                                           : g_strconcat ("[Certificate]\n", digest_rows[i].change, NULL);
    g_autoptr (ClmUnit) unit = make_unit ("web", base_text);
    g_autoptr (ClmKeyfile) keyfile = clm_keyfile_parse ("/x", change, strlen (change), &error);
    g_autoptr (ClmUnit) changed = clm_unit_override (unit, keyfile);
    g_autoptr (ClmSpec) spec = clm_spec_new_from_unit (changed, &context, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (spec->digest, !=, base->digest);
    g_assert_cmpint (strcmp (spec->issue_digest, base->issue_digest) != 0, ==, digest_rows[i].reissue);
  }
}

#define TEMPLATE \
  "[Certificate]\nSubject=CN=%i,O=Example\nDNS=%i.plant.example fixed.example\nAuthority=corp\n[Access]\nOwner=web @plant\n"

static ClmSpec *
request (const char *template_text, const char *name, const char *instance, const char *overrides, guint32 uid, GError **error)
{
  g_autoptr (ClmUnit) template_unit = template_text ? make_unit ("sensor@", template_text) : NULL;
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("bus", overrides ? overrides : "");
  g_autoptr (ClmCaller) caller = clm_caller_new (uid, NULL, 0);

  return clm_spec_new_from_request (name, template_unit, instance, options, caller, &context, error);
}

static void
test_request (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = request (TEMPLATE "AllowedNames=pump-* .plant.example\n", NULL, "Pump-7", "DNS=x.y.plant.example\n", 33, &error);
  g_autoptr (ClmCaller) requester = clm_caller_new (33, NULL, 0);

  g_assert_no_error (error);
  g_assert_cmpstr (spec->name, ==, "sensor-pump-7");
  g_assert_cmpint (spec->origin, ==, CLM_ORIGIN_REQUEST);
  g_assert_cmpstr (spec->subject, ==, "CN=Pump-7,O=Example");
  g_assert_cmpstr (spec->dns_names[0], ==, "x.y.plant.example");
  g_assert_cmpuint (spec->requester, ==, 33);
  g_assert_cmpint (clm_access_get_role (spec->access, requester), ==, CLM_ROLE_OWNER);
}

typedef struct {
  const char *name;
  const char *access;     /* lines of [Access] after Owner= */
  const char *certificate_name;
  const char *instance;
  const char *overrides;
  guint32     uid;
  int         code;
} Denial;

#define ALLOWED "AllowedNames=pump-* .plant.example\n"

static const Denial denials[] = {
  { "stranger", ALLOWED, NULL, "pump-1", NULL, 4711, CLM_ERROR_ACCESS_DENIED },
  { "no-allowed-names", "", NULL, "pump-1", NULL, 33, CLM_ERROR_ACCESS_DENIED },
  { "instance-outside", ALLOWED, NULL, "valve-1", NULL, 33, CLM_ERROR_ACCESS_DENIED },
  { "dns-outside", ALLOWED, NULL, "pump-1", "DNS=www.bank.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "one-of-two-outside", ALLOWED, NULL, "pump-1", "DNS=a.plant.example b.bank.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "suffix-needs-a-dot", ALLOWED, NULL, "pump-1", "DNS=evilplant.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "star-stops-at-dot", ALLOWED, NULL, "pump-1", "DNS=pump-1.bank.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "wildcard", ALLOWED, NULL, "pump-1", "DNS=*.plant.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "ip-outside", ALLOWED, NULL, "pump-1", "IP=10.0.0.1\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "uri-tail", ALLOWED, NULL, "pump-1", "URI=https://evil/x.plant.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "email-tail", ALLOWED, NULL, "pump-1", "Email=root@x.plant.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "subject-more", ALLOWED, NULL, "pump-1", "Subject=CN=pump-1,O=Bank\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "subject-plus", ALLOWED, NULL, "pump-1", "Subject=CN=pump-1+OU=admin\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "subject-escape", ALLOWED, NULL, "pump-1", "Subject=CN=pump-1\\2cO\\3dBank\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "subject-hex", ALLOWED, NULL, "pump-1", "Subject=CN=#0c0470756d70\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "subject-quoted", ALLOWED, NULL, "pump-1", "Subject=CN=\"pump-1\"\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "percent-is-literal", ALLOWED, NULL, "pump-1", "Subject=CN=%S\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "key-not-listed", ALLOWED, NULL, "pump-1", "Validity=10y\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "authority-not-listed", ALLOWED, NULL, "pump-1", "Authority=other\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "none-listed", ALLOWED "AllowedOverrides=none\n", NULL, "pump-1", "DNS=a.plant.example\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "ca", ALLOWED, NULL, "pump-1", "CA=yes\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "ca-by-root", ALLOWED, NULL, "pump-1", "CA=yes\n", 0, CLM_ERROR_ACCESS_DENIED },
  { "anchors", ALLOWED, NULL, "pump-1", "MustChainTo=/tmp/x\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "probe", ALLOWED, NULL, "pump-1", "Probe=evil:1\n", 33, CLM_ERROR_ACCESS_DENIED },
  { "owner", ALLOWED, NULL, "pump-1", "Owner=bob\n", 33, CLM_ERROR_INVALID_ARGUMENT },
  { "unknown-key", ALLOWED, NULL, "pump-1", "Dns=a.plant.example\n", 33, CLM_ERROR_INVALID_ARGUMENT },
  { "instance-slash", ALLOWED, NULL, "../x", NULL, 33, CLM_ERROR_INVALID_ARGUMENT },
  { "instance-comma", ALLOWED, NULL, "pump-1,O=Bank", NULL, 33, CLM_ERROR_INVALID_ARGUMENT },
  { "instance-percent", ALLOWED, NULL, "%S", NULL, 33, CLM_ERROR_INVALID_ARGUMENT },
  { "instance-empty", ALLOWED, NULL, "", NULL, 33, CLM_ERROR_INVALID_ARGUMENT },
  { "instance-missing", ALLOWED, NULL, NULL, NULL, 33, CLM_ERROR_INVALID_ARGUMENT },
  { "name-of-another", ALLOWED, "web", "pump-1", NULL, 33, CLM_ERROR_INVALID_ARGUMENT },
  { "name-path", ALLOWED, "sensor-../x", "pump-1", NULL, 33, CLM_ERROR_INVALID_ARGUMENT },
  { "bad-value", ALLOWED, NULL, "pump-1", "DNS=a..plant.example\n", 33, CLM_ERROR_INVALID_ARGUMENT },
};

static void
test_denial (gconstpointer data)
{
  const Denial *row = data;
  g_autofree char *text = g_strconcat (TEMPLATE, row->access, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = request (text, row->certificate_name, row->instance, row->overrides, row->uid, &error);

  g_test_message ("%s", error ? error->message : spec->name);
  g_assert_null (spec);
  g_assert_error (error, CLM_ERROR, row->code);
}

/* A value that brings its own line must not become a key of its own. */
static void
test_newline_smuggling (void)
{
  const char *const values[] = { "a.plant.example\nCA=yes", "a.plant.example\r\nCA=yes", "a\0b", "a\x01", "\xff" };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
    g_autoptr (ClmUnit) template_unit = make_unit ("sensor@", TEMPLATE ALLOWED);
    g_autoptr (ClmOptions) options = clm_options_new ("bus");
    g_autoptr (ClmCaller) caller = clm_caller_new (33, NULL, 0);
    g_autoptr (GError) error = NULL;

    clm_options_set (options, "DNS", values[i], NULL, 0);
    g_assert_null (clm_spec_new_from_request (NULL, template_unit, "pump-1", options, caller, &context, &error));
    g_assert_nonnull (error);
    g_assert_true (error->code == CLM_ERROR_INVALID_ARGUMENT || error->code == CLM_ERROR_ACCESS_DENIED);
  }
}

static void
test_more_patterns (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = request (TEMPLATE "AllowedNames=pump-* .plant.example 10.2.0.0/16 @plant.example urn:plant:*\n"
                                      "AllowedOverrides=DNS IP URI Email Subject Validity\n", "sensor-mine", "pump-1",
                                      "IP=10.2.3.4\nURI=urn:plant:x\nEmail=a@plant.example\nSubject=CN=pump-2\nValidity=1d\n", 33, &error);
  g_autoptr (ClmSpec) outside = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (spec->name, ==, "sensor-mine");
  g_assert_cmpint (spec->validity, ==, 86400);
  outside = request (TEMPLATE "AllowedNames=pump-* .plant.example 10.2.0.0/16\n", NULL, "pump-1", "IP=10.3.0.1\n", 33, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
}

static void
test_whole_spec (void)
{
  const char *text = "DNS=a.example\nAuthority=corp\nCA=yes\nAt=50%\nDeliver=nginx\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = request (NULL, "web", NULL, text, 0, &error);
  g_autoptr (ClmSpec) denied = NULL;

  g_assert_no_error (error);
  g_assert_true (spec->is_ca);
  g_assert_cmpfloat (spec->renew_share, ==, 0.5);
  g_assert_cmpstr (spec->deliveries[0], ==, "nginx");
  denied = request (NULL, "web", NULL, text, 33, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
}

static void
test_round_trip (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = request (TEMPLATE ALLOWED, NULL, "pump-1", "DNS=a.plant.example\n", 33, &error);
  g_autofree char *text = clm_spec_serialize (spec);
  g_autofree char *again = NULL;
  g_autofree char *newer = g_strconcat (text, "\n[Certificate]\nFromTheFuture=1\n[Future]\nA=b\n", NULL);
  g_autoptr (ClmSpec) copy = clm_spec_deserialize (text, &context, &error);
  g_autoptr (ClmSpec) lenient = NULL;
  g_autoptr (ClmCaller) other = clm_caller_new (1000, (const guint32[]) { 2000 }, 1);

  g_assert_no_error (error);
  g_assert_cmpstr (copy->digest, ==, spec->digest);
  g_assert_cmpstr (copy->issue_digest, ==, spec->issue_digest);
  g_assert_cmpstr (copy->template_name, ==, "sensor");
  g_assert_cmpstr (copy->instance, ==, "pump-1");
  g_assert_cmpint (clm_access_get_role (copy->access, other), ==, CLM_ROLE_STRANGER);
  again = clm_spec_serialize (copy);
  g_assert_cmpstr (again, ==, text);
  lenient = clm_spec_deserialize (newer, &context, &error);
  g_assert_no_error (error);
}

static void
test_damaged_row (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = request (TEMPLATE ALLOWED, NULL, "pump-1", "DNS=a.plant.example\n", 33, &error);
  g_autofree char *text = clm_spec_serialize (spec);

  for (gsize length = 0; length < strlen (text); length++) {
    g_autofree char *cut = g_strndup (text, length);
    g_autoptr (GError) cut_error = NULL;
    g_autoptr (ClmSpec) damaged = clm_spec_deserialize (cut, &context, &cut_error);

    if (!damaged)
      g_assert_error (cut_error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  }
}

/* The template changed: what was asked stays, what came of it is made anew and must be allowed now. */
static void
test_rebase (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSpec) spec = request (TEMPLATE ALLOWED, NULL, "pump-1", "DNS=a.plant.example\n", 33, &error);
  g_autofree char *text = clm_spec_serialize (spec);
  g_autoptr (ClmSpec) stored = clm_spec_deserialize (text, &context, &error);
  g_autoptr (ClmUnit) same_unit = make_unit ("sensor@", TEMPLATE ALLOWED);
  g_autoptr (ClmUnit) new_unit = make_unit ("sensor@", TEMPLATE ALLOWED "[Renewal]\nAt=50%\n");
  g_autoptr (ClmUnit) strict_unit = make_unit ("sensor@", TEMPLATE "AllowedNames=pump-*\n");
  g_autoptr (ClmSpec) same = clm_spec_rebase (stored, same_unit, &context, &error);
  g_autoptr (ClmSpec) changed = clm_spec_rebase (stored, new_unit, &context, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (same->digest, ==, spec->digest);
  g_assert_cmpfloat (changed->renew_share, ==, 0.5);
  g_assert_cmpstr (changed->dns_names[0], ==, "a.plant.example");
  g_assert_cmpstr (changed->issue_digest, ==, spec->issue_digest);
  g_assert_null (clm_spec_rebase (stored, strict_unit, &context, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
}

static void
test_names (void)
{
  g_autofree char *longest = g_strnfill (64, 'a');
  g_autofree char *too_long = g_strnfill (65, 'a');

  g_assert_true (clm_name_is_valid ("a"));
  g_assert_true (clm_name_is_valid ("0a.b_c-d"));
  g_assert_true (clm_name_is_valid (longest));
  g_assert_false (clm_name_is_valid (too_long));
  g_assert_false (clm_name_is_valid (NULL));
  g_assert_false (clm_name_is_valid (""));
  g_assert_false (clm_name_is_valid (".."));
  g_assert_false (clm_name_is_valid ("a/b"));
  g_assert_false (clm_name_is_valid ("A"));
  g_assert_false (clm_name_is_valid ("a\n"));
  g_assert_false (clm_name_is_valid ("\xc3\xa4"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spec/defaults", test_defaults);
  g_test_add_func ("/spec/everything", test_everything);
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++) {
    g_autofree char *path = g_strconcat ("/spec/refuses/", refusals[i].name, NULL);

    g_test_add_data_func (path, &refusals[i], test_refusal);
  }
  g_test_add_func ("/spec/digests-tell-reissue-from-the-rest", test_digests);
  g_test_add_func ("/spec/request", test_request);
  for (guint i = 0; i < G_N_ELEMENTS (denials); i++) {
    g_autofree char *path = g_strconcat ("/spec/request/denies/", denials[i].name, NULL);

    g_test_add_data_func (path, &denials[i], test_denial);
  }
  g_test_add_func ("/spec/request/denies/newline", test_newline_smuggling);
  g_test_add_func ("/spec/request/patterns", test_more_patterns);
  g_test_add_func ("/spec/request/whole-spec-is-roots", test_whole_spec);
  g_test_add_func ("/spec/row/round-trip", test_round_trip);
  g_test_add_func ("/spec/row/damaged", test_damaged_row);
  g_test_add_func ("/spec/rebase", test_rebase);
  g_test_add_func ("/spec/names", test_names);
  return g_test_run ();
}
