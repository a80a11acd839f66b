/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Appends each event as one line of JSON to File=. Fails while Control= (a file) says "unreachable" or "fail", waits while "hang". */
#include "certloom-plugin.h"

#include <json-glib/json-glib.h>

struct _FakeNotifier {
  ClmNotifier parent_instance;

  char *file;
  char *control;
};

G_DECLARE_FINAL_TYPE (FakeNotifier, fake_notifier, FAKE, NOTIFIER, ClmNotifier)
G_DEFINE_FINAL_TYPE (FakeNotifier, fake_notifier, CLM_TYPE_NOTIFIER)

static void
add_text (JsonObject *object, const char *key, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, key, value);
}

static char *
to_json (ClmEvent *event)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new (), *fields = json_object_new ();
  g_auto (GStrv) keys = clm_event_list_fields (event);

  json_node_take_object (root, object);
  add_text (object, "event", clm_event_kind_get_nick (clm_event_get_kind (event)));
  add_text (object, "severity", clm_severity_get_nick (clm_event_get_severity (event)));
  json_object_set_int_member (object, "time", clm_event_get_time (event));
  add_text (object, "subject_kind", clm_event_get_subject_kind (event));
  add_text (object, "subject", clm_event_get_subject (event));
  add_text (object, "message", clm_event_get_message (event));
  for (guint i = 0; keys[i] != NULL; i++)
    add_text (fields, keys[i], clm_event_get_field (event, keys[i]));
  json_object_set_object_member (object, "fields", fields);
  return json_to_string (root, FALSE);
}

static gboolean
append (FakeNotifier *self, ClmEvent *event, GError **error)
{
  g_autofree char *json = to_json (event);
  g_autofree char *line = g_strconcat (json, "\n", NULL);
  g_autoptr (GFile) file = g_file_new_for_path (self->file);
  g_autoptr (GFileOutputStream) stream = g_file_append_to (file, G_FILE_CREATE_NONE, NULL, error);

  return stream != NULL && g_output_stream_write_all (G_OUTPUT_STREAM (stream), line, strlen (line), NULL, NULL, error);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;

  g_signal_handlers_disconnect_by_func (cancellable, on_cancelled, task);
  g_task_return_error_if_cancelled (task);
  g_object_unref (task);
}

static void
notify_async (ClmNotifier *notifier, ClmEvent *event, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  FakeNotifier *self = FAKE_NOTIFIER (notifier);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *control = NULL;
  GError *error = NULL;

  if (self->control != NULL && g_file_get_contents (self->control, &control, NULL, NULL))
    g_strstrip (control);
  if (g_strcmp0 (control, "unreachable") == 0)
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_UNREACHABLE, "nobody listens");
  else if (g_strcmp0 (control, "fail") == 0)
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_FAILED, "told to fail");
  else if (g_strcmp0 (control, "hang") == 0 && cancellable != NULL)
    g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), g_object_ref (task));
  else if (append (self, event, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
notify_finish (ClmNotifier *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  FakeNotifier *self = FAKE_NOTIFIER (backend);
  ClmOptions *options = clm_backend_get_options (backend);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_free (self->control);
  self->control = g_strdup (clm_options_get_string (options, "Control", NULL));
  g_free (self->file);
  self->file = g_strdup (clm_options_require_string (options, "File", &error));
  if (self->file != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
start_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
fake_notifier_finalize (GObject *object)
{
  FakeNotifier *self = FAKE_NOTIFIER (object);

  g_free (self->file);
  g_free (self->control);
  G_OBJECT_CLASS (fake_notifier_parent_class)->finalize (object);
}

static void
fake_notifier_class_init (FakeNotifierClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = fake_notifier_finalize;
  CLM_BACKEND_CLASS (klass)->start_async = start_async;
  CLM_BACKEND_CLASS (klass)->start_finish = start_finish;
  CLM_NOTIFIER_CLASS (klass)->notify_async = notify_async;
  CLM_NOTIFIER_CLASS (klass)->notify_finish = notify_finish;
}

static void
fake_notifier_init (FakeNotifier *self)
{
}

CLM_DEFINE_PLUGIN ("fake-notifier", "1", "Writes events to a file, for tests", fake_notifier_get_type)
