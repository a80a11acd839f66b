/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "clm-error.h"
#include "sample.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static gboolean
run (const char *script, gint64 timeout_s, const char *user, char **output, GError **error)
{
  const char *argv[] = {"/bin/sh", "-c", script, NULL};
  ClmCommand command = {.kind = CLM_COMMAND_RUN, .argv = (GStrv) argv, .user = (char *) user, .timeout_s = timeout_s};
  ClmCommandContext context = {"nginx", "web", 41, "the input"};

  return clm_command_run (&command, &context, output, error);
}

static void
test_environment (void)
{
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;

  g_setenv ("SECRET_OF_OURS", "x", TRUE);
  g_assert_true (run ("cat; echo; env; pwd; ls /proc/self/fd | wc -l; umask", 10, NULL, &output, &error));
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (output, "the input\n"));
  g_assert_nonnull (strstr (output, "CERTLOOM_GENERATION=41\n"));
  g_assert_nonnull (strstr (output, "CERTLOOM_DELIVERY=nginx\n"));
  g_assert_null (strstr (output, "SECRET_OF_OURS"));
  g_assert_nonnull (strstr (output, "\n/\n4\n0022\n")); /* three descriptors, and the one that ls itself opens */
}

static void
test_status (void)
{
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (run ("echo out; echo err >&2; exit 7", 10, NULL, &output, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (error->message, "status 7"));
  g_assert_cmpstr (output, ==, "out\nerr\n");
  g_assert_nonnull (clm_error_get_hint (error));
}

static void
test_not_there (void)
{
  const char *argv[] = {"/nonexistent/program", NULL};
  ClmCommand command = {.kind = CLM_COMMAND_RUN, .argv = (GStrv) argv, .timeout_s = 5};
  ClmCommandContext context = {"a", "b", 1, NULL};
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (clm_command_run (&command, &context, &output, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_cmpstr (output, ==, "");
}

/* The program and what it started in the background, both killed. */
static void
test_hanging (void)
{
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  pid_t background;

  g_assert_false (run ("sleep 1000 & echo $!; wait", 1, NULL, &output, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (error->message, "did not end within 1 s"));
  background = atoi (output);
  g_assert_cmpint (background, >, 1);
  for (guint i = 0; i < 500 && kill (background, 0) == 0; i++) {
    g_autofree char *path = g_strdup_printf ("/proc/%d/stat", background);
    g_autofree char *stat = NULL;
    if (g_file_get_contents (path, &stat, NULL, NULL) && strstr (stat, ") Z"))
      return;
    g_usleep (10 * 1000);
  }
  g_assert_true (kill (background, 0) < 0 && errno == ESRCH);
}

static void
test_flood (void)
{
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (run ("yes | head -c 20000000", 30, NULL, &output, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (strlen (output), ==, CLM_DELIVER_MAX_OUTPUT);
  g_clear_pointer (&output, g_free);
  g_assert_false (run ("yes", 1, NULL, &output, &error)); /* without end */
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_cmpuint (strlen (output), ==, CLM_DELIVER_MAX_OUTPUT);
}

/* An init script that starts a daemon which keeps the output open: it is the script's end that counts, and the daemon lives. */
static void
test_daemon_lives (void)
{
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  gint64 before = g_get_monotonic_time ();
  pid_t daemon;

  g_assert_true (run ("sleep 30 & echo $!", 20, NULL, &output, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_get_monotonic_time () - before, <, 15 * G_USEC_PER_SEC);
  daemon = atoi (output);
  g_assert_cmpint (kill (daemon, SIGKILL), ==, 0);
}

static void
test_user (void)
{
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;

  if (geteuid () != 0) {
    g_assert_false (run ("id -un", 10, "root", &output, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    return;
  }
  g_assert_true (run ("id -un; id -G; grep NoNew /proc/self/status; echo $HOME", 10, "nobody", &output, &error));
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (output, "nobody\n65534\n"));
}

static void
test_pid_file (void)
{
  g_autofree char *folder = sample_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  ClmCommand command = {.kind = CLM_COMMAND_SIGNAL, .signal = SIGUSR1, .pid_file = path, .timeout_s = 5};
  ClmCommandContext context = {"a", "b", 1, NULL};
  static const char *const bad[] = {"", "1\n", "-1\n", "0", "12 13", "abc", "99999999999", "4294967297"};
  pid_t child = fork ();
  int status;

  if (child == 0)
    for (;;)
      pause ();
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *output = NULL;
    g_autoptr (GError) error = NULL;
    sample_write (folder, "pid", "%s", bad[i]);
    g_assert_false (clm_command_run (&command, &context, &output, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  }
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  sample_write (folder, "pid", "%d\n", child);
  g_assert_true (clm_command_run (&command, &context, &output, &error));
  g_assert_no_error (error);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGUSR1);
  sample_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/command/safety-49-clean-environment", test_environment);
  g_test_add_func ("/command/status", test_status);
  g_test_add_func ("/command/not-there", test_not_there);
  g_test_add_func ("/command/safety-50-hanging-group-is-killed", test_hanging);
  g_test_add_func ("/command/output-is-capped", test_flood);
  g_test_add_func ("/command/started-daemon-lives", test_daemon_lives);
  g_test_add_func ("/command/user", test_user);
  g_test_add_func ("/command/pid-file", test_pid_file);
  return g_test_run ();
}
