/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deliverer.h"

#include "await.h"
#include "clm-error.h"
#include "sample.h"
#include "tls-check.h"
#include "tls-server.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char         *root;
  char         *out;
  ClmDeliverer *deliverer;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->root = sample_folder ();
  fixture->out = g_build_filename (fixture->root, "out", NULL);
  g_assert_cmpint (mkdir (fixture->out, 0755), ==, 0);
  fixture->deliverer = clm_deliverer_new_child (DELIVER_EXECUTABLE, fixture->root, NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  clm_await_idle ();
  g_assert_finalize_object (fixture->deliverer);
  sample_remove_folder (fixture->root);
  g_free (fixture->root);
  g_free (fixture->out);
}

static void
write_recipe (Fixture *fixture, const char *name, const char *more)
{
  g_autofree char *file = g_strdup_printf ("etc/certloom/deliveries.d/%s.delivery", name);

  sample_write (fixture->root, file, "[Delivery]\nFor=*\nFullChain=%s/%%n.pem\nKey=%s/%%n.key\n%s", fixture->out, fixture->out, more);
}

static ClmDeliverInput
open_input (const Sample *sample)
{
  ClmDeliverInput input = CLM_DELIVER_INPUT_INIT;

  input.generation = 1;
  input.leaf = sample_fd (sample->leaf_pem);
  input.chain = sample_fd (sample->chain_pem);
  input.key = sample_fd (sample->key_pem);
  return input;
}

static void
close_input (const ClmDeliverInput *input)
{
  close (input->leaf);
  close (input->chain);
  close (input->key);
}

static ClmDeliverResult *
deliver (Fixture *fixture, const char *delivery, const char *certificate, const Sample *sample, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  ClmDeliverInput input = open_input (sample);

  clm_deliverer_deliver_async (fixture->deliverer, delivery, certificate, &input, NULL, clm_await_done, &result);
  close_input (&input);
  return clm_deliverer_deliver_finish (fixture->deliverer, clm_await (&result), error);
}

static void
test_delivers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autoptr (ClmDeliverResult) first = NULL;
  g_autoptr (ClmDeliverResult) again = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *key = NULL;

  write_recipe (fixture, "two", "[Action]\nCommand=/bin/echo told\n");
  first = deliver (fixture, "two", "web", sample, &error);
  g_assert_no_error (error);
  g_assert_true (first->changed && first->acted);
  g_assert_cmpstr (first->output, ==, "told\n");
  again = deliver (fixture, "two", "web", sample, &error);
  g_assert_no_error (error);
  g_assert_false (again->changed || again->acted);
  key = sample_read (fixture->out, "web.key");
  g_assert_cmpstr (key, ==, sample->key_pem);
}

static void
test_errors_keep_code_and_hint (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autoptr (GError) error = NULL;

  g_assert_null (deliver (fixture, "nothing", "web", sample, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (clm_error_get_hint (error), "nothing.delivery"));
  g_clear_error (&error);
  write_recipe (fixture, "loud", "[Action]\nCommand=/bin/sh -c \"echo first; printf 'the \\033[1mreason\\n'; exit 1\"\n");
  g_assert_null (deliver (fixture, "loud", "web", sample, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (error->message, "delivery loud, action: "));
  g_assert_nonnull (strstr (error->message, "(the ?[1mreason)"));
}

static void
assert_unreachable (ClmDeliverer *deliverer, const char *hint)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  clm_deliverer_list_async (deliverer, NULL, clm_await_done, &result);
  g_assert_null (clm_deliverer_list_finish (deliverer, clm_await (&result), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  g_assert_nonnull (strstr (clm_error_get_hint (error), hint));
}

static void
test_helper_absent (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->root, "deliver.socket", NULL);
  g_autoptr (ClmDeliverer) socket = clm_deliverer_new (path);
  g_autoptr (ClmDeliverer) missing = clm_deliverer_new_child ("/nonexistent/certloom-deliver", NULL, NULL);
  g_autoptr (ClmDeliverer) mute = clm_deliverer_new_child ("/bin/false", NULL, NULL);

  assert_unreachable (socket, "--listen");
  assert_unreachable (missing, "installed");
  assert_unreachable (mute, "installed");
}

static void
test_list_pages (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  for (guint i = 0; i < 450; i++) {
    g_autofree char *name = g_strdup_printf ("d%04u", i);
    write_recipe (fixture, name, "");
  }
  clm_deliverer_list_async (fixture->deliverer, NULL, clm_await_done, &result);
  names = clm_deliverer_list_finish (fixture->deliverer, clm_await (&result), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (names), ==, 450);
  g_assert_cmpstr (names[449], ==, "d0449");
}

static void
test_describe (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (ClmDeliverResult) described = NULL;
  g_autoptr (GError) error = NULL;

  write_recipe (fixture, "two", "[Check]\nTls=localhost:8443\nServerName=web.example\nDelay=2s\nWithin=1min\n");
  clm_deliverer_describe_async (fixture->deliverer, "two", NULL, NULL, clm_await_done, &result);
  described = clm_deliverer_describe_finish (fixture->deliverer, clm_await (&result), &error);
  g_assert_no_error (error);
  g_assert_cmpint (described->check.kind, ==, CLM_DELIVER_CHECK_TLS);
  g_assert_cmpstr (described->check.server_name, ==, "web.example");
  g_assert_cmpint (described->check.delay_s, ==, 2);
  g_assert_cmpint (described->check.within_s, ==, 60);
  g_assert_true (described->check.rollback);
}

/* More than there are connections; some wait in the queue. */
static void
test_many_at_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Sample) sample = sample_new ("web");
  GAsyncResult *results[20] = {NULL};

  write_recipe (fixture, "two", "");
  for (guint i = 0; i < G_N_ELEMENTS (results); i++) {
    g_autofree char *name = g_strdup_printf ("web%u", i);
    ClmDeliverInput input = open_input (sample);
    clm_deliverer_deliver_async (fixture->deliverer, "two", name, &input, NULL, clm_await_done, &results[i]);
    close_input (&input);
  }
  for (guint i = 0; i < G_N_ELEMENTS (results); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (ClmDeliverResult) done = clm_deliverer_deliver_finish (fixture->deliverer, clm_await (&results[i]), &error);
    g_assert_no_error (error);
    g_assert_true (done->changed);
    g_clear_object (&results[i]);
  }
  g_assert_cmpuint (sample_count (fixture->out, "."), ==, 40);
}

