/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deliver-protocol.h"

#include "clm-error.h"

#include <string.h>

static void
assert_request (const ClmDeliverRequest *sent)
{
  g_autoptr (GBytes) bytes = clm_deliver_request_encode (sent);
  g_auto (ClmDeliverRequest) got = {0};
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_deliver_request_decode (&got, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error));
  g_assert_no_error (error);
  g_assert_cmpint (got.verb, ==, sent->verb);
  g_assert_cmpuint (got.serial, ==, sent->serial);
  g_assert_cmpuint (got.generation, ==, sent->generation);
  g_assert_cmpstr (got.delivery, ==, sent->delivery);
  g_assert_cmpstr (got.certificate, ==, sent->certificate);
  g_assert_cmpint (got.force, ==, sent->force);
  g_assert_cmpuint (got.n_files, ==, sent->n_files);
  for (guint i = 0; i < got.n_files; i++)
    g_assert_cmpint (got.files[i], ==, sent->files[i]);
}

static void
test_request (void)
{
  ClmDeliverRequest deliver = {
    .verb = CLM_DELIVER_DELIVER, .serial = G_MAXUINT64, .delivery = (char *) "nginx", .certificate = (char *) "web.example",
    .generation = 41, .force = TRUE, .n_files = 4,
    .files = {CLM_DELIVER_ANCHORS, CLM_DELIVER_KEY, CLM_DELIVER_LEAF, CLM_DELIVER_CHAIN},
  };
  ClmDeliverRequest describe = {.verb = CLM_DELIVER_DESCRIBE, .delivery = (char *) "nginx", .certificate = (char *) ""};
  ClmDeliverRequest list = {.verb = CLM_DELIVER_LIST, .delivery = (char *) "", .certificate = (char *) ""};

  assert_request (&deliver);
  assert_request (&describe);
  assert_request (&list);
}

static void
test_reply (void)
{
  g_autofree char *flood = g_strnfill (CLM_DELIVER_MAX_OUTPUT * 3, '\xff');
  const char *names[] = {"a", "b", NULL};
  ClmDeliverReply sent = {
    .serial = 9, .stage = (char *) "action", .code = CLM_ERROR_CONFIG, .message = (char *) "no", .hint = (char *) "do",
    .output = flood, .changed = TRUE, .names = (GStrv) names, .more = TRUE,
    .check = {CLM_DELIVER_CHECK_TLS, (char *) "[::1]:443", (char *) "web", 1, 2, TRUE, -5},
  };
  g_autoptr (GBytes) bytes = clm_deliver_reply_encode (&sent);
  g_auto (ClmDeliverReply) got = {0};
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (g_bytes_get_size (bytes), <=, CLM_DELIVER_MAX_MESSAGE);
  g_assert_true (clm_deliver_reply_decode (&got, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error));
  g_assert_no_error (error);
  g_assert_cmpint (got.code, ==, CLM_ERROR_CONFIG);
  g_assert_cmpstr (got.message, ==, "no");
  g_assert_cmpstr (got.hint, ==, "do");
  g_assert_cmpstr (got.stage, ==, "action");
  g_assert_true (g_utf8_validate (got.output, -1, NULL));
  g_assert_cmpuint (strlen (got.output), <=, CLM_DELIVER_MAX_OUTPUT);
  g_assert_cmpuint (strlen (got.output), >, CLM_DELIVER_MAX_OUTPUT - 4);
  g_assert_cmpstr (got.check.address, ==, "[::1]:443");
  g_assert_cmpint (got.check.order, ==, -5);
  g_assert_cmpstr (got.names[1], ==, "b");
  g_assert_true (got.more && got.changed && !got.acted);
}

static void
assert_refused (GVariant *value, int code)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);
  g_auto (ClmDeliverRequest) got = {0};
  g_autoptr (GError) error = NULL;

  g_assert_false (clm_deliver_request_decode (&got, g_variant_get_data (sunk), g_variant_get_size (sunk), &error));
  g_assert_error (error, CLM_ERROR, code);
}

