/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deliver-protocol.h"
#include "sample.h"

/* `certloom-deliver` as a child, spoken to in bare datagrams. */

typedef struct {
  char *root;    /* --config-root; files of the consumer go to ROOT/out */
  char *out;
  int   fd;
  pid_t pid;
} Helper;

/** helper_start: A fresh folder and a child for it. */
void helper_start (Helper *self);
/** helper_join: Another connection (and child) for the same folder. */
void helper_join (Helper *self, const Helper *other);
/** helper_stop: @remove: the folder too. The child must have ended well. */
void helper_stop (Helper *self, gboolean remove);

/** helper_recipe: Writes ROOT/etc/certloom/deliveries.d/NAME.delivery; `@OUT@` in @text becomes the folder of the consumer. */
void helper_recipe (Helper *self, const char *name, const char *text);

/** helper_send: @fds: (array length=n). */
void helper_send (Helper *self, const void *data, gsize size, const int *fds, guint n);
/** helper_receive: waits for the answer. Returns: whether there was one; %FALSE: the other side closed. */
gboolean helper_receive (Helper *self, ClmDeliverReply *reply);

/** helper_ask: Delivers @sample (nullable: no descriptors); with key and chain. */
void helper_ask (Helper *self, const char *delivery, const char *certificate, const Sample *sample, gboolean force, ClmDeliverReply *reply);
/** helper_send_sample: the first half of helper_ask(). */
void helper_send_sample (Helper *self, const char *delivery, const char *certificate, const Sample *sample, gboolean force);
