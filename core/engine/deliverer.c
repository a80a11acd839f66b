/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deliverer.h"
#include "clm-error.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LINES 4
#define CHILD_FD 3
/* beyond all that a recipe may take; only for a helper that is stuck */
#define STUCK_S (40 * 60)
#define MAX_QUOTE 200

/* One connection to the helper, with the one request that it is at. */
typedef struct {
  ClmDeliverer *owner;   /* not owned: the task holds it */
  GSocket      *socket;
  GTask        *task;
  GSource      *reply;
  GSource      *stuck;
} Line;

/* What a task asks. */
typedef struct {
  ClmDeliverRequest request;
  int               fds[CLM_N_DELIVER_FILES];
  GPtrArray        *names;  /* list: what came so far */
  gulong            cancelled_id;
} Ask;

struct _ClmDeliverer {
  GObject    parent_instance;

  char      *socket_path; /* (nullable) */
  char      *executable;  /* (nullable) */
  char      *config_root;
  char      *runtime_dir;
  GQueue     waiting;     /* GTask */
  GPtrArray *lines;       /* Line */
  guint64    serial;
};

G_DEFINE_FINAL_TYPE (ClmDeliverer, clm_deliverer, G_TYPE_OBJECT)

static void pump (ClmDeliverer *self);

static void
ask_free (Ask *ask)
{
  for (guint i = 0; i < ask->request.n_files; i++)
    close (ask->fds[i]);
  clm_deliver_request_clear (&ask->request);
  g_clear_pointer (&ask->names, g_ptr_array_unref);
  g_free (ask);
}

void
clm_deliver_result_free (ClmDeliverResult *self)
{
  g_free (self->output);
  clm_deliver_check_clear (&self->check);
  g_free (self);
}

static void
clear_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
line_free (Line *line)
{
  clear_source (&line->reply);
  clear_source (&line->stuck);
  g_clear_object (&line->socket);
  g_clear_object (&line->task);
  g_free (line);
}

/* The helper's last words are often the real reason ("nginx: [emerg] …"). */
static char *
quote_last_line (const char *output)
{
  g_autofree char *text = g_strchomp (g_strdup (output));
  const char *start = strrchr (text, '\n');
  char *line = clm_deliver_text_cut (start ? start + 1 : text, -1, MAX_QUOTE);

  for (char *at = line; *at; at++)
    if (g_ascii_iscntrl (*at))
      *at = '?';
  return line;
}

static GError *
make_error (const Ask *ask, const ClmDeliverReply *reply)
{
  g_autofree char *quote = quote_last_line (reply->output);
  const char *name = ask->request.delivery[0] ? ask->request.delivery : "list";
  GError *error = g_error_new (CLM_ERROR, reply->code, "delivery %s, %s: %s%s%s%s", name, reply->stage, reply->message, quote[0] ? " (" : "", quote,
                               quote[0] ? ")" : "");

  if (reply->hint[0])
    clm_error_set_hint (error, "%s", reply->hint);
  return error;
}

static GError *
make_unreachable (ClmDeliverer *self, const char *reason)
{
  GError *error;

  if (self->executable) {
    error = g_error_new (CLM_ERROR, CLM_ERROR_DELIVERY, "cannot use the delivery helper %s: %s", self->executable, reason);
    clm_error_set_hint (error, "look whether %s is installed and what it said", self->executable);
    return error;
  }
  error = g_error_new (CLM_ERROR, CLM_ERROR_DELIVERY, "the delivery helper does not answer at %s: %s", self->socket_path, reason);
  clm_error_set_hint (error, "start it: \"systemctl start certloom-deliver.socket\", or \"certloom-deliver --listen %s\" as root", self->socket_path);
  return error;
}

static GError *
make_cancelled (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "operation was cancelled");
}

static ClmDeliverResult *
make_result (ClmDeliverReply *reply)
{
  ClmDeliverResult *result = g_new0 (ClmDeliverResult, 1);

  result->changed = reply->changed;
  result->acted = reply->acted;
  result->output = g_steal_pointer (&reply->output);
  clm_deliver_check_copy (&result->check, &reply->check);
  return result;
}

static void
return_error (GTask *task, GError *error)
{
  Ask *ask = g_task_get_task_data (task);

  g_cancellable_disconnect (g_task_get_cancellable (task), ask->cancelled_id);
  ask->cancelled_id = 0;
  g_task_return_error (task, error);
}

