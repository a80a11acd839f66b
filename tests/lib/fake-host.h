/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * ClmFakeHost:
 *
 * A host for tests of one plugin: state in memory, a private directory below the temporary one (removed with the host), keys in
 * whatever store it is given, a clock that stands still until it is moved, events kept for reading. Every answer comes through
 * the main loop, as the daemon's does.
 */
#define CLM_TYPE_FAKE_HOST (clm_fake_host_get_type ())
G_DECLARE_FINAL_TYPE (ClmFakeHost, clm_fake_host, CLM, FAKE_HOST, ClmHost)

/** clm_fake_host_new: @time: seconds since the epoch that its clock shows. */
ClmFakeHost *clm_fake_host_new (gint64 time);

/** clm_fake_host_restart: Returns: (transfer full): what a new daemon would give the same instance: state, key labels, private directory, key store, clock; no events, no waits. @self lets go of the directory. */
ClmFakeHost *clm_fake_host_restart (ClmFakeHost *self);

/** clm_fake_host_set_key_store: @store: (nullable): where open_key and import_key go; without one they fail with %CLM_ERROR_KEY_UNAVAILABLE. */
void         clm_fake_host_set_key_store (ClmFakeHost *self, ClmKeyStore *store);
/** clm_fake_host_set_time: Moves the clock, and ends the waits that are due. */
void         clm_fake_host_set_time (ClmFakeHost *self, gint64 time);
void         clm_fake_host_set_clock_trusted (ClmFakeHost *self, gboolean trusted);
void         clm_fake_host_set_credential (ClmFakeHost *self, const char *certificate, ClmCredential *credential);
/** clm_fake_host_set_secret: Answers @reference; other `file:` references are read from disk. */
void         clm_fake_host_set_secret (ClmFakeHost *self, const char *reference, ClmSecret *secret);

/**
 * clm_fake_host_fail_next:
 * @operation: "load-state", "save-state", "open-key", "import-key", "load-secret", "listen", "wait-until"
 * @error: (transfer full): what the next such call fails with
 *
 * A failing save leaves the old value, as a failing disk does.
 */
void         clm_fake_host_fail_next (ClmFakeHost *self, const char *operation, GError *error);

/** clm_fake_host_get_state: Returns: (transfer none) (nullable). */
GBytes      *clm_fake_host_get_state (ClmFakeHost *self, const char *key);
/** clm_fake_host_get_next_wait: Returns: the earliest time somebody waits for; %G_MAXINT64 for none. */
gint64       clm_fake_host_get_next_wait (ClmFakeHost *self);
guint        clm_fake_host_count_waits (ClmFakeHost *self);

/** clm_fake_host_get_events: Returns: (transfer none) (element-type ClmEvent): in order; empty it with g_ptr_array_set_size(). */
GPtrArray   *clm_fake_host_get_events (ClmFakeHost *self);
/** clm_fake_host_find_event: Returns: (transfer none) (nullable): the last one of @kind. */
ClmEvent    *clm_fake_host_find_event (ClmFakeHost *self, ClmEventKind kind);

G_END_DECLS
