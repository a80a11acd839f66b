/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "profile.h"

#include <string.h>

#include "certificate.h"
#include "pattern.h"

#define DAY (24 * 60 * 60)
#define ALL_KEY_TYPES "ec:P-256 ec:P-384 rsa:2048 rsa:3072 rsa:4096 ed25519"

typedef struct {
  const char *name;
  const char *usages;
  gint64      lifetime;
  gint64      max_lifetime;
  gboolean    is_ca;
  gboolean    no_check;
} Builtin;

/* In the order in which one is chosen for an order that names none. */
static const Builtin builtins[] = {
  { "server", "server", 90 * DAY, 398 * DAY, FALSE, FALSE },
  { "client", "client", 90 * DAY, 2 * 365 * DAY, FALSE, FALSE },
  { "module", "server client", 30 * DAY, 398 * DAY, FALSE, FALSE },
  { "device-identity", "client server", 365 * DAY, 10 * 365 * DAY, FALSE, FALSE },
  { "ocsp-signer", "ocsp", 30 * DAY, 90 * DAY, FALSE, TRUE },
  { "intermediate-ca", "", 5 * 365 * DAY, 10 * 365 * DAY, TRUE, FALSE },
};

static const char *const profile_keys[] = { "Base", "AllowedNames", "KeyTypes", "Usages", "Lifetime", "MaxLifetime", NULL };

void
clm_ca_profile_free (ClmCaProfile *self)
{
  g_free (self->name);
  g_strfreev (self->usages);
  g_strfreev (self->key_types);
  g_strfreev (self->allowed_names);
  g_free (self);
}

static ClmCaProfile *
new_builtin (const Builtin *builtin)
{
  ClmCaProfile *self = g_new0 (ClmCaProfile, 1);

  self->name = g_strdup (builtin->name);
  self->usages = *builtin->usages != '\0' ? g_strsplit (builtin->usages, " ", -1) : g_new0 (char *, 1);
  self->key_types = g_strsplit (ALL_KEY_TYPES, " ", -1);
  self->lifetime = builtin->lifetime;
  self->max_lifetime = builtin->max_lifetime;
  self->is_ca = builtin->is_ca;
  self->no_check = builtin->no_check;
  return self;
}

static ClmCaProfile *
copy_profile (const ClmCaProfile *base, const char *name)
{
  ClmCaProfile *self = g_new0 (ClmCaProfile, 1);

  *self = *base;
  self->name = g_strdup (name);
  self->usages = g_strdupv (base->usages);
  self->key_types = g_strdupv (base->key_types);
  self->allowed_names = g_strdupv (base->allowed_names);
  return self;
}

/* Splits "Profile.NAME.KEY"; the name may hold dots, the key may not. */
static gboolean
split_key (const char *option, char **name, const char **key)
{
  const char *begin, *dot;

  if (!g_str_has_prefix (option, "Profile."))
    return FALSE;
  begin = option + strlen ("Profile.");
  dot = strrchr (begin, '.');
  if (dot == NULL || dot == begin)
    return FALSE;
  *name = g_strndup (begin, (gsize) (dot - begin));
  *key = dot + 1;
  return g_strv_contains (profile_keys, *key);
}

static char *
option_key (const char *profile, const char *key)
{
  return g_strdup_printf ("Profile.%s.%s", profile, key);
}

/* Makes the profiles that only options speak of. */
static gboolean
add_new_profiles (GHashTable *profiles, ClmOptions *options, GError **error)
{
  g_autoptr (GPtrArray) keys = clm_options_list_keys (options);

  for (guint i = 0; i < keys->len; i++) {
    g_autofree char *name = NULL, *base_key = NULL;
    const char *key, *base;
    const ClmCaProfile *origin;

    if (!split_key (g_ptr_array_index (keys, i), &name, &key))
      continue;
    base_key = option_key (name, "Base");
    base = clm_options_get_string (options, base_key, NULL);
    if (g_hash_table_contains (profiles, name) && base == NULL)
      continue;
    if (base == NULL) {
      clm_options_set_error (options, g_ptr_array_index (keys, i), error, "profile %s is not built in; name the profile it starts from with %s=", name, base_key);
      return FALSE;
    }
    origin = g_hash_table_lookup (profiles, base);
    if (origin == NULL || strcmp (base, name) == 0) {
      clm_options_set_error (options, base_key, error, "no built-in profile is called “%s”", base);
      return FALSE;
    }
    if (!g_hash_table_contains (profiles, name))
      g_hash_table_insert (profiles, g_strdup (name), copy_profile (origin, name));
  }
  return TRUE;
}

