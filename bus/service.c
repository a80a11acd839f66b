/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "service.h"

#include "backends.h"
#include "batch.h"
#include "certificates.h"
#include "dispatcher.h"
#include "gate.h"
#include "jobs.h"
#include "manager-object.h"
#include "objects.h"

struct _ClmBusService {
  GDBusConnection   *connection;
  ClmManager        *manager;
  ClmBusGate        *gate;
  ClmBusCallers     *callers;
  ClmBusDispatcher  *dispatcher;
  ClmBusSubscribers *subscribers;
  ClmBusJobs        *jobs;
  ClmBusObjects     *objects;
  ClmBusBatch       *changes;   /* records that changed */
};

/* Everything that is served. */
static const ClmBusInterface *const interfaces[] = {
  &clm_bus_manager_object_interface,
  &clm_bus_objects_interface,
  &clm_bus_certificates_interface,
  &clm_bus_jobs_interface,
  &clm_bus_authorities_interface,
  &clm_bus_key_stores_interface,
  &clm_bus_notifiers_interface,
  &clm_bus_plugins_interface,
  NULL
};

const ClmBusInterface *const *
clm_bus_service_list_interfaces (void)
{
  return interfaces;
}

/* --- callers come and go --- */

static void
on_caller_identified (ClmBusCallers *callers, const char *sender, guint uid, gpointer user_data)
{
  ClmBusService *self = user_data;
  clm_bus_gate_identify (self->gate, sender, uid);
}

static void
on_caller_vanished (ClmBusCallers *callers, const char *sender, gpointer user_data)
{
  ClmBusService *self = user_data;
  clm_bus_subscribers_remove (self->subscribers, sender);
  clm_bus_jobs_forget (self->jobs, sender);
  clm_bus_dispatcher_cancel_sender (self->dispatcher, sender);
  clm_bus_gate_forget (self->gate, sender);
}

/* --- the engine has news --- */

static void
on_certificate_changed (ClmManager *manager, ClmRecord *record, gpointer user_data)
{
  ClmBusService *self = user_data;
  if (!clm_bus_subscribers_is_empty (self->subscribers))
    clm_bus_batch_add (self->changes, record->name, clm_record_copy (record));
}

static void
on_changes (GPtrArray *records, gpointer user_data)
{
  clm_bus_certificates_emit (user_data, records);
}

static void
on_certificate_removed (ClmManager *manager, const char *name, guint64 revision, gpointer user_data)
{
  ClmBusService *self = user_data;
  clm_bus_batch_drop (self->changes, name);
  clm_bus_manager_object_emit_removed (self, name, revision);
}

static void
on_certificates_moved (ClmManager *manager, guint64 revision, gpointer user_data)
{
  clm_bus_manager_object_emit_moved (user_data, revision);
}

static void
on_event (ClmManager *manager, ClmEvent *event, gpointer user_data)
{
  ClmBusService *self = user_data;
  if (!clm_bus_subscribers_is_empty (self->subscribers))
    clm_bus_manager_object_emit_event (self, event);
}

static void
on_clock_state (ClmManager *manager, GParamSpec *pspec, gpointer user_data)
{
  clm_bus_manager_object_emit_clock (user_data);
}

static void
apply_limits (ClmBusService *self)
{
  const ClmSettings *settings = clm_config_get_settings (clm_manager_get_config (self->manager));
  clm_bus_gate_set_limits (self->gate, settings->max_per_caller, settings->max_callers);
}

/* A reload ends with its job. */
static void
on_job_removed (ClmManager *manager, ClmJob *job, gpointer user_data)
{
  apply_limits (user_data);
}

static void
listen_to_manager (ClmBusService *self)
{
  g_signal_connect (self->manager, "certificate-changed", G_CALLBACK (on_certificate_changed), self);
  g_signal_connect (self->manager, "certificate-removed", G_CALLBACK (on_certificate_removed), self);
  g_signal_connect (self->manager, "certificates-moved", G_CALLBACK (on_certificates_moved), self);
  g_signal_connect (self->manager, "event", G_CALLBACK (on_event), self);
  g_signal_connect (self->manager, "notify::clock-state", G_CALLBACK (on_clock_state), self);
  g_signal_connect (self->manager, "job-removed", G_CALLBACK (on_job_removed), self);
}

/* --- life --- */

ClmBusService *
clm_bus_service_new (GDBusConnection *connection, ClmManager *manager, GError **error)
{
  g_autoptr (ClmBusService) self = g_new0 (ClmBusService, 1);
  self->connection = g_object_ref (connection);
  self->manager = g_object_ref (manager);
  self->gate = clm_bus_gate_new (connection);
  self->callers = clm_bus_callers_new (connection);
  self->subscribers = clm_bus_subscribers_new (connection, self->callers);
  self->changes = clm_bus_batch_new ((GDestroyNotify) clm_record_free, on_changes, self);
  self->jobs = clm_bus_jobs_new (self);
  self->objects = clm_bus_objects_new (self);
  self->dispatcher = clm_bus_dispatcher_new (self, connection, manager, self->callers, interfaces);
  g_signal_connect (self->callers, "identified", G_CALLBACK (on_caller_identified), self);
  g_signal_connect (self->callers, "vanished", G_CALLBACK (on_caller_vanished), self);
  listen_to_manager (self);
  apply_limits (self);
  if (!clm_bus_dispatcher_export (self->dispatcher, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
clm_bus_service_free (ClmBusService *self)
{
  g_signal_handlers_disconnect_by_data (self->manager, self);
  g_signal_handlers_disconnect_by_data (self->callers, self);
  clm_bus_dispatcher_free (self->dispatcher);
  clm_bus_batch_free (self->changes);
  clm_bus_objects_free (self->objects);
  clm_bus_jobs_free (self->jobs);
  clm_bus_subscribers_free (self->subscribers);
  g_object_unref (self->callers);
  clm_bus_gate_free (self->gate);
  g_object_unref (self->manager);
  g_object_unref (self->connection);
  g_free (self);
}

ClmManager *
clm_bus_service_get_manager (ClmBusService *self)
{
  return self->manager;
}

GDBusConnection *
clm_bus_service_get_connection (ClmBusService *self)
{
  return self->connection;
}

ClmBusSubscribers *
clm_bus_service_get_subscribers (ClmBusService *self)
{
  return self->subscribers;
}

ClmBusJobs *
clm_bus_service_get_jobs (ClmBusService *self)
{
  return self->jobs;
}

void
clm_bus_service_emit_properties (ClmBusService *self, const char *path, const char *interface, GVariant *changed,
                                 const char *const *invalidated, ClmBusMaySee may_see, gpointer user_data)
{
  static const char *const none[] = { NULL };
  clm_bus_subscribers_emit (self->subscribers, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                            g_variant_new ("(s@a{sv}^as)", interface, changed, invalidated != NULL ? invalidated : none),
                            may_see, user_data);
}
