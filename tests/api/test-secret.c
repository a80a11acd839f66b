/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-error.h"
#include "clm-secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
bytes_come_back_with_a_zero_behind_them (void)
{
  g_autoptr (ClmSecret) secret = clm_secret_new ("a\0b", 3);
  g_autoptr (ClmSecret) empty = clm_secret_new (NULL, 0);
  gsize size;
  const char *data = clm_secret_peek (secret, &size);

  g_assert_cmpmem (data, size, "a\0b", 3);
  g_assert_cmpint (data[3], ==, 0);
  data = clm_secret_peek (empty, &size);
  g_assert_cmpuint (size, ==, 0);
  g_assert_cmpint (data[0], ==, 0);
}

static void
fill (void *data, gsize size, gpointer user_data)
{
  memset (data, *(char *) user_data, size);
}

static void
filled_in_place (void)
{
  char letter = 'x';
  gsize size;
  g_autoptr (ClmSecret) secret = clm_secret_new_sized (5000, fill, &letter);
  G_GNUC_UNUSED g_autoptr (ClmSecret) same = clm_secret_ref (secret);
  const char *data = clm_secret_peek (secret, &size);

  g_assert_cmpuint (size, ==, 5000);
  g_assert_cmpint (data[4999], ==, 'x');
  g_assert_cmpint (data[5000], ==, 0);
}

static int
pipe_with (const char *text, gsize size)
{
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  g_assert_cmpint (write (fds[1], text, size), ==, size);
  close (fds[1]);
  return fds[0];
}

static void
read_from_a_descriptor_up_to_the_limit (void)
{
  g_autofree char *text = g_strnfill (9000, 'k');
  g_autoptr (GError) error = NULL;
  gsize size;

  int fd = pipe_with (text, 9000);
  g_autoptr (ClmSecret) exact = clm_secret_new_from_fd (fd, 9000, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (clm_secret_peek (exact, &size), 9000, text, 9000);
  g_assert_cmpuint (size, ==, 9000);
  close (fd);

  fd = pipe_with (text, 9000);
  g_assert_null (clm_secret_new_from_fd (fd, 8999, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  g_clear_error (&error);
  close (fd);

  fd = pipe_with (text, 10);
  g_autoptr (ClmSecret) small = clm_secret_new_from_fd (fd, 1024 * 1024, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (clm_secret_peek (small, NULL), 10, text, 10);
  close (fd);

  g_assert_null (clm_secret_new_from_fd (fd, 10, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_BADF);
}

static void
equal_means_the_same_bytes (void)
{
  g_autoptr (ClmSecret) a = clm_secret_new ("abc", 3), b = clm_secret_new ("abc", 3), c = clm_secret_new ("abd", 3),
                        d = clm_secret_new ("ab", 2);

  g_assert_true (clm_secret_equal (a, b));
  g_assert_false (clm_secret_equal (a, c));
  g_assert_false (clm_secret_equal (a, d));
}

static char *
read_smaps_flags (const void *address)
{
  FILE *file = fopen ("/proc/self/smaps", "re");
  char line[512];
  gboolean here = FALSE;

  while (file != NULL && fgets (line, sizeof line, file) != NULL) {
    gulong start, end;
    if (sscanf (line, "%lx-%lx ", &start, &end) == 2)
      here = start <= (gulong) address && (gulong) address < end;
    else if (here && g_str_has_prefix (line, "VmFlags:")) {
      fclose (file);
      return g_strdup (line);
    }
  }
  if (file != NULL)
    fclose (file);
  return NULL;
}

/* safety 46: neither in a core dump nor in swap. */
static void
pages_are_kept_out_of_core_dumps (void)
{
  g_autoptr (ClmSecret) secret = clm_secret_new ("canary", 6);
  g_autofree char *flags = read_smaps_flags (clm_secret_peek (secret, NULL));

  if (flags == NULL) {
    g_test_skip ("no /proc/self/smaps");
    return;
  }
  g_assert_nonnull (strstr (flags, " dd"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/secret/bytes-come-back-with-a-zero-behind-them", bytes_come_back_with_a_zero_behind_them);
  g_test_add_func ("/secret/filled-in-place", filled_in_place);
  g_test_add_func ("/secret/read-from-a-descriptor-up-to-the-limit", read_from_a_descriptor_up_to_the_limit);
  g_test_add_func ("/secret/equal-means-the-same-bytes", equal_means_the_same_bytes);
  g_test_add_func ("/secret/safety-46-pages-are-kept-out-of-core-dumps", pages_are_kept_out_of_core_dumps);
  return g_test_run ();
}