static gboolean
adjust_list (ClmOptions *options, const char *profile, const char *key, GStrv *list, GError **error)
{
  g_autofree char *option = option_key (profile, key);
  GStrv given;

  if (!clm_options_has (options, option)) {
    (void) clm_options_get_string (options, option, NULL);
    return TRUE;
  }
  given = clm_options_get_list (options, option, NULL, error);
  if (given == NULL)
    return FALSE;
  g_strfreev (*list);
  *list = given;
  return TRUE;
}

static gboolean
check_lists (ClmOptions *options, const ClmCaProfile *self, GError **error)
{
  g_autofree char *usages_key = option_key (self->name, "Usages"), *names_key = option_key (self->name, "AllowedNames");
  g_autofree char *types_key = option_key (self->name, "KeyTypes");

  for (guint i = 0; self->usages[i] != NULL; i++) {
    g_autoptr (ASN1_OBJECT) object = clm_x509_usage_to_object (self->usages[i], NULL);

    if (object == NULL || self->is_ca) {
      clm_options_set_error (options, usages_key, error, self->is_ca ? "a CA profile has no extended usage, not “%s”" : "“%s” is no usage", self->usages[i]);
      return FALSE;
    }
  }
  for (guint i = 0; self->allowed_names != NULL && self->allowed_names[i] != NULL; i++) {
    g_autoptr (GError) problem = NULL;

    if (!clm_ca_pattern_check (self->allowed_names[i], &problem)) {
      clm_options_set_error (options, names_key, error, "%s", problem->message);
      return FALSE;
    }
  }
  if (self->key_types[0] == NULL) {
    clm_options_set_error (options, types_key, error, "at least one key type is needed");
    return FALSE;
  }
  return TRUE;
}

static gboolean
adjust_profile (ClmCaProfile *self, ClmOptions *options, GError **error)
{
  g_autofree char *lifetime_key = option_key (self->name, "Lifetime"), *max_key = option_key (self->name, "MaxLifetime");

  if (!adjust_list (options, self->name, "Usages", &self->usages, error) ||
      !adjust_list (options, self->name, "KeyTypes", &self->key_types, error) ||
      !adjust_list (options, self->name, "AllowedNames", &self->allowed_names, error) ||
      !clm_options_get_span (options, lifetime_key, self->lifetime, &self->lifetime, error) ||
      !clm_options_get_span (options, max_key, MAX (self->max_lifetime, self->lifetime), &self->max_lifetime, error))
    return FALSE;
  if (self->lifetime < 1 || self->lifetime > self->max_lifetime) {
    clm_options_set_error (options, lifetime_key, error, "must be at least 1s and not above %s=", max_key);
    return FALSE;
  }
  return check_lists (options, self, error);
}

static gboolean
keep_offered (GHashTable *profiles, ClmOptions *options, GError **error)
{
  g_auto (GStrv) offered = NULL;
  GHashTableIter iter;
  gpointer name;

  if (clm_options_get_string (options, "Profiles", NULL) == NULL)
    return TRUE;
  offered = clm_options_get_list (options, "Profiles", NULL, error);
  if (offered == NULL)
    return FALSE;
  for (guint i = 0; offered[i] != NULL; i++) {
    if (!g_hash_table_contains (profiles, offered[i])) {
      clm_options_set_error (options, "Profiles", error, "there is no profile “%s”", offered[i]);
      return FALSE;
    }
  }
  g_hash_table_iter_init (&iter, profiles);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (!g_strv_contains ((const char *const *) offered, name))
      g_hash_table_iter_remove (&iter);
  return TRUE;
}

GHashTable *
clm_ca_profiles_load (ClmOptions *options, GError **error)
{
  g_autoptr (GHashTable) profiles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) clm_ca_profile_free);
  GHashTableIter iter;
  gpointer profile;

  for (guint i = 0; i < G_N_ELEMENTS (builtins); i++)
    g_hash_table_insert (profiles, g_strdup (builtins[i].name), new_builtin (&builtins[i]));
  if (!add_new_profiles (profiles, options, error))
    return NULL;
  g_hash_table_iter_init (&iter, profiles);
  while (g_hash_table_iter_next (&iter, NULL, &profile))
    if (!adjust_profile (profile, options, error))
      return NULL;
  if (!keep_offered (profiles, options, error))
    return NULL;
  return g_steal_pointer (&profiles);
}

static gboolean
covers (const ClmCaProfile *self, const ClmCaOrder *order)
{
  for (guint i = 0; order->usages[i] != NULL; i++)
    if (!g_strv_contains ((const char *const *) self->usages, order->usages[i]))
      return FALSE;
  return TRUE;
}

