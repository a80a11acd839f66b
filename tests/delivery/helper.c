/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
spawn (Helper *self)
{
  g_autofree char *root_argument = g_strdup_printf ("--config-root=%s", self->root);
  char *argv[] = {(char *) DELIVER_EXECUTABLE, (char *) "--fd=3", root_argument, NULL};
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  self->pid = fork ();
  if (self->pid == 0) {
    if (pair[1] == 3)
      fcntl (3, F_SETFD, 0);
    else
      dup2 (pair[1], 3);
    execv (argv[0], argv);
    _exit (99);
  }
  close (pair[1]);
  self->fd = pair[0];
}

void
helper_start (Helper *self)
{
  self->root = sample_folder ();
  self->out = g_build_filename (self->root, "out", NULL);
  g_assert_cmpint (mkdir (self->out, 0755), ==, 0);
  spawn (self);
}

void
helper_join (Helper *self, const Helper *other)
{
  self->root = g_strdup (other->root);
  self->out = g_strdup (other->out);
  spawn (self);
}

void
helper_stop (Helper *self, gboolean remove)
{
  int status = -1;

  close (self->fd);
  g_assert_cmpint (waitpid (self->pid, &status, 0), ==, self->pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  if (remove)
    sample_remove_folder (self->root);
  g_free (self->root);
  g_free (self->out);
}

void
helper_recipe (Helper *self, const char *name, const char *text)
{
  g_autofree char *file = g_strdup_printf ("etc/certloom/deliveries.d/%s.delivery", name);
  g_auto (GStrv) parts = g_strsplit (text, "@OUT@", -1);
  g_autofree char *filled = g_strjoinv (self->out, parts);

  sample_write (self->root, file, "%s", filled);
}

void
helper_send (Helper *self, const void *data, gsize size, const int *fds, guint n)
{
  union {
    struct cmsghdr header;
    char           space[CMSG_SPACE (32 * sizeof (int))];
  } control = {0};
  struct iovec piece = {(void *) data, size};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

  if (n > 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE (n * sizeof (int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN (n * sizeof (int));
    memcpy (CMSG_DATA (&control.header), fds, n * sizeof (int));
  }
  g_assert_cmpint (sendmsg (self->fd, &message, MSG_NOSIGNAL), ==, size);
}

gboolean
helper_receive (Helper *self, ClmDeliverReply *reply)
{
  g_autofree char *data = g_malloc (CLM_DELIVER_MAX_MESSAGE);
  g_autoptr (GError) error = NULL;
  ssize_t size = recv (self->fd, data, CLM_DELIVER_MAX_MESSAGE, 0);

  memset (reply, 0, sizeof *reply);
  if (size <= 0)
    return FALSE;
  g_assert_true (clm_deliver_reply_decode (reply, data, (gsize) size, &error));
  g_assert_no_error (error);
  return TRUE;
}

void
helper_send_sample (Helper *self, const char *delivery, const char *certificate, const Sample *sample, gboolean force)
{
  ClmDeliverRequest request = {
    .verb = CLM_DELIVER_DELIVER, .serial = 7, .delivery = (char *) delivery, .certificate = (char *) certificate,
    .generation = 1, .force = force,
  };
  g_autoptr (GBytes) bytes = NULL;
  int fds[3] = {-1, -1, -1};

  if (sample) {
    request.n_files = 3;
    request.files[0] = CLM_DELIVER_LEAF;
    request.files[1] = CLM_DELIVER_CHAIN;
    request.files[2] = CLM_DELIVER_KEY;
    fds[0] = sample_fd (sample->leaf_pem);
    fds[1] = sample_fd (sample->chain_pem);
    fds[2] = sample_fd (sample->key_pem);
  }
  bytes = clm_deliver_request_encode (&request);
  helper_send (self, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), fds, request.n_files);
  for (guint i = 0; i < request.n_files; i++)
    close (fds[i]);
}

void
helper_ask (Helper *self, const char *delivery, const char *certificate, const Sample *sample, gboolean force, ClmDeliverReply *reply)
{
  helper_send_sample (self, delivery, certificate, sample, force);
  g_assert_true (helper_receive (self, reply));
  g_assert_cmpuint (reply->serial, ==, 7);
}
