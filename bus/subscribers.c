/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "subscribers.h"

#define PER_USER_MAX 16
#define TOTAL_MAX    128

struct _ClmBusSubscribers {
  GDBusConnection *connection;
  ClmBusCallers   *callers;
  GHashTable      *subscribers;   /* unique name → ClmCaller */
};

ClmBusSubscribers *
clm_bus_subscribers_new (GDBusConnection *connection, ClmBusCallers *callers)
{
  ClmBusSubscribers *self = g_new0 (ClmBusSubscribers, 1);
  self->connection = g_object_ref (connection);
  self->callers = g_object_ref (callers);
  self->subscribers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) clm_caller_free);
  return self;
}

void
clm_bus_subscribers_free (ClmBusSubscribers *self)
{
  g_hash_table_unref (self->subscribers);
  g_object_unref (self->callers);
  g_object_unref (self->connection);
  g_free (self);
}

static guint
count_of_user (ClmBusSubscribers *self, guint32 uid)
{
  GHashTableIter iter;
  const ClmCaller *caller;
  guint count = 0;
  g_hash_table_iter_init (&iter, self->subscribers);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &caller))
    count += caller->uid == uid;
  return count;
}

gboolean
clm_bus_subscribers_add (ClmBusSubscribers *self, const char *sender, const ClmCaller *caller, GError **error)
{
  if (g_hash_table_contains (self->subscribers, sender))
    return TRUE;
  if ((caller->uid != 0 && count_of_user (self, caller->uid) >= PER_USER_MAX)
      || g_hash_table_size (self->subscribers) >= TOTAL_MAX) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_LIMITS_EXCEEDED, "too many subscriptions");
    return FALSE;
  }
  g_hash_table_insert (self->subscribers, g_strdup (sender), clm_caller_copy (caller));
  clm_bus_callers_set_pinned (self->callers, sender, TRUE);
  return TRUE;
}

void
clm_bus_subscribers_remove (ClmBusSubscribers *self, const char *sender)
{
  if (g_hash_table_remove (self->subscribers, sender))
    clm_bus_callers_set_pinned (self->callers, sender, FALSE);
}

gboolean
clm_bus_subscribers_is_empty (ClmBusSubscribers *self)
{
  return g_hash_table_size (self->subscribers) == 0;
}

gboolean
clm_bus_subscribers_has (ClmBusSubscribers *self, const char *sender)
{
  return g_hash_table_contains (self->subscribers, sender);
}

static void
send (ClmBusSubscribers *self, const char *destination, const char *path, const char *interface, const char *signal,
      GVariant *parameters)
{
  g_autoptr (GError) error = NULL;
  if (!g_dbus_connection_emit_signal (self->connection, destination, path, interface, signal, parameters, &error))
    g_debug ("[bus] cannot send %s: %s", signal, error->message);
}

void
clm_bus_subscribers_emit (ClmBusSubscribers *self, const char *path, const char *interface, const char *signal,
                          GVariant *parameters, ClmBusMaySee may_see, gpointer user_data)
{
  GHashTableIter iter;
  const char *sender;
  const ClmCaller *caller;
  g_autoptr (GVariant) owned = g_variant_ref_sink (parameters);
  g_hash_table_iter_init (&iter, self->subscribers);
  while (g_hash_table_iter_next (&iter, (gpointer *) &sender, (gpointer *) &caller)) {
    if (may_see == NULL || may_see (caller, user_data))
      send (self, sender, path, interface, signal, owned);
  }
}

void
clm_bus_subscribers_emit_each (ClmBusSubscribers *self, const char *path, const char *interface, const char *signal,
                               ClmBusBuildFor build, gpointer user_data)
{
  GHashTableIter iter;
  const char *sender;
  const ClmCaller *caller;
  g_hash_table_iter_init (&iter, self->subscribers);
  while (g_hash_table_iter_next (&iter, (gpointer *) &sender, (gpointer *) &caller)) {
    GVariant *parameters = build (caller, user_data);
    if (parameters != NULL)
      send (self, sender, path, interface, signal, parameters);
  }
}
