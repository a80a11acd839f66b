/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/conf/keyfile.c and unit.c. Input: a file; behind a NUL another one, which overrides it. */
#include "fuzz.h"

#include <string.h>

#include "unit.h"

static const ClmSpecifiers machine = { (char *) "gw", (char *) "0123456789abcdef0123456789abcdef", (char *) "SN-1" };

static void
check_keyfile (const ClmKeyfile *keyfile)
{
  for (guint i = 0; i < keyfile->groups->len; i++) {
    const ClmKeyfileGroup *group = keyfile->groups->pdata[i];

    clm_fuzz_assert_text (group->name);
    g_assert_true (clm_keyfile_get_group (keyfile, group->name) == group);
    for (guint j = 0; j < group->entries->len; j++) {
      const ClmKeyfileEntry *entry = group->entries->pdata[j];

      g_assert_cmpuint (entry->line, >, group->line);
      g_assert_cmpuint (strcspn (entry->key, "=[]# \t\n"), ==, strlen (entry->key));
      g_assert_true (g_utf8_validate (entry->value, -1, NULL));
      g_assert_null (strpbrk (entry->value, "\n\r"));
      for (guint k = 0; k < j; k++)
        g_assert_cmpstr (((ClmKeyfileEntry *) group->entries->pdata[k])->key, !=, entry->key);
    }
  }
}

static void
assert_same (ClmUnit *a, ClmUnit *b)
{
  g_autofree char *text_a = clm_unit_to_text (a, FALSE), *text_b = clm_unit_to_text (b, FALSE);

  g_assert_cmpstr (text_a, ==, text_b);
  g_assert_cmpstr (clm_unit_get_digest (a), ==, clm_unit_get_digest (b));
}

/* What is in force, written down, is in force again: `certloom config show` can be put back. */
static void
check_text (ClmUnit *unit, gboolean origins)
{
  g_autofree char *text = clm_unit_to_text (unit, origins);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) again = clm_unit_new_from_text (clm_unit_get_name (unit), "again", text, &error);

  g_assert_no_error (error);
  assert_same (unit, again);
}

static void
check_expansion (ClmUnit *unit)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) expanded = clm_unit_expand (unit, &machine, &error);
  g_autoptr (GPtrArray) groups = clm_unit_list_groups (unit);

  if (expanded == NULL)
    clm_fuzz_assert_error (error);
  else
    check_text (expanded, FALSE);
  for (guint i = 0; i < groups->len; i++) {
    g_autoptr (ClmOptions) options = clm_unit_make_options (unit, groups->pdata[i]);
    g_autoptr (GPtrArray) keys = clm_options_list_keys (options);

    for (guint j = 0; j < keys->len; j++)
      g_assert_cmpstr (clm_options_get_string (options, keys->pdata[j], NULL), ==, clm_unit_get_value (unit, groups->pdata[i], keys->pdata[j], NULL, NULL));
    g_assert_true (clm_options_refuse_unread (options, &error) || error != NULL);
    g_clear_error (&error);
  }
}

static void
check_override (ClmUnit *unit, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmKeyfile) drop_in = clm_keyfile_parse ("drop-in", text, strlen (text), &error);
  g_autoptr (ClmUnit) both = NULL;

  if (drop_in == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  both = clm_unit_override (unit, drop_in);
  check_text (both, TRUE);
  for (guint i = 0; i < drop_in->groups->len; i++) {
    const ClmKeyfileGroup *group = drop_in->groups->pdata[i];

    for (guint j = 0; j < group->entries->len; j++) {
      const ClmKeyfileEntry *entry = group->entries->pdata[j];
      g_assert_cmpstr (clm_unit_get_value (both, group->name, entry->key, NULL, NULL), ==, *entry->value ? entry->value : NULL);
    }
  }
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  static const char *const known[] = { "Certificate", "Renewal", "File *", NULL };
  ClmFuzzInput in = { data, size };
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmKeyfile) raw = clm_keyfile_parse ("raw", (const char *) data, size, &error);
  g_autofree char *text = clm_fuzz_take_text (&in), *other = clm_fuzz_take_text (&in);
  g_autoptr (ClmUnit) unit = NULL;

  if (raw == NULL)
    clm_fuzz_assert_error (error);
  else
    check_keyfile (raw);
  g_clear_error (&error);
  unit = clm_unit_new_from_text ("vpn@eth0", "/etc/certloom/certificates.d/vpn@.certificate", text, &error);
  if (unit == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  check_text (unit, FALSE);
  check_text (unit, TRUE);
  clm_fuzz_accept ();
  check_expansion (unit);
  check_override (unit, other);
  if (!clm_unit_refuse_unknown_groups (unit, known, &error))
    clm_fuzz_assert_error (error);
}

void
clm_fuzz_make_seeds (void)
{
  static const char override[] = "[Certificate]\nDNS=%i.example\nAuthority=corp\n\0[Certificate]\nDNS=\nIP=10.0.0.1\n[File key.pem]\nMode=0600\n";

  clm_fuzz_seed ("override", override, sizeof override - 1);
}
