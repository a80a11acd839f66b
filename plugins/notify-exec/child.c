/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef enum { RUNNING, TIMED_OUT, CANCELLED } Reason;

typedef struct {
  pid_t       pid;
  int         pid_fd;      /* readable when the first process has ended, before it is reaped */
  int         output_fd;
  GByteArray *output;
  GSource    *ended, *readable, *timeout;
  gulong      handler;
  gint64      timeout_s;
  Reason      reason;
  int         status;
} Child;

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
clear_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

static void
child_free (gpointer data)
{
  Child *child = data;

  clear_source (&child->ended);
  clear_source (&child->readable);
  clear_source (&child->timeout);
  clear_fd (&child->pid_fd);
  clear_fd (&child->output_fd);
  g_byte_array_unref (child->output);
  g_free (child);
}

/* The first process is not reaped yet, so neither number can have been given to anybody else. */
static void
kill_group (Child *child)
{
  kill (-child->pid, SIGKILL);
  kill (child->pid, SIGKILL);
}

/* One piece: a command that never stops talking must not keep the main loop. Returns: %FALSE when nothing more is there. */
static gboolean
read_piece (Child *child)
{
  guint8 buffer[4096];
  ssize_t n = read (child->output_fd, buffer, sizeof buffer);

  if (n > 0)
    g_byte_array_append (child->output, buffer, MIN ((gsize) n, CHILD_OUTPUT_MAX - child->output->len));
  return n > 0 || (n < 0 && errno == EINTR);
}

static gboolean
on_output (int fd, GIOCondition condition, gpointer data)
{
  return read_piece (g_task_get_task_data (data));
}

static void
finish_task (GTask *task, Child *child)
{
  if (child->reason == TIMED_OUT)
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_FAILED, "took longer than %" G_GINT64_FORMAT " s and was killed", child->timeout_s);
  else if (child->reason == CANCELLED)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
on_ended (int fd, GIOCondition condition, gpointer data)
{
  g_autoptr (GTask) task = g_object_ref (data);
  Child *child = g_task_get_task_data (task);

  kill_group (child);
  while (waitpid (child->pid, &child->status, 0) < 0 && errno == EINTR)
    ;
  if (child->handler != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), child->handler);
  for (guint i = 0; i < CHILD_OUTPUT_MAX / 4096 && read_piece (child); i++)
    ;   /* what is left in the pipe, bounded: who left the group may still be writing */
  clear_source (&child->readable);
  clear_source (&child->timeout);
  finish_task (task, child);
  clear_source (&child->ended);
  return G_SOURCE_REMOVE;
}

static gboolean
on_timeout (gpointer data)
{
  Child *child = g_task_get_task_data (data);

  child->reason = TIMED_OUT;
  kill_group (child);   /* on_ended() does the rest */
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
  Child *child = g_task_get_task_data (data);

  child->reason = CANCELLED;
  kill_group (child);
}

static void
prepare_child (gpointer unused)
{
  sigset_t none;

  setpgid (0, 0);
  signal (SIGPIPE, SIG_DFL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static int
make_input (const char *input)
{
  int fd = memfd_create ("certloom-event", MFD_CLOEXEC);
  gsize size = strlen (input);

  for (gsize done = 0; fd >= 0 && done < size;) {
    ssize_t n = write (fd, input + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      close (fd);
      return -1;
    }
    done += n;
  }
  if (fd >= 0)
    lseek (fd, 0, SEEK_SET);
  return fd;
}

static gboolean
spawn (Child *child, const char *const *argv, const char *const *environment, const char *input, GError **error)
{
  g_autoptr (GError) failure = NULL;
  int pipe_fds[2], input_fd = make_input (input);

  if (input_fd < 0 || pipe2 (pipe_fds, O_CLOEXEC) != 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_FAILED, "no resources for a command: %s", g_strerror (errno));
    clear_fd (&input_fd);
    return FALSE;
  }
  child->output_fd = pipe_fds[0];
  g_unix_set_fd_nonblocking (child->output_fd, TRUE, NULL);
  gboolean ok = g_spawn_async_with_pipes_and_fds ("/", argv, environment, G_SPAWN_DO_NOT_REAP_CHILD, prepare_child, NULL, input_fd,
                                                  pipe_fds[1], pipe_fds[1], NULL, NULL, 0, &child->pid, NULL, NULL, NULL, &failure);
  close (input_fd);
  close (pipe_fds[1]);
  if (!ok)
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "cannot run %s: %s", argv[0], failure->message);
  return ok;
}

static GSource *
watch (GSource *source, gpointer func, GTask *task)
{
  g_source_set_callback (source, G_SOURCE_FUNC (func), g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
  return source;
}

void
child_run_async (const char *const *argv, const char *const *environment, const char *input, gint64 timeout_s,
                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Child *child = g_new0 (Child, 1);
  GError *error = NULL;

  child->pid_fd = child->output_fd = -1;
  child->output = g_byte_array_new ();
  child->timeout_s = timeout_s;
  g_task_set_source_tag (task, child_run_async);
  g_task_set_task_data (task, child, child_free);
  g_task_set_check_cancellable (task, FALSE);
  if (g_cancellable_set_error_if_cancelled (cancellable, &error) || !spawn (child, argv, environment, input, &error)) {
    g_task_return_error (task, error);
    return;
  }
  child->pid_fd = syscall (SYS_pidfd_open, child->pid, 0);
  if (child->pid_fd < 0) {
    int code = errno;
    kill_group (child);
    waitpid (child->pid, NULL, 0);
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "cannot watch a command: %s", g_strerror (code));
    return;
  }
  child->ended = watch (g_unix_fd_source_new (child->pid_fd, G_IO_IN), on_ended, task);
  child->readable = watch (g_unix_fd_source_new (child->output_fd, G_IO_IN), on_output, task);
  child->timeout = watch (g_timeout_source_new (MIN (timeout_s, 86400) * 1000), on_timeout, task);
  if (cancellable != NULL)
    child->handler = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), task);
}

gboolean
child_run_finish (GAsyncResult *result, int *status, GBytes **output, GError **error)
{
  Child *child = g_task_get_task_data (G_TASK (result));

  *status = child->status;
  *output = g_bytes_new (child->output->data, child->output->len);
  return g_task_propagate_boolean (G_TASK (result), error);
}
