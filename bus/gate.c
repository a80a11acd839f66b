/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "gate.h"

#include "certloom-plugin.h"
#include "errors.h"

#define DEFAULT_PER_CALLER 10
#define DEFAULT_TOTAL      200
#define ROOT_FACTOR        10

typedef struct {
  gboolean identified;
  guint32  uid;
  guint    under_way;
} Sender;

/* Reference counted, as GDBus's thread may be inside the filter while the main thread lets go of it. */
typedef struct {
  GMutex        mutex;
  GHashTable   *senders;   /* unique name → Sender */
  GHashTable   *users;     /* uid → calls under way of identified connections */
  guint         total;
  guint         per_caller;
  guint         max_total;
  GMainContext *context;
} Ledger;

struct _ClmBusGate {
  GDBusConnection *connection;
  Ledger          *ledger;
  guint            filter;
};

static void
ledger_clear (gpointer data)
{
  Ledger *self = data;
  g_mutex_clear (&self->mutex);
  g_hash_table_unref (self->senders);
  g_hash_table_unref (self->users);
  g_main_context_unref (self->context);
}

static void
ledger_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, ledger_clear);
}

static void
charge_user (Ledger *self, guint32 uid, int calls)
{
  gpointer key = GUINT_TO_POINTER (uid);
  int under_way = GPOINTER_TO_INT (g_hash_table_lookup (self->users, key)) + calls;
  if (under_way > 0)
    g_hash_table_insert (self->users, key, GINT_TO_POINTER (under_way));
  else
    g_hash_table_remove (self->users, key);
}

static void
charge (Ledger *self, Sender *sender, int calls)
{
  sender->under_way = (guint) ((int) sender->under_way + calls);
  self->total = (guint) ((int) self->total + calls);
  if (sender->identified)
    charge_user (self, sender->uid, calls);
}

static Sender *
ensure_sender (Ledger *self, const char *name)
{
  Sender *sender = g_hash_table_lookup (self->senders, name);
  if (sender == NULL) {
    sender = g_new0 (Sender, 1);
    g_hash_table_insert (self->senders, g_strdup (name), sender);
  }
  return sender;
}

/* Counts the call in any case: its answer, be it a refusal, counts it out again. */
static gboolean
admit (Ledger *self, const char *name)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  Sender *sender = ensure_sender (self, name);
  gboolean root = sender->identified && sender->uid == 0;
  guint under_way = sender->identified
                      ? GPOINTER_TO_UINT (g_hash_table_lookup (self->users, GUINT_TO_POINTER (sender->uid)))
                      : sender->under_way;
  gboolean fits = root ? under_way < self->per_caller * ROOT_FACTOR
                       : under_way < self->per_caller && self->total < self->max_total;
  charge (self, sender, 1);
  return fits;
}

static void
count_out (Ledger *self, const char *name)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  Sender *sender = name == NULL ? NULL : g_hash_table_lookup (self->senders, name);
  if (sender == NULL || sender->under_way == 0)
    return;
  charge (self, sender, -1);
  if (sender->under_way == 0 && !sender->identified)
    g_hash_table_remove (self->senders, name);
}

typedef struct {
  Ledger *ledger;
  char   *name;
} Silent;

static void
silent_free (gpointer data)
{
  Silent *silent = data;
  ledger_unref (silent->ledger);
  g_free (silent->name);
  g_free (silent);
}

static gboolean
on_silent_reached (gpointer data)
{
  Silent *silent = data;
  count_out (silent->ledger, silent->name);
  return G_SOURCE_REMOVE;
}

/* A call that wants no answer is counted out when the main loop gets to it: this source stands in the queue just before it. */
static void
count_out_in_queue (Ledger *self, const char *name)
{
  Silent *silent = g_new0 (Silent, 1);
  silent->ledger = g_atomic_rc_box_acquire (self);
  silent->name = g_strdup (name);
  g_autoptr (GSource) source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_silent_reached, silent, silent_free);
  g_source_set_static_name (source, "certloom bus gate");
  g_source_attach (source, self->context);
}

static void
turn_away (GDBusConnection *connection, GDBusMessage *message)
{
  g_autoptr (GError) error = g_error_new_literal (CLM_ERROR, CLM_ERROR_LIMITS_EXCEEDED, "too many calls are under way");
  clm_error_set_hint (error, "wait for answers before you ask more, or raise MaxPerCaller= in certloom.conf");
  g_autoptr (GDBusMessage) reply = clm_bus_errors_make_reply (message, error);
  g_dbus_connection_send_message (connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

static gboolean
is_answer (GDBusMessage *message)
{
  GDBusMessageType type = g_dbus_message_get_message_type (message);
  return type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR;
}

static GDBusMessage *
on_message (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  Ledger *self = user_data;
  if (!incoming && is_answer (message))
    count_out (self, g_dbus_message_get_destination (message));
  const char *sender = g_dbus_message_get_sender (message);
  if (!incoming || sender == NULL || g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return message;

  gboolean silent = (g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) != 0;
  gboolean admitted = admit (self, sender);
  if (silent && admitted)
    count_out_in_queue (self, sender);
  else if (silent)
    count_out (self, sender);
  else if (!admitted)
    turn_away (connection, message);
  if (admitted)
    return message;
  g_object_unref (message);
  return NULL;
}

ClmBusGate *
clm_bus_gate_new (GDBusConnection *connection)
{
  ClmBusGate *self = g_new0 (ClmBusGate, 1);
  self->connection = g_object_ref (connection);
  self->ledger = g_atomic_rc_box_new0 (Ledger);
  g_mutex_init (&self->ledger->mutex);
  self->ledger->senders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->ledger->users = g_hash_table_new (NULL, NULL);
  self->ledger->context = g_main_context_ref_thread_default ();
  clm_bus_gate_set_limits (self, DEFAULT_PER_CALLER, DEFAULT_TOTAL);
  self->filter = g_dbus_connection_add_filter (connection, on_message, g_atomic_rc_box_acquire (self->ledger), ledger_unref);
  return self;
}

void
clm_bus_gate_free (ClmBusGate *self)
{
  g_dbus_connection_remove_filter (self->connection, self->filter);
  g_object_unref (self->connection);
  ledger_unref (self->ledger);
  g_free (self);
}

void
clm_bus_gate_set_limits (ClmBusGate *self, guint per_caller, guint total)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->ledger->mutex);
  self->ledger->per_caller = MAX (per_caller, 1);
  self->ledger->max_total = MAX (total, 1);
}

void
clm_bus_gate_identify (ClmBusGate *self, const char *name, guint32 uid)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->ledger->mutex);
  Sender *sender = ensure_sender (self->ledger, name);
  if (sender->identified)
    return;
  sender->identified = TRUE;
  sender->uid = uid;
  charge_user (self->ledger, uid, (int) sender->under_way);
}

void
clm_bus_gate_forget (ClmBusGate *self, const char *name)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->ledger->mutex);
  Sender *sender = g_hash_table_lookup (self->ledger->senders, name);
  if (sender == NULL)
    return;
  charge (self->ledger, sender, -(int) sender->under_way);
  g_hash_table_remove (self->ledger->senders, name);
}

guint
clm_bus_gate_get_total (ClmBusGate *self)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->ledger->mutex);
  return self->ledger->total;
}
