/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "batch.h"

struct _ClmBusBatch {
  GHashTable      *items;   /* key → item */
  GPtrArray       *order;   /* keys, owned by @items */
  GDestroyNotify   free_item;
  ClmBusBatchFunc  func;
  gpointer         user_data;
  guint            timer;
};

static void
reset (ClmBusBatch *self)
{
  self->items = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, self->free_item);
  self->order = g_ptr_array_new ();
}

ClmBusBatch *
clm_bus_batch_new (GDestroyNotify free_item, ClmBusBatchFunc func, gpointer user_data)
{
  ClmBusBatch *self = g_new0 (ClmBusBatch, 1);
  self->free_item = free_item;
  self->func = func;
  self->user_data = user_data;
  reset (self);
  return self;
}

void
clm_bus_batch_free (ClmBusBatch *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  g_ptr_array_unref (self->order);
  g_hash_table_unref (self->items);
  g_free (self);
}

void
clm_bus_batch_flush (ClmBusBatch *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  if (self->order->len == 0)
    return;
  /* The function may add again: that is the next batch. */
  g_autoptr (GHashTable) items = g_steal_pointer (&self->items);
  g_autoptr (GPtrArray) order = g_steal_pointer (&self->order);
  reset (self);
  for (guint i = 0; i < order->len; i++)
    order->pdata[i] = g_hash_table_lookup (items, order->pdata[i]);
  self->func (order, self->user_data);
}

static gboolean
on_time (gpointer user_data)
{
  ClmBusBatch *self = user_data;
  self->timer = 0;
  clm_bus_batch_flush (self);
  return G_SOURCE_REMOVE;
}

void
clm_bus_batch_add (ClmBusBatch *self, const char *key, gpointer item)
{
  gpointer kept = NULL;
  if (g_hash_table_lookup_extended (self->items, key, &kept, NULL)) {
    g_hash_table_insert (self->items, g_strdup (key), item);
    return;
  }
  kept = g_strdup (key);
  g_hash_table_insert (self->items, kept, item);
  g_ptr_array_add (self->order, kept);
  if (self->timer == 0)
    self->timer = g_timeout_add (CLM_BUS_BATCH_MS, on_time, self);
}

void
clm_bus_batch_drop (ClmBusBatch *self, const char *key)
{
  gpointer kept = NULL;
  if (!g_hash_table_lookup_extended (self->items, key, &kept, NULL))
    return;
  g_ptr_array_remove (self->order, kept);
  g_hash_table_remove (self->items, key);
  if (self->order->len == 0)
    g_clear_handle_id (&self->timer, g_source_remove);
}
