/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard.h"

#include "clm-authority.h"
#include "clm-key-store.h"
#include "clm-notifier.h"

#define REMEMBERED 64

typedef struct {
  GTask      *task;
  const char *operation;
  GThread    *thread;
} Call;

typedef struct {
  guintptr id;
  char    *subject;
  const char *operation;
} Ended;

static GMutex      lock;
static GHashTable *calls;              /* id → Call */
static Ended       ended[REMEMBERED];  /* so that a late second completion can be named */
static guint       ended_next;
static guintptr    last_id;

static char *
describe (gpointer self)
{
  const char *kind = "backend";

  if (!CLM_IS_BACKEND (self))
    return g_strdup (G_OBJECT_TYPE_NAME (self));
  if (CLM_IS_AUTHORITY (self))
    kind = "authority";
  else if (CLM_IS_KEY_STORE (self))
    kind = "keystore";
  else if (CLM_IS_NOTIFIER (self))
    kind = "notifier";
  return g_strdup_printf ("%s %s", kind, clm_backend_get_name (self));
}

static void
call_free (gpointer data)
{
  Call *call = data;

  g_object_unref (call->task);
  g_free (call);
}

static guintptr
add_call (GTask *task, const char *operation)
{
  Call *call = g_new0 (Call, 1);

  call->task = g_object_ref (task);
  call->operation = operation;
  call->thread = g_thread_self ();

  g_mutex_lock (&lock);
  if (calls == NULL)
    calls = g_hash_table_new_full (NULL, NULL, NULL, call_free);
  do
    last_id++;
  while (last_id == 0 || g_hash_table_contains (calls, GSIZE_TO_POINTER (last_id)));
  g_hash_table_insert (calls, GSIZE_TO_POINTER (last_id), call);
  guintptr id = last_id;
  g_mutex_unlock (&lock);
  return id;
}

/* Called with the lock held. */
static void
remember_ended (guintptr id, Call *call)
{
  Ended *slot = &ended[ended_next++ % REMEMBERED];

  g_free (slot->subject);
  slot->id = id;
  slot->subject = describe (g_task_get_source_object (call->task));
  slot->operation = call->operation;
}

static Call *
take_call (guintptr id)
{
  Call *call = NULL;

  g_mutex_lock (&lock);
  if (calls != NULL && g_hash_table_steal_extended (calls, GSIZE_TO_POINTER (id), NULL, (gpointer *) &call))
    remember_ended (id, call);
  g_mutex_unlock (&lock);
  return call;
}

static void
complain_of_second (guintptr id)
{
  g_autofree char *subject = NULL;
  const char *operation = NULL;

  g_mutex_lock (&lock);
  for (guint i = 0; i < REMEMBERED && operation == NULL; i++) {
    if (ended[i].id == id) {
      subject = g_strdup (ended[i].subject);
      operation = ended[i].operation;
    }
  }
  g_mutex_unlock (&lock);

  if (operation == NULL)
    g_warning ("[plugin] an operation that ended long ago was completed again; ignored");
  else
    g_warning ("[%s] completed %s more than once; the plugin is faulty, ignored", subject, operation);
}

gpointer
clm_guard_enter (gpointer self, const char *operation, gboolean supported, gpointer tag,
                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  if (g_task_return_error_if_cancelled (task))
    return NULL;
  if (!supported) {
    g_autofree char *subject = describe (self);
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "%s cannot %s", subject, operation);
    return NULL;
  }
  /* What the implementation achieved counts, even if the cancellation came at the same moment. */
  g_task_set_check_cancellable (task, FALSE);
  return GSIZE_TO_POINTER (add_call (task, operation));
}

void
clm_guard_refuse (gpointer self, GError *error, gpointer tag, GCancellable *cancellable,
                  GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_return_error (task, error);
}

void
clm_guard_complete (GObject *source, GAsyncResult *result, gpointer user_data)
{
  guintptr id = GPOINTER_TO_SIZE (user_data);
  Call *call = take_call (id);

  if (call == NULL) {
    complain_of_second (id);
    return;
  }
  g_autofree char *subject = describe (g_task_get_source_object (call->task));
  if (call->thread != g_thread_self ())
    g_warning ("[%s] completed %s in a foreign thread; the plugin is faulty, brought back", subject, call->operation);
  if (G_IS_ASYNC_RESULT (result))
    g_task_return_pointer (call->task, g_object_ref (result), g_object_unref);
  else
    g_task_return_new_error (call->task, CLM_ERROR, CLM_ERROR_FAILED, "%s completed %s without a result", subject,
                             call->operation);
  call_free (call);
}

GAsyncResult *
clm_guard_leave (gpointer self, GAsyncResult *result, gpointer tag, GError **error)
{
  if (!g_task_is_valid (result, self) || g_task_get_source_tag (G_TASK (result)) != tag) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the result belongs to another operation");
    g_warn_if_reached ();
    return NULL;
  }
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
clm_guard_settle (gpointer self, const char *operation, gboolean ok, GError *failure, GError **error)
{
  if (ok && failure == NULL)
    return TRUE;

  g_autofree char *subject = describe (self);
  if (failure == NULL) {
    g_warning ("[%s] %s gave neither a result nor an error; the plugin is faulty", subject, operation);
    g_set_error (error, CLM_ERROR, CLM_ERROR_FAILED, "%s gave neither a result nor an error for %s", subject, operation);
    return FALSE;
  }
  if (ok)
    g_warning ("[%s] %s gave a result and an error; the plugin is faulty, the error counts", subject, operation);
  g_propagate_error (error, failure);
  return FALSE;
}

gboolean
clm_guard_check_blocking (const char *operation, GError **error)
{
  if (!g_main_context_is_owner (NULL))
    return TRUE;

  g_critical ("%s blocks and was called in the thread that runs the main context", operation);
  g_set_error (error, CLM_ERROR, CLM_ERROR_FAILED, "%s was called in the main thread", operation);
  return FALSE;
}

gboolean
clm_guard_is_word (const char *text, gsize max)
{
  gsize length = text != NULL ? strlen (text) : 0;

  if (length == 0 || length > max)
    return FALSE;
  return strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}
