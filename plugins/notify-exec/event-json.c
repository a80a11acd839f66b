/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event-json.h"

#include <json-glib/json-glib.h>

static void
add_text (JsonBuilder *builder, const char *key, const char *value)
{
  json_builder_set_member_name (builder, key);
  if (value != NULL)
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

char *
event_to_json (ClmEvent *event)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_auto (GStrv) keys = clm_event_list_fields (event);

  json_builder_begin_object (builder);
  add_text (builder, "event", clm_event_kind_get_nick (clm_event_get_kind (event)));
  add_text (builder, "message_id", clm_event_kind_get_message_id (clm_event_get_kind (event)));
  add_text (builder, "severity", clm_severity_get_nick (clm_event_get_severity (event)));
  json_builder_set_member_name (builder, "time");
  json_builder_add_int_value (builder, clm_event_get_time (event));
  add_text (builder, "subject_kind", clm_event_get_subject_kind (event));
  add_text (builder, "subject", clm_event_get_subject (event));
  add_text (builder, "message", clm_event_get_message (event));
  json_builder_set_member_name (builder, "fields");
  json_builder_begin_object (builder);
  for (guint i = 0; keys[i] != NULL; i++)
    add_text (builder, keys[i], clm_event_get_field (event, keys[i]));
  json_builder_end_object (builder);
  json_builder_end_object (builder);

  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *json = json_to_string (root, FALSE);
  return g_strconcat (json, "\n", NULL);
}
