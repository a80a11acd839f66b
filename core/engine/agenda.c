/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agenda.h"

#define STORAGE_PAUSE_S 30
#define DUE_AT_ONCE 256

/* One thing to do, waiting or in flight; in flight without a kind of its own (CLM_N_OPERATIONS): the name is locked. */
typedef struct {
  ClmAgenda    *agenda;      /* borrowed */
  char         *name;
  ClmOperation  operation;
  GPtrArray    *jobs;        /* ClmJob */
  GCancellable *cancellable;
  GError       *error;       /* (nullable): how it ended */
  guint64       revision;    /* of the record as it began */
  ClmEvent     *event;       /* (nullable): of an alarm, told once it is written */
} Item;

struct _ClmAgenda {
  GObject     parent_instance;
  ClmEngine  *engine;
  ClmFindSpec find_spec;
  gpointer    user_data;
  gboolean    started;
  GQueue      asked;         /* Item, in order */
  GHashTable *asked_names;   /* name → how many of those */
  GHashTable *flying;        /* name → Item */
  GQueue      due;           /* names, soonest expiry first: those that were due when it last ran empty */
  GTask      *stopping;      /* (nullable) */
  guint       update_id;
  GCancellable *pause;       /* (nullable): the disk does not take what we have to write, and we wait */
};

enum { SIGNAL_SETTLED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmAgenda, clm_agenda, G_TYPE_OBJECT)

static const ClmOperation locked = { .kind = CLM_N_OPERATIONS };

static void schedule_update (ClmAgenda *self);
static void item_settle (Item *item, const GError *error);

static void
item_free (Item *item)
{
  g_free (item->name);
  g_ptr_array_unref (item->jobs);
  g_object_unref (item->cancellable);
  g_clear_pointer (&item->event, clm_event_unref);
  g_clear_error (&item->error);
  g_free (item);
}

static Item *
item_new (ClmAgenda          *self,
          const char         *name,
          const ClmOperation *operation)
{
  Item *item = g_new0 (Item, 1);

  item->agenda = self;
  item->name = g_strdup (name);
  item->operation = *operation;
  item->jobs = g_ptr_array_new_with_free_func (g_object_unref);
  item->cancellable = g_cancellable_new ();
  return item;
}

/* What was asked for, in order; each name with its count, because most questions are about names that are not there */

static void
queue_item (ClmAgenda *self,
            Item      *item)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->asked_names, item->name));

  g_queue_push_tail (&self->asked, item);
  g_hash_table_insert (self->asked_names, g_strdup (item->name), GUINT_TO_POINTER (n + 1));
}

static gboolean
unqueue_item (ClmAgenda *self,
              Item      *item)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->asked_names, item->name));

  if (n == 0 || !g_queue_remove (&self->asked, item))
    return FALSE;
  if (n == 1)
    g_hash_table_remove (self->asked_names, item->name);
  else
    g_hash_table_insert (self->asked_names, g_strdup (item->name), GUINT_TO_POINTER (n - 1));
  return TRUE;
}

/* Jobs */

static gboolean
on_dropped (gpointer user_data)
{
  Item *item = user_data;
  g_autoptr (GError) error = NULL;

  g_cancellable_set_error_if_cancelled (item->cancellable, &error);
  item_settle (item, error);
  item_free (item);
  return G_SOURCE_REMOVE;
}

static void
on_job_cancelled (GCancellable *cancellable,
                  Item         *item)
{
  for (guint i = 0; i < item->jobs->len; i++) {
    if (!g_cancellable_is_cancelled (clm_job_get_cancellable (g_ptr_array_index (item->jobs, i))))
      return;
  }
  g_cancellable_cancel (item->cancellable);
  /* What has not begun never will. Not from inside the signal, whose handlers go with it. */
  if (unqueue_item (item->agenda, item))
    g_idle_add (on_dropped, item);
}

static void
item_join (Item   *item,
           ClmJob *job)
{
  if (!job)
    return;
  g_ptr_array_add (item->jobs, g_object_ref (job));
  g_signal_connect (clm_job_get_cancellable (job), "cancelled", G_CALLBACK (on_job_cancelled), item);
}

