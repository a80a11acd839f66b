/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-host.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  GTask *task;
  gint64 due;
  gulong handler;
} Wait;

struct _ClmFakeHost {
  ClmHost      parent_instance;

  gint64       time;
  gboolean     clock_trusted;
  char        *directory;
  ClmKeyStore *store;
  GHashTable  *state;         /* key → GBytes */
  GHashTable  *labels;        /* label → key id */
  GHashTable  *credentials;   /* name → ClmCredential */
  GHashTable  *secrets;       /* reference → ClmSecret */
  GHashTable  *failures;      /* operation → GError */
  GPtrArray   *events;
  GPtrArray   *waits;         /* Wait */
};

G_DEFINE_FINAL_TYPE (ClmFakeHost, clm_fake_host, CLM_TYPE_HOST)

static int
remove_entry (const char *path, const struct stat *info, int type, struct FTW *where)
{
  return remove (path);
}

static void
wait_free (gpointer data)
{
  Wait *wait = data;

  g_object_unref (wait->task);
  g_free (wait);
}

static void
clm_fake_host_finalize (GObject *object)
{
  ClmFakeHost *self = CLM_FAKE_HOST (object);

  if (self->directory != NULL)
    nftw (self->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  g_free (self->directory);
  g_clear_object (&self->store);
  g_hash_table_unref (self->state);
  g_hash_table_unref (self->labels);
  g_hash_table_unref (self->credentials);
  g_hash_table_unref (self->secrets);
  g_hash_table_unref (self->failures);
  g_ptr_array_unref (self->events);
  g_ptr_array_unref (self->waits);
  G_OBJECT_CLASS (clm_fake_host_parent_class)->finalize (object);
}

static void
clm_fake_host_init (ClmFakeHost *self)
{
  self->clock_trusted = TRUE;
  self->state = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  self->labels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->credentials = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) clm_credential_unref);
  self->secrets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) clm_secret_unref);
  self->failures = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_error_free);
  self->events = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_event_unref);
  self->waits = g_ptr_array_new_with_free_func (wait_free);
}

static GTask *
begin (ClmHost *host, const char *operation, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmFakeHost *self = CLM_FAKE_HOST (host);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *key = NULL;
  GError *failure = NULL;

  g_task_set_source_tag (task, tag);
  if (!g_hash_table_steal_extended (self->failures, operation, (gpointer *) &key, (gpointer *) &failure))
    return g_steal_pointer (&task);
  g_task_return_error (task, failure);
  return NULL;
}

/* State */

static void
load_state_async (ClmHost *host, const char *key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = begin (host, "load-state", load_state_async, cancellable, callback, user_data);
  if (task == NULL)
    return;

  GBytes *value = g_hash_table_lookup (CLM_FAKE_HOST (host)->state, key);
  g_task_return_pointer (task, value != NULL ? g_bytes_ref (value) : NULL, (GDestroyNotify) g_bytes_unref);
}

static gboolean
load_state_finish (ClmHost *host, GAsyncResult *result, GBytes **value, GError **error)
{
  GError *failure = NULL;

  *value = g_task_propagate_pointer (G_TASK (result), &failure);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

static void
save_state_async (ClmHost *host, const char *key, GBytes *value, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmFakeHost *self = CLM_FAKE_HOST (host);
  g_autoptr (GTask) task = begin (host, "save-state", save_state_async, cancellable, callback, user_data);
  if (task == NULL)
    return;

  if (value != NULL)
    g_hash_table_insert (self->state, g_strdup (key), g_bytes_ref (value));
  else
    g_hash_table_remove (self->state, key);
  g_task_return_boolean (task, TRUE);
}

static gboolean
finish_boolean (ClmHost *host, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static const char *
get_private_directory (ClmHost *host, GError **error)
{
  ClmFakeHost *self = CLM_FAKE_HOST (host);

  if (self->directory == NULL)
    self->directory = g_dir_make_tmp ("certloom-XXXXXX", error);
  return self->directory;
}

/* Keys */

static void
on_key_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  ClmKey *key = clm_key_store_open_finish (CLM_KEY_STORE (source), result, &error);

  if (key != NULL)
    g_task_return_pointer (task, key, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
open_id (ClmFakeHost *self, GTask *task, const char *id)
{
  clm_key_store_open_async (self->store, id, g_task_get_cancellable (task), on_key_opened, g_object_ref (task));
}

static void
note_and_open (GTask *task, char *id, GError *error)
{
  ClmFakeHost *self = g_task_get_source_object (task);

  if (id == NULL) {
    g_task_return_error (task, error);
    return;
  }
  g_hash_table_insert (self->labels, g_strdup (g_task_get_task_data (task)), id);
  open_id (self, task, id);
}

static void
on_key_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  char *id = clm_key_store_create_finish (CLM_KEY_STORE (source), result, &error);

  note_and_open (task, id, error);
}

static void
on_key_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  char *id = clm_key_importer_import_finish (CLM_KEY_IMPORTER (source), result, &error);

  note_and_open (task, id, error);
}

static gboolean
has_store (ClmFakeHost *self, GTask *task)
{
  if (self->store == NULL)
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "no key store is configured");
  return self->store != NULL;
}

