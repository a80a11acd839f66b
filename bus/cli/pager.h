/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** clm_pager_show: Shows @text with $CERTLOOM_PAGER, $PAGER or less and waits for it. Returns: %FALSE where none could be started or it is turned off (empty or `cat`): then print. */
gboolean clm_pager_show (const char *text);

G_END_DECLS
