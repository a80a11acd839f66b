/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "json.h"

#include "date.h"

#define OUTPUT_VERSION 1

JsonBuilder *
clm_json_new (void)
{
  JsonBuilder *builder = json_builder_new ();
  json_builder_begin_object (builder);
  clm_json_add_int (builder, "version", OUTPUT_VERSION);
  return builder;
}

char *
clm_json_end (JsonBuilder *builder, gboolean pretty)
{
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, pretty);
  return g_strconcat (text, "\n", NULL);
}

void
clm_json_add_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  g_autofree char *valid = g_utf8_make_valid (value, -1);
  json_builder_add_string_value (builder, valid);
}

void
clm_json_add_int (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

void
clm_json_add_boolean (JsonBuilder *builder, const char *name, gboolean value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

void
clm_json_add_time (JsonBuilder *builder, const char *name, gint64 time)
{
  g_autofree char *text = clm_date_format_rfc3339 (time);
  json_builder_set_member_name (builder, name);
  if (text != NULL)
    json_builder_add_string_value (builder, text);
  else
    json_builder_add_null_value (builder);
}

void
clm_json_add_left (JsonBuilder *builder, gint64 not_after, gint64 now)
{
  if (not_after != 0) {
    clm_json_add_int (builder, "seconds_left", not_after - now);
    return;
  }
  json_builder_set_member_name (builder, "seconds_left");
  json_builder_add_null_value (builder);
}

static void
add_bytes (JsonBuilder *builder, GVariant *value)
{
  gsize length;
  const guchar *bytes = g_variant_get_fixed_array (value, &length, 1);
  g_autofree char *text = g_base64_encode (bytes, length);
  json_builder_add_string_value (builder, text);
}

static void
add_dictionary (JsonBuilder *builder, GVariant *value)
{
  json_builder_begin_object (builder);
  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    g_autoptr (GVariant) entry = g_variant_get_child_value (value, i);
    g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
    g_autoptr (GVariant) child = g_variant_get_child_value (entry, 1);
    json_builder_set_member_name (builder, g_variant_get_string (key, NULL));
    clm_json_add_value (builder, child);
  }
  json_builder_end_object (builder);
}

static void
add_list (JsonBuilder *builder, GVariant *value)
{
  json_builder_begin_array (builder);
  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
    clm_json_add_value (builder, child);
  }
  json_builder_end_array (builder);
}

static gint64
get_integer (GVariant *value)
{
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_BYTE: return g_variant_get_byte (value);
  case G_VARIANT_CLASS_INT16: return g_variant_get_int16 (value);
  case G_VARIANT_CLASS_UINT16: return g_variant_get_uint16 (value);
  case G_VARIANT_CLASS_INT32: return g_variant_get_int32 (value);
  case G_VARIANT_CLASS_UINT32: return g_variant_get_uint32 (value);
  case G_VARIANT_CLASS_INT64: return g_variant_get_int64 (value);
  case G_VARIANT_CLASS_UINT64: return (gint64) MIN (g_variant_get_uint64 (value), (guint64) G_MAXINT64);
  default: return 0;
  }
}

void
clm_json_add_value (JsonBuilder *builder, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT)) {
    g_autoptr (GVariant) inner = g_variant_get_variant (value);
    clm_json_add_value (builder, inner);
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING)) {
    add_bytes (builder, value);
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("a{s*}"))) {
    add_dictionary (builder, value);
  } else if (g_variant_is_container (value)) {
    add_list (builder, value);
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN)) {
    json_builder_add_boolean_value (builder, g_variant_get_boolean (value));
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE)) {
    json_builder_add_double_value (builder, g_variant_get_double (value));
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) || g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH)) {
    json_builder_add_string_value (builder, g_variant_get_string (value, NULL));
  } else {
    json_builder_add_int_value (builder, get_integer (value));
  }
}

char *
clm_json_dup_snake (const char *camel)
{
  g_autoptr (GString) snake = g_string_new (NULL);
  for (const char *c = camel; *c != '\0'; c++) {
    if (g_ascii_isupper (*c) && c != camel)
      g_string_append_c (snake, '_');
    g_string_append_c (snake, *c == '-' ? '_' : g_ascii_tolower (*c));
  }
  return g_string_free (g_steal_pointer (&snake), FALSE);
}
