/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "consumer.h"
#include "clm-error.h"

#include <string.h>
#include <unistd.h>

/* The lock's own file is the board: the number of the run begun last, then its outcome as a reply. */
#define NUMBER_SIZE sizeof (guint64)

static char *
make_lock_name (const char *key)
{
  return g_strdup_printf ("action-%s", key);
}

static guint64
read_number (int fd)
{
  guint64 number = 0;

  if (pread (fd, &number, NUMBER_SIZE, 0) != (ssize_t) NUMBER_SIZE)
    return 0;
  return number;
}

ClmConsumerTicket
clm_consumer_take_ticket (ClmWorkplace *workplace, const char *key)
{
  g_autofree char *name = key ? make_lock_name (key) : NULL;
  int fd = name ? clm_workplace_open_note (workplace, name) : -1;
  guint64 number = 0;

  if (fd >= 0) {
    number = read_number (fd);
    close (fd);
  }
  return number;
}

/* The number comes first: from here on, files put in place need a later run. */
static void
note_begin (int fd, guint64 number)
{
  if (ftruncate (fd, NUMBER_SIZE) < 0 || pwrite (fd, &number, NUMBER_SIZE, 0) != (ssize_t) NUMBER_SIZE)
    g_warning ("cannot note the action that begins; it will not be shared");
}

static void
note_end (int fd, gboolean ok, const char *output, const GError *error)
{
  const char *hint = clm_error_get_hint (error);
  ClmDeliverReply outcome = {
    .ok = ok,
    .code = error ? error->code : 0,
    .message = error ? error->message : NULL,
    .hint = (char *) hint,
    .output = (char *) output,
  };
  g_autoptr (GBytes) bytes = clm_deliver_reply_encode (&outcome);
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);

  if (pwrite (fd, data, size, NUMBER_SIZE) != (ssize_t) size && ftruncate (fd, NUMBER_SIZE) < 0)
    g_warning ("cannot note the outcome of the action; it will not be shared");
}

static gboolean
read_outcome (int fd, ClmDeliverReply *outcome)
{
  g_autofree char *data = g_malloc (CLM_DELIVER_MAX_MESSAGE);
  ssize_t size = pread (fd, data, CLM_DELIVER_MAX_MESSAGE, NUMBER_SIZE);

  memset (outcome, 0, sizeof *outcome);
  return size > 0 && clm_deliver_reply_decode (outcome, data, (gsize) size, NULL);
}

static gboolean
run_and_note (int fd, const ClmCommand *command, const ClmCommandContext *context, char **output, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean ok;

  note_begin (fd, read_number (fd) + 1);
  ok = clm_command_run (command, context, output, &local);
  note_end (fd, ok, *output, local);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&local));
  return ok;
}

static gboolean
take_over (ClmDeliverReply *outcome, char **output, GError **error)
{
  *output = g_steal_pointer (&outcome->output);
  if (outcome->ok)
    return TRUE;
  g_set_error_literal (error, CLM_ERROR, outcome->code, outcome->message);
  if (outcome->hint[0])
    clm_error_set_hint (error ? *error : NULL, "%s", outcome->hint);
  return FALSE;
}

gboolean
clm_consumer_act (ClmWorkplace *workplace, const char *key, ClmConsumerTicket ticket, const ClmCommand *command,
                  const ClmCommandContext *context, gboolean *shared, char **output, GError **error)
{
  g_autofree char *name = key ? make_lock_name (key) : NULL;
  g_auto (ClmDeliverReply) outcome = {0};
  gboolean ok;

  *shared = FALSE;
  if (name == NULL)
    return clm_command_run (command, context, output, error);
  *output = NULL;
  int fd = clm_workplace_lock (workplace, name, error);
  if (fd < 0) {
    *output = g_strdup ("");
    return FALSE;
  }
  if (read_number (fd) > ticket && read_outcome (fd, &outcome)) {
    *shared = TRUE;
    ok = take_over (&outcome, output, error);
  } else
    ok = run_and_note (fd, command, context, output, error);
  close (fd);
  return ok;
}
