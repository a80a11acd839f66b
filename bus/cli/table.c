/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "table.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2   /* columns between two columns */

typedef struct {
  char          *title;
  ClmColumnKind  kind;
  guint          drop;
} Column;

typedef struct {
  char     *text;
  ClmColor  color;
} Cell;

struct _ClmTable {
  GArray    *columns;   /* Column */
  GPtrArray *rows;      /* Cell[number of columns] */
};

ClmTable *
clm_table_new (void)
{
  ClmTable *self = g_new0 (ClmTable, 1);
  self->columns = g_array_new (FALSE, TRUE, sizeof (Column));
  self->rows = g_ptr_array_new ();
  return self;
}

void
clm_table_free (ClmTable *self)
{
  for (guint i = 0; i < self->rows->len; i++) {
    Cell *row = self->rows->pdata[i];
    for (guint j = 0; j < self->columns->len; j++)
      g_free (row[j].text);
    g_free (row);
  }
  for (guint j = 0; j < self->columns->len; j++)
    g_free (g_array_index (self->columns, Column, j).title);
  g_array_unref (self->columns);
  g_ptr_array_unref (self->rows);
  g_free (self);
}

void
clm_table_add_column (ClmTable *self, const char *title, ClmColumnKind kind, guint drop)
{
  g_return_if_fail (self->rows->len == 0);
  Column column = { g_strdup (title), kind, drop };
  g_array_append_val (self->columns, column);
}

/* What comes over the bus must not steer the terminal. */
static char *
dup_line (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (GString) line = g_string_new (NULL);
  for (const char *c = valid; *c != '\0'; c = g_utf8_next_char (c)) {
    gunichar letter = g_utf8_get_char (c);
    g_string_append_unichar (line, g_unichar_iscntrl (letter) ? ' ' : letter);
  }
  return g_string_free (g_steal_pointer (&line), FALSE);
}

void
clm_table_add_row (ClmTable *self, const char *const *cells)
{
  g_return_if_fail (g_strv_length ((GStrv) cells) == self->columns->len);
  Cell *row = g_new0 (Cell, self->columns->len);
  for (guint j = 0; j < self->columns->len; j++)
    row[j].text = dup_line (cells[j]);
  g_ptr_array_add (self->rows, row);
}

void
clm_table_color (ClmTable *self, guint column, ClmColor color)
{
  Cell *row = self->rows->pdata[self->rows->len - 1];
  row[column].color = color;
}

/* --- what fits --- */

static guint
measure_letter (gunichar letter)
{
  if (g_unichar_iszerowidth (letter))
    return 0;
  return g_unichar_iswide (letter) ? 2 : 1;
}

static guint
count_cells (const char *text)
{
  guint count = 0;
  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    count += measure_letter (g_utf8_get_char (c));
  return count;
}

char *
clm_table_cut (const char *text, guint columns)
{
  const char *end = text;
  for (guint used = 0; *end != '\0'; end = g_utf8_next_char (end)) {
    used += measure_letter (g_utf8_get_char (end));
    if (used > columns)
      break;
  }
  return g_strndup (text, (gsize) (end - text));
}

static guint
measure_column (ClmTable *self, guint column)
{
  guint width = count_cells (g_array_index (self->columns, Column, column).title);
  for (guint i = 0; i < self->rows->len; i++)
    width = MAX (width, count_cells (((Cell *) self->rows->pdata[i])[column].text));
  return width + GAP;
}

static gboolean
is_empty_column (ClmTable *self, guint column)
{
  for (guint i = 0; i < self->rows->len; i++) {
    if (*((Cell *) self->rows->pdata[i])[column].text != '\0')
      return FALSE;
  }
  return TRUE;
}

static guint
find_highest_drop (ClmTable *self)
{
  guint highest = 0;
  for (guint j = 0; j < self->columns->len; j++)
    highest = MAX (highest, g_array_index (self->columns, Column, j).drop);
  return highest;
}