/* Takes the task off the line; what becomes of the line is the caller's. */
static GTask *
take_task (Line *line)
{
  clear_source (&line->reply);
  clear_source (&line->stuck);
  return g_steal_pointer (&line->task);
}

/* Takes @error. A line that failed is closed; the helper sees that and ends. */
static void
line_failed (Line *line, GError *error)
{
  g_autoptr (ClmDeliverer) self = g_object_ref (line->owner);
  g_autoptr (GTask) task = take_task (line);

  g_ptr_array_remove (self->lines, line);
  return_error (task, error);
  pump (self);
}

static void
add_names (Ask *ask, const ClmDeliverReply *reply)
{
  for (guint i = 0; reply->names && reply->names[i]; i++)
    g_ptr_array_add (ask->names, g_strdup (reply->names[i]));
}

/* A list that has more to come asks on from its last name. Returns: whether it does. */
static gboolean
ask_on (ClmDeliverer *self, GTask *task, const ClmDeliverReply *reply)
{
  Ask *ask = g_task_get_task_data (task);

  if (ask->names == NULL || !reply->ok)
    return FALSE;
  add_names (ask, reply);
  if (!reply->more || reply->names == NULL || reply->names[0] == NULL)
    return FALSE;
  g_free (ask->request.delivery);
  ask->request.delivery = g_strdup (g_ptr_array_index (ask->names, ask->names->len - 1));
  g_queue_push_head (&self->waiting, g_object_ref (task));
  return TRUE;
}

static void
return_reply (GTask *task, ClmDeliverReply *reply)
{
  Ask *ask = g_task_get_task_data (task);

  g_cancellable_disconnect (g_task_get_cancellable (task), ask->cancelled_id);
  ask->cancelled_id = 0;
  if (!reply->ok)
    g_task_return_error (task, make_error (ask, reply));
  else if (ask->names) {
    g_ptr_array_add (ask->names, NULL);
    g_task_return_pointer (task, g_ptr_array_free (g_steal_pointer (&ask->names), FALSE), (GDestroyNotify) g_strfreev);
  } else
    g_task_return_pointer (task, make_result (reply), (GDestroyNotify) clm_deliver_result_free);
}

static void line_start (Line *line, GTask *task);

/* The line serves the next one that waits, else it is closed: an idle helper costs nothing. */
static void
line_answered (Line *line, ClmDeliverReply *reply)
{
  g_autoptr (ClmDeliverer) self = g_object_ref (line->owner);
  g_autoptr (GTask) task = take_task (line);
  gboolean goes_on = ask_on (self, task, reply);

  if (g_queue_is_empty (&self->waiting))
    g_ptr_array_remove (self->lines, line);
  else
    line_start (line, g_queue_pop_head (&self->waiting));
  if (!goes_on)
    return_reply (task, reply);
}

static gboolean
on_reply (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Line *line = user_data;
  const Ask *ask = g_task_get_task_data (line->task);
  g_autofree char *data = g_malloc (CLM_DELIVER_MAX_MESSAGE);
  g_auto (ClmDeliverReply) reply = {0};
  GError *error = NULL;
  gssize size = g_socket_receive (socket, data, CLM_DELIVER_MAX_MESSAGE, NULL, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
    g_error_free (error);
    return G_SOURCE_CONTINUE;
  }
  if (size <= 0) {
    GError *unreachable = make_unreachable (line->owner, error ? error->message : "it ended before it answered");
    g_clear_error (&error);
    line_failed (line, unreachable);
  } else if (!clm_deliver_reply_decode (&reply, data, (gsize) size, &error)) {
    g_prefix_error (&error, "delivery helper: ");
    line_failed (line, error);
  } else if (reply.serial != ask->request.serial && (reply.ok || reply.serial != 0))
    line_failed (line, g_error_new (CLM_ERROR, CLM_ERROR_INVALID_DATA, "delivery helper: an answer to another request"));
  else
    line_answered (line, &reply);
  return G_SOURCE_REMOVE;
}

