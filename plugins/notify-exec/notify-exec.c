/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a command for each event. */
#include "certloom-plugin.h"

#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "child.h"
#include "event-json.h"

#define LOG_LINES_MAX 64
#define LOG_LINE_MAX 1024
#define PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct _NotifyExec {
  ClmNotifier parent_instance;

  GStrv  command;
  gint64 timeout_s;
};

G_DECLARE_FINAL_TYPE (NotifyExec, notify_exec, NOTIFY, EXEC, ClmNotifier)
G_DEFINE_FINAL_TYPE (NotifyExec, notify_exec, CLM_TYPE_NOTIFIER)

/* What a command says is a stranger's text: printable characters only, a line of ours for each line of its. */
static char *
clean_line (const char *line)
{
  g_autofree char *valid = g_utf8_make_valid (line, MIN (strlen (line), LOG_LINE_MAX));
  GString *clean = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    if (c == '\t' || g_unichar_isprint (c))
      g_string_append_unichar (clean, c);
    else
      g_string_append_printf (clean, "\\u%04x", c);
  }
  return g_string_free (clean, FALSE);
}

static void
log_output (NotifyExec *self, GBytes *output)
{
  gsize size;
  const char *data = g_bytes_get_data (output, &size);
  g_autofree char *text = g_strndup (size > 0 ? data : "", size);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", LOG_LINES_MAX + 1);

  for (guint i = 0; lines[i] != NULL && i < LOG_LINES_MAX; i++) {
    g_autofree char *line = clean_line (lines[i]);
    if (*line != '\0')
      g_message ("[notifier %s] %s: %s", clm_backend_get_name (CLM_BACKEND (self)), self->command[0], line);
  }
}

static GError *
judge_status (const char *command, int status)
{
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return NULL;
  if (WIFEXITED (status) && WEXITSTATUS (status) == EX_TEMPFAIL)
    return g_error_new (CLM_ERROR, CLM_ERROR_BUSY, "%s asked to be run again later", command);
  if (WIFEXITED (status))
    return g_error_new (CLM_ERROR, CLM_ERROR_FAILED, "%s ended with exit status %d", command, WEXITSTATUS (status));
  return g_error_new (CLM_ERROR, CLM_ERROR_FAILED, "%s was ended by signal %d", command, WTERMSIG (status));
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  NotifyExec *self = g_task_get_source_object (task);
  g_autoptr (GBytes) output = NULL;
  GError *error = NULL;
  int status;

  if (child_run_finish (result, &status, &output, &error))
    error = judge_status (self->command[0], status);
  else if (g_error_matches (error, CLM_ERROR, CLM_ERROR_FAILED))
    g_prefix_error (&error, "%s ", self->command[0]);
  log_output (self, output);
  if (error == NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
notify_exec_notify_async (ClmNotifier *notifier, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  NotifyExec *self = NOTIFY_EXEC (notifier);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *json = event_to_json (event);
  g_autofree char *kind = g_strconcat ("CERTLOOM_EVENT=", clm_event_kind_get_nick (clm_event_get_kind (event)), NULL);
  const char *const environment[] = {"PATH=" PATH, "LANG=C", kind, NULL};

  g_task_set_source_tag (task, notify_exec_notify_async);
  child_run_async ((const char *const *) self->command, environment, json, self->timeout_s, cancellable, on_run, g_steal_pointer (&task));
}

static gboolean
notify_exec_notify_finish (ClmNotifier *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static gboolean
check_command (ClmOptions *options, const char *const *command, GError **error)
{
  if (!g_path_is_absolute (command[0]))
    clm_options_set_error (options, "Command", error, "\"%s\" is not an absolute path", command[0]);
  else if (!g_file_test (command[0], G_FILE_TEST_IS_REGULAR) || !g_file_test (command[0], G_FILE_TEST_IS_EXECUTABLE))
    clm_options_set_error (options, "Command", error, "%s is not a program that can be run", command[0]);
  else
    return TRUE;
  return FALSE;
}

static gboolean
read_options (NotifyExec *self, GError **error)
{
  ClmOptions *options = clm_backend_get_options (CLM_BACKEND (self));

  if (clm_options_require_string (options, "Command", error) == NULL)
    return FALSE;
  g_auto (GStrv) command = clm_options_get_list (options, "Command", NULL, error);
  if (command == NULL || !check_command (options, (const char *const *) command, error) ||
      !clm_options_get_span (options, "Timeout", 30, &self->timeout_s, error))
    return FALSE;
  if (self->timeout_s < 1 || self->timeout_s > 600) {
    clm_options_set_error (options, "Timeout", error, "must be from 1s to 10min");
    return FALSE;
  }
  g_strfreev (self->command);
  self->command = g_steal_pointer (&command);
  return TRUE;
}

static void
notify_exec_start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (backend, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, notify_exec_start_async);
  if (read_options (NOTIFY_EXEC (backend), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
notify_exec_start_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
notify_exec_describe (ClmBackend *self, GVariantDict *dict)
{
  if (NOTIFY_EXEC (self)->command != NULL)
    g_variant_dict_insert (dict, "Command", "^as", NOTIFY_EXEC (self)->command);
}

static void
notify_exec_finalize (GObject *object)
{
  g_strfreev (NOTIFY_EXEC (object)->command);
  G_OBJECT_CLASS (notify_exec_parent_class)->finalize (object);
}

static void
notify_exec_class_init (NotifyExecClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = notify_exec_finalize;
  CLM_BACKEND_CLASS (klass)->start_async = notify_exec_start_async;
  CLM_BACKEND_CLASS (klass)->start_finish = notify_exec_start_finish;
  CLM_BACKEND_CLASS (klass)->describe = notify_exec_describe;
  CLM_NOTIFIER_CLASS (klass)->notify_async = notify_exec_notify_async;
  CLM_NOTIFIER_CLASS (klass)->notify_finish = notify_exec_notify_finish;
}

static void
notify_exec_init (NotifyExec *self)
{
}

CLM_DEFINE_PLUGIN ("notify-exec", "0.1.0", "Runs a command with each event on its standard input", notify_exec_get_type)
