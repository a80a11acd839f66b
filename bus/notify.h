/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** clm_notify_service_manager: Sends @state ("READY=1") to who started us, as sd_notify(3) does, where it asked for it by NOTIFY_SOCKET; else nothing happens. Failure is logged only. */
void clm_notify_service_manager (const char *state);

G_END_DECLS
