/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "json.h"

#include <string.h>

#include "pem.h"
#include "state.h"

static void
test_every_type (void)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (
    "{'a': <true>, 'b': <b'x'>, 'c': <uint64 18446744073709551615>, 'd': <['x', 'y']>, 'e': <1.5>, 'f': <{'k': <int64 -1>}>}"));
  json_builder_set_member_name (builder, "v");
  clm_json_add_value (builder, value);
  g_autofree char *text = clm_json_end (builder, FALSE);
  g_assert_cmpstr (text, ==, "{\"version\":1,\"v\":{\"a\":true,\"b\":\"eAA=\",\"c\":9223372036854775807,\"d\":[\"x\",\"y\"],\"e\":1.5,"
                             "\"f\":{\"k\":-1}}}\n");
}

static void
test_times (void)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  clm_json_add_time (builder, "none", 0);
  clm_json_add_left (builder, 0, 100);
  clm_json_add_time (builder, "some", 1);
  g_autofree char *text = clm_json_end (builder, FALSE);
  g_assert_cmpstr (text, ==, "{\"version\":1,\"none\":null,\"seconds_left\":null,\"some\":\"1970-01-01T00:00:01Z\"}\n");
}

static void
test_snake (void)
{
  g_autofree char *text = clm_json_dup_snake ("DeliveryState");
  g_autofree char *kebab = clm_json_dup_snake ("root-not-after");
  g_assert_cmpstr (text, ==, "delivery_state");
  g_assert_cmpstr (kebab, ==, "root_not_after");
}

static void
test_pem_there_and_back (void)
{
  guint8 bytes[100];
  for (gsize i = 0; i < sizeof bytes; i++)
    bytes[i] = (guint8) i;
  g_autofree char *pem = clm_pem_encode ("X509 CRL", bytes, sizeof bytes);
  g_autoptr (GBytes) back = clm_pem_decode_first (pem, strlen (pem));
  g_assert_cmpmem (g_bytes_get_data (back, NULL), g_bytes_get_size (back), bytes, sizeof bytes);
  g_assert_null (clm_pem_decode_first ("nothing", 7));
}

static void
test_states_worst_first (void)
{
  g_assert_cmpuint (clm_state_get_rank ("expired"), <, clm_state_get_rank ("failing"));
  g_assert_cmpuint (clm_state_get_rank ("failing"), <, clm_state_get_rank ("from-the-future"));
  g_assert_cmpuint (clm_state_get_rank ("from-the-future"), <, clm_state_get_rank ("ready"));
  g_assert_cmpstr (clm_state_get_label ("from-the-future"), ==, "from-the-future");
  g_assert_cmpint (clm_state_get_left_color (0, 100, 95), ==, CLM_COLOR_RED);
  g_assert_cmpint (clm_state_get_left_color (0, 100, 70), ==, CLM_COLOR_YELLOW);
  g_assert_cmpint (clm_state_get_left_color (0, 100, 10), ==, CLM_COLOR_NONE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/every-type", test_every_type);
  g_test_add_func ("/json/times", test_times);
  g_test_add_func ("/json/snake", test_snake);
  g_test_add_func ("/pem/there-and-back", test_pem_there_and_back);
  g_test_add_func ("/state/worst-first", test_states_worst_first);
  return g_test_run ();
}
