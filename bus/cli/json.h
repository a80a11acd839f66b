/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * What --json writes: one object with "version" (1) first, names in snake_case, times as RFC 3339 in UTC (null for none).
 */

/** clm_json_new: Returns: (transfer full): a builder with the outer object begun and "version" in it. */
JsonBuilder *clm_json_new (void);

/** clm_json_end: Ends the outer object. @pretty: for one document; %FALSE for a line of a stream. Returns: (transfer full): text with a newline. */
char *clm_json_end (JsonBuilder *builder, gboolean pretty);

void clm_json_add_string (JsonBuilder *builder, const char *name, const char *value);
void clm_json_add_int (JsonBuilder *builder, const char *name, gint64 value);
void clm_json_add_boolean (JsonBuilder *builder, const char *name, gboolean value);
/** clm_json_add_time: @time: 0 becomes null. */
void clm_json_add_time (JsonBuilder *builder, const char *name, gint64 time);

/** clm_json_add_left: Adds "seconds_left" until @not_after; null for 0. */
void clm_json_add_left (JsonBuilder *builder, gint64 not_after, gint64 now);

/** clm_json_add_value: Any #GVariant value: dictionaries become objects, tuples and arrays arrays, bytes base64. */
void clm_json_add_value (JsonBuilder *builder, GVariant *value);

/** clm_json_dup_snake: Returns: (transfer full): "NotAfter" and "not-after" as "not_after". */
char *clm_json_dup_snake (const char *camel);

G_END_DECLS
