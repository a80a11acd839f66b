/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "abandonment.h"

#include "registry.h"

static void
on_abandoned (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  if (!clm_authority_abandon_finish (CLM_AUTHORITY (source), result, &error) &&
      !g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED))
    g_message ("[authority %s] a conversation could not be given up: %s", clm_backend_get_name (CLM_BACKEND (source)),
               error->message);
}

void
clm_abandonment_put_key (ClmChange       *change,
                         const ClmIntent *intent,
                         gint64           now)
{
  g_autoptr (ClmGenerationRow) row = clm_generation_row_new (intent->number);

  if (!intent->key_owned || !*intent->key_uri)
    return;
  clm_record_set (&row->status, CLM_GENERATION_REMOVED);
  clm_record_set (&row->authority, intent->authority);
  clm_record_set (&row->key_uri, intent->key_uri);
  row->created = intent->started;
  row->retired = now;
  clm_change_put_generation (change, row);
}

void
clm_abandonment_run (ClmEngine       *engine,
                     const ClmIntent *intent)
{
  g_autoptr (ClmAuthority) authority = intent->ticket ? clm_registry_get_authority (engine->registry, intent->authority, NULL) : NULL;

  if (authority)
    clm_authority_abandon_async (authority, intent->ticket, NULL, on_abandoned, NULL);
}
