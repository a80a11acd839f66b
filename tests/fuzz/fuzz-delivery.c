/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wire between the daemon and root's hand: core/conf/deliver-protocol.c. Input: which direction; a datagram. */
#include "fuzz.h"

#include <string.h>

#include "deliver-protocol.h"

const gsize clm_fuzz_head = 1;

static GVariant *
open_dict (GBytes *bytes)
{
  GVariant *dict = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, bytes, FALSE));

#if G_BYTE_ORDER == G_BIG_ENDIAN
  GVariant *swapped = g_variant_byteswap (dict);
  g_variant_unref (dict);
  return swapped;
#else
  return dict;
#endif
}

/* "Strict: unknown keys, wrong types … are refused." */
static void
assert_strict (GBytes *bytes)
{
  static const char *const known[][2] = {
    { "version", "u" }, { "serial", "t" }, { "verb", "s" }, { "delivery", "s" }, { "certificate", "s" }, { "generation", "t" }, { "force", "b" }, { "files", "as" },
  };
  g_autoptr (GVariant) dict = open_dict (bytes);
  GVariantIter iter;
  const char *key;
  GVariant *child;
  guint seen = 0;

  g_assert_true (g_variant_is_normal_form (dict));
  g_variant_iter_init (&iter, dict);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    g_autoptr (GVariant) value = child;
    guint at = 0;
    while (at < G_N_ELEMENTS (known) && !g_str_equal (known[at][0], key))
      at++;
    g_assert_cmpuint (at, <, G_N_ELEMENTS (known));
    g_assert_cmpstr (g_variant_get_type_string (value), ==, known[at][1]);
    g_assert_false (seen & (1u << at));
    seen |= 1u << at;
  }
}

static void
check_request (GBytes *bytes)
{
  g_auto (ClmDeliverRequest) request = { 0 }, again = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) encoded = NULL;

  if (!clm_deliver_request_decode (&request, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error)) {
    clm_fuzz_assert_error (error);
    return;
  }
  assert_strict (bytes);
  clm_fuzz_accept ();
  g_assert_cmpuint (request.verb, <, CLM_N_DELIVER_VERBS);
  g_assert_cmpuint (request.n_files, <=, CLM_N_DELIVER_FILES);
  if (request.verb != CLM_DELIVER_LIST)
    g_assert_true (clm_deliver_name_is_valid (request.delivery));
  if (request.verb == CLM_DELIVER_DELIVER)
    g_assert_true (clm_deliver_name_is_valid (request.certificate));
  g_assert_true (strpbrk (request.delivery, "/\n ") == NULL && strpbrk (request.certificate, "/\n ") == NULL);
  for (guint i = 0; i < request.n_files; i++)
    for (guint j = 0; j < i; j++)
      g_assert_true (request.files[i] != request.files[j]);
  encoded = clm_deliver_request_encode (&request);
  g_assert_true (clm_deliver_request_decode (&again, g_bytes_get_data (encoded, NULL), g_bytes_get_size (encoded), &error));
  g_assert_true (again.verb == request.verb && again.serial == request.serial && again.generation == request.generation && again.force == request.force);
  g_assert_cmpstr (again.delivery, ==, request.delivery);
  g_assert_cmpstr (again.certificate, ==, request.certificate);
  g_assert_cmpmem (again.files, again.n_files * sizeof *again.files, request.files, request.n_files * sizeof *request.files);
}

static void
assert_same_check (const ClmDeliverCheck *a, const ClmDeliverCheck *b)
{
  g_assert_true (a->kind == b->kind && a->delay_s == b->delay_s && a->within_s == b->within_s && a->rollback == b->rollback && a->order == b->order);
  g_assert_cmpstr (a->address, ==, b->address);
  g_assert_cmpstr (a->server_name, ==, b->server_name);
}

static void
check_reply (GBytes *bytes)
{
  g_auto (ClmDeliverReply) reply = { 0 }, again = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) encoded = NULL;

  if (!clm_deliver_reply_decode (&reply, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error)) {
    clm_fuzz_assert_error (error);
    return;
  }
  g_assert_true (reply.stage && reply.message && reply.hint && reply.output && reply.check.address && reply.check.server_name);
  g_assert_true (g_utf8_validate (reply.output, -1, NULL) && g_utf8_validate (reply.message, -1, NULL));
  g_assert_true (reply.code >= 0 && reply.code < CLM_N_ERRORS);
  clm_fuzz_accept ();
  encoded = clm_deliver_reply_encode (&reply);
  if (reply.names != NULL && g_strv_length (reply.names) > CLM_DELIVER_MAX_LIST)
    return;   /* more than ever is encoded */
  g_assert_true (clm_deliver_reply_decode (&again, g_bytes_get_data (encoded, NULL), g_bytes_get_size (encoded), &error));
  g_assert_true (again.ok == reply.ok && again.changed == reply.changed && again.acted == reply.acted && again.serial == reply.serial);
  g_assert_true (reply.ok || again.code == reply.code);
  g_assert_cmpstr (again.output, ==, reply.output);
  g_assert_cmpstr (again.stage, ==, reply.stage);
  assert_same_check (&again.check, &reply.check);
  g_assert_true ((again.names == NULL) == (reply.names == NULL));
  g_assert_true (again.names == NULL || g_strv_equal ((const char *const *) again.names, (const char *const *) reply.names));
}

static void
check_cut (GBytes *bytes)
{
  gsize size, max;
  const char *data = g_bytes_get_data (bytes, &size);

  max = size > 0 ? (guint8) data[0] : 0;
  g_autofree char *cut = clm_deliver_text_cut (data ? data : "", (gssize) size, max);
  g_assert_cmpuint (strlen (cut), <=, max);
  clm_fuzz_accept ();
  g_assert_true (g_utf8_validate (cut, -1, NULL));
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  guint mode = clm_fuzz_take_byte (&in) % 3;
  g_autoptr (GBytes) bytes = clm_fuzz_take_rest (&in);

  if (mode == 0)
    check_request (bytes);
  else if (mode == 1)
    check_reply (bytes);
  else
    check_cut (bytes);
}

static void
seed (const char *name, guint8 mode, GBytes *bytes)
{
  g_autoptr (GByteArray) out = g_byte_array_append (g_byte_array_new (), &mode, 1);

  g_byte_array_append (out, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
  clm_fuzz_seed (name, out->data, out->len);
}

void
clm_fuzz_make_seeds (void)
{
  const char *names[] = { "mosquitto", "nginx", NULL };
  ClmDeliverRequest request = { CLM_DELIVER_DELIVER, 7, (char *) "nginx", (char *) "web", 41, TRUE, 3, { CLM_DELIVER_LEAF, CLM_DELIVER_CHAIN, CLM_DELIVER_KEY } };
  ClmDeliverReply reply = { .serial = 7, .stage = (char *) "files", .code = CLM_ERROR_STORAGE, .message = (char *) "full", .hint = (char *) "make room",
    .output = (char *) "o\xc3\xa4", .check = { CLM_DELIVER_CHECK_TLS, (char *) "127.0.0.1:443", (char *) "web.example", 1, 10, TRUE, 50 } };
  ClmDeliverReply list = { .serial = 8, .ok = TRUE, .names = (GStrv) names, .more = TRUE };
  g_autoptr (GBytes) a = clm_deliver_request_encode (&request), b = clm_deliver_reply_encode (&reply), c = clm_deliver_reply_encode (&list);

  seed ("request", 0, a);
  seed ("reply", 1, b);
  seed ("list", 1, c);
  clm_fuzz_seed ("cut", "\002\005\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 10);
}
