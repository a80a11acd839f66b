/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alternative-name.h"

#include "openssl-error.h"

#include <arpa/inet.h>
#include <string.h>

#define MAX_DNS_NAME 253
#define MAX_LABEL 63
#define MAX_LOCAL_PART 64
#define MAX_URI 2048
#define MAX_SHOWN 100
#define IPV4_SIZE 4
#define IPV6_SIZE 16

static const char *const nicks[] = { "dns", "ip", "uri", "email" };
static const int types[] = { GEN_DNS, GEN_IPADD, GEN_URI, GEN_EMAIL };
G_STATIC_ASSERT (G_N_ELEMENTS (nicks) == CLM_N_NAME_KINDS && G_N_ELEMENTS (types) == CLM_N_NAME_KINDS);

const char *
clm_name_kind_get_nick (ClmNameKind kind)
{
  g_return_val_if_fail (kind < CLM_N_NAME_KINDS, "dns");
  return nicks[kind];
}

/* Checking text */

static gsize
parse_address (const char *text, guint8 address[IPV6_SIZE])
{
  if (inet_pton (AF_INET, text, address) == 1)
    return IPV4_SIZE;
  return inet_pton (AF_INET6, text, address) == 1 ? IPV6_SIZE : 0;
}

/* An A-label must decode: one that overflows or holds nonsense is an attack on whoever shows it. */
static gboolean
is_punycode (const char *label)
{
  g_autofree char *text = g_hostname_to_unicode (label);

  if (!text || !*text)
    return FALSE;
  for (const char *c = text; *c; c = g_utf8_next_char (c))
    if (g_unichar_iscntrl (g_utf8_get_char (c)) || *c == '.' || !g_unichar_isdefined (g_utf8_get_char (c)))
      return FALSE;
  return TRUE;
}

static gboolean
is_label (const char *label)
{
  gsize length = strlen (label);

  if (!length || length > MAX_LABEL || label[0] == '-' || label[length - 1] == '-')
    return FALSE;
  for (const char *c = label; *c; c++)
    if (!g_ascii_isalnum (*c) && *c != '-' && *c != '_')
      return FALSE;
  return g_ascii_strncasecmp (label, "xn--", 4) != 0 || is_punycode (label);
}

static gboolean
is_dns_name (const char *text, gboolean wildcard_allowed)
{
  guint8 address[IPV6_SIZE];

  if (strlen (text) > MAX_DNS_NAME || parse_address (text, address))
    return FALSE;

  g_auto (GStrv) labels = g_strsplit (text, ".", -1);
  guint first = wildcard_allowed && labels[0] && g_str_equal (labels[0], "*") ? 1 : 0;
  guint n = g_strv_length (labels);
  if (n == 0 || (first && n < 3))
    return FALSE;
  for (guint i = first; i < n; i++)
    if (!is_label (labels[i]))
      return FALSE;
  return TRUE;
}

static gboolean
is_printable (const char *text)
{
  for (const char *c = text; *c; c++)
    if (*c < 0x21 || *c > 0x7e)
      return FALSE;
  return TRUE;
}

static gboolean
is_uri (const char *text)
{
  return strlen (text) <= MAX_URI && is_printable (text) && g_uri_is_valid (text, G_URI_FLAGS_NONE, NULL);
}

static gboolean
is_email (const char *text)
{
  const char *at = strrchr (text, '@');

  if (!at || at == text || at - text > MAX_LOCAL_PART || !is_printable (text))
    return FALSE;
  return strcspn (text, "@\"<>()[]\\,;:") == (gsize) (at - text) && is_dns_name (at + 1, FALSE);
}

gboolean
clm_x509_check_name (ClmNameKind kind, const char *text, GError **error)
{
  guint8 address[IPV6_SIZE];
  gboolean good = FALSE;

  switch (kind) {
  case CLM_NAME_DNS: good = is_dns_name (text, TRUE); break;
  case CLM_NAME_IP: good = parse_address (text, address) != 0; break;
  case CLM_NAME_URI: good = is_uri (text); break;
  case CLM_NAME_EMAIL: good = is_email (text); break;
  case CLM_N_NAME_KINDS: break;
  }
  if (good)
    return TRUE;

  g_autofree char *shown = g_strescape (text, NULL);
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "'%.*s' is not a valid %s name",
               MAX_SHOWN, shown, clm_name_kind_get_nick (kind));
  return FALSE;
}

/* Building */

