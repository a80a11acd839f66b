/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "notifier-queue.h"

#include "await.h"
#include "clm-error.h"
#include "fake-host.h"

/* A notifier that answers when the test says so */
struct _SlowNotifier {
  ClmNotifier parent_instance;
  GPtrArray  *told;     /* messages, in order */
  GTask      *pending;  /* (nullable) */
};

G_DECLARE_FINAL_TYPE (SlowNotifier, slow_notifier, SLOW, NOTIFIER, ClmNotifier)
G_DEFINE_FINAL_TYPE (SlowNotifier, slow_notifier, CLM_TYPE_NOTIFIER)

static void
notify_async (ClmNotifier        *notifier,
              ClmEvent           *event,
              GCancellable       *cancellable,
              GAsyncReadyCallback callback,
              gpointer            user_data)
{
  SlowNotifier *self = SLOW_NOTIFIER (notifier);

  /* One call in flight: that is the rule under test. */
  g_assert_null (self->pending);
  g_ptr_array_add (self->told, g_strdup (clm_event_get_message (event)));
  self->pending = g_task_new (self, cancellable, callback, user_data);
}

static gboolean
notify_finish (ClmNotifier  *notifier,
               GAsyncResult *result,
               GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
slow_notifier_init (SlowNotifier *self)
{
  self->told = g_ptr_array_new_with_free_func (g_free);
}

static void
slow_notifier_finalize (GObject *object)
{
  g_ptr_array_unref (SLOW_NOTIFIER (object)->told);
  G_OBJECT_CLASS (slow_notifier_parent_class)->finalize (object);
}

static void
slow_notifier_class_init (SlowNotifierClass *klass)
{
  CLM_NOTIFIER_CLASS (klass)->notify_async = notify_async;
  CLM_NOTIFIER_CLASS (klass)->notify_finish = notify_finish;
  G_OBJECT_CLASS (klass)->finalize = slow_notifier_finalize;
}

static void
answer (SlowNotifier *self,
        GError       *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->pending);

  g_assert_nonnull (task);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  clm_await_idle ();
}

static SlowNotifier *
make_notifier (ClmHost *host)
{
  g_autoptr (ClmOptions) options = clm_options_new ("slow.notifier");
  g_autoptr (GAsyncResult) result = NULL;
  SlowNotifier *self = g_object_new (slow_notifier_get_type (), "name", "slow", "host", host, "options", options, NULL);

  clm_backend_start_async (CLM_BACKEND (self), NULL, clm_await_done, &result);
  g_assert_true (clm_backend_start_finish (CLM_BACKEND (self), clm_await (&result), NULL));
  return self;
}

static void
push (ClmNotifierQueue *queue,
      ClmEventKind      kind,
      const char       *message)
{
  g_autoptr (ClmEvent) event = clm_event_new (kind, 1, "certificate", "web", "%s", message);

  clm_notifier_queue_push (queue, event);
  clm_await_idle ();
}

static const char *
told (SlowNotifier *self,
      guint         i)
{
  return i < self->told->len ? g_ptr_array_index (self->told, i) : NULL;
}

static void
on_failed (ClmNotifier  *notifier,
           const GError *error,
           gpointer      user_data)
{
  (*(guint *) user_data)++;
}

static void
test_order (void)
{
  g_autoptr (ClmHost) host = CLM_HOST (clm_fake_host_new (1));
  g_autoptr (SlowNotifier) notifier = make_notifier (host);
  g_autoptr (ClmNotifierQueue) queue = clm_notifier_queue_new (CLM_NOTIFIER (notifier), NULL, CLM_SEVERITY_DEBUG, NULL, NULL);

  push (queue, CLM_EVENT_ISSUED, "one");
  push (queue, CLM_EVENT_RENEWED, "two");
  push (queue, CLM_EVENT_RENEWED, "three");
  g_assert_cmpuint (notifier->told->len, ==, 1);
  answer (notifier, NULL);
  answer (notifier, NULL);
  g_assert_cmpstr (told (notifier, 1), ==, "two");
  g_assert_cmpstr (told (notifier, 2), ==, "three");
  g_assert_false (clm_notifier_queue_is_idle (queue));
  answer (notifier, NULL);
  g_assert_true (clm_notifier_queue_is_idle (queue));
}

static void
test_filter (void)
{
  static const char *const events[] = { "renewed", "delivery-*", NULL };
  g_autoptr (ClmHost) host = CLM_HOST (clm_fake_host_new (1));
  g_autoptr (SlowNotifier) notifier = make_notifier (host);
  g_autoptr (ClmNotifierQueue) queue = clm_notifier_queue_new (CLM_NOTIFIER (notifier), events, CLM_SEVERITY_WARNING, NULL, NULL);

  push (queue, CLM_EVENT_RENEWED, "not severe enough");
  push (queue, CLM_EVENT_EXPIRED, "not asked for");
  g_assert_cmpuint (notifier->told->len, ==, 0);
  push (queue, CLM_EVENT_DELIVERY_FAILED, "this one");
  g_assert_cmpstr (told (notifier, 0), ==, "this one");
  answer (notifier, NULL);
}

