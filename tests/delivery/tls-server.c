/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tls-server.h"

#include <signal.h>
#include <sys/prctl.h>

/* A test that aborts leaves no server behind. */
static void
die_with_us (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

static GSubprocess *
spawn (const char *const *argv)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_subprocess_launcher_set_child_setup (launcher, die_with_us, NULL, NULL);
  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  return process;
}

char *
server_choose_address (void)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;

  g_assert_true (g_socket_bind (socket, any, FALSE, NULL));
  bound = g_socket_get_local_address (socket, NULL);
  return g_strdup_printf ("127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
}

Server *
server_start_openssl_at (const char *address, const Sample *sample, const char *options)
{
  Server *self = g_new0 (Server, 1);
  g_autofree char *pem = NULL;
  g_autofree char *line = NULL;
  g_auto (GStrv) argv = NULL;

  self->folder = sample_folder ();
  self->address = g_strdup (address);
  sample_write (self->folder, "server.pem", "%s%s", sample->leaf_pem, sample->key_pem);
  pem = g_build_filename (self->folder, "server.pem", NULL);
  line = g_strdup_printf ("openssl s_server -quiet -accept %s -cert %s -key %s %s", address, pem, pem, options);
  argv = g_strsplit (line, " ", -1);
  self->process = spawn ((const char *const *) argv);
  return self;
}

Server *
server_start_openssl (const Sample *sample, const char *options)
{
  g_autofree char *address = server_choose_address ();

  return server_start_openssl_at (address, sample, options);
}

static void
wait_until_it_answers (const char *address)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();

  g_socket_client_set_enable_proxy (client, FALSE);
  for (guint i = 0; i < 500; i++) {
    g_autoptr (GSocketConnection) connection = g_socket_client_connect_to_host (client, address, 0, NULL, NULL);
    if (connection)
      return;
    g_usleep (20 * 1000);
  }
  g_assert_not_reached ();
}

Server *
server_start_nginx (const char *folder, const char *address)
{
  Server *self = g_new0 (Server, 1);
  g_autofree char *config = g_build_filename (folder, "nginx.conf", NULL);
  g_autofree char *log = g_build_filename (folder, "error.log", NULL);
  const char *const argv[] = {NGINX, "-p", folder, "-c", config, "-e", log, NULL};

  self->address = g_strdup (address);
  self->process = spawn (argv);
  wait_until_it_answers (address);
  return self;
}

void
server_free (Server *self)
{
  g_subprocess_send_signal (self->process, SIGTERM);
  g_assert_true (g_subprocess_wait (self->process, NULL, NULL));
  g_object_unref (self->process);
  if (self->folder)
    sample_remove_folder (self->folder);
  g_free (self->folder);
  g_free (self->address);
  g_free (self);
}
