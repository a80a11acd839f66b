/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "retirement.h"

#include "clm-error.h"
#include "disk-lane.h"
#include "registry.h"

typedef struct {
  ClmEngine *engine;
  char      *name;
  guint      keep;
  gboolean   all;
  gboolean   keep_key;
  gint64     now;
  GPtrArray *gone;   /* ClmGenerationRow whose files are no more */
  guint      index;
  GError    *error;  /* (nullable): the first that kept a key from being destroyed */
} Work;

static void retire_next (GTask *task);

static void
work_free (Work *work)
{
  g_free (work->name);
  g_clear_pointer (&work->gone, g_ptr_array_unref);
  g_clear_error (&work->error);
  g_free (work);
}

static void
finish (GTask  *task,
        GError *error)
{
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* One key, unless something but the row at hand names it. A store that is not configured any more is passed over. */

static void
tell_destroyed (ClmEngine  *engine,
                const char *name,
                const char *key_uri)
{
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_KEY_DESTROYED, clm_clock_get_time (engine->clock), "certificate", name,
                                              "a key that nothing uses any more was destroyed");

  clm_event_add_field (event, "key", key_uri);
  clm_events_emit (engine->events, event);
}

static void
on_destroyed (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_key_store_destroy_finish (CLM_KEY_STORE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

typedef struct {
  ClmEngine *engine;
  char      *name;
  char      *key_uri;
} KeyWork;

static void
key_work_free (KeyWork *work)
{
  g_free (work->name);
  g_free (work->key_uri);
  g_free (work);
}

static void
destroy_key_async (ClmEngine          *engine,
                   const char         *name,
                   const char         *key_uri,
                   GCancellable       *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (ClmKeyStore) store = NULL;
  g_autofree char *store_name = NULL;
  g_autofree char *id = NULL;
  KeyWork *work = g_new0 (KeyWork, 1);
  gboolean named = FALSE;
  GError *error = NULL;

  g_task_set_source_tag (task, destroy_key_async);
  g_task_set_task_data (task, work, (GDestroyNotify) key_work_free);
  work->engine = engine;
  work->name = g_strdup (name);
  work->key_uri = g_strdup (key_uri);
  if (!clm_inventory_is_key_named (engine->inventory, key_uri, &named, &error) ||
      (!named && !clm_key_uri_parse (key_uri, &store_name, &id, &error))) {
    g_task_return_error (task, error);
    return;
  }
  if (!named && !clm_config_get_instance (engine->config, CLM_CONFIG_KEY_STORE, store_name))
    g_message ("[certificate %s] a key stays in key store %s, which is not configured any more", name, store_name);
  else if (!named)
    store = clm_registry_get_key_store (engine->registry, store_name, &error);
  if (!store && !error) {
    g_task_return_boolean (task, FALSE);
    return;
  }
  if (!store) {
    g_task_return_error (task, error);
    return;
  }
  clm_key_store_destroy_async (store, id, cancellable, on_destroyed, g_steal_pointer (&task));
}

static gboolean
destroy_key_finish (GAsyncResult *result,
                    GError      **error)
{
  KeyWork *work = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) local = NULL;
  gboolean destroyed = g_task_propagate_boolean (G_TASK (result), &local);

  if (destroyed)
    tell_destroyed (work->engine, work->name, work->key_uri);
  if (!local)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Rows of what is gone: forget the row, then its key. A crash between leaves an unused key, never a row without its key. */

static void
on_row_kept (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    finish (task, error);
    return;
  }
  work->index++;
  retire_next (task);
}

/* @error: (transfer full). While its store does not let go of it, something has to name the key, or nobody would ever try again. */
static void
keep_row (GTask  *task,
          GError *error)
{
  Work *work = g_task_get_task_data (task);
  ClmGenerationRow *row = g_ptr_array_index (work->gone, work->index);
  ClmChange *change = clm_change_new (work->name);

  g_message ("[certificate %s] an old key stays in its store until the next try: %s", work->name, error->message);
  if (!work->error)
    work->error = g_error_copy (error);
  g_error_free (error);
  clm_record_set (&row->status, CLM_GENERATION_REMOVED);
  clm_change_put_generation (change, row);
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_row_kept, task);
}

static void
on_key_destroyed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!destroy_key_finish (result, &error)) {
    keep_row (task, error);
    return;
  }
  work->index++;
  retire_next (task);
}