static void
item_settle (Item         *item,
             const GError *error)
{
  for (guint i = 0; i < item->jobs->len; i++) {
    ClmJob *job = g_ptr_array_index (item->jobs, i);

    g_signal_handlers_disconnect_by_data (clm_job_get_cancellable (job), item);
    if (!clm_job_is_completed (job))
      clm_job_count (job, error);
  }
}

static void
on_progress (const char *step,
             double      progress,
             gpointer    user_data)
{
  Item *item = user_data;

  for (guint i = 0; i < item->jobs->len; i++) {
    ClmJob *job = g_ptr_array_index (item->jobs, i);

    if (clm_job_get_total (job) == 1)
      clm_job_set_stage (job, step, progress);
  }
}

/*
 * The disk: where not even the time of the next try could be written, what is due is so as before, and trying on at once would only
 * spin. What is asked for still has its turn, once; the first success ends the pause.
 */

static void
end_pause (ClmAgenda *self)
{
  if (!self->pause)
    return;
  g_cancellable_cancel (self->pause);
  g_clear_object (&self->pause);
}

static void
on_pause_over (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (ClmAgenda) self = user_data;

  if (!clm_timers_wait_finish (CLM_TIMERS (source), result, NULL) || !self->started)
    return;
  end_pause (self);
  schedule_update (self);
}

static void
note_storage (ClmAgenda    *self,
              const GError *error)
{
  g_autoptr (ClmEvent) event = NULL;

  if (self->pause || !g_error_matches (error, CLM_ERROR, CLM_ERROR_STORAGE))
    return;
  self->pause = g_cancellable_new ();
  event = clm_event_new (CLM_EVENT_STORAGE_FAILED, clm_clock_get_time (self->engine->clock), NULL, NULL,
                         "state cannot be written, everything waits for %d s: %s", STORAGE_PAUSE_S, error->message);
  clm_event_add_error (event, error);
  clm_events_tell (self->engine->events, event);
  clm_timers_wait_async (self->engine->timers, STORAGE_PAUSE_S, self->pause, on_pause_over, g_object_ref (self));
}

/* In flight */

static void
finish_stopping (ClmAgenda *self)
{
  g_autoptr (GTask) task = NULL;

  if (!self->stopping || g_hash_table_size (self->flying) > 0)
    return;
  task = g_steal_pointer (&self->stopping);
  g_task_return_boolean (task, TRUE);
}

/* The name is free again, and who asked is told: both at once, so that nobody joins what is over. */
static void
settle (ClmAgenda *self,
        Item      *item)
{
  g_hash_table_steal (self->flying, item->name);
  item_settle (item, item->error);
  g_signal_emit (self, signals[SIGNAL_SETTLED], 0, item->name);
  item_free (item);
  finish_stopping (self);
  schedule_update (self);
}

static void
on_put_off (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Item *item = user_data;
  g_autoptr (ClmAgenda) self = g_object_ref (item->agenda);
  g_autoptr (GError) error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error))
    note_storage (self, error);
  settle (self, item);
}

/* What ended without a word in the record would be due again at once, and for ever. Whether a word is written now. */
static gboolean
put_off (ClmAgenda *self,
         Item      *item)
{
  ClmPlanContext context = clm_engine_plan_context (self->engine, item->name);
  g_autoptr (ClmRecord) record = clm_inventory_get_record (self->engine->inventory, item->name, NULL);
  g_autoptr (GError) nothing = g_error_new (CLM_ERROR, CLM_ERROR_FAILED, "there was nothing that could be done");
  ClmChange *change;

  if (self->engine->stopping || !record || record->revision != item->revision ||
      !clm_plan_is_due (record, context.now))
    return FALSE;
  clm_plan_failed (record, NULL, &context, record->next_action, item->error ? item->error : nothing);
  change = clm_change_new (item->name);
  clm_change_put_record (change, record);
  clm_inventory_apply_async (self->engine->inventory, change, NULL, on_put_off, item);
  return TRUE;
}

