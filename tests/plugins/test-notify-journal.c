/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-module.h"

#include <fcntl.h>
#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <unistd.h>

static GType type;

typedef struct {
  char        *directory, *path, *options;
  GSocket     *socket;
  ClmNotifier *notifier;
} Journal;

/* Stands for journald. */
static void
journal_init (Journal *self)
{
  g_autoptr (GError) error = NULL;

  self->directory = g_dir_make_tmp ("certloom-XXXXXX", NULL);
  self->path = g_build_filename (self->directory, "socket", NULL);
  self->options = g_strdup_printf ("Socket=%s\n", self->path);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (self->path);
  self->socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, 0, &error);
  g_assert_true (g_socket_bind (self->socket, address, FALSE, &error));
  self->notifier = clm_start (type, "journal", NULL, self->options, &error);
  g_assert_no_error (error);
}

static void
journal_clear (Journal *self)
{
  g_clear_object (&self->socket);
  g_clear_object (&self->notifier);
  g_unlink (self->path);
  g_rmdir (self->directory);
  g_free (self->directory);
  g_free (self->path);
  g_free (self->options);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Journal, journal_clear)

static gboolean
tell (Journal *self, ClmEvent *event, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_notifier_notify_async (self->notifier, event, NULL, clm_await_done, &result);
  return clm_notifier_notify_finish (self->notifier, clm_await (&result), error);
}

static char *
receive (Journal *self)
{
  g_autofree char *buffer = g_malloc0 (256 * 1024);
  g_autoptr (GError) error = NULL;
  GInputVector vector = {buffer, 256 * 1024 - 1};
  GSocketControlMessage **messages = NULL;
  gint count = 0;

  gssize size = g_socket_receive_message (self->socket, NULL, &vector, 1, &messages, &count, NULL, NULL, &error);
  g_assert_no_error (error);
  if (size == 0 && count == 1) {
    /* A long entry: journald takes only sealed files. */
    gint n;
    g_autofree int *fds = g_unix_fd_message_steal_fds (G_UNIX_FD_MESSAGE (messages[0]), &n);
    g_assert_cmpint (n, ==, 1);
    g_assert_cmpint (fcntl (fds[0], F_GET_SEALS), ==, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    g_assert_cmpint (pread (fds[0], buffer, 256 * 1024 - 1, 0), >, 0);
    close (fds[0]);
  }
  for (gint i = 0; i < count; i++)
    g_object_unref (messages[i]);
  g_free (messages);
  return g_steal_pointer (&buffer);
}

static void
assert_field (const char *entry, const char *line)
{
  g_auto (GStrv) lines = g_strsplit (entry, "\n", -1);

  if (!g_strv_contains ((const char *const *) lines, line))
    g_printerr ("no \"%s\" in:\n%s", line, entry);
  g_assert_true (g_strv_contains ((const char *const *) lines, line));
}

static void
every_field_arrives (void)
{
  g_auto (Journal) journal = {0};
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_RENEWED, 1000, "certificate", "web", "renewed, valid until %s", "2027-01-14");
  g_autoptr (GError) error = NULL;

  journal_init (&journal);
  clm_event_add_field (event, "serial", "0a1b");
  clm_event_add_field (event, "not_after", "x\nPRIORITY=0");
  g_assert_true (tell (&journal, event, &error));
  g_autofree char *entry = receive (&journal);
  g_autofree char *id = g_strconcat ("MESSAGE_ID=", clm_event_kind_get_message_id (CLM_EVENT_RENEWED), NULL);
  assert_field (entry, "MESSAGE=renewed, valid until 2027-01-14");
  assert_field (entry, id);
  assert_field (entry, "PRIORITY=5");
  assert_field (entry, "SYSLOG_IDENTIFIER=certloomd");
  assert_field (entry, "CERTLOOM_EVENT=renewed");
  assert_field (entry, "CERTLOOM_SUBJECT=web");
  assert_field (entry, "CERTLOOM_SUBJECT_KIND=certificate");
  assert_field (entry, "CERTLOOM_SERIAL=0a1b");
  assert_field (entry, "CERTLOOM_NOT_AFTER=x\\nPRIORITY=0");
}