/* A failure for good is told once, and the next event has its turn */
static void
test_failure (void)
{
  g_autoptr (ClmHost) host = CLM_HOST (clm_fake_host_new (1));
  g_autoptr (SlowNotifier) notifier = make_notifier (host);
  guint failures = 0;
  g_autoptr (ClmNotifierQueue) queue = clm_notifier_queue_new (CLM_NOTIFIER (notifier), NULL, CLM_SEVERITY_DEBUG, on_failed, &failures);
  g_autoptr (ClmEvent) own = clm_event_new (CLM_EVENT_NOTIFIER_FAILED, 1, "notifier", "slow", "its own failure");

  push (queue, CLM_EVENT_ISSUED, "one");
  push (queue, CLM_EVENT_ISSUED, "two");
  answer (notifier, g_error_new (CLM_ERROR, CLM_ERROR_FAILED, "no"));
  g_assert_cmpuint (failures, ==, 1);
  g_assert_cmpstr (told (notifier, 1), ==, "two");
  answer (notifier, NULL);
  clm_notifier_queue_push (queue, own);
  g_assert_cmpuint (notifier->told->len, ==, 2);
}

/* Transient: the same event again, twice; then it is given up */
static void
test_retry (void)
{
  g_autoptr (ClmHost) host = CLM_HOST (clm_fake_host_new (1));
  g_autoptr (SlowNotifier) notifier = make_notifier (host);
  guint failures = 0;
  g_autoptr (ClmNotifierQueue) queue = clm_notifier_queue_new (CLM_NOTIFIER (notifier), NULL, CLM_SEVERITY_DEBUG, on_failed, &failures);

  push (queue, CLM_EVENT_ISSUED, "one");
  for (guint i = 0; i < 3; i++) {
    GError *error = g_error_new (CLM_ERROR, CLM_ERROR_BUSY, "later");

    clm_error_set_retry_after (error, 0);
    answer (notifier, error);
    while (i < 2 && !notifier->pending)
      g_main_context_iteration (NULL, TRUE);
  }
  g_assert_cmpuint (notifier->told->len, ==, 3);
  g_assert_cmpstr (told (notifier, 2), ==, "one");
  g_assert_cmpuint (failures, ==, 1);
  g_assert_true (clm_notifier_queue_is_idle (queue));
}

/* Full: the oldest that merely waits goes; what is being told, or is to be told again, stays */
static void
test_bounded (gconstpointer between_tries)
{
  g_autoptr (ClmHost) host = CLM_HOST (clm_fake_host_new (1));
  g_autoptr (SlowNotifier) notifier = make_notifier (host);
  g_autoptr (ClmNotifierQueue) queue = clm_notifier_queue_new (CLM_NOTIFIER (notifier), NULL, CLM_SEVERITY_DEBUG, NULL, NULL);

  push (queue, CLM_EVENT_ISSUED, "head");
  if (between_tries) {
    GError *error = g_error_new (CLM_ERROR, CLM_ERROR_BUSY, "later");

    clm_error_set_retry_after (error, 0);
    answer (notifier, error);
  }
  for (guint i = 0; i < CLM_NOTIFIER_QUEUE_MAX; i++) {
    g_autofree char *message = g_strdup_printf ("%u", i);
    g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_RENEWED, 1, NULL, NULL, "%s", message);

    clm_notifier_queue_push (queue, event);
  }
  while (!notifier->pending)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (told (notifier, notifier->told->len - 1), ==, "head");
  answer (notifier, NULL);
  /* 0 was dropped. */
  g_assert_cmpstr (told (notifier, notifier->told->len - 1), ==, "1");
  while (notifier->pending)
    answer (notifier, NULL);
  g_assert_true (clm_notifier_queue_is_idle (queue));
}

/* Freed in mid-call: cancelled, and nothing is touched afterwards */
static void
test_freed (void)
{
  g_autoptr (ClmHost) host = CLM_HOST (clm_fake_host_new (1));
  g_autoptr (SlowNotifier) notifier = make_notifier (host);
  ClmNotifierQueue *queue = clm_notifier_queue_new (CLM_NOTIFIER (notifier), NULL, CLM_SEVERITY_DEBUG, NULL, NULL);

  push (queue, CLM_EVENT_ISSUED, "one");
  push (queue, CLM_EVENT_ISSUED, "two");
  clm_notifier_queue_free (queue);
  g_assert_true (g_cancellable_is_cancelled (g_task_get_cancellable (notifier->pending)));
  answer (notifier, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled"));
  g_assert_cmpuint (notifier->told->len, ==, 1);
}

static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  return G_LOG_WRITER_HANDLED;
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_add_func ("/notifier-queue/one-at-a-time-in-order", test_order);
  g_test_add_func ("/notifier-queue/filter", test_filter);
  g_test_add_func ("/notifier-queue/failure-is-told-once", test_failure);
  g_test_add_func ("/notifier-queue/transient-is-tried-three-times", test_retry);
  g_test_add_data_func ("/notifier-queue/bounded-while-in-flight", NULL, test_bounded);
  g_test_add_data_func ("/notifier-queue/bounded-between-tries", "", test_bounded);
  g_test_add_func ("/notifier-queue/freed-in-mid-call", test_freed);
  return g_test_run ();
}
