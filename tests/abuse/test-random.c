/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls at random: every object that a running certloomd serves is introspected, and each method and property called with arguments of
 * the right and of wrong types, by root and by a stranger. `--seed` repeats a run; `-m slow` makes it a long one.
 */
#include <string.h>

#include "names.h"
#include "test-bus.h"

#define HIDDEN       "zq7hidden"   /* never part of what is sent by a stranger */
#define SHORT_CALLS  1500
#define LONG_CALLS   60000
#define DEPTH_MAX    6
#define INNOCENT     50
#define LARGE        (1536 * 1024)

typedef struct {
  ClmTestBus      *bus;
  ClmTestDaemon   *daemon;
  GDBusConnection *root;
  GDBusConnection *stranger;   /* NULL when the test is not root */
  GPtrArray       *objects;    /* char: paths that exist */
  GHashTable      *nodes;      /* path → GDBusNodeInfo */
  GHashTable      *outcomes;   /* error name or "answered" → count */
  guint            listener;
} Fixture;

/* --- values --- */

static const char *const words[] = {
  "", "web", "nope", "dev", "a", "file", "lan", "..", "/etc/shadow", "web\n", "%s%n", "-rf", "*", "ready", "superseded", "A", "über",
  "org.certloom.Certloom1.Certificate", "org.certloom.Certloom1.Manager", "State", "Generations", "DNS", "Authority", "KeyType", "\033[2J",
};
static const char *const keys[] = {
  "rekey", "due", "keep-key", "key", "pattern", "states", "authority", "expires-before", "DNS", "Authority", "Subject", "Owner", "", "rekei", "a\nb",
};

static char *
make_text (void)
{
  guint choice = g_test_rand_int_range (0, 1000);
  if (choice == 0)
    return g_strnfill (LARGE, 'x');
  if (choice < 20)
    return g_strnfill (g_test_rand_int_range (65, 65536), 'w');
  if (choice < 800)
    return g_strdup (words[g_test_rand_int_range (0, G_N_ELEMENTS (words))]);
  GString *text = g_string_new (NULL);
  for (guint n = g_test_rand_int_range (0, 40); n > 0; n--)
    g_string_append_unichar (text, (gunichar) g_test_rand_int_range (1, n % 5 == 0 ? 0xd800 : 127));
  return g_string_free (text, FALSE);
}

static char *
make_path (void)
{
  static const char letters[] = "abcZ019_/";
  GString *path = g_string_new (CLM_BUS_PATH);
  if (g_test_rand_int_range (0, 3) == 0)
    g_string_append (path, "/certificate");
  for (guint n = g_test_rand_int_range (0, 80); n > 0; n--)
    g_string_append_c (path, letters[g_test_rand_int_range (0, sizeof letters - 1)]);
  if (!g_variant_is_object_path (path->str))
    g_string_assign (path, "/");
  return g_string_free (path, FALSE);
}

static gint64
make_number (void)
{
  static const gint64 edges[] = { 0, 1, -1, 255, 256, 1000, 1001, G_MAXINT32, G_MININT32, G_MAXUINT32, G_MAXINT64, G_MININT64 };
  guint choice = g_test_rand_int_range (0, G_N_ELEMENTS (edges) + 2);
  return choice < G_N_ELEMENTS (edges) ? edges[choice] : (gint64) (((guint64) (guint32) g_test_rand_int () << 32) | (guint32) g_test_rand_int ());
}

static GVariant *make_value (const GVariantType *type, guint depth);

static GVariant *
make_any (guint depth)
{
  static const char *const types[] = { "s", "b", "u", "x", "as", "t", "y", "d", "o", "g", "v", "a{sv}", "ay", "(su)", "i", "n", "q", "a(ss)", "mas" };
  const char *type = types[g_test_rand_int_range (0, G_N_ELEMENTS (types) - 1)];
  return make_value (G_VARIANT_TYPE (type), depth);
}

