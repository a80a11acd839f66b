/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec-reader.h"

#include <string.h>

#include "calendar-window.h"
#include "name.h"

#define YEAR_S (365 * 24 * 3600LL)
/** VALIDITY_MIN_S, VALIDITY_MAX_S: bounds of what can be asked for. */
#define VALIDITY_MIN_S 10
#define VALIDITY_MAX_S (100 * YEAR_S)
/** NAMES_MAX: most names of one kind in one certificate. */
#define NAMES_MAX 100

static const char *const certificate_keys[] = {
  "Enabled", "Subject", "DNS", "IP", "URI", "Email", "Usages", "Profile", "CA", "PathLength", "Validity", "Authority", "Bootstrap",
  "KeyStore", "KeyType", "RotateKey", "Exportable", "KeepGenerations", NULL
};
static const char *const renewal_keys[] = { "At", "Window", "Spread", NULL };
static const char *const policy_keys[] = {
  "SubjectFromAuthority", "MinRsaBits", "MinEcBits", "MaxValidity", "AllowedSignatures", "MustChainTo", NULL
};
static const char *const delivery_keys[] = { "Deliver", "Probe", NULL };

/* What decides who one is, or loosens what the template is strict about, is the template's alone. */
static const char *const never_overridden[] = {
  "Enabled", "CA", "PathLength", "Bootstrap", "SubjectFromAuthority", "MinRsaBits", "MinEcBits", "MaxValidity", "AllowedSignatures",
  "MustChainTo", "Probe", NULL
};

static const struct {
  const char        *name;
  const char *const *keys;
} groups[] = {
  { "Certificate", certificate_keys },
  { "Renewal", renewal_keys },
  { "Policy", policy_keys },
  { "Delivery", delivery_keys },
};

static const char *const usage_words[] = { "server", "client", "email", "code", "ocsp", "time", NULL };
static const char *const signature_words[] = {
  "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512", "rsa-sha256", "rsa-sha384", "rsa-sha512",
  "rsa-pss-sha256", "rsa-pss-sha384", "rsa-pss-sha512", "ed25519", NULL
};

const char *
clm_spec_find_group (const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (groups); i++)
    if (g_strv_contains (groups[i].keys, key))
      return groups[i].name;
  return NULL;
}

const char *const *
clm_spec_list_keys (void)
{
  static const char **all;

  if (g_once_init_enter (&all)) {
    GPtrArray *keys = g_ptr_array_new ();

    for (guint i = 0; i < G_N_ELEMENTS (groups); i++)
      for (guint j = 0; groups[i].keys[j]; j++)
        g_ptr_array_add (keys, (gpointer) groups[i].keys[j]);
    g_ptr_array_add (keys, NULL);
    g_once_init_leave (&all, (const char **) g_ptr_array_free (keys, FALSE));
  }
  return all;
}

gboolean
clm_spec_may_override (const char *key)
{
  return clm_spec_find_group (key) && !g_strv_contains (never_overridden, key);
}

gboolean
clm_spec_refuse_value (ClmOptions *options, const char *key, GError *reason, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GError) owned = reason;
  g_autoptr (GError) local = NULL;
  const char *hint = clm_error_get_hint (reason);

  clm_options_set_error (options, key, &local, "%s", reason->message);
  if (hint)
    clm_error_set_hint (local, "%s", hint);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
read_text (ClmOptions *options, const char *key, char **value)
{
  *value = g_strdup (clm_options_get_string (options, key, NULL));
  return *value != NULL;
}

/* The value's own spelling: addresses and host names can be written in many ways. */
static char *
canonicalize (ClmNameKind kind, const char *word)
{
  if (kind == CLM_NAME_DNS && g_hostname_is_non_ascii (word))
    return g_hostname_to_ascii (word);
  if (kind == CLM_NAME_DNS)
    return g_ascii_strdown (word, -1);
  if (kind == CLM_NAME_IP) {
    g_autoptr (GInetAddress) address = g_inet_address_new_from_string (word);

    return address ? g_inet_address_to_string (address) : g_strdup (word);
  }
  return g_strdup (word);
}

