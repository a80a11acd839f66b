/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus.h"

G_BEGIN_DECLS

/** ClmLoopEnd: why a wait was over. */
typedef enum {
  CLM_LOOP_QUIT,          /* clm_loop_quit() */
  CLM_LOOP_INTERRUPTED,   /* Ctrl-C */
  CLM_LOOP_TIMED_OUT,
  CLM_LOOP_LOST           /* the daemon or the bus went away */
} ClmLoopEnd;

/** ClmLoop: waits for signals of the daemon, as long as there is one and nobody at the keyboard has had enough. */
typedef struct _ClmLoop ClmLoop;

ClmLoop *clm_loop_new (ClmCli *cli);
void     clm_loop_free (ClmLoop *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmLoop, clm_loop_free)

/** clm_loop_set_first_interrupt: The first Ctrl-C calls @callback instead of ending the loop; the second ends it. */
void clm_loop_set_first_interrupt (ClmLoop *self, void (*callback) (gpointer user_data), gpointer user_data);

/** clm_loop_run: The bus is connected. @seconds: at most; -1: for ever. Returns: why it ended. */
ClmLoopEnd clm_loop_run (ClmLoop *self, gint64 seconds);

/** clm_loop_quit: Ends a running loop with %CLM_LOOP_QUIT; nothing happens where none runs. */
void clm_loop_quit (ClmLoop *self);

G_END_DECLS
