/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tls-check.h"

#include "await.h"
#include "clm-error.h"
#include "sample.h"
#include "tls-server.h"

/* One check, waited for. */
static gboolean
check_at (const char *address, GBytes *leaf, gint64 within_s, GError **error)
{
  ClmTlsCheck check = {.address = address, .server_name = "localhost", .leaf = leaf, .within_s = within_s};
  g_autoptr (GAsyncResult) result = NULL;

  clm_tls_check_async (&check, NULL, clm_await_done, &result);
  return clm_tls_check_finish (clm_await (&result), error);
}

static void
test_shows_leaf (gconstpointer options)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autoptr (Server) server = server_start_openssl (sample, options);
  g_autoptr (GError) error = NULL;

  g_assert_true (check_at (server->address, sample->der, 10, &error));
  g_assert_no_error (error);
}

static void
test_shows_another (void)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autoptr (Sample) other = sample_new ("web");
  g_autoptr (Server) server = server_start_openssl (sample, "-tls1_3");
  g_autoptr (GError) error = NULL;

  g_assert_true (check_at (server->address, sample->der, 10, &error));
  g_assert_false (check_at (server->address, other->der, 0, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (error->message, "another certificate: serial"));
  g_assert_nonnull (strstr (error->message, "UTC"));
}

static void
test_nothing_listens (void)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autofree char *address = server_choose_address ();
  g_autoptr (GError) error = NULL;

  g_assert_false (check_at (address, sample->der, 0, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (error->message, "cannot connect"));
}

/* A server that only starts while we look. */
static void
test_waits_for_it (void)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autofree char *address = server_choose_address ();
  ClmTlsCheck check = {.address = address, .leaf = sample->der, .within_s = 30};
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (Server) server = NULL;
  g_autoptr (GError) error = NULL;

  clm_tls_check_async (&check, NULL, clm_await_done, &result);
  for (guint i = 0; i < 3; i++)
    g_main_context_iteration (NULL, TRUE);
  server = server_start_openssl_at (address, sample, "-tls1_3");
  g_assert_true (clm_tls_check_finish (clm_await (&result), &error));
  g_assert_no_error (error);
}

static gboolean
on_incoming (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer user_data)
{
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));

  g_output_stream_write_all (out, "220 no TLS here\r\n", 17, NULL, NULL, NULL);
  return TRUE;
}

static void
test_no_tls (void)
{
  g_autoptr (GSocketService) service = g_threaded_socket_service_new (1);
  g_autoptr (Sample) sample = sample_new ("web");
  guint16 port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service), NULL, NULL);
  g_autofree char *address = g_strdup_printf ("127.0.0.1:%u", port);
  g_autoptr (GError) error = NULL;

  g_signal_connect (service, "run", G_CALLBACK (on_incoming), NULL);
  g_assert_false (check_at (address, sample->der, 0, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (error->message, "handshake"));
  g_socket_service_stop (service);
}

static void
test_bad_input (void)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autoptr (GBytes) junk = g_bytes_new_static ("junk", 4);
  g_autoptr (GError) error = NULL;

  g_assert_false (check_at ("no:such:port:x", sample->der, 0, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_clear_error (&error);
  g_assert_false (check_at ("127.0.0.1:1", junk, 0, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
assert_cancelled (GCancellable *cancellable, const ClmTlsCheck *check, guint turns)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  clm_tls_check_async (check, cancellable, clm_await_done, &result);
  for (guint i = 0; i < turns; i++)
    g_main_context_iteration (NULL, TRUE);
  g_cancellable_cancel (cancellable);
  g_assert_false (clm_tls_check_finish (clm_await (&result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* At once, while it waits to begin, and between two tries. */
static void
test_cancel (void)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autofree char *address = server_choose_address ();
  ClmTlsCheck check = {.address = address, .leaf = sample->der, .within_s = 60};

  for (guint turns = 0; turns < 12; turns++) {
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    assert_cancelled (cancellable, &check, turns);
    assert_cancelled (cancellable, &check, 0);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/tls-check/tls-1.3", "-tls1_3", test_shows_leaf);
  g_test_add_data_func ("/tls-check/tls-1.2", "-tls1_2", test_shows_leaf);
  g_test_add_data_func ("/tls-check/client-certificate-wanted-1.3", "-tls1_3 -Verify 1", test_shows_leaf);
  g_test_add_data_func ("/tls-check/client-certificate-wanted-1.2", "-tls1_2 -Verify 1", test_shows_leaf);
  g_test_add_func ("/tls-check/shows-another", test_shows_another);
  g_test_add_func ("/tls-check/nothing-listens", test_nothing_listens);
  g_test_add_func ("/tls-check/waits-for-it", test_waits_for_it);
  g_test_add_func ("/tls-check/no-tls", test_no_tls);
  g_test_add_func ("/tls-check/bad-input", test_bad_input);
  g_test_add_func ("/tls-check/cancel", test_cancel);
  return g_test_run ();
}
