/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine.h"
#include "job.h"
#include "operation.h"

G_BEGIN_DECLS

/** ClmFindSpec: Returns: (transfer full) (nullable): what certificate @name shall be; %NULL where nothing describes it. */
typedef ClmSpec *(*ClmFindSpec) (const char *name, gpointer user_data);

/**
 * ClmAgenda:
 *
 * What is done when: takes what is due from the inventory and what was asked for, soonest expiry first, so many at a time, never
 * two things for one certificate. What is asked for while the same thing is under way joins it. Memory holds only what was
 * asked for or is in flight. Main thread only.
 *
 * Signal "settled" (const char *name): what was in flight on @name has ended, and nothing else is begun yet.
 */
#define CLM_TYPE_AGENDA (clm_agenda_get_type ())
G_DECLARE_FINAL_TYPE (ClmAgenda, clm_agenda, CLM, AGENDA, GObject)

ClmAgenda *clm_agenda_new (ClmEngine *engine, ClmFindSpec find_spec, gpointer user_data);

/** clm_agenda_start: From now on acts by itself, on the engine's timers. */
void clm_agenda_start (ClmAgenda *self);
/** clm_agenda_stop_async: Begins nothing any more, cancels what is in flight, and completes when that has ended. */
void     clm_agenda_stop_async (ClmAgenda *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_agenda_stop_finish (ClmAgenda *self, GAsyncResult *result, GError **error);

/** clm_agenda_push: Asks for @operation on @name. @job: (nullable): counts it when it ends; its cancellation cancels the operation where nobody else waits for it. */
void clm_agenda_push (ClmAgenda *self, const char *name, const ClmOperation *operation, ClmJob *job);
/** clm_agenda_find_job: Returns: (transfer none) (nullable): the job that already waits for the same @operation on @name alone. */
ClmJob *clm_agenda_find_job (ClmAgenda *self, const char *name, const ClmOperation *operation);
/** clm_agenda_update: Deadlines in the inventory have changed: looks what is due and arms the timer for the rest. */
void clm_agenda_update (ClmAgenda *self);
/** clm_agenda_is_busy: Whether anything is in flight or asked for on @name. */
gboolean clm_agenda_is_busy (ClmAgenda *self, const char *name);
/**
 * clm_agenda_lock:
 *
 * Takes @name for a change of its record from outside: nothing is begun on it until clm_agenda_unlock(). A record is read, changed
 * and written whole, so two that do so at once would undo each other. Returns: %FALSE, without an effect, where anything is in
 * flight on it; the signal "settled" tells when that ends.
 */
gboolean clm_agenda_lock (ClmAgenda *self, const char *name) G_GNUC_WARN_UNUSED_RESULT;
void     clm_agenda_unlock (ClmAgenda *self, const char *name);
/** clm_agenda_is_quiet: Whether nothing at all is in flight, and nothing waits but for time. */
gboolean clm_agenda_is_quiet (ClmAgenda *self);

G_END_DECLS
