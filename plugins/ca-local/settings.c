/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include <string.h>

#define DAY (24 * 60 * 60)

static const char *const key_types[] = {
  CLM_KEY_TYPE_EC_P256, CLM_KEY_TYPE_EC_P384, CLM_KEY_TYPE_RSA_2048, CLM_KEY_TYPE_RSA_3072, CLM_KEY_TYPE_RSA_4096, CLM_KEY_TYPE_ED25519, NULL
};

void
clm_ca_settings_free (ClmCaSettings *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->subject); i++) {
    g_free (self->subject[i]);
    g_free (self->key_type[i]);
  }
  g_free (self->import_certificate);
  g_free (self->import_key);
  g_free (self->urls.crl);
  g_free (self->urls.ocsp);
  g_free (self->urls.issuer);
  g_clear_pointer (&self->profiles, g_hash_table_unref);
  g_free (self);
}

static gboolean
load_subject (ClmOptions *options, const char *key, const char *fallback, char **subject, GError **error)
{
  const char *text = clm_options_get_string (options, key, fallback);
  g_autoptr (GError) problem = NULL;
  g_autoptr (X509_NAME) name = clm_x509_name_parse (text, &problem);

  if (name == NULL || X509_NAME_entry_count (name) == 0) {
    clm_options_set_error (options, key, error, "%s", problem != NULL ? problem->message : "must not be empty");
    return FALSE;
  }
  *subject = g_strdup (text);
  return TRUE;
}

static gboolean
load_key_type (ClmOptions *options, const char *key, char **key_type, GError **error)
{
  guint choice;

  if (!clm_options_get_choice (options, key, key_types, 0, &choice, error))
    return FALSE;
  *key_type = g_strdup (key_types[choice]);
  return TRUE;
}

static gboolean
load_lifetime (ClmOptions *options, const char *key, gint64 fallback, gint64 *lifetime, GError **error)
{
  if (!clm_options_get_span (options, key, fallback, lifetime, error))
    return FALSE;
  if (*lifetime >= 60 && *lifetime <= 100LL * 365 * DAY)
    return TRUE;
  clm_options_set_error (options, key, error, "must lie between 1min and 100y");
  return FALSE;
}

static gboolean
load_url (ClmOptions *options, const char *key, char **url, GError **error)
{
  const char *text = clm_options_get_string (options, key, NULL);
  g_autoptr (GUri) uri = NULL;

  if (text == NULL)
    return TRUE;
  uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL || !g_str_is_ascii (text) || strpbrk (text, " \t\"<>") != NULL ||
      (strcmp (g_uri_get_scheme (uri), "http") != 0 && strcmp (g_uri_get_scheme (uri), "https") != 0 && strcmp (g_uri_get_scheme (uri), "ldap") != 0)) {
    clm_options_set_error (options, key, error, "“%s” is no http, https or ldap URL", text);
    return FALSE;
  }
  *url = g_strdup (text);
  return TRUE;
}

static gboolean
load_authorities (ClmCaSettings *self, ClmOptions *options, const char *name, GError **error)
{
  g_autofree char *root = g_strdup_printf ("CN=%s root CA", name), *intermediate = g_strdup_printf ("CN=%s issuing CA", name);

  if (!load_subject (options, "Subject", root, &self->subject[0], error) || !load_key_type (options, "KeyType", &self->key_type[0], error) ||
      !load_lifetime (options, "Lifetime", 20LL * 365 * DAY, &self->lifetime[0], error) ||
      !clm_options_get_boolean (options, "Intermediate", FALSE, &self->has_intermediate, error) ||
      !load_subject (options, "IntermediateSubject", intermediate, &self->subject[1], error) ||
      !load_key_type (options, "IntermediateKeyType", &self->key_type[1], error) ||
      !load_lifetime (options, "IntermediateLifetime", 5LL * 365 * DAY, &self->lifetime[1], error))
    return FALSE;
  if (self->has_intermediate && strcmp (self->subject[0], self->subject[1]) == 0) {
    clm_options_set_error (options, "IntermediateSubject", error, "must differ from Subject=");
    return FALSE;
  }
  return TRUE;
}

static gboolean
load_import (ClmCaSettings *self, ClmOptions *options, GError **error)
{
  self->import_certificate = g_strdup (clm_options_get_string (options, "ImportCertificate", NULL));
  self->import_key = g_strdup (clm_options_get_string (options, "ImportKey", NULL));
  if (self->import_certificate != NULL && !g_path_is_absolute (self->import_certificate)) {
    clm_options_set_error (options, "ImportCertificate", error, "“%s” is no absolute path", self->import_certificate);
    return FALSE;
  }
  if (self->import_key != NULL && self->import_certificate == NULL) {
    clm_options_set_error (options, "ImportKey", error, "needs ImportCertificate= beside it");
    return FALSE;
  }
  return TRUE;
}

static gboolean
load_times (ClmCaSettings *self, ClmOptions *options, GError **error)
{
  if (!clm_options_get_span (options, "Backdate", 60, &self->backdate, error) ||
      !clm_options_get_span (options, "CrlLifetime", 7 * DAY, &self->crl_lifetime, error))
    return FALSE;
  if (self->backdate > DAY) {
    clm_options_set_error (options, "Backdate", error, "must not be above 1d");
    return FALSE;
  }
  if (self->crl_lifetime < 10 || self->crl_lifetime > 366LL * DAY) {
    clm_options_set_error (options, "CrlLifetime", error, "must lie between 10s and 366d");
    return FALSE;
  }
  return TRUE;
}

ClmCaSettings *
clm_ca_settings_load (ClmOptions *options, const char *name, GError **error)
{
  g_autoptr (ClmCaSettings) self = g_new0 (ClmCaSettings, 1);

  if (!load_authorities (self, options, name, error) || !load_import (self, options, error) || !load_times (self, options, error) ||
      !load_url (options, "CrlUrl", &self->urls.crl, error) || !load_url (options, "OcspUrl", &self->urls.ocsp, error) ||
      !load_url (options, "IssuerUrl", &self->urls.issuer, error))
    return NULL;
  self->profiles = clm_ca_profiles_load (options, error);
  return self->profiles != NULL ? g_steal_pointer (&self) : NULL;
}
