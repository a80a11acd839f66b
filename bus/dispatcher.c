/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "dispatcher.h"

#include "call-private.h"
#include "errors.h"
#include "names.h"
#include "options.h"

#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

struct _ClmBusDispatcher {
  ClmBusService                *service;      /* not referenced: owns us */
  GDBusConnection              *connection;
  ClmManager                   *manager;
  ClmBusCallers                *callers;
  const ClmBusInterface *const *interfaces;
  GArray                       *objects;      /* guint: registrations of the root object */
  GArray                       *subtrees;     /* guint */
  GHashTable                   *calls;        /* ClmBusCall under way */
};

/* --- the way of one call --- */

void
clm_bus_dispatcher_drop (ClmBusCall *call)
{
  if (call->dispatcher != NULL)
    g_hash_table_remove (call->dispatcher->calls, call);
  g_clear_object (&call->manager);
  g_clear_object (&call->cancellable);
  g_clear_pointer (&call->options, g_variant_unref);
  g_clear_pointer (&call->caller, clm_caller_free);
  g_free (call->sender);
  g_free (call->name);
  g_free (call);
}

static gboolean
check_name (ClmBusCall *call, GError **error)
{
  guint64 id;
  const char *element = call->interface->element;
  if (*element == '\0')
    return TRUE;
  if (g_str_equal (element, CLM_BUS_JOB) ? clm_bus_names_parse_job (call->name, &id) : clm_bus_names_is_valid (call->name))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the path does not name a %s", element);
  return FALSE;
}

static gboolean
check_permission (ClmBusCall *call, const ClmBusPermission *permission, GError **error)
{
  switch (permission->scope) {
  case CLM_BUS_SCOPE_ANYBODY:
    return TRUE;
  case CLM_BUS_SCOPE_DAEMON:
    return clm_manager_authorize (call->manager, call->caller, permission->verb, NULL, error);
  case CLM_BUS_SCOPE_OBJECT:
    return clm_manager_authorize (call->manager, call->caller, permission->verb, call->name, error);
  case CLM_BUS_SCOPE_OWN:
    return permission->check (call, error);
  }
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "not allowed");
  return FALSE;
}

static gboolean
check_arguments (ClmBusCall *call, GError **error)
{
  GVariant *arguments = g_dbus_method_invocation_get_parameters (call->invocation);
  if (g_variant_get_size (arguments) > CLM_BUS_CALL_SIZE_MAX) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_LIMITS_EXCEEDED, "the arguments are larger than %d bytes", CLM_BUS_CALL_SIZE_MAX);
    return FALSE;
  }
  gsize count = g_variant_n_children (arguments);
  g_autoptr (GVariant) last = count > 0 ? g_variant_get_child_value (arguments, count - 1) : NULL;
  if (last == NULL || !g_variant_is_of_type (last, G_VARIANT_TYPE_VARDICT))
    return TRUE;
  if (!clm_bus_options_check (call->method->options, last, error))
    return FALSE;
  call->options = g_steal_pointer (&last);
  return TRUE;
}

static void
read_properties (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) all = call->interface->describe (call, &error);
  if (all == NULL) {
    clm_bus_call_fail (call, g_steal_pointer (&error));
    return;
  }
  g_variant_ref_sink (all);
  if (g_str_equal (g_dbus_method_invocation_get_method_name (call->invocation), "GetAll")) {
    clm_bus_call_return (call, g_variant_new ("(@a{sv})", all));
    return;
  }
  const char *property;
  clm_bus_call_get (call, "(&s&s)", NULL, &property);
  g_autoptr (GVariant) value = g_variant_lookup_value (all, property, NULL);
  if (value == NULL)
    clm_bus_call_fail (call, g_error_new (G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "no property %s", property));
  else
    clm_bus_call_return (call, g_variant_new ("(v)", value));
}

static void
serve (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  const ClmBusPermission *permission = call->method != NULL ? &call->method->permission : &call->interface->read;
  if (!check_name (call, &error) || !check_permission (call, permission, &error)
      || (call->method != NULL && !check_arguments (call, &error)))
    clm_bus_call_fail (call, g_steal_pointer (&error));
  else if (call->method != NULL)
    call->method->handle (call);
  else
    read_properties (call);
}

