/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-reference.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "await.h"
#include "clm-error.h"

static char *directory;

static ClmSecret *
load (const char *reference,
      GError    **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_secret_reference_load_async (reference, NULL, clm_await_done, &result);
  return clm_secret_reference_load_finish (clm_await (&result), error);
}

static char *
write_secret (const char *content,
              gssize      size,
              int         mode)
{
  g_autofree char *path = g_build_filename (directory, "secret", NULL);

  g_unlink (path);
  g_assert_true (g_file_set_contents (path, content, size, NULL));
  g_assert_cmpint (g_chmod (path, (mode_t) mode), ==, 0);
  return g_strconcat ("file:", path, NULL);
}

static void
assert_secret (const char *reference,
               const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSecret) secret = load (reference, &error);
  gsize size;

  g_assert_no_error (error);
  g_assert_cmpstr (clm_secret_peek (secret, &size), ==, expected);
  g_assert_cmpuint (size, ==, strlen (expected));
}

/* The message names the reference and never what is in it */
static void
assert_refused (const char *reference,
                const char *canary)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load (reference, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_null (strstr (error->message, canary));
}

static void
test_file (void)
{
  g_autofree char *plain = write_secret ("hunter2", -1, 0600);

  assert_secret (plain, "hunter2");
  g_free (write_secret ("hunter2\n", -1, 0400));
  assert_secret (plain, "hunter2");
  g_free (write_secret ("two\nlines\n\n", -1, 0600));
  assert_secret (plain, "two\nlines\n");
  g_free (write_secret ("", 0, 0600));
  assert_secret (plain, "");
}

static void
test_refusals (void)
{
  g_autofree char *big = g_strnfill (CLM_SECRET_MAX + 1, 'x');
  g_autofree char *path = g_build_filename (directory, "secret", NULL);
  g_autofree char *link = g_build_filename (directory, "link", NULL);
  g_autofree char *link_reference = g_strconcat ("file:", link, NULL);
  g_autofree char *pipe = g_build_filename (directory, "pipe", NULL);
  g_autofree char *pipe_reference = g_strconcat ("file:", pipe, NULL);
  g_autofree char *folder = g_strconcat ("file:", directory, NULL);
  g_autofree char *open = write_secret ("hunter2", -1, 0640);

  assert_refused (open, "hunter2");
  g_free (write_secret (big, -1, 0600));
  assert_refused (open, "xxxx");
  g_free (write_secret ("hunter2", -1, 0600));
  g_assert_cmpint (symlink (path, link), ==, 0);
  assert_refused (link_reference, "hunter2");
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  assert_refused (pipe_reference, "hunter2");
  assert_refused (folder, "hunter2");
  assert_refused ("file:/nowhere/at/all", "hunter2");
  assert_refused ("file:relative", "hunter2");
  /* Somebody has written the secret itself. */
  assert_refused ("hunter2", "hunter2");
  g_unlink (link);
  g_unlink (pipe);
}

static void
test_credential (void)
{
  g_free (write_secret ("from systemd\n", -1, 0600));

  g_unsetenv ("CREDENTIALS_DIRECTORY");
  assert_refused ("credential:secret", "systemd");
  g_setenv ("CREDENTIALS_DIRECTORY", directory, TRUE);
  assert_secret ("credential:secret", "from systemd");
  assert_refused ("credential:../secret", "systemd");
  assert_refused ("credential:", "systemd");
  assert_refused ("credential:.hidden", "systemd");
}

int
main (int   argc,
      char *argv[])
{
  g_autofree char *path = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  directory = g_dir_make_tmp ("certloom-secret-XXXXXX", NULL);
  path = g_build_filename (directory, "secret", NULL);
  g_test_add_func ("/secret-reference/file-without-its-last-newline", test_file);
  g_test_add_func ("/secret-reference/refuses-what-others-may-read", test_refusals);
  g_test_add_func ("/secret-reference/credential-of-systemd", test_credential);
  status = g_test_run ();
  g_unlink (path);
  g_rmdir (directory);
  g_free (directory);
  return status;
}
