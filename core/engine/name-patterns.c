/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "name-patterns.h"

#include <gio/gio.h>
#include <string.h>

/** PATTERN_MAX: longest pattern in bytes; also bounds the depth of the matcher. */
#define PATTERN_MAX 255
/** STARS_MAX: most `*` in a pattern; each costs the matcher one more pass over the name. */
#define STARS_MAX 4

static gboolean
is_separator (char c)
{
  return c == '.' || c == '/' || c == '@' || c == ':';
}

static char
fold (char c, gboolean ignore_case)
{
  return ignore_case ? g_ascii_tolower (c) : c;
}

static gboolean
match_glob (const char *pattern, const char *name, gboolean ignore_case)
{
  for (; *pattern && *pattern != '*'; pattern++, name++) {
    if (!*name || (*pattern == '?' && is_separator (*name)))
      return FALSE;
    if (*pattern != '?' && fold (*pattern, ignore_case) != fold (*name, ignore_case))
      return FALSE;
  }
  if (!*pattern)
    return !*name;
  for (;; name++) {
    if (match_glob (pattern + 1, name, ignore_case))
      return TRUE;
    if (!*name || is_separator (*name))
      return FALSE;
  }
}

/* ".example.org" and "@example.org": what stands before must be something. */
static gboolean
match_ending (const char *pattern, const char *name, gboolean ignore_case)
{
  gsize pattern_length = strlen (pattern), name_length = strlen (name);
  const char *ending;

  if (name_length <= pattern_length)
    return FALSE;
  ending = name + name_length - pattern_length;
  return ignore_case ? g_ascii_strcasecmp (pattern, ending) == 0 : g_str_equal (pattern, ending);
}

static gboolean
match_address (const char *pattern, const char *name)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (name);
  g_autoptr (GInetAddressMask) mask = g_inet_address_mask_new_from_string (pattern, NULL);

  return address && mask && g_inet_address_get_family (address) == g_inet_address_mask_get_family (mask) &&
         g_inet_address_mask_matches (mask, address);
}

static gboolean
is_address_pattern (const char *pattern)
{
  g_autoptr (GInetAddressMask) mask = g_inet_address_mask_new_from_string (pattern, NULL);

  return mask != NULL;
}

/* One label or more before the ending, nothing else: "@" or "/" must not sneak another name in front. */
static gboolean
is_host (const char *name)
{
  for (const char *p = name; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr (".-_", *p))
      return FALSE;
  return *name && *name != '.';
}

static gboolean
match (const char *pattern, ClmNameKind kind, const char *name)
{
  gboolean ignore_case = kind != CLM_NAME_URI;

  if (kind == CLM_NAME_IP || is_address_pattern (pattern))
    return kind == CLM_NAME_IP && match_address (pattern, name);
  if (*pattern == '.')
    return kind == CLM_NAME_DNS && is_host (name) && match_ending (pattern, name, TRUE);
  if (*pattern == '@')
    return kind == CLM_NAME_EMAIL && strchr (name, '@') == strrchr (name, '@') && match_ending (pattern, name, TRUE);
  return match_glob (pattern, name, ignore_case);
}

gboolean
clm_name_patterns_match (const char *const *patterns, ClmNameKind kind, const char *name)
{
  if (!*name || strchr (name, '*'))
    return FALSE;
  for (guint i = 0; patterns && patterns[i]; i++)
    if (match (patterns[i], kind, name))
      return TRUE;
  return FALSE;
}

static ClmNameKind
guess_kind (const char *text)
{
  if (g_hostname_is_ip_address (text))
    return CLM_NAME_IP;
  if (strchr (text, '@'))
    return CLM_NAME_EMAIL;
  return strchr (text, ':') ? CLM_NAME_URI : CLM_NAME_DNS;
}

gboolean
clm_name_patterns_match_text (const char *const *patterns, const char *text)
{
  return clm_name_patterns_match (patterns, guess_kind (text), text);
}

gboolean
clm_name_pattern_check (const char *pattern, GError **error)
{
  guint stars = 0;

  if (!*pattern || strlen (pattern) > PATTERN_MAX) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "a pattern has 1 to %d characters", PATTERN_MAX);
    return FALSE;
  }
  for (const char *p = pattern; *p; p++) {
    if (!g_ascii_isgraph (*p)) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "a pattern holds printable ASCII characters only");
      return FALSE;
    }
    stars += *p == '*';
  }
  if (stars > STARS_MAX || strstr (pattern, "**")) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "\"%s\" has too many *", pattern);
    return FALSE;
  }
  if (strchr (".@", *pattern) && (!pattern[1] || strpbrk (pattern + 1, "*?@/:"))) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "\"%s\": after the %c only a domain can follow", pattern, *pattern);
    return FALSE;
  }
  return TRUE;
}
