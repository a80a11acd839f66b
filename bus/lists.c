/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "lists.h"

#include "certificates.h"
#include "export.h"
#include "options.h"

#define ROWS_MAX     1000
#define ROWS_DEFAULT 500

gboolean
clm_bus_lists_check_limit (guint *limit, guint fallback, GError **error)
{
  if (*limit == 0)
    *limit = fallback;
  if (*limit <= ROWS_MAX)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "limit %u is more than %d", *limit, ROWS_MAX);
  return FALSE;
}

static GVariant *
build_rows (ClmPage *page)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a" CLM_BUS_ROW_TYPE));
  for (guint i = 0; i < page->rows->len; i++)
    g_variant_builder_add_value (&builder, clm_bus_certificates_build_row (clm_page_get (page, i)));
  return g_variant_builder_end (&builder);
}

/* --- filters --- */

/* Its members point into the dictionary it was read from. */
static gboolean
read_filter (GVariant *dictionary, ClmListFilter *filter, const char ***states, GError **error)
{
  *filter = (ClmListFilter) { 0 };
  if (!clm_bus_options_check ("pattern=s states=as authority=s expires-before=x", dictionary, error))
    return FALSE;
  g_variant_lookup (dictionary, "pattern", "&s", &filter->pattern);
  g_variant_lookup (dictionary, "states", "^a&s", states);
  g_variant_lookup (dictionary, "authority", "&s", &filter->authority);
  g_variant_lookup (dictionary, "expires-before", "x", &filter->expires_before);
  filter->states = *states;
  for (gsize i = 0; *states != NULL && (*states)[i] != NULL; i++) {
    ClmState state;
    if (clm_state_from_nick ((*states)[i], &state))
      continue;
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the filter names a state that does not exist");
    return FALSE;
  }
  return TRUE;
}

/* --- by name --- */

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmPage) page = clm_manager_list_finish (CLM_MANAGER (source), result, &error);
  if (page == NULL)
    clm_bus_call_fail (user_data, g_steal_pointer (&error));
  else
    clm_bus_call_return (user_data, g_variant_new ("(@a" CLM_BUS_ROW_TYPE "s)", build_rows (page), page->next));
}

void
clm_bus_lists_handle_list (ClmBusCall *call)
{
  g_autoptr (GVariant) dictionary = NULL;
  g_autofree const char **states = NULL;
  const char *cursor;
  guint limit;
  ClmListFilter filter;
  g_autoptr (GError) error = NULL;
  clm_bus_call_get (call, "(@a{sv}&su@a{sv})", &dictionary, &cursor, &limit, NULL);
  if (!read_filter (dictionary, &filter, &states, &error) || !clm_bus_lists_check_limit (&limit, ROWS_DEFAULT, &error))
    clm_bus_call_fail (call, g_steal_pointer (&error));
  else
    clm_manager_list_async (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), &filter, cursor, limit,
                            clm_bus_call_get_cancellable (call), on_listed, call);
}

/* --- by change --- */

static void
on_changes_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmPage) page = clm_manager_list_since_finish (CLM_MANAGER (source), result, &error);
  if (page == NULL)
    clm_bus_call_fail (user_data, g_steal_pointer (&error));
  else
    clm_bus_call_return (user_data, g_variant_new ("(@a" CLM_BUS_ROW_TYPE "@astb)", build_rows (page),
                                                   g_variant_new_strv ((const char *const *) page->removed->pdata, page->removed->len),
                                                   page->revision, page->more));
}

void
clm_bus_lists_handle_list_since (ClmBusCall *call)
{
  const char *epoch;
  guint64 revision;
  guint limit;
  ClmManager *manager = clm_bus_call_get_manager (call);
  g_autoptr (GError) error = NULL;
  clm_bus_call_get (call, "(&stu@a{sv})", &epoch, &revision, &limit, NULL);
  if (!g_str_equal (epoch, clm_manager_get_epoch (manager)))
    g_set_error_literal (&error, CLM_ERROR, CLM_ERROR_RESYNC_NEEDED, "revisions have started anew since");
  if (error != NULL || !clm_bus_lists_check_limit (&limit, ROWS_DEFAULT, &error))
    clm_bus_call_fail (call, g_steal_pointer (&error));
  else
    clm_manager_list_since_async (manager, clm_bus_call_get_caller (call), revision, limit, clm_bus_call_get_cancellable (call),
                                  on_changes_listed, call);
}

/* --- as one stream --- */

static void
on_exported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  guint64 count, revision;
  if (!clm_bus_export_finish (result, &count, &revision, &error))
    clm_bus_call_fail (user_data, g_steal_pointer (&error));
  else
    clm_bus_call_return (user_data, g_variant_new ("(tt)", count, revision));
}

void
clm_bus_lists_handle_export (ClmBusCall *call)
{
  g_autoptr (GVariant) dictionary = NULL;
  g_autofree const char **states = NULL;
  gint32 handle;
  ClmListFilter filter;
  g_autoptr (GError) error = NULL;
  clm_bus_call_get (call, "(@a{sv}h@a{sv})", &dictionary, &handle, NULL);
  int fd = read_filter (dictionary, &filter, &states, &error) ? clm_bus_call_take_fd (call, handle, &error) : -1;
  if (fd < 0)
    clm_bus_call_fail (call, g_steal_pointer (&error));
  else
    clm_bus_export_async (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), dictionary, &filter, fd,
                          clm_bus_call_get_cancellable (call), on_exported, call);
}
