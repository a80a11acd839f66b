/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "name.h"

#include "openssl-error.h"

#include <string.h>

#define MAX_TEXT 4096
#define MAX_PARTS 32
#define DEFAULT_LENGTH 128

/* What a name may be made of. Lengths: RFC 5280 appendix A.1, upper bounds. */
static const struct {
  const char *word;
  int         nid, type;
  guint       max;
} attributes[] = {
  { "CN", NID_commonName, V_ASN1_UTF8STRING, 64 },
  { "C", NID_countryName, V_ASN1_PRINTABLESTRING, 2 },
  { "ST", NID_stateOrProvinceName, V_ASN1_UTF8STRING, 128 },
  { "L", NID_localityName, V_ASN1_UTF8STRING, 128 },
  { "O", NID_organizationName, V_ASN1_UTF8STRING, 64 },
  { "OU", NID_organizationalUnitName, V_ASN1_UTF8STRING, 64 },
  { "serialNumber", NID_serialNumber, V_ASN1_PRINTABLESTRING, 64 },
  { "emailAddress", NID_pkcs9_emailAddress, V_ASN1_IA5STRING, 255 },
  { "DC", NID_domainComponent, V_ASN1_IA5STRING, 63 },
  { "UID", NID_userId, V_ASN1_UTF8STRING, 256 },
  { "SN", NID_surname, V_ASN1_UTF8STRING, 64 },
  { "GN", NID_givenName, V_ASN1_UTF8STRING, 64 },
  { "title", NID_title, V_ASN1_UTF8STRING, 64 },
};

/* One "TYPE=value" of the text; @joined: it stood behind a "+". */
typedef struct {
  char    *type, *value;
  gboolean joined;
} Part;

static void
part_free (Part *part)
{
  g_free (part->type);
  g_free (part->value);
  g_free (part);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Part, part_free)

static gboolean
refuse (GError **error, const char *text, const char *why)
{
  g_autofree char *shown = g_strescape (text, NULL);

  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "distinguished name '%.100s': %s", shown, why);
  return FALSE;
}

/* A character behind a backslash: one of the special ones, or two hexadecimal digits (RFC 4514 §2.4). */
static gboolean
read_escape (const char **at, GString *value)
{
  const char *c = *at + 1;

  if (*c && strchr (" \"#+,;<=>\\", *c)) {
    g_string_append_c (value, *c);
    *at = c + 1;
    return TRUE;
  }
  if (!g_ascii_isxdigit (c[0]) || !g_ascii_isxdigit (c[1]))
    return FALSE;
  g_string_append_c (value, (char) (g_ascii_xdigit_value (c[0]) << 4 | g_ascii_xdigit_value (c[1])));
  *at = c + 2;
  return TRUE;
}

static char *
read_value (const char **at)
{
  g_autoptr (GString) value = g_string_new (NULL);
  gsize keep = 0;   /* unescaped blanks at the end do not count */

  while (**at == ' ')
    (*at)++;
  if (**at == '#')   /* the BER form has no use here */
    return NULL;
  while (**at && !strchr (",+", **at)) {
    if (strchr ("\"<>;", **at))
      return NULL;
    if (**at == '\\') {
      if (!read_escape (at, value))
        return NULL;
      keep = value->len;
      continue;
    }
    g_string_append_c (value, **at);
    if (**at != ' ')
      keep = value->len;
    (*at)++;
  }
  g_string_truncate (value, keep);
  if (!value->len || strlen (value->str) != value->len)
    return NULL;
  return g_strdup (value->str);
}

static Part *
read_part (const char **at)
{
  g_autoptr (Part) part = g_new0 (Part, 1);
  const char *equals = strchr (*at, '=');

  if (!equals)
    return NULL;
  part->type = g_strndup (*at, equals - *at);
  g_strstrip (part->type);
  *at = equals + 1;
  part->value = read_value (at);
  return part->value ? g_steal_pointer (&part) : NULL;
}

static GPtrArray *
split (const char *text, GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func ((GDestroyNotify) part_free);
  const char *at = text;
  gboolean joined = FALSE, more = TRUE;

  while (more) {
    Part *part = parts->len < MAX_PARTS ? read_part (&at) : NULL;
    if (!part) {
      refuse (error, text, "it is not written as RFC 4514 says: TYPE=value,TYPE=value");
      return NULL;
    }
    part->joined = joined;
    g_ptr_array_add (parts, part);
    joined = *at == '+';
    more = *at != '\0';
    if (more)
      at++;
  }
  return g_steal_pointer (&parts);
}

static gboolean
has_control (const char *text)
{
  for (; *text; text = g_utf8_next_char (text))
    if (g_unichar_iscntrl (g_utf8_get_char (text)))
      return TRUE;
  return FALSE;
}