static void
severities_become_priorities (void)
{
  static const struct { ClmSeverity severity; const char *line; } pairs[] = {
    {CLM_SEVERITY_DEBUG, "PRIORITY=7"}, {CLM_SEVERITY_INFO, "PRIORITY=6"}, {CLM_SEVERITY_NOTICE, "PRIORITY=5"},
    {CLM_SEVERITY_WARNING, "PRIORITY=4"}, {CLM_SEVERITY_CRITICAL, "PRIORITY=2"},
  };
  g_auto (Journal) journal = {0};

  journal_init (&journal);
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_STARTED, 1000, NULL, NULL, "started");
    clm_event_set_severity (event, pairs[i].severity);
    g_assert_true (tell (&journal, event, NULL));
    g_autofree char *entry = receive (&journal);
    assert_field (entry, pairs[i].line);
    g_assert_null (strstr (entry, "CERTLOOM_SUBJECT"));
  }
}

static void
a_long_entry_arrives_whole (void)
{
  g_auto (Journal) journal = {0};
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_STARTED, 1000, NULL, NULL, "long");
  g_autofree char *value = g_strnfill (4000, 'x');
  g_autoptr (GError) error = NULL;

  journal_init (&journal);
  /* Larger than any datagram this socket takes. */
  for (guint i = 0; i < 60; i++) {
    g_autofree char *key = g_strdup_printf ("field_%u", i);
    clm_event_add_field (event, key, value);
  }
  g_assert_true (tell (&journal, event, &error));
  g_assert_no_error (error);
  g_autofree char *entry = receive (&journal);
  g_autofree char *last = g_strconcat ("CERTLOOM_FIELD_59=", value, NULL);
  assert_field (entry, "MESSAGE=long");
  assert_field (entry, last);
}

static void
a_full_queue_is_busy_and_nobody_is_unreachable (void)
{
  g_auto (Journal) journal = {0};
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_STARTED, 1000, NULL, NULL, "started");
  g_autoptr (GError) error = NULL;

  journal_init (&journal);
  for (guint i = 0; i < 100000 && tell (&journal, event, &error); i++)
    ;
  g_assert_error (error, CLM_ERROR, CLM_ERROR_BUSY);
  g_clear_error (&error);
  g_clear_object (&journal.socket);
  g_assert_false (tell (&journal, event, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_UNREACHABLE);
}

static void
a_wrong_socket_is_refused (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_start (type, "journal", NULL, "Socket=run/socket\n", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_cmpstr (error->message, ==, "journal:1: Socket=: \"run/socket\" is not the absolute path of a socket");
}

/* Without journal and without syslog the event is simply gone; the call must still complete. */
static void
without_a_journal_syslog_takes_it (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_STARTED, 1000, "plugin", "x", "a test of certloom ran");
  g_autoptr (ClmNotifier) notifier = clm_start (type, "journal", NULL, "", &error);
  g_autoptr (GAsyncResult) result = NULL;

  clm_notifier_notify_async (notifier, event, NULL, clm_await_done, &result);
  g_assert_true (clm_notifier_notify_finish (notifier, clm_await (&result), &error));
  g_assert_no_error (error);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  type = clm_load_module (MODULE);
  g_test_add_func ("/notify-journal/every-field-arrives", every_field_arrives);
  g_test_add_func ("/notify-journal/severities-become-priorities", severities_become_priorities);
  g_test_add_func ("/notify-journal/a-long-entry-arrives-whole", a_long_entry_arrives_whole);
  g_test_add_func ("/notify-journal/a-full-queue-is-busy-and-nobody-is-unreachable", a_full_queue_is_busy_and_nobody_is_unreachable);
  g_test_add_func ("/notify-journal/a-wrong-socket-is-refused", a_wrong_socket_is_refused);
  g_test_add_func ("/notify-journal/without-a-journal-syslog-takes-it", without_a_journal_syslog_takes_it);
  return g_test_run ();
}