static GVariant *
make_array (const GVariantType *type, guint depth)
{
  const GVariantType *element = g_variant_type_element (type);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (type);
  guint count = depth < DEPTH_MAX ? g_test_rand_int_range (0, 5) : 0;
  if (g_test_rand_int_range (0, 200) == 0 && g_variant_type_is_basic (element))
    count = 5000;
  for (guint i = 0; i < count; i++) {
    if (!g_variant_type_is_dict_entry (element)) {
      g_variant_builder_add_value (&builder, make_value (element, depth + 1));
      continue;
    }
    GVariant *key = g_variant_type_equal (g_variant_type_key (element), G_VARIANT_TYPE_STRING)
                      ? g_variant_new_string (keys[g_test_rand_int_range (0, G_N_ELEMENTS (keys))])
                      : make_value (g_variant_type_key (element), depth + 1);
    g_variant_builder_add_value (&builder, g_variant_new_dict_entry (key, make_value (g_variant_type_value (element), depth + 1)));
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
make_tuple (const GVariantType *type, guint depth)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (type);
  for (const GVariantType *item = g_variant_type_first (type); item != NULL; item = g_variant_type_next (item))
    g_variant_builder_add_value (&builder, make_value (item, depth + 1));
  return g_variant_builder_end (&builder);
}

static GVariant *
make_value (const GVariantType *type, guint depth)
{
  g_autofree char *text = NULL;
  switch (*g_variant_type_peek_string (type)) {
  case 's':
    text = make_text ();
    return g_variant_new_string (text);
  case 'o':
    text = make_path ();
    return g_variant_new_object_path (text);
  case 'g':
    return g_variant_new_signature (g_test_rand_int_range (0, 2) ? "a{sv}" : "");
  case 'b':
    return g_variant_new_boolean (g_test_rand_int_range (0, 2));
  case 'y':
    return g_variant_new_byte ((guint8) make_number ());
  case 'n':
    return g_variant_new_int16 ((gint16) make_number ());
  case 'q':
    return g_variant_new_uint16 ((guint16) make_number ());
  case 'i':
    return g_variant_new_int32 ((gint32) make_number ());
  case 'u':
    return g_variant_new_uint32 ((guint32) make_number ());
  case 'x':
    return g_variant_new_int64 (make_number ());
  case 't':
    return g_variant_new_uint64 ((guint64) make_number ());
  case 'd':
    return g_variant_new_double ((double) make_number ());
  case 'h':
    return g_variant_new_handle (g_test_rand_int_range (-1, 3));
  case 'v':
    return g_variant_new_variant (depth < DEPTH_MAX ? make_any (depth + 1) : g_variant_new_string ("deep"));
  case 'a':
    return make_array (type, depth);
  default:
    return make_tuple (type, depth);
  }
}

/* Of the right types mostly; else of any others. */
static GVariant *
make_arguments (const GDBusMethodInfo *method)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_TUPLE);
  gboolean right = g_test_rand_int_range (0, 5) != 0;
  if (!right) {
    for (guint n = g_test_rand_int_range (0, 5); n > 0; n--)
      g_variant_builder_add_value (&builder, make_any (0));
    return g_variant_builder_end (&builder);
  }
  for (guint i = 0; method->in_args != NULL && method->in_args[i] != NULL; i++) {
    /* An empty dictionary of options lets a call get further than any other. */
    if (g_str_equal (method->in_args[i]->signature, "a{sv}") && g_test_rand_int_range (0, 2) == 0)
      g_variant_builder_add_value (&builder, g_variant_new_parsed ("@a{sv} {}"));
    else
      g_variant_builder_add_value (&builder, make_value (G_VARIANT_TYPE (method->in_args[i]->signature), 0));
  }
  return g_variant_builder_end (&builder);
}

/* --- objects --- */