static gboolean
on_stuck (gpointer user_data)
{
  Line *line = user_data;

  line_failed (line, make_unreachable (line->owner, "it does not come to an end"));
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancel_idle (gpointer user_data)
{
  GTask *task = user_data;
  ClmDeliverer *self = g_task_get_source_object (task);

  if (g_queue_remove (&self->waiting, task)) {
    return_error (task, make_cancelled ());
    g_object_unref (task);
    return G_SOURCE_REMOVE;
  }
  for (guint i = 0; i < self->lines->len; i++) {
    Line *line = g_ptr_array_index (self->lines, i);
    if (line->task == task) {
      line_failed (line, make_cancelled ());
      break;
    }
  }
  return G_SOURCE_REMOVE;
}

/* May run inside of g_cancellable_connect() or in another thread: act from the main loop. */
static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, on_cancel_idle, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static gboolean
send_request (GSocket *socket, const Ask *ask, GError **error)
{
  g_autoptr (GBytes) bytes = clm_deliver_request_encode (&ask->request);
  g_autoptr (GSocketControlMessage) message = NULL;
  GOutputVector vector;
  g_autoptr (GError) local = NULL;

  vector.buffer = g_bytes_get_data (bytes, &vector.size);
  if (ask->request.n_files > 0) {
    message = g_unix_fd_message_new ();
    for (guint i = 0; i < ask->request.n_files; i++)
      if (!g_unix_fd_message_append_fd (G_UNIX_FD_MESSAGE (message), ask->fds[i], error))
        return FALSE;
  }
  if (g_socket_send_message (socket, NULL, &vector, 1, message ? &message : NULL, message ? 1 : 0, MSG_NOSIGNAL, NULL, &local) >= 0)
    return TRUE;
  /* turned away: why is in its answer */
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Takes @task. */
static void
line_start (Line *line, GTask *task)
{
  Ask *ask = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  line->task = task;
  ask->request.serial = ++line->owner->serial;
  if (!send_request (line->socket, ask, &error)) {
    line_failed (line, make_unreachable (line->owner, error->message));
    return;
  }
  line->reply = g_socket_create_source (line->socket, G_IO_IN, NULL);
  g_source_set_callback (line->reply, G_SOURCE_FUNC (on_reply), line, NULL);
  g_source_attach (line->reply, g_task_get_context (task));
  line->stuck = g_timeout_source_new_seconds (STUCK_S);
  g_source_set_callback (line->stuck, on_stuck, line, NULL);
  g_source_attach (line->stuck, g_task_get_context (task));
}

static GSocket *
connect_to_path (const char *path, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_SEQPACKET, G_SOCKET_PROTOCOL_DEFAULT, error);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);

  if (socket == NULL)
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_socket_connect (socket, address, NULL, error) ? g_steal_pointer (&socket) : NULL;
}

static GStrv
make_child_argv (ClmDeliverer *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *fd = g_strdup_printf ("--fd=%d", CHILD_FD);

  g_strv_builder_add_many (builder, self->executable, fd, NULL);
  if (self->config_root)
    g_strv_builder_add_many (builder, "--config-root", self->config_root, NULL);
  if (self->runtime_dir)
    g_strv_builder_add_many (builder, "--runtime-dir", self->runtime_dir, NULL);
  return g_strv_builder_end (builder);
}

/* It ends when our end of the pair is closed. */
static GSocket *
spawn_child (ClmDeliverer *self, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_auto (GStrv) argv = make_child_argv (self);
  g_autoptr (GSubprocess) child = NULL;
  GSocket *socket;
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_FAILED, g_strerror (errno));
    return NULL;
  }
  g_subprocess_launcher_take_fd (launcher, pair[1], CHILD_FD);
  child = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv, error);
  if (child == NULL) {
    close (pair[0]);
    return NULL;
  }
  socket = g_socket_new_from_fd (pair[0], error);
  if (socket == NULL)
    close (pair[0]);
  else
    g_socket_set_blocking (socket, FALSE);
  return socket;
}

/* Takes @task. */
static void
open_line (ClmDeliverer *self, GTask *task)
{
  g_autoptr (GError) error = NULL;
  GSocket *socket = self->executable ? spawn_child (self, &error) : connect_to_path (self->socket_path, &error);
  Line *line;

  if (socket == NULL) {
    return_error (task, make_unreachable (self, error->message));
    g_object_unref (task);
    return;
  }
  line = g_new0 (Line, 1);
  line->owner = self;
  line->socket = socket;
  g_ptr_array_add (self->lines, line);
  line_start (line, task);
}

static void
pump (ClmDeliverer *self)
{
  while (self->lines->len < MAX_LINES && !g_queue_is_empty (&self->waiting)) {
    open_line (self, g_queue_pop_head (&self->waiting));
  }
}

/* Takes @task, whose data is the ask. */
static void
enqueue (ClmDeliverer *self, GTask *task)
{
  G_GNUC_UNUSED g_autoptr (ClmDeliverer) keep = g_object_ref (self);
  Ask *ask = g_task_get_task_data (task);

  if (g_task_return_error_if_cancelled (task)) {
    g_object_unref (task);
    return;
  }
  if (g_task_get_cancellable (task))
    ask->cancelled_id = g_cancellable_connect (g_task_get_cancellable (task), G_CALLBACK (on_cancelled), task, NULL);
  g_queue_push_tail (&self->waiting, task);
  pump (self);
}

