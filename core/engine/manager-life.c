/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

#include <unistd.h>

#include "config.h"
#include "key-provider.h"
#include "openssl-error.h"
#include "reconciliation.h"
#include "restoration.h"
#include "state-lock.h"

#define NETWORK_JITTER_S 10

/* Starting: a chain of blocking and asynchronous parts, in the order that they need each other */

static void
on_spans_shifted (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (ClmManager) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_inventory_shift_spans_finish (CLM_INVENTORY (source), result, &error))
    g_warning ("waiting times could not be moved: %s", error->message);
  clm_agenda_update (self->agenda);
}

/* Not the clock's own jump: from 1970 to today the engine's time moves only from its floor. */
static gint64
read_time_offset (ClmClock *clock)
{
  return clm_clock_get_time (clock) - clm_clock_get_boot_time (clock) / G_USEC_PER_SEC;
}

static void
on_clock_changed (ClmClock   *clock,
                  gint64      jump,
                  ClmManager *self)
{
  const char *trust = clm_clock_trust_to_string (clm_clock_get_trust (clock));
  gint64 offset = read_time_offset (clock);
  gint64 moved = jump != 0 ? offset - self->time_offset : 0;
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_CLOCK_CHANGED, clm_clock_get_time (clock), NULL, NULL,
                                              "the clock is %s, it jumped by %" G_GINT64_FORMAT " s", trust, jump);

  clm_event_add_field (event, "clock", trust);
  clm_events_emit (self->engine.events, event);
  g_object_notify (G_OBJECT (self), "clock-state");
  if (moved == 0) {
    clm_agenda_update (self->agenda);
    return;
  }
  self->time_offset = offset;
  clm_inventory_shift_spans_async (self->engine.inventory, moved, on_spans_shifted, g_object_ref (self));
}

/* The network came up: what failed for want of it is tried soon, not all at once, and not at every flutter. */
static void
on_network_changed (GNetworkMonitor *monitor,
                    gboolean         available,
                    ClmManager      *self)
{
  gint64 now = clm_clock_get_boot_time (self->engine.clock);
  gboolean came_up = available && !self->network_available;

  self->network_available = available;
  clm_clock_update (self->engine.clock);
  if (!came_up || (self->network_time != 0 && now - self->network_time < CLM_SCHEDULE_NETWORK_INTERVAL_S * G_USEC_PER_SEC))
    return;
  self->network_time = now;
  clm_inventory_advance_spans_async (self->engine.inventory, clm_clock_get_time (self->engine.clock), NETWORK_JITTER_S,
                                     on_spans_shifted, g_object_ref (self));
}

static gboolean
open_time (ClmManager *self,
           GError    **error)
{
  const ClmSettings *settings = clm_config_get_settings (self->engine.config);
  gint64 last_seen = clm_inventory_get_last_seen (self->engine.inventory);

  if (self->time.create_clock)
    self->engine.clock = self->time.create_clock (self->time.data, settings->clock, CLM_BUILD_TIME, last_seen);
  else
    self->engine.clock = clm_clock_new (settings->clock, CLM_BUILD_TIME, last_seen, NULL, NULL);
  clm_clock_update (self->engine.clock);
  self->time_offset = read_time_offset (self->engine.clock);
  if (self->time.create_timers)
    self->engine.timers = self->time.create_timers (self->time.data, self->engine.clock);
  else
    self->engine.timers = clm_timers_new (self->engine.clock, error);
  return self->engine.timers != NULL;
}

/* What is blocking before anything else runs: lock, configuration, database. */
static gboolean
open_state (ClmManager *self,
            GError    **error)
{
  ClmConfigSource source;

  self->lock_fd = clm_state_lock_take (self->engine.state_dir, error);
  if (self->lock_fd < 0)
    return FALSE;
  self->layers = clm_layers_new (self->config_root, clm_manager_get_own_uid (self));
  self->specifiers = clm_specifiers_load (NULL);
  source = clm_manager_config_source (self);
  self->engine.config = clm_config_load (&source, NULL);
  self->engine.machine_id = g_strdup (self->specifiers->machine_id ? self->specifiers->machine_id :
                                      self->specifiers->host_name ? self->specifiers->host_name : "");
  self->engine.generations = clm_generation_store_open (self->engine.state_dir, error);
  if (!self->engine.generations)
    return FALSE;
  self->engine.inventory = clm_inventory_open (self->engine.state_dir, &self->fresh, error);
  return self->engine.inventory && open_time (self, error);
}

static ClmDeliverer *
make_deliverer (ClmManager *self)
{
  g_autofree char *runtime = NULL;

  if (self->deliver_program) {
    runtime = g_build_filename (self->engine.state_dir, "deliver", NULL);
    return clm_deliverer_new_child (self->deliver_program, self->config_root, runtime);
  }
  return clm_deliverer_new (self->deliver_socket);
}

/* What was in flight while its file changed follows the file now. */

static void
on_followed (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  G_GNUC_UNUSED g_autoptr (ClmManager) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!clm_reconciliation_run_finish (result, &error))
    g_warning ("a changed file is not followed yet: %s", error->message);
}

