/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listener.h"

#include <unistd.h>

#include "clm-error.h"

static GSocket *
try (const char *text,
     GError    **error)
{
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("web.listener", text);

  return clm_listener_open ("web", options, error);
}

static guint16
port_of (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);

  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

/* Some port that is free now */
static guint16
free_port (void)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);

  g_assert_true (g_socket_bind (socket, address, TRUE, NULL));
  return port_of (socket);
}

static void
test_bound (void)
{
  guint16 port = free_port ();
  g_autofree char *text = g_strdup_printf ("Address=127.0.0.1\nPort=%u\n", port);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = try (text, &error);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (port_of (socket), ==, port);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (try (text, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_BUSY);
}

static void
test_refusals (void)
{
  static const char *const texts[] = {
    "", "Address=127.0.0.1\n", "Port=0\n", "Port=70000\n", "Port=http\n", "Address=localhost\nPort=8080\n",
    "Address=127.0.0.1\nPort=8080\nProt=x\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (try (texts[i], &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  }
}

/* The socket that systemd passed is a copy each time, so that closing it leaves the passed one */
static void
test_passed (void)
{
  g_autofree char *pid = g_strdup_printf ("%d", getpid ());
  g_autofree char *text = g_strdup_printf ("Address=127.0.0.1\nPort=%u\n", free_port ());
  g_autoptr (GSocket) passed = try (text, NULL);
  guint16 port = port_of (passed);

  g_assert_cmpint (dup2 (g_socket_get_fd (passed), 4), ==, 4);
  g_setenv ("LISTEN_PID", pid, TRUE);
  g_setenv ("LISTEN_FDS", "2", TRUE);
  g_setenv ("LISTEN_FDNAMES", "other:web", TRUE);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GSocket) socket = try ("", &error);

    g_assert_no_error (error);
    g_assert_cmpuint (port_of (socket), ==, port);
    g_assert_true (g_socket_close (socket, NULL));
  }
  g_setenv ("LISTEN_PID", "1", TRUE);
  g_assert_null (try ("", NULL));
  close (4);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/listener/bound-once", test_bound);
  g_test_add_func ("/listener/refusals", test_refusals);
  g_test_add_func ("/listener/passed-by-systemd", test_passed);
  return g_test_run ();
}