static gboolean
fits_type (const char *value, int type)
{
  static const char printable[] = " '()+,-./:=?";

  if (type == V_ASN1_UTF8STRING)
    return TRUE;
  for (; *value; value++) {
    if ((guchar) *value > 0x7e)
      return FALSE;
    if (type == V_ASN1_PRINTABLESTRING && !g_ascii_isalnum (*value) && !strchr (printable, *value))
      return FALSE;
  }
  return TRUE;
}

/* OpenSSL alone would take any long name it knows, too */
static ASN1_OBJECT *
find_attribute (const char *word, int *type, guint *max)
{
  for (guint i = 0; i < G_N_ELEMENTS (attributes); i++) {
    if (g_ascii_strcasecmp (attributes[i].word, word) != 0)
      continue;
    *type = attributes[i].type;
    *max = attributes[i].max;
    return OBJ_nid2obj (attributes[i].nid);
  }
  *type = V_ASN1_UTF8STRING;
  *max = DEFAULT_LENGTH;
  return g_ascii_isdigit (word[0]) && strchr (word, '.') ? OBJ_txt2obj (word, 1) : NULL;
}

static gboolean
add_part (X509_NAME *name, const Part *part, int set, const char *text, GError **error)
{
  int type;
  guint max;
  g_autoptr (ASN1_OBJECT) object = find_attribute (part->type, &type, &max);

  ERR_clear_error ();
  if (!object)
    return refuse (error, text, "an attribute type is not known (write its OID)");
  if (!g_utf8_validate (part->value, -1, NULL) || has_control (part->value))
    return refuse (error, text, "a value holds control characters or is no UTF-8");
  if (g_utf8_strlen (part->value, -1) > (glong) max)
    return refuse (error, text, "a value is too long");
  if (type == V_ASN1_PRINTABLESTRING && max == 2 && strlen (part->value) != 2)
    return refuse (error, text, "a country is two letters");
  if (!fits_type (part->value, type))
    return refuse (error, text, "a value holds characters that its attribute does not allow");
  if (X509_NAME_add_entry_by_OBJ (name, object, type, (const unsigned char *) part->value, -1, -1, set) != 1) {
    clm_x509_set_error (error, CLM_ERROR_INVALID_ARGUMENT, "distinguished name cannot be built");
    return FALSE;
  }
  return TRUE;
}

X509_NAME *
clm_x509_name_parse (const char *text, GError **error)
{
  g_autoptr (X509_NAME) name = X509_NAME_new ();
  g_autoptr (GPtrArray) parts = NULL;

  if (!text || !*text)
    return g_steal_pointer (&name);
  if (strlen (text) > MAX_TEXT) {
    refuse (error, "", "too long");
    return NULL;
  }
  parts = split (text, error);
  if (!parts)
    return NULL;

  /* The text begins with the part that the encoding ends with. */
  for (guint i = parts->len; i-- > 0;) {
    guint next = i + 1;
    gboolean joins = next < parts->len && ((Part *) parts->pdata[next])->joined;
    if (!add_part (name, parts->pdata[i], joins ? -1 : 0, text, error))
      return NULL;
  }
  return g_steal_pointer (&name);
}

static char *
print (const X509_NAME *name, unsigned long flags)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());
  char *data;

  if (X509_NAME_print_ex (bio, name, 0, flags) < 0)
    return NULL;
  long size = BIO_get_mem_data (bio, &data);
  return g_strndup (data, (gsize) size);
}

char *
clm_x509_name_to_text (const X509_NAME *name)
{
  unsigned long flags = XN_FLAG_RFC2253 & ~XN_FLAG_DUMP_UNKNOWN_FIELDS;
  char *text = print (name, flags & ~ASN1_STRFLGS_ESC_MSB);

  if (text && g_utf8_validate (text, -1, NULL))
    return text;
  g_free (text);
  /* Some value is not what its type says: show the bytes. */
  text = print (name, flags & ~ASN1_STRFLGS_UTF8_CONVERT);
  ERR_clear_error ();
  return text ? text : g_strdup ("");
}

gboolean
clm_x509_name_equal (const X509_NAME *a, const X509_NAME *b)
{
  return X509_NAME_cmp (a, b) == 0;
}

static gboolean
entry_has_control (const X509_NAME_ENTRY *entry)
{
  g_autoptr (ClmOpenSSLBytes) text = NULL;
  int size = ASN1_STRING_to_UTF8 (&text, X509_NAME_ENTRY_get_data (entry));

  if (size < 0) {
    ERR_clear_error ();
    return TRUE;
  }
  return !g_utf8_validate ((char *) text, size, NULL) || has_control ((char *) text);
}

gboolean
clm_x509_name_has_control (const X509_NAME *name)
{
  for (int i = 0; i < X509_NAME_entry_count (name); i++)
    if (entry_has_control (X509_NAME_get_entry (name, i)))
      return TRUE;
  return FALSE;
}
