/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-reference.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "clm-error.h"

static char *
resolve (const char *reference,
         GError    **error)
{
  const char *directory = g_getenv ("CREDENTIALS_DIRECTORY");
  const char *rest;

  if (g_str_has_prefix (reference, "file:")) {
    rest = reference + strlen ("file:");
    if (g_path_is_absolute (rest))
      return g_strdup (rest);
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "secret “%s”: the path is not absolute", reference);
    return NULL;
  }
  if (g_str_has_prefix (reference, "credential:")) {
    rest = reference + strlen ("credential:");
    if (!*rest || strchr (rest, '/') || rest[0] == '.') {
      g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "secret “%s”: not a credential's name", reference);
      return NULL;
    }
    if (directory)
      return g_build_filename (directory, rest, NULL);
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "secret “%s”: no credentials were passed to the daemon", reference);
    if (error)
      clm_error_set_hint (*error, "add LoadCredential=%s:… to the daemon's unit", rest);
    return NULL;
  }
  /* What was written may be the secret itself, so it is not repeated. */
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "a secret must be given as file:/path or credential:NAME");
  return NULL;
}

static gboolean
check_file (int         fd,
            const char *reference,
            GError    **error)
{
  struct stat st;
  const char *why = NULL;

  if (fstat (fd, &st) < 0)
    why = g_strerror (errno);
  else if (!S_ISREG (st.st_mode))
    why = "not a regular file";
  else if (st.st_uid != 0 && st.st_uid != geteuid ())
    why = "belongs to another user";
  else if (st.st_mode & 077)
    why = "open to other users";
  if (!why)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "secret “%s”: %s", reference, why);
  if (error)
    clm_error_set_hint (*error, "the file must be regular, owned by root or the daemon's user, mode 0600 or less");
  return FALSE;
}

typedef struct {
  const char *data;
  gsize       size;
} Slice;

static void
copy_slice (void    *data,
            gsize    size,
            gpointer user_data)
{
  memcpy (data, ((Slice *) user_data)->data, size);
}

static ClmSecret *
drop_newline (ClmSecret *secret)
{
  Slice slice;
  ClmSecret *shorter;

  slice.data = clm_secret_peek (secret, &slice.size);
  if (slice.size == 0 || slice.data[slice.size - 1] != '\n')
    return secret;
  slice.size--;
  shorter = clm_secret_new_sized (slice.size, copy_slice, &slice);
  clm_secret_unref (secret);
  return shorter;
}

static ClmSecret *
load (const char *reference,
      GError    **error)
{
  g_autofree char *path = resolve (reference, error);
  ClmSecret *secret = NULL;
  int fd;

  if (!path)
    return NULL;
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "secret “%s”: %s", reference, g_strerror (errno));
    return NULL;
  }
  if (check_file (fd, reference, error)) {
    g_autoptr (GError) local = NULL;

    secret = clm_secret_new_from_fd (fd, CLM_SECRET_MAX, &local);
    if (!secret)
      g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "secret “%s”: %s", reference, local->message);
  }
  close (fd);
  return secret ? drop_newline (secret) : NULL;
}

static void
load_in_thread (GTask        *task,
                gpointer      source,
                gpointer      task_data,
                GCancellable *cancellable)
{
  GError *error = NULL;
  ClmSecret *secret = load (task_data, &error);

  if (secret)
    g_task_return_pointer (task, secret, (GDestroyNotify) clm_secret_unref);
  else
    g_task_return_error (task, error);
}

void
clm_secret_reference_load_async (const char         *reference,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_secret_reference_load_async);
  g_task_set_task_data (task, g_strdup (reference), g_free);
  g_task_run_in_thread (task, load_in_thread);
}

ClmSecret *
clm_secret_reference_load_finish (GAsyncResult *result,
                                  GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
