/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "batch.h"

static void
collect (GPtrArray *items, gpointer user_data)
{
  GString *log = user_data;
  for (guint i = 0; i < items->len; i++)
    g_string_append_printf (log, "%s%s", i > 0 ? " " : "", (const char *) items->pdata[i]);
  g_string_append_c (log, '|');
}

static void
add (ClmBusBatch *batch, const char *key, const char *value)
{
  clm_bus_batch_add (batch, key, g_strdup (value));
}

static void
test_last_wins (void)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (ClmBusBatch) batch = clm_bus_batch_new (g_free, collect, log);
  add (batch, "a", "a1");
  add (batch, "b", "b1");
  add (batch, "a", "a2");
  clm_bus_batch_flush (batch);
  clm_bus_batch_flush (batch);
  g_assert_cmpstr (log->str, ==, "a2 b1|");
}

static void
test_drop (void)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (ClmBusBatch) batch = clm_bus_batch_new (g_free, collect, log);
  add (batch, "a", "a1");
  add (batch, "b", "b1");
  clm_bus_batch_drop (batch, "a");
  clm_bus_batch_drop (batch, "x");
  clm_bus_batch_flush (batch);
  add (batch, "c", "c1");
  clm_bus_batch_drop (batch, "c");
  clm_bus_batch_flush (batch);
  g_assert_cmpstr (log->str, ==, "b1|");
}

static void
test_timer (void)
{
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (ClmBusBatch) batch = clm_bus_batch_new (g_free, collect, log);
  g_assert_false (g_main_context_pending (NULL));
  add (batch, "a", "a1");
  gint64 start = g_get_monotonic_time ();
  while (log->len == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, (CLM_BUS_BATCH_MS - 20) * 1000);
  g_assert_cmpstr (log->str, ==, "a1|");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/batch/last-change-wins", test_last_wins);
  g_test_add_func ("/batch/dropped-is-not-told", test_drop);
  g_test_add_func ("/batch/waits-a-quarter-of-a-second", test_timer);
  return g_test_run ();
}
