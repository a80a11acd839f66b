/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * clm_disk_lane_run:
 * @task: its data stays untouched by others until it has returned
 * @func: as for g_task_run_in_thread()
 *
 * Runs blocking work on the state directory in threads of its own, not in GTask's shared few: most of the time it waits for the
 * disk, and the more wait at once, the more share one sync.
 */
void clm_disk_lane_run (GTask *task, GTaskThreadFunc func);

G_END_DECLS