static void
on_operated (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Item *item = user_data;
  g_autoptr (ClmAgenda) self = g_object_ref (item->agenda);

  if (clm_operation_run_finish (result, &item->error))
    end_pause (self);
  if (!put_off (self, item))
    settle (self, item);
}

static void
start_item (ClmAgenda *self,
            Item      *item)
{
  g_autoptr (ClmSpec) spec = self->find_spec (item->name, self->user_data);
  g_autoptr (ClmRecord) record = clm_inventory_get_record (self->engine->inventory, item->name, NULL);

  item->revision = record ? record->revision : 0;
  g_hash_table_insert (self->flying, item->name, item);
  clm_operation_run_async (self->engine, item->name, spec, &item->operation, on_progress, item, item->cancellable,
                           on_operated, item);
}

static guint
free_slots (ClmAgenda *self)
{
  guint limit = clm_config_get_settings (self->engine->config)->max_concurrent;
  guint flying = g_hash_table_size (self->flying);

  return limit > flying ? limit - flying : 0;
}

static void
start_asked (ClmAgenda *self)
{
  for (GList *link = self->asked.head; link && free_slots (self) > 0;) {
    GList *after = link->next;
    Item *item = link->data;

    if (!g_hash_table_contains (self->flying, item->name)) {
      unqueue_item (self, item);
      start_item (self, item);
    }
    link = after;
  }
}

/* Due */

static void
on_alarm_written (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  Item *item = user_data;
  g_autoptr (ClmAgenda) self = g_object_ref (item->agenda);
  g_autoptr (GError) error = NULL;

  if (!clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error))
    note_storage (self, error);
  else if (item->event)
    clm_events_tell (self->engine->events, item->event);
  settle (self, item);
}

static ClmEvent *
alarm_to_event (ClmRecord            *record,
                const ClmPlanContext *context,
                ClmExpiryAlarm        level)
{
  gint64 hours = (record->not_after - context->now) / 3600;
  ClmEvent *event;

  if (level == CLM_EXPIRY_ALARM_EXPIRED)
    return clm_event_new (CLM_EVENT_EXPIRED, context->now, "certificate", record->name, "the certificate has expired");
  event = clm_event_new (CLM_EVENT_EXPIRING, context->now, "certificate", record->name,
                         "%" G_GINT64_FORMAT " hours are left and it is not renewed", hours);
  clm_event_add_field (event, "reason", record->reason);
  return event;
}

/* A healthy certificate passes the first level on its way to its renewal; that is nobody's concern. */
static gboolean
is_worth_telling (ClmRecord     *record,
                  ClmExpiryAlarm level)
{
  return level > CLM_EXPIRY_ALARM_THIRD || record->state == CLM_STATE_FAILING;
}

static void
raise_alarm (ClmAgenda *self,
             ClmRecord *record)
{
  ClmPlanContext context = clm_engine_plan_context (self->engine, record->name);
  ClmExpiryAlarm level;
  gboolean rose = clm_plan_raise_alarm (record, &context, &level);
  ClmChange *change = clm_change_new (record->name);
  Item *item = item_new (self, record->name, &locked);

  /* In flight meanwhile, so that it is raised once, and what is due begins with the record as it is then. */
  g_hash_table_insert (self->flying, item->name, item);
  clm_change_put_record (change, record);
  if (rose && is_worth_telling (record, level)) {
    item->event = alarm_to_event (record, &context, level);
    clm_change_add_event (change, item->event);
  }
  clm_inventory_apply_async (self->engine->inventory, change, NULL, on_alarm_written, item);
}

static void
start_due_one (ClmAgenda  *self,
               const char *name)
{
  g_autoptr (ClmRecord) record = clm_inventory_get_record (self->engine->inventory, name, NULL);
  gint64 now = clm_clock_get_time (self->engine->clock);
  ClmOperation operation = { .kind = CLM_OPERATION_RENEW };

  if (!record)
    return;
  if (record->alarm_time != 0 && record->alarm_time <= now && clm_clock_is_trusted (self->engine->clock)) {
    raise_alarm (self, record);
    return;
  }
  if (!clm_plan_is_due (record, now))
    return;
  if (record->next_action == CLM_ACTION_DELIVER)
    operation.kind = CLM_OPERATION_DELIVER;
  else if (record->next_action == CLM_ACTION_REMOVE)
    operation = (ClmOperation) { .kind = CLM_OPERATION_REMOVE, .keep_key = g_str_equal (record->reason, CLM_OPERATION_REMOVING_KEEP_KEY) };
  start_item (self, item_new (self, name, &operation));
}

