/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fakes must behave as the daemon does, or tests built on them prove nothing. */
#include "await.h"
#include "fake-host.h"
#include "fake-request.h"
#include "memory-keys.h"

#include <openssl/x509.h>

static void
save (ClmHost *host, const char *key, const char *text, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) value = text != NULL ? g_bytes_new (text, strlen (text)) : NULL;

  clm_host_save_state_async (host, key, value, NULL, clm_await_done, &result);
  g_assert_null (result);
  gboolean ok = clm_host_save_state_finish (host, clm_await (&result), error);
  g_assert_true (ok || error != NULL);
}

static GBytes *
load (ClmHost *host, const char *key)
{
  g_autoptr (GAsyncResult) result = NULL;
  GBytes *value = NULL;
  GError *error = NULL;

  clm_host_load_state_async (host, key, NULL, clm_await_done, &result);
  g_assert_true (clm_host_load_state_finish (host, clm_await (&result), &value, &error));
  g_assert_no_error (error);
  return value;
}

static void
state_survives_a_restart (void)
{
  g_autoptr (ClmFakeHost) first = clm_fake_host_new (1000);
  g_autoptr (GError) error = NULL;

  save (CLM_HOST (first), "order.1", "abc", NULL);
  g_autofree char *directory = g_strdup (clm_host_get_private_directory (CLM_HOST (first), &error));
  g_autoptr (ClmFakeHost) second = clm_fake_host_restart (first);
  g_autoptr (GBytes) value = load (CLM_HOST (second), "order.1");
  g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), "abc", 3);
  g_clear_object (&first);
  g_assert_cmpstr (clm_host_get_private_directory (CLM_HOST (second), &error), ==, directory);
  g_assert_true (g_file_test (directory, G_FILE_TEST_IS_DIR));
  save (CLM_HOST (second), "order.1", NULL, NULL);
  g_assert_null (load (CLM_HOST (second), "order.1"));
  g_clear_object (&second);
  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));
}