static void
on_caller_known (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ClmBusCall *call = user_data;
  g_autoptr (GError) error = NULL;
  call->caller = clm_bus_callers_look_up_finish (CLM_BUS_CALLERS (source), result, &error);
  if (call->caller == NULL || call->dispatcher == NULL)
    clm_bus_call_fail (call, error != NULL ? g_steal_pointer (&error)
                                           : g_error_new_literal (CLM_ERROR, CLM_ERROR_CONFLICT, "the daemon is stopping"));
  else
    serve (call);
}

/* --- from GDBus --- */

static const ClmBusInterface *
find_interface (ClmBusDispatcher *self, const char *object_path, const char *name, char **object_name)
{
  const char *below = object_path + strlen (CLM_BUS_PATH);
  for (gsize i = 0; self->interfaces[i] != NULL; i++) {
    const ClmBusInterface *interface = self->interfaces[i];
    gsize length = strlen (interface->element);
    if (!g_str_equal (interface->info->name, name))
      continue;
    if (length == 0 && *below == '\0') {
      *object_name = g_strdup ("");
      return interface;
    }
    if (length > 0 && *below == '/' && strncmp (below + 1, interface->element, length) == 0 && below[length + 1] == '/') {
      const char *element = below + length + 2;
      *object_name = g_str_equal (interface->element, CLM_BUS_JOB) ? g_strdup (element) : clm_bus_names_unescape (element);
      if (*object_name == NULL)
        *object_name = g_strdup ("");
      return interface;
    }
  }
  return NULL;
}

static const ClmBusMethod *
find_method (const ClmBusInterface *interface, const char *member)
{
  for (const ClmBusMethod *method = interface->methods; method->member != NULL; method++) {
    if (g_str_equal (method->member, member))
      return method;
  }
  return NULL;
}

static void
refuse_unknown (GDBusMethodInvocation *invocation)
{
  clm_bus_errors_return (invocation, g_error_new (G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD, "no method %s.%s here",
                                                  g_dbus_method_invocation_get_interface_name (invocation),
                                                  g_dbus_method_invocation_get_method_name (invocation)));
}

static void
on_method_call (GDBusConnection *connection, const char *sender, const char *object_path, const char *interface_name,
                const char *member, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  ClmBusDispatcher *self = user_data;
  g_autofree char *name = NULL;
  const char *subject = interface_name;
  gboolean reads = g_str_equal (interface_name, PROPERTIES_INTERFACE);
  if (reads)
    g_variant_get_child (parameters, 0, "&s", &subject);
  const ClmBusInterface *interface = find_interface (self, object_path, subject, &name);
  const ClmBusMethod *method = interface != NULL && !reads ? find_method (interface, member) : NULL;
  if (sender == NULL || interface == NULL || (reads ? interface->describe == NULL || g_str_equal (member, "Set") : method == NULL)) {
    refuse_unknown (invocation);
    return;
  }
  ClmBusCall *call = g_new0 (ClmBusCall, 1);
  call->service = self->service;
  call->manager = g_object_ref (self->manager);
  call->dispatcher = self;
  call->invocation = invocation;
  call->interface = interface;
  call->method = method;
  call->sender = g_strdup (sender);
  call->name = g_steal_pointer (&name);
  call->cancellable = g_cancellable_new ();
  g_hash_table_add (self->calls, call);
  clm_bus_callers_look_up_async (self->callers, sender, NULL, on_caller_known, call);
}

/* No property getter and setter: GDBus then hands Properties calls to on_method_call() as well. */
static const GDBusInterfaceVTable vtable = { .method_call = on_method_call };

/* --- registration --- */

/* Nodes are never listed, but each is served. */
static char **
on_enumerate (GDBusConnection *connection, const char *sender, const char *object_path, gpointer user_data)
{
  return g_new0 (char *, 1);
}

/* GDBus passes the path of the subtree or that of the node, depending on why it asks. */
static gboolean
is_below (const char *object_path, const char *element)
{
  const char *below = object_path + strlen (CLM_BUS_PATH) + 1;
  gsize length = strlen (element);
  return length > 0 && strncmp (below, element, length) == 0 && (below[length] == '\0' || below[length] == '/');
}

