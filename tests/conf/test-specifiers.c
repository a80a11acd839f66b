/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-tree.h"
#include "specifiers.h"

typedef struct {
  const char *text;
  const char *expected;   /* NULL: refused */
} Row;

static const Row rows[] = {
  { "CN=%S,O=Example", "CN=GW-17,O=Example" },
  { "%H.plant.example", "gw.plant.example" },
  { "%m", "0123abcd" },
  { "%i-%i", "eth0-eth0" },
  { "66%", "66%" },
  { "a%20b", "a%20b" },
  { "100%% sure", "100% sure" },
  { "%%i", "%i" },
  { "50% off", "50% off" },
  { "%", "%" },
  { "%q", NULL },
  { "%af", NULL },
};

static void
test_expand (void)
{
  g_autoptr (ClmSpecifiers) specifiers = clm_specifiers_new ("gw", "0123abcd", "GW-17");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *text = clm_specifiers_expand (specifiers, rows[i].text, "eth0", &error);

    g_assert_cmpstr (text, ==, rows[i].expected);
    g_assert_true ((text != NULL) == (error == NULL));
  }
}

static void
test_absent (void)
{
  const char *const texts[] = { "%i", "%H", "%m", "%S" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (clm_specifiers_expand (NULL, texts[i], NULL, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    g_assert_nonnull (clm_error_get_hint (error));
  }
}

/* A serial number must not be able to say who else the device is. */
static void
test_injection (void)
{
  const char *const serials[] = { "1,O=Evil", "1+CN=x", "a b", "%i", "x=y", "\n", "" };

  for (guint i = 0; i < G_N_ELEMENTS (serials); i++) {
    g_autoptr (ClmSpecifiers) specifiers = clm_specifiers_new ("h", "m", serials[i]);
    g_autoptr (GError) error = NULL;

    g_assert_null (clm_specifiers_expand (specifiers, "CN=%S", "eth0", &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  }
}

static void
test_load (void)
{
  g_autoptr (Tree) root = tree_new ();
  g_autoptr (ClmSpecifiers) specifiers = NULL;
  g_autoptr (ClmSpecifiers) placeholder = NULL;

  tree_write (root, "etc/hostname", "gw-1\n");
  tree_write (root, "etc/machine-id", "abc\n");
  tree_write (root, "proc/device-tree/serial-number", "SN1");
  specifiers = clm_specifiers_load (root);
  g_assert_cmpstr (specifiers->host_name, ==, "gw-1");
  g_assert_cmpstr (specifiers->machine_id, ==, "abc");
  g_assert_cmpstr (specifiers->serial_number, ==, "SN1");

  tree_delete (root, "proc/device-tree/serial-number");
  tree_write (root, "sys/class/dmi/id/product_serial", "To Be Filled By O.E.M.\n");
  placeholder = clm_specifiers_load (root);
  g_assert_null (placeholder->serial_number);
}

static void
test_uses_instance (void)
{
  g_assert_true (clm_specifiers_uses_instance ("a%i"));
  g_assert_true (clm_specifiers_uses_instance ("%%%i"));
  g_assert_false (clm_specifiers_uses_instance ("%%i"));
  g_assert_false (clm_specifiers_uses_instance ("66%"));
  g_assert_false (clm_specifiers_uses_instance ("i"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/specifiers/expand", test_expand);
  g_test_add_func ("/specifiers/absent-is-refused-with-a-hint", test_absent);
  g_test_add_func ("/specifiers/value-brings-no-syntax", test_injection);
  g_test_add_func ("/specifiers/load-from-the-machine", test_load);
  g_test_add_func ("/specifiers/uses-instance", test_uses_instance);
  return g_test_run ();
}
