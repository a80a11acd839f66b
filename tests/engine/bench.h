/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "manager.h"
#include "virtual-clock.h"

G_BEGIN_DECLS

/*
 * Bench: a whole engine in a folder of its own, driven through its front door as the bus drives it. Real modules, real files, a
 * real database; the CA "fake" writes what it is asked into a ledger, and does what its control file says.
 */
typedef struct {
  char            *root;       /* configuration layers, plugins, state, out */
  char            *state;
  char            *out;        /* where deliveries go */
  ClmVirtualClock *time;       /* (nullable): owned time; else the kernel's, trusted */
  ClmManager      *manager;    /* (nullable): while it runs */
  GPtrArray       *events;     /* char *: "KIND SUBJECT: message", since the last bench_forget_events() */
  guint            max_seen;   /* most jobs seen in flight at once; see the ledger */
} Bench;

#define BENCH_NOW G_GINT64_CONSTANT (1900000000)   /* of owned time; after any build of today */

/** bench_new: @owned: whether time only moves by bench_advance(). Writes a key store "file", a CA "fake", certloom.conf. */
Bench *bench_new (gboolean owned);
/** bench_open: The same folder again, in another process. */
Bench *bench_open (const char *root);
/** bench_free: Stops it where it runs and removes the folder; what is open must be closed again. */
void   bench_free (Bench *self);
/** bench_close: Frees all but the folder. */
void   bench_close (Bench *self);

/** bench_write: A file below etc/certloom; "@OUT@" in it becomes the folder of deliveries, "@ROOT@" the root. */
void   bench_write (Bench *self, const char *file, const char *format, ...) G_GNUC_PRINTF (3, 4);
void   bench_unlink (Bench *self, const char *file);
/** bench_certificate: certificates.d/NAME.certificate of CA "fake", with @more after it (own groups allowed). */
void   bench_certificate (Bench *self, const char *name, const char *more);
/** bench_authority: authorities.d/NAME.authority, a fake-ca with its own ledger, with @more options. */
void   bench_authority (Bench *self, const char *name, const char *more);
/** bench_say: What the CA "fake" does from now on: "issue", "reject", "issue wrong-key" … */
void   bench_say (Bench *self, const char *outcome);

void   bench_start (Bench *self);
/** bench_try_start: Returns: whether it started. */
gboolean bench_try_start (Bench *self, GError **error);
void   bench_stop (Bench *self);
void   bench_restart (Bench *self);
/** bench_settle: Runs until there is nothing left to do but wait for time. */
void   bench_settle (Bench *self);
/** bench_advance: Lets owned time pass, from deadline to deadline, settling at each. */
void   bench_advance (Bench *self, gint64 seconds);
/** bench_run: Waits for @job. Returns: (transfer full) (nullable): what it failed with. */
GError *bench_run (Bench *self, ClmJob *job);
/** bench_renew: Renews one, now; must succeed. */
void   bench_renew (Bench *self, const char *name);
GError *bench_try_renew (Bench *self, const char *name, gboolean rekey);
GError *bench_reload (Bench *self);
gboolean bench_hold (Bench *self, const char *name, gboolean hold, GError **error);

ClmRecord *bench_record (Bench *self, const char *name);
void   bench_assert_state (Bench *self, const char *name, ClmState state);
/** bench_assert_reason: The same with the word that says why. */
void   bench_assert_reason (Bench *self, const char *name, ClmState state, const char *reason);
/** bench_count_ledger: Lines of the ledger of CA @authority that begin with @prefix. */
guint  bench_count_ledger (Bench *self, const char *authority, const char *prefix);
/** bench_count_events: Events whose text begins with @prefix. */
guint  bench_count_events (Bench *self, const char *prefix);
void   bench_forget_events (Bench *self);
/** bench_count_keys: Keys in the store "file", through the manager. */
guint  bench_count_keys (Bench *self);
/** bench_count_history: Rows of kind @kind about @name. */
guint  bench_count_history (Bench *self, const char *name, const char *kind);

/** bench_assert_published: `current` is one complete generation: key, leaf and chain belong together, the chain ends at its anchors, and it is what the record says. Returns: its number; 0 where there is none. */
guint  bench_assert_published (Bench *self, const char *name);
/** bench_snapshot: Returns: (transfer full): name and content of every file below certificates/NAME, to compare byte for byte. */
char  *bench_snapshot (Bench *self, const char *name);
char  *bench_read (Bench *self, const char *path);
/** bench_assert_no_leftovers: Nothing temporary and no incomplete generation lies below certificates/NAME. */
void   bench_assert_no_leftovers (Bench *self, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Bench, bench_free)

G_END_DECLS
