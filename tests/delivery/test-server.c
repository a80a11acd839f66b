/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper.h"

#include "clm-error.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The helper as a service at a socket of its own. */
typedef struct {
  char *root;
  char *path;
  pid_t pid;
} Service;

static void
make_address (const char *path, struct sockaddr_un *address)
{
  *address = (struct sockaddr_un) {.sun_family = AF_UNIX};
  g_assert_cmpuint (strlen (path), <, sizeof address->sun_path);
  memcpy (address->sun_path, path, strlen (path));
}

/* As systemd does it: the socket is number 3. */
static void
pass_socket (const char *path)
{
  struct sockaddr_un address;
  g_autofree char *pid = g_strdup_printf ("%d", getpid ());
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  make_address (path, &address);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 8) < 0)
    _exit (98);
  if (fd == 3)
    fcntl (3, F_SETFD, 0);
  else
    dup2 (fd, 3);
  g_setenv ("LISTEN_PID", pid, TRUE);
  g_setenv ("LISTEN_FDS", "1", TRUE);
}

static void
service_start (Service *self, gboolean activated)
{
  g_autofree char *root = NULL;
  g_autofree char *listen_argument = NULL;
  g_autofree char *user_argument = g_strdup_printf ("--user=%u", (guint) geteuid ());

  self->root = sample_folder ();
  self->path = g_build_filename (self->root, "socket", NULL);
  root = g_strdup_printf ("--config-root=%s", self->root);
  listen_argument = g_strdup_printf ("--listen=%s", self->path);
  self->pid = fork ();
  if (self->pid == 0) {
    if (activated)
      pass_socket (self->path);
    execl (DELIVER_EXECUTABLE, DELIVER_EXECUTABLE, root, user_argument, activated ? NULL : listen_argument, NULL);
    _exit (99);
  }
}

