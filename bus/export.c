/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_PER_PAGE 1000
#define EXPORTS_MAX   4
/* How long the other end may take nothing; looked at in steps, so that a cancelled export ends soon. */
#define STALL_MS      30000
#define STEP_MS       200

typedef struct {
  ClmCaller    *caller;
  GVariant     *owner;
  ClmListFilter filter;
  char        **states;   /* the filter's, by itself */
  int           fd;
  gboolean      is_file;
  ClmPage      *page;     /* read, not yet being written */
  char         *cursor;   /* of the next page; NULL at the end */
  gboolean      reading;
  gboolean      writing;
  GError       *error;
  guint64       count;
  guint64       revision;
} Export;

static guint n_exports = 0;

static void
export_free (Export *self)
{
  n_exports--;
  clm_caller_free (self->caller);
  g_variant_unref (self->owner);
  g_strfreev (self->states);
  close (self->fd);
  g_clear_pointer (&self->page, clm_page_free);
  g_free (self->cursor);
  g_clear_error (&self->error);
  g_free (self);
}

/* --- one row as JSON, RFC 8259 --- */

static void
append_text (GString *text, const char *name, const char *value)
{
  g_string_append_printf (text, ",\"%s\":\"", name);
  for (const char *c = value; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_c (text, '\\');
    if ((guchar) *c < 0x20)
      g_string_append_printf (text, "\\u%04x", *c);
    else
      g_string_append_c (text, *c);
  }
  g_string_append_c (text, '"');
}

static void
append_row (GString *text, const ClmSummary *row)
{
  /* A name has no character that JSON would escape. */
  g_string_append_printf (text, "{\"name\":\"%s\",\"state\":\"%s\",\"delivery_state\":\"%s\"", row->name,
                          clm_state_get_nick (row->state), clm_delivery_state_get_nick (row->delivery_state));
  append_text (text, "authority", row->authority);
  append_text (text, "key_store", row->key_store);
  g_string_append_printf (text, ",\"not_before\":%" G_GINT64_FORMAT ",\"not_after\":%" G_GINT64_FORMAT ",\"next_action\":\"%s\""
                          ",\"next_time\":%" G_GINT64_FORMAT ",\"attempts\":%u", row->not_before, row->not_after,
                          clm_action_get_nick (row->next_action), row->next_time, row->attempts);
  append_text (text, "message", row->message);
  g_string_append_printf (text, ",\"revision\":%" G_GUINT64_FORMAT "}\n", row->revision);
}

/* --- writing, in a worker --- */

static gboolean
wait_until_writable (int fd, GCancellable *cancellable, GError **error)
{
  struct pollfd ready = { .fd = fd, .events = POLLOUT };
  for (guint waited = 0; waited < STALL_MS; waited += STEP_MS) {
    if (g_cancellable_set_error_if_cancelled (cancellable, error))
      return FALSE;
    if (poll (&ready, 1, STEP_MS) > 0)
      return TRUE;
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_BUSY, "the other end has taken nothing for %d s", STALL_MS / 1000);
  return FALSE;
}

/* What poll() allows to a pipe or a socket are PIPE_BUF bytes; more could block. The flag for that is not ours: the caller shares it. */
static gboolean
write_all (Export *self, const char *data, gsize size, GCancellable *cancellable, GError **error)
{
  while (size > 0) {
    if (!self->is_file && !wait_until_writable (self->fd, cancellable, error))
      return FALSE;
    gssize written = write (self->fd, data, self->is_file ? size : MIN (size, PIPE_BUF));
    if (written < 0 && errno != EINTR && errno != EAGAIN) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "cannot write into the descriptor: %s", g_strerror (errno));
      return FALSE;
    }
    data += MAX (written, 0);
    size -= MAX (written, 0);
  }
  return TRUE;
}