static void
add_object (Fixture *f, const char *path)
{
  g_autoptr (GError) error = NULL;
  const char *xml;
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (f->root, CLM_BUS_NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect",
                                                            NULL, G_VARIANT_TYPE ("(s)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(&s)", &xml);
  GDBusNodeInfo *node = g_dbus_node_info_new_for_xml (xml, &error);
  g_assert_no_error (error);
  g_assert_nonnull (node->interfaces[0]);
  g_ptr_array_add (f->objects, g_strdup (path));
  g_hash_table_insert (f->nodes, g_strdup (path), node);
}

static void
find_objects (Fixture *f)
{
  static const char *const known[] = { CLM_BUS_PATH, CLM_BUS_PATH "/certificate/web", CLM_BUS_PATH "/certificate/nope", CLM_BUS_PATH "/certificate/web_2",
                                       CLM_BUS_PATH "/job/1", CLM_BUS_PATH "/job/99999999999999999999" };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (f->root, "", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GVariant) map = g_variant_get_child_value (reply, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    add_object (f, known[i]);
  for (gsize i = 0; i < g_variant_n_children (map); i++) {
    const char *path;
    g_variant_get_child (map, i, "{&o@a{sa{sv}}}", &path, NULL);
    add_object (f, path);
  }
  g_assert_cmpuint (f->objects->len, >, G_N_ELEMENTS (known) + 3);
}

static void
assert_not_told (const char *text)
{
  if (strstr (text, HIDDEN) != NULL)
    g_error ("a stranger is told: %s", text);
}

static void
on_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
           GVariant *parameters, gpointer user_data)
{
  g_autofree char *text = g_variant_print (parameters, FALSE);
  assert_not_told (text);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->bus = clm_test_bus_new ();
  f->daemon = clm_test_daemon_new (f->bus);
  clm_test_daemon_keep_log (f->daemon);
  clm_test_daemon_configure_ca (f->daemon);
  clm_test_daemon_configure (f->daemon, "certificates.d/web.certificate", "[Certificate]\nAuthority=lan\nDNS=web.example\nExportable=yes\n");
  clm_test_daemon_configure (f->daemon, "certificates.d/" HIDDEN ".certificate", "[Certificate]\nAuthority=lan\nDNS=" HIDDEN ".example\n");
  clm_test_daemon_configure (f->daemon, "certificates.d/dev@.certificate",
                             "[Certificate]\nAuthority=lan\nDNS=%i.dev.example\n\n[Access]\nOwner=1\nAllowedNames=*.dev.example\n");
  clm_test_daemon_start (f->daemon);
  f->root = clm_test_bus_connect (f->bus);
  f->stranger = clm_test_bus_connect_as (f->bus, CLM_TEST_STRANGER);
  f->objects = g_ptr_array_new_with_free_func (g_free);
  f->nodes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_dbus_node_info_unref);
  f->outcomes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (f->stranger != NULL)
    f->listener = g_dbus_connection_signal_subscribe (f->stranger, CLM_BUS_NAME, NULL, NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, NULL, NULL);
  clm_test_wait_state (f->root, "web", "ready");
  clm_test_wait_state (f->root, HIDDEN, "ready");
  find_objects (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  if (f->stranger != NULL)
    g_dbus_connection_signal_unsubscribe (f->stranger, f->listener);
  g_clear_object (&f->stranger);
  g_clear_object (&f->root);
  clm_test_daemon_free (f->daemon);
  clm_test_bus_free (f->bus);
  g_ptr_array_unref (f->objects);
  g_hash_table_unref (f->nodes);
  g_hash_table_unref (f->outcomes);
}

/* --- answers --- */

static const char *const error_names[] = {
  "Failed", "Unreachable", "Busy", "Rejected", "Config", "KeyUnavailable", "Clock", "TicketLost", "NotSupported", "InvalidArgument", "NotFound",
  "Exists", "AccessDenied", "LimitsExceeded", "InvalidData", "Delivery", "Storage", "Conflict", "ResyncNeeded", "Cancelled", NULL,
};
static const char *const standard_names[] = {
  "UnknownMethod", "UnknownObject", "UnknownInterface", "UnknownProperty", "PropertyReadOnly", "InvalidArgs", NULL,
};

static void
count (Fixture *f, const char *outcome)
{
  guint so_far = GPOINTER_TO_UINT (g_hash_table_lookup (f->outcomes, outcome));
  g_hash_table_insert (f->outcomes, g_strdup (outcome), GUINT_TO_POINTER (so_far + 1));
}

/* Fit for a terminal, and no longer than a person reads. */
static void
check_text (const char *text, const char *what)
{
  for (const char *c = text; *c != '\0'; c++)
    if ((guchar) *c < 0x20 && *c != '\n')
      g_error ("%s: the error holds control characters: %s", what, text);
  if (!g_utf8_validate (text, -1, NULL) || strlen (text) > 4096)
    g_error ("%s: the error is too long or not UTF-8: %.200s", what, text);
}

static void
check_error (Fixture *f, GError *error, const char *what)
{
  g_autofree char *name = g_dbus_error_get_remote_error (error);
  /* GDBus itself did not send it: nested too deep. */
  if (name == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
    return;
  if (name == NULL)
    g_error ("%s: no answer: %s", what, error->message);
  const char *nick = strrchr (name, '.') + 1;
  gboolean ours = g_str_has_prefix (name, CLM_BUS_NAME ".Error.") && g_strv_contains (error_names, nick);
  gboolean standard = g_str_has_prefix (name, "org.freedesktop.DBus.Error.") && g_strv_contains (standard_names, nick);
  if (!ours && !standard)
    g_error ("%s: fails with %s: %s", what, name, error->message);
  g_dbus_error_strip_remote_error (error);
  if (ours)
    check_text (error->message, what);
  if (ours && g_str_equal (nick, "Failed"))
    g_error ("%s: fails without a reason: %s", what, error->message);
  count (f, name);
}

static void
call (Fixture *f, GDBusConnection *client, const char *path, const char *interface, const char *member, GVariant *arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) kept = g_variant_ref_sink (arguments);
  g_autofree char *shown = g_variant_get_size (kept) < 2000 ? g_variant_print (kept, TRUE) : g_strdup ("(large)");
  g_autofree char *what = g_strdup_printf ("%s: %s %s.%s %s", client == f->root ? "root" : "stranger", path, interface, member, shown);
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (client, CLM_BUS_NAME, path, interface, member, kept, NULL, G_DBUS_CALL_FLAGS_NONE,
                                                            60 * 1000, NULL, &error);
  if (reply == NULL)
    check_error (f, error, what);
  else
    count (f, "answered");
  if (client == f->root)
    return;
  g_autofree char *text = reply != NULL ? g_variant_print (reply, FALSE) : g_strdup (error->message);
  assert_not_told (text);
}

static void
call_property (Fixture *f, GDBusConnection *client, const char *path, const GDBusInterfaceInfo *interface)
{
  g_autofree char *other = make_text ();
  guint n = 0;
  while (interface->properties != NULL && interface->properties[n] != NULL)
    n++;
  const char *name = n > 0 && g_test_rand_int_range (0, 4) != 0 ? interface->properties[g_test_rand_int_range (0, n)]->name : other;
  const char *of = g_test_rand_int_range (0, 6) != 0 ? interface->name : words[g_test_rand_int_range (0, G_N_ELEMENTS (words))];
  switch (g_test_rand_int_range (0, 3)) {
  case 0:
    call (f, client, path, "org.freedesktop.DBus.Properties", "Get", g_variant_new ("(ss)", of, name));
    break;
  case 1:
    call (f, client, path, "org.freedesktop.DBus.Properties", "Set", g_variant_new ("(ssv)", of, name, make_any (0)));
    break;
  default:
    call (f, client, path, "org.freedesktop.DBus.Properties", "GetAll", g_variant_new ("(s)", of));
  }
}

static void
call_any (Fixture *f, GDBusConnection *client)
{
  const char *path = f->objects->pdata[g_test_rand_int_range (0, f->objects->len)];
  GDBusNodeInfo *node = g_hash_table_lookup (f->nodes, path);
  guint interfaces = 0, methods = 0;
  while (node->interfaces[interfaces] != NULL)
    interfaces++;
  const GDBusInterfaceInfo *interface = node->interfaces[g_test_rand_int_range (0, interfaces)];
  while (interface->methods != NULL && interface->methods[methods] != NULL)
    methods++;
  g_autofree char *odd = g_test_rand_int_range (0, 12) == 0 ? make_path () : NULL;
  if (methods == 0 || g_test_rand_int_range (0, 5) == 0) {
    call_property (f, client, odd != NULL ? odd : path, interface);
    return;
  }
  const GDBusMethodInfo *method = interface->methods[g_test_rand_int_range (0, methods)];
  call (f, client, odd != NULL ? odd : path, interface->name, method->name, make_arguments (method));
}

static void
assert_innocent_is_served (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = clm_test_call (f->root, "certificate/web", "Certificate", "GetPem", g_variant_new_parsed ("(@a{sv} {},)"), &error);
  g_assert_no_error (error);
}

static void
assert_log_is_clean (Fixture *f)
{
  static const char *const bad[] = { "CRITICAL", "ERROR **", "GLib-WARNING", "GLib-GIO-WARNING", "GLib-GObject-WARNING", "runtime error", "Sanitizer",
                                     "failed unexpectedly" };
  g_autofree char *log = clm_test_daemon_read_log (f->daemon);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    const char *found = strstr (log, bad[i]);
    if (found != NULL)
      g_error ("the daemon says: %.500s", MAX (log, found - 200));
  }
  g_assert_true (g_utf8_validate (log, -1, NULL));
  for (const char *c = log; *c != '\0'; c++)
    g_assert_true ((guchar) *c >= 0x20 || *c == '\n' || *c == '\t');
}

