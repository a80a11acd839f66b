/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT    24

static struct winsize
read_size (int fd)
{
  struct winsize size = { 0 };
  gboolean known = ioctl (fd, TIOCGWINSZ, &size) == 0;
  size.ws_row = known && size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
  size.ws_col = known && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
  return size;
}

static void
detect_size (ClmTerminal *self)
{
  struct winsize out = read_size (STDOUT_FILENO);
  const char *text = g_getenv ("COLUMNS");
  int wanted = text != NULL ? atoi (text) : 0;
  self->rows = out.ws_row;
  self->columns = wanted > 0 ? (guint) wanted : self->out_is_tty ? out.ws_col : 0;
  self->err_columns = wanted > 0 ? (guint) wanted : read_size (STDERR_FILENO).ws_col;
}

static gboolean
wants_color (const ClmTerminal *self, const char *color)
{
  if (color != NULL && !g_str_equal (color, "auto"))
    return g_str_equal (color, "always");
  const char *no_color = g_getenv ("NO_COLOR");
  return self->out_is_tty && (no_color == NULL || *no_color == '\0') && !self->dumb;
}

void
clm_terminal_detect (ClmTerminal *self, const char *color)
{
  self->dumb = g_strcmp0 (g_getenv ("TERM"), "dumb") == 0;
  self->out_is_tty = isatty (STDOUT_FILENO);
  self->err_is_tty = isatty (STDERR_FILENO);
  self->utf8 = g_get_charset (NULL);
  self->color = wants_color (self, color);
  detect_size (self);
}

const char *
clm_terminal_get_escape (const ClmTerminal *self, ClmColor color)
{
  static const char *const escapes[] = {
    [CLM_COLOR_NONE] = "", [CLM_COLOR_GREEN] = "\033[32m", [CLM_COLOR_YELLOW] = "\033[33m",
    [CLM_COLOR_RED] = "\033[31m", [CLM_COLOR_BLUE] = "\033[34m",
  };
  return self->color ? escapes[color] : "";
}