static void
write_page (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Export *self = g_task_get_task_data (G_TASK (source));
  ClmPage *page = task_data;
  g_autoptr (GString) text = g_string_sized_new (ROWS_PER_PAGE * 320);
  GError *error = NULL;
  for (guint i = 0; i < page->rows->len; i++)
    append_row (text, clm_page_get (page, i));
  if (write_all (self, text->str, text->len, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* --- the two of them together --- */

static void step (GTask *task);

static void
note_error (Export *self, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_clear_error (&error);
}

static void
on_page_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Export *self = g_task_get_task_data (task);
  GError *error = NULL;
  self->writing = FALSE;
  if (!g_task_propagate_boolean (G_TASK (result), &error))
    note_error (self, error);
  step (task);
}

static void
start_writing (GTask *task)
{
  Export *self = g_task_get_task_data (task);
  g_autoptr (GTask) writing = g_task_new (task, g_task_get_cancellable (task), on_page_written, g_object_ref (task));
  self->writing = TRUE;
  self->count += self->page->rows->len;
  g_task_set_source_tag (writing, start_writing);
  g_task_set_task_data (writing, g_steal_pointer (&self->page), (GDestroyNotify) clm_page_free);
  g_task_run_in_thread (writing, write_page);
}

static void
on_page_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Export *self = g_task_get_task_data (task);
  GError *error = NULL;
  self->reading = FALSE;
  self->page = clm_manager_list_finish (CLM_MANAGER (source), result, &error);
  g_clear_pointer (&self->cursor, g_free);
  if (self->page == NULL)
    note_error (self, error);
  else if (*self->page->next != '\0')
    self->cursor = g_strdup (self->page->next);
  step (task);
}

static void
start_reading (GTask *task)
{
  Export *self = g_task_get_task_data (task);
  self->reading = TRUE;
  clm_manager_list_async (g_task_get_source_object (task), self->caller, &self->filter, self->cursor, ROWS_PER_PAGE,
                          g_task_get_cancellable (task), on_page_read, g_object_ref (task));
}

static void
step (GTask *task)
{
  Export *self = g_task_get_task_data (task);
  if (self->error == NULL && self->page != NULL && !self->writing)
    start_writing (task);
  if (self->error == NULL && self->page == NULL && self->cursor != NULL && !self->reading)
    start_reading (task);
  if (self->reading || self->writing)
    return;
  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else
    g_task_return_boolean (task, TRUE);
}

/* --- asking for it --- */

static gboolean
is_for_writing (int fd)
{
  int flags = fcntl (fd, F_GETFL);
  return flags != -1 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Other kinds can do anything when written to. The reading end of a pipe would be waited for in vain. */
static gboolean
look_at_fd (int fd, gboolean *is_file, GError **error)
{
  struct stat status;
  if (!is_for_writing (fd)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the descriptor is not open for writing");
    return FALSE;
  }
  if (fstat (fd, &status) == 0 && (S_ISREG (status.st_mode) || S_ISFIFO (status.st_mode) || S_ISSOCK (status.st_mode))) {
    *is_file = S_ISREG (status.st_mode);
    return TRUE;
  }
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the descriptor is neither a pipe nor a socket nor a file");
  return FALSE;
}

static gboolean
check_number (GError **error)
{
  if (n_exports <= EXPORTS_MAX)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_LIMITS_EXCEEDED, "%d exports are under way", EXPORTS_MAX);
  return FALSE;
}

void
clm_bus_export_async (ClmManager *manager, const ClmCaller *caller, GVariant *owner, const ClmListFilter *filter, int fd,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (manager, cancellable, callback, user_data);
  Export *self = g_new0 (Export, 1);
  GError *error = NULL;
  n_exports++;
  g_task_set_source_tag (task, clm_bus_export_async);
  g_task_set_task_data (task, self, (GDestroyNotify) export_free);
  self->caller = clm_caller_copy (caller);
  self->owner = g_variant_ref (owner);
  self->states = g_strdupv ((GStrv) filter->states);
  self->filter = *filter;
  self->filter.states = (const char *const *) self->states;
  self->fd = fd;
  self->cursor = g_strdup ("");
  self->revision = clm_manager_get_revision (manager);
  if (!check_number (&error) || !look_at_fd (fd, &self->is_file, &error))
    g_task_return_error (task, error);
  else
    step (task);
}

gboolean
clm_bus_export_finish (GAsyncResult *result, guint64 *count, guint64 *revision, GError **error)
{
  Export *self = g_task_get_task_data (G_TASK (result));
  *count = self->count;
  *revision = self->revision;
  return g_task_propagate_boolean (G_TASK (result), error);
}