static void
on_row_dropped (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  ClmGenerationRow *row = g_ptr_array_index (work->gone, work->index);
  GError *error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error)) {
    finish (task, error);
    return;
  }
  if (work->keep_key || !*row->key_uri) {
    work->index++;
    retire_next (task);
    return;
  }
  destroy_key_async (work->engine, work->name, row->key_uri, NULL, on_key_destroyed, task);
}

static void
retire_next (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  ClmGenerationRow *row;
  ClmChange *change;

  if (work->index >= work->gone->len) {
    /* What is removed whole is not gone while its keys are there. */
    finish (task, work->all ? g_steal_pointer (&work->error) : NULL);
    return;
  }
  row = g_ptr_array_index (work->gone, work->index);
  change = clm_change_new (work->name);
  clm_change_drop_generation (change, row->number);
  clm_inventory_apply_async (work->engine->inventory, change, NULL, on_row_dropped, task);
}

static gboolean
has_number (GArray *numbers,
            guint64 number)
{
  for (guint i = 0; i < numbers->len; i++) {
    if (g_array_index (numbers, guint, i) == number)
      return TRUE;
  }
  return FALSE;
}

/* What has files stays in the list of rows; what has none goes on to be forgotten. */
static void
keep_rows_without_files (Work   *work,
                         GArray *present)
{
  for (guint i = work->gone->len; i-- > 0;) {
    ClmGenerationRow *row = g_ptr_array_index (work->gone, i);

    if (has_number (present, row->number))
      g_ptr_array_remove_index (work->gone, i);
  }
}

static gboolean
remove_files (Work    *work,
              GError **error)
{
  ClmGenerationStore *store = work->engine->generations;
  g_autoptr (GArray) removable = NULL;
  g_autoptr (GArray) present = NULL;

  if (work->all)
    return clm_generation_remove_all (store, work->name, error);
  /* What an interrupted removal left first: its rows go with the others below. */
  if (!clm_generation_collect (store, work->name, NULL, error))
    return FALSE;
  removable = clm_generation_list_removable (store, work->name, work->keep, work->now, error);
  if (!removable)
    return FALSE;
  for (guint i = 0; i < removable->len; i++) {
    if (!clm_generation_remove (store, work->name, g_array_index (removable, guint, i), work->keep, work->now, error))
      return FALSE;
  }
  present = clm_generation_list (store, work->name, error);
  if (!present)
    return FALSE;
  keep_rows_without_files (work, present);
  return TRUE;
}

static void
remove_in_thread (GTask        *task,
                  gpointer      source,
                  gpointer      task_data,
                  GCancellable *cancellable)
{
  GError *error = NULL;

  if (remove_files (task_data, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_files_removed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    retire_next (task);
  else
    finish (task, error);
}

static void
run (GTask *task,
     Work  *work)
{
  g_autoptr (GTask) removing = NULL;
  GError *error = NULL;

  work->now = clm_clock_get_time (work->engine->clock);
  work->gone = clm_inventory_get_generations (work->engine->inventory, work->name, &error);
  if (!work->gone) {
    finish (task, error);
    return;
  }
  removing = g_task_new (NULL, NULL, on_files_removed, task);
  g_task_set_source_tag (removing, remove_in_thread);
  g_task_set_task_data (removing, work, NULL);
  clm_disk_lane_run (removing, remove_in_thread);
}

static GTask *
begin (ClmEngine          *engine,
       const char         *name,
       gpointer            tag,
       GCancellable       *cancellable,
       GAsyncReadyCallback callback,
       gpointer            user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Work *work = g_new0 (Work, 1);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  work->engine = engine;
  work->name = g_strdup (name);
  return task;
}

void
clm_retirement_run_async (ClmEngine          *engine,
                          const char         *name,
                          guint               keep,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  GTask *task = begin (engine, name, clm_retirement_run_async, cancellable, callback, user_data);
  Work *work = g_task_get_task_data (task);

  work->keep = keep;
  if (clm_clock_is_trusted (engine->clock))
    run (task, work);
  else
    finish (task, NULL);
}

gboolean
clm_retirement_run_finish (GAsyncResult *result,
                           GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
clm_retirement_remove_all_async (ClmEngine          *engine,
                                 const char         *name,
                                 gboolean            keep_key,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data)
{
  GTask *task = begin (engine, name, clm_retirement_remove_all_async, cancellable, callback, user_data);
  Work *work = g_task_get_task_data (task);

  work->all = TRUE;
  work->keep_key = keep_key;
  run (task, work);
}

gboolean
clm_retirement_remove_all_finish (GAsyncResult *result,
                                  GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
