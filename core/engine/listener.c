/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clm-error.h"

#define FIRST_PASSED_FD 3

/* Descriptors that systemd passed, sd_listen_fds(3): -1 where there is none of that name. */
static int
find_passed (const char *name)
{
  const char *pid = g_getenv ("LISTEN_PID");
  const char *names = g_getenv ("LISTEN_FDNAMES");
  g_auto (GStrv) words = NULL;

  if (!pid || !names || g_ascii_strtoull (pid, NULL, 10) != (guint64) getpid ())
    return -1;
  words = g_strsplit (names, ":", -1);
  for (int i = 0; words[i]; i++) {
    if (g_str_equal (words[i], name))
      return FIRST_PASSED_FD + i;
  }
  return -1;
}

static int
listen_code (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    return CLM_ERROR_BUSY;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    return CLM_ERROR_ACCESS_DENIED;
  return CLM_ERROR_CONFIG;
}

static GSocket *
listen_at (const char *name,
           const char *text,
           guint16     port,
           GError    **error)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string (text, port);
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) local = NULL;

  if (!address) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "listener %s: Address=%s is no IP address", name, text);
    return NULL;
  }
  socket = g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &local);
  if (socket && g_socket_bind (socket, address, TRUE, &local) && g_socket_listen (socket, &local))
    return g_steal_pointer (&socket);
  g_set_error (error, CLM_ERROR, listen_code (local), "listener %s: %s port %u: %s", name, text, port, local->message);
  if (error && listen_code (local) == CLM_ERROR_ACCESS_DENIED)
    clm_error_set_hint (*error, "let systemd open the socket (FileDescriptorName=%s) or choose a port above 1023", name);
  return NULL;
}

GSocket *
clm_listener_open (const char *name,
                   ClmOptions *options,
                   GError    **error)
{
  const char *text = clm_options_get_string (options, "Address", "::");
  gint64 port;
  int fd;

  if (!clm_options_get_int (options, "Port", 0, 1, 65535, &port, error))
    return NULL;
  if (!clm_options_refuse_unread (options, error))
    return NULL;
  fd = find_passed (name);
  if (fd >= 0) {
    /* A copy, so that closing it after use leaves the passed one for the next time. */
    int copy = fcntl (fd, F_DUPFD_CLOEXEC, FIRST_PASSED_FD);

    if (copy >= 0)
      return g_socket_new_from_fd (copy, error);
  }
  if (port == 0) {
    clm_options_set_error (options, "Port", error, "no such key, and systemd passed no socket of that name");
    return NULL;
  }
  return listen_at (name, text, (guint16) port, error);
}