static void
bad_keys_and_long_values_are_refused (void)
{
  g_autoptr (ClmFakeHost) host = clm_fake_host_new (0);
  const char *const keys[] = {"", "A", "a/b", "ä", "a b"};

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autoptr (GError) error = NULL;
    save (CLM_HOST (host), keys[i], "x", &error);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  }
  g_autofree char *text = g_strnfill (1024 * 1024 + 1, 'x');
  g_autoptr (GError) error = NULL;
  save (CLM_HOST (host), "key", text, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

static void
a_failed_save_leaves_the_old_value (void)
{
  g_autoptr (ClmFakeHost) host = clm_fake_host_new (0);
  g_autoptr (GError) error = NULL;

  save (CLM_HOST (host), "key", "old", NULL);
  clm_fake_host_fail_next (host, "save-state", g_error_new_literal (CLM_ERROR, CLM_ERROR_STORAGE, "disk full"));
  save (CLM_HOST (host), "key", "new", &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_autoptr (GBytes) value = load (CLM_HOST (host), "key");
  g_assert_cmpmem (g_bytes_get_data (value, NULL), g_bytes_get_size (value), "old", 3);
}

static void
a_wait_ends_with_its_time_or_its_cancellable (void)
{
  g_autoptr (ClmFakeHost) host = clm_fake_host_new (100);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) early = NULL, late = NULL;
  g_autoptr (GError) error = NULL;

  clm_host_wait_until_async (CLM_HOST (host), 200, NULL, clm_await_done, &early);
  clm_host_wait_until_async (CLM_HOST (host), 300, cancellable, clm_await_done, &late);
  clm_await_idle ();
  g_assert_null (early);
  g_assert_cmpint (clm_fake_host_get_next_wait (host), ==, 200);
  clm_fake_host_set_time (host, 250);
  g_assert_true (clm_host_wait_until_finish (CLM_HOST (host), clm_await (&early), &error));
  g_assert_cmpuint (clm_fake_host_count_waits (host), ==, 1);
  g_cancellable_cancel (cancellable);
  g_assert_false (clm_host_wait_until_finish (CLM_HOST (host), clm_await (&late), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (clm_fake_host_count_waits (host), ==, 0);
}

static void
keys_come_from_the_given_store (void)
{
  g_autoptr (ClmFakeHost) host = clm_fake_host_new (0);
  g_autoptr (ClmKeyStore) store = clm_memory_keys_new ("memory");
  g_autoptr (GAsyncResult) missing = NULL, made = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  ClmKeySpec spec = {.key_type = CLM_KEY_TYPE_EC_P256};

  clm_fake_host_set_key_store (host, store);
  clm_host_open_key_async (CLM_HOST (host), "ca", NULL, NULL, clm_await_done, &missing);
  g_assert_null (clm_host_open_key_finish (CLM_HOST (host), clm_await (&missing), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);

  clm_host_open_key_async (CLM_HOST (host), "ca", &spec, NULL, clm_await_done, &made);
  g_autoptr (ClmKey) key = clm_host_open_key_finish (CLM_HOST (host), clm_await (&made), &error);
  g_assert_no_error (error);
  clm_host_open_key_async (CLM_HOST (host), "ca", NULL, NULL, clm_await_done, &again);
  g_autoptr (ClmKey) same = clm_host_open_key_finish (CLM_HOST (host), clm_await (&again), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (clm_key_get_uri (key), ==, clm_key_get_uri (same));
  g_assert_cmpstr (clm_key_get_uri (key), ==, "clm-key://memory/key%2Fca%3F");
  clm_fake_host_set_key_store (host, NULL);
}

static void
a_csr_verifies_with_every_key_type (void)
{
  g_autoptr (ClmKeyStore) store = clm_memory_keys_new ("memory");
  static const char *const types[] = {CLM_KEY_TYPE_EC_P256, CLM_KEY_TYPE_EC_P384, CLM_KEY_TYPE_RSA_2048, CLM_KEY_TYPE_ED25519, NULL};

  for (guint i = 0; types[i] != NULL; i++) {
    g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (store), types[i], "web");
    g_autoptr (ClmFakeRequest) request = clm_fake_request_new ("web", key, "CN=gw-17, O=Example", "a.example b.example");
    g_autoptr (GAsyncResult) made = NULL, destroyed = NULL;
    g_autoptr (GError) error = NULL;
    clm_request_make_csr_async (CLM_REQUEST (request), "secret", NULL, NULL, clm_await_done, &made);
    g_autoptr (GBytes) der = clm_request_make_csr_finish (CLM_REQUEST (request), clm_await (&made), &error);
    g_assert_no_error (error);
    const guchar *p = g_bytes_get_data (der, NULL);
    X509_REQ *csr = d2i_X509_REQ (NULL, &p, g_bytes_get_size (der));
    g_assert_nonnull (csr);
    g_assert_cmpint (X509_REQ_verify (csr, X509_REQ_get0_pubkey (csr)), ==, 1);
    g_assert_cmpint (X509_REQ_get_attr_count (csr), ==, 2);
    X509_REQ_free (csr);
    clm_key_store_destroy_async (store, clm_key_get_id (key), NULL, clm_await_done, &destroyed);
    g_assert_true (clm_key_store_destroy_finish (store, clm_await (&destroyed), &error));
  }
  clm_await_idle ();
}

static void
checkpoints_are_kept (void)
{
  g_autoptr (ClmFakeRequest) request = clm_fake_request_new ("web", NULL, NULL, NULL);
  g_autoptr (GAsyncResult) kept = NULL, failed = NULL, huge = NULL;
  g_autoptr (GBytes) ticket = g_bytes_new_static ("t1", 2);
  g_autoptr (GBytes) long_ticket = g_bytes_new_take (g_malloc0 (CLM_TICKET_MAX + 1), CLM_TICKET_MAX + 1);
  g_autoptr (GError) error = NULL;

  clm_request_checkpoint_async (CLM_REQUEST (request), ticket, NULL, clm_await_done, &kept);
  g_assert_true (clm_request_checkpoint_finish (CLM_REQUEST (request), clm_await (&kept), &error));
  g_assert_cmpuint (clm_fake_request_get_tickets (request)->len, ==, 1);
  clm_fake_request_fail_next_checkpoint (request, g_error_new_literal (CLM_ERROR, CLM_ERROR_STORAGE, "disk full"));
  clm_request_checkpoint_async (CLM_REQUEST (request), ticket, NULL, clm_await_done, &failed);
  g_assert_false (clm_request_checkpoint_finish (CLM_REQUEST (request), clm_await (&failed), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
  g_clear_error (&error);
  clm_request_checkpoint_async (CLM_REQUEST (request), long_ticket, NULL, clm_await_done, &huge);
  g_assert_false (clm_request_checkpoint_finish (CLM_REQUEST (request), clm_await (&huge), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (clm_fake_request_get_tickets (request)->len, ==, 1);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fake-host/state-survives-a-restart", state_survives_a_restart);
  g_test_add_func ("/fake-host/bad-keys-and-long-values-are-refused", bad_keys_and_long_values_are_refused);
  g_test_add_func ("/fake-host/a-failed-save-leaves-the-old-value", a_failed_save_leaves_the_old_value);
  g_test_add_func ("/fake-host/a-wait-ends-with-its-time-or-its-cancellable", a_wait_ends_with_its_time_or_its_cancellable);
  g_test_add_func ("/fake-host/keys-come-from-the-given-store", keys_come_from_the_given_store);
  g_test_add_func ("/fake-request/a-csr-verifies-with-every-key-type", a_csr_verifies_with_every_key_type);
  g_test_add_func ("/fake-request/checkpoints-are-kept", checkpoints_are_kept);
  return g_test_run ();
}
