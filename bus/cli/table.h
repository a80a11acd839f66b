/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "terminal.h"

G_BEGIN_DECLS

/**
 * ClmTable: rows and columns for a person, drawn by libsmartcols. Where the terminal is too narrow, whole columns are left out
 * first, in the order of their @drop, and only then the widest text is cut. A column in which no row has anything is left out too.
 */
typedef struct _ClmTable ClmTable;

typedef enum {
  CLM_COLUMN_LEFT,
  CLM_COLUMN_RIGHT,
  CLM_COLUMN_CUT    /* left, and may be cut */
} ClmColumnKind;

ClmTable *clm_table_new (void);
void      clm_table_free (ClmTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmTable, clm_table_free)

/** clm_table_add_column: @drop: 0: never left out; 1: the first to go, and so on. */
void clm_table_add_column (ClmTable *self, const char *title, ClmColumnKind kind, guint drop);

/** clm_table_add_row: @cells: (array zero-terminated=1): one text for each column. */
void clm_table_add_row (ClmTable *self, const char *const *cells);

/** clm_table_color: Colours a cell of the row added last. */
void clm_table_color (ClmTable *self, guint column, ClmColor color);

/** clm_table_to_string: @legend: whether to write the titles. Returns: (transfer full): "" without rows. */
char *clm_table_to_string (ClmTable *self, const ClmTerminal *terminal, gboolean legend);

/** clm_table_cut: Returns: (transfer full): as much of @text, which is one line, as @columns of a terminal hold. */
char *clm_table_cut (const char *text, guint columns);

G_END_DECLS
