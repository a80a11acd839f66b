/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec.h"

#include <string.h>

#include "spec-reader.h"

#define REQUEST_GROUP "Request"
#define OVERRIDE_PREFIX "Override "

char *
clm_spec_request_format_overrides (const ClmSpecRequest *request, const char *prefix)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < request->overrides->groups->len; i++) {
    const ClmKeyfileGroup *group = g_ptr_array_index (request->overrides->groups, i);

    g_string_append_printf (text, "[%s%s]\n", prefix, group->name);
    for (guint j = 0; j < group->entries->len; j++) {
      const ClmKeyfileEntry *entry = g_ptr_array_index (group->entries, j);

      g_string_append_printf (text, "%s=%s\n", entry->key, entry->value);
    }
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
append_line (GString *text, const char *key, const char *value)
{
  if (value)
    g_string_append_printf (text, "%s=%s\n", key, value);
}

char *
clm_spec_serialize (ClmSpec *self)
{
  g_autoptr (GString) text = g_string_new ("[" REQUEST_GROUP "]\n");
  g_autofree char *overrides = NULL;
  g_autofree char *effective = NULL;

  g_return_val_if_fail (self->request, NULL);

  append_line (text, "Certificate", self->name);
  append_line (text, "Name", self->request->name);
  append_line (text, "Template", self->template_name);
  append_line (text, "Instance", self->instance);
  append_line (text, "File", self->file);
  g_string_append_printf (text, "Uid=%u\n\n", self->requester);
  overrides = clm_spec_request_format_overrides (self->request, OVERRIDE_PREFIX);
  effective = clm_unit_to_text (self->request->unit, FALSE);
  g_string_append_printf (text, "%s\n%s", overrides, effective);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static ClmKeyfile *
keyfile_new (void)
{
  return clm_keyfile_parse (CLM_SPEC_REQUEST_ORIGIN, "", 0, NULL);
}

/* Moves what was asked out of @keyfile, which then holds what came of it. */
static ClmKeyfile *
take_overrides (ClmKeyfile *keyfile)
{
  g_autoptr (ClmKeyfile) overrides = keyfile_new ();

  for (guint i = 0; i < keyfile->groups->len;) {
    ClmKeyfileGroup *group = g_ptr_array_index (keyfile->groups, i);

    if (!g_str_has_prefix (group->name, OVERRIDE_PREFIX)) {
      i++;
      continue;
    }
    g_ptr_array_steal_index (keyfile->groups, i);
    memmove (group->name, group->name + strlen (OVERRIDE_PREFIX), strlen (group->name + strlen (OVERRIDE_PREFIX)) + 1);
    g_ptr_array_add (overrides->groups, group);
  }
  return g_steal_pointer (&overrides);
}

gboolean
clm_spec_is_root_uid (guint32 uid, const ClmSpecContext *context)
{
  guint32 admin_uid = context->access ? clm_access_get_admin_uid (context->access) : 0;

  return uid == 0 || (admin_uid != 0 && uid == admin_uid);
}

/* An account that is gone since must not make the certificate unreadable: nobody but the requester and root is left then. */
static ClmAccess *
restore_access (ClmUnit *unit, const ClmSpecContext *context, guint32 uid)
{
  g_auto (ClmSpecRules) rules = { NULL, NULL };
  g_autoptr (ClmAccess) access = clm_spec_read_access (unit, context, &rules, NULL);

  if (!access)
    access = context->access ? clm_access_ref (context->access) : clm_access_new (0);
  if (clm_spec_is_root_uid (uid, context))
    return g_steal_pointer (&access);
  return clm_access_new_for_owner (access, uid);
}

static ClmSpec *
new_from_head (ClmUnit *unit, GError **error)
{
  g_autoptr (ClmOptions) head = clm_unit_make_options (unit, REQUEST_GROUP);
  const char *name = clm_options_require_string (head, "Certificate", error);
  gint64 uid;
  ClmSpec *self;

  if (!name)
    return NULL;
  if (!clm_name_is_valid (name)) {
    clm_options_set_error (head, "Certificate", error, "cannot be a name");
    return NULL;
  }
  if (!clm_options_get_int (head, "Uid", -1, 0, G_MAXUINT32 - 1, &uid, error))
    return NULL;
  if (uid < 0) {
    clm_options_set_error (head, "Uid", error, "is missing");
    return NULL;
  }
  self = clm_spec_new_empty (name, CLM_ORIGIN_REQUEST, clm_options_get_string (head, "Template", NULL),
                             clm_options_get_string (head, "Instance", NULL), clm_options_get_string (head, "File", NULL));
  self->requester = (guint32) uid;
  self->request = g_new0 (ClmSpecRequest, 1);
  self->request->name = g_strdup (clm_options_get_string (head, "Name", NULL));
  return self;
}

/* The unit as it was before the head was put in front of it. */
static ClmUnit *
make_unit (ClmSpec *self, ClmKeyfile *keyfile)
{
  g_autoptr (GPtrArray) keyfiles = g_ptr_array_new ();
  g_autofree char *name = self->template_name && self->instance ? g_strdup_printf ("%s@%s", self->template_name, self->instance)
                                                                : g_strdup (self->name);

  for (guint i = 0; i < keyfile->groups->len; i++)
    if (g_str_equal (((ClmKeyfileGroup *) g_ptr_array_index (keyfile->groups, i))->name, REQUEST_GROUP)) {
      g_ptr_array_remove_index (keyfile->groups, i);
      break;
    }
  g_ptr_array_add (keyfiles, keyfile);
  return clm_unit_new_merged (name, keyfiles);
}

static ClmSpec *
read_text (const char *text, const ClmSpecContext *context, GError **error)
{
  g_autoptr (ClmKeyfile) keyfile = clm_keyfile_parse (CLM_SPEC_REQUEST_ORIGIN, text, strlen (text), error);
  g_autoptr (GPtrArray) keyfiles = g_ptr_array_new ();
  g_autoptr (ClmUnit) whole = NULL;
  g_autoptr (ClmSpec) self = NULL;

  if (!keyfile)
    return NULL;
  g_ptr_array_add (keyfiles, keyfile);
  whole = clm_unit_new_merged ("request", keyfiles);
  self = new_from_head (whole, error);
  if (!self)
    return NULL;
  self->request->overrides = take_overrides (keyfile);
  self->request->unit = make_unit (self, keyfile);
  self->access = restore_access (self->request->unit, context, self->requester);
  if (!clm_spec_read (self, self->request->unit, TRUE, error))
    return NULL;
  clm_spec_seal (self, clm_unit_get_digest (self->request->unit));
  return g_steal_pointer (&self);
}

ClmSpec *
clm_spec_deserialize (const char *text, const ClmSpecContext *context, GError **error)
{
  g_autoptr (GError) local = NULL;
  ClmSpec *self = read_text (text, context, &local);

  if (!self) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "stored request: %s", local->message);
    return NULL;
  }
  return self;
}
