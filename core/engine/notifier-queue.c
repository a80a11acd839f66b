/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "notifier-queue.h"

#include "clm-error.h"

#define TRIES 3
#define RETRY_AFTER_S 10

struct _ClmNotifierQueue {
  ClmNotifier       *notifier;
  GStrv              events;
  ClmSeverity        min_severity;
  ClmNotifierFailed  failed;
  gpointer           user_data;
  GQueue             waiting;   /* ClmEvent */
  gboolean           in_flight;
  guint              tries;     /* of the head */
  guint              dropped;
  guint              retry_id;
  GCancellable      *cancellable;
  gboolean           freed;     /* while a call is in flight */
};

static void send_head (ClmNotifierQueue *self);

ClmNotifierQueue *
clm_notifier_queue_new (ClmNotifier       *notifier,
                        const char *const *events,
                        ClmSeverity        min_severity,
                        ClmNotifierFailed  failed,
                        gpointer           user_data)
{
  ClmNotifierQueue *self = g_new0 (ClmNotifierQueue, 1);

  self->notifier = g_object_ref (notifier);
  self->events = g_strdupv ((GStrv) events);
  self->min_severity = min_severity;
  self->failed = failed;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  g_queue_init (&self->waiting);
  return self;
}

static void
destroy (ClmNotifierQueue *self)
{
  g_queue_clear_full (&self->waiting, (GDestroyNotify) clm_event_unref);
  g_strfreev (self->events);
  g_object_unref (self->cancellable);
  g_object_unref (self->notifier);
  g_free (self);
}

void
clm_notifier_queue_free (ClmNotifierQueue *self)
{
  if (!self)
    return;
  g_clear_handle_id (&self->retry_id, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  self->freed = TRUE;
  if (!self->in_flight)
    destroy (self);
}

ClmNotifier *
clm_notifier_queue_get_notifier (ClmNotifierQueue *self)
{
  return self->notifier;
}

gboolean
clm_notifier_queue_is_idle (ClmNotifierQueue *self)
{
  return !self->in_flight && g_queue_is_empty (&self->waiting);
}

static gboolean
wants (ClmNotifierQueue *self,
       ClmEvent         *event)
{
  const char *nick = clm_event_kind_get_nick (clm_event_get_kind (event));

  if (clm_event_get_severity (event) < self->min_severity)
    return FALSE;
  if (!self->events)
    return TRUE;
  for (guint i = 0; self->events[i]; i++) {
    if (g_pattern_match_simple (self->events[i], nick))
      return TRUE;
  }
  return FALSE;
}

/* A notifier that cannot tell of its own failure must not be asked to: that would go round for ever. */
static gboolean
is_own_failure (ClmNotifierQueue *self,
                ClmEvent         *event)
{
  return clm_event_get_kind (event) == CLM_EVENT_NOTIFIER_FAILED &&
         g_strcmp0 (clm_event_get_subject (event), clm_backend_get_name (CLM_BACKEND (self->notifier))) == 0;
}

void
clm_notifier_queue_push (ClmNotifierQueue *self,
                         ClmEvent         *event)
{
  if (!wants (self, event) || is_own_failure (self, event))
    return;
  if (g_queue_get_length (&self->waiting) >= CLM_NOTIFIER_QUEUE_MAX) {
    /* The head may be in flight or about to be tried again: the oldest that merely waits is the one behind it. */
    ClmEvent *oldest = g_queue_pop_nth (&self->waiting, self->in_flight || self->retry_id ? 1 : 0);

    clm_event_unref (oldest);
    self->dropped++;
  }
  g_queue_push_tail (&self->waiting, clm_event_ref (event));
  send_head (self);
}

static void
forget_head (ClmNotifierQueue *self)
{
  clm_event_unref (g_queue_pop_head (&self->waiting));
  self->tries = 0;
  if (self->dropped) {
    g_warning ("[notifier %s] %u older events were dropped while it was behind",
               clm_backend_get_name (CLM_BACKEND (self->notifier)), self->dropped);
    self->dropped = 0;
  }
}

static gboolean
on_retry (gpointer user_data)
{
  ClmNotifierQueue *self = user_data;

  self->retry_id = 0;
  send_head (self);
  return G_SOURCE_REMOVE;
}

static gboolean
is_transient (const GError *error)
{
  return g_error_matches (error, CLM_ERROR, CLM_ERROR_UNREACHABLE) || g_error_matches (error, CLM_ERROR, CLM_ERROR_BUSY);
}

static void
on_notified (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  ClmNotifierQueue *self = user_data;
  g_autoptr (GError) error = NULL;

  self->in_flight = FALSE;
  if (!clm_notifier_notify_finish (CLM_NOTIFIER (source), result, &error) && !self->freed &&
      is_transient (error) && self->tries < TRIES) {
    gint64 seconds = clm_error_get_retry_after (error);

    self->retry_id = g_timeout_add_seconds (seconds < 0 ? RETRY_AFTER_S : (guint) CLAMP (seconds, 1, 60), on_retry, self);
    return;
  }
  if (self->freed) {
    destroy (self);
    return;
  }
  if (error && self->failed)
    self->failed (self->notifier, error, self->user_data);
  forget_head (self);
  send_head (self);
}

static void
send_head (ClmNotifierQueue *self)
{
  if (self->in_flight || self->retry_id || g_queue_is_empty (&self->waiting))
    return;
  if (!clm_backend_is_started (CLM_BACKEND (self->notifier)))
    return;
  self->in_flight = TRUE;
  self->tries++;
  clm_notifier_notify_async (self->notifier, g_queue_peek_head (&self->waiting), self->cancellable, on_notified, self);
}
