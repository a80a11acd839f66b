/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "options.h"

#include "certloom-plugin.h"

static const GVariantType *
find_option_type (const char *known, const char *name)
{
  gsize length = strlen (name);
  for (const char *word = known; word != NULL && *word != '\0'; word = strchr (word, ' ') ? strchr (word, ' ') + 1 : NULL) {
    if (length > 0 && strncmp (word, name, length) == 0 && word[length] == '=')
      return (const GVariantType *) (gconstpointer) (word + length + 1);
  }
  return NULL;
}

static char *
dup_printable (const char *text)
{
  g_autofree char *cut = g_utf8_substring (text, 0, MIN (g_utf8_strlen (text, -1), 40));
  return g_strescape (cut, NULL);
}

static GError *
make_option_error (const char *known, const char *name)
{
  g_autofree char *shown = dup_printable (name);
  GError *error = g_error_new (CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "unknown option “%s”", shown);
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) pairs = g_strsplit (known, " ", -1);
  for (gsize i = 0; pairs[i] != NULL && *pairs[i] != '\0'; i++)
    g_ptr_array_add (words, g_strndup (pairs[i], strcspn (pairs[i], "=")));
  g_ptr_array_add (words, NULL);
  const char *nearest = clm_word_nearest (name, (const char *const *) words->pdata);
  if (nearest != NULL)
    clm_error_set_hint (error, "say “%s”", nearest);
  return error;
}

gboolean
clm_bus_options_check (const char *known, GVariant *options, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *child;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &child)) {
    g_autoptr (GVariant) value = child;
    const GVariantType *type = find_option_type (known, name);
    if (type == NULL) {
      g_propagate_error (error, make_option_error (known, name));
      return FALSE;
    }
    if (!g_variant_is_of_type (value, type)) {
      g_autofree char *wanted = g_variant_type_dup_string (type);
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "option “%s” is of type %s, not %s", name, wanted,
                   g_variant_get_type_string (value));
      return FALSE;
    }
    if (!g_hash_table_add (seen, (gpointer) name)) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "option “%s” is given twice", name);
      return FALSE;
    }
  }
  return TRUE;
}
