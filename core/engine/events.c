/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "events.h"

#include <time.h>

struct _ClmEvents {
  GObject       parent_instance;
  ClmInventory *inventory;
  GPtrArray    *queues;   /* ClmNotifierQueue */
};

enum { SIGNAL_EVENT, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmEvents, clm_events, G_TYPE_OBJECT)

ClmEvents *
clm_events_new (void)
{
  return g_object_new (CLM_TYPE_EVENTS, NULL);
}

void
clm_events_set_inventory (ClmEvents    *self,
                          ClmInventory *inventory)
{
  g_set_object (&self->inventory, inventory);
}

static GLogLevelFlags
log_level (ClmSeverity severity)
{
  switch (severity) {
  case CLM_SEVERITY_DEBUG:
    return G_LOG_LEVEL_DEBUG;
  case CLM_SEVERITY_INFO:
    return G_LOG_LEVEL_INFO;
  case CLM_SEVERITY_NOTICE:
    return G_LOG_LEVEL_MESSAGE;
  case CLM_SEVERITY_WARNING:
  case CLM_SEVERITY_CRITICAL:
  default:
    /* Not CRITICAL: in GLib that means a programming error. */
    return G_LOG_LEVEL_WARNING;
  }
}

static void
log_event (ClmEvent *event)
{
  const char *subject = clm_event_get_subject (event);

  if (subject)
    g_log_structured (G_LOG_DOMAIN, log_level (clm_event_get_severity (event)), "MESSAGE", "[%s %s] %s",
                      clm_event_get_subject_kind (event), subject, clm_event_get_message (event));
  else
    g_log_structured (G_LOG_DOMAIN, log_level (clm_event_get_severity (event)), "MESSAGE", "%s",
                      clm_event_get_message (event));
}

void
clm_events_tell (ClmEvents *self,
                 ClmEvent  *event)
{
  log_event (event);
  for (guint i = 0; i < self->queues->len; i++)
    clm_notifier_queue_push (g_ptr_array_index (self->queues, i), event);
  g_signal_emit (self, signals[SIGNAL_EVENT], 0, event);
}

void
clm_events_emit (ClmEvents *self,
                 ClmEvent  *event)
{
  if (self->inventory)
    clm_inventory_note_event (self->inventory, event);
  clm_events_tell (self, event);
}

static void
on_notifier_failed (ClmNotifier  *notifier,
                    const GError *error,
                    gpointer      user_data)
{
  ClmEvents *self = user_data;
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_NOTIFIER_FAILED, (gint64) time (NULL), "notifier",
                                              clm_backend_get_name (CLM_BACKEND (notifier)),
                                              "could not pass on an event: %s", error->message);

  clm_event_add_error (event, error);
  clm_events_emit (self, event);
}

void
clm_events_add_notifier (ClmEvents         *self,
                         ClmNotifier       *notifier,
                         const char *const *events,
                         ClmSeverity        min_severity)
{
  g_ptr_array_add (self->queues, clm_notifier_queue_new (notifier, events, min_severity, on_notifier_failed, self));
}

void
clm_events_remove_notifier (ClmEvents   *self,
                            ClmNotifier *notifier)
{
  for (guint i = 0; i < self->queues->len; i++) {
    if (clm_notifier_queue_get_notifier (g_ptr_array_index (self->queues, i)) == notifier) {
      g_ptr_array_remove_index (self->queues, i);
      return;
    }
  }
}

gboolean
clm_events_is_idle (ClmEvents *self)
{
  for (guint i = 0; i < self->queues->len; i++) {
    if (!clm_notifier_queue_is_idle (g_ptr_array_index (self->queues, i)))
      return FALSE;
  }
  return TRUE;
}

static void
clm_events_init (ClmEvents *self)
{
  self->queues = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_notifier_queue_free);
}

static void
clm_events_finalize (GObject *object)
{
  ClmEvents *self = CLM_EVENTS (object);

  g_ptr_array_unref (self->queues);
  g_clear_object (&self->inventory);
  G_OBJECT_CLASS (clm_events_parent_class)->finalize (object);
}

static void
clm_events_class_init (ClmEventsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_events_finalize;
  signals[SIGNAL_EVENT] = g_signal_new ("event", CLM_TYPE_EVENTS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, CLM_TYPE_EVENT);
}
