/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "page.h"

#define CHUNK_SIZE 32768

ClmPage *
clm_page_new (void)
{
  ClmPage *self = g_new0 (ClmPage, 1);

  self->rows = g_array_new (FALSE, FALSE, sizeof (ClmSummary));
  self->removed = g_ptr_array_new_with_free_func (g_free);
  self->next = g_strdup ("");
  self->texts = g_string_chunk_new (CHUNK_SIZE);
  return self;
}

void
clm_page_free (ClmPage *self)
{
  g_array_unref (self->rows);
  g_ptr_array_unref (self->removed);
  g_free (self->next);
  g_string_chunk_free (self->texts);
  g_free (self);
}

void
clm_page_add (ClmPage          *self,
              const ClmSummary *row)
{
  ClmSummary copy = *row;

  copy.name = g_string_chunk_insert (self->texts, row->name);
  /* The same few words in every row. */
  copy.authority = g_string_chunk_insert_const (self->texts, row->authority);
  copy.key_store = g_string_chunk_insert_const (self->texts, row->key_store);
  copy.message = *row->message ? g_string_chunk_insert (self->texts, row->message) : "";
  g_array_append_val (self->rows, copy);
}

const ClmSummary *
clm_page_get (ClmPage *self,
              guint    index)
{
  return &g_array_index (self->rows, ClmSummary, index);
}

void
clm_page_drop (ClmPage *self,
               guint    index)
{
  g_array_remove_index (self->rows, index);
}
