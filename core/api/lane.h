/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key-store.h"

G_BEGIN_DECLS

/*
 * lane: the bounded threads of one key store. `lane_width` threads run whole jobs (clm_key_store_run_in_thread()), and at most
 * `lane_width` single operations are inside the store at once, whichever thread they come from. An operation never holds its
 * place while it waits for another store, so two stores cannot lock each other out.
 */
typedef struct _ClmLane ClmLane;

ClmLane *clm_lane_new (guint width);
void     clm_lane_free (ClmLane *self);
void     clm_lane_run (ClmLane *self, ClmKeyStore *store, GTask *task, GTaskThreadFunc func);

/** clm_lane_enter: Takes a place for one blocking operation, or fails: in the main thread, cancelled, not supported. */
gboolean clm_lane_enter (ClmKeyStore *store, const char *operation, gboolean supported, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_lane_leave: Gives it back. */
void     clm_lane_leave (ClmKeyStore *store);

/** clm_lane_of: Returns: (transfer none): the lane of @store. */
ClmLane *clm_lane_of (ClmKeyStore *store);

G_END_DECLS