static gboolean
read_names (ClmOptions *options, const char *key, ClmNameKind kind, GStrv *names, GError **error)
{
  g_auto (GStrv) words = clm_options_get_list (options, key, NULL, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (!words)
    return FALSE;
  if (g_strv_length (words) > NAMES_MAX) {
    clm_options_set_error (options, key, error, "more than %d names", NAMES_MAX);
    return FALSE;
  }
  for (guint i = 0; words[i]; i++) {
    g_autofree char *name = canonicalize (kind, words[i]);
    g_autoptr (GError) reason = NULL;

    if (!clm_x509_check_name (kind, name ? name : words[i], &reason))
      return clm_spec_refuse_value (options, key, g_steal_pointer (&reason), error);
    if (g_hash_table_add (seen, g_strdup (name)))
      g_strv_builder_add (builder, name);
  }
  *names = g_strv_builder_end (builder);
  return TRUE;
}

/* A list of names of other things in the configuration. */
static gboolean
read_references (ClmOptions *options, const char *key, GStrv *names, GError **error)
{
  g_auto (GStrv) words = clm_options_get_list (options, key, NULL, error);

  if (!words)
    return FALSE;
  for (guint i = 0; words[i]; i++) {
    if (!clm_name_is_valid (words[i])) {
      clm_options_set_error (options, key, error, "\"%s\" cannot be a name (a-z 0-9 . _ -)", words[i]);
      return FALSE;
    }
    if (g_strv_contains ((const char *const *) words + i + 1, words[i])) {
      clm_options_set_error (options, key, error, "\"%s\" stands there twice", words[i]);
      return FALSE;
    }
  }
  *names = g_steal_pointer (&words);
  return TRUE;
}

static gboolean
is_oid (const char *word)
{
  return g_regex_match_simple ("^[0-2](\\.(0|[1-9][0-9]{0,9})){1,20}$", word, G_REGEX_DOLLAR_ENDONLY, 0);
}

static gboolean
read_words (ClmOptions *options, const char *key, const char *const *known, gboolean oids, GStrv *value, GError **error)
{
  g_auto (GStrv) words = clm_options_get_list (options, key, NULL, error);

  if (!words)
    return FALSE;
  for (guint i = 0; words[i]; i++) {
    g_autoptr (GError) local = NULL;
    g_autofree char *list = NULL;
    const char *nearest;

    if (g_strv_contains (known, words[i]) || (oids && is_oid (words[i])))
      continue;
    clm_options_set_error (options, key, &local, "unknown word \"%s\"", words[i]);
    nearest = clm_word_nearest (words[i], known);
    list = g_strjoinv (" ", (GStrv) known);
    clm_error_set_hint (local, nearest ? "did you mean %s?" : "the words are: %s", nearest ? nearest : list);
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  *value = g_steal_pointer (&words);
  return TRUE;
}

static gboolean
read_subject (ClmOptions *options, ClmSpec *spec, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (X509_NAME) name = NULL;

  if (!read_text (options, "Subject", &spec->subject))
    return TRUE;
  name = clm_x509_name_parse (spec->subject, &reason);
  return name || clm_spec_refuse_value (options, "Subject", g_steal_pointer (&reason), error);
}

static gboolean
read_all_names (ClmOptions *options, ClmSpec *spec, GError **error)
{
  return read_subject (options, spec, error) &&
         read_names (options, "DNS", CLM_NAME_DNS, &spec->dns_names, error) &&
         read_names (options, "IP", CLM_NAME_IP, &spec->ip_addresses, error) &&
         read_names (options, "URI", CLM_NAME_URI, &spec->uris, error) &&
         read_names (options, "Email", CLM_NAME_EMAIL, &spec->emails, error);
}

static gboolean
read_ca (ClmOptions *options, ClmSpec *spec, GError **error)
{
  gint64 path_length;

  if (!clm_options_get_boolean (options, "CA", FALSE, &spec->is_ca, error) ||
      !clm_options_get_int (options, "PathLength", -1, 0, 20, &path_length, error))
    return FALSE;
  spec->path_length = (int) path_length;
  if (spec->path_length >= 0 && !spec->is_ca) {
    clm_options_set_error (options, "PathLength", error, "only a certificate with CA=yes has a path length");
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_validity (ClmOptions *options, ClmSpec *spec, GError **error)
{
  if (!clm_options_get_span (options, "Validity", 0, &spec->validity, error))
    return FALSE;
  if (spec->validity != 0 && (spec->validity < VALIDITY_MIN_S || spec->validity > VALIDITY_MAX_S)) {
    clm_options_set_error (options, "Validity", error, "must be 10s to 100y");
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_profile (ClmOptions *options, ClmSpec *spec, GError **error)
{
  if (!read_text (options, "Profile", &spec->profile))
    return TRUE;
  if (g_regex_match_simple ("^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,127}$", spec->profile, G_REGEX_DOLLAR_ENDONLY, 0))
    return TRUE;
  clm_options_set_error (options, "Profile", error, "\"%s\" cannot be a profile (A-Z a-z 0-9 . _ : / - and blanks)", spec->profile);
  return FALSE;
}

static gboolean
read_authorities (ClmOptions *options, ClmSpec *spec, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (!read_references (options, "Authority", &spec->authorities, error) ||
      !read_references (options, "Bootstrap", &spec->bootstrap, error))
    return FALSE;
  if (*spec->authorities)
    return TRUE;
  clm_options_set_error (options, "Authority", &local, "is missing");
  clm_error_set_hint (local, "name the CA that shall issue: Authority=NAME of authorities.d/NAME.authority");
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Words that begin with "ec:" or "rsa:" are ours to check; another word is the store's. */
static gboolean
is_key_type (const char *text)
{
  guint64 bits;

  if (g_str_has_prefix (text, "rsa:"))
    return g_ascii_string_to_unsigned (text + 4, 10, 2048, 16384, &bits, NULL) && bits % 8 == 0;
  if (g_str_has_prefix (text, "ec:"))
    return g_str_equal (text, "ec:P-256") || g_str_equal (text, "ec:P-384") || g_str_equal (text, "ec:P-521");
  return g_regex_match_simple ("^[a-z][A-Za-z0-9:._-]{0,63}$", text, G_REGEX_DOLLAR_ENDONLY, 0);
}

static gboolean
read_key (ClmOptions *options, ClmSpec *spec, GError **error)
{
  const char *const rotate_words[] = { "always", "never", NULL };
  const char *key_type = clm_options_get_string (options, "KeyType", CLM_KEY_TYPE_EC_P256);
  g_auto (GStrv) stores = NULL;
  guint rotate;

  if (!is_key_type (key_type)) {
    g_autoptr (GError) local = NULL;

    clm_options_set_error (options, "KeyType", &local, "\"%s\" is no type of key", key_type);
    clm_error_set_hint (local, "write ec:P-256, ec:P-384, rsa:2048, rsa:3072, rsa:4096 or ed25519, as the key store can");
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  spec->key_type = g_strdup (key_type);
  if (!read_references (options, "KeyStore", &stores, error) ||
      !clm_options_get_choice (options, "RotateKey", rotate_words, 0, &rotate, error) ||
      !clm_options_get_boolean (options, "Exportable", TRUE, &spec->exportable, error))
    return FALSE;
  if (g_strv_length (stores) > 1) {
    clm_options_set_error (options, "KeyStore", error, "a key lies in one store");
    return FALSE;
  }
  spec->key_store = g_strdup (stores[0]);
  spec->rotate_key = rotate == 0;
  return TRUE;
}

static gboolean
read_certificate (ClmOptions *options, ClmSpec *spec, GError **error)
{
  gint64 keep;

  if (!clm_options_get_boolean (options, "Enabled", TRUE, &spec->enabled, error) ||
      !read_all_names (options, spec, error) ||
      !read_words (options, "Usages", usage_words, TRUE, &spec->usages, error) ||
      !read_profile (options, spec, error) ||
      !read_ca (options, spec, error) ||
      !read_validity (options, spec, error) ||
      !read_key (options, spec, error) ||
      !clm_options_get_int (options, "KeepGenerations", 0, 2, 100, &keep, error))
    return FALSE;
  spec->keep_generations = (guint) keep;
  return TRUE;
}

static gboolean
read_at (ClmOptions *options, ClmSpec *spec, GError **error)
{
  const char *at = clm_options_get_string (options, "At", NULL);
  gint64 floor = spec->validity ? spec->validity : VALIDITY_MAX_S;

  spec->renew_share = 2.0 / 3;
  if (!at)
    return TRUE;
  if (g_str_equal (at, "ari")) {
    spec->renew_at = CLM_RENEW_AT_SUGGESTED;
    return TRUE;
  }
  if (strchr (at, '%'))
    return clm_options_get_share (options, "At", spec->renew_share, &spec->renew_share, error);
  if (!clm_options_get_span (options, "At", 0, &spec->renew_left, error)) {
    if (error && !clm_error_get_hint (*error))
      clm_error_set_hint (*error, "write a share of the lifetime (At=66%%), the time left (At=30d), or At=ari");
    return FALSE;
  }
  spec->renew_at = CLM_RENEW_AT_LEFT;
  if (spec->renew_left >= 1 && spec->renew_left < floor)
    return TRUE;
  clm_options_set_error (options, "At", error, "must be more than 0 and less than the validity");
  return FALSE;
}

static gboolean
read_renewal (ClmOptions *options, ClmSpec *spec, GError **error)
{
  g_autoptr (ClmCalendarWindows) windows = NULL;
  g_autoptr (GError) reason = NULL;

  if (!read_at (options, spec, error) || !clm_options_get_span (options, "Spread", -1, &spec->spread, error))
    return FALSE;
  if (spec->spread > YEAR_S) {
    clm_options_set_error (options, "Spread", error, "must be at most 1y");
    return FALSE;
  }
  if (!read_text (options, "Window", &spec->window))
    return TRUE;
  windows = clm_calendar_windows_parse (spec->window, &reason);
  return windows || clm_spec_refuse_value (options, "Window", g_steal_pointer (&reason), error);
}

static gboolean
read_anchors (ClmOptions *options, ClmSpec *spec, GError **error)
{
  g_autofree char *canonical = NULL;

  if (!read_text (options, "MustChainTo", &spec->must_chain_to))
    return TRUE;
  if (g_path_is_absolute (spec->must_chain_to))
    canonical = g_canonicalize_filename (spec->must_chain_to, NULL);
  if (g_strcmp0 (canonical, spec->must_chain_to) == 0)
    return TRUE;
  clm_options_set_error (options, "MustChainTo", error, "must be an absolute path without . and ..");
  return FALSE;
}

static gboolean
read_policy (ClmOptions *options, ClmSpec *spec, GError **error)
{
  gint64 min_rsa_bits, min_ec_bits;

  if (!clm_options_get_boolean (options, "SubjectFromAuthority", FALSE, &spec->subject_from_authority, error) ||
      !clm_options_get_int (options, "MinRsaBits", 2048, 2048, 16384, &min_rsa_bits, error) ||
      !clm_options_get_int (options, "MinEcBits", 256, 256, 521, &min_ec_bits, error) ||
      !clm_options_get_span (options, "MaxValidity", 0, &spec->max_validity, error) ||
      !read_words (options, "AllowedSignatures", signature_words, FALSE, &spec->allowed_signatures, error) ||
      !read_anchors (options, spec, error))
    return FALSE;
  spec->min_rsa_bits = (guint) min_rsa_bits;
  spec->min_ec_bits = (guint) min_ec_bits;
  if (spec->max_validity == 0 || spec->max_validity >= MAX (spec->validity, VALIDITY_MIN_S))
    return TRUE;
  clm_options_set_error (options, "MaxValidity", error, "is shorter than what is asked for");
  return FALSE;
}

static gboolean
read_delivery (ClmOptions *options, ClmSpec *spec, GError **error)
{
  g_autoptr (GSocketConnectable) address = NULL;

  if (!read_references (options, "Deliver", &spec->deliveries, error))
    return FALSE;
  if (!read_text (options, "Probe", &spec->probe))
    return TRUE;
  if (g_regex_match_simple ("^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$", spec->probe, G_REGEX_DOLLAR_ENDONLY, 0))
    address = g_network_address_parse (spec->probe, 0, NULL);
  if (address && g_network_address_get_port (G_NETWORK_ADDRESS (address)) > 0)
    return TRUE;
  clm_options_set_error (options, "Probe", error, "\"%s\" is not HOST:PORT", spec->probe);
  return FALSE;
}

static gboolean
check_names (ClmOptions *certificate, ClmSpec *spec, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (spec->subject || *spec->dns_names || *spec->ip_addresses || *spec->uris || *spec->emails || spec->subject_from_authority)
    return TRUE;
  clm_options_set_error (certificate, "Subject", &local, "the certificate has no name");
  clm_error_set_hint (local, "set Subject=, DNS=, IP=, URI= or Email=, or SubjectFromAuthority=yes in group [Policy]");
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
check_key_strength (ClmOptions *certificate, ClmSpec *spec, GError **error)
{
  gint64 bits = 0, wanted = 0;

  if (g_str_has_prefix (spec->key_type, "rsa:")) {
    bits = g_ascii_strtoll (spec->key_type + strlen ("rsa:"), NULL, 10);
    wanted = spec->min_rsa_bits;
  } else if (g_str_has_prefix (spec->key_type, "ec:P-")) {
    bits = g_ascii_strtoll (spec->key_type + strlen ("ec:P-"), NULL, 10);
    wanted = spec->min_ec_bits;
  }
  if (bits >= wanted)
    return TRUE;
  clm_options_set_error (certificate, "KeyType", error, "policy wants %" G_GINT64_FORMAT " bits", wanted);
  return FALSE;
}

typedef gboolean (*ReadGroup) (ClmOptions *options, ClmSpec *spec, GError **error);

gboolean
clm_spec_read (ClmSpec *spec, ClmUnit *unit, gboolean lenient, GError **error)
{
  const ReadGroup readers[] = { read_certificate, read_renewal, read_policy, read_delivery };
  g_autoptr (ClmOptions) certificate = NULL;

  G_STATIC_ASSERT (G_N_ELEMENTS (readers) == G_N_ELEMENTS (groups));
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++) {
    g_autoptr (ClmOptions) options = clm_unit_make_options (unit, groups[i].name);

    if (!readers[i] (options, spec, error))
      return FALSE;
    if (i == 0 && !read_authorities (options, spec, error))
      return FALSE;
    if (!lenient && !clm_options_refuse_unread (options, error))
      return FALSE;
    if (i == 0)
      certificate = g_steal_pointer (&options);
  }
  return check_names (certificate, spec, error) && check_key_strength (certificate, spec, error);
}