static void
test_strict (void)
{
  static const char *const bad_names[] = {"", "../x", "a/b", "Web", ".hidden", "-x", "a b", "ä",
                                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

  assert_refused (g_variant_new_parsed ("{'version': <uint32 2>, 'verb': <'list'>}"), CLM_ERROR_NOT_SUPPORTED);
  assert_refused (g_variant_new_parsed ("{'verb': <'list'>}"), CLM_ERROR_NOT_SUPPORTED);
  assert_refused (g_variant_new_parsed ("{'version': <uint32 1>, 'verb': <'shell'>}"), CLM_ERROR_NOT_SUPPORTED);
  assert_refused (g_variant_new_parsed ("{'version': <uint32 1>, 'verb': <'list'>, 'path': <'/etc/shadow'>}"), CLM_ERROR_INVALID_DATA);
  assert_refused (g_variant_new_parsed ("{'version': <uint32 1>, 'verb': <'list'>, 'verb': <'list'>}"), CLM_ERROR_INVALID_DATA);
  assert_refused (g_variant_new_parsed ("{'version': <uint32 1>, 'verb': <'describe'>, 'delivery': <'x'>, 'files': <['key', 'key']>}"),
                  CLM_ERROR_INVALID_DATA);
  assert_refused (g_variant_new_parsed ("{'version': <uint32 1>, 'verb': <'describe'>, 'delivery': <'x'>, 'files': <['passwd']>}"),
                  CLM_ERROR_INVALID_DATA);
  for (guint i = 0; i < G_N_ELEMENTS (bad_names); i++)
    assert_refused (g_variant_new_parsed ("{'version': <uint32 1>, 'verb': <'deliver'>, 'delivery': <%s>, 'certificate': <'web'>}", bad_names[i]),
                    CLM_ERROR_INVALID_DATA);
}

/* Each byte of a good message changed, each prefix of it, and noise: an answer or an error, never a crash. */
static void
test_noise (void)
{
  ClmDeliverRequest request = {.delivery = (char *) "nginx", .certificate = (char *) "web", .n_files = 1};
  g_autoptr (GBytes) bytes = clm_deliver_request_encode (&request);
  gsize size;
  const guint8 *good = g_bytes_get_data (bytes, &size);
  guint8 noise[600];

  for (guint i = 0; i < 20000; i++) {
    g_auto (ClmDeliverRequest) got = {0};
    g_auto (ClmDeliverReply) reply = {0};
    gsize length = i % 3 == 0 ? (gsize) g_test_rand_int_range (0, sizeof noise) : i % 3 == 1 ? size : i % (size + 1);
    for (gsize j = 0; j < length; j++)
      noise[j] = i % 3 == 0 || j >= size ? (guint8) g_test_rand_int () : good[j];
    if (i % 3 == 1)
      noise[g_test_rand_int_range (0, (gint32) size)] ^= (guint8) (1 << (i % 8));
    if (!clm_deliver_request_decode (&got, noise, length, NULL))
      g_assert_true (got.n_files <= CLM_N_DELIVER_FILES);
    if (clm_deliver_reply_decode (&reply, noise, length, NULL))
      g_assert_nonnull (reply.message);
  }
}

static void
test_addresses (void)
{
  static const char *const good[] = {"127.0.0.1:443", "[::1]:8443", "localhost:1", "web.example:65535"};
  static const char *const bad[] = {"", ":443", "web", "web:0", "web:65536", "web:x", "no:such:port:x", "http://web:80", "a b:1", "web;id:1", "-x:1"};

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (clm_deliver_address_is_valid (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (clm_deliver_address_is_valid (bad[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/deliver-protocol/request", test_request);
  g_test_add_func ("/deliver-protocol/reply", test_reply);
  g_test_add_func ("/deliver-protocol/strict", test_strict);
  g_test_add_func ("/deliver-protocol/noise", test_noise);
  g_test_add_func ("/deliver-protocol/addresses", test_addresses);
  return g_test_run ();
}
