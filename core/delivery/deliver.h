/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deliver-protocol.h"
#include "workplace.h"

G_BEGIN_DECLS

/** ClmDeliverContext: what all requests share. Plain data. */
typedef struct {
  const char   *config_root; /* (nullable) */
  ClmWorkplace *workplace;
} ClmDeliverContext;

/**
 * clm_deliver_answer:
 * @request: decoded; its names are valid
 * @fds: (array length=n): what came along; stay the caller's
 * @reply: (out caller-allocates): always filled in; to be cleared
 *
 * Does what the daemon asked, and says how it went. BLOCKING: for as long as the recipe's action and check may take.
 */
void clm_deliver_answer (const ClmDeliverContext *context, const ClmDeliverRequest *request, const int *fds, guint n, ClmDeliverReply *reply);

G_END_DECLS
