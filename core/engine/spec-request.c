/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec.h"

#include <string.h>

#include "name-patterns.h"
#include "spec-reader.h"

/** OVERRIDE_MAX: longest value a caller may give, in bytes. */
#define OVERRIDE_MAX 8192
/** ORIGIN: what messages call a caller's values. */
#define ORIGIN CLM_SPEC_REQUEST_ORIGIN

void
clm_spec_request_free (ClmSpecRequest *request)
{
  if (!request)
    return;
  g_free (request->name);
  g_clear_pointer (&request->overrides, clm_keyfile_free);
  g_clear_pointer (&request->unit, clm_unit_unref);
  g_free (request);
}

/** Asking: one call while it is examined. */
typedef struct {
  const char           *name;       /* (nullable) */
  ClmUnit              *template_unit;
  const char           *instance;   /* (nullable) */
  const ClmKeyfile     *overrides;
  guint32               uid;
  gboolean              is_root;
  const ClmSpecContext *context;
  ClmSpecRules          rules;
} Asking;

static gboolean
refuse_argument (GError **error, const char *hint, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
refuse_argument (GError **error, const char *hint, const char *format, ...)
{
  g_autofree char *message = NULL;
  g_autoptr (GError) local = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  local = g_error_new_literal (CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, message);
  if (hint)
    clm_error_set_hint (local, "%s", hint);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
check_value (const char *key, const char *value, GError **error)
{
  if (strlen (value) > OVERRIDE_MAX)
    return refuse_argument (error, NULL, "%s: longer than %d bytes", key, OVERRIDE_MAX);
  if (!g_utf8_validate (value, -1, NULL))
    return refuse_argument (error, NULL, "%s: is not UTF-8", key);
  for (const char *p = value; *p; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return refuse_argument (error, NULL, "%s: holds a control character", key);
  return TRUE;
}

static const char *
check_key (const char *key, GError **error)
{
  const char *group = clm_spec_find_group (key);
  g_autofree char *hint = NULL, *shown = NULL;
  const char *nearest;

  if (group)
    return group;
  nearest = clm_word_nearest (key, clm_spec_list_keys ());
  if (nearest)
    hint = g_strdup_printf ("did you mean %s?", nearest);
  shown = g_strescape (key, NULL);
  refuse_argument (error, hint, "there is no key \"%.64s\"", shown);
  return NULL;
}

/* A caller's values have no lines that the caller knows of. */
static void
forget_lines (ClmKeyfile *keyfile)
{
  for (guint i = 0; i < keyfile->groups->len; i++) {
    const ClmKeyfileGroup *group = g_ptr_array_index (keyfile->groups, i);

    for (guint j = 0; j < group->entries->len; j++)
      ((ClmKeyfileEntry *) g_ptr_array_index (group->entries, j))->line = 0;
  }
}

/* As text and back, so that what a caller gave passes the same parser as a file and cannot hold more than one line a key. */
static ClmKeyfile *
make_overrides (ClmOptions *options, GError **error)
{
  g_autoptr (GPtrArray) keys = options ? clm_options_list_keys (options) : g_ptr_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  ClmKeyfile *keyfile;

  for (guint i = 0; i < keys->len; i++) {
    const char *key = g_ptr_array_index (keys, i);
    const char *value = clm_options_get_string (options, key, "");
    const char *group = check_key (key, error);

    if (!group || !check_value (key, value, error))
      return NULL;
    g_string_append_printf (text, "[%s]\n%s=%s\n", group, key, value);
  }
  keyfile = clm_keyfile_parse (ORIGIN, text->str, text->len, error);
  if (keyfile)
    forget_lines (keyfile);
  return keyfile;
}

static const char *
find_override (const ClmKeyfile *overrides, const char *key)
{
  for (guint i = 0; i < overrides->groups->len; i++) {
    const ClmKeyfileGroup *group = g_ptr_array_index (overrides->groups, i);

    for (guint j = 0; j < group->entries->len; j++) {
      const ClmKeyfileEntry *entry = g_ptr_array_index (group->entries, j);

      if (g_str_equal (entry->key, key))
        return entry->value;
    }
  }
  return NULL;
}

static gboolean
check_overrides (const Asking *asking, GError **error)
{
  for (guint i = 0; i < asking->overrides->groups->len; i++) {
    const ClmKeyfileGroup *group = g_ptr_array_index (asking->overrides->groups, i);

    for (guint j = 0; j < group->entries->len; j++) {
      const ClmKeyfileEntry *entry = g_ptr_array_index (group->entries, j);

      if (clm_spec_may_override (entry->key) &&
          (asking->is_root || g_strv_contains ((const char *const *) asking->rules.allowed_overrides, entry->key)))
        continue;
      g_set_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "%s= may not be overridden", entry->key);
      if (error && clm_spec_may_override (entry->key))
        clm_error_set_hint (*error, "the administrator can list it in AllowedOverrides= of the template");
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
deny_name (const char *key, const char *name, GError **error)
{
  g_autoptr (GError) local = g_error_new (CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "%s: \"%s\" is not among the names you may ask for", key, name);

  clm_error_set_hint (local, "the administrator can add it to AllowedNames= in group [Access] of the template");
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* The template's own words are the administrator's; what comes of %i or of an override is the caller's. */
static char *
fill_in (const Asking *asking, const char *word, gboolean is_override, GError **error)
{
  return is_override ? g_strdup (word) : clm_specifiers_expand (asking->context->specifiers, word, asking->instance, error);
}

static gboolean
check_list (const Asking *asking, const char *key, ClmNameKind kind, GError **error)
{
  const char *override = find_override (asking->overrides, key);
  const char *text = override ? override : clm_unit_get_value (asking->template_unit, "Certificate", key, NULL, NULL);
  g_autoptr (ClmOptions) options = clm_options_new (ORIGIN);
  g_auto (GStrv) words = NULL;

  clm_options_set (options, key, text ? text : "", NULL, 0);
  words = clm_options_get_list (options, key, NULL, error);
  if (!words)
    return FALSE;
  for (guint i = 0; words[i]; i++) {
    g_autofree char *name = NULL;

    if (!override && !clm_specifiers_uses_instance (words[i]))
      continue;
    name = fill_in (asking, words[i], override != NULL, error);
    if (!name)
      return FALSE;
    if (!clm_name_patterns_match ((const char *const *) asking->rules.allowed_names, kind, name))
      return deny_name (key, name, error);
  }
  return TRUE;
}

/* One `TYPE=value` of a subject. Escapes are refused: what looks harmless must be harmless. */
static gboolean
check_subject_part (const Asking *asking, const char *part, gboolean is_override, GError **error)
{
  const char *equals = strchr (part, '=');
  g_autofree char *value = NULL;

  if (!is_override && !clm_specifiers_uses_instance (part))
    return TRUE;
  value = fill_in (asking, equals ? equals + 1 : part, is_override, error);
  if (!value)
    return FALSE;
  g_strstrip (value);
  if (strpbrk (value, "\\\"#;<>") || !clm_name_patterns_match_text ((const char *const *) asking->rules.allowed_names, value))
    return deny_name ("Subject", value, error);
  return TRUE;
}

static gboolean
check_subject (const Asking *asking, GError **error)
{
  const char *override = find_override (asking->overrides, "Subject");
  const char *text = override ? override : clm_unit_get_value (asking->template_unit, "Certificate", "Subject", NULL, NULL);
  g_auto (GStrv) parts = NULL;

  if (!text || !*text)
    return TRUE;
  parts = g_strsplit_set (text, ",+", -1);
  for (guint i = 0; parts[i]; i++)
    if (!check_subject_part (asking, parts[i], override != NULL, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_names (const Asking *asking, GError **error)
{
  return check_subject (asking, error) &&
         check_list (asking, "DNS", CLM_NAME_DNS, error) &&
         check_list (asking, "IP", CLM_NAME_IP, error) &&
         check_list (asking, "URI", CLM_NAME_URI, error) &&
         check_list (asking, "Email", CLM_NAME_EMAIL, error);
}

static char *
choose_name (const Asking *asking, GError **error)
{
  g_autofree char *prefix = NULL;
  g_autofree char *name = NULL;

  if (asking->template_unit) {
    prefix = g_strconcat (clm_unit_get_template_name (asking->template_unit), "-", NULL);
    name = asking->name ? g_strdup (asking->name)
                        : clm_spec_make_name (clm_unit_get_template_name (asking->template_unit), asking->instance);
  } else
    name = g_strdup (asking->name);
  if (!clm_name_is_valid (name)) {
    refuse_argument (error, "use a-z 0-9 . _ - (64 at most) and begin with a letter or a digit", "this cannot be the name of a certificate");
    return NULL;
  }
  if (!asking->is_root && prefix && !g_str_has_prefix (name, prefix)) {
    refuse_argument (error, NULL, "the name must begin with \"%s\"", prefix);
    return NULL;
  }
  return g_steal_pointer (&name);
}

static gboolean
check_instance (const Asking *asking, GError **error)
{
  if (!asking->template_unit && asking->instance)
    return refuse_argument (error, NULL, "an instance needs a template");
  if (asking->template_unit && !clm_instance_name_is_valid (asking->instance))
    return refuse_argument (error, "use A-Z a-z 0-9 . _ - (64 at most) and begin with a letter or a digit",
                            asking->instance ? "this cannot be an instance" : "the instance is missing");
  return TRUE;
}

static ClmUnit *
make_unit (const Asking *asking, const char *name, GError **error)
{
  g_autoptr (ClmUnit) raw = NULL;
  g_autoptr (ClmUnit) base = NULL;

  if (asking->template_unit) {
    raw = clm_unit_instantiate (asking->template_unit, asking->instance);
    base = clm_unit_expand (raw, asking->context->specifiers, error);
  } else
    base = clm_unit_new_from_text (name, ORIGIN, "", error);
  return base ? clm_unit_override (base, asking->overrides) : NULL;
}

/* Root's whole specs and root's instances keep the owner that configuration names; another's belong to who asked. */
static ClmAccess *
load_access (Asking *asking, GError **error)
{
  g_autoptr (ClmAccess) access = NULL;

  if (!asking->template_unit)
    return asking->context->access ? clm_access_ref (asking->context->access) : clm_access_new (0);
  access = clm_spec_read_access (asking->template_unit, asking->context, &asking->rules, error);
  if (!access || asking->is_root)
    return g_steal_pointer (&access);
  return clm_access_new_for_owner (access, asking->uid);
}

static gboolean
check_asking (const Asking *asking, GError **error)
{
  if (asking->template_unit && !check_overrides (asking, error))
    return FALSE;
  return asking->is_root || check_names (asking, error);
}

/* What is wrong with a caller's own value is the caller's to put right, not the operator's. */
static void
blame_caller (GError *error)
{
  if (error->domain == CLM_ERROR && error->code == CLM_ERROR_CONFIG && g_str_has_prefix (error->message, ORIGIN ":"))
    error->code = CLM_ERROR_INVALID_ARGUMENT;
}

static ClmSpec *
build (Asking *asking, GError **error)
{
  g_autofree char *name = NULL;
  g_autoptr (ClmAccess) access = NULL;
  g_autoptr (ClmUnit) unit = NULL;
  g_autoptr (ClmSpec) self = NULL;
  ClmSpecRequest *request;

  if (!check_instance (asking, error))
    return NULL;
  name = choose_name (asking, error);
  access = name ? load_access (asking, error) : NULL;
  if (!access || !check_asking (asking, error))
    return NULL;
  unit = make_unit (asking, name, error);
  if (!unit)
    return NULL;
  self = clm_spec_new_empty (name, CLM_ORIGIN_REQUEST, asking->template_unit ? clm_unit_get_template_name (asking->template_unit) : NULL,
                             asking->instance, asking->template_unit ? clm_unit_get_file (asking->template_unit) : NULL);
  self->requester = asking->uid;
  self->access = g_steal_pointer (&access);
  request = self->request = g_new0 (ClmSpecRequest, 1);
  request->name = g_strdup (asking->name);
  request->unit = clm_unit_ref (unit);
  if (!clm_spec_read (self, unit, FALSE, error))
    return NULL;
  clm_spec_seal (self, clm_unit_get_digest (unit));
  return g_steal_pointer (&self);
}

static ClmSpec *
build_and_keep (Asking *asking, ClmKeyfile *overrides, GError **error)
{
  g_autoptr (ClmKeyfile) owned = overrides;
  g_autoptr (GError) local = NULL;
  ClmSpec *self = build (asking, &local);

  clm_spec_rules_clear (&asking->rules);
  if (!self) {
    blame_caller (local);
    g_propagate_error (error, g_steal_pointer (&local));
    return NULL;
  }
  ((ClmSpecRequest *) self->request)->overrides = g_steal_pointer (&owned);
  return self;
}

/* The bus has asked already; who forgets it must not open a door. */
static gboolean
authorize (ClmUnit *template_unit, const ClmCaller *caller, const ClmSpecContext *context, gboolean *is_root, GError **error)
{
  g_autoptr (ClmAccess) access = NULL;

  if (template_unit) {
    access = clm_spec_load_template_access (template_unit, context, error);
    if (!access)
      return FALSE;
  } else if (context->access)
    access = clm_access_ref (context->access);
  *is_root = clm_access_get_role (access, caller) == CLM_ROLE_ROOT;
  return clm_access_check (access, caller, template_unit ? CLM_VERB_REQUEST : CLM_VERB_ADMIN, error);
}

ClmSpec *
clm_spec_new_from_request (const char *name, ClmUnit *template_unit, const char *instance, ClmOptions *overrides,
                           const ClmCaller *caller, const ClmSpecContext *context, GError **error)
{
  Asking asking = { name, template_unit, instance, NULL, 0, FALSE, context, { NULL, NULL } };
  ClmKeyfile *keyfile;

  g_return_val_if_fail (!template_unit || clm_unit_is_template (template_unit), NULL);
  g_return_val_if_fail (context, NULL);

  if (!authorize (template_unit, caller, context, &asking.is_root, error))
    return NULL;
  keyfile = make_overrides (overrides, error);
  if (!keyfile)
    return NULL;
  asking.overrides = keyfile;
  asking.uid = caller->uid;
  return build_and_keep (&asking, keyfile, error);
}

ClmSpec *
clm_spec_rebase (ClmSpec *self, ClmUnit *template_unit, const ClmSpecContext *context, GError **error)
{
  const ClmSpecRequest *request = self->request;
  Asking asking = { NULL, template_unit, self->instance, NULL, self->requester, clm_spec_is_root_uid (self->requester, context), context,
                    { NULL, NULL } };
  g_autofree char *text = NULL;
  ClmKeyfile *keyfile;

  g_return_val_if_fail (request, NULL);

  text = clm_spec_request_format_overrides (request, "");
  keyfile = clm_keyfile_parse (ORIGIN, text, strlen (text), error);
  if (!keyfile)
    return NULL;
  forget_lines (keyfile);
  asking.name = request->name;
  asking.overrides = keyfile;
  return build_and_keep (&asking, keyfile, error);
}