static GDBusInterfaceInfo **
on_introspect (GDBusConnection *connection, const char *sender, const char *object_path, const char *node, gpointer user_data)
{
  ClmBusDispatcher *self = user_data;
  g_autoptr (GPtrArray) infos = g_ptr_array_new ();
  for (gsize i = 0; node != NULL && self->interfaces[i] != NULL; i++) {
    const ClmBusInterface *interface = self->interfaces[i];
    if (is_below (object_path, interface->element))
      g_ptr_array_add (infos, g_dbus_interface_info_ref ((GDBusInterfaceInfo *) interface->info));
  }
  g_ptr_array_add (infos, NULL);
  return (GDBusInterfaceInfo **) g_ptr_array_free (g_steal_pointer (&infos), FALSE);
}

static const GDBusInterfaceVTable *
on_dispatch (GDBusConnection *connection, const char *sender, const char *object_path, const char *interface_name,
             const char *node, gpointer *out_user_data, gpointer user_data)
{
  *out_user_data = user_data;
  return node != NULL ? &vtable : NULL;
}

static const GDBusSubtreeVTable subtree_vtable = { .enumerate = on_enumerate, .introspect = on_introspect, .dispatch = on_dispatch };

static gboolean
export_root (ClmBusDispatcher *self, const ClmBusInterface *interface, GError **error)
{
  guint id = g_dbus_connection_register_object (self->connection, CLM_BUS_PATH, (GDBusInterfaceInfo *) interface->info,
                                                &vtable, self, NULL, error);
  if (id != 0)
    g_array_append_val (self->objects, id);
  return id != 0;
}

static gboolean
export_subtree (ClmBusDispatcher *self, const ClmBusInterface *interface, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/%s", CLM_BUS_PATH, interface->element);
  guint id = g_dbus_connection_register_subtree (self->connection, path, &subtree_vtable,
                                                 G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, self, NULL, error);
  if (id != 0)
    g_array_append_val (self->subtrees, id);
  return id != 0;
}

gboolean
clm_bus_dispatcher_export (ClmBusDispatcher *self, GError **error)
{
  for (gsize i = 0; self->interfaces[i] != NULL; i++) {
    const ClmBusInterface *interface = self->interfaces[i];
    gboolean root = *interface->element == '\0';
    if (!(root ? export_root (self, interface, error) : export_subtree (self, interface, error)))
      return FALSE;
  }
  return TRUE;
}

ClmBusDispatcher *
clm_bus_dispatcher_new (ClmBusService *service, GDBusConnection *connection, ClmManager *manager, ClmBusCallers *callers,
                        const ClmBusInterface *const *interfaces)
{
  ClmBusDispatcher *self = g_new0 (ClmBusDispatcher, 1);
  self->service = service;
  self->connection = g_object_ref (connection);
  self->manager = g_object_ref (manager);
  self->callers = g_object_ref (callers);
  self->interfaces = interfaces;
  self->objects = g_array_new (FALSE, FALSE, sizeof (guint));
  self->subtrees = g_array_new (FALSE, FALSE, sizeof (guint));
  self->calls = g_hash_table_new (NULL, NULL);
  return self;
}

void
clm_bus_dispatcher_cancel_sender (ClmBusDispatcher *self, const char *sender)
{
  g_autoptr (GPtrArray) cancellables = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  ClmBusCall *call;
  g_hash_table_iter_init (&iter, self->calls);
  while (g_hash_table_iter_next (&iter, (gpointer *) &call, NULL)) {
    if (sender == NULL || g_str_equal (call->sender, sender))
      g_ptr_array_add (cancellables, g_object_ref (call->cancellable));
  }
  for (guint i = 0; i < cancellables->len; i++)
    g_cancellable_cancel (cancellables->pdata[i]);
}

void
clm_bus_dispatcher_free (ClmBusDispatcher *self)
{
  GHashTableIter iter;
  ClmBusCall *call;
  for (guint i = 0; i < self->objects->len; i++)
    g_dbus_connection_unregister_object (self->connection, g_array_index (self->objects, guint, i));
  for (guint i = 0; i < self->subtrees->len; i++)
    g_dbus_connection_unregister_subtree (self->connection, g_array_index (self->subtrees, guint, i));
  clm_bus_dispatcher_cancel_sender (self, NULL);
  g_hash_table_iter_init (&iter, self->calls);
  while (g_hash_table_iter_next (&iter, (gpointer *) &call, NULL))
    call->dispatcher = NULL;
  g_hash_table_unref (self->calls);
  g_array_unref (self->objects);
  g_array_unref (self->subtrees);
  g_object_unref (self->connection);
  g_object_unref (self->manager);
  g_object_unref (self->callers);
  g_free (self);
}
