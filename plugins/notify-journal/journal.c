/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

int
journal_priority (ClmSeverity severity)
{
  switch (severity) {
    case CLM_SEVERITY_DEBUG: return LOG_DEBUG;
    case CLM_SEVERITY_INFO: return LOG_INFO;
    case CLM_SEVERITY_NOTICE: return LOG_NOTICE;
    case CLM_SEVERITY_WARNING: return LOG_WARNING;
    case CLM_SEVERITY_CRITICAL:
    default: return LOG_CRIT;
  }
}

/* "KEY=value", or with a length where the value holds a line break (systemd.io/JOURNAL_NATIVE_PROTOCOL). */
static void
append_field (GString *entry, const char *key, const char *value)
{
  if (value == NULL)
    return;
  if (strchr (value, '\n') == NULL) {
    g_string_append_printf (entry, "%s=%s\n", key, value);
    return;
  }
  guint64 size = GUINT64_TO_LE ((guint64) strlen (value));
  g_string_append_printf (entry, "%s\n", key);
  g_string_append_len (entry, (const char *) &size, sizeof size);
  g_string_append_printf (entry, "%s\n", value);
}

static void
append_own_field (GString *entry, const char *key, const char *value)
{
  g_autofree char *upper = g_ascii_strup (key, -1);
  g_autofree char *name = g_strdup_printf ("CERTLOOM_%.50s", upper);   /* journald drops names over 64 bytes */

  append_field (entry, name, value);
}

GBytes *
journal_encode (ClmEvent *event)
{
  GString *entry = g_string_new (NULL);
  ClmEventKind kind = clm_event_get_kind (event);
  g_auto (GStrv) keys = clm_event_list_fields (event);
  char priority[2] = {'0' + journal_priority (clm_event_get_severity (event)), 0};

  append_field (entry, "MESSAGE", clm_event_get_message (event));
  append_field (entry, "MESSAGE_ID", clm_event_kind_get_message_id (kind));
  append_field (entry, "PRIORITY", priority);
  append_field (entry, "SYSLOG_IDENTIFIER", "certloomd");
  append_field (entry, "CERTLOOM_EVENT", clm_event_kind_get_nick (kind));
  append_field (entry, "CERTLOOM_SUBJECT", clm_event_get_subject (event));
  append_field (entry, "CERTLOOM_SUBJECT_KIND", clm_event_get_subject_kind (event));
  for (guint i = 0; keys[i] != NULL; i++)
    append_own_field (entry, keys[i], clm_event_get_field (event, keys[i]));
  return g_string_free_to_bytes (entry);
}

/* What does not fit a datagram goes in a sealed memory file, which journald takes instead. */
static int
make_memory_file (GBytes *entry)
{
  int fd = memfd_create ("certloom-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gsize size;
  const guint8 *data = g_bytes_get_data (entry, &size);

  for (gsize done = 0; fd >= 0 && done < size;) {
    ssize_t n = write (fd, data + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      close (fd);
      return -1;
    }
    done += n;
  }
  if (fd >= 0)
    fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return fd;
}

/* By sendmsg() itself: GSocket adds a byte to an empty message, and journald takes a file only with an empty one. */
static gboolean
send_as_file (int socket_fd, const struct sockaddr_un *address, GBytes *entry)
{
  union {
    struct cmsghdr header;
    char           space[CMSG_SPACE (sizeof (int))];
  } control = {0};
  struct msghdr message = {.msg_name = (gpointer) address, .msg_namelen = sizeof *address, .msg_control = &control,
                           .msg_controllen = sizeof control};
  int fd = make_memory_file (entry);

  if (fd < 0)
    return FALSE;
  control.header.cmsg_len = CMSG_LEN (sizeof fd);
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);
  gboolean ok = sendmsg (socket_fd, &message, MSG_NOSIGNAL) >= 0;
  int code = errno;
  close (fd);
  errno = code;
  return ok;
}

static gboolean
send_entry (int socket_fd, const struct sockaddr_un *address, GBytes *entry)
{
  gsize size;
  const char *data = g_bytes_get_data (entry, &size);

  if (sendto (socket_fd, data, size, MSG_NOSIGNAL, (const struct sockaddr *) address, sizeof *address) >= 0)
    return TRUE;
  return (errno == EMSGSIZE || errno == ENOBUFS) && send_as_file (socket_fd, address, entry);
}

gboolean
journal_send (const char *path, GBytes *entry, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int socket_fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  gboolean ok = socket_fd >= 0 && send_entry (socket_fd, &address, entry);
  int code = errno;
  if (socket_fd >= 0)
    close (socket_fd);
  if (!ok)
    g_set_error (error, CLM_ERROR, code == EAGAIN ? CLM_ERROR_BUSY : CLM_ERROR_UNREACHABLE, "cannot write to %s: %s", path,
                 g_strerror (code));
  return ok;
}