static void
service_stop (Service *self)
{
  int status = -1;

  g_assert_cmpint (kill (self->pid, SIGTERM), ==, 0);
  g_assert_cmpint (waitpid (self->pid, &status, 0), ==, self->pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  sample_remove_folder (self->root);
  g_free (self->root);
  g_free (self->path);
}

static int
connect_to (Service *self)
{
  struct sockaddr_un address;
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  make_address (self->path, &address);
  for (guint i = 0; i < 500; i++) {
    if (connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
      return fd;
    g_usleep (10 * 1000);
  }
  g_assert_not_reached ();
}

static GBytes *
make_list_request (void)
{
  ClmDeliverRequest request = {.verb = CLM_DELIVER_LIST, .serial = 3};

  return clm_deliver_request_encode (&request);
}

static void
assert_lists (int fd)
{
  Helper line = {.fd = fd};
  g_autoptr (GBytes) bytes = make_list_request ();
  g_auto (ClmDeliverReply) reply = {0};

  helper_send (&line, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), NULL, 0);
  g_assert_true (helper_receive (&line, &reply));
  g_assert_true (reply.ok);
  g_assert_cmpuint (reply.serial, ==, 3);
}

static void
test_listen (gconstpointer activated)
{
  Service service;
  int fds[12];

  service_start (&service, GPOINTER_TO_INT (activated));
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = connect_to (&service);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    assert_lists (fds[i]);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  service_stop (&service);
}

/* A socket left by a killed helper is replaced; it is nobody's but the daemon's. */
static void
test_stale_socket (void)
{
  Service service;
  struct stat st;
  int fd;

  service_start (&service, FALSE);
  close (connect_to (&service));
  g_assert_cmpint (lstat (service.path, &st), ==, 0);
  g_assert_cmphex (st.st_mode & 077, ==, 0);
  kill (service.pid, SIGKILL);
  waitpid (service.pid, NULL, 0);
  service.pid = fork ();
  if (service.pid == 0) {
    g_autofree char *root = g_strdup_printf ("--config-root=%s", service.root);
    g_autofree char *user = g_strdup_printf ("--user=%u", (guint) geteuid ());
    execl (DELIVER_EXECUTABLE, DELIVER_EXECUTABLE, root, user, "--listen", service.path, NULL);
    _exit (99);
  }
  fd = connect_to (&service);
  assert_lists (fd);
  close (fd);
  service_stop (&service);
}

static void
ask_as_stranger (Service *service)
{
  Helper line = {.fd = -1};
  ClmDeliverReply reply;

  if (setgid (65534) < 0 || setuid (65534) < 0)
    _exit (97);
  line.fd = connect_to (service);
  if (!helper_receive (&line, &reply) || reply.ok || reply.code != CLM_ERROR_ACCESS_DENIED)
    _exit (1);
  clm_deliver_reply_clear (&reply);
  _exit (helper_receive (&line, &reply) ? 2 : 0);
}

static void
test_stranger (void)
{
  Service service;
  int status = -1;
  pid_t pid;

  if (geteuid () != 0) {
    g_test_skip ("needs a second user");
    return;
  }
  service_start (&service, FALSE);
  close (connect_to (&service));
  /* even where the socket's mode would let them in */
  g_assert_cmpint (chmod (service.root, 0755), ==, 0);
  g_assert_cmpint (chmod (service.path, 0666), ==, 0);
  pid = fork ();
  if (pid == 0)
    ask_as_stranger (&service);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  service_stop (&service);
}

static void
assert_still_answers (Helper *helper)
{
  assert_lists (helper->fd);
}

static void
test_malformed (void)
{
  Helper helper;
  guint8 noise[2048];

  helper_start (&helper);
  for (guint i = 0; i < 300; i++) {
    g_auto (ClmDeliverReply) reply = {0};
    gsize size = (gsize) g_test_rand_int_range (1, sizeof noise);
    for (gsize j = 0; j < size; j++)
      noise[j] = (guint8) g_test_rand_int ();
    helper_send (&helper, noise, size, NULL, 0);
    g_assert_true (helper_receive (&helper, &reply));
    g_assert_false (reply.ok);
  }
  assert_still_answers (&helper);
  helper_stop (&helper, TRUE);
}

/* Too much of anything is refused, its descriptors closed, and the connection lives on. */
static void
test_too_much (void)
{
  Helper helper;
  g_autoptr (GBytes) bytes = make_list_request ();
  g_autofree char *big = g_malloc0 (CLM_DELIVER_MAX_MESSAGE + 1000);
  int fds[20];

  helper_start (&helper);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = 0;
  for (guint round = 0; round < 50; round++) {
    g_auto (ClmDeliverReply) many = {0};
    g_auto (ClmDeliverReply) one = {0};
    g_auto (ClmDeliverReply) long_one = {0};
    helper_send (&helper, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), fds, G_N_ELEMENTS (fds));
    g_assert_true (helper_receive (&helper, &many) && !many.ok);
    helper_send (&helper, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), fds, 1);
    g_assert_true (helper_receive (&helper, &one) && !one.ok);
    helper_send (&helper, big, CLM_DELIVER_MAX_MESSAGE + 1000, NULL, 0);
    g_assert_true (helper_receive (&helper, &long_one) && !long_one.ok);
  }
  g_autofree char *proc = g_strdup_printf ("/proc/%d", helper.pid);
  g_assert_cmpuint (sample_count (proc, "fd"), <, 10);
  assert_still_answers (&helper);
  helper_stop (&helper, TRUE);
}

/* Told to stop in the middle of a delivery, it finishes it first. */
static void
test_stop_in_between (void)
{
  Helper helper;
  g_autoptr (Sample) sample = sample_new ("web");
  g_auto (ClmDeliverReply) reply = {0};
  int status;

  helper_start (&helper);
  helper_recipe (&helper, "slow", "[Delivery]\nFor=*\nFullChain=@OUT@/%n.pem\n[Action]\nCommand=/bin/sh -c \"touch @OUT@/begun; sleep 0.3\"\n");
  helper_send_sample (&helper, "slow", "web", sample, FALSE);
  for (guint i = 0; i < 1000 && sample_count (helper.out, ".") < 2; i++)
    g_usleep (5 * 1000);
  g_assert_cmpint (kill (helper.pid, SIGTERM), ==, 0);
  g_assert_true (helper_receive (&helper, &reply));
  g_assert_true (reply.ok);
  g_assert_cmpint (waitpid (helper.pid, &status, 0), ==, helper.pid);
  close (helper.fd);
  sample_remove_folder (helper.root);
  g_free (helper.root);
  g_free (helper.out);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/server/listen", GINT_TO_POINTER (FALSE), test_listen);
  g_test_add_data_func ("/server/socket-activated", GINT_TO_POINTER (TRUE), test_listen);
  g_test_add_func ("/server/stale-socket", test_stale_socket);
  g_test_add_func ("/server/stranger-is-refused", test_stranger);
  g_test_add_func ("/server/malformed", test_malformed);
  g_test_add_func ("/server/too-much", test_too_much);
  g_test_add_func ("/server/stop-in-between", test_stop_in_between);
  return g_test_run ();
}