/* Many at once, so that the look at all that is due, however many, is not for one only. */
static void
find_due (ClmAgenda *self)
{
  gint64 now = clm_clock_get_time (self->engine->clock);
  gboolean spans_only = !clm_clock_is_trusted (self->engine->clock);
  /* What is in flight is still due in the inventory, so it takes room in the answer. */
  guint limit = MAX (free_slots (self), DUE_AT_ONCE) + g_hash_table_size (self->flying);
  g_auto (GStrv) names = clm_inventory_list_due (self->engine->inventory, now, spans_only, limit);

  for (guint i = 0; names[i]; i++) {
    if (!clm_agenda_is_busy (self, names[i]))
      g_queue_push_tail (&self->due, g_strdup (names[i]));
  }
}

static void
start_due (ClmAgenda *self)
{
  if (free_slots (self) > 0 && g_queue_is_empty (&self->due))
    find_due (self);
  while (free_slots (self) > 0 && !g_queue_is_empty (&self->due)) {
    g_autofree char *name = g_queue_pop_head (&self->due);

    /* Much may have happened since it was found. */
    if (!clm_agenda_is_busy (self, name))
      start_due_one (self, name);
  }
}

/* The timer is for what is not due yet; what is due and had no room comes when something ends. */
static void
arm (ClmAgenda *self)
{
  gboolean spans_only = !clm_clock_is_trusted (self->engine->clock);
  gint64 now = clm_clock_get_time (self->engine->clock);
  gint64 earliest = clm_inventory_get_earliest_after (self->engine->inventory, now, spans_only);

  /* Times are the engine's; the timer goes by what the system shows, which may be long ago. */
  if (earliest >= 0)
    earliest -= now - clm_clock_get_now (self->engine->clock);
  clm_timers_set_calendar (self->engine->timers, earliest);
}

static gboolean
on_update (gpointer user_data)
{
  ClmAgenda *self = user_data;

  self->update_id = 0;
  if (!self->started)
    return G_SOURCE_REMOVE;
  clm_inventory_set_last_seen (self->engine->inventory, clm_clock_get_last_seen (self->engine->clock));
  start_asked (self);
  if (self->pause)
    return G_SOURCE_REMOVE;
  start_due (self);
  arm (self);
  return G_SOURCE_REMOVE;
}

static void
schedule_update (ClmAgenda *self)
{
  if (self->started && !self->update_id)
    self->update_id = g_idle_add (on_update, self);
}

void
clm_agenda_update (ClmAgenda *self)
{
  schedule_update (self);
}

/* Asking */

static gboolean
is_same (const ClmOperation *a,
         const ClmOperation *b)
{
  return a->kind == b->kind && a->rekey == b->rekey && a->force == b->force && a->reason == b->reason && a->keep_key == b->keep_key;
}

/* The same operation on the same name, in flight or waiting. */
static Item *
find_same (ClmAgenda          *self,
           const char         *name,
           const ClmOperation *operation)
{
  Item *flying = g_hash_table_lookup (self->flying, name);

  if (flying && is_same (&flying->operation, operation) && !g_cancellable_is_cancelled (flying->cancellable))
    return flying;
  if (!g_hash_table_contains (self->asked_names, name))
    return NULL;
  for (GList *link = self->asked.head; link; link = link->next) {
    Item *item = link->data;

    if (g_str_equal (item->name, name) && is_same (&item->operation, operation))
      return item;
  }
  return NULL;
}

void
clm_agenda_push (ClmAgenda          *self,
                 const char         *name,
                 const ClmOperation *operation,
                 ClmJob             *job)
{
  Item *item = find_same (self, name, operation);

  if (!item) {
    item = item_new (self, name, operation);
    queue_item (self, item);
  }
  item_join (item, job);
  schedule_update (self);
}