static void
on_settled (ClmAgenda  *agenda,
            const char *name,
            ClmManager *self)
{
  if (!self->engine.stopping && g_hash_table_remove (self->deferred, name))
    clm_reconciliation_run_one_async (&self->engine, agenda, clm_manager_find_spec, self, name, self->deferred, on_followed,
                                      g_object_ref (self));
}

static gboolean
make_parts (ClmManager *self,
            GError    **error)
{
  ClmEngine *engine = &self->engine;

  engine->unreachable = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  engine->events = clm_events_new ();
  clm_events_set_inventory (engine->events, engine->inventory);
  engine->deliverer = make_deliverer (self);
  self->loader = clm_plugin_loader_new (self->plugin_dir, clm_manager_get_own_uid (self));
  engine->registry = clm_registry_new (engine, self->loader);
  self->publication = clm_publication_new (engine);
  clm_publication_watch (self->publication, engine->registry);
  self->jobs = clm_job_table_new (engine->timers);
  self->agenda = clm_agenda_new (engine, clm_manager_find_spec, self);
  self->deferred = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->network = g_object_ref (g_network_monitor_get_default ());
  self->network_available = g_network_monitor_get_network_available (self->network);
  clm_inventory_set_history_limit (engine->inventory, clm_config_get_settings (engine->config)->history_limit);

  clm_manager_forward_signals (self);
  g_signal_connect_object (self->agenda, "settled", G_CALLBACK (on_settled), self, 0);
  g_signal_connect_object (engine->clock, "changed", G_CALLBACK (on_clock_changed), self, 0);
  g_signal_connect_object (self->network, "network-changed", G_CALLBACK (on_network_changed), self, 0);
  return clm_key_provider_init (clm_registry_lookup_key, engine->registry, error);
}

static void
on_inventory_checked (GObject      *source,
                      GAsyncResult *result,
                      gpointer      user_data)
{
  g_autoptr (ClmManager) self = user_data;
  g_autoptr (GError) error = NULL;

  if (clm_inventory_check_finish (CLM_INVENTORY (source), result, &error))
    return;
  g_warning ("the database was looked through: %s", error->message);
  if (g_error_matches (error, CLM_ERROR, CLM_ERROR_INVALID_DATA) && !self->engine.stopping)
    g_signal_emit_by_name (self, "inventory-damaged");
}

static void
on_reconciled_at_start (GObject      *source,
                        GAsyncResult *result,
                        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  g_autoptr (ClmEvent) event = NULL;
  GError *error = NULL;

  if (!clm_reconciliation_run_finish (result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  event = clm_event_new (CLM_EVENT_STARTED, clm_clock_get_time (self->engine.clock), NULL, NULL, "certloomd %s started", CLM_VERSION);
  clm_events_emit (self->engine.events, event);
  clm_agenda_start (self->agenda);
  clm_inventory_check_async (self->engine.inventory, g_task_get_cancellable (task), on_inventory_checked, g_object_ref (self));
  g_task_return_boolean (task, TRUE);
}

static void
on_registry_started (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  GTask *task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  ClmSpecContext context = clm_manager_spec_context (self);
  g_autoptr (GPtrArray) restored = NULL;
  GError *error = NULL;

  if (!clm_registry_apply_finish (CLM_REGISTRY (source), result, &error)) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  clm_manager_tell_problems (self);
  if (self->fresh)
    restored = clm_restoration_list_requests (&self->engine, &context);
  clm_reconciliation_run_async (&self->engine, self->agenda, clm_manager_find_spec, self, NULL, restored, self->deferred,
                                g_task_get_cancellable (task), on_reconciled_at_start, task);
}

void
clm_manager_start_async (ClmManager         *self,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, clm_manager_start_async);
  clm_x509_init ();
  /* Nothing else runs yet, so nobody waits for these disks but the start itself. */
  if (!open_state (self, &error) || !make_parts (self, &error)) {
    g_task_return_error (task, error);
    return;
  }
  clm_registry_apply_async (self->engine.registry, cancellable, on_registry_started, g_steal_pointer (&task));
}

gboolean
clm_manager_start_finish (ClmManager   *self,
                          GAsyncResult *result,
                          GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Stopping, in the opposite order */

static void
on_registry_stopped (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;

  if (!clm_registry_stop_finish (CLM_REGISTRY (source), result, &error))
    g_message ("the plugins did not stop in order: %s", error->message);
  clm_events_set_inventory (self->engine.events, NULL);
  clm_job_table_close (self->jobs);
  clm_inventory_close (self->engine.inventory);
  close (self->lock_fd);
  self->lock_fd = -1;
  g_task_return_boolean (task, TRUE);
}

static void
on_agenda_stopped (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  GTask *task = user_data;
  ClmManager *self = g_task_get_source_object (task);
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_STOPPED, clm_clock_get_time (self->engine.clock), NULL, NULL,
                                              "certloomd stopped");

  clm_events_emit (self->engine.events, event);
  clm_registry_stop_async (self->engine.registry, on_registry_stopped, task);
}

void
clm_manager_stop_async (ClmManager         *self,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_manager_stop_async);
  if (!self->agenda) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  self->engine.stopping = TRUE;
  clm_agenda_stop_async (self->agenda, on_agenda_stopped, g_steal_pointer (&task));
}

gboolean
clm_manager_stop_finish (ClmManager   *self,
                         GAsyncResult *result,
                         GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
