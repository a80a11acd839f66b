/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "callers.h"

#include <grp.h>
#include <pwd.h>

/* Each remembered connection costs the bus one match rule, of which a connection may have 512. More than the 256 connections that one
 * user may have, so that nobody alone can make the daemon forget the others. */
#define REMEMBERED_MAX  400
#define BUS_DRIVER     "org.freedesktop.DBus"
#define BUS_DRIVER_PATH "/org/freedesktop/DBus"

typedef struct {
  ClmBusCallers *owner;     /* not referenced */
  char          *sender;
  guint          watch;
  ClmCaller     *caller;    /* NULL while asking */
  GPtrArray     *waiting;   /* GTask */
  gboolean       pinned;
  guint64        used;
} Entry;

struct _ClmBusCallers {
  GObject          parent_instance;
  GDBusConnection *connection;
  GHashTable      *entries;   /* sender → Entry */
  GCancellable    *cancellable;
  guint64          uses;
};

G_DEFINE_FINAL_TYPE (ClmBusCallers, clm_bus_callers, G_TYPE_OBJECT)

static guint identified_signal, vanished_signal;

static void
entry_free (gpointer data)
{
  Entry *entry = data;
  g_dbus_connection_signal_unsubscribe (entry->owner->connection, entry->watch);
  g_ptr_array_unref (entry->waiting);
  g_clear_pointer (&entry->caller, clm_caller_free);
  g_free (entry->sender);
  g_free (entry);
}

static GError *
make_denial (void)
{
  return g_error_new_literal (CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "who is calling could not be established");
}

static void
refuse (ClmBusCallers *self, const char *sender)
{
  g_autoptr (GPtrArray) waiting = NULL;
  Entry *entry = g_hash_table_lookup (self->entries, sender);
  if (entry == NULL)
    return;
  waiting = g_ptr_array_ref (entry->waiting);
  g_hash_table_remove (self->entries, sender);
  for (guint i = 0; i < waiting->len; i++)
    g_task_return_error (waiting->pdata[i], make_denial ());
}

static void
on_name_owner_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                       const char *member, GVariant *parameters, gpointer user_data)
{
  ClmBusCallers *self = user_data;
  const char *name, *new_owner;
  g_variant_get (parameters, "(&s&s&s)", &name, NULL, &new_owner);
  if (*new_owner != '\0')
    return;
  g_autofree char *kept = g_strdup (name);
  refuse (self, kept);
  g_signal_emit (self, vanished_signal, 0, kept);
}

static void
settle (ClmBusCallers *self, const char *sender, ClmCaller *caller)
{
  Entry *entry = g_hash_table_lookup (self->entries, sender);
  if (entry == NULL || entry->caller != NULL) {
    clm_caller_free (caller);
    return;
  }
  entry->caller = caller;
  g_signal_emit (self, identified_signal, 0, sender, caller->uid);
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&entry->waiting);
  entry->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < waiting->len; i++)
    g_task_return_pointer (waiting->pdata[i], clm_caller_copy (caller), (GDestroyNotify) clm_caller_free);
}

/* Look-ups of accounts may ask a network service, so they are made in a worker. */

typedef struct {
  char    *sender;
  guint32  uid;
} Account;

static void
account_free (gpointer data)
{
  Account *account = data;
  g_free (account->sender);
  g_free (account);
}

static GArray *
list_groups (guint32 uid)
{
  GArray *groups = g_array_new (FALSE, FALSE, sizeof (guint32));
  struct passwd entry, *found = NULL;
  g_autofree char *buffer = g_malloc (16384);
  if (getpwuid_r (uid, &entry, buffer, 16384, &found) != 0 || found == NULL)
    return groups;
  int count = 64;
  g_autofree gid_t *gids = g_new (gid_t, 64);
  while (getgrouplist (entry.pw_name, entry.pw_gid, gids, &count) < 0 && count <= 65536)
    gids = g_renew (gid_t, gids, count);
  for (int i = 0; i < count; i++)
    g_array_append_val (groups, gids[i]);
  return groups;
}

static void
read_account (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Account *account = task_data;
  g_autoptr (GArray) groups = list_groups (account->uid);
  g_task_return_pointer (task, clm_caller_new (account->uid, (const guint32 *) (gpointer) groups->data, groups->len),
                         (GDestroyNotify) clm_caller_free);
}

static void
on_account_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ClmBusCallers *self = CLM_BUS_CALLERS (source);
  Account *account = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;
  ClmCaller *caller = g_task_propagate_pointer (G_TASK (result), &error);
  if (caller == NULL)
    refuse (self, account->sender);
  else
    settle (self, account->sender, caller);
}

static void
read_account_in_thread (ClmBusCallers *self, const char *sender, guint32 uid)
{
  g_autoptr (GTask) task = g_task_new (self, self->cancellable, on_account_read, NULL);
  g_task_set_source_tag (task, read_account_in_thread);
  Account *account = g_new0 (Account, 1);
  account->sender = g_strdup (sender);
  account->uid = uid;
  g_task_set_task_data (task, account, account_free);
  g_task_run_in_thread (task, read_account);
}