static gboolean *
choose_columns (ClmTable *self, guint available)
{
  gboolean *shown = g_new (gboolean, self->columns->len);
  guint width = 0, highest = find_highest_drop (self);
  for (guint j = 0; j < self->columns->len; j++) {
    shown[j] = !is_empty_column (self, j);
    width += shown[j] ? measure_column (self, j) : 0;
  }
  for (guint drop = 1; drop <= highest && available > 0 && width - GAP > available; drop++) {
    for (guint j = 0; j < self->columns->len; j++) {
      if (g_array_index (self->columns, Column, j).drop != drop || !shown[j])
        continue;
      shown[j] = FALSE;
      width -= measure_column (self, j);
    }
  }
  return shown;
}

/* --- drawing --- */

static void
draw_columns (ClmTable *self, struct libscols_table *table, const gboolean *shown, gboolean utf8)
{
  static const int flags[] = { [CLM_COLUMN_LEFT] = 0, [CLM_COLUMN_RIGHT] = SCOLS_FL_RIGHT, [CLM_COLUMN_CUT] = SCOLS_FL_TRUNC };
  for (guint j = 0; j < self->columns->len; j++) {
    const Column *column = &g_array_index (self->columns, Column, j);
    g_autofree char *ascii = utf8 ? NULL : g_str_to_ascii (column->title, "C");
    if (shown[j])
      scols_table_new_column (table, ascii != NULL ? ascii : column->title, 0, flags[column->kind]);
  }
}

static void
draw_row (ClmTable *self, struct libscols_table *table, const Cell *row, const gboolean *shown, const ClmTerminal *terminal)
{
  struct libscols_line *line = scols_table_new_line (table, NULL);
  gsize number = 0;
  for (guint j = 0; line != NULL && j < self->columns->len; j++) {
    if (!shown[j])
      continue;
    g_autofree char *ascii = terminal->utf8 ? NULL : g_str_to_ascii (row[j].text, "C");
    scols_line_set_data (line, number, ascii != NULL ? ascii : row[j].text);
    if (row[j].color != CLM_COLOR_NONE && terminal->color)
      scols_cell_set_color (scols_line_get_cell (line, number), clm_terminal_get_escape (terminal, row[j].color));
    number++;
  }
}

static void
set_up (struct libscols_table *table, const ClmTerminal *terminal, gboolean legend)
{
  scols_table_enable_noheadings (table, !legend);
  scols_table_enable_colors (table, terminal->color);
  scols_table_set_column_separator (table, "  ");
  scols_table_set_termforce (table, terminal->columns > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
  if (terminal->columns > 0)
    scols_table_set_termwidth (table, terminal->columns);
}

/* Nobody likes blanks at the end of a line. */
static char *
strip_lines (const char *text)
{
  g_autoptr (GString) stripped = g_string_new (NULL);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    g_string_append_printf (stripped, "%s%s", i > 0 ? "\n" : "", g_strchomp (lines[i]));
  if (stripped->len > 0 && stripped->str[stripped->len - 1] != '\n')
    g_string_append_c (stripped, '\n');
  return g_string_free (g_steal_pointer (&stripped), FALSE);
}

char *
clm_table_to_string (ClmTable *self, const ClmTerminal *terminal, gboolean legend)
{
  struct libscols_table *table = scols_new_table ();
  if (self->rows->len == 0 || table == NULL) {
    scols_unref_table (table);
    return g_strdup ("");
  }
  g_autofree gboolean *shown = choose_columns (self, terminal->columns);
  char *drawn = NULL;
  set_up (table, terminal, legend);
  draw_columns (self, table, shown, terminal->utf8);
  for (guint i = 0; i < self->rows->len; i++)
    draw_row (self, table, self->rows->pdata[i], shown, terminal);
  scols_print_table_to_string (table, &drawn);
  scols_unref_table (table);
  char *text = strip_lines (drawn != NULL ? drawn : "");
  free (drawn);
  return text;
}