ClmJob *
clm_agenda_find_job (ClmAgenda          *self,
                     const char         *name,
                     const ClmOperation *operation)
{
  Item *item = find_same (self, name, operation);

  for (guint i = 0; item && i < item->jobs->len; i++) {
    ClmJob *job = g_ptr_array_index (item->jobs, i);

    if (clm_job_get_total (job) == 1 && !clm_job_is_completed (job))
      return job;
  }
  return NULL;
}

gboolean
clm_agenda_is_busy (ClmAgenda  *self,
                    const char *name)
{
  return g_hash_table_contains (self->flying, name) || g_hash_table_contains (self->asked_names, name);
}

gboolean
clm_agenda_lock (ClmAgenda  *self,
                 const char *name)
{
  Item *item;

  if (g_hash_table_contains (self->flying, name))
    return FALSE;
  item = item_new (self, name, &locked);
  g_hash_table_insert (self->flying, item->name, item);
  return TRUE;
}

void
clm_agenda_unlock (ClmAgenda  *self,
                   const char *name)
{
  Item *item = g_hash_table_lookup (self->flying, name);

  g_return_if_fail (item && item->operation.kind == CLM_N_OPERATIONS);

  g_hash_table_steal (self->flying, name);
  settle (self, item);
}

gboolean
clm_agenda_is_quiet (ClmAgenda *self)
{
  return g_hash_table_size (self->flying) == 0 && self->update_id == 0 && g_queue_is_empty (&self->asked);
}

/* Starting and stopping */

void
clm_agenda_start (ClmAgenda *self)
{
  self->started = TRUE;
  g_signal_connect_object (self->engine->timers, "calendar-due", G_CALLBACK (clm_agenda_update), self, G_CONNECT_SWAPPED);
  schedule_update (self);
}

static void
drop_asked (ClmAgenda *self)
{
  g_autoptr (GError) error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "the daemon is stopping");
  Item *item;

  while ((item = g_queue_peek_head (&self->asked))) {
    unqueue_item (self, item);
    item_settle (item, error);
    item_free (item);
  }
}

void
clm_agenda_stop_async (ClmAgenda          *self,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  GHashTableIter iter;
  Item *item;

  self->started = FALSE;
  g_clear_handle_id (&self->update_id, g_source_remove);
  end_pause (self);
  clm_timers_set_calendar (self->engine->timers, -1);
  self->stopping = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (self->stopping, clm_agenda_stop_async);
  drop_asked (self);
  g_hash_table_iter_init (&iter, self->flying);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &item))
    g_cancellable_cancel (item->cancellable);
  finish_stopping (self);
}

gboolean
clm_agenda_stop_finish (ClmAgenda    *self,
                        GAsyncResult *result,
                        GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

ClmAgenda *
clm_agenda_new (ClmEngine  *engine,
                ClmFindSpec find_spec,
                gpointer    user_data)
{
  ClmAgenda *self = g_object_new (CLM_TYPE_AGENDA, NULL);

  self->engine = engine;
  self->find_spec = find_spec;
  self->user_data = user_data;
  return self;
}

static void
clm_agenda_init (ClmAgenda *self)
{
  g_queue_init (&self->asked);
  g_queue_init (&self->due);
  self->flying = g_hash_table_new (g_str_hash, g_str_equal);
  self->asked_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
clm_agenda_finalize (GObject *object)
{
  ClmAgenda *self = CLM_AGENDA (object);

  g_clear_handle_id (&self->update_id, g_source_remove);
  drop_asked (self);
  g_queue_clear_full (&self->due, g_free);
  g_hash_table_unref (self->flying);
  g_hash_table_unref (self->asked_names);
  end_pause (self);
  G_OBJECT_CLASS (clm_agenda_parent_class)->finalize (object);
}

static void
clm_agenda_class_init (ClmAgendaClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_agenda_finalize;
  signals[SIGNAL_SETTLED] = g_signal_new ("settled", CLM_TYPE_AGENDA, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}
