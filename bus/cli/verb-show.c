/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>

#include "certificates.h"
#include "date.h"
#include "lines.h"
#include "state.h"

/* --- text --- */

static void
add_validity (ClmLines *lines, GVariant *properties, gint64 now)
{
  gint64 not_before = 0, not_after = 0;
  g_variant_lookup (properties, "NotBefore", "x", &not_before);
  g_variant_lookup (properties, "NotAfter", "x", &not_after);
  if (not_after == 0)
    return;
  g_autofree char *from = clm_date_format_full (not_before);
  g_autofree char *until = clm_date_format_full (not_after);
  g_autofree char *left = clm_date_format_span (not_after - now);
  clm_lines_add (lines, _("Valid from"), from);
  clm_lines_addf (lines, _("Valid until"), _("%s (%s left)"), until, left);
}

static void
add_next (ClmLines *lines, GVariant *properties, const char *state, gint64 now)
{
  const char *action = "none";
  gint64 time = 0;
  guint attempts = 0;
  g_variant_lookup (properties, "NextAction", "&s", &action);
  g_variant_lookup (properties, "NextTime", "x", &time);
  g_variant_lookup (properties, "Attempts", "u", &attempts);
  g_autofree char *next = clm_state_format_next (state, action, time, attempts, now);
  clm_lines_add (lines, _("Next action"), next);
}

/* The words of the bus for a person; one that this command does not know yet stays. */
static const char *
get_label (const char *word)
{
  static const struct { const char *word, *label; } words[] = {
    { "current", N_("current") }, { "previous", N_("previous") }, { "candidate", N_("not yet in use") }, { "revoked", N_("revoked") },
    { "file", N_("a configuration file") }, { "request", N_("a request") }, { "pending", N_("pending") },
    { "delivered", N_("delivered") }, { "failing", N_("failing") }, { "rolled-back", N_("has the previous certificate") },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++) {
    if (g_str_equal (words[i].word, word))
      return _(words[i].label);
  }
  return word;
}

static void
add_word (ClmLines *lines, const char *label, GVariant *properties, const char *name)
{
  const char *word = "";
  g_variant_lookup (properties, name, "&s", &word);
  clm_lines_add (lines, label, get_label (word));
}

static void
add_deliveries (ClmLines *lines, GVariant *properties)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (properties, "Deliveries", G_VARIANT_TYPE ("a(stubxs)"));
  for (gsize i = 0; list != NULL && i < g_variant_n_children (list); i++) {
    const char *name, *error;
    guint64 generation;
    guint attempts;
    gboolean failing;
    gint64 time;
    g_variant_get_child (list, i, "(&stubx&s)", &name, &generation, &attempts, &failing, &time, &error);
    g_autofree char *when = clm_date_format_full (time);
    g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, generation);
    if (failing || *error != '\0')
      clm_lines_addf (lines, _("Delivery"), ngettext ("%s: failing, %u attempt, last %s: %s", "%s: failing, %u attempts, last %s: %s", attempts),
                      name, attempts, when, error);
    else if (generation == 0)
      clm_lines_addf (lines, _("Delivery"), _("%s: has nothing yet"), name);
    else
      clm_lines_addf (lines, _("Delivery"), _("%s: has generation %s, %s"), name, number, when);
  }
}

static void
add_generations (ClmLines *lines, GVariant *properties)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (properties, "Generations", G_VARIANT_TYPE ("a(tssssxxxx)"));
  for (gsize i = 0; list != NULL && i < g_variant_n_children (list); i++) {
    const char *kind, *serial, *fingerprint, *authority;
    guint64 number;
    gint64 not_before, not_after, made, retired;
    g_variant_get_child (list, i, "(t&s&s&s&sxxxx)", &number, &kind, &serial, &fingerprint, &authority, &not_before, &not_after, &made,
                         &retired);
    g_autofree char *until = clm_date_format_full (not_after);
    g_autofree char *shown = g_strdup_printf ("%" G_GUINT64_FORMAT, number);
    clm_lines_addf (lines, _("Generation"), _("%s (%s): serial %s, until %s"), shown, get_label (kind), serial, until);
  }
}

