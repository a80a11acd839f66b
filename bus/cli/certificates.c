/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "certificates.h"

#include <glib/gi18n.h>
#include <string.h>

#include "error.h"
#include "state.h"
#include "suggest.h"

#define PAGE_LIMIT 500

/* --- one row --- */

ClmCertificateRow *
clm_certificate_row_new (GVariant *row)
{
  ClmCertificateRow *self = g_new0 (ClmCertificateRow, 1);
  g_variant_get (row, CLM_ROW_TYPE, NULL, &self->name, &self->state, &self->delivery_state, &self->authority, &self->key_store,
                 &self->not_before, &self->not_after, &self->next_action, &self->next_time, &self->attempts, &self->message);
  return self;
}

void
clm_certificate_row_free (ClmCertificateRow *self)
{
  g_free (self->name);
  g_free (self->state);
  g_free (self->delivery_state);
  g_free (self->authority);
  g_free (self->key_store);
  g_free (self->next_action);
  g_free (self->message);
  g_free (self);
}

void
clm_certificate_row_add_json (const ClmCertificateRow *self, JsonBuilder *builder, gint64 now)
{
  clm_json_add_string (builder, "name", self->name);
  clm_json_add_string (builder, "state", self->state);
  clm_json_add_string (builder, "delivery_state", self->delivery_state);
  clm_json_add_string (builder, "authority", self->authority);
  clm_json_add_string (builder, "key_store", self->key_store);
  clm_json_add_time (builder, "not_before", self->not_before);
  clm_json_add_time (builder, "not_after", self->not_after);
  clm_json_add_left (builder, self->not_after, now);
  clm_json_add_string (builder, "next_action", self->next_action);
  clm_json_add_time (builder, "next_time", self->next_time);
  clm_json_add_int (builder, "attempts", self->attempts);
  clm_json_add_string (builder, "message", self->message);
}

int
clm_certificate_row_compare (gconstpointer a, gconstpointer b)
{
  const ClmCertificateRow *first = *(ClmCertificateRow *const *) a, *second = *(ClmCertificateRow *const *) b;
  guint rank_first = clm_state_get_rank (first->state), rank_second = clm_state_get_rank (second->state);
  if (rank_first != rank_second)
    return rank_first < rank_second ? -1 : 1;
  if (first->not_after != second->not_after)
    return first->not_after < second->not_after ? -1 : 1;
  return strcmp (first->name, second->name);
}

/* --- pages --- */

void
clm_certificate_pages_init (ClmCertificatePages *self, ClmCli *cli, const ClmCertificateFilter *filter)
{
  *self = (ClmCertificatePages) { cli, filter, g_strdup (""), FALSE };
}

void
clm_certificate_pages_clear (ClmCertificatePages *self)
{
  g_clear_pointer (&self->cursor, g_free);
}

static GVariant *
build_filter (const ClmCertificateFilter *filter)
{
  GVariantDict dict;
  g_variant_dict_init (&dict, NULL);
  if (filter->pattern != NULL)
    g_variant_dict_insert (&dict, "pattern", "s", filter->pattern);
  if (filter->state != NULL) {
    const char *states[] = { filter->state, NULL };
    g_variant_dict_insert (&dict, "states", "^as", states);
  }
  if (filter->authority != NULL)
    g_variant_dict_insert (&dict, "authority", "s", filter->authority);
  if (filter->expires_before != 0)
    g_variant_dict_insert (&dict, "expires-before", "x", filter->expires_before);
  return g_variant_dict_end (&dict);
}

GPtrArray *
clm_certificate_pages_next (ClmCertificatePages *self, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_certificate_row_free);
  GVariant *parameters = g_variant_new ("(@a{sv}su@a{sv})", build_filter (self->filter), self->cursor, PAGE_LIMIT,
                                        clm_bus_no_options ());
  g_autoptr (GVariant) answer = clm_bus_call (self->cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "ListCertificates", parameters,
                                              "(a" CLM_ROW_TYPE "s)", error);
  if (answer == NULL)
    return NULL;
  g_autoptr (GVariant) page = g_variant_get_child_value (answer, 0);
  for (gsize i = 0; i < g_variant_n_children (page); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (page, i);
    g_ptr_array_add (rows, clm_certificate_row_new (row));
  }
  g_free (self->cursor);
  g_variant_get_child (answer, 1, "s", &self->cursor);
  self->ended = *self->cursor == '\0';
  return g_steal_pointer (&rows);
}

GPtrArray *
clm_certificates_list (ClmCli *cli, const ClmCertificateFilter *filter, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_certificate_row_free);
  g_auto (ClmCertificatePages) pages;
  clm_certificate_pages_init (&pages, cli, filter);
  while (!pages.ended) {
    GPtrArray *page = clm_certificate_pages_next (&pages, error);
    if (page == NULL)
      return NULL;
    g_ptr_array_extend_and_steal (all, page);
  }
  g_ptr_array_sort (all, clm_certificate_row_compare);
  return g_steal_pointer (&all);
}

GStrv
clm_certificates_list_names (ClmCli *cli, const char *pattern, GError **error)
{
  const ClmCertificateFilter filter = { .pattern = pattern };
  g_autoptr (GPtrArray) rows = clm_certificates_list (cli, &filter, error);
  if (rows == NULL)
    return NULL;
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  for (guint i = 0; i < rows->len; i++)
    g_strv_builder_add (names, ((ClmCertificateRow *) rows->pdata[i])->name);
  return g_strv_builder_end (names);
}

/* --- one certificate by its name --- */

gboolean
clm_certificates_check_name (const char *name, GError **error)
{
  if (clm_bus_names_is_valid (name))
    return TRUE;
  return clm_cli_error_set_usage (error, _("begin with a small letter or a digit and go on with these and . _ -, at most 64 in all"),
                                  _("“%s” cannot be the name of a certificate"), name);
}

void
clm_certificates_explain_absence_of (ClmCli *cli, const char *const *names, GError **error)
{
  if (error == NULL || !g_str_equal (clm_cli_error_get_name (*error), CLM_ERROR_NAME ("NotFound")))
    return;
  g_auto (GStrv) known = clm_certificates_list_names (cli, NULL, NULL);
  g_autofree char *hint = NULL;
  for (gsize i = 0; hint == NULL && known != NULL && names[i] != NULL; i++) {
    if (!g_strv_contains ((const char *const *) known, names[i]))
      hint = clm_suggest_format (names[i], (const char *const *) known);
  }
  g_autofree char *own = g_strdup (clm_cli_error_get_hint (*error));
  if (hint == NULL)
    hint = *own != '\0' ? g_steal_pointer (&own) : g_strdup (_("see what there is with:  certloom status"));
  clm_cli_error_set_hint (*error, hint);
}

void
clm_certificates_explain_absence (ClmCli *cli, const char *name, GError **error)
{
  const char *const names[] = { name, NULL };
  clm_certificates_explain_absence_of (cli, names, error);
}

GVariant *
clm_certificates_call (ClmCli *cli, const char *name, const char *method, GVariant *parameters, const char *reply, GError **error)
{
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, name);
  GVariant *answer = clm_bus_call (cli, path, CLM_INTERFACE ("Certificate"), method, parameters, reply, error);
  if (answer == NULL)
    clm_certificates_explain_absence (cli, name, error);
  return answer;
}

GVariant *
clm_certificates_get (ClmCli *cli, const char *name, GError **error)
{
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, name);
  GVariant *properties = clm_bus_get_properties (cli, path, CLM_INTERFACE ("Certificate"), error);
  if (properties == NULL)
    clm_certificates_explain_absence (cli, name, error);
  return properties;
}
