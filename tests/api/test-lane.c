/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key store is used by a bounded number of threads, never by the main one, and nobody waits for it in vain. */
#include "await.h"
#include "certloom-plugin.h"

struct _SlowStore {
  ClmKeyStore parent_instance;

  GMutex lock;
  GCond  changed;
  guint  inside, most, calls;
  gboolean open;          /* the gate: closed, every call waits inside */
};

G_DECLARE_FINAL_TYPE (SlowStore, slow_store, SLOW, STORE, ClmKeyStore)
G_DEFINE_FINAL_TYPE (SlowStore, slow_store, CLM_TYPE_KEY_STORE)

static GBytes *
sign (ClmKeyStore *store, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size,
      GCancellable *cancellable, GError **error)
{
  SlowStore *self = SLOW_STORE (store);

  g_mutex_lock (&self->lock);
  self->calls++;
  self->inside++;
  self->most = MAX (self->most, self->inside);
  g_cond_broadcast (&self->changed);
  while (!self->open)
    g_cond_wait (&self->changed, &self->lock);
  self->inside--;
  g_mutex_unlock (&self->lock);
  return g_bytes_new_static ("signature", 9);
}

static void
slow_store_class_init (SlowStoreClass *klass)
{
  CLM_KEY_STORE_CLASS (klass)->lane_width = 2;
  CLM_KEY_STORE_CLASS (klass)->sign = sign;
}

static void
slow_store_init (SlowStore *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
}

static SlowStore *
slow_store_new (gboolean open)
{
  SlowStore *self = g_object_new (slow_store_get_type (), "name", "slow", NULL);

  self->open = open;
  return self;
}

static void
wait_inside (SlowStore *self, guint count)
{
  g_mutex_lock (&self->lock);
  while (self->inside < count)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
}

static void
open_gate (SlowStore *self)
{
  g_mutex_lock (&self->lock);
  self->open = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static GBytes *
sign_now (SlowStore *self, GCancellable *cancellable, GError **error)
{
  static const guint8 digest[32];

  return clm_key_store_sign (CLM_KEY_STORE (self), "key", CLM_SIGN_ECDSA, CLM_HASH_SHA256, digest, 32, cancellable, error);
}

static void
sign_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  GBytes *signature = sign_now (source, cancellable, &error);

  g_assert_false (g_main_context_is_owner (NULL));
  if (signature != NULL)
    g_task_return_pointer (task, signature, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
sign_later (SlowStore *self, GCancellable *cancellable, GAsyncResult **slot)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, clm_await_done, slot);

  clm_key_store_run_in_thread (CLM_KEY_STORE (self), task, sign_in_thread);
}

static void
no_more_at_once_than_the_lane_is_wide (void)
{
  g_autoptr (SlowStore) self = slow_store_new (FALSE);
  GAsyncResult *results[6] = {NULL};

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    sign_later (self, NULL, &results[i]);
  wait_inside (self, 2);
  open_gate (self);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++) {
    g_autoptr (GBytes) signature = g_task_propagate_pointer (G_TASK (clm_await (&results[i])), NULL);
    g_assert_nonnull (signature);
    g_object_unref (results[i]);
  }
  g_assert_cmpuint (self->most, ==, 2);
  g_assert_cmpuint (self->calls, ==, 6);
}

static gpointer
sign_outside (gpointer self)
{
  g_autoptr (GBytes) signature = sign_now (self, NULL, NULL);

  g_assert_nonnull (signature);
  return NULL;
}

static void
callers_from_elsewhere_count_too (void)
{
  g_autoptr (SlowStore) self = slow_store_new (FALSE);
  GThread *threads[5];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("caller", sign_outside, self);
  wait_inside (self, 2);
  open_gate (self);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (self->most, ==, 2);
}

static void
who_waits_can_be_cancelled (void)
{
  g_autoptr (SlowStore) self = slow_store_new (FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *busy[2] = {NULL};
  g_autoptr (GAsyncResult) queued = NULL, late = NULL;
  g_autoptr (GError) error = NULL;

  sign_later (self, NULL, &busy[0]);
  sign_later (self, NULL, &busy[1]);
  wait_inside (self, 2);
  sign_later (self, cancellable, &queued);
  g_cancellable_cancel (cancellable);
  g_assert_null (g_task_propagate_pointer (G_TASK (clm_await (&queued)), &error));   /* although the store is still busy */
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  sign_later (self, cancellable, &late);
  g_assert_null (g_task_propagate_pointer (G_TASK (clm_await (&late)), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  open_gate (self);
  for (guint i = 0; i < 2; i++) {
    G_GNUC_UNUSED g_autoptr (GBytes) signature = g_task_propagate_pointer (G_TASK (clm_await (&busy[i])), NULL);
    g_object_unref (busy[i]);
  }
  g_assert_cmpuint (self->calls, ==, 2);
}

static gpointer
sign_until_cancelled (gpointer data)
{
  gpointer *both = data;
  g_autoptr (GError) error = NULL;

  g_assert_null (sign_now (both[0], both[1], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  return NULL;
}

static void
a_place_in_the_lane_is_not_waited_for_in_vain (void)
{
  g_autoptr (SlowStore) self = slow_store_new (FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *busy[2] = {g_thread_new ("busy", sign_outside, self), g_thread_new ("busy", sign_outside, self)};
  gpointer both[2] = {self, cancellable};

  wait_inside (self, 2);
  GThread *waiting = g_thread_new ("waiting", sign_until_cancelled, both);
  g_cancellable_cancel (cancellable);
  g_thread_join (waiting);
  open_gate (self);
  g_thread_join (busy[0]);
  g_thread_join (busy[1]);
}

static gboolean
sign_in_main_thread (gpointer self)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (sign_now (self, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_FAILED);
  return G_SOURCE_REMOVE;
}

static void
never_in_the_main_thread (void)
{
  if (g_test_subprocess ()) {
    g_autoptr (SlowStore) self = slow_store_new (TRUE);
    g_log_set_always_fatal (G_LOG_LEVEL_ERROR);
    g_idle_add (sign_in_main_thread, self);
    g_main_context_iteration (NULL, TRUE);
    g_assert_cmpuint (self->calls, ==, 0);
    return;
  }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*sign blocks and was called in the thread that runs the main context*");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lane/no-more-at-once-than-the-lane-is-wide", no_more_at_once_than_the_lane_is_wide);
  g_test_add_func ("/lane/callers-from-elsewhere-count-too", callers_from_elsewhere_count_too);
  g_test_add_func ("/lane/who-waits-can-be-cancelled", who_waits_can_be_cancelled);
  g_test_add_func ("/lane/a-place-in-the-lane-is-not-waited-for-in-vain", a_place_in_the_lane_is_not_waited_for_in_vain);
  g_test_add_func ("/lane/never-in-the-main-thread", never_in_the_main_thread);
  return g_test_run ();
}
