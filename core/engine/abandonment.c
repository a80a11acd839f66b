/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "abandonment.h"

#include "registry.h"
#include "retirement.h"

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

static void
on_key_destroyed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  if (!clm_retirement_destroy_key_finish (result, &error))
    g_message ("a key that was given up stays in its store: %s", error->message);
}

void
clm_abandonment_run (ClmEngine       *engine,
                     const char      *name,
                     const ClmIntent *intent)
{
  g_autoptr (ClmAuthority) authority = intent->ticket ? clm_registry_get_authority (engine->registry, intent->authority, NULL) : NULL;

  if (authority)
    clm_authority_abandon_async (authority, intent->ticket, NULL, on_abandoned, NULL);
  if (intent->key_owned && *intent->key_uri)
    clm_retirement_destroy_key_async (engine, name, intent->key_uri, NULL, on_key_destroyed, NULL);
}
