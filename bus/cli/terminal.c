/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT    24

static void
detect_size (ClmTerminal *self)
{
  struct winsize size = { 0 };
  const char *columns = g_getenv ("COLUMNS");
  gboolean known = ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  self->rows = known && size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
  self->columns = known && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
  if (columns != NULL && atoi (columns) > 0)
    self->columns = (guint) atoi (columns);
  else if (!self->out_is_tty)
    self->columns = 0;
}

static gboolean
wants_color (const ClmTerminal *self, const char *color)
{
  if (color != NULL && !g_str_equal (color, "auto"))
    return g_str_equal (color, "always");
  const char *no_color = g_getenv ("NO_COLOR");
  return self->out_is_tty && (no_color == NULL || *no_color == '\0') && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

void
clm_terminal_detect (ClmTerminal *self, const char *color)
{
  self->out_is_tty = isatty (STDOUT_FILENO);
  self->err_is_tty = isatty (STDERR_FILENO) && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
  self->utf8 = g_get_charset (NULL);
  self->color = wants_color (self, color);
  detect_size (self);
}

const char *
clm_terminal_get_escape (const ClmTerminal *self, ClmColor color)
{
  static const char *const escapes[] = {
    [CLM_COLOR_NONE] = "", [CLM_COLOR_GREEN] = "\033[32m", [CLM_COLOR_YELLOW] = "\033[33m",
    [CLM_COLOR_RED] = "\033[31m", [CLM_COLOR_BLUE] = "\033[34m", [CLM_COLOR_BOLD] = "\033[1m",
  };
  return self->color ? escapes[color] : "";
}

char *
clm_terminal_paint (const ClmTerminal *self, ClmColor color, const char *text)
{
  const char *begin = clm_terminal_get_escape (self, color);
  return g_strdup_printf ("%s%s%s", begin, text, *begin != '\0' ? "\033[0m" : "");
}
