/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restoration.h"

#include "clm-error.h"
#include "issued.h"

static void
put_rows (ClmEngine  *engine,
          const char *name,
          guint       current,
          ClmChange  *change)
{
  g_autoptr (GArray) numbers = clm_generation_list (engine->generations, name, NULL);

  for (guint i = 0; numbers && i < numbers->len; i++) {
    guint number = g_array_index (numbers, guint, i);
    g_autoptr (ClmGeneration) generation = clm_generation_read_meta (engine->generations, name, number, NULL);
    g_autoptr (ClmGenerationRow) row = generation ? clm_issued_to_row (generation) : NULL;

    if (!row)
      continue;
    if (number != current) {
      clm_record_set (&row->status, "previous");
      row->retired = clm_clock_get_time (engine->clock);
    }
    clm_change_put_generation (change, row);
  }
}

static void
plan (ClmEngine *engine,
      ClmSpec   *spec,
      ClmRecord *record)
{
  ClmPlanContext context = clm_engine_plan_context (engine, spec->name);
  gboolean changed = !g_str_equal (record->issue_digest, spec->issue_digest);

  clm_plan_ready (record, spec, &context);
  record->delivery_state = spec->deliveries[0] ? CLM_DELIVERY_PENDING : CLM_DELIVERY_NONE;
  if (!changed && !spec->deliveries[0])
    return;
  record->next_action = changed ? CLM_ACTION_RENEW : CLM_ACTION_DELIVER;
  record->next_time = context.now;
  record->clock_bound = FALSE;
}

/* The number that is in force, with what interrupted its publication put right; 0 without an error where there is none. */
static guint
find_current (ClmEngine  *engine,
              const char *name,
              GError    **error)
{
  g_autoptr (GError) local = NULL;
  guint current = 0;

  if (clm_generation_collect (engine->generations, name, NULL, &local))
    current = clm_generation_get_current (engine->generations, name, &local);
  if (local && !g_error_matches (local, CLM_ERROR, CLM_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&local));
  return current;
}

gboolean
clm_restoration_fill (ClmEngine *engine,
                      ClmSpec   *spec,
                      ClmRecord *record,
                      ClmChange *change,
                      GError   **error)
{
  guint current = find_current (engine, spec->name, error);
  g_autoptr (ClmGeneration) generation = NULL;

  if (current == 0)
    return FALSE;
  generation = clm_generation_read (engine->generations, spec->name, current, error);
  if (!generation || !clm_issued_to_record (generation, record, error))
    return FALSE;
  clm_record_set (&record->issue_digest, generation->spec_digest);
  plan (engine, spec, record);
  put_rows (engine, spec->name, current, change);
  return TRUE;
}

/* Requests */

static ClmSpec *
read_request (ClmEngine            *engine,
              const char           *name,
              const ClmSpecContext *context,
              GError              **error)
{
  guint current = find_current (engine, name, error);
  g_autoptr (ClmGeneration) generation = NULL;

  if (current == 0)
    return NULL;
  generation = clm_generation_read_meta (engine->generations, name, current, error);
  if (!generation || !generation->request)
    return NULL;
  return clm_spec_deserialize (generation->request, context, error);
}

static gboolean
is_known (ClmEngine  *engine,
          const char *name)
{
  g_autoptr (ClmRecord) record = clm_inventory_get_record (engine->inventory, name, NULL);

  return record || clm_config_get_spec (engine->config, name);
}

GPtrArray *
clm_restoration_list_requests (ClmEngine            *engine,
                               const ClmSpecContext *context)
{
  GPtrArray *specs = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_spec_unref);
  g_autoptr (GError) local = NULL;
  g_auto (GStrv) names = clm_generation_store_list_names (engine->generations, &local);

  if (!names)
    g_warning ("what was asked for over the bus cannot be looked for: %s", local->message);
  for (guint i = 0; names && names[i]; i++) {
    g_autoptr (GError) error = NULL;
    ClmSpec *spec = is_known (engine, names[i]) ? NULL : read_request (engine, names[i], context, &error);

    if (spec)
      g_ptr_array_add (specs, spec);
    else if (error)
      g_warning ("[certificate %s] cannot be taken up again: %s", names[i], error->message);
  }
  return specs;
}
