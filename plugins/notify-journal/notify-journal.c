/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes events to the journal, and to syslog where there is no journal. */
#include "certloom-plugin.h"

#include <string.h>
#include <syslog.h>
#include <sys/un.h>

#include "journal.h"

struct _NotifyJournal {
  ClmNotifier parent_instance;

  char    *socket;
  gboolean may_use_syslog;
};

G_DECLARE_FINAL_TYPE (NotifyJournal, notify_journal, NOTIFY, JOURNAL, ClmNotifier)
G_DEFINE_FINAL_TYPE (NotifyJournal, notify_journal, CLM_TYPE_NOTIFIER)

/* syslog(3) may wait for its daemon. */
static void
write_syslog (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ClmEvent *event = data;
  const char *subject = clm_event_get_subject (event);

  syslog (LOG_DAEMON | journal_priority (clm_event_get_severity (event)), "%s%s%s%s", subject != NULL ? "[" : "",
          subject != NULL ? subject : "", subject != NULL ? "] " : "", clm_event_get_message (event));
  g_task_return_boolean (task, TRUE);
}

static void
notify_journal_notify_async (ClmNotifier *notifier, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  NotifyJournal *self = NOTIFY_JOURNAL (notifier);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GBytes) entry = journal_encode (event);
  GError *error = NULL;

  g_task_set_source_tag (task, notify_journal_notify_async);
  if (journal_send (self->socket, entry, &error)) {
    g_task_return_boolean (task, TRUE);
  } else if (self->may_use_syslog && g_error_matches (error, CLM_ERROR, CLM_ERROR_UNREACHABLE)) {
    g_error_free (error);
    g_task_set_task_data (task, clm_event_ref (event), (GDestroyNotify) clm_event_unref);
    g_task_run_in_thread (task, write_syslog);
  } else {
    g_task_return_error (task, error);
  }
}

static gboolean
notify_journal_notify_finish (ClmNotifier *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static gboolean
read_options (NotifyJournal *self, GError **error)
{
  ClmOptions *options = clm_backend_get_options (CLM_BACKEND (self));
  const char *socket = clm_options_get_string (options, "Socket", NULL);

  if (socket != NULL && (!g_path_is_absolute (socket) || strlen (socket) >= sizeof ((struct sockaddr_un *) NULL)->sun_path)) {
    clm_options_set_error (options, "Socket", error, "\"%s\" is not the absolute path of a socket", socket);
    return FALSE;
  }
  g_free (self->socket);
  self->socket = g_strdup (socket != NULL ? socket : JOURNAL_SOCKET);
  self->may_use_syslog = socket == NULL;
  return TRUE;
}

static void
notify_journal_start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (backend, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, notify_journal_start_async);
  if (read_options (NOTIFY_JOURNAL (backend), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
notify_journal_start_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
notify_journal_describe (ClmBackend *self, GVariantDict *dict)
{
  if (NOTIFY_JOURNAL (self)->socket != NULL)
    g_variant_dict_insert (dict, "Socket", "s", NOTIFY_JOURNAL (self)->socket);
}

static void
notify_journal_finalize (GObject *object)
{
  g_free (NOTIFY_JOURNAL (object)->socket);
  G_OBJECT_CLASS (notify_journal_parent_class)->finalize (object);
}

static void
notify_journal_class_init (NotifyJournalClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = notify_journal_finalize;
  CLM_BACKEND_CLASS (klass)->start_async = notify_journal_start_async;
  CLM_BACKEND_CLASS (klass)->start_finish = notify_journal_start_finish;
  CLM_BACKEND_CLASS (klass)->describe = notify_journal_describe;
  CLM_NOTIFIER_CLASS (klass)->notify_async = notify_journal_notify_async;
  CLM_NOTIFIER_CLASS (klass)->notify_finish = notify_journal_notify_finish;
}

static void
notify_journal_init (NotifyJournal *self)
{
}

CLM_DEFINE_PLUGIN ("notify-journal", "0.1.0", "Writes events to the systemd journal or syslog", notify_journal_get_type)
