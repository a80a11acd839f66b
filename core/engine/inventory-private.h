/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "inventory.h"
#include "inventory-rows.h"
#include "reader.h"
#include "writer.h"

G_BEGIN_DECLS

/* Inside of the inventory, for inventory*.c only. */

/* A file beside the database that says it was found damaged while it was in use. */
#define CLM_INVENTORY_SUSPECT "-suspect"

struct _ClmInventory {
  GObject       parent_instance;
  ClmSqlWriter *writer;
  ClmSqlReader *reader;
  char         *path;
  char         *epoch;
  guint64       revision;
  gint64        last_seen;          /* to be written with the next write; 0: nothing new */
  gint64        last_seen_stored;
  guint         history_limit;
  guint         events_until_prune;
  guint         writing;            /* changes that are not written yet */
  GPtrArray    *noted;              /* ClmEvent: waiting for a change to go along with */
  guint         noted_id;           /* the source that waits no longer */
};

/** clm_inventory_run_number: One statement with one number. In the writer. */
gboolean clm_inventory_run_number (ClmSqlConnection *connection, const char *sql, gint64 number, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_count_revision: Raises the revision by @step. @revision: (out): the new one. In the writer. */
gboolean clm_inventory_count_revision (ClmSqlConnection *connection, gint64 step, guint64 *revision, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_note_moved: Records up to @revision were moved; tells it. */
void     clm_inventory_note_moved (ClmInventory *self, guint64 revision);

/** clm_inventory_on_written: Ends a task, whose data is that of a write that self->writing counts, with the outcome of the write. @user_data: (transfer full): the #GTask. */
void clm_inventory_on_written (GObject *source, GAsyncResult *result, gpointer user_data);
/** clm_inventory_on_read: The same for a read. */
void clm_inventory_on_read (GObject *source, GAsyncResult *result, gpointer user_data);

G_END_DECLS
