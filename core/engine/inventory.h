/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "change.h"
#include "page.h"

G_BEGIN_DECLS

/**
 * ClmInventory:
 *
 * The database `STATE/certloom.db`: what is managed, how it stands and what happens next. The index on the next time is the
 * queue; nothing per certificate is kept in memory. Writes go through one writer thread and are durable on completion; the
 * small reads below are indexed look-ups made at once, lists are read in a worker. Main thread only.
 *
 * Signal "record-changed" (const ClmRecord *): a record was written; before the write completes for who asked for it.
 * Signal "record-removed" (const char *name, guint64 revision).
 * Signal "records-moved" (guint64 revision): the next times of any number of records were moved; @revision is the last one's.
 */
#define CLM_TYPE_INVENTORY (clm_inventory_get_type ())
G_DECLARE_FINAL_TYPE (ClmInventory, clm_inventory, CLM, INVENTORY, GObject)

/**
 * clm_inventory_open: Blocking; at start only.
 * @fresh: (out): whether there was no database: records are then rebuilt from the generations on disk
 *
 * A damaged database is moved aside (`certloom.db.damaged-N`) and counts as none.
 * Returns: (transfer full) (nullable). Fails with %CLM_ERROR_STORAGE.
 */
ClmInventory *clm_inventory_open (const char *state_dir, gboolean *fresh, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * clm_inventory_check_async: Looks through a database that was too large for a look at its start. Fails with
 * %CLM_ERROR_INVALID_DATA where it is damaged: the next clm_inventory_open() moves it aside.
 */
void          clm_inventory_check_async (ClmInventory *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean      clm_inventory_check_finish (ClmInventory *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_close: Writes what is queued and ends the threads. Blocking. */
void          clm_inventory_close (ClmInventory *self);

/** clm_inventory_get_epoch: Returns: (transfer none): a random word made with the database. */
const char *clm_inventory_get_epoch (ClmInventory *self);
/** clm_inventory_get_revision: Returns: of the last completed write. */
guint64     clm_inventory_get_revision (ClmInventory *self);

/** clm_inventory_apply_async: Writes @change, all or nothing. @change: (transfer full). */
void        clm_inventory_apply_async (ClmInventory *self, ClmChange *change, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_inventory_apply_finish: Returns: the revision that it made; 0 on error: nothing of it is written. Fails with %CLM_ERROR_STORAGE. */
guint64     clm_inventory_apply_finish (ClmInventory *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_inventory_shift_spans_async: The wall clock jumped by @delta seconds: moves the times that are spans along with it. */
void     clm_inventory_shift_spans_async (ClmInventory *self, gint64 delta, GAsyncReadyCallback callback, gpointer user_data);
/** clm_inventory_advance_spans_async: Network came up: brings retries forward to between @now and @now + @jitter seconds. */
void     clm_inventory_advance_spans_async (ClmInventory *self, gint64 now, gint64 jitter, GAsyncReadyCallback callback, gpointer user_data);
/** clm_inventory_shift_spans_finish: For both of the above. */
gboolean clm_inventory_shift_spans_finish (ClmInventory *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_inventory_note_event: Writes @event along with the next change, or by itself a moment later: for what nobody waits for. */
void        clm_inventory_note_event (ClmInventory *self, ClmEvent *event);

/** clm_inventory_is_writing: Whether a change of a certificate is on its way to the disk. */
gboolean clm_inventory_is_writing (ClmInventory *self);

/* Small reads. Each is one indexed look-up. */

/** clm_inventory_get_record: Returns: (transfer full) (nullable). Fails with %CLM_ERROR_NOT_FOUND, %CLM_ERROR_STORAGE. */
ClmRecord  *clm_inventory_get_record (ClmInventory *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_get_intent: @intent: (out) (transfer full) (nullable): %NULL where none is open. */
gboolean    clm_inventory_get_intent (ClmInventory *self, const char *name, ClmIntent **intent, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_get_spec: @row: (out) (transfer full) (nullable): %NULL for a certificate that came from a file. */
gboolean    clm_inventory_get_spec (ClmInventory *self, const char *name, ClmSpecRow **row, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_get_generations: Returns: (transfer full) (element-type ClmGenerationRow): newest first. */
GPtrArray  *clm_inventory_get_generations (ClmInventory *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_get_deliveries: Returns: (transfer full) (element-type ClmDeliveryRecord): by name. */
GPtrArray  *clm_inventory_get_deliveries (ClmInventory *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_is_key_named: Whether a kept generation or an open intent names the key. */
gboolean    clm_inventory_is_key_named (ClmInventory *self, const char *key_uri, gboolean *named, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_get_earliest_after: @spans_only: leave out what depends on a clock that is not trusted. Returns: the earliest time after @now at which anything is to be done; -1: nothing. */
gint64      clm_inventory_get_earliest_after (ClmInventory *self, gint64 now, gboolean spans_only);
/** clm_inventory_list_due: Returns: (transfer full): up to @limit names due at @now, soonest expiry first. */
GStrv       clm_inventory_list_due (ClmInventory *self, gint64 now, gboolean spans_only, guint limit);
/** clm_inventory_list_renewable: Returns: (transfer full): names whose renewal is due at @now. */
GStrv       clm_inventory_list_renewable (ClmInventory *self, gint64 now);
/** clm_inventory_list_names: Returns: (transfer full): all names of @origin ("file", "request"), in order. */
GStrv       clm_inventory_list_names (ClmInventory *self, const char *origin);
/** clm_inventory_count: Returns: how many are in @state. */
guint       clm_inventory_count (ClmInventory *self, ClmState state);

/* Backend state and small values of the daemon itself (last time seen). */

/** clm_inventory_load_value_async: Reads one value of one backend. @kind: "authority" and so on. */
void     clm_inventory_load_value_async (ClmInventory *self, const char *kind, const char *name, const char *key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_inventory_load_value_finish: @value: (out) (transfer full) (nullable). */
gboolean clm_inventory_load_value_finish (ClmInventory *self, GAsyncResult *result, GBytes **value, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_save_value_async: @value: (nullable): %NULL deletes. Durable on completion. */
void     clm_inventory_save_value_async (ClmInventory *self, const char *kind, const char *name, const char *key, GBytes *value, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_inventory_save_value_finish (ClmInventory *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_get_last_seen: Returns: the last trusted time that was written; 0: none. */
gint64   clm_inventory_get_last_seen (ClmInventory *self);
/** clm_inventory_set_last_seen: Goes along with the next write that happens anyway. */
void     clm_inventory_set_last_seen (ClmInventory *self, gint64 time);

/* Lists, in a worker. */

/** ClmInventoryFilter: as ClmListFilter of manager.h. */
typedef struct {
  const char        *pattern;
  const char *const *states;
  const char        *authority;
  gint64             expires_before;
} ClmInventoryFilter;

/** clm_inventory_list_async: Certificates by name after @cursor. */
void       clm_inventory_list_async (ClmInventory *self, const ClmInventoryFilter *filter, const char *cursor, guint limit, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_inventory_list_finish: Returns: (transfer full): a page by name. */
ClmPage   *clm_inventory_list_finish (ClmInventory *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_list_since_async: What changed after @revision, in that order, at most @limit rows. */
void       clm_inventory_list_since_async (ClmInventory *self, guint64 revision, guint limit, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_inventory_list_since_finish: Returns: (transfer full): a page of changes. Fails with %CLM_ERROR_RESYNC_NEEDED where not all that went since is known any more, or @revision is of another time. */
ClmPage   *clm_inventory_list_since_finish (ClmInventory *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_history_async: Newest first. @subject: (nullable). @before: sequence, 0 for the newest. */
void       clm_inventory_history_async (ClmInventory *self, const char *subject, guint64 before, guint limit, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_inventory_history_finish: Returns: (transfer full) (element-type ClmHistoryRow). */
GPtrArray *clm_inventory_history_finish (ClmInventory *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_inventory_set_history_limit: Rows kept; older ones go as new ones come. */
void       clm_inventory_set_history_limit (ClmInventory *self, guint limit);

G_END_DECLS