static void
open_key_async (ClmHost *host, const char *label, const ClmKeySpec *create, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmFakeHost *self = CLM_FAKE_HOST (host);
  g_autoptr (GTask) task = begin (host, "open-key", open_key_async, cancellable, callback, user_data);
  if (task == NULL || !has_store (self, task))
    return;

  const char *id = g_hash_table_lookup (self->labels, label);
  g_task_set_task_data (task, g_strdup (label), g_free);
  if (id != NULL)
    open_id (self, task, id);
  else if (create != NULL)
    clm_key_store_create_async (self->store, create, label, cancellable, on_key_created, g_object_ref (task));
  else
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no key with the label %s", label);
}

static void
import_key_async (ClmHost *host, const char *label, ClmSecret *pkcs8, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmFakeHost *self = CLM_FAKE_HOST (host);
  g_autoptr (GTask) task = begin (host, "import-key", import_key_async, cancellable, callback, user_data);
  if (task == NULL || !has_store (self, task))
    return;

  g_task_set_task_data (task, g_strdup (label), g_free);
  if (g_hash_table_contains (self->labels, label))
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_EXISTS, "a key with the label %s exists", label);
  else if (!CLM_IS_KEY_IMPORTER (self->store))
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "this key store imports no keys");
  else
    clm_key_importer_import_async (CLM_KEY_IMPORTER (self->store), pkcs8, label, cancellable, on_key_imported, g_object_ref (task));
}

static ClmKey *
finish_key (ClmHost *host, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Credentials, secrets, sockets */

static ClmCredential *
get_credential (ClmHost *host, const char *certificate, GError **error)
{
  ClmCredential *credential = g_hash_table_lookup (CLM_FAKE_HOST (host)->credentials, certificate);

  if (credential != NULL)
    return clm_credential_ref (credential);
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no certificate %s", certificate);
  return NULL;
}

static ClmSecret *
read_secret_file (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "cannot open %s", path);
    return NULL;
  }
  ClmSecret *secret = clm_secret_new_from_fd (fd, 65536, error);
  close (fd);
  if (secret == NULL)
    return NULL;

  gsize size;
  const char *data = clm_secret_peek (secret, &size);
  if (size == 0 || data[size - 1] != '\n')
    return secret;
  ClmSecret *cut = clm_secret_new (data, size - 1);
  clm_secret_unref (secret);
  return cut;
}

static void
load_secret_async (ClmHost *host, const char *reference, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = begin (host, "load-secret", load_secret_async, cancellable, callback, user_data);
  if (task == NULL)
    return;

  GError *error = NULL;
  ClmSecret *secret = g_hash_table_lookup (CLM_FAKE_HOST (host)->secrets, reference);
  if (secret != NULL)
    clm_secret_ref (secret);
  else if (g_str_has_prefix (reference, "file:/"))
    secret = read_secret_file (reference + strlen ("file:"), &error);
  else
    error = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "no secret %s", reference);
  if (secret != NULL)
    g_task_return_pointer (task, secret, (GDestroyNotify) clm_secret_unref);
  else
    g_task_return_error (task, error);
}

static ClmSecret *
load_secret_finish (ClmHost *host, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static GSocket *
open_loopback (GError **error)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (socket == NULL || !g_socket_bind (socket, address, TRUE, error) || !g_socket_listen (socket, error))
    return NULL;
  return g_steal_pointer (&socket);
}

static void
listen_async (ClmHost *host, const char *listener, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = begin (host, "listen", listen_async, cancellable, callback, user_data);
  if (task == NULL)
    return;

  GError *error = NULL;
  GSocket *socket = open_loopback (&error);
  if (socket != NULL)
    g_task_return_pointer (task, socket, g_object_unref);
  else
    g_task_return_error (task, error);
}

static GSocket *
listen_finish (ClmHost *host, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Time */

static gint64
get_time (ClmHost *host)
{
  return CLM_FAKE_HOST (host)->time;
}

static gboolean
is_clock_trusted (ClmHost *host)
{
  return CLM_FAKE_HOST (host)->clock_trusted;
}

static void
end_wait (ClmFakeHost *self, guint index)
{
  Wait *wait = g_ptr_array_index (self->waits, index);
  GCancellable *cancellable = g_task_get_cancellable (wait->task);

  if (wait->handler != 0)
    g_signal_handler_disconnect (cancellable, wait->handler);
  g_task_return_boolean (wait->task, TRUE);   /* turned into "cancelled" by the task where it was */
  g_ptr_array_remove_index (self->waits, index);
}

static void
on_wait_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  ClmFakeHost *self = g_task_get_source_object (task);

  for (guint i = 0; i < self->waits->len; i++) {
    Wait *wait = g_ptr_array_index (self->waits, i);
    if (wait->task == task) {
      end_wait (self, i);
      return;
    }
  }
}

