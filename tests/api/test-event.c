/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-error.h"
#include "clm-event.h"

static void
every_kind_has_word_id_and_severity (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (ClmEventKind kind = 0; kind < CLM_N_EVENT_KINDS; kind++) {
    const char *nick = clm_event_kind_get_nick (kind), *id = clm_event_kind_get_message_id (kind);
    ClmEventKind back = -1;
    ClmSeverity severity = -1;
    g_assert_true (g_hash_table_add (seen, (gpointer) nick));
    g_assert_true (g_hash_table_add (seen, (gpointer) id));
    g_assert_true (clm_event_kind_from_nick (nick, &back) && back == kind);
    g_assert_cmpuint (strspn (id, "0123456789abcdef"), ==, 32);
    g_assert_cmpuint (strlen (id), ==, 32);
    const char *word = clm_severity_get_nick (clm_event_kind_get_severity (kind));
    g_assert_true (clm_severity_from_nick (word, &severity) && severity == clm_event_kind_get_severity (kind));
  }
  g_assert_cmpstr (clm_event_kind_get_nick (CLM_N_EVENT_KINDS), ==, "unknown");
  g_assert_cmpstr (clm_event_kind_get_nick (CLM_EVENT_DELIVERY_FAILED), ==, "delivery-failed");
  ClmEventKind kind;
  g_assert_false (clm_event_kind_from_nick ("nothing", &kind));
}

/* Ids on disk and in dashboards must never change. */
static void
ids_are_those_of_the_catalog (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "bus", "data", "certloom.catalog", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, &error));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint entries = 0;
  for (guint i = 0; lines[i] != NULL; i++) {
    if (!g_str_has_prefix (lines[i], "-- "))
      continue;
    g_assert_cmpint (entries, <, CLM_N_EVENT_KINDS);
    g_assert_cmpstr (lines[i] + 3, ==, clm_event_kind_get_message_id (entries));
    g_assert_true (g_str_has_prefix (lines[i + 1], "Subject: "));
    entries++;
  }
  g_assert_cmpuint (entries, ==, CLM_N_EVENT_KINDS);
}

/* safety 55: nothing that a peer says can forge a line or move the cursor. */
static void
text_is_escaped_and_cut (void)
{
  g_autofree char *long_text = g_strnfill (1024 * 1024, 'x');
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_ISSUED, 42, "certificate", "web\n[cert x] forged", "%s",
                                              "a\nb\tc\x1b[31md\x7f\xc2\x9b" "e\xe2\x80\xae" "f\xff");

  g_assert_cmpstr (clm_event_get_subject (event), ==, "web\\n[cert x] forged");
  g_assert_cmpstr (clm_event_get_message (event), ==, "a\\nb\\tc\\x1b[31md\\x7f\\u009be\\u202ef\xef\xbf\xbd");
  clm_event_add_field (event, "subject_dn", long_text);
  const char *field = clm_event_get_field (event, "subject_dn");
  g_assert_cmpuint (strlen (field), <=, 4096);
  g_assert_cmpuint (strlen (field), >, 4000);
  g_assert_true (g_str_has_suffix (field, "…"));
  g_autoptr (ClmEvent) huge = clm_event_new (CLM_EVENT_ISSUED, 42, NULL, NULL, "%s", long_text);
  g_assert_cmpuint (strlen (clm_event_get_message (huge)), <=, 2048);
  g_autofree char *exact = g_strnfill (4096 - 3, 'y');
  clm_event_add_field (event, "exact", exact);
  g_assert_cmpstr (clm_event_get_field (event, "exact"), ==, exact);
  g_autoptr (GString) wide = g_string_new (NULL);
  for (guint i = 0; i < 3000; i++)
    g_string_append (wide, "ä");
  clm_event_add_field (event, "wide", wide->str);
  g_assert_true (g_utf8_validate (clm_event_get_field (event, "wide"), -1, NULL));
}

static void
fields_keep_their_order (void)
{
  g_autoptr (ClmEvent) event = clm_event_new (CLM_EVENT_DELIVERED, 42, "certificate", "web", "delivered");
  g_autoptr (ClmEvent) same = clm_event_ref (event);

  clm_event_add_field (event, "delivery", "nginx");
  clm_event_add_field (event, "attempt", "2");
  clm_event_add_field (event, "nothing", NULL);
  clm_event_add_field (event, "delivery", "haproxy");
  g_auto (GStrv) keys = clm_event_list_fields (event);
  g_assert_cmpstrv (keys, ((const char *const []) {"delivery", "attempt", NULL}));
  g_assert_cmpstr (clm_event_get_field (event, "delivery"), ==, "haproxy");
  g_assert_null (clm_event_get_field (event, "nothing"));
  g_assert_cmpint (clm_event_get_severity (event), ==, CLM_SEVERITY_INFO);
  clm_event_set_severity (event, CLM_SEVERITY_CRITICAL);
  g_assert_cmpint (clm_event_get_severity (same), ==, CLM_SEVERITY_CRITICAL);
  g_assert_cmpint (clm_event_get_time (event), ==, 42);
  g_assert_cmpint (clm_event_get_kind (event), ==, CLM_EVENT_DELIVERED);
}

static void
an_error_becomes_fields (void)
{
  g_autoptr (ClmEvent) ours = clm_event_new (CLM_EVENT_ENROLL_FAILED, 0, "certificate", "web", "no");
  g_autoptr (ClmEvent) others = clm_event_new (CLM_EVENT_ENROLL_FAILED, 0, "certificate", "web", "no");
  g_autoptr (GError) error = g_error_new_literal (CLM_ERROR, CLM_ERROR_CONFIG, "bad Url=");
  g_autoptr (GError) cancelled = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "stop");

  clm_error_set_hint (error, "set it");
  clm_event_add_error (ours, error);
  clm_event_add_error (ours, NULL);
  g_assert_cmpstr (clm_event_get_field (ours, "error"), ==, "bad Url=");
  g_assert_cmpstr (clm_event_get_field (ours, "error_code"), ==, "Config");
  g_assert_cmpstr (clm_event_get_field (ours, "hint"), ==, "set it");
  clm_event_add_error (others, cancelled);
  g_assert_cmpstr (clm_event_get_field (others, "error_code"), ==, "Cancelled");
  g_assert_null (clm_event_get_field (others, "hint"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/event/every-kind-has-word-id-and-severity", every_kind_has_word_id_and_severity);
  g_test_add_func ("/event/ids-are-those-of-the-catalog", ids_are_those_of_the_catalog);
  g_test_add_func ("/event/safety-55-text-is-escaped-and-cut", text_is_escaped_and_cut);
  g_test_add_func ("/event/fields-keep-their-order", fields_keep_their_order);
  g_test_add_func ("/event/an-error-becomes-fields", an_error_becomes_fields);
  return g_test_run ();
}