static ASN1_STRING *
build_value (ClmNameKind kind, const char *text)
{
  guint8 address[IPV6_SIZE];
  const void *data = kind == CLM_NAME_IP ? (const void *) address : text;
  gsize size = kind == CLM_NAME_IP ? parse_address (text, address) : strlen (text);
  ASN1_STRING *value = ASN1_STRING_type_new (kind == CLM_NAME_IP ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

  ASN1_STRING_set (value, data, (int) size);
  return value;
}

static gboolean
append_names (GENERAL_NAMES *list, ClmNameKind kind, const char *const *names, GError **error)
{
  for (guint i = 0; names && names[i]; i++) {
    if (!clm_x509_check_name (kind, names[i], error))
      return FALSE;
    GENERAL_NAME *name = GENERAL_NAME_new ();
    GENERAL_NAME_set0_value (name, types[kind], build_value (kind, names[i]));
    sk_GENERAL_NAME_push (list, name);
  }
  return TRUE;
}

GENERAL_NAMES *
clm_x509_names_build (const ClmNames *names, GError **error)
{
  g_autoptr (GENERAL_NAMES) list = sk_GENERAL_NAME_new_null ();

  for (ClmNameKind kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    if (!append_names (list, kind, names->values[kind], error))
      return NULL;
  return g_steal_pointer (&list);
}

/* Reading */

static char *
read_address (const ASN1_STRING *value)
{
  char text[INET6_ADDRSTRLEN];
  int size = ASN1_STRING_length (value);

  if (size != IPV4_SIZE && size != IPV6_SIZE)
    return NULL;
  return g_strdup (inet_ntop (size == IPV4_SIZE ? AF_INET : AF_INET6, ASN1_STRING_get0_data (value), text, sizeof text));
}

static char *
read_text (const ASN1_STRING *value)
{
  gsize size = (gsize) ASN1_STRING_length (value);
  g_autofree char *text = g_strndup ((const char *) ASN1_STRING_get0_data (value), size);

  if (strlen (text) != size || !size || !is_printable (text))
    return NULL;
  return g_steal_pointer (&text);
}

static int
kind_of_type (int type)
{
  for (int kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    if (types[kind] == type)
      return kind;
  return -1;
}

GStrv
clm_x509_names_list (const GENERAL_NAMES *names, ClmNameKind kind, guint *others, GError **error)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  int n = names ? sk_GENERAL_NAME_num (names) : 0;

  if (others)
    *others = 0;
  for (int i = 0; i < n; i++) {
    int type;
    const void *value = GENERAL_NAME_get0_value (sk_GENERAL_NAME_value (names, i), &type);
    int found = kind_of_type (type);

    if (found < 0 && others)
      (*others)++;
    if (found != (int) kind)
      continue;
    g_autofree char *text = kind == CLM_NAME_IP ? read_address (value) : read_text (value);
    if (!text) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "alternative name %d is no %s name", i + 1, nicks[kind]);
      return NULL;
    }
    g_strv_builder_add (list, text);
  }
  return g_strv_builder_end (list);
}

/* Comparing */

static char *
canonicalize (ClmNameKind kind, const char *text)
{
  guint8 address[IPV6_SIZE];
  char printed[INET6_ADDRSTRLEN];

  if (kind == CLM_NAME_DNS)
    return g_ascii_strdown (text, -1);
  if (kind == CLM_NAME_IP) {
    gsize size = parse_address (text, address);
    return g_strdup (size ? inet_ntop (size == IPV4_SIZE ? AF_INET : AF_INET6, address, printed, sizeof printed) : text);
  }
  const char *at = kind == CLM_NAME_EMAIL ? strrchr (text, '@') : NULL;
  if (!at)
    return g_strdup (text);

  g_autofree char *local = g_strndup (text, at - text);
  g_autofree char *domain = g_ascii_strdown (at, -1);
  return g_strconcat (local, domain, NULL);
}

static GHashTable *
collect (ClmNameKind kind, const char *const *names)
{
  GHashTable *set = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; names && names[i]; i++)
    g_hash_table_add (set, canonicalize (kind, names[i]));
  return set;
}

gboolean
clm_x509_names_equal (ClmNameKind kind, const char *const *a, const char *const *b)
{
  g_autoptr (GHashTable) in_a = collect (kind, a), in_b = collect (kind, b);
  GHashTableIter iter;
  gpointer name;

  if (g_hash_table_size (in_a) != g_hash_table_size (in_b))
    return FALSE;
  g_hash_table_iter_init (&iter, in_a);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (!g_hash_table_contains (in_b, name))
      return FALSE;
  return TRUE;
}