static void
wait_until_async (ClmHost *host, gint64 time, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmFakeHost *self = CLM_FAKE_HOST (host);
  g_autoptr (GTask) task = begin (host, "wait-until", wait_until_async, cancellable, callback, user_data);
  if (task == NULL || g_task_return_error_if_cancelled (task))
    return;

  if (time <= self->time) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  Wait *wait = g_new0 (Wait, 1);
  wait->task = g_object_ref (task);
  wait->due = time;
  g_ptr_array_add (self->waits, wait);
  if (cancellable != NULL)
    wait->handler = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_wait_cancelled), task);
}

static void
emit_event (ClmHost *host, ClmEvent *event)
{
  g_ptr_array_add (CLM_FAKE_HOST (host)->events, clm_event_ref (event));
}

static void
clm_fake_host_class_init (ClmFakeHostClass *klass)
{
  ClmHostClass *host_class = CLM_HOST_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = clm_fake_host_finalize;
  host_class->load_state_async = load_state_async;
  host_class->load_state_finish = load_state_finish;
  host_class->save_state_async = save_state_async;
  host_class->save_state_finish = finish_boolean;
  host_class->get_private_directory = get_private_directory;
  host_class->open_key_async = open_key_async;
  host_class->open_key_finish = finish_key;
  host_class->import_key_async = import_key_async;
  host_class->import_key_finish = finish_key;
  host_class->get_credential = get_credential;
  host_class->load_secret_async = load_secret_async;
  host_class->load_secret_finish = load_secret_finish;
  host_class->listen_async = listen_async;
  host_class->listen_finish = listen_finish;
  host_class->get_time = get_time;
  host_class->is_clock_trusted = is_clock_trusted;
  host_class->wait_until_async = wait_until_async;
  host_class->wait_until_finish = finish_boolean;
  host_class->emit_event = emit_event;
}

/* What the test says */

ClmFakeHost *
clm_fake_host_new (gint64 time)
{
  ClmFakeHost *self = g_object_new (CLM_TYPE_FAKE_HOST, NULL);

  self->time = time;
  return self;
}

static void
share_table (GHashTable **target, GHashTable *source)
{
  g_hash_table_unref (*target);
  *target = g_hash_table_ref (source);
}

ClmFakeHost *
clm_fake_host_restart (ClmFakeHost *self)
{
  ClmFakeHost *next = clm_fake_host_new (self->time);

  next->clock_trusted = self->clock_trusted;
  next->directory = g_steal_pointer (&self->directory);
  g_set_object (&next->store, self->store);
  share_table (&next->state, self->state);
  share_table (&next->labels, self->labels);
  share_table (&next->credentials, self->credentials);
  share_table (&next->secrets, self->secrets);
  return next;
}

void
clm_fake_host_set_key_store (ClmFakeHost *self, ClmKeyStore *store)
{
  g_set_object (&self->store, store);
}

void
clm_fake_host_set_time (ClmFakeHost *self, gint64 time)
{
  self->time = time;
  for (guint i = 0; i < self->waits->len;) {
    Wait *wait = g_ptr_array_index (self->waits, i);
    if (wait->due <= time)
      end_wait (self, i);
    else
      i++;
  }
}

void
clm_fake_host_set_clock_trusted (ClmFakeHost *self, gboolean trusted)
{
  self->clock_trusted = trusted;
}

void
clm_fake_host_set_credential (ClmFakeHost *self, const char *certificate, ClmCredential *credential)
{
  g_hash_table_insert (self->credentials, g_strdup (certificate), clm_credential_ref (credential));
}

void
clm_fake_host_set_secret (ClmFakeHost *self, const char *reference, ClmSecret *secret)
{
  g_hash_table_insert (self->secrets, g_strdup (reference), clm_secret_ref (secret));
}

void
clm_fake_host_fail_next (ClmFakeHost *self, const char *operation, GError *error)
{
  g_hash_table_insert (self->failures, g_strdup (operation), error);
}

GBytes *
clm_fake_host_get_state (ClmFakeHost *self, const char *key)
{
  return g_hash_table_lookup (self->state, key);
}

gint64
clm_fake_host_get_next_wait (ClmFakeHost *self)
{
  gint64 next = G_MAXINT64;

  for (guint i = 0; i < self->waits->len; i++) {
    Wait *wait = g_ptr_array_index (self->waits, i);
    next = MIN (next, wait->due);
  }
  return next;
}

guint
clm_fake_host_count_waits (ClmFakeHost *self)
{
  return self->waits->len;
}

GPtrArray *
clm_fake_host_get_events (ClmFakeHost *self)
{
  return self->events;
}

ClmEvent *
clm_fake_host_find_event (ClmFakeHost *self, ClmEventKind kind)
{
  for (guint i = self->events->len; i > 0; i--) {
    ClmEvent *event = g_ptr_array_index (self->events, i - 1);
    if (clm_event_get_kind (event) == kind)
      return event;
  }
  return NULL;
}
