/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "inventory.h"
#include "inventory-rows.h"
#include "reader.h"
#include "writer.h"

G_BEGIN_DECLS

/* Inside of the inventory, for inventory*.c only. */

struct _ClmInventory {
  GObject       parent_instance;
  ClmSqlWriter *writer;
  ClmSqlReader *reader;
  char         *epoch;
  guint64       revision;
  gint64        last_seen;          /* to be written with the next write; 0: nothing new */
  gint64        last_seen_stored;
  guint         history_limit;
  guint         events_until_prune;
  guint         writing;            /* changes that are not written yet */
};

/** clm_inventory_on_written: Ends a task, whose data is that of a write that self->writing counts, with the outcome of the write. @user_data: (transfer full): the #GTask. */
void clm_inventory_on_written (GObject *source, GAsyncResult *result, gpointer user_data);
/** clm_inventory_on_read: The same for a read. */
void clm_inventory_on_read (GObject *source, GAsyncResult *result, gpointer user_data);

G_END_DECLS
