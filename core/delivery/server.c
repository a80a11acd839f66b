/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"
#include "clm-error.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CONNECTIONS 16
#define BACKLOG 32
/* one more than any request needs, so that too many are noticed, and closed */
#define MAX_FDS (CLM_N_DELIVER_FILES + 1)

static volatile sig_atomic_t stop_asked;

typedef struct {
  int   fds[64];
  guint n;
} Passed;

static void
close_passed (Passed *self)
{
  for (guint i = 0; i < self->n; i++)
    close (self->fds[i]);
  self->n = 0;
}

static void
collect_passed (struct msghdr *message, Passed *passed)
{
  for (struct cmsghdr *part = CMSG_FIRSTHDR (message); part; part = CMSG_NXTHDR (message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
      continue;
    guint n = (guint) ((part->cmsg_len - CMSG_LEN (0)) / sizeof (int));
    for (guint i = 0; i < n; i++) {
      int fd;
      memcpy (&fd, CMSG_DATA (part) + i * sizeof fd, sizeof fd);
      if (passed->n < G_N_ELEMENTS (passed->fds))
        passed->fds[passed->n++] = fd;
      else
        close (fd);
    }
  }
}

/* Returns: bytes; 0 at the end; -1 for what is no datagram of ours, the descriptors of which are closed. */
static gssize
receive (int fd, char *buffer, gsize size, Passed *passed)
{
  union {
    struct cmsghdr header;
    char           space[CMSG_SPACE (MAX_FDS * sizeof (int))];
  } control;
  struct iovec piece = {buffer, size};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t n;

  do
    n = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return 0;
  collect_passed (&message, passed);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
    return n;
  close_passed (passed);
  return -1;
}

static gboolean
reply_to (int fd, const ClmDeliverReply *reply)
{
  g_autoptr (GBytes) bytes = clm_deliver_reply_encode (reply);
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);
  ssize_t n;

  do
    n = send (fd, data, size, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t) size;
}

static void
refuse (ClmDeliverReply *reply, guint64 serial, const GError *error)
{
  const char *hint = clm_error_get_hint (error);

  memset (reply, 0, sizeof *reply);
  reply->serial = serial;
  reply->stage = g_strdup ("request");
  reply->code = error->code;
  reply->message = g_strdup (error->message);
  reply->hint = g_strdup (hint ? hint : "");
}

static gboolean
answer_one (const ClmDeliverContext *context, int fd, const char *data, gsize size, const Passed *passed)
{
  g_auto (ClmDeliverRequest) request = {0};
  g_auto (ClmDeliverReply) reply = {0};
  g_autoptr (GError) error = NULL;

  if (clm_deliver_request_decode (&request, data, size, &error))
    clm_deliver_answer (context, &request, passed->fds, passed->n, &reply);
  else
    refuse (&reply, request.serial, error);
  return reply_to (fd, &reply);
}

/* Told to stop, a process finishes the request that it is at: no consumer is left with half of its files. */
static gboolean
answer_undisturbed (const ClmDeliverContext *context, int fd, const char *data, gsize size, const Passed *passed)
{
  sigset_t ends, before;
  gboolean done;

  sigemptyset (&ends);
  sigaddset (&ends, SIGTERM);
  sigaddset (&ends, SIGINT);
  sigprocmask (SIG_BLOCK, &ends, &before);
  done = answer_one (context, fd, data, size, passed);
  sigprocmask (SIG_SETMASK, &before, NULL);
  return done;
}

static gboolean
peer_may_ask (int fd, uid_t uid)
{
  struct ucred peer;
  socklen_t size = sizeof peer;

  /* anything but a clear answer is a no */
  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof peer || peer.uid == (uid_t) -1)
    return FALSE;
  if (peer.uid == uid || peer.uid == geteuid ())
    return TRUE;
  g_warning ("refused a connection of user %u", (guint) peer.uid);
  return FALSE;
}

