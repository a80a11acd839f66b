/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safety 49 and 50: a notifier's command gets data and no power, and nothing of it stays behind. */
#include "load-module.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <unistd.h>

static GType type;
static char *directory;

static char *
in_directory (const char *name)
{
  return g_build_filename (directory, name, NULL);
}

/* Writes a script and starts a notifier that runs it with two arguments, one of them hostile. */
static ClmNotifier *
start (const char *script, const char *timeout)
{
  g_autofree char *path = in_directory ("command"), *text = g_strdup_printf ("#!/bin/sh\ncd '%s'\n%s\n", directory, script);
  g_autofree char *options = g_strdup_printf ("Command=%s plain \"; rm -rf $HOME `id`\"\nTimeout=%s\n", path, timeout);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  ClmNotifier *notifier = clm_start (type, "pager", NULL, options, &error);
  g_assert_no_error (error);
  return notifier;
}

static ClmEvent *
make_event (void)
{
  ClmEvent *event = clm_event_new (CLM_EVENT_RENEWED, 1790000000, "certificate", "web", "renewed \"now\"");

  clm_event_add_field (event, "subject_dn", "CN=; rm -rf / $IFS\n-x");
  return event;
}

static gboolean
tell (ClmNotifier *notifier, GCancellable *cancellable, GError **error)
{
  g_autoptr (ClmEvent) event = make_event ();
  g_autoptr (GAsyncResult) result = NULL;

  clm_notifier_notify_async (notifier, event, cancellable, clm_await_done, &result);
  return clm_notifier_notify_finish (notifier, clm_await (&result), error);
}

static char *
read_file (const char *name)
{
  g_autofree char *path = in_directory (name);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

static void
assert_gone (const char *pid_file)
{
  g_autofree char *text = read_file (pid_file);
  g_assert_nonnull (text);
  pid_t pid = atoi (text);

  g_assert_cmpint (pid, >, 1);
  /* Killed already; whoever adopted it may still have to reap it. */
  for (;;) {
    g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid), *stat = NULL;
    if (!g_file_get_contents (path, &stat, NULL, NULL) || strstr (stat, ") Z ") != NULL || strstr (stat, ") X ") != NULL)
      return;
    g_usleep (1000);
  }
}

static void
the_event_arrives_as_json (void)
{
  g_autoptr (ClmNotifier) notifier = start ("cat > in.json; env > environment; printf '%s\\n' \"$#\" \"$1\" \"$2\" > arguments", "30s");
  g_autoptr (GError) error = NULL;

  g_assert_true (tell (notifier, NULL, &error));
  g_assert_no_error (error);
  g_autofree char *json = read_file ("in.json"), *environment = read_file ("environment"), *arguments = read_file ("arguments");
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_assert_true (json_parser_load_from_data (parser, json, -1, &error));
  JsonObject *object = json_node_get_object (json_parser_get_root (parser));
  g_assert_cmpstr (json_object_get_string_member (object, "event"), ==, "renewed");
  g_assert_cmpstr (json_object_get_string_member (object, "severity"), ==, "notice");
  g_assert_cmpstr (json_object_get_string_member (object, "subject"), ==, "web");
  g_assert_cmpstr (json_object_get_string_member (object, "subject_kind"), ==, "certificate");
  g_assert_cmpstr (json_object_get_string_member (object, "message"), ==, "renewed \"now\"");
  g_assert_cmpstr (json_object_get_string_member (object, "message_id"), ==, clm_event_kind_get_message_id (CLM_EVENT_RENEWED));
  g_assert_cmpint (json_object_get_int_member (object, "time"), ==, 1790000000);
  JsonObject *fields = json_object_get_object_member (object, "fields");
  g_assert_cmpstr (json_object_get_string_member (fields, "subject_dn"), ==, "CN=; rm -rf / $IFS\\n-x");
  g_assert_cmpstr (arguments, ==, "2\nplain\n; rm -rf $HOME `id`\n");
  g_assert_nonnull (strstr (environment, "CERTLOOM_EVENT=renewed\n"));
  g_assert_nonnull (strstr (environment, "LANG=C\n"));
  g_assert_null (strstr (environment, "CANARY"));
  g_assert_null (strstr (environment, "G_TEST_SRCDIR"));
}

static void
only_three_descriptors_are_open (void)
{
  g_autoptr (ClmNotifier) notifier = start ("ls /proc/self/fd > fds", "30s");

  g_assert_true (tell (notifier, NULL, NULL));
  g_autofree char *fds = read_file ("fds");
  g_assert_cmpstr (fds, ==, "0\n1\n2\n3\n");   /* 3 is the directory that ls reads */
}

