/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "clm-version.h"

G_BEGIN_DECLS

/**
 * ClmOptions:
 *
 * One group of configuration keys, typed as they are read. A backend reads its options in `start`; what it has not read when
 * `start` completes is refused by name, so a typing error never goes unnoticed. Every getter fails with %CLM_ERROR_CONFIG and a
 * message that names file, line and key. Main thread only.
 */
#define CLM_TYPE_OPTIONS (clm_options_get_type ())
CLM_EXTERN
G_DECLARE_FINAL_TYPE (ClmOptions, clm_options, CLM, OPTIONS, GObject)

/** clm_options_new: @origin: what messages call the source, e.g. "corp.authority". Returns: (transfer full): no keys yet. */
CLM_EXTERN ClmOptions *clm_options_new (const char *origin);

/** clm_options_new_from_text: @text: lines `Key=value`, blank lines and `#` comments; for tests and built-in defaults. Aborts on a malformed line. */
CLM_EXTERN ClmOptions *clm_options_new_from_text (const char *origin, const char *text);

/** clm_options_set: Adds or replaces one key. @file: (nullable): where it stands, if not @origin; @line: 0 when unknown. */
CLM_EXTERN void clm_options_set (ClmOptions *self, const char *key, const char *value, const char *file, guint line);

/** clm_options_has: whether @key is present; does not count as reading it. */
CLM_EXTERN gboolean clm_options_has (ClmOptions *self, const char *key);

/** clm_options_get_string: @fallback: (nullable). Returns: (transfer none) (nullable): the value, or @fallback when absent. An empty value counts as absent. */
CLM_EXTERN const char *clm_options_get_string (ClmOptions *self, const char *key, const char *fallback);

/** clm_options_require_string: like clm_options_get_string() but an absent key is an error. */
CLM_EXTERN const char *clm_options_require_string (ClmOptions *self, const char *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_get_boolean: `yes/no`, `true/false`, `on/off`, `1/0`. @value: (out). */
CLM_EXTERN gboolean clm_options_get_boolean (ClmOptions *self, const char *key, gboolean fallback, gboolean *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_get_int: a decimal number within [@min, @max]. @value: (out). */
CLM_EXTERN gboolean clm_options_get_int (ClmOptions *self, const char *key, gint64 fallback, gint64 min, gint64 max, gint64 *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_get_span: seconds written as `30s`, `5min`, `12h`, `90d`, `2w`, `1y` (365 d) or sums like `1h 30min`; a bare number is refused, `0` is allowed. @value: (out): seconds, at least 0. */
CLM_EXTERN gboolean clm_options_get_span (ClmOptions *self, const char *key, gint64 fallback, gint64 *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_get_share: `66%`, in whole or decimal per cent within (0, 100). @value: (out): 0.66. */
CLM_EXTERN gboolean clm_options_get_share (ClmOptions *self, const char *key, double fallback, double *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_get_list: words separated by white space; `"…"` keeps spaces together. @fallback: (nullable): such a list as text. Returns: (transfer full) (nullable): never %NULL without @error. */
CLM_EXTERN GStrv clm_options_get_list (ClmOptions *self, const char *key, const char *fallback, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_get_choice: @choices: (array zero-terminated=1): the words allowed. @value: (out): index into @choices. @fallback: index used when absent. */
CLM_EXTERN gboolean clm_options_get_choice (ClmOptions *self, const char *key, const char *const *choices, guint fallback, guint *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_list_keys: Returns: (transfer container): all keys, in order. */
CLM_EXTERN GPtrArray *clm_options_list_keys (ClmOptions *self);

/** clm_options_refuse_unread: fails with %CLM_ERROR_CONFIG when a key is present that no getter has asked for; names file, line, key and the nearest known key. */
CLM_EXTERN gboolean clm_options_refuse_unread (ClmOptions *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_options_set_error: sets @error to %CLM_ERROR_CONFIG, "FILE:LINE: KEY=: …"; for checks of the backend's own. */
CLM_EXTERN void clm_options_set_error (ClmOptions *self, const char *key, GError **error, const char *format, ...) G_GNUC_PRINTF (4, 5);

/** clm_span_parse: @seconds: (out). Parses a span as clm_options_get_span() does; any thread. */
CLM_EXTERN gboolean clm_span_parse (const char *text, gint64 *seconds, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_word_nearest: @words: (array zero-terminated=1). Returns: (transfer none) (nullable): the word that is a likely typing error away from @word. */
CLM_EXTERN const char *clm_word_nearest (const char *word, const char *const *words);

G_END_DECLS