static void
refuse_peer (int fd)
{
  g_autoptr (GError) error = g_error_new_literal (CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "only the daemon's user may ask");
  g_auto (ClmDeliverReply) reply = {0};

  clm_error_set_hint (error, "start certloom-deliver with --user= the daemon's user");
  refuse (&reply, 0, error);
  reply_to (fd, &reply);
}

void
clm_server_serve (const ClmDeliverContext *context, int fd, uid_t uid)
{
  g_autofree char *buffer = g_malloc (CLM_DELIVER_MAX_MESSAGE);
  gboolean open = peer_may_ask (fd, uid);

  if (!open)
    refuse_peer (fd);
  while (open) {
    Passed passed = {.n = 0};
    gssize size = receive (fd, buffer, CLM_DELIVER_MAX_MESSAGE, &passed);
    open = size != 0 && answer_undisturbed (context, fd, buffer, size > 0 ? (gsize) size : 0, &passed);
    close_passed (&passed);
  }
  close (fd);
}

int
clm_server_make_socket (const char *path, uid_t uid, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct stat st;
  int fd;

  if (strlen (path) >= sizeof address.sun_path) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "socket path %s is too long", path);
    return -1;
  }
  memcpy (address.sun_path, path, strlen (path));
  if (lstat (path, &st) == 0 && S_ISSOCK (st.st_mode))
    unlink (path);
  fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* umask 077 of main: nobody else gets in between bind and chown */
  if (fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0 && (uid == geteuid () || lchown (path, uid, (gid_t) -1) == 0) &&
      listen (fd, BACKLOG) == 0)
    return fd;
  g_set_error (error, CLM_ERROR, CLM_ERROR_STORAGE, "cannot listen at %s: %s", path, g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}

static void
on_signal (int number)
{
  if (number != SIGCHLD)
    stop_asked = 1;
}

static void
catch_signals (sigset_t *waiting)
{
  static const int numbers[] = {SIGTERM, SIGINT, SIGCHLD};
  struct sigaction action = {.sa_handler = on_signal};
  sigset_t blocked;

  sigemptyset (&blocked);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    sigaddset (&blocked, numbers[i]);
    sigaction (numbers[i], &action, NULL);
  }
  /* heard in ppoll() only, so that none comes between a look and the wait */
  sigprocmask (SIG_BLOCK, &blocked, waiting);
}

static G_NORETURN void
serve_in_child (const ClmDeliverContext *context, int listener, int fd, uid_t uid, const sigset_t *mask)
{
  close (listener);
  signal (SIGTERM, SIG_DFL);
  signal (SIGINT, SIG_DFL);
  signal (SIGCHLD, SIG_DFL);
  sigprocmask (SIG_SETMASK, mask, NULL);
  clm_server_serve (context, fd, uid);
  _exit (0);
}

static gboolean
accept_one (const ClmDeliverContext *context, int listener, uid_t uid, const sigset_t *mask)
{
  int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  pid_t pid;

  if (fd < 0)
    return FALSE;
  pid = fork ();
  if (pid == 0)
    serve_in_child (context, listener, fd, uid, mask);
  if (pid < 0)
    g_warning ("cannot start a process for a connection: %s", g_strerror (errno));
  close (fd);
  return pid > 0;
}

static guint
reap_children (void)
{
  guint n = 0;

  while (waitpid (-1, NULL, WNOHANG) > 0)
    n++;
  return n;
}

void
clm_server_run (const ClmDeliverContext *context, int listener, uid_t uid, guint idle_s)
{
  guint children = 0;
  sigset_t waiting;

  catch_signals (&waiting);
  while (!stop_asked) {
    struct pollfd item = {children < MAX_CONNECTIONS ? listener : -1, POLLIN, 0};
    struct timespec idle = {.tv_sec = idle_s};
    int n = ppoll (&item, 1, idle_s > 0 && children == 0 ? &idle : NULL, &waiting);
    children -= MIN (children, reap_children ());
    if (n == 0)
      break;
    if (n > 0 && (item.revents & POLLIN) && accept_one (context, listener, uid, &waiting))
      children++;
    else if (n > 0 && (item.revents & (POLLERR | POLLNVAL | POLLHUP)))
      break;
  }
}
