/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine.h"

#include "clm-error.h"

ClmPlanContext
clm_engine_plan_context (ClmEngine  *self,
                         const char *name)
{
  return (ClmPlanContext) {
    .now = clm_clock_get_time (self->clock),
    .trusted = clm_clock_is_trusted (self->clock),
    .seed = clm_schedule_seed (self->machine_id, name),
  };
}

void
clm_engine_mark_key_error (GError *error)
{
  if (g_error_matches (error, CLM_ERROR, CLM_ERROR_UNREACHABLE) || g_error_matches (error, CLM_ERROR, CLM_ERROR_BUSY))
    error->code = CLM_ERROR_KEY_UNAVAILABLE;
}

static void
tell (ClmEngine    *self,
      ClmEventKind  kind,
      const char   *authority,
      const GError *error)
{
  g_autoptr (ClmEvent) event = clm_event_new (kind, clm_clock_get_time (self->clock), "authority", authority, "%s",
                                              error ? error->message : "answers again");

  if (error)
    clm_event_add_error (event, error);
  clm_events_emit (self->events, event);
}

void
clm_engine_note_reachability (ClmEngine    *self,
                              const char   *authority,
                              const GError *error)
{
  if (!authority)
    return;
  if (g_error_matches (error, CLM_ERROR, CLM_ERROR_UNREACHABLE)) {
    if (g_hash_table_add (self->unreachable, g_strdup (authority)))
      tell (self, CLM_EVENT_AUTHORITY_UNREACHABLE, authority, error);
  } else if (!error && g_hash_table_remove (self->unreachable, authority)) {
    tell (self, CLM_EVENT_AUTHORITY_RECOVERED, authority, NULL);
  }
}
