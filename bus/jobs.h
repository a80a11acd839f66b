/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dispatcher.h"
#include "service.h"

G_BEGIN_DECLS

/**
 * ClmBusJobs:
 *
 * Jobs as objects, and their signals. These go to whoever started or joined a job, subscribed or not, and to the subscribers
 * that may see it. Main thread only.
 */

extern const ClmBusInterface clm_bus_jobs_interface;

ClmBusJobs *clm_bus_jobs_new (ClmBusService *service);
void        clm_bus_jobs_free (ClmBusJobs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBusJobs, clm_bus_jobs_free)

/** clm_bus_jobs_watch: @sender gets the signals of @job from now on. */
void clm_bus_jobs_watch (ClmBusJobs *self, ClmJob *job, const char *sender);
/** clm_bus_jobs_forget: @sender has left the bus. */
void clm_bus_jobs_forget (ClmBusJobs *self, const char *sender);

/** clm_bus_jobs_may_see: whether @caller may know of @job. */
gboolean clm_bus_jobs_may_see (ClmManager *manager, ClmJob *job, const ClmCaller *caller);

/** clm_bus_jobs_describe: Returns: floating `a{sv}`: its properties. */
GVariant *clm_bus_jobs_describe (ClmJob *job);

G_END_DECLS
