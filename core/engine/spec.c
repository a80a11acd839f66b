/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec.h"

#include <string.h>

#include "spec-reader.h"

const char *
clm_origin_get_nick (ClmOrigin origin)
{
  return origin == CLM_ORIGIN_FILE ? "file" : "request";
}

const char *const *
clm_spec_list_groups (void)
{
  static const char *const groups[] = { "Certificate", "Renewal", "Policy", "Delivery", "Access", NULL };

  return groups;
}

char *
clm_spec_make_name (const char *template_name, const char *instance)
{
  g_autofree char *name = g_strdup_printf ("%s-%s", template_name, instance);

  return g_ascii_strdown (name, -1);
}

ClmSpec *
clm_spec_new_empty (const char *name, ClmOrigin origin, const char *template_name, const char *instance, const char *file)
{
  ClmSpec *self = g_new0 (ClmSpec, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->name = g_strdup (name);
  self->origin = origin;
  self->template_name = g_strdup (template_name);
  self->instance = g_strdup (instance);
  self->file = g_strdup (file);
  self->path_length = -1;
  self->spread = -1;
  return self;
}

ClmSpec *
clm_spec_ref (ClmSpec *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
free_lists (ClmSpec *self)
{
  g_strfreev (self->dns_names);
  g_strfreev (self->ip_addresses);
  g_strfreev (self->uris);
  g_strfreev (self->emails);
  g_strfreev (self->usages);
  g_strfreev (self->authorities);
  g_strfreev (self->bootstrap);
  g_strfreev (self->allowed_signatures);
  g_strfreev (self->deliveries);
}

void
clm_spec_unref (ClmSpec *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  free_lists (self);
  g_free (self->name);
  g_free (self->template_name);
  g_free (self->instance);
  g_free (self->file);
  g_free (self->subject);
  g_free (self->profile);
  g_free (self->key_store);
  g_free (self->key_type);
  g_free (self->window);
  g_free (self->must_chain_to);
  g_free (self->probe);
  g_free (self->issue_digest);
  g_free (self->digest);
  g_clear_pointer (&self->access, clm_access_unref);
  clm_spec_request_free (self->request);
  g_free (self);
}

static void
digest_text (GChecksum *checksum, const char *text)
{
  g_checksum_update (checksum, (const guchar *) (text ? text : ""), (gssize) (text ? strlen (text) : 0) + 1);
}

static void
digest_number (GChecksum *checksum, gint64 number)
{
  char text[32];

  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, number);
  digest_text (checksum, text);
}

static int
compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names are sets: another order asks for the same certificate. */
static void
digest_set (GChecksum *checksum, GStrv words)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  for (guint i = 0; words[i]; i++)
    g_ptr_array_add (sorted, words[i]);
  g_ptr_array_sort (sorted, compare_words);
  digest_number (checksum, sorted->len);
  for (guint i = 0; i < sorted->len; i++)
    digest_text (checksum, g_ptr_array_index (sorted, i));
}

/* Of the authorities only the preferred one: another fall-back is no reason to ask anew. */
static char *
make_issue_digest (ClmSpec *self)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  digest_text (checksum, self->subject);
  digest_set (checksum, self->dns_names);
  digest_set (checksum, self->ip_addresses);
  digest_set (checksum, self->uris);
  digest_set (checksum, self->emails);
  digest_set (checksum, self->usages);
  digest_text (checksum, self->profile);
  digest_number (checksum, self->is_ca);
  digest_number (checksum, self->path_length);
  digest_number (checksum, self->validity);
  digest_text (checksum, *self->authorities);
  digest_text (checksum, self->key_store);
  digest_text (checksum, self->key_type);
  digest_number (checksum, self->exportable);
  return g_strdup (g_checksum_get_string (checksum));
}

void
clm_spec_seal (ClmSpec *self, const char *unit_digest)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  digest_text (checksum, self->name);
  digest_number (checksum, self->origin);
  digest_text (checksum, self->template_name);
  digest_text (checksum, self->instance);
  digest_number (checksum, self->requester);
  digest_text (checksum, unit_digest);
  g_free (self->digest);
  self->digest = g_strdup (g_checksum_get_string (checksum));
  g_free (self->issue_digest);
  self->issue_digest = make_issue_digest (self);
}

/* A file's instance is named as one that is asked for, so that the two meet. */
static char *
make_unit_name (ClmUnit *unit)
{
  if (!clm_unit_get_instance (unit))
    return g_strdup (clm_unit_get_name (unit));
  return clm_spec_make_name (clm_unit_get_template_name (unit), clm_unit_get_instance (unit));
}

ClmSpec *
clm_spec_new_from_unit (ClmUnit *unit, const ClmSpecContext *context, GError **error)
{
  g_autofree char *name = make_unit_name (unit);
  g_autoptr (ClmSpec) self = NULL;
  g_auto (ClmSpecRules) rules = { NULL, NULL };

  if (!clm_name_is_valid (name)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s: \"%s\" cannot be the name of a certificate", clm_unit_get_file (unit), name);
    return NULL;
  }
  if (!clm_unit_refuse_unknown_groups (unit, clm_spec_list_groups (), error))
    return NULL;
  self = clm_spec_new_empty (name, CLM_ORIGIN_FILE, clm_unit_get_template_name (unit), clm_unit_get_instance (unit),
                             clm_unit_get_file (unit));
  self->access = clm_spec_read_access (unit, context, &rules, error);
  if (!self->access || !clm_spec_read (self, unit, FALSE, error))
    return NULL;
  clm_spec_seal (self, clm_unit_get_digest (unit));
  return g_steal_pointer (&self);
}

static gboolean
check_keys (ClmUnit *unit, GError **error)
{
  const char *const *groups = clm_spec_list_groups ();

  for (guint i = 0; groups[i]; i++) {
    g_autoptr (ClmOptions) options = clm_unit_make_options (unit, groups[i]);
    const char *const *keys = clm_spec_list_keys ();

    if (g_str_equal (groups[i], "Access"))
      continue;
    for (guint j = 0; keys[j]; j++)
      if (g_str_equal (clm_spec_find_group (keys[j]), groups[i]))
        clm_options_get_string (options, keys[j], NULL);
    if (!clm_options_refuse_unread (options, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
clm_spec_check_template (ClmUnit *unit, const ClmSpecContext *context, GError **error)
{
  g_autoptr (ClmAccess) access = NULL;

  if (!clm_unit_refuse_unknown_groups (unit, clm_spec_list_groups (), error) || !check_keys (unit, error))
    return FALSE;
  access = clm_spec_load_template_access (unit, context, error);
  return access != NULL;
}

ClmAccess *
clm_spec_load_template_access (ClmUnit *unit, const ClmSpecContext *context, GError **error)
{
  g_auto (ClmSpecRules) rules = { NULL, NULL };

  return clm_spec_read_access (unit, context, &rules, error);
}
