/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "record.h"

G_BEGIN_DECLS

/**
 * ClmPage:
 *
 * Some rows of a list, with all their texts in one piece of memory: a list of many costs a few allocations for a page, none for
 * a row. Filled by one thread, then handed on whole.
 */
typedef struct {
  GArray       *rows;      /* ClmSummary */
  GPtrArray    *removed;   /* char *: names that are gone; only where changes are listed */
  char         *next;      /* "" at the end; only in lists by name */
  guint64       revision;  /* up to where changes are listed; only in lists of changes */
  gboolean      more;      /* changes after @revision are known already */
  GStringChunk *texts;
} ClmPage;

ClmPage *clm_page_new (void);
void     clm_page_free (ClmPage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmPage, clm_page_free)

/** clm_page_add: Copies @row and its strings. */
void              clm_page_add (ClmPage *self, const ClmSummary *row);
/** clm_page_get: Returns: (transfer none): row @index. */
const ClmSummary *clm_page_get (ClmPage *self, guint index);
/** clm_page_drop: Takes row @index out. */
void              clm_page_drop (ClmPage *self, guint index);

G_END_DECLS