static GTask *
make_task (ClmDeliverer *self, ClmDeliverVerb verb, const char *delivery, const char *certificate, gpointer tag, GCancellable *cancellable,
           GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Ask *ask = g_new0 (Ask, 1);

  g_task_set_source_tag (task, tag);
  ask->request.verb = verb;
  ask->request.delivery = g_strdup (delivery ? delivery : "");
  ask->request.certificate = g_strdup (certificate ? certificate : "");
  g_task_set_task_data (task, ask, (GDestroyNotify) ask_free);
  return task;
}

static gboolean
add_file (Ask *ask, ClmDeliverFile kind, int fd)
{
  int copy;

  if (fd < 0)
    return TRUE;
  copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0)
    return FALSE;
  ask->fds[ask->request.n_files] = copy;
  ask->request.files[ask->request.n_files++] = kind;
  return TRUE;
}

void
clm_deliverer_deliver_async (ClmDeliverer *self, const char *delivery, const char *certificate, const ClmDeliverInput *input, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = make_task (self, CLM_DELIVER_DELIVER, delivery, certificate, clm_deliverer_deliver_async, cancellable, callback, user_data);
  Ask *ask = g_task_get_task_data (task);

  ask->request.generation = input->generation;
  ask->request.force = input->force;
  if (add_file (ask, CLM_DELIVER_LEAF, input->leaf) && add_file (ask, CLM_DELIVER_CHAIN, input->chain) &&
      add_file (ask, CLM_DELIVER_KEY, input->key) && add_file (ask, CLM_DELIVER_ANCHORS, input->anchors)) {
    enqueue (self, task);
    return;
  }
  g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_FAILED, "delivery %s: cannot hand over the files: %s", delivery, g_strerror (errno));
  g_object_unref (task);
}

ClmDeliverResult *
clm_deliverer_deliver_finish (ClmDeliverer *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
clm_deliverer_describe_async (ClmDeliverer *self, const char *delivery, const char *certificate, GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data)
{
  enqueue (self, make_task (self, CLM_DELIVER_DESCRIBE, delivery, certificate, clm_deliverer_describe_async, cancellable, callback, user_data));
}

ClmDeliverResult *
clm_deliverer_describe_finish (ClmDeliverer *self, GAsyncResult *result, GError **error)
{
  return clm_deliverer_deliver_finish (self, result, error);
}

void
clm_deliverer_list_async (ClmDeliverer *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = make_task (self, CLM_DELIVER_LIST, NULL, NULL, clm_deliverer_list_async, cancellable, callback, user_data);
  Ask *ask = g_task_get_task_data (task);

  ask->names = g_ptr_array_new_with_free_func (g_free);
  enqueue (self, task);
}

GStrv
clm_deliverer_list_finish (ClmDeliverer *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Nothing can be under way: each task holds a reference. */
static void
clm_deliverer_finalize (GObject *object)
{
  ClmDeliverer *self = CLM_DELIVERER (object);

  g_ptr_array_unref (self->lines);
  g_free (self->socket_path);
  g_free (self->executable);
  g_free (self->config_root);
  g_free (self->runtime_dir);
  G_OBJECT_CLASS (clm_deliverer_parent_class)->finalize (object);
}

static void
clm_deliverer_class_init (ClmDelivererClass *class)
{
  G_OBJECT_CLASS (class)->finalize = clm_deliverer_finalize;
}

static void
clm_deliverer_init (ClmDeliverer *self)
{
  g_queue_init (&self->waiting);
  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) line_free);
}

ClmDeliverer *
clm_deliverer_new (const char *socket_path)
{
  ClmDeliverer *self = g_object_new (CLM_TYPE_DELIVERER, NULL);

  self->socket_path = g_strdup (socket_path ? socket_path : CLM_DELIVER_SOCKET);
  return self;
}

ClmDeliverer *
clm_deliverer_new_child (const char *executable, const char *config_root, const char *runtime_dir)
{
  ClmDeliverer *self = g_object_new (CLM_TYPE_DELIVERER, NULL);

  self->executable = g_strdup (executable);
  self->config_root = g_strdup (config_root);
  self->runtime_dir = g_strdup (runtime_dir);
  return self;
}
