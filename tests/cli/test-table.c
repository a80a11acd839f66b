/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "table.h"

#include <locale.h>
#include <string.h>

static ClmTable *
make_table (void)
{
  ClmTable *table = clm_table_new ();
  const char *first[] = { "web", "1d", "renew in 31d", "lab", NULL };
  const char *second[] = { "schlüssel", "211d", "x\033[31m\ny", "lab", NULL };
  clm_table_add_column (table, "NAME", CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, "LEFT", CLM_COLUMN_RIGHT, 2);
  clm_table_add_column (table, "NEXT", CLM_COLUMN_CUT, 0);
  clm_table_add_column (table, "CA", CLM_COLUMN_LEFT, 1);
  clm_table_add_row (table, first);
  clm_table_color (table, 0, CLM_COLOR_RED);
  clm_table_add_row (table, second);
  return table;
}

static char *
draw (guint columns, gboolean utf8, gboolean color, gboolean legend)
{
  const ClmTerminal terminal = { .columns = columns, .utf8 = utf8, .color = color };
  g_autoptr (ClmTable) table = make_table ();
  return clm_table_to_string (table, &terminal, legend);
}

static void
test_alignment (void)
{
  g_autofree char *text = draw (0, TRUE, FALSE, TRUE);
  g_assert_true (g_str_has_prefix (text, "NAME       LEFT  NEXT"));
  g_assert_nonnull (strstr (text, "\nweb          1d  renew in 31d"));
  g_assert_nonnull (strstr (text, "\nschlüssel  211d  "));
}

static void
test_columns_are_dropped_in_order (void)
{
  g_autofree char *wide = draw (60, TRUE, FALSE, TRUE), *narrow = draw (32, TRUE, FALSE, TRUE), *tiny = draw (25, TRUE, FALSE, TRUE);
  g_assert_nonnull (strstr (wide, "CA"));
  g_assert_null (strstr (narrow, "CA"));
  g_assert_nonnull (strstr (narrow, "LEFT"));
  g_assert_null (strstr (tiny, "LEFT"));
  g_assert_nonnull (strstr (tiny, "NAME"));
}

static void
test_no_escape_of_others (void)
{
  g_autofree char *text = draw (0, TRUE, FALSE, TRUE);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_assert_null (strchr (text, '\033'));
  g_assert_cmpuint (g_strv_length (lines), ==, 4);   /* titles, two rows, the end */
}

static void
test_color_only_when_on (void)
{
  g_autofree char *text = draw (0, TRUE, TRUE, FALSE);
  g_assert_nonnull (strstr (text, "\033[31m"));
}

static void
test_ascii_and_no_legend (void)
{
  g_autofree char *text = draw (0, FALSE, FALSE, FALSE);
  g_assert_true (g_str_is_ascii (text));
  g_assert_true (g_str_has_prefix (text, "web"));
}

static void
test_empty (void)
{
  const ClmTerminal terminal = { 0 };
  g_autoptr (ClmTable) table = clm_table_new ();
  clm_table_add_column (table, "NAME", CLM_COLUMN_LEFT, 0);
  g_autofree char *text = clm_table_to_string (table, &terminal, TRUE);
  g_assert_cmpstr (text, ==, "");
}

static void
test_a_column_without_anything_is_left_out (void)
{
  const ClmTerminal terminal = { .utf8 = TRUE };
  g_autoptr (ClmTable) table = clm_table_new ();
  const char *row[] = { "lab", "", "started", NULL };
  clm_table_add_column (table, "CA", CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, "ERROR", CLM_COLUMN_LEFT, 0);
  clm_table_add_column (table, "STATE", CLM_COLUMN_LEFT, 0);
  clm_table_add_row (table, row);
  g_autofree char *text = clm_table_to_string (table, &terminal, TRUE);
  g_assert_cmpstr (text, ==, "CA   STATE\nlab  started\n");
}

static void
test_a_line_is_cut_by_columns (void)
{
  static const struct { const char *text; guint columns; const char *cut; } cases[] = {
    { "web: done", 40, "web: done" }, { "web: done", 4, "web:" }, { "größer", 3, "grö" }, { "a証明書", 4, "a証" }, { "a", 0, "" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *cut = clm_table_cut (cases[i].text, cases[i].columns);
    g_assert_cmpstr (cut, ==, cases[i].cut);
  }
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/table/alignment", test_alignment);
  g_test_add_func ("/table/columns-are-dropped-in-order", test_columns_are_dropped_in_order);
  g_test_add_func ("/table/safety-55-no-escape-of-others", test_no_escape_of_others);
  g_test_add_func ("/table/color-only-when-on", test_color_only_when_on);
  g_test_add_func ("/table/ascii-and-no-legend", test_ascii_and_no_legend);
  g_test_add_func ("/table/empty", test_empty);
  g_test_add_func ("/table/a-column-without-anything-is-left-out", test_a_column_without_anything_is_left_out);
  g_test_add_func ("/table/a-line-is-cut-by-columns", test_a_line_is_cut_by_columns);
  return g_test_run ();
}