static void
call_many (Fixture *f, GDBusConnection *client)
{
  guint calls = g_test_slow () ? LONG_CALLS : SHORT_CALLS;
  for (guint i = 0; i < calls; i++) {
    call_any (f, client);
    while (g_main_context_iteration (NULL, FALSE))
      ;
    if (i % INNOCENT == 0)
      assert_innocent_is_served (f);
  }
  GHashTableIter iter;
  gpointer outcome, number;
  g_hash_table_iter_init (&iter, f->outcomes);
  while (g_hash_table_iter_next (&iter, &outcome, &number))
    g_test_message ("%s: %u", (char *) outcome, GPOINTER_TO_UINT (number));
  g_assert_cmpuint (g_hash_table_size (f->outcomes), >, 3);
  assert_innocent_is_served (f);
  g_assert_cmpint (clm_test_daemon_stop (f->daemon), ==, 0);
  assert_log_is_clean (f);
}

static void
test_root (Fixture *f, gconstpointer data)
{
  call_many (f, f->root);
}

static void
test_stranger (Fixture *f, gconstpointer data)
{
  if (f->stranger == NULL) {
    g_test_skip ("needs root to be somebody else");
    return;
  }
  g_autoptr (GVariant) subscribed = clm_test_call (f->stranger, "", "Manager", "Subscribe", g_variant_new_parsed ("(@a{sv} {},)"), NULL);
  g_autoptr (GVariant) renewed = clm_test_call (f->root, "certificate/" HIDDEN, "Certificate", "Renew", g_variant_new_parsed ("(@a{sv} {},)"), NULL);
  call_many (f, f->stranger);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/random/safety-8-random-calls-are-answered", Fixture, NULL, set_up, test_root, tear_down);
  g_test_add ("/random/safety-2-a-stranger-learns-no-name", Fixture, NULL, set_up, test_stranger, tear_down);
  return g_test_run ();
}