static void
print_text (ClmCli *cli, GVariant *properties)
{
  static const struct { const char *property, *label; } first[] = {
    { "Message", N_("What") }, { "Hint", N_("What to do") }, { "Error", N_("Error") },
  };
  static const struct { const char *property, *label; } rest[] = {
    { "Subject", N_("Subject") }, { "AltNames", N_("Names") }, { "Issuer", N_("Issuer") }, { "Serial", N_("Serial") },
    { "Fingerprint", N_("SHA-256") }, { "Authority", N_("CA") }, { "KeyStore", N_("Key store") }, { "KeyType", N_("Key type") },
    { "KeyUri", N_("Key") }, { "Template", N_("Template") },
  };
  gint64 now = clm_cli_get_time ();
  const char *name = "", *state = "", *reason = "";
  g_autoptr (ClmLines) lines = clm_lines_new ();
  g_variant_lookup (properties, "Name", "&s", &name);
  g_variant_lookup (properties, "State", "&s", &state);
  clm_lines_addf (lines, _("Certificate"), "%s", name);
  g_variant_lookup (properties, "Reason", "&s", &reason);
  gboolean more = *reason != '\0' && !g_str_equal (reason, state);
  clm_lines_addf (lines, _("State"), "%s %s%s%s%s", clm_state_get_symbol (state, cli->terminal.utf8), clm_state_get_label (state),
                  more ? " (" : "", more ? reason : "", more ? ")" : "");
  for (gsize i = 0; i < G_N_ELEMENTS (first); i++)
    clm_lines_add_property (lines, _(first[i].label), properties, first[i].property);
  add_next (lines, properties, state, now);
  add_validity (lines, properties, now);
  for (gsize i = 0; i < G_N_ELEMENTS (rest); i++)
    clm_lines_add_property (lines, _(rest[i].label), properties, rest[i].property);
  add_word (lines, _("Origin"), properties, "Origin");
  add_deliveries (lines, properties);
  add_generations (lines, properties);
  clm_lines_print (lines, cli);
}

/* --- JSON --- */

static gboolean
is_time (const char *property)
{
  static const char *const times[] = { "NextTime", "NotBefore", "NotAfter", "Issued", "Revoked", NULL };
  return g_strv_contains (times, property);
}

static void
add_delivery_json (JsonBuilder *builder, GVariant *row)
{
  const char *name, *error;
  guint64 generation;
  guint attempts;
  gboolean failing;
  gint64 time;
  g_variant_get (row, "(&stubx&s)", &name, &generation, &attempts, &failing, &time, &error);
  clm_json_add_string (builder, "name", name);
  clm_json_add_int (builder, "generation", (gint64) generation);
  clm_json_add_int (builder, "attempts", attempts);
  clm_json_add_boolean (builder, "failing", failing);
  clm_json_add_time (builder, "last_attempt", time);
  clm_json_add_string (builder, "error", error);
}

static void
add_generation_json (JsonBuilder *builder, GVariant *row)
{
  const char *kind, *serial, *fingerprint, *authority;
  guint64 number;
  gint64 not_before, not_after, made, retired;
  g_variant_get (row, "(t&s&s&s&sxxxx)", &number, &kind, &serial, &fingerprint, &authority, &not_before, &not_after, &made, &retired);
  clm_json_add_int (builder, "number", (gint64) number);
  clm_json_add_string (builder, "kind", kind);
  clm_json_add_string (builder, "serial", serial);
  clm_json_add_string (builder, "fingerprint", fingerprint);
  clm_json_add_string (builder, "authority", authority);
  clm_json_add_time (builder, "not_before", not_before);
  clm_json_add_time (builder, "not_after", not_after);
  clm_json_add_time (builder, "made", made);
  clm_json_add_time (builder, "retired", retired);
}

static void
add_rows_json (JsonBuilder *builder, GVariant *rows, void (*add) (JsonBuilder *builder, GVariant *row))
{
  json_builder_begin_array (builder);
  for (gsize i = 0; i < g_variant_n_children (rows); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
    json_builder_begin_object (builder);
    add (builder, row);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_property_json (JsonBuilder *builder, const char *property, GVariant *value)
{
  g_autofree char *name = clm_json_dup_snake (property);
  if (is_time (property) && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64)) {
    clm_json_add_time (builder, name, g_variant_get_int64 (value));
    return;
  }
  json_builder_set_member_name (builder, name);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("a(stubxs)")))
    add_rows_json (builder, value, add_delivery_json);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("a(tssssxxxx)")))
    add_rows_json (builder, value, add_generation_json);
  else
    clm_json_add_value (builder, value);
}

static void
print_json (GVariant *properties)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  GVariantIter iter;
  const char *property;
  GVariant *child;
  gint64 not_after = 0;
  json_builder_set_member_name (builder, "certificate");
  json_builder_begin_object (builder);
  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &property, &child)) {
    g_autoptr (GVariant) value = child;
    add_property_json (builder, property, value);
  }
  g_variant_lookup (properties, "NotAfter", "x", &not_after);
  clm_json_add_left (builder, not_after, clm_cli_get_time ());
  json_builder_end_object (builder);
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  if (!clm_certificates_check_name (arguments[0], error))
    return CLM_EXIT_USAGE;
  g_autoptr (GVariant) properties = clm_certificates_get (cli, arguments[0], error);
  if (properties == NULL)
    return CLM_EXIT_FAILED;
  if (cli->json)
    print_json (properties);
  else
    print_text (cli, properties);
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_show = { "show", "NAME", N_("Show everything about one certificate"), 1, 1, CLM_ARGUMENT_CERTIFICATE, FALSE, NULL, run };
