/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "objects.h"

#include "backends.h"
#include "interfaces.h"
#include "jobs.h"
#include "names.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

struct _ClmBusObjects {
  ClmBusService *service;   /* not referenced: owns us */
  GHashTable    *known;     /* path → Known, what subscribers were told */
};

typedef struct {
  const ClmBusInterface *interface;
  GVariant              *properties;
} Known;

static void
known_free (gpointer data)
{
  Known *known = data;
  g_variant_unref (known->properties);
  g_free (known);
}

/* --- GetManagedObjects --- */

static GVariant *
build_interfaces (const char *interface, GVariant *properties)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));
  g_variant_builder_add (&builder, "{s@a{sv}}", interface, properties);
  return g_variant_builder_end (&builder);
}

static void
add_object (const char *path, const ClmBusInterface *interface, GVariant *properties, gpointer user_data)
{
  g_variant_builder_add (user_data, "{o@a{sa{sv}}}", path, build_interfaces (interface->info->name, properties));
}

static void
add_jobs (GVariantBuilder *builder, ClmManager *manager, const ClmCaller *caller)
{
  g_autoptr (GPtrArray) jobs = clm_manager_list_jobs (manager);
  for (guint i = 0; i < jobs->len; i++) {
    ClmJob *job = jobs->pdata[i];
    g_autofree char *path = clm_bus_names_build_job_path (clm_job_get_id (job));
    if (clm_bus_jobs_may_see (manager, job, caller))
      add_object (path, &clm_bus_jobs_interface, clm_bus_jobs_describe (job), builder);
  }
}

static void
handle_get_managed_objects (ClmBusCall *call)
{
  ClmManager *manager = clm_bus_call_get_manager (call);
  const ClmCaller *caller = clm_bus_call_get_caller (call);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{oa{sa{sv}}}"));
  if (clm_manager_may (manager, caller, CLM_VERB_ADMIN, NULL))
    clm_bus_backends_collect (manager, add_object, &builder);
  add_jobs (&builder, manager, caller);
  clm_bus_call_return (call, g_variant_new ("(@a{oa{sa{sv}}})", g_variant_builder_end (&builder)));
}

static const ClmBusMethod methods[] = {
  /* Anybody may ask; the answer holds what this caller may know of. */
  { "GetManagedObjects", { CLM_BUS_SCOPE_ANYBODY }, "", handle_get_managed_objects },
  { NULL },
};

const ClmBusInterface clm_bus_objects_interface = {
  .element = "",
  .info = &clm_bus_org_freedesktop_dbus_object_manager_interface,
  .methods = methods,
};

/* --- signals --- */

static gboolean
is_admin (const ClmCaller *caller, gpointer user_data)
{
  return clm_manager_may (user_data, caller, CLM_VERB_ADMIN, NULL);
}

static void
emit (ClmBusObjects *self, const char *signal, GVariant *parameters, ClmBusMaySee may_see, gpointer user_data)
{
  clm_bus_subscribers_emit (clm_bus_service_get_subscribers (self->service), CLM_BUS_PATH, OBJECT_MANAGER, signal, parameters,
                            may_see, user_data);
}

static GVariant *
build_added (const char *path, const char *interface, GVariant *properties)
{
  return g_variant_new ("(o@a{sa{sv}})", path, build_interfaces (interface, properties));
}

static GVariant *
build_removed (const char *path, const char *interface)
{
  const char *interfaces[] = { interface, NULL };
  return g_variant_new ("(o^as)", path, interfaces);
}

typedef struct {
  ClmBusObjects *self;
  GHashTable    *now;
  gboolean       silent;
} Update;

/* Tells what is new or has changed and moves it to the table of what is there now. */
static void
update_object (const char *path, const ClmBusInterface *interface, GVariant *properties, gpointer user_data)
{
  Update *update = user_data;
  ClmManager *manager = clm_bus_service_get_manager (update->self->service);
  Known *before = g_hash_table_lookup (update->self->known, path);
  Known *known = g_new0 (Known, 1);
  known->interface = interface;
  known->properties = g_variant_ref_sink (properties);
  g_hash_table_insert (update->now, g_strdup (path), known);
  if (update->silent)
    return;
  if (before == NULL)
    emit (update->self, "InterfacesAdded", build_added (path, interface->info->name, properties), is_admin, manager);
  else if (!g_variant_equal (before->properties, properties))
    clm_bus_service_emit_properties (update->self->service, path, interface->info->name, properties, NULL, is_admin, manager);
}

static void
tell_removed (ClmBusObjects *self, GHashTable *now)
{
  GHashTableIter iter;
  const char *path;
  Known *known;
  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, (gpointer *) &path, (gpointer *) &known)) {
    if (!g_hash_table_contains (now, path))
      emit (self, "InterfacesRemoved", build_removed (path, known->interface->info->name), is_admin,
            clm_bus_service_get_manager (self->service));
  }
}

static void
update (ClmBusObjects *self, gboolean silent)
{
  g_autoptr (GHashTable) now = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, known_free);
  Update state = { self, now, silent };
  clm_bus_backends_collect (clm_bus_service_get_manager (self->service), update_object, &state);
  tell_removed (self, now);
  g_hash_table_unref (self->known);
  self->known = g_steal_pointer (&now);
}

static void
on_backends_changed (ClmManager *manager, gpointer user_data)
{
  update (user_data, FALSE);
}

typedef struct {
  ClmManager *manager;
  ClmJob     *job;
} Sight;

static gboolean
may_see_job (const ClmCaller *caller, gpointer user_data)
{
  Sight *sight = user_data;
  return clm_bus_jobs_may_see (sight->manager, sight->job, caller);
}

static void
on_job_added (ClmManager *manager, ClmJob *job, gpointer user_data)
{
  Sight sight = { manager, job };
  g_autofree char *path = clm_bus_names_build_job_path (clm_job_get_id (job));
  emit (user_data, "InterfacesAdded", build_added (path, clm_bus_job_interface.name, clm_bus_jobs_describe (job)), may_see_job,
        &sight);
}

static void
on_job_removed (ClmManager *manager, ClmJob *job, gpointer user_data)
{
  Sight sight = { manager, job };
  g_autofree char *path = clm_bus_names_build_job_path (clm_job_get_id (job));
  emit (user_data, "InterfacesRemoved", build_removed (path, clm_bus_job_interface.name), may_see_job, &sight);
}

ClmBusObjects *
clm_bus_objects_new (ClmBusService *service)
{
  ClmBusObjects *self = g_new0 (ClmBusObjects, 1);
  ClmManager *manager = clm_bus_service_get_manager (service);
  self->service = service;
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, known_free);
  update (self, TRUE);
  g_signal_connect (manager, "backends-changed", G_CALLBACK (on_backends_changed), self);
  g_signal_connect (manager, "job-added", G_CALLBACK (on_job_added), self);
  g_signal_connect (manager, "job-removed", G_CALLBACK (on_job_removed), self);
  return self;
}

void
clm_bus_objects_free (ClmBusObjects *self)
{
  g_signal_handlers_disconnect_by_data (clm_bus_service_get_manager (self->service), self);
  g_hash_table_unref (self->known);
  g_free (self);
}
