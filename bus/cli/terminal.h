/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <stdio.h>

G_BEGIN_DECLS

/** ClmTerminal: what we write to. Plain data. */
typedef struct {
  gboolean out_is_tty;
  gboolean err_is_tty;
  gboolean dumb;        /* knows no control sequences: no bar, no pager, and colours only when asked for */
  gboolean utf8;      /* the locale can show every sign */
  gboolean color;     /* on standard output */
  guint    columns;   /* 0: as wide as it gets */
  guint    err_columns; /* of standard error, for the bar */
  guint    rows;
} ClmTerminal;

/** ClmColor: never the only carrier of anything. */
typedef enum { CLM_COLOR_NONE, CLM_COLOR_GREEN, CLM_COLOR_YELLOW, CLM_COLOR_RED, CLM_COLOR_BLUE } ClmColor;

/** clm_terminal_detect: @color: (nullable): "auto", "always", "never". Obeys NO_COLOR, TERM=dumb and COLUMNS. */
void clm_terminal_detect (ClmTerminal *self, const char *color);

/** clm_terminal_get_escape: Returns: (transfer none): the sequence that begins @color; "" where colours are off. */
const char *clm_terminal_get_escape (const ClmTerminal *self, ClmColor color);

G_END_DECLS