const ClmCaProfile *
clm_ca_profiles_choose (GHashTable *profiles, const ClmCaOrder *order, GError **error)
{
  const ClmCaProfile *profile = order->profile != NULL ? g_hash_table_lookup (profiles, order->profile) : NULL;

  for (guint i = 0; order->profile == NULL && !order->is_ca && i < G_N_ELEMENTS (builtins); i++) {
    profile = g_hash_table_lookup (profiles, builtins[i].name);
    if (profile != NULL && !profile->is_ca && covers (profile, order))
      return profile;
    profile = NULL;
  }
  if (profile != NULL)
    return profile;
  if (order->profile != NULL)
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "this CA has no profile “%s”", order->profile);
  else
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, order->is_ca ? "a CA certificate must name its profile" : "no profile covers the usages asked for");
  if (error != NULL)
    clm_error_set_hint (*error, "name one with Profile= in the certificate");
  return NULL;
}

static gboolean
admit_names (const ClmCaProfile *self, const ClmCaOrder *order, GError **error)
{
  const char *const *patterns = (const char *const *) self->allowed_names;

  for (guint kind = 0; kind < CLM_N_NAME_KINDS; kind++) {
    for (guint i = 0; order->names[kind][i] != NULL; i++) {
      if (clm_ca_patterns_match (patterns, (ClmCaNameKind) kind, order->names[kind][i]))
        continue;
      g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "profile %s does not allow the %s name “%s”", self->name,
                   clm_name_kind_get_nick ((ClmNameKind) kind), order->names[kind][i]);
      return FALSE;
    }
  }
  return TRUE;
}

/* A common name counts as the kind of name it reads as: software still takes it for one. */
static gboolean
admit_common_name (const char *const *patterns, const char *value)
{
  return clm_ca_patterns_match (patterns, CLM_CA_NAME_DNS, value) || clm_ca_patterns_match (patterns, CLM_CA_NAME_IP, value) ||
         clm_ca_patterns_match (patterns, CLM_CA_NAME_URI, value) || clm_ca_patterns_match (patterns, CLM_CA_NAME_EMAIL, value);
}

static gboolean
admit_subject (const ClmCaProfile *self, const ClmCaOrder *order, GError **error)
{
  const char *const *patterns = (const char *const *) self->allowed_names;
  g_autofree char *joined = g_strjoinv ("\n", order->subject_parts);

  if (order->subject_parts[0] == NULL)
    return TRUE;
  if (clm_ca_patterns_match (patterns, CLM_CA_NAME_SUBJECT, joined))
    return TRUE;
  if (!clm_ca_patterns_have (patterns, CLM_CA_NAME_SUBJECT) && order->subject_parts[1] == NULL &&
      g_str_has_prefix (order->subject_parts[0], "CN=") && admit_common_name (patterns, order->subject_parts[0] + 3))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "profile %s does not allow the subject “%s”", self->name, order->subject);
  return FALSE;
}

static gboolean
admit_usages (const ClmCaProfile *self, const ClmCaOrder *order, GError **error)
{
  for (guint i = 0; order->usages[i] != NULL; i++) {
    if (g_strv_contains ((const char *const *) self->usages, order->usages[i]))
      continue;
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "profile %s does not allow usage “%s”", self->name, order->usages[i]);
    return FALSE;
  }
  return TRUE;
}

gboolean
clm_ca_profile_admit (const ClmCaProfile *self, const ClmCaOrder *order, GError **error)
{
  if (order->is_ca != self->is_ca) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, self->is_ca ? "profile %s certifies CAs only" : "profile %s certifies no CA", self->name);
    return FALSE;
  }
  if (!g_strv_contains ((const char *const *) self->key_types, order->key_type)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "profile %s does not allow key type %s", self->name, order->key_type);
    return FALSE;
  }
  if (order->validity > self->max_lifetime) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "profile %s allows %" G_GINT64_FORMAT " s of validity, not %" G_GINT64_FORMAT " s",
                 self->name, self->max_lifetime, order->validity);
    return FALSE;
  }
  if (order->subject_parts[0] == NULL && (self->is_ca || !clm_ca_order_has_names (order))) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, self->is_ca ? "a CA certificate needs a subject" : "neither subject nor alternative name is asked for");
    return FALSE;
  }
  if (!admit_usages (self, order, error))
    return FALSE;
  return self->allowed_names == NULL || (admit_names (self, order, error) && admit_subject (self, order, error));
}

const char *const *
clm_ca_profile_get_usages (const ClmCaProfile *self, const ClmCaOrder *order)
{
  return (const char *const *) (order->usages[0] != NULL ? order->usages : self->usages);
}

gint64
clm_ca_profile_get_lifetime (const ClmCaProfile *self, const ClmCaOrder *order)
{
  return order->validity > 0 ? order->validity : self->lifetime;
}