/* In flight, and while it waits for a connection. */
static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Sample) sample = sample_new ("web");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *results[6] = {NULL};

  write_recipe (fixture, "slow", "[Action]\nCommand=/bin/sleep 1\nTimeout=2s\n");
  for (guint i = 0; i < G_N_ELEMENTS (results); i++) {
    g_autofree char *name = g_strdup_printf ("web%u", i);
    ClmDeliverInput input = open_input (sample);
    clm_deliverer_deliver_async (fixture->deliverer, "slow", name, &input, cancellable, clm_await_done, &results[i]);
    close_input (&input);
  }
  g_cancellable_cancel (cancellable);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (clm_deliverer_deliver_finish (fixture->deliverer, clm_await (&results[i]), &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_object (&results[i]);
  }
  g_usleep (1200 * 1000); /* the children finish what they were told, in the folder that goes away next */
}

static void
write_nginx_config (Fixture *fixture, const char *address, const char *more)
{
  sample_write (fixture->root, "nginx.conf",
                "daemon off;\n%s\npid %s/nginx.pid;\nerror_log %s/error.log;\n%s\nevents { worker_connections 64; }\n"
                "http { access_log off; client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4;\n"
                "scgi_temp_path %s/t5; server { listen %s ssl; ssl_certificate %s/web.pem; ssl_certificate_key %s/web.key; } }\n",
                geteuid () == 0 ? "user root;" : "", fixture->root, fixture->root, more, fixture->root, fixture->root, fixture->root,
                fixture->root, fixture->root, address, fixture->out, fixture->out);
}

static gboolean
shows (const ClmDeliverResult *delivered, const Sample *sample, gint64 within_s)
{
  ClmTlsCheck check = {
    .address = delivered->check.address, .server_name = delivered->check.server_name, .leaf = sample->der, .within_s = within_s,
  };
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  clm_tls_check_async (&check, NULL, clm_await_done, &result);
  if (clm_tls_check_finish (clm_await (&result), &error))
    return TRUE;
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  return FALSE;
}

static void
deliver_to_nginx (Fixture *fixture, const Sample *sample, gboolean expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmDeliverResult) delivered = deliver (fixture, "web", "web", sample, &error);

  g_assert_no_error (error);
  g_assert_true (delivered->changed && delivered->acted);
  g_assert_cmpint (shows (delivered, sample, expected ? delivered->check.within_s : 1), ==, expected);
}

/* The preset's recipe against a real server; only paths, signal and address differ. */
static void
test_nginx (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Sample) first = sample_new ("web");
  g_autoptr (Sample) second = sample_new ("web");
  g_autoptr (Sample) third = sample_new ("web");
  g_autofree char *address = server_choose_address ();
  g_autofree char *preset = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (Server) server = NULL;

  if (NGINX[0] == '\0') {
    g_test_skip ("nginx is not installed");
    return;
  }
  g_assert_true (g_file_get_contents (PRESETS "/nginx.delivery", &preset, NULL, &error));
  sample_write (fixture->root, "usr/share/certloom/deliveries.d/nginx.delivery", "%s", preset);
  sample_write (fixture->root, "etc/certloom/deliveries.d/web.delivery",
                "[Delivery]\nPreset=nginx\nFor=web\nOwner=%u\nGroup=%u\nFullChain=%s/%%n.pem\nKey=%s/%%n.key\n[Action]\nSignal=HUP\nPidFile=%s/nginx.pid\n"
                "[Check]\nTls=%s\n", (guint) geteuid (), (guint) getegid (), fixture->out, fixture->out, fixture->root, address);
  /* not yet running: the files are there, and it is said that nobody took them */
  g_assert_null (deliver (fixture, "web", "web", first, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_DELIVERY);
  write_nginx_config (fixture, address, "");
  server = server_start_nginx (fixture->root, address);
  deliver_to_nginx (fixture, second, TRUE);
  deliver_to_nginx (fixture, first, TRUE);
  /* a configuration that does not load: the signal goes well, the server keeps the old certificate, the check finds out */
  write_nginx_config (fixture, address, "nonsense;");
  deliver_to_nginx (fixture, third, FALSE);
  /* what the engine then does */
  deliver_to_nginx (fixture, first, TRUE);
}

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/deliverer/delivers", test_delivers);
  ADD ("/deliverer/errors-keep-code-and-hint", test_errors_keep_code_and_hint);
  ADD ("/deliverer/helper-absent", test_helper_absent);
  ADD ("/deliverer/list-pages", test_list_pages);
  ADD ("/deliverer/describe", test_describe);
  ADD ("/deliverer/many-at-once", test_many_at_once);
  ADD ("/deliverer/cancel", test_cancel);
  ADD ("/deliverer/nginx", test_nginx);
  return g_test_run ();
}
