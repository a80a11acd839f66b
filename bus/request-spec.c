/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "request-spec.h"

#include "names.h"

#define KEYS_MAX       64
#define KEY_LENGTH_MAX 64
#define VALUE_SIZE_MAX 8192
#define INSTANCE_MAX   64

/* Shows a stranger's text in an error without letting it do anything to whoever reads it. */
static char *
dup_shown (const char *text)
{
  g_autofree char *escaped = g_strescape (text, NULL);
  if (strlen (escaped) <= 80)
    return g_steal_pointer (&escaped);
  return g_strdup_printf ("%.80s…", escaped);
}

gboolean
clm_bus_request_check_name (const char *name, GError **error)
{
  if (clm_bus_names_is_valid (name))
    return TRUE;
  g_autofree char *shown = dup_shown (name);
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "“%s” cannot be a name", shown);
  if (error != NULL)
    clm_error_set_hint (*error, "begin with a small letter or a digit and go on with these and . _ -, at most 64 in all");
  return FALSE;
}

gboolean
clm_bus_request_check_instance (const char *instance, GError **error)
{
  gsize length = strlen (instance);
  if (length == 0)
    return TRUE;
  if (length <= INSTANCE_MAX && g_ascii_isalnum (*instance)
      && strspn (instance, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") == length)
    return TRUE;
  g_autofree char *shown = dup_shown (instance);
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "“%s” cannot be an instance of a template", shown);
  return FALSE;
}

static gboolean
check_key (const char *key, GError **error)
{
  gsize length = strlen (key);
  if (length > 0 && length <= KEY_LENGTH_MAX && g_ascii_isalpha (*key)
      && strspn (key, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS) == length)
    return TRUE;
  g_autofree char *shown = dup_shown (key);
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "“%s” cannot be a setting", shown);
  return FALSE;
}

static gboolean
check_text (const char *key, const char *text, GError **error)
{
  if (strlen (text) > VALUE_SIZE_MAX) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "%s= is longer than %d bytes", key, VALUE_SIZE_MAX);
    return FALSE;
  }
  for (const char *c = text; *c != '\0'; c++) {
    if (g_ascii_iscntrl (*c)) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "%s= holds a control character", key);
      return FALSE;
    }
  }
  return TRUE;
}

/* Between quotation marks a backslash is written twice, and only there. */
static void
append_word (GString *list, const char *word)
{
  gboolean quote = strchr (word, ' ') != NULL;
  g_string_append (list, list->len > 0 ? quote ? " \"" : " " : quote ? "\"" : "");
  for (const char *c = word; *c != '\0'; c++)
    g_string_append_printf (list, "%s%c", quote && *c == '\\' ? "\\" : "", *c);
  if (quote)
    g_string_append_c (list, '"');
}

/* A list as a certificate file writes it: words apart by spaces, quoted where a word holds one. */
static char *
join_words (const char *key, GVariant *value, GError **error)
{
  g_autofree const char **words = g_variant_get_strv (value, NULL);
  g_autoptr (GString) list = g_string_new (NULL);
  for (gsize i = 0; words[i] != NULL; i++) {
    if (*words[i] == '\0' || strchr (words[i], '"') != NULL) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "%s= holds an empty word or one with a quotation mark", key);
      return NULL;
    }
    append_word (list, words[i]);
  }
  return g_string_free (g_steal_pointer (&list), FALSE);
}

static char *
make_text (const char *key, GVariant *value, GError **error)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    return join_words (key, value, error);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_strdup (g_variant_get_boolean (value) ? "yes" : "no");
  if (strchr ("xtiu", g_variant_get_type_string (value)[0]) != NULL)
    return g_variant_print (value, FALSE);
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "%s= has a value that is neither text, list, boolean nor whole number", key);
  return NULL;
}

ClmOptions *
clm_bus_request_make_options (GVariant *spec, GError **error)
{
  g_autoptr (ClmOptions) options = clm_options_new ("request");
  GVariantIter iter;
  const char *key;
  GVariant *child;
  if (g_variant_n_children (spec) > KEYS_MAX) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "more than %d settings", KEYS_MAX);
    return NULL;
  }
  g_variant_iter_init (&iter, spec);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    g_autoptr (GVariant) value = child;
    if (!check_key (key, error))
      return NULL;
    if (clm_options_has (options, key)) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "%s= is given twice", key);
      return NULL;
    }
    g_autofree char *text = make_text (key, value, error);
    if (text == NULL || !check_text (key, text, error))
      return NULL;
    clm_options_set (options, key, text, NULL, 0);
  }
  return g_steal_pointer (&options);
}
