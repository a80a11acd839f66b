/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** CLM_BUS_BATCH_MS: how long changes are collected. */
#define CLM_BUS_BATCH_MS 250

/**
 * ClmBusBatch:
 *
 * Collects changes by key for a quarter of a second from the first one and then hands them over at once; a thing that changed
 * twice is there once, as it was last. No timer runs while there is nothing to hand over. Main thread only.
 */
typedef struct _ClmBusBatch ClmBusBatch;

/** ClmBusBatchFunc: @items: (element-type gpointer): in the order of their first change, owned by the batch. */
typedef void (*ClmBusBatchFunc) (GPtrArray *items, gpointer user_data);

/** clm_bus_batch_new: @free_item: what frees an item. */
ClmBusBatch *clm_bus_batch_new (GDestroyNotify free_item, ClmBusBatchFunc func, gpointer user_data);
/** clm_bus_batch_free: What is collected is dropped. */
void         clm_bus_batch_free (ClmBusBatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBusBatch, clm_bus_batch_free)

/** clm_bus_batch_add: @item: (transfer full): replaces one of the same @key. */
void clm_bus_batch_add (ClmBusBatch *self, const char *key, gpointer item);
/** clm_bus_batch_drop: Forgets what is collected for @key. */
void clm_bus_batch_drop (ClmBusBatch *self, const char *key);
/** clm_bus_batch_flush: Hands over now. */
void clm_bus_batch_flush (ClmBusBatch *self);

G_END_DECLS
