/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyfile.h"

#include <string.h>

static void
test_lines (void)
{
  g_autoptr (GError) error = NULL;
  const char *text = "# comment\n; another\n\n [Certificate] \nDNS = a.example  \nSubject=CN=a,O=b\n[Renewal]\nAt=66%\n[Certificate]\nIP=\n";
  g_autoptr (ClmKeyfile) keyfile = clm_keyfile_parse ("/x", text, strlen (text), &error);
  const ClmKeyfileGroup *group;
  const ClmKeyfileEntry *entry;

  g_assert_no_error (error);
  g_assert_cmpuint (keyfile->groups->len, ==, 2);
  group = clm_keyfile_get_group (keyfile, "Certificate");
  g_assert_cmpuint (group->line, ==, 4);
  g_assert_cmpuint (group->entries->len, ==, 3);
  entry = g_ptr_array_index (group->entries, 0);
  g_assert_cmpstr (entry->value, ==, "a.example");
  entry = g_ptr_array_index (group->entries, 1);
  g_assert_cmpstr (entry->value, ==, "CN=a,O=b");
  g_assert_cmpuint (entry->line, ==, 6);
  entry = g_ptr_array_index (group->entries, 2);
  g_assert_cmpstr (entry->value, ==, "");
  g_assert_cmpuint (entry->line, ==, 10);
  g_assert_null (clm_keyfile_get_group (keyfile, "Policy"));
}

/* What plugins call their options: ca-local's profiles have dots in their keys. */
static void
test_keys (void)
{
  g_autoptr (GError) error = NULL;
  const char *text = "[A]\nProfile.server.AllowedNames=*.a.example\nPlugin-x_Y2=b\n";
  g_autoptr (ClmKeyfile) keyfile = clm_keyfile_parse ("/x", text, strlen (text), &error);
  const ClmKeyfileEntry *entry;

  g_assert_no_error (error);
  entry = g_ptr_array_index (clm_keyfile_get_group (keyfile, "A")->entries, 0);
  g_assert_cmpstr (entry->key, ==, "Profile.server.AllowedNames");
  g_assert_cmpstr (entry->value, ==, "*.a.example");
}

typedef struct {
  const char *name;
  const char *text;
  gssize      size;     /* -1: up to NUL */
  const char *message;
} Refusal;

static const Refusal refusals[] = {
  { "key-before-group", "DNS=a\n", -1, "/x:1: DNS= stands before the first group" },
  { "no-equals", "[A]\nhello\n", -1, "/x:2: neither a group nor a key nor a comment" },
  { "open-header", "[A\nB=c\n", -1, "/x:1: the group's header has no end" },
  { "bad-group", "[A/b]\n", -1, "/x:1: \"A/b\" cannot be the name of a group" },
  { "empty-group", "[]\n", -1, "/x:1: \"\" cannot be the name of a group" },
  { "empty-key", "[A]\n=b\n", -1, "/x:2: \"\" cannot be a key" },
  { "bad-key", "[A]\na b=c\n", -1, "/x:2: \"a b\" cannot be a key" },
  { "dot-first", "[A]\n.b=c\n", -1, "/x:2: \".b\" cannot be a key" },
  { "twice", "[A]\nK=1\n\nK=2\n", -1, "/x:4: K= stands in line 2 already" },
  { "twice-in-two-parts", "[A]\nK=1\n[B]\n[A]\nK=2\n", -1, "/x:5: K= stands in line 2 already" },
  { "not-utf8", "[A]\nK=\xff\n", -1, "/x:2: is not UTF-8" },
  { "nul", "[A]\nK=a\0b\n", 10, "/x:2: holds a NUL byte" },
  { "escape", "[A]\nK=\033[31m\n", -1, "/x:2: holds the control character U+001B" },
  { "dos-lines", "[A]\r\nK=1\r\n", -1, "/x:1: holds the control character U+000D" },
  { "control-in-comment", "# \001\n", -1, "/x:1: holds the control character U+0001" },
  { "direction", "[A]\nK=a\u202eb\n", -1, "/x:2: holds the control character U+202E" },
  { "byte-order-mark", "\ufeff[A]\n", -1, "/x:1: holds the control character U+FEFF" },
};

static void
test_refusal (gconstpointer data)
{
  const Refusal *refusal = data;
  g_autoptr (GError) error = NULL;
  gsize size = refusal->size < 0 ? strlen (refusal->text) : (gsize) refusal->size;

  g_assert_null (clm_keyfile_parse ("/x", refusal->text, size, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_cmpstr (error->message, ==, refusal->message);
}

static void
test_too_large (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strnfill (CLM_KEYFILE_MAX_SIZE + 1, '\n');

  g_assert_null (clm_keyfile_parse ("/x", text, CLM_KEYFILE_MAX_SIZE + 1, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
}

/* Nothing that a file can hold crashes the parser or passes a control character on. */
static void
test_any_bytes (void)
{
  const char alphabet[] = "[]=#;\n \tA1\xc3\xa4\xff\r";

  for (guint i = 0; i < 20000; i++) {
    char text[24];
    gsize size = g_test_rand_int_range (0, sizeof text);
    g_autoptr (GError) error = NULL;
    g_autoptr (ClmKeyfile) keyfile = NULL;

    for (gsize j = 0; j < size; j++)
      text[j] = alphabet[g_test_rand_int_range (0, sizeof alphabet)];
    keyfile = clm_keyfile_parse ("/x", text, size, &error);
    g_assert_true ((keyfile != NULL) == (error == NULL));
    for (guint j = 0; keyfile && j < keyfile->groups->len; j++) {
      const ClmKeyfileGroup *group = g_ptr_array_index (keyfile->groups, j);

      for (guint k = 0; k < group->entries->len; k++)
        g_assert_null (strpbrk (((ClmKeyfileEntry *) g_ptr_array_index (group->entries, k))->value, "\n\r"));
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/keyfile/knows-its-lines", test_lines);
  g_test_add_func ("/keyfile/keys-of-plugins", test_keys);
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++) {
    g_autofree char *path = g_strconcat ("/keyfile/refuses/", refusals[i].name, NULL);

    g_test_add_data_func (path, &refusals[i], test_refusal);
  }
  g_test_add_func ("/keyfile/refuses/too-large", test_too_large);
  g_test_add_func ("/keyfile/survives-any-bytes", test_any_bytes);
  return g_test_run ();
}
