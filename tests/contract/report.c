/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_S 30

static guint   count, failures;
static gint    faults;      /* any thread */
static GMutex  lock;
static char   *last_fault;

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  for (gsize i = 0; i < n_fields; i++) {
    if (!g_str_equal (fields[i].key, "MESSAGE") || strstr (fields[i].value, "the plugin is faulty") == NULL)
      continue;
    g_atomic_int_inc (&faults);
    g_mutex_lock (&lock);
    g_free (last_fault);
    last_fault = g_strdup (fields[i].value);
    g_mutex_unlock (&lock);
  }
  return g_log_writer_default (level, fields, n_fields, data);
}

void
report_start (void)
{
  g_log_writer_default_set_use_stderr (TRUE);   /* standard output belongs to the protocol */
  g_log_set_writer_func (write_log, NULL, NULL);
}

static void
print_line (gboolean ok, const char *text, const char *directive)
{
  g_print ("%s %u - %s%s\n", ok ? "ok" : "not ok", ++count, text, directive);
  if (!ok)
    failures++;
}

gboolean
report_check (gboolean ok, const char *why, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  print_line (ok, text, "");
  if (!ok && why != NULL)
    g_print ("# %s\n", why);
  return ok;
}

gboolean
report_no_error (gboolean ok, GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  report_check (ok, *error != NULL ? (*error)->message : "it failed without an error", "%s", text);
  g_clear_error (error);
  return ok;
}

void
report_skip (const char *why, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *directive = g_strdup_printf (" # SKIP %s", why);
  print_line (TRUE, text, directive);
}

void
report_manners (const char *what)
{
  gboolean faulty = g_atomic_int_exchange (&faults, 0) != 0;

  g_mutex_lock (&lock);
  report_check (!faulty, last_fault, "%s: every call is completed once and in the caller's thread", what);
  g_mutex_unlock (&lock);
}

int
report_end (void)
{
  g_print ("1..%u\n", count);
  if (failures > 0)
    g_print ("# %u of %u failed\n", failures, count);
  g_clear_pointer (&last_fault, g_free);
  return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static gboolean
on_patience_ended (gpointer what)
{
  report_check (FALSE, "no answer within 30 seconds", "%s is completed", (const char *) what);
  exit (report_end ());
}

GAsyncResult *
report_await (GAsyncResult **slot, const char *what)
{
  guint timer = g_timeout_add_seconds (PATIENCE_S, on_patience_ended, (gpointer) what);

  while (*slot == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timer);
  return *slot;
}