static void
exit_statuses_are_told_apart (void)
{
  g_autoptr (ClmNotifier) fails = start ("exit 3", "30s");
  g_autoptr (GError) error = NULL;

  g_assert_false (tell (fails, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "ended with exit status 3"));
  g_clear_error (&error);
  g_autoptr (ClmNotifier) later = start ("exit 75", "30s");
  g_assert_false (tell (later, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_BUSY);
  g_clear_error (&error);
  g_autoptr (ClmNotifier) killed = start ("kill -TERM $$", "30s");
  g_assert_false (tell (killed, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "ended by signal 15"));
}

static void
the_whole_group_is_killed_after_the_limit (void)
{
  g_autoptr (ClmNotifier) notifier = start ("trap '' TERM HUP INT; sleep 1000 & echo $! > grandchild; wait", "1s");
  g_autoptr (GError) error = NULL;

  g_assert_false (tell (notifier, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "took longer than 1 s and was killed"));
  assert_gone ("grandchild");
}

static void
a_daemon_it_forks_does_not_stay (void)
{
  g_autoptr (ClmNotifier) notifier = start ("sleep 1000 & echo $! > background; exit 0", "30s");
  g_autoptr (GError) error = NULL;

  g_assert_true (tell (notifier, NULL, &error));   /* at once, although the pipe is still held open */
  assert_gone ("background");
}

static gboolean
cancel_when_it_runs (gpointer cancellable)
{
  g_autofree char *text = read_file ("running");

  if (text == NULL || strchr (text, '\n') == NULL)
    return G_SOURCE_CONTINUE;
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
cancelling_kills_it (void)
{
  g_autoptr (ClmNotifier) notifier = start ("echo $$ > running; sleep 1000", "30s");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_timeout_add (2, cancel_when_it_runs, cancellable);
  g_assert_false (tell (notifier, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_gone ("running");
}

static void
endless_output_is_capped (void)
{
  g_autoptr (ClmNotifier) notifier = start ("yes 2> /dev/null & sleep 0.2; exit 0", "30s");
  g_autoptr (GError) error = NULL;

  g_assert_true (tell (notifier, NULL, &error));
  g_assert_no_error (error);
}

static void
output_is_logged_harmlessly (void)
{
  if (g_test_subprocess ()) {
    g_autoptr (ClmNotifier) notifier = start ("printf 'said\\033[31m this\\n[cert x] forged\\n'; exit 1", "30s");
    g_autoptr (GError) error = NULL;
    g_assert_false (tell (notifier, NULL, &error));
    return;
  }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*[notifier pager] *command: said\\u001b[31m this*");
  g_test_trap_assert_stderr ("*[notifier pager] *command: [cert x] forged*");
}

static void
bad_options_are_refused (void)
{
  static const struct { const char *options, *words; } bad[] = {
    {"", "Command=: must be set"},
    {"Command=true\n", "is not an absolute path"},
    {"Command=/nonexistent/program\n", "is not a program that can be run"},
    {"Command=/etc/passwd\n", "is not a program that can be run"},
    {"Command=/tmp\n", "is not a program that can be run"},
    {"Command=/bin/true \"x\n", "a quotation mark is not closed"},
    {"Command=\"\"\n", "is not an absolute path"},
    {"Command=/bin/true\nTimeout=0s\n", "must be from 1s to 10min"},
    {"Command=/bin/true\nTimeout=1d\n", "must be from 1s to 10min"},
    {"Command=/bin/true\nTimeout=30\n", "is not a span"},
    {"Command=/bin/true\nComand=x\n", "unknown key, did you mean Command="},
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (clm_start (type, "pager", NULL, bad[i].options, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    g_test_message ("%s", error->message);
    g_assert_nonnull (strstr (error->message, bad[i].words));
  }
}

static void
what_cannot_be_run_is_an_error (void)
{
  g_autoptr (ClmNotifier) notifier = start ("exit 0", "30s");
  g_autofree char *path = in_directory ("command");
  g_autoptr (GError) error = NULL;

  g_unlink (path);
  g_assert_false (tell (notifier, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
}

int
main (int argc, char *argv[])
{
  g_setenv ("CANARY", "1", TRUE);
  g_test_init (&argc, &argv, NULL);
  type = clm_load_module (MODULE);
  directory = g_dir_make_tmp ("certloom-XXXXXX", NULL);
  g_test_add_func ("/notify-exec/the-event-arrives-as-json", the_event_arrives_as_json);
  g_test_add_func ("/notify-exec/only-three-descriptors-are-open", only_three_descriptors_are_open);
  g_test_add_func ("/notify-exec/exit-statuses-are-told-apart", exit_statuses_are_told_apart);
  g_test_add_func ("/notify-exec/safety-50-the-whole-group-is-killed-after-the-limit", the_whole_group_is_killed_after_the_limit);
  g_test_add_func ("/notify-exec/safety-50-a-daemon-it-forks-does-not-stay", a_daemon_it_forks_does_not_stay);
  g_test_add_func ("/notify-exec/cancelling-kills-it", cancelling_kills_it);
  g_test_add_func ("/notify-exec/safety-50-endless-output-is-capped", endless_output_is_capped);
  g_test_add_func ("/notify-exec/safety-55-output-is-logged-harmlessly", output_is_logged_harmlessly);
  g_test_add_func ("/notify-exec/bad-options-are-refused", bad_options_are_refused);
  g_test_add_func ("/notify-exec/what-cannot-be-run-is-an-error", what_cannot_be_run_is_an_error);
  int status = g_test_run ();

  g_autoptr (GDir) files = g_dir_open (directory, 0, NULL);
  for (const char *name; (name = g_dir_read_name (files)) != NULL;) {
    g_autofree char *path = in_directory (name);
    g_unlink (path);
  }
  g_rmdir (directory);
  g_free (directory);
  return status;
}