typedef struct {
  ClmBusCallers *self;
  char          *sender;
} Question;

static void
question_free (Question *question)
{
  g_object_unref (question->self);
  g_free (question->sender);
  g_free (question);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Question, question_free)

static void
on_credentials (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Question) question = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply == NULL) {
    g_debug ("[bus] no credentials of %s: %s", question->sender, error->message);
    refuse (question->self, question->sender);
    return;
  }
  g_autoptr (GVariant) credentials = g_variant_get_child_value (reply, 0);
  guint32 uid;
  if (!g_variant_lookup (credentials, "UnixUserID", "u", &uid)) {
    refuse (question->self, question->sender);
    return;
  }
  g_autoptr (GVariant) groups = g_variant_lookup_value (credentials, "UnixGroupIDs", G_VARIANT_TYPE ("au"));
  if (groups == NULL) {
    read_account_in_thread (question->self, question->sender, uid);
    return;
  }
  gsize count;
  const guint32 *gids = g_variant_get_fixed_array (groups, &count, sizeof (guint32));
  settle (question->self, question->sender, clm_caller_new (uid, gids, count));
}

/* Forgets the connection that has been silent for longest. */
static void
make_room (ClmBusCallers *self)
{
  GHashTableIter iter;
  Entry *entry, *oldest = NULL;
  if (g_hash_table_size (self->entries) < REMEMBERED_MAX)
    return;
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry)) {
    if (entry->caller != NULL && !entry->pinned && (oldest == NULL || entry->used < oldest->used))
      oldest = entry;
  }
  if (oldest == NULL)
    return;
  g_autofree char *sender = g_strdup (oldest->sender);
  g_hash_table_remove (self->entries, sender);
  g_signal_emit (self, vanished_signal, 0, sender);
}

/* Watches first and asks then: a connection that leaves in between is noticed in any case. */
static Entry *
ask (ClmBusCallers *self, const char *sender)
{
  make_room (self);
  Entry *entry = g_new0 (Entry, 1);
  entry->owner = self;
  entry->sender = g_strdup (sender);
  entry->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  entry->watch = g_dbus_connection_signal_subscribe (self->connection, BUS_DRIVER, BUS_DRIVER, "NameOwnerChanged",
                                                     BUS_DRIVER_PATH, sender, G_DBUS_SIGNAL_FLAGS_NONE,
                                                     on_name_owner_changed, self, NULL);
  g_hash_table_insert (self->entries, entry->sender, entry);

  Question *question = g_new0 (Question, 1);
  question->self = g_object_ref (self);
  question->sender = g_strdup (sender);
  g_dbus_connection_call (self->connection, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER, "GetConnectionCredentials",
                          g_variant_new ("(s)", sender), G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1,
                          self->cancellable, on_credentials, question);
  return entry;
}

const ClmCaller *
clm_bus_callers_peek (ClmBusCallers *self, const char *sender)
{
  Entry *entry = g_hash_table_lookup (self->entries, sender);
  if (entry == NULL || entry->caller == NULL)
    return NULL;
  entry->used = ++self->uses;
  return entry->caller;
}

void
clm_bus_callers_look_up_async (ClmBusCallers *self, const char *sender, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_bus_callers_look_up_async);
  const ClmCaller *known = clm_bus_callers_peek (self, sender);
  if (known != NULL) {
    g_task_return_pointer (task, clm_caller_copy (known), (GDestroyNotify) clm_caller_free);
    return;
  }
  Entry *entry = g_hash_table_lookup (self->entries, sender);
  if (entry == NULL)
    entry = ask (self, sender);
  entry->used = ++self->uses;
  g_ptr_array_add (entry->waiting, g_steal_pointer (&task));
}

ClmCaller *
clm_bus_callers_look_up_finish (ClmBusCallers *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
clm_bus_callers_set_pinned (ClmBusCallers *self, const char *sender, gboolean pinned)
{
  Entry *entry = g_hash_table_lookup (self->entries, sender);
  if (entry != NULL)
    entry->pinned = pinned;
}

ClmBusCallers *
clm_bus_callers_new (GDBusConnection *connection)
{
  ClmBusCallers *self = g_object_new (CLM_TYPE_BUS_CALLERS, NULL);
  self->connection = g_object_ref (connection);
  return self;
}

static void
clm_bus_callers_dispose (GObject *object)
{
  ClmBusCallers *self = CLM_BUS_CALLERS (object);
  g_cancellable_cancel (self->cancellable);
  g_clear_pointer (&self->entries, g_hash_table_unref);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (clm_bus_callers_parent_class)->dispose (object);
}

static void
clm_bus_callers_init (ClmBusCallers *self)
{
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
  self->cancellable = g_cancellable_new ();
}

static void
clm_bus_callers_class_init (ClmBusCallersClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = clm_bus_callers_dispose;
  identified_signal = g_signal_new ("identified", CLM_TYPE_BUS_CALLERS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                    G_TYPE_STRING, G_TYPE_UINT);
  vanished_signal = g_signal_new ("vanished", CLM_TYPE_BUS_CALLERS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                  G_TYPE_STRING);
}
