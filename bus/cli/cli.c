/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "cli.h"

#include "pager.h"

gint64
clm_cli_get_time (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static guint
count_lines (const char *text)
{
  guint count = 0;
  for (const char *c = text; *c != '\0'; c++)
    count += *c == '\n';
  return count;
}

/* What comes over the bus may hold anything; it must not steer the terminal. Our own colours are put in afterwards. */
char *
clm_cli_dup_shown (ClmCli *self, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (GString) shown = g_string_new (NULL);
  for (const char *c = valid; *c != '\0'; c = g_utf8_next_char (c)) {
    gunichar letter = g_utf8_get_char (c);
    g_string_append_unichar (shown, g_unichar_iscntrl (letter) && letter != '\n' ? ' ' : letter);
  }
  return self->terminal.utf8 ? g_string_free (g_steal_pointer (&shown), FALSE) : g_str_to_ascii (shown->str, "C");
}

void
clm_cli_print (ClmCli *self, const char *text)
{
  gboolean page = self->terminal.out_is_tty && !self->terminal.dumb && !self->no_pager && !self->json;
  if (page && count_lines (text) >= self->terminal.rows && clm_pager_show (text))
    return;
  fputs (text, stdout);
}

void
clm_cli_say (ClmCli *self, const char *format, ...)
{
  if (self->quiet || self->json)
    return;
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_autofree char *shown = clm_cli_dup_shown (self, text);
  fprintf (stdout, "%s\n", shown);
}
