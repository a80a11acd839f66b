/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "lines.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "date.h"

typedef struct {
  char *label;
  char *value;
} Line;

struct _ClmLines {
  GArray *lines;   /* Line */
};

static void
line_clear (gpointer data)
{
  Line *line = data;
  g_free (line->label);
  g_free (line->value);
}

ClmLines *
clm_lines_new (void)
{
  ClmLines *self = g_new0 (ClmLines, 1);
  self->lines = g_array_new (FALSE, TRUE, sizeof (Line));
  g_array_set_clear_func (self->lines, line_clear);
  return self;
}

void
clm_lines_free (ClmLines *self)
{
  g_array_unref (self->lines);
  g_free (self);
}

void
clm_lines_add (ClmLines *self, const char *label, const char *value)
{
  Line line = { g_strdup (label), g_strdup (value) };
  if (*value == '\0')
    line_clear (&line);
  else
    g_array_append_val (self->lines, line);
}

void
clm_lines_addf (ClmLines *self, const char *label, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *value = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  clm_lines_add (self, label, value);
}

void
clm_lines_add_value (ClmLines *self, const char *label, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    clm_lines_add (self, label, g_variant_get_string (value, NULL));
    return;
  }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN)) {
    clm_lines_add (self, label, g_variant_get_boolean (value) ? _("yes") : _("no"));
    return;
  }
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY)) {
    g_autofree char *text = g_variant_print (value, FALSE);
    clm_lines_add (self, label, text);
    return;
  }
  g_autofree const char **words = g_variant_get_strv (value, NULL);
  for (gsize i = 0; words[i] != NULL; i++)
    clm_lines_add (self, label, words[i]);
}

void
clm_lines_add_property (ClmLines *self, const char *label, GVariant *properties, const char *name)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (properties, name, NULL);
  if (value != NULL)
    clm_lines_add_value (self, label, value);
}

/* "root-crl-next-update" as "Root CRL next update". */
static char *
dup_label (const char *key)
{
  static const char *const acronyms[] = { "ca", "crl", "dn", "id", "ocsp", "uri", "url", NULL };
  g_auto (GStrv) words = g_strsplit_set (key, "-_", -1);
  for (gsize i = 0; words[i] != NULL; i++) {
    if (g_strv_contains (acronyms, words[i])) {
      char *upper = g_ascii_strup (words[i], -1);
      g_free (words[i]);
      words[i] = upper;
    } else if (i == 0)
      *words[i] = g_ascii_toupper (*words[i]);
  }
  return g_strjoinv (" ", words);
}

static int
compare_words (const void *a, const void *b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

void
clm_lines_add_details (ClmLines *self, GVariant *details)
{
  gsize count = details != NULL ? g_variant_n_children (details) : 0;
  g_autofree const char **keys = g_new0 (const char *, count + 1);
  for (gsize i = 0; i < count; i++)
    g_variant_get_child (details, i, "{&sv}", &keys[i], NULL);
  qsort (keys, count, sizeof *keys, compare_words);
  for (gsize i = 0; i < count; i++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (details, keys[i], NULL);
    g_autofree char *label = dup_label (keys[i]);
    g_autofree char *time = clm_date_is_time (keys[i], value) ? clm_date_format_full (g_variant_get_int64 (value)) : NULL;
    if (time != NULL)
      clm_lines_add (self, label, time);
    else
      clm_lines_add_value (self, label, value);
  }
}

static guint
measure_labels (ClmLines *self)
{
  guint width = 0;
  for (guint i = 0; i < self->lines->len; i++)
    width = MAX (width, (guint) g_utf8_strlen (g_array_index (self->lines, Line, i).label, -1));
  return width;
}

void
clm_lines_print (ClmLines *self, ClmCli *cli)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint width = measure_labels (self);
  const char *last = "";
  for (guint i = 0; i < self->lines->len; i++) {
    const Line *line = &g_array_index (self->lines, Line, i);
    gboolean again = g_str_equal (line->label, last);
    guint used = again ? 0 : (guint) g_utf8_strlen (line->label, -1) + 1;
    g_autofree char *value = g_strdelimit (g_strdup (line->value), "\n", ' ');
    g_string_append_printf (text, "%s%s%*s%s\n", again ? "" : line->label, again ? "" : ":", (int) (width + 2 - used), "", value);
    last = line->label;
  }
  g_autofree char *shown = clm_cli_dup_shown (cli, text->str);
  clm_cli_print (cli, shown);
}
