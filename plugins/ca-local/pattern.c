/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pattern.h"

#include <string.h>

#include "clm-error.h"

static const char *const prefixes[] = { "dns:", "ip:", "uri:", "email:", "subject:" };

/* An address or a prefix; NULL where @text is neither. */
static GInetAddressMask *
parse_mask (const char *text)
{
  return g_inet_address_mask_new_from_string (text, NULL);
}

/* Says what @pattern is about, and where its body begins. */
static ClmCaNameKind
split_pattern (const char *pattern, const char **body)
{
  g_autoptr (GInetAddressMask) mask = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++) {
    if (g_str_has_prefix (pattern, prefixes[i])) {
      *body = pattern + strlen (prefixes[i]);
      return (ClmCaNameKind) i;
    }
  }
  *body = pattern;
  mask = parse_mask (pattern);
  return mask != NULL ? CLM_CA_NAME_IP : CLM_CA_NAME_DNS;
}

gboolean
clm_ca_pattern_check (const char *pattern, GError **error)
{
  const char *body;
  ClmCaNameKind kind = split_pattern (pattern, &body);
  g_autoptr (GInetAddressMask) mask = kind == CLM_CA_NAME_IP ? parse_mask (body) : NULL;

  if (*body == '\0' || (kind == CLM_CA_NAME_IP && mask == NULL) || (kind == CLM_CA_NAME_DNS && strpbrk (body, ":/@ ") != NULL) ||
      (kind == CLM_CA_NAME_EMAIL && strchr (body, '@') == NULL) || (kind == CLM_CA_NAME_SUBJECT && strchr (body, '=') == NULL)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "“%s” is no name pattern", pattern);
    clm_error_set_hint (error ? *error : NULL, "write *.plant.example, ip:10.0.0.0/8, uri:urn:plant:*, email:*@plant.example or \"subject:CN=*,O=Plant\"");
    return FALSE;
  }
  return TRUE;
}

/* `*` matches any run without @stop; steps back only to the last `*`, so a hostile pattern costs no more than length times length. */
static gboolean
glob (const char *pattern, const char *name, char stop, gboolean fold)
{
  const char *star = NULL, *retry = NULL;

  while (*name != '\0') {
    if (*pattern == '*') {
      star = pattern++;
      retry = name;
    } else if (fold ? g_ascii_tolower (*pattern) == g_ascii_tolower (*name) : *pattern == *name) {
      pattern++;
      name++;
    } else if (star != NULL && *retry != stop) {
      pattern = star + 1;
      name = ++retry;
    } else {
      return FALSE;
    }
  }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

static gboolean
match_address (const char *pattern, const char *name)
{
  g_autoptr (GInetAddressMask) mask = parse_mask (pattern);
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (name);

  return mask != NULL && address != NULL && g_inet_address_get_family (address) == g_inet_address_mask_get_family (mask) &&
         g_inet_address_mask_matches (mask, address);
}

/* Attribute by attribute, so that no value can smuggle in another attribute. */
static gboolean
match_subject (const char *pattern, const char *name)
{
  g_auto (GStrv) wanted = g_strsplit (pattern, ",", -1);
  g_auto (GStrv) given = g_strsplit (name, "\n", -1);

  if (g_strv_length (wanted) != g_strv_length (given))
    return FALSE;
  for (guint i = 0; wanted[i] != NULL; i++)
    if (!glob (g_strstrip (wanted[i]), given[i], '\0', FALSE))
      return FALSE;
  return TRUE;
}

gboolean
clm_ca_pattern_matches (const char *pattern, ClmCaNameKind kind, const char *name)
{
  const char *body;

  if (split_pattern (pattern, &body) != kind || *name == '\0')
    return FALSE;
  switch (kind) {
  case CLM_CA_NAME_IP:
    return match_address (body, name);
  case CLM_CA_NAME_SUBJECT:
    return match_subject (body, name);
  case CLM_CA_NAME_EMAIL:
    return glob (body, name, '@', TRUE);
  case CLM_CA_NAME_DNS:
    return glob (body, name, '\0', TRUE);
  case CLM_CA_NAME_URI:
  default:
    return glob (body, name, '\0', FALSE);
  }
}

gboolean
clm_ca_patterns_match (const char *const *patterns, ClmCaNameKind kind, const char *name)
{
  for (guint i = 0; patterns[i] != NULL; i++)
    if (clm_ca_pattern_matches (patterns[i], kind, name))
      return TRUE;
  return FALSE;
}

gboolean
clm_ca_patterns_have (const char *const *patterns, ClmCaNameKind kind)
{
  const char *body;

  for (guint i = 0; patterns[i] != NULL; i++)
    if (split_pattern (patterns[i], &body) == kind)
      return TRUE;
  return FALSE;
}
